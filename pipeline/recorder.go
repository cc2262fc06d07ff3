package pipeline

import (
	"github.com/wsdump/wsdump/dissect"
	"github.com/wsdump/wsdump/timeline"
)

// author is a sink that writes down what it is told, for a goroutine that tells
// it to another sink later.
//
// What a sink is told is borrowed, so each call is copied into a batch.
// Connections go on changing while they are open, so that the other sink sees
// shadows of them: copies as they were when they opened, which become what the
// connection was when it closed.
type author struct {
	batch   *telling
	hand    func(*telling) *telling // takes a batch, and returns one that is empty
	shadows map[*timeline.Conn]*shadow
	cast    [1 << 10]cast // those looked up of late, by the number of the connection
	place   place         // of what comes next; only runs of parts say it
}

// cast is a connection and its shadow.
type cast struct {
	by *timeline.Conn
	on *shadow
}

const (
	tellings  = 4
	tellCalls = 512
	tellBytes = 512 << 10 // of payload
	tellConns = 32        // that closed
	mostSpare = 2 * tellConns
)

func newAuthor(hand func(*telling) *telling) author {
	return author{batch: &telling{}, hand: hand, shadows: make(map[*timeline.Conn]*shadow)}
}

// shadow is what a sink sees of a connection.
type shadow struct {
	id   uint64 // of the connection, as its author knows it
	late bool   // it was closed already, or never opened: nothing else is said of it
	now  closing

	signs dissect.Signs // where connections of other parts may have to do with it
}

// closing is what a connection was at a time.
type closing struct {
	conn      timeline.Conn // its Handshake is the connection's own: from Open on nothing changes it
	transport timeline.Transport
	at        timeline.Stamp // of the call
}

// of makes x a copy of c.
func (x *closing) of(c *timeline.Conn) {
	c.Clone(&x.conn, &x.transport)
}

// join lets the connection point to its own transport, once x has its place.
func (x *closing) join() {
	if x.conn.Transport != nil {
		x.conn.Transport = &x.transport
	}
}

// telling is a run of calls.
type telling struct {
	calls    []call
	bytes    []byte // of payloads and rows
	frames   []timeline.Frame
	messages []timeline.Message
	findings []timeline.Finding
	conns    []closing
	begins   []timeline.Stamp
	others   []*timeline.Other
	totals   *timeline.Totals
	spare    []*shadow // that nobody knows any more, to be used again
	until    place     // nothing is told before that which is not in this batch or an earlier one
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
	callRow    // of no sink: see SplitOptions
	callBeyond // of no sink: see part
)

// call is one call of a sink. There are millions: it is small.
type call struct {
	kind   callKind
	index  int32 // in the batch's list of that kind; of a row: where its hole is
	offset int32 // of a row, its length is length
	length int32
	shadow *shadow // nil: no connection is concerned
	place  place
}

func (b *telling) empty() {
	clear(b.calls)
	clear(b.findings)
	clear(b.conns)
	clear(b.others)
	b.calls, b.frames, b.messages, b.findings, b.conns = b.calls[:0], b.frames[:0], b.messages[:0], b.findings[:0], b.conns[:0]
	b.begins, b.others, b.totals = b.begins[:0], b.others[:0], nil
	if b.bytes = b.bytes[:0]; cap(b.bytes) > 4*tellBytes { // one huge payload must not be held for good
		b.bytes, b.frames, b.messages = nil, nil, nil
	}
}

// tell tells it all to sink. With ask the sink is asked before each connection
// what it needs, as it would be if nothing lay between; the answer is ignored.
func (b *telling) tell(sink timeline.Sink, ask bool) {
	for i := range b.calls {
		b.call(&b.calls[i], sink, ask)
	}
}

// call tells one of the calls of b to sink.
func (b *telling) call(c *call, sink timeline.Sink, ask bool) {
	var conn *timeline.Conn
	if c.shadow != nil {
		conn = &c.shadow.now.conn
	}
	switch c.kind {
	case callBegin:
		sink.Begin(b.begins[c.index])
	case callOpen:
		if ask {
			id := conn.ID
			conn.ID = 0
			sink.Needs(conn)
			conn.ID = id
		}
		sink.Open(conn)
	case callFrame:
		f := &b.frames[c.index]
		f.Conn = conn
		sink.Frame(f)
	case callMessage:
		m := &b.messages[c.index]
		m.Conn = conn
		sink.Message(m)
	case callFinding:
		b.findings[c.index].Conn = conn
		sink.Finding(&b.findings[c.index])
	case callClose:
		c.shadow.now = b.conns[c.index]
		c.shadow.now.join()
		sink.Close(conn, c.shadow.now.at)
	case callOther:
		sink.Other(b.others[c.index])
	case callDone:
		sink.Done(b.totals)
	}
}

