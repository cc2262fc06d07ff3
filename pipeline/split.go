package pipeline

import (
	"context"
	"fmt"
	"runtime/debug"

	"golang.org/x/sys/cpu"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/dissect"
	"github.com/wsdump/wsdump/dissect/tls"
	"github.com/wsdump/wsdump/reassembly"
	"github.com/wsdump/wsdump/timeline"
)

// Reading is one of several readings of the same input.
type Reading struct {
	Source     capture.Source
	Notes      *Notes        // see [Options]
	Filtered   func() uint64 // the same
	Duplicates func() uint64 // the same
	Close      func()        // nil: it is somebody else's
}

// SplitOptions says how [Split] goes about it.
type SplitOptions struct {
	// Workers is how many goroutines follow connections.
	Workers int
	// Open opens the input again, from its start. It must be the same each time.
	Open func() (Reading, error)
	// Needs answers [timeline.Sink.Needs], in several goroutines at once.
	Needs func(*timeline.Conn) timeline.Needs
	// Forgets says that sink keeps no Conn, nor its Transport, once Close has returned:
	// they are then used again for others.
	Forgets bool

	// Rows returns, for a worker, what makes rows of messages in its goroutine, as
	// the sink would. Row then tells the sink in the place of Message. nil: all
	// messages are told.
	Rows func() RowMaker
	Row  func(c *timeline.Conn, row []byte, hole int)
}

// RowMaker appends the row of a message to dst, without the number of the connection,
// which belongs before the byte of the row with the index hole.
type RowMaker func(dst []byte, m *timeline.Message) (rows []byte, hole int)

// Split is [Run] with several workers. Sink is told the same, in the same order.
//
// Theory of operation. Each worker reads the whole input and runs all layers, but
// follows only its share of the TCP connections: to read a packet and see that it
// is another's is far less than to follow it, and far less than to hand it over. An
// [author] writes down what the worker has to tell, each call with its [place]; the
// caller's goroutine merges these by their places, numbers the connections, ties
// them to each other, and tells the sink. It waits for the worker that is behind,
// and a worker that is some batches ahead waits for it, which bounds the memory.
//
// A few things depend on connections that another worker may follow: a connection
// that was captured twice, a TLS session that is resumed, a limit on what all take
// together. They are rare, and not worth the price of asking the others for each
// connection. Where one is met, a worker says that it is beyond its share, or the
// merger sees it. Then the workers are stopped, one alone runs from the start
// again, and as many of its calls as were told already are passed over: up to there
// they are the same.
func Split(ctx context.Context, sink timeline.Sink, opt Options, how SplitOptions) error {
	if opt.Keys == nil {
		opt.Keys = &tls.Keys{}
	}
	asked := &partSink{Sink: sink, needs: how.Needs}
	s := &split{sink: &tally{Sink: asked}, opt: &opt, how: &how, used: &tls.Keys{}, open: make(map[uint64]*shadow)}
	defer func() { _ = s.stop() }() // in any case, a panic of the sink too
	shares := reassembly.Shares(how.Workers)
	for i := range shares { // all, before any of them is read from
		if err := s.enlist(&part{share: shares[i], index: i, of: len(shares)}); err != nil {
			return err
		}
	}
	s.start(ctx)
	if again := s.merge(); again && ctx.Err() == nil {
		_ = s.stop() // what is wrong with the input, the next one meets
		s.alone, s.skip, s.totals = true, s.told, timeline.Totals{}
		if err := s.enlist(nil); err != nil {
			return err
		}
		s.start(ctx)
		s.merge()
	}
	err := s.stop()
	s.opt.Keys.Add(s.used, true)
	s.count()
	sink.Done(&s.totals)
	return err
}

// part is the part of the connections that a worker follows.
type part struct {
	share  reassembly.Share
	index  int
	of     int
	place  *place // of what it tells
	beyond func() // it needs to know of other parts
}

// lane is one worker, and what it has told and the sink has not heard yet.
type lane struct {
	writer
	_ cpu.CacheLinePad // so that the place, which its worker writes for each packet, is alone in a line of the cache

	reading Reading
	keys    *tls.Keys
	rows    RowMaker
	run     func(context.Context) error
	full    chan *telling
	free    chan *telling
	err     error // of the run, and what it panicked with: to be read when full is closed
	panic   any

	told  *telling // being told; nil before the first
	next  int      // of its calls
	until place    // nothing that is not in told comes before
	over  bool
}

