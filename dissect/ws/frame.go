package ws

import (
	"fmt"

	"github.com/wsdump/wsdump/timeline"
)

// beginFrame judges the header of the frame in progress and opens the message that it
// begins. Every frame comes through here once.
func (s *Stream) beginFrame(dir timeline.Direction, h *half) {
	hd := &h.header
	op := hd.opcode()
	h.done, h.hole, h.cut, h.start = 0, false, false, len(h.data)
	h.plain, h.invalid = false, false

	if hd.masked != (dir == timeline.ClientToServer) {
		if hd.masked {
			h.report(timeline.Finding{Rule: ruleMaskUnexpected})
		} else {
			h.report(timeline.Finding{Rule: ruleMaskMissing})
		}
	}
	if hd.masked {
		if hd.length > 0 && hd.key == [4]byte{} {
			h.report(timeline.Finding{Rule: ruleMaskKeyWeak, Got: "00000000", Detail: "the key is zero: the payload is not masked at all"})
		} else if hd.length > 0 && h.hasKey && hd.key == h.lastKey {
			h.report(timeline.Finding{Rule: ruleMaskKeyWeak, Got: fmt.Sprintf("%x", hd.key[:]), Detail: "the same key as on the frame before"})
		}
		h.lastKey, h.hasKey = hd.key, hd.length > 0
	}
	if hd.wide {
		f := timeline.Finding{Rule: ruleLengthNotMinimal, Got: fmt.Sprintf("%d in a header of %d bytes", hd.length, hd.size)}
		if hd.length>>63 != 0 {
			f.Got, f.Want, f.Detail = fmt.Sprintf("%#x", hd.length), "below 0x8000000000000000", "a length of 64 bits with its top bit set"
		}
		h.report(f)
	}
	if op.Reserved() {
		h.report(timeline.Finding{Rule: ruleOpcodeReserved, Got: fmt.Sprintf("%#x", uint8(op))})
	}
	if h.closed {
		s.judgeAfterClose(h, op)
	}
	if op.Control() {
		s.judgeRSV(h, 0)
		s.judgeControl(h, op)
		return
	}
	s.beginData(dir, h, op)
}

// report reports a finding about the frame in progress. It is emitted after the row of
// the frame or message, with the number of that row; see flush.
func (h *half) report(f timeline.Finding) {
	if len(h.pending) < 2*timeline.FindingsPerRule { // a frame breaks each rule once
		h.pending = append(h.pending, f)
	}
}

// judgeRSV reports reserved bits other than allowed, and whether one is set that no
// agreed extension defines.
func (s *Stream) judgeRSV(h *half, allowed uint8) bool {
	wrong := h.header.rsv() &^ allowed
	if s.unknown {
		return wrong != 0
	}
	if s.deflate != nil && wrong&rsv1 != 0 {
		h.report(timeline.Finding{Rule: ruleRSV1Misused, Got: h.header.opcode().String() + " with RSV1"})
		wrong &^= rsv1
	}
	if wrong == 0 {
		return false
	}
	h.report(timeline.Finding{Rule: ruleRSVSet, Got: fmt.Sprintf("RSV bits %03b", wrong>>4)})
	return true
}

func (s *Stream) judgeAfterClose(h *half, op timeline.Opcode) {
	f := timeline.Finding{Rule: ruleDataAfterClose, Got: op.String()}
	if op == timeline.OpPing || op == timeline.OpPong {
		// Severity Note is the zero value, which stands for the rule's own.
		f.Milder = true
	}
	h.report(f)
}

// judgeControl holds the header of a control frame to the rules. A frame that breaks one
// makes the receiver fail the connection: it starts no close handshake, and nobody has to
// answer it (RFC 6455 5.2, 5.5, 7.1.7).
func (s *Stream) judgeControl(h *half, op timeline.Opcode) {
	h.invalid = !h.header.fin() || h.header.length > 125 || h.header.rsv() != 0 && !s.unknown
	if !h.header.fin() {
		h.report(timeline.Finding{Rule: ruleControlFragmented, Got: op.String() + " with FIN=0"})
	}
	if h.header.length > 125 {
		h.report(timeline.Finding{Rule: ruleControlTooLong, Got: fmt.Sprintf("%s of %d bytes", op, h.header.length), Want: "125 at most"})
	}
}

