package pipeline

import (
	"context"

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
	Close      func()        // nil: somebody else closes the source
}

// SplitOptions sets up [Split].
type SplitOptions struct {
	// Workers is how many goroutines follow connections.
	Workers int
	// Open opens the input again, from its start. It must give the same each time.
	Open func() (Reading, error)
	// Needs answers [timeline.Sink.Needs]. Several goroutines call it at once.
	Needs func(*timeline.Conn) timeline.Needs
	// ReuseConns allows to use a Conn and its Transport again for another connection
	// when Close has returned: the sink keeps neither.
	ReuseConns bool

	// Rows returns, for a worker, what makes rows of messages in its goroutine, as
	// the sink would. Row is then called in place of the sink's Message. nil: the sink
	// gets all messages.
	Rows func() RowMaker
	Row  func(c *timeline.Conn, row []byte, hole int)
}

// RowMaker appends the row of a message to dst. The row lacks the number of the
// connection, which belongs before the byte of the row with the index hole.
type RowMaker func(dst []byte, m *timeline.Message) (rows []byte, hole int)

// Split is [Run] with several workers. The sink gets the same calls in the same order.
//
// Theory of operation. Each worker reads the whole input and runs all layers, but
// follows only its partition of the TCP connections. To read a packet and see that it
// belongs to another worker costs far less than to process it, or to hand it over. A
// [recorder] records the calls of the worker, each with its [position]. The caller's
// goroutine merges these by their positions, numbers the connections, ties the legs of
// proxies, and emits the calls. It waits for the worker that is behind. A worker
// that is some batches ahead waits for it, which bounds the memory.
//
// A few things depend on connections that another worker may follow: a connection that
// was captured twice, a resumed TLS session, a limit on what all connections take
// together. They are rare, so workers do not ask each other about each connection.
// Where a worker meets one it asks for a restart; sometimes the merger does. Then the
// workers stop, and a single one runs from the start. As many of its calls as were
// emitted already are skipped: up to there they are the same.
func Split(ctx context.Context, sink timeline.Sink, opt Options, how SplitOptions) error {
	if opt.Keys == nil {
		opt.Keys = &tls.Keys{}
	}
	m := &merger{sink: &counter{Sink: &inputSink{Sink: sink, needs: how.Needs}}, opt: &opt, how: &how, used: &tls.Keys{}, open: make(map[uint64]*snapshot)}
	defer func() { _ = m.stop() }() // also when the sink panics
	shares := reassembly.Shares(how.Workers)
	for i := range shares { // open all, before any of them is read from
		if err := m.addWorker(&partition{share: shares[i], index: i, of: len(shares)}); err != nil {
			return err
		}
	}
	m.start(ctx)
	if restart := m.merge(); restart && ctx.Err() == nil {
		_ = m.stop() // the single worker meets the same errors
		m.single, m.skip, m.totals = true, m.emitted, timeline.Totals{}
		if err := m.addWorker(nil); err != nil {
			return err
		}
		m.start(ctx)
		m.merge()
	}
	err := m.stop()
	m.opt.Keys.Add(m.used, true)
	m.sink.setCounts(&m.totals)
	sink.Done(&m.totals)
	return err
}

// merger is one run of Split.
type merger struct {
	sink    *counter
	opt     *Options
	how     *SplitOptions
	used    *tls.Keys // keys that workers had use for
	workers []*worker
	cancel  context.CancelFunc // of the workers; nil: they do not run
	parts   dissect.Parts
	open    map[uint64]*snapshot // by the number of the connection
	emitted uint64               // calls
	single  bool                 // one worker follows all connections,
	skip    uint64               // and so many of its calls were emitted before

	totals timeline.Totals // of the workers
}

// addWorker makes a worker for a partition, nil for all connections, and opens the
// input for it.
func (m *merger) addWorker(p *partition) error {
	reading, err := m.how.Open()
	if err != nil {
		return err
	}
	m.workers = append(m.workers, newWorker(p, reading, m.opt, m.how))
	return nil
}