// split is one run of Split.
type split struct {
	sink   *tally
	opt    *Options
	how    *SplitOptions
	used   *tls.Keys // that workers had use for
	lanes  []*lane
	cancel context.CancelFunc // of lanes; nil: they have not begun
	parts  dissect.Parts
	open   map[uint64]*shadow // by the number of the connection
	told   uint64             // calls
	alone  bool               // one worker follows all connections,
	skip   uint64             // and so many of its calls were told before

	totals timeline.Totals // of the workers
}

// lanePackets is after how many packets a worker hands over what it has to tell,
// although it may be little, so that others get on.
const lanePackets = 1 << 12

// enlist makes a worker for a part of the connections, for all of them where it is
// nil, and opens the input for it.
func (s *split) enlist(p *part) error {
	reading, err := s.how.Open()
	if err != nil {
		return err
	}
	l := &lane{reading: reading, keys: s.opt.Keys.Clone(), full: make(chan *telling, tellings), free: make(chan *telling, tellings)}
	l.author = newAuthor(func(b *telling) *telling {
		l.full <- b
		return <-l.free
	})
	if l.needs = s.how.Needs; s.how.Rows != nil {
		l.rows = s.how.Rows()
	}
	for range tellings - 1 {
		l.free <- &telling{}
	}
	opt := *s.opt
	opt.Notes, opt.Filtered, opt.Duplicates, opt.Keys = reading.Notes, reading.Filtered, reading.Duplicates, l.keys
	on, quiet := terms{part: p, forgets: true}, 0 // an author has shadows
	on.weighed = func(int) {
		if quiet += checkEvery; quiet >= lanePackets {
			quiet = 0
			l.pass()
		}
	}
	if p != nil {
		opt.Limits = opt.Limits.Part(p.of)
		said := false
		p.beyond = func() {
			if !said {
				said = true
				l.add(&call{kind: callBeyond})
			}
		}
		p.place = &l.place
	}
	l.run = func(ctx context.Context) error { return run(ctx, reading.Source, l, &opt, on) }
	s.lanes = append(s.lanes, l)
	return nil
}

// start lets the workers begin.
func (s *split) start(ctx context.Context) {
	ctx, s.cancel = context.WithCancel(ctx)
	for _, l := range s.lanes {
		go func() {
			defer close(l.full)
			defer func() {
				if what := recover(); what != nil {
					l.panic = fmt.Sprintf("%v\n%s", what, debug.Stack())
				}
			}()
			l.err = l.run(ctx)
		}()
	}
}

// Open writes down that c opens, and what it may be known by.
func (l *lane) Open(c *timeline.Conn) {
	s := l.opening(c)
	s.signs = dissect.SignsOf(c)
	l.opened(c, s)
}

// Message writes down m, or the row of it.
func (l *lane) Message(m *timeline.Message) {
	if len(m.Payload) > aloneSize {
		l.lend(call{kind: callMessage, index: int32(len(l.batch.messages)), shadow: l.of(m.Conn)}, func(b *telling) { b.messages = append(b.messages, *m) })
		return
	}
	if l.rows != nil {
		b := l.batch
		rows, hole := l.rows(b.bytes, m)
		c := call{kind: callRow, index: int32(hole), offset: int32(len(b.bytes)), length: int32(len(rows) - len(b.bytes)), shadow: l.of(m.Conn)}
		b.bytes = rows
		l.add(&c)
		return
	}
	l.author.Message(m)
}

// Frame writes down f.
func (l *lane) Frame(f *timeline.Frame) {
	if len(f.Payload) > aloneSize {
		l.lend(call{kind: callFrame, index: int32(len(l.batch.frames)), shadow: l.of(f.Conn)}, func(b *telling) { b.frames = append(b.frames, *f) })
		return
	}
	l.author.Frame(f)
}

// lend hands over a call whose payload is too large to be copied: what put adds is
// borrowed. It waits until the call was told.
func (l *lane) lend(c call, put func(*telling)) {
	put(l.batch)
	l.add(&c)
	if len(l.batch.calls) > 0 {
		l.pass()
	}
	allTold(l.free)
}

// stop waits until no worker runs, and returns what was wrong with the input, as
// the first of them saw it.
func (s *split) stop() (err error) {
	started := s.cancel != nil
	if started {
		s.cancel()
		s.cancel = nil
	}
	for i, l := range s.lanes {
		if l.told != nil { // a worker that waits must not do so for ever
			l.free <- l.told
			l.told = nil
		}
		if started {
			for b := range l.full {
				l.free <- b
			}
		}
		if l.reading.Close != nil {
			l.reading.Close()
		}
		s.used.Add(l.keys, true)
		l.keys.Forget()
		if i == 0 || err == nil {
			err = l.err
		}
	}
	s.lanes = nil
	return err
}