// frame copies f into b, and returns its index.
func (b *telling) frame(f *timeline.Frame) int32 {
	b.frames = append(b.frames, timeline.Frame{})
	i := len(b.frames) - 1
	b.bytes = f.Clone(&b.frames[i], b.bytes)
	b.frames[i].Conn = nil // call gives it the copy
	return int32(i)
}

// message copies m into b, and returns its index.
func (b *telling) message(m *timeline.Message) int32 {
	b.messages = append(b.messages, timeline.Message{})
	i := len(b.messages) - 1
	b.bytes = m.Clone(&b.messages[i], b.bytes)
	b.messages[i].Conn = nil
	return int32(i)
}

// add adds a call, and hands the batch on when it is full.
func (a *author) add(c *call) {
	c.place = a.place
	a.batch.calls = append(a.batch.calls, *c)
	if len(a.batch.calls) >= tellCalls || len(a.batch.bytes) >= tellBytes || len(a.batch.conns) >= tellConns {
		a.pass()
	}
}

func (a *author) pass() {
	a.batch.until = a.place
	a.batch = a.hand(a.batch)
}

// of returns the shadow of c. What is said of a connection that is closed gets
// one as it is now.
func (a *author) of(c *timeline.Conn) *shadow {
	known := &a.cast[c.ID%uint64(len(a.cast))]
	if known.by == c {
		return known.on
	}
	s := a.shadows[c]
	if s == nil {
		s = newShadow(c)
		s.late = true
		return s
	}
	*known = cast{c, s}
	return s
}

func newShadow(c *timeline.Conn) *shadow { return new(shadow).of(c) }

// of makes s the shadow of c, and nothing else.
func (s *shadow) of(c *timeline.Conn) *shadow {
	*s = shadow{id: c.ID}
	s.now.of(c)
	return s
}

// Begin implements [timeline.Sink].
func (a *author) Begin(at timeline.Stamp) {
	c := call{kind: callBegin, index: int32(len(a.batch.begins))}
	a.batch.begins = append(a.batch.begins, at)
	a.add(&c)
}

// Open implements [timeline.Sink].
func (a *author) Open(c *timeline.Conn) { a.opened(c, a.opening(c)) }

// opening returns the shadow of c, which opens.
func (a *author) opening(c *timeline.Conn) *shadow {
	n := len(a.batch.spare)
	if n == 0 {
		return newShadow(c)
	}
	s := a.batch.spare[n-1]
	a.batch.spare = a.batch.spare[:n-1]
	return s.of(c)
}

// opened writes down that c, whose shadow s is, has opened.
func (a *author) opened(c *timeline.Conn, s *shadow) {
	a.shadows[c] = s
	a.cast[c.ID%uint64(len(a.cast))] = cast{c, s}
	a.add(&call{kind: callOpen, shadow: s})
}

// Frame implements [timeline.Sink].
func (a *author) Frame(f *timeline.Frame) {
	c := call{kind: callFrame, index: a.batch.frame(f), shadow: a.of(f.Conn)}
	a.add(&c)
}

// Message implements [timeline.Sink].
func (a *author) Message(m *timeline.Message) {
	c := call{kind: callMessage, index: a.batch.message(m), shadow: a.of(m.Conn)}
	a.add(&c)
}

// Finding implements [timeline.Sink].
func (a *author) Finding(f *timeline.Finding) {
	c := call{kind: callFinding, index: int32(len(a.batch.findings))}
	a.batch.findings = f.AppendClone(a.batch.findings)
	a.batch.findings[c.index].Conn = nil
	if f.Conn != nil {
		c.shadow = a.of(f.Conn)
	}
	a.add(&c)
}

// Close lets the shadow of c be what c is now.
func (a *author) Close(c *timeline.Conn, at timeline.Stamp) {
	x := call{kind: callClose, index: int32(len(a.batch.conns)), shadow: a.of(c)}
	a.batch.conns = append(a.batch.conns, closing{at: at})
	a.batch.conns[x.index].of(c)
	delete(a.shadows, c)
	a.cast[c.ID%uint64(len(a.cast))] = cast{}
	a.add(&x)
}

// Other implements [timeline.Sink].
func (a *author) Other(o *timeline.Other) {
	var mine struct {
		timeline.Other
		transport timeline.Transport
	}
	o.Clone(&mine.Other, &mine.transport)
	c := call{kind: callOther, index: int32(len(a.batch.others))}
	a.batch.others = append(a.batch.others, &mine.Other)
	a.add(&c)
}

// Done writes down the end, and hands on what is left.
func (a *author) Done(t *timeline.Totals) {
	a.batch.totals = t
	a.batch.calls = append(a.batch.calls, call{kind: callDone, place: a.place})
	a.pass()
}
