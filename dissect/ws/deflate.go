package ws

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/wsdump/wsdump/dissect/ws/inflate"
	"github.com/wsdump/wsdump/timeline"
)

// deflate is permessage-deflate with the parameters that a connection agreed on (RFC
// 7692 7).
type deflate struct{ half [2]compressed }

// compressed is one direction of it. After a loss the history is not known. Each
// message is then tried with an empty history: one that inflates refers to no earlier
// message, so the result is right.
type compressed struct {
	window   inflate.Window
	bits     int    // agreed window
	takeover bool   // messages share a history (context takeover)
	lost     bool   // bytes of the history are missing
	reported bool   // as lost
	in, out  uint64 // bytes of the inflated messages on the wire, and inflated
	// Neighbours in the list of windows in use, the latest first.
	newer, older *compressed
	listed       bool
	cost         int // bytes of window that Env.windows counts
}

// UnknownExtensions returns the names of the agreed extensions whose frames cannot be
// decoded.
func UnknownExtensions(h *timeline.Handshake) (names []string) {
	for i := range h.Extensions {
		if name := h.Extensions[i].Name; name != "permessage-deflate" {
			names = append(names, name)
		}
	}
	return names
}

// agreedDeflate returns the permessage-deflate that h agreed on, nil for none.
func agreedDeflate(h *timeline.Handshake) *deflate {
	if h == nil {
		return nil
	}
	for i := range h.Extensions {
		e := &h.Extensions[i]
		if e.Name != "permessage-deflate" {
			continue
		}
		d := &deflate{}
		for side, name := range [2]string{"client", "server"} {
			c := &d.half[side]
			c.takeover = true
			for _, p := range e.Params {
				switch p.Name {
				case name + "_no_context_takeover":
					c.takeover = false
				case name + "_max_window_bits":
					c.bits, _ = strconv.Atoi(p.Value)
				}
			}
		}
		return d
	}
	return nil
}

// inflate returns the payload of the message in progress, inflated. When it cannot, it
// returns payload as it was on the wire, and the message stays opaque.
func (s *Stream) inflate(dir timeline.Direction, h *half, payload []byte) []byte {
	c, msg := &s.deflate.half[dir], &h.msg
	if msg.incomplete || msg.truncated {
		c.lose(s.env)
		return payload
	}
	w := &c.window
	if !c.takeover {
		w = &s.env.window
		w.Reset()
	}
	r := s.env.inflater.Message(w, payload, inflate.Options{Bits: c.bits, Limit: s.env.limits.Message, Ratio: s.env.limits.Ratio})
	if r.Err != nil && c.lost {
		if !c.reported {
			h.report(timeline.Finding{Rule: ruleContextLost, Detail: "the message refers to bytes that are not in the capture; it is readable again when one stands alone"})
		}
		c.reported = true
		c.lose(s.env)
		return payload
	}
	if c.takeover {
		s.env.use(c)
	}
	c.reported = false
	msg.length, msg.hasLength, msg.opaque = r.Length, true, false
	c.in += msg.wire
	c.out += r.Length
	if r.Distance > 0 {
		h.report(timeline.Finding{Rule: ruleWindowExceeded, Got: fmt.Sprintf("%d bytes back", r.Distance), Want: fmt.Sprintf("%d at most", 1<<c.bits)})
	}
	switch {
	case r.Limited:
		msg.truncated = true
		h.report(timeline.Finding{Rule: ruleDeflateLimit, Got: fmt.Sprintf("more than %d bytes from %d", r.Length, msg.wire)})
		c.lose(s.env)
	case r.Err != nil:
		msg.incomplete = true
		f := timeline.Finding{Rule: ruleDeflateInvalid, Got: r.Err.Error()}
		if corrupt := (*inflate.CorruptError)(nil); errors.As(r.Err, &corrupt) {
			f.Got, f.Offset, f.HasOffset = corrupt.What, uint64(corrupt.Offset), true
		}
		h.report(f)
		c.lose(s.env)
	}
	return r.Payload
}

// lose drops the history of a direction: bytes of it are missing.
func (c *compressed) lose(e *Env) {
	c.lost = c.takeover
	c.window.Reset()
	e.release(c)
}

// use puts c at the head of the list of windows. While the windows take more memory
// than their limit, it evicts those that were not used for longest.
func (e *Env) use(c *compressed) {
	if c.listed {
		e.unlink(c)
	}
	c.listed = true
	e.windows += c.window.Size() - c.cost
	c.cost = c.window.Size()
	c.older, c.newer = e.latest, nil
	if e.latest != nil {
		e.latest.newer = c
	}
	e.latest = c
	if e.oldest == nil {
		e.oldest = c
	}
	for e.windows > e.limits.Windows && e.oldest != c {
		if e.Beyond != nil {
			e.Beyond()
			break
		}
		e.oldest.lose(e)
	}
}

func (e *Env) unlink(c *compressed) {
	if c.newer != nil {
		c.newer.older = c.older
	} else {
		e.latest = c.older
	}
	if c.older != nil {
		c.older.newer = c.newer
	} else {
		e.oldest = c.newer
	}
	c.newer, c.older = nil, nil
}

// release frees the memory of c's window.
func (e *Env) release(c *compressed) {
	if c.listed {
		e.unlink(c)
		c.listed = false
		e.windows -= c.cost
		c.cost = 0
		c.window.Drop()
	}
}

// endDeflate reports directions that compression made larger, and frees the windows.
func (s *Stream) endDeflate(at timeline.Stamp) {
	if s.deflate == nil {
		return
	}
	for dir := range s.deflate.half {
		c := &s.deflate.half[dir]
		if c.in > c.out {
			s.emit(timeline.Direction(dir), &timeline.Finding{
				Rule: ruleWasteful, At: at,
				Got: fmt.Sprintf("%d bytes on the wire for %d", c.in, c.out),
			})
		}
		s.env.release(c)
	}
}