// merge tells the sink what the workers tell, in the order of places, until all
// have ended, or one alone has to do it again.
func (s *split) merge() (again bool) {
	for {
		var first *lane
		for _, l := range s.lanes {
			if !l.over && (first == nil || l.before(first)) {
				first = l
			}
		}
		switch {
		case first == nil:
			return false
		case !first.has():
			first.more()
		case !s.tell(first):
			return true
		}
	}
}

// has reports whether l has a call at hand.
func (l *lane) has() bool { return l.told != nil && l.next < len(l.told.calls) }

// at returns the place of the next call, or one that it is not before.
func (l *lane) at() *place {
	if l.has() {
		return &l.told.calls[l.next].place
	}
	return &l.until
}

// before reports whether l must be heard before o.
func (l *lane) before(o *lane) bool {
	if d := l.at().compare(o.at()); d != 0 {
		return d < 0
	}
	if !l.has() || !o.has() {
		return !l.has()
	}
	return l.told.transport(&l.told.calls[l.next]) < o.told.transport(&o.told.calls[o.next])
}

// row returns the row of a call.
func (b *telling) row(c *call) []byte {
	return b.bytes[c.offset : c.offset+c.length : c.offset+c.length]
}

// transport returns the ID of the transport that a call is about, 0 for none.
func (b *telling) transport(c *call) uint64 {
	switch {
	case c.shadow != nil:
		return c.shadow.now.transport.ID
	case c.kind == callOther && b.others[c.index].Transport != nil:
		return b.others[c.index].Transport.ID
	}
	return 0
}

// more waits for the next batch of l, or its end.
func (l *lane) more() {
	if l.told != nil {
		l.told.empty()
		l.free <- l.told
		l.told = nil
	}
	b, some := <-l.full
	if !some {
		if l.over = true; l.panic != nil {
			panic(l.panic)
		}
		return
	}
	l.told, l.next, l.until = b, 0, b.until
}

// tell tells the next call of l. It reports false when one alone has to do it
// again, from here.
func (s *split) tell(l *lane) bool {
	b := l.told
	c := &b.calls[l.next]
	l.next++
	if c.kind == callDone {
		s.add(l, b.totals)
		return true
	}
	if s.skip > 0 {
		s.skip--
		return true
	}
	if s.alone {
		if c.shadow != nil && !c.shadow.late && s.open[c.shadow.id] != nil {
			c.shadow = s.open[c.shadow.id]
		}
	} else if !s.join(b, c) {
		return false
	}
	switch c.kind {
	case callOpen:
		s.open[s.sink.totals.Conns+1] = c.shadow
	case callClose:
		delete(s.open, c.shadow.now.conn.ID)
	}
	s.told++
	if c.kind == callRow {
		s.how.Row(&c.shadow.now.conn, b.row(c), int(c.index))
	} else {
		b.call(c, s.sink, true)
	}
	if c.kind == callClose && s.how.Forgets && len(b.spare) < mostSpare {
		b.spare = append(b.spare, c.shadow)
	}
	return true
}

// join makes a call of a part one of the whole: connections have their numbers
// there. It reports false when the parts do not make the whole.
func (s *split) join(b *telling, c *call) bool {
	switch {
	case c.kind == callBeyond, c.shadow != nil && c.shadow.late:
		return false
	case c.kind == callOpen:
		conn := &c.shadow.now.conn
		conn.ID = s.sink.totals.Conns + 1
		return s.parts.Open(conn, &c.shadow.signs)
	case c.kind == callClose:
		now, then := &b.conns[c.index].conn, &c.shadow.now.conn
		now.ID, now.LegOf, now.LegGuessed = then.ID, then.LegOf, then.LegGuessed
	}
	return true
}

// add adds what a worker counted. All of them read all packets.
func (s *split) add(l *lane, t *timeline.Totals) {
	if l == s.lanes[0] {
		first := s.totals
		s.totals = *t
		t = &first
	} else {
		t.Packets, t.Bytes, t.Fragments, t.Filtered, t.Duplicates, t.Dropped, t.Skipped = 0, 0, 0, 0, 0, 0, nil
	}
	s.totals.Add(t)
}

// count puts what the sink was told in the place of what the workers told.
func (s *split) count() {
	t, told := &s.totals, &s.sink.totals
	t.Conns, t.Messages, t.Frames, t.Findings, t.HeadersOnly = told.Conns, told.Messages, told.Frames, told.Findings, told.HeadersOnly
}
