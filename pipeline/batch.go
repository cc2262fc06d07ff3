package pipeline

import "github.com/wsdump/wsdump/timeline"

// batch is a run of calls of a sink, recorded in one goroutine and made in another.
// It owns what it holds, but for payloads that [worker.addBorrowed] adds. Batches are
// used again.
type batch struct {
	calls    []call
	bytes    []byte // of payloads and rows
	frames   []timeline.Frame
	messages []timeline.Message
	findings []timeline.Finding
	conns    []connState // of connections that closed
	begins   []timeline.Stamp
	others   []*timeline.Other
	totals   *timeline.Totals
	spare    []*snapshot // that nobody refers to any more, to be used again
	until    position    // all calls before that are in this batch or an earlier one
}

// When a batch is full.
const (
	batchCalls = 512
	batchBytes = 512 << 10
	batchConns = 32 // that closed
)

// maxBatches is how many batches go round between two goroutines. It bounds the
// memory and how far one of them may be behind the other.
const maxBatches = 4

// maxSpare is how many snapshots a batch holds for use again.
const maxSpare = 2 * batchConns

// callKind says which method of a sink a call is of.
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
	callRow     // no method of a sink: see [SplitOptions]
	callRestart // no method of a sink: see [partition]
)

// call is one call of a sink. There are millions: it is small.
type call struct {
	kind     callKind
	index    int32     // in the batch's list of that kind; of a row: where its hole is
	offset   int32     // of a row in the bytes of the batch
	length   int32     // of that row
	snapshot *snapshot // of the connection concerned; nil: there is none
	position position
}

// addFrame copies f into b and returns its index.
func (b *batch) addFrame(f *timeline.Frame) int32 {
	b.frames = append(b.frames, timeline.Frame{})
	i := len(b.frames) - 1
	b.bytes = f.Clone(&b.frames[i], b.bytes)
	b.frames[i].Conn = nil // emitCall sets it to the snapshot
	return int32(i)
}

// addMessage copies m into b and returns its index.
func (b *batch) addMessage(m *timeline.Message) int32 {
	b.messages = append(b.messages, timeline.Message{})
	i := len(b.messages) - 1
	b.bytes = m.Clone(&b.messages[i], b.bytes)
	b.messages[i].Conn = nil
	return int32(i)
}

// addFinding copies f into b and returns its index.
func (b *batch) addFinding(f *timeline.Finding) int32 {
	b.findings = f.AppendClone(b.findings)
	i := len(b.findings) - 1
	b.findings[i].Conn = nil
	return int32(i)
}

// addClosed copies c into b, as it is when it closes, and returns its index.
func (b *batch) addClosed(c *timeline.Conn, at timeline.Stamp) int32 {
	b.conns = append(b.conns, connState{at: at})
	i := len(b.conns) - 1
	b.conns[i].copy(c)
	return int32(i)
}

// addOther copies o into b and returns its index.
func (b *batch) addOther(o *timeline.Other) int32 {
	var own struct {
		timeline.Other
		transport timeline.Transport
	}
	o.Clone(&own.Other, &own.transport)
	b.others = append(b.others, &own.Other)
	return int32(len(b.others) - 1)
}

// full reports whether b should be handed over.
func (b *batch) full() bool {
	return len(b.calls) >= batchCalls || len(b.bytes) >= batchBytes || len(b.conns) >= batchConns
}

// emit makes all calls of b to sink. With ask, sink is asked for its needs before
// each Open, as it would be without a batch in between; the answer is ignored.
func (b *batch) emit(sink timeline.Sink, ask bool) {
	for i := range b.calls {
		b.emitCall(&b.calls[i], sink, ask)
	}
}

// emitCall makes the call c of b to sink.
func (b *batch) emitCall(c *call, sink timeline.Sink, ask bool) {
	var conn *timeline.Conn
	if c.snapshot != nil {
		conn = &c.snapshot.now.conn
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
		f := &b.findings[c.index]
		f.Conn = conn
		sink.Finding(f)
	case callClose:
		c.snapshot.now = b.conns[c.index]
		c.snapshot.now.link()
		sink.Close(conn, c.snapshot.now.at)
	case callOther:
		sink.Other(b.others[c.index])
	case callDone:
		sink.Done(b.totals)
	}
}

// row returns the row of a callRow.
func (b *batch) row(c *call) []byte {
	return b.bytes[c.offset : c.offset+c.length : c.offset+c.length]
}

// transport returns the ID of the transport that a call concerns, 0 for none.
func (b *batch) transport(c *call) uint64 {
	switch {
	case c.snapshot != nil:
		return c.snapshot.now.transport.ID
	case c.kind == callOther && b.others[c.index].Transport != nil:
		return b.others[c.index].Transport.ID
	}
	return 0
}

// size returns about how many bytes of memory b takes.
func (b *batch) size() int64 {
	const connection = 3 << 10 // with its handshake
	n := len(b.bytes) + 200*(len(b.calls)+len(b.frames)+len(b.messages)+len(b.findings)) + connection*len(b.conns)
	for i := range b.calls {
		if c := &b.calls[i]; c.kind == callOpen || c.kind == callOther {
			n += connection
		}
	}
	return int64(n)
}

// reset empties b for use again. Spare snapshots stay.
func (b *batch) reset() {
	clear(b.calls)
	clear(b.findings)
	clear(b.conns)
	clear(b.others)
	b.calls, b.frames, b.messages, b.findings, b.conns = b.calls[:0], b.frames[:0], b.messages[:0], b.findings[:0], b.conns[:0]
	b.begins, b.others, b.totals = b.begins[:0], b.others[:0], nil
	if b.bytes = b.bytes[:0]; cap(b.bytes) > 4*batchBytes { // do not hold one huge payload for good
		b.bytes, b.frames, b.messages = nil, nil, nil
	}
}
