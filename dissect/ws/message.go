package ws

import (
	"fmt"
	"unicode/utf8"

	"github.com/wsdump/wsdump/timeline"
)

// tellMessage ends the message in progress.
func (s *Stream) tellMessage(dir timeline.Direction, h *half, last timeline.Stamp, payload []byte) {
	c := s.conn
	msg := &h.msg
	c.Rows++
	if c.FirstMsg.IsZero() {
		c.FirstMsg = msg.first
	}
	if s.needs.Silent && s.countMessage(dir, h, payload) {
		return
	}
	m := &s.env.message
	*m = timeline.Message{
		Conn: c, Dir: dir, First: msg.first, Last: last, N: c.Rows,
		Kind: msg.kind, Frames: msg.frames, WireLength: msg.wire, Length: msg.wire, HasLength: !msg.compressed,
		Compressed: msg.compressed, Opaque: msg.opaque, Incomplete: msg.hole, Truncated: msg.limit,
		HasPayload: s.needs.Payload, Guessed: h.guessed,
	}
	if msg.hole {
		payload = payload[:min(msg.kept, len(payload))]
	}
	s.complete(dir, h, m, payload)
	msg.open = false
	s.env.buffers.put(h.data)
	h.data = nil
}

// complete gives m its payload, judges, counts and tells it. payload is unmasked.
func (s *Stream) complete(dir timeline.Direction, h *half, m *timeline.Message, payload []byte) {
	if m.HasPayload {
		m.Payload = payload
		limited := m.Truncated
		if m.Compressed {
			s.inflate(dir, h, m)
		}
		s.judgeText(h, m)
		if limited {
			h.judge(timeline.Finding{Rule: ruleLimit, Got: fmt.Sprintf("message of %d bytes", m.WireLength), Want: fmt.Sprintf("%d at most are kept", s.env.limits.Message)})
		}
	}
	count := &s.conn.Counters[dir]
	count.Messages++
	if m.HasLength {
		count.Bytes += m.Length
		count.MessageBytes += m.Length
	}
	if !s.needs.Silent {
		s.env.sink.Message(m)
	}
}

// countMessage ends the message in progress where nobody is told of it, if it is
// an ordinary one: whole, not compressed, and what it should be. Everything else
// is tellMessage's.
func (s *Stream) countMessage(dir timeline.Direction, h *half, payload []byte) bool {
	msg := &h.msg
	if msg.opaque || msg.hole || msg.limit || s.needs.Payload && msg.kind == timeline.OpText && !utf8.Valid(payload) {
		return false
	}
	count := &s.conn.Counters[dir]
	count.Messages++
	count.Bytes += msg.wire
	count.MessageBytes += msg.wire
	msg.open = false
	if h.data != nil {
		s.env.buffers.put(h.data)
		h.data = nil
	}
	return true
}

// judgeText holds a text message to UTF-8 (RFC 6455 8.1). A payload that ends
// early may end inside a character, which is left out then.
func (s *Stream) judgeText(h *half, m *timeline.Message) {
	if m.Kind != timeline.OpText || m.Opaque {
		return
	}
	bad := invalidUTF8(m.Payload)
	if bad >= 0 && (m.Incomplete || m.Truncated) && !utf8.FullRune(m.Payload[bad:]) {
		m.Payload = m.Payload[:bad]
		bad = -1
	}
	m.Text = bad < 0
	if !m.Text {
		h.judge(timeline.Finding{
			Rule: ruleUTF8Invalid, Offset: uint64(bad), HasOffset: true,
			Got: fmt.Sprintf("% x", m.Payload[bad:min(bad+4, len(m.Payload))]),
		})
	}
}

// invalidUTF8 returns where b stops being UTF-8, or -1.
func invalidUTF8(b []byte) int {
	if utf8.Valid(b) {
		return -1
	}
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}
