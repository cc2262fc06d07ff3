package ws

import (
	"encoding/binary"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/wsdump/wsdump/timeline"
)

// message is the message in progress of a direction.
type message struct {
	open       bool
	kind       timeline.Opcode
	compressed bool
	opaque     bool // the payload is not what the application sent: compressed, or under RSV bits that nobody agreed on
	collected  bool // somebody needs the payload
	incomplete bool // bytes are missing
	truncated  bool // the payload is cut, or would be: it is longer than a limit
	text       bool // the payload is text, and valid UTF-8
	hasLength  bool // length is known
	frames     uint64
	wire       uint64 // payload bytes on the wire
	length     uint64 // payload bytes, inflated
	holeAt     uint64 // incomplete: payload bytes on the wire before the first hole
	first      timeline.Stamp
}

// beginMessage opens the message whose first frame is in progress.
func (s *Stream) beginMessage(h *half, kind timeline.Opcode) {
	msg := &h.msg
	*msg = message{} // with values in the literal, the compiler makes a copy
	msg.open, msg.kind, msg.first = true, kind, h.first
	if rsv := h.header.rsv(); rsv != 0 {
		msg.compressed = rsv&s.agreed != 0
		msg.opaque = s.judgeRSV(h, s.agreed) || msg.compressed
	}
	msg.collected = s.needs.Payload && (!s.needs.Silent || kind == timeline.OpText || msg.compressed || readsBinary)
}

// readsBinary reports whether a rule reads the payload of binary messages. While none
// does, nobody needs it where messages are not emitted.
var readsBinary = slices.ContainsFunc(Rules(), func(r *timeline.Rule) bool { return r.Reads == timeline.ReadsAny })

// markHole notes that bytes are missing, holeAt payload bytes after the beginning.
func (m *message) markHole(holeAt uint64) {
	if !m.incomplete {
		m.incomplete, m.holeAt = true, holeAt
	}
}

// endMessage ends the message in progress: it judges, counts and emits it. Every
// message comes through here once, complete or not, whatever the sink needs. payload
// is unmasked, and empty where it was not collected.
func (s *Stream) endMessage(dir timeline.Direction, h *half, last *timeline.Stamp, payload []byte) {
	msg := &h.msg
	msg.length, msg.hasLength = msg.wire, !msg.compressed
	known := msg.wire
	if msg.incomplete {
		known = msg.holeAt
	}
	msg.truncated = s.needs.Payload && known > uint64(s.env.limits.Message)
	payload = payload[:min(known, uint64(len(payload)))]
	payload = s.judgeMessage(dir, h, payload)

	c := s.conn
	c.Rows++
	if c.FirstMsg.IsZero() {
		c.FirstMsg = msg.first
	}
	count := &c.Counters[dir]
	count.Messages++
	if msg.hasLength {
		count.Bytes += msg.length
		count.MessageBytes += msg.length
	}
	if !s.needs.Silent {
		s.env.message = timeline.Message{
			Conn: c, Dir: dir, First: msg.first, Last: *last, N: c.Rows,
			Kind: msg.kind, Frames: msg.frames, WireLength: msg.wire, Length: msg.length, HasLength: msg.hasLength,
			Payload: payload, HasPayload: msg.collected, Text: msg.text, Compressed: msg.compressed, Opaque: msg.opaque,
			Incomplete: msg.incomplete, Truncated: msg.truncated, Guessed: h.guessed,
		}
		s.env.sink.Message(&s.env.message)
	}
	msg.open = false
	if h.data != nil {
		s.env.buffers.put(h.data)
		h.data = nil
	}
}

// judgeMessage holds the message in progress to the rules about messages, and returns
// its payload inflated. A rule that reads the payload says so in [timeline.Rule.Reads].
func (s *Stream) judgeMessage(dir timeline.Direction, h *half, payload []byte) []byte {
	msg := &h.msg
	limited := msg.truncated // inflate may set it for another reason
	if msg.collected && msg.compressed {
		payload = s.inflate(dir, h, payload)
	}
	if msg.collected && msg.kind == timeline.OpText && !msg.opaque {
		payload = h.judgeText(payload)
	}
	if limited {
		h.report(timeline.Finding{Rule: ruleLimit, Got: fmt.Sprintf("message of %d bytes", msg.wire), Want: fmt.Sprintf("%d at most are kept", s.env.limits.Message)})
	}
	return payload
}

// judgeText holds a text message to UTF-8 (RFC 6455 8.1). A payload that ends early
// may end inside a character; judgeText returns p without that character.
func (h *half) judgeText(p []byte) []byte {
	bad := invalidUTF8(p)
	if bad >= 0 && (h.msg.incomplete || h.msg.truncated) && !utf8.FullRune(p[bad:]) {
		p, bad = p[:bad], -1
	}
	h.msg.text = bad < 0
	if bad >= 0 {
		h.report(timeline.Finding{Rule: ruleUTF8Invalid, Offset: uint64(bad), HasOffset: true, Got: fmt.Sprintf("% x", p[bad:min(bad+4, len(p))])})
	}
	return p
}

// invalidUTF8 returns the offset of the first byte of b that is not UTF-8, or -1.
func invalidUTF8(b []byte) int {
	if ascii(b) || utf8.Valid(b) {
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

// ascii reports whether b is ASCII. It looks at 32 bytes at a time, where utf8.Valid
// looks at 8.
func ascii(b []byte) bool {
	if len(b) < 8 {
		var found byte
		for _, c := range b {
			found |= c
		}
		return found < 0x80
	}
	found := binary.LittleEndian.Uint64(b[len(b)-8:]) // the last bytes, which the loops below leave out
	for ; len(b) >= 32; b = b[32:] {
		found |= binary.LittleEndian.Uint64(b) | binary.LittleEndian.Uint64(b[8:]) |
			binary.LittleEndian.Uint64(b[16:]) | binary.LittleEndian.Uint64(b[24:])
		if found&0x8080808080808080 != 0 {
			return false
		}
	}
	for ; len(b) > 8; b = b[8:] {
		found |= binary.LittleEndian.Uint64(b)
	}
	return found&0x8080808080808080 == 0
}
