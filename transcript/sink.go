package transcript

import (
	"io"
	"strings"
	"unicode/utf8"

	"github.com/wsdump/wsdump/internal/spool"
	"github.com/wsdump/wsdump/timeline"
)

// Options select what a [Writer] writes. The zero value writes everything.
type Options struct {
	Payload    int  // most bytes of a message; 0: no bound
	NoControl  bool // leaves pings, pongs and close frames out
	NoFindings bool
	NoMessages bool
	NoEnds     bool
	NoPayload  bool   // asks for no payload: messages are lines without text
	Stop       func() // called once when the writer fails; may be nil
}

// Writer is a [timeline.Sink] that writes a transcript, connection by connection in
// order of opening. Connections that wait for an earlier one wait in a temporary
// file, so memory is bounded.
type Writer struct {
	timeline.Nop
	w       io.Writer
	opt     Options
	waiting spool.Spool
	order   []uint64        // connections that are not yet written, in order of opening
	closed  map[uint64]bool // whether each connection in order is closed
	buf     []byte
	err     error
}

// NewWriter returns a Writer.
func NewWriter(w io.Writer, opt Options) *Writer {
	return &Writer{w: w, opt: opt, closed: make(map[uint64]bool), buf: append([]byte(nil), header+"\n"...)}
}

// Needs asks for the payload of messages.
func (w *Writer) Needs(*timeline.Conn) timeline.Needs {
	return timeline.Needs{Payload: !w.opt.NoPayload}
}

// Open starts a conversation.
func (w *Writer) Open(c *timeline.Conn) {
	talk := Conversation{URL: c.URL()}
	if h := c.Handshake; h != nil {
		talk.Status = h.Status
		if h.Subprotocol != "" {
			talk.Properties = append(talk.Properties, Property{"subprotocol", h.Subprotocol})
		}
		for _, e := range h.Extensions {
			talk.Properties = append(talk.Properties, Property{"extension", strings.ReplaceAll(e.String(), "; ", ";")})
		}
	}
	w.order = append(w.order, c.ID)
	w.closed[c.ID] = false
	w.writeInTurn(c.ID, talk.AppendOpen([]byte{'\n'}))
}

// writeInTurn writes lines if it is the turn of their conversation, and stores them
// otherwise.
func (w *Writer) writeInTurn(id uint64, lines []byte) {
	if len(w.order) > 0 && w.order[0] == id { // it is their turn
		w.flushHeld(id)
		w.buf = append(w.buf, lines...)
		w.writeIfFull()
		return
	}
	w.fail(w.waiting.Append(id, lines))
}

func (w *Writer) flushHeld(id uint64) {
	w.fail(w.waiting.Take(id, func(b []byte) error {
		w.buf = append(w.buf, b...)
		w.writeIfFull()
		return w.err
	}))
}

// drainAt is how many bytes the buffer holds before they are written.
const drainAt = 64 << 10

func (w *Writer) writeIfFull() {
	if len(w.buf) >= drainAt {
		w.write()
	}
}

func (w *Writer) write() {
	if w.err == nil && len(w.buf) > 0 {
		_, err := w.w.Write(w.buf)
		w.fail(err)
	}
	w.buf = w.buf[:0]
}

func (w *Writer) fail(err error) {
	if err != nil && w.err == nil {
		w.err = err
		if w.opt.Stop != nil {
			w.opt.Stop()
		}
	}
}

func (w *Writer) event(c *timeline.Conn, e *Event) {
	if w.err != nil {
		return
	}
	if _, ok := w.closed[c.ID]; !ok { // a filter dropped its Open, but not this row
		w.Open(c)
	}
	w.writeInTurn(c.ID, append(e.Append(nil), '\n'))
}

// Frame writes control frames.
func (w *Writer) Frame(f *timeline.Frame) {
	if w.opt.NoControl || f.N == 0 {
		return
	}
	e := Event{HasDir: true, Dir: f.Dir, Payload: f.Payload}
	switch f.Opcode {
	case timeline.OpPing:
		e.Kind = Ping
	case timeline.OpPong:
		e.Kind = Pong
	case timeline.OpClose:
		e.Kind, e.Code, e.Payload = Close, int(f.CloseCode), f.CloseReason
	default:
		return
	}
	e.mark(f.Incomplete, MarkIncomplete)
	e.mark(f.Truncated, MarkTruncated)
	e.mark(f.Guessed, MarkGuessed)
	w.event(f.Conn, &e)
}

func (e *Event) mark(is bool, mark string) {
	if is {
		e.Marks = append(e.Marks, mark)
	}
}

// Message writes a message.
func (w *Writer) Message(m *timeline.Message) {
	if w.opt.NoMessages {
		return
	}
	e := Event{HasDir: true, Dir: m.Dir, Binary: m.Kind != timeline.OpText, Payload: m.Payload}
	truncated := m.Truncated || !m.HasPayload && m.WireLength > 0
	if n := w.opt.Payload; n > 0 && len(e.Payload) > n {
		truncated = true
		e.Payload = e.Payload[:n]
		for k := 1; k < utf8.UTFMax && m.Text && len(e.Payload) > 0 && !utf8.Valid(e.Payload); k++ { // cut between characters
			e.Payload = e.Payload[:len(e.Payload)-1]
		}
	}
	e.mark(m.Incomplete, MarkIncomplete)
	e.mark(truncated, MarkTruncated)
	e.mark(m.Opaque, MarkOpaque)
	e.mark(m.Guessed, MarkGuessed)
	w.event(m.Conn, &e)
}

// Finding writes a finding of a connection.
func (w *Writer) Finding(f *timeline.Finding) {
	if w.opt.NoFindings || f.Conn == nil || f.Rule == nil {
		return
	}
	e := Event{Kind: Finding, HasDir: f.HasDir, Dir: f.Dir, Words: f.Severity.String() + " " + f.Rule.ID}
	w.event(f.Conn, &e)
}

// Close ends a conversation and writes those whose turn has come.
func (w *Writer) Close(c *timeline.Conn, _ timeline.Stamp) {
	if !w.opt.NoEnds && !c.Refused() && !c.Recorded {
		w.event(c, &Event{Kind: End, Words: c.TCP.String()})
	}
	if _, ok := w.closed[c.ID]; !ok {
		return
	}
	w.closed[c.ID] = true
	for len(w.order) > 0 && w.closed[w.order[0]] {
		w.flushHeld(w.order[0])
		delete(w.closed, w.order[0])
		w.order = w.order[1:]
	}
	if len(w.order) > 0 { // it is their turn
		w.flushHeld(w.order[0])
	}
}

// Done writes the conversations that are left.
func (w *Writer) Done(*timeline.Totals) {
	for _, id := range w.order {
		w.flushHeld(id)
	}
	w.order = nil
	w.write()
	w.fail(w.waiting.Close())
}

// Flush hands to the writer what can be written in order.
func (w *Writer) Flush() error {
	w.write()
	return w.err
}

// Err returns the first write error.
func (w *Writer) Err() error { return w.err }
