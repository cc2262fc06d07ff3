package pipeline

import (
	"fmt"
	"runtime/debug"

	"github.com/wsdump/wsdump/timeline"
)

// Apart is a sink that lets another one work in a goroutine of its own, so that
// reading and printing share two processors. The other one hears the same calls
// in the same order, a little later.
//
// Theory of operation. What a sink is told is borrowed, so each call is copied
// into a batch; a full batch goes to the other goroutine, and comes back empty.
// There are a few tellings, which bounds the memory and how far the sink may be
// behind. Connections go on changing while they are open, so that the sink sees
// shadows of them: copies as they were when they opened, which become what the
// connection was when it closed. Only Needs is answered at once, in the reader's
// goroutine, by a function that must not touch what the sink changes.
type Apart struct {
	sink    timeline.Sink
	needs   func(*timeline.Conn) timeline.Needs
	batch   *telling
	free    chan *telling
	full    chan *telling
	over    chan struct{} // closed when the sink has heard all
	shadows map[*timeline.Conn]*shadow
	latest  *timeline.Conn // whose shadow was looked up last
	last    *shadow
	panic   any // of the sink, to be read when over is closed
}

const (
	tellings  = 4
	tellCalls = 512
	tellBytes = 512 << 10 // of payload
	aloneSize = 1 << 20   // a payload that is larger is not copied: the sink is waited for, and told at once
)

// shadow is what a sink sees of a connection.
type shadow struct {
	conn      timeline.Conn
	transport timeline.Transport
}

// telling is a run of calls.
type telling struct {
	calls    []call
	frames   []timeline.Frame
	messages []timeline.Message
	findings []timeline.Finding
	conns    []closing
	bytes    []byte // of payload
}

type callKind uint8

const (
	callBegin callKind = iota
	callOpen
	callFrame
	callMessage
	callFinding
	callClose
	callOther
	callDone
)

// call is one call of a sink.
type call struct {
	kind   callKind
	index  int // in the batch's list of that kind
	offset int // of the payload, its length is length
	length int
	at     timeline.Stamp
	shadow *shadow
	other  *timeline.Other
	totals *timeline.Totals
}

// closing is what a connection was when it closed.
type closing struct {
	conn      timeline.Conn
	transport timeline.Transport
}

// NewApart returns such a sink before sink. needs answers [timeline.Sink.Needs].
// Done waits until sink has heard everything.
func NewApart(sink timeline.Sink, needs func(*timeline.Conn) timeline.Needs) *Apart {
	a := &Apart{
		sink: sink, needs: needs, batch: &telling{}, free: make(chan *telling, tellings), full: make(chan *telling, tellings),
		over: make(chan struct{}), shadows: make(map[*timeline.Conn]*shadow),
	}
	for range tellings - 1 {
		a.free <- &telling{}
	}
	go a.work()
	return a
}

// work tells the sink.
func (a *Apart) work() {
	defer close(a.over)
	var b *telling
	defer func() {
		if what := recover(); what != nil {
			a.panic = fmt.Sprintf("%v\n%s", what, debug.Stack())
			a.free <- b
			for b := range a.full { // the reader must not wait for us
				a.free <- b
			}
		}
	}()
	for b = range a.full {
		b.tell(a.sink)
		b.empty()
		a.free <- b
	}
}

func (b *telling) empty() {
	clear(b.calls)
	clear(b.findings)
	b.calls, b.frames, b.messages, b.findings, b.conns = b.calls[:0], b.frames[:0], b.messages[:0], b.findings[:0], b.conns[:0]
	if b.bytes = b.bytes[:0]; cap(b.bytes) > 4*tellBytes { // one huge payload must not be held for good
		b.bytes = nil
	}
}

func (b *telling) tell(sink timeline.Sink) {
	for i := range b.calls {
		c := &b.calls[i]
		switch c.kind {
		case callBegin:
			sink.Begin(c.at)
		case callOpen:
			sink.Open(&c.shadow.conn)
		case callFrame:
			f := &b.frames[c.index]
			f.Payload = b.payload(c)
			sink.Frame(f)
		case callMessage:
			m := &b.messages[c.index]
			m.Payload = b.payload(c)
			sink.Message(m)
		case callFinding:
			sink.Finding(&b.findings[c.index])
		case callClose:
			was := &b.conns[c.index]
			c.shadow.transport = was.transport
			c.shadow.conn = was.conn
			if was.conn.Transport != nil {
				c.shadow.conn.Transport = &c.shadow.transport
			}
			sink.Close(&c.shadow.conn, c.at)
		case callOther:
			sink.Other(c.other)
		case callDone:
			sink.Done(c.totals)
		}
	}
}

// payload returns that of a call; nil stays nil.
func (b *telling) payload(c *call) []byte {
	if c.length < 0 {
		return nil
	}
	return b.bytes[c.offset : c.offset+c.length : c.offset+c.length]
}

