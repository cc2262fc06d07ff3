package ws

import (
	"encoding/binary"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/wsdump/wsdump/timeline"
)

// ping is a ping that waits for its pong. It keeps a hash of the payload and not a
// copy, so that a heartbeat allocates nothing.
type ping struct {
	payload  uint64
	at       timeline.Stamp
	row      uint64
	excused  bool // a close frame came first, so that no pong is due
	reported bool // as missing its pong
}

// hash returns the 64-bit FNV-1a hash of b.
func hash(b []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}

// readControl numbers the row of a control frame and parses the payload.
func (s *Stream) readControl(dir timeline.Direction, h *half, f *timeline.Frame) {
	if f.Opcode.Reserved() {
		return
	}
	s.conn.Rows++
	f.N = s.conn.Rows
	f.PayloadUTF8 = utf8.Valid(f.Payload)
	switch f.Opcode {
	case timeline.OpPing:
		if len(h.outgoing) == s.env.limits.Pings {
			h.outgoing = h.outgoing[:copy(h.outgoing, h.outgoing[1:])]
		}
		h.outgoing = append(h.outgoing, ping{payload: hash(f.Payload), at: f.Last, row: f.N})
		s.expect(dir, h)
	case timeline.OpPong:
		s.readPong(h, &s.half[dir.Reverse()], f)
	case timeline.OpClose:
		s.readClose(dir, h, f)
	}
}

// readPong looks for the ping that f answers, and reports a pong that answers none. A
// pong answers all earlier pings too (RFC 6455 5.5.3).
func (s *Stream) readPong(h, from *half, f *timeline.Frame) {
	want := hash(f.Payload)
	for i := len(from.outgoing) - 1; i >= 0; i-- {
		if p := &from.outgoing[i]; p.payload == want {
			f.RTT = time.Duration(f.First.Time - p.at.Time)
			f.HasRTT = f.RTT >= 0 // else a clock was set back
			from.outgoing = from.outgoing[:copy(from.outgoing, from.outgoing[i+1:])]
			return
		}
	}
	switch {
	case f.Incomplete || from.blind:
	case len(from.outgoing) == 0:
		h.report(timeline.Finding{Rule: rulePongUnsolicited})
	default:
		h.report(timeline.Finding{Rule: rulePongMismatch})
	}
}

// readClose parses the payload of a close frame (RFC 6455 5.5.1).
func (s *Stream) readClose(dir timeline.Direction, h *half, f *timeline.Frame) {
	switch {
	case f.Length == 0:
		return
	case f.Length == 1:
		h.report(timeline.Finding{Rule: ruleCloseLength, Got: "1 byte"})
		return
	case len(f.Payload) < 2:
		return
	}
	f.CloseCode = binary.BigEndian.Uint16(f.Payload)
	f.CloseReason = f.Payload[2:]
	switch code := f.CloseCode; {
	case code > 4999:
		h.report(timeline.Finding{Rule: ruleCloseCodeInvalid, Got: fmt.Sprint(code), Severity: timeline.Warning})
	case code < 1000, code >= 1004 && code <= 1006, code >= 1015 && code <= 2999:
		h.report(timeline.Finding{Rule: ruleCloseCodeInvalid, Got: fmt.Sprint(code)})
	case s.conn.ClosedBy[dir.Reverse()] && code == s.conn.CloseCode: // an echo of a code that was reported
	case code == 1002, code == 1003, code >= 1007 && code <= 1014:
		h.report(timeline.Finding{Rule: ruleCloseAbnormal, Got: fmt.Sprint(code)})
	}
	if i := invalidUTF8(f.CloseReason); i >= 0 && !f.Incomplete {
		h.report(timeline.Finding{Rule: ruleCloseReasonUTF8, Offset: uint64(i), HasOffset: true})
	}
}

// closed notes in the Conn that dir has sent a close frame.
func (s *Stream) closed(dir timeline.Direction, h *half, code uint16, reason string) {
	c := s.conn
	if !c.ClosedBy[0] && !c.ClosedBy[1] {
		c.By = dir.Sender()
		c.CloseCode, c.CloseText = code, reason
		c.EndBegan = h.first
	}
	c.ClosedBy[dir] = true
	h.closed = true
	for i := range s.half {
		for j := range s.half[i].outgoing {
			s.half[i].outgoing[j].excused = true
		}
	}
}