// start starts all workers.
func (m *merger) start(ctx context.Context) {
	ctx, m.cancel = context.WithCancel(ctx)
	for _, w := range m.workers {
		w.start(ctx)
	}
}

// stop ends all workers and waits for them. It returns the error of the input, as the
// first worker met it.
func (m *merger) stop() (err error) {
	started := m.cancel != nil
	if started {
		m.cancel()
		m.cancel = nil
	}
	for i, w := range m.workers {
		if w.current != nil { // a worker that waits for it must end, too
			w.free <- w.current
			w.current = nil
		}
		if started {
			for b := range w.full {
				w.free <- b
			}
		}
		if w.reading.Close != nil {
			w.reading.Close()
		}
		m.used.Add(w.keys, true)
		w.keys.Forget()
		if i == 0 || err == nil {
			err = w.err
		}
	}
	m.workers = nil
	return err
}

// merge emits the calls of the workers in the order of their positions. It returns
// when all workers have ended, or with restart when a single one has to run again.
func (m *merger) merge() (restart bool) {
	for {
		var first *worker
		for _, w := range m.workers {
			if !w.ended && (first == nil || w.before(first)) {
				first = w
			}
		}
		switch {
		case first == nil:
			return false
		case !first.hasCall():
			first.nextBatch()
		case !m.emit(first):
			return true
		}
	}
}

// emit emits the next call of w. It reports false when a single worker has to run
// again, and emit from this call on.
func (m *merger) emit(w *worker) bool {
	b := w.current
	c := &b.calls[w.next]
	w.next++
	if c.kind == callDone {
		m.addTotals(w, b.totals)
		return true
	}
	if m.skip > 0 {
		m.skip--
		return true
	}
	if m.single {
		if c.snapshot != nil && !c.snapshot.late && m.open[c.snapshot.id] != nil {
			c.snapshot = m.open[c.snapshot.id] // the sink knows the one from before the restart
		}
	} else if !m.join(b, c) {
		return false
	}
	switch c.kind {
	case callOpen:
		m.open[m.sink.totals.Conns+1] = c.snapshot
	case callClose:
		delete(m.open, c.snapshot.now.conn.ID)
	}
	m.emitted++
	if c.kind == callRow {
		m.how.Row(&c.snapshot.now.conn, b.row(c), int(c.index))
	} else {
		b.emitCall(c, m.sink, true)
	}
	if c.kind == callClose && m.how.ReuseConns && len(b.spare) < maxSpare {
		b.spare = append(b.spare, c.snapshot)
	}
	return true
}

// join makes a call of a partition one of the whole: connections get the numbers that
// they have there. It reports false when that cannot be done.
func (m *merger) join(b *batch, c *call) bool {
	switch {
	case c.kind == callRestart, c.snapshot != nil && c.snapshot.late:
		return false
	case c.kind == callOpen:
		conn := &c.snapshot.now.conn
		conn.ID = m.sink.totals.Conns + 1
		return m.parts.Open(conn, &c.snapshot.signs)
	case c.kind == callClose:
		now, then := &b.conns[c.index].conn, &c.snapshot.now.conn
		now.ID, now.LegOf, now.LegGuessed = then.ID, then.LegOf, then.LegGuessed
	}
	return true
}

// addTotals adds what a worker counted. All of them read all packets, so these are
// counted for the first one only.
func (m *merger) addTotals(w *worker, t *timeline.Totals) {
	if w == m.workers[0] {
		first := m.totals
		m.totals = *t
		t = &first
	} else {
		t.Packets, t.Bytes, t.Fragments, t.Filtered, t.Duplicates, t.Dropped, t.Skipped = 0, 0, 0, 0, 0, 0, nil
	}
	m.totals.Add(t)
}