func (s *Stream) beginData(dir timeline.Direction, h *half, op timeline.Opcode) {
	switch op {
	case timeline.OpContinuation:
		s.judgeRSV(h, 0)
		if !h.msg.open && !h.guessed { // its beginning may be what was missed
			h.report(timeline.Finding{Rule: ruleContinuationOrphan})
		}
		return
	case timeline.OpText, timeline.OpBinary:
		if h.msg.open {
			s.abandon(dir, h, &h.first)
			h.report(timeline.Finding{Rule: ruleContinuationExpected, Got: op.String(), Want: timeline.OpContinuation.String()})
			h.start = 0
		}
		s.beginMessage(h, op)
	default:
		s.judgeRSV(h, 0)
	}
}

// endFrame ends the frame in progress: it counts the frame, emits it where somebody
// needs it, and ends the message that it completes. Every frame comes through here
// once, complete or not. payload is unmasked; a hole or a limit may have cut it.
func (s *Stream) endFrame(dir timeline.Direction, h *half, last *timeline.Stamp, payload []byte) {
	hd := &h.header
	op := hd.opcode()
	c := s.conn
	count := &c.Counters[dir]
	count.Frames++
	count.WireBytes += h.done // what the header promises and did not come does not count
	if op.Control() {
		count.Bytes += h.done
	}
	var code uint16 // of a close frame
	var reason string
	if s.needs.Frames || op.Control() && !op.Reserved() {
		f := &s.env.frame
		*f = timeline.Frame{
			Conn: c, Dir: dir, First: h.first, Last: *last,
			Opcode: op, Fin: hd.fin(), Rsv1: hd.bits&rsv1 != 0, Rsv2: hd.bits&rsv2 != 0, Rsv3: hd.bits&rsv3 != 0,
			Masked: hd.masked, MaskKey: hd.key, HeaderLength: int(hd.size), Length: hd.length,
			Payload: payload, Incomplete: h.hole, Truncated: h.cut, Guessed: h.guessed,
		}
		if op.Control() {
			s.readControl(dir, h, f)
			code, reason = f.CloseCode, string(f.CloseReason) // the sink may overwrite f
		}
		s.env.sink.Frame(f)
	}
	if (op != timeline.OpClose || h.invalid) && !c.ClosedBy[0] && !c.ClosedBy[1] {
		c.LastFrame, c.LastDir = *last, dir
	}
	var row uint64
	switch {
	case op.Control():
		if !op.Reserved() {
			row = c.Rows
		}
		if op == timeline.OpClose && !h.invalid {
			s.closed(dir, h, code, reason)
		}
	case h.msg.open && !op.Reserved():
		if h.hole {
			h.msg.markHole(h.msg.wire + h.holeAt)
		}
		h.msg.frames++
		h.msg.wire += h.done
		if hd.fin() {
			if h.data != nil { // payload is the last frame's part of it
				payload = h.data
			}
			s.endMessage(dir, h, last, payload)
			row = c.Rows
		}
	default:
		s.dropPayload(h)
	}
	if len(h.pending) > 0 {
		h.flush(s, dir, row)
	}
}

// dropPayload drops the payload of a frame that belongs to no message.
func (s *Stream) dropPayload(h *half) {
	h.data = h.data[:h.start]
	if h.start == 0 {
		s.env.buffers.put(h.data)
		h.data = nil
	}
}

// flush emits the pending findings. row is the number of the row that they are about,
// 0 for none.
func (h *half) flush(s *Stream, dir timeline.Direction, row uint64) {
	for i := range h.pending {
		f := &h.pending[i]
		f.N, f.At = row, h.first
		s.emit(dir, f)
	}
	h.pending = h.pending[:0]
}