// keep copies a payload.
func (b *telling) keep(c *call, payload []byte) {
	if payload == nil {
		c.length = -1
		return
	}
	c.offset, c.length = len(b.bytes), len(payload)
	b.bytes = append(b.bytes, payload...)
}

// add adds a call, and hands the batch on when it is full.
func (a *Apart) add(c *call) {
	a.batch.calls = append(a.batch.calls, *c)
	if len(a.batch.calls) >= tellCalls || len(a.batch.bytes) >= tellBytes {
		a.pass()
	}
}

func (a *Apart) pass() {
	a.full <- a.batch
	a.batch = <-a.free
}

// alone waits until the sink has heard everything so far.
func (a *Apart) alone() {
	if len(a.batch.calls) > 0 {
		a.pass()
	}
	var idle [tellings - 1]*telling
	for i := range idle {
		idle[i] = <-a.free
	}
	for _, b := range idle {
		a.free <- b
	}
}

// of returns the shadow of c. What is said of a connection that is closed gets
// one as it is now.
func (a *Apart) of(c *timeline.Conn) *shadow {
	if c == a.latest {
		return a.last
	}
	s := a.shadows[c]
	if s == nil {
		return newShadow(c)
	}
	a.latest, a.last = c, s
	return s
}

func newShadow(c *timeline.Conn) *shadow {
	s := &shadow{conn: *c}
	if c.Transport != nil {
		s.transport = *c.Transport
		s.conn.Transport = &s.transport
	}
	return s
}

// Needs answers at once.
func (a *Apart) Needs(c *timeline.Conn) timeline.Needs { return a.needs(c) }

// Begin implements [timeline.Sink].
func (a *Apart) Begin(at timeline.Stamp) { a.add(&call{kind: callBegin, at: at}) }

// Open makes the shadow of c.
func (a *Apart) Open(c *timeline.Conn) {
	s := newShadow(c)
	a.shadows[c] = s
	a.latest, a.last = c, s
	a.add(&call{kind: callOpen, shadow: s})
}

// Frame implements [timeline.Sink].
func (a *Apart) Frame(f *timeline.Frame) {
	if len(f.Payload) > aloneSize {
		a.alone()
		mine := *f
		mine.Conn = &a.of(f.Conn).conn
		a.sink.Frame(&mine)
		return
	}
	c := call{kind: callFrame, index: len(a.batch.frames)}
	a.batch.keep(&c, f.Payload)
	a.batch.frames = append(a.batch.frames, *f)
	mine := &a.batch.frames[c.index]
	mine.Conn = &a.of(f.Conn).conn
	if f.CloseReason != nil {
		mine.CloseReason = append([]byte(nil), f.CloseReason...)
	}
	a.add(&c)
}

// Message implements [timeline.Sink].
func (a *Apart) Message(m *timeline.Message) {
	if len(m.Payload) > aloneSize {
		a.alone()
		mine := *m
		mine.Conn = &a.of(m.Conn).conn
		a.sink.Message(&mine)
		return
	}
	c := call{kind: callMessage, index: len(a.batch.messages)}
	a.batch.keep(&c, m.Payload)
	a.batch.messages = append(a.batch.messages, *m)
	a.batch.messages[c.index].Conn = &a.of(m.Conn).conn
	a.add(&c)
}

// Finding implements [timeline.Sink].
func (a *Apart) Finding(f *timeline.Finding) {
	c := call{kind: callFinding, index: len(a.batch.findings)}
	a.batch.findings = append(a.batch.findings, *f)
	if f.Conn != nil {
		a.batch.findings[c.index].Conn = &a.of(f.Conn).conn
	}
	a.add(&c)
}

// Close lets the shadow of c be what c is now.
func (a *Apart) Close(c *timeline.Conn, at timeline.Stamp) {
	x := call{kind: callClose, index: len(a.batch.conns), at: at, shadow: a.of(c)}
	was := closing{conn: *c}
	if c.Transport != nil {
		was.transport = *c.Transport
	}
	a.batch.conns = append(a.batch.conns, was)
	delete(a.shadows, c)
	a.latest, a.last = nil, nil
	a.add(&x)
}

// Other implements [timeline.Sink].
func (a *Apart) Other(o *timeline.Other) {
	mine := *o
	if o.Transport != nil {
		t := *o.Transport
		mine.Transport = &t
	}
	a.add(&call{kind: callOther, other: &mine})
}

// Done tells what is left and waits for the sink. What it panicked with is
// panicked with here.
func (a *Apart) Done(t *timeline.Totals) {
	a.batch.calls = append(a.batch.calls, call{kind: callDone, totals: t})
	a.full <- a.batch
	close(a.full)
	<-a.over
	if a.panic != nil {
		panic(a.panic)
	}
}
