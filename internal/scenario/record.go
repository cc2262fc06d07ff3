package scenario

import (
	"fmt"
	"strings"

	"github.com/wsdump/wsdump/timeline"
)

// Recorder is a Sink that writes every event down as a line of the scenario
// language. It overwrites borrowed payloads after reading them, so that nobody
// relies on them.
type Recorder struct {
	timeline.Nop
	Lines  []string
	Totals timeline.Totals
	Frames bool // data frames as well
	Poison bool // overwrite what is borrowed
}

func (r *Recorder) add(format string, args ...any) {
	r.Lines = append(r.Lines, strings.TrimRight(fmt.Sprintf(format, args...), " "))
}

func (r *Recorder) Needs(*timeline.Conn) timeline.Needs {
	return timeline.Needs{Payload: true, Frames: r.Frames}
}

func (r *Recorder) Open(c *timeline.Conn) {
	h := c.Handshake
	if h == nil {
		r.add("open")
		return
	}
	r.add("open %d %s %s", h.Status, h.Path, h.Subprotocol)
}

func side(d timeline.Direction) string {
	if d == timeline.ClientToServer {
		return "C"
	}
	return "S"
}

// show quotes a short payload and tells the length of a long one.
func show(b []byte) string {
	if len(b) > 64 {
		return fmt.Sprintf("len=%d", len(b))
	}
	return fmt.Sprintf("%q", b)
}

func marks(pairs ...any) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1].(bool) {
			b.WriteByte(' ')
			b.WriteString(pairs[i].(string))
		}
	}
	return b.String()
}

func (r *Recorder) Frame(f *timeline.Frame) {
	incomplete := marks("incomplete", f.Incomplete, "truncated", f.Truncated, "guessed", f.Guessed)
	switch {
	case f.Opcode == timeline.OpClose && f.CloseCode != 0:
		r.add("close %s %d %q%s", side(f.Dir), f.CloseCode, f.CloseReason, incomplete)
	case f.Opcode == timeline.OpClose, f.Opcode == timeline.OpPing, f.Opcode == timeline.OpPong:
		r.add("%s %s %s%s", f.Opcode, side(f.Dir), show(f.Payload), incomplete)
	default:
		r.add("frame %s %s %s%s", side(f.Dir), f.Opcode, show(f.Payload), incomplete)
	}
	r.poison(f.Payload, f.Masked)
}

func (r *Recorder) Message(m *timeline.Message) {
	kind := m.Kind.String()
	if m.Kind == timeline.OpText && !m.Text {
		kind += "?"
	}
	frames := ""
	if m.Frames != 1 {
		frames = fmt.Sprintf(" frames=%d", m.Frames)
	}
	r.add("message %s %s %s%s%s", side(m.Dir), kind, show(m.Payload), frames,
		marks("compressed", m.Compressed, "incomplete", m.Incomplete, "truncated", m.Truncated, "guessed", m.Guessed))
}

// poison destroys scratch memory; a server's unmasked frame may lie in the
// packet, which belongs to the source.
func (r *Recorder) poison(b []byte, masked bool) {
	if r.Poison && masked && r.Frames {
		return // the message is still to come from the same bytes
	}
	if r.Poison && masked {
		for i := range b {
			b[i] = 0xdb
		}
	}
}

func (r *Recorder) Finding(f *timeline.Finding) { r.add("finding %s", f.Rule.ID) }

func (r *Recorder) Close(c *timeline.Conn, _ timeline.Stamp) {
	clean := ""
	if c.Clean() {
		clean = " clean"
	}
	r.add("end %s by=%s%s", c.TCP, c.By, clean)
}

func (r *Recorder) Done(t *timeline.Totals) { r.Totals = *t }
