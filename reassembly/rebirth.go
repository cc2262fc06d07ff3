package reassembly

import (
	"bytes"

	"github.com/wsdump/wsdump/reassembly/wire"
	"github.com/wsdump/wsdump/timeline"
)

// rebirth is a SYN that may begin a new connection on the addresses and ports of one that
// has not ended in the capture. It counts once it is answered, so that a stray or forged
// SYN ends no connection.
type rebirth struct {
	seg wire.Segment // owned
	at  timeline.Stamp
}

// reuse checks whether a segment begins a new connection on the same
// 4-tuple and returns the connection that it belongs to; nil when it is to be
// ignored.
func (c *connection) reuse(seg *wire.Segment, at timeline.Stamp) *connection {
	h := &c.half[c.direction(seg)]
	if seg.Flags&wire.SYN != 0 && seg.Flags&wire.RST == 0 {
		again := h.syn && h.isn == seg.Seq
		late := !h.syn && h.known && abs(seg.Seq.Add(1).Diff(h.next)) < lateSYN && !c.closed
		switch {
		case again || !h.syn && !h.known:
			return c
		case late:
			return nil
		case c.closed:
			return c.t.replace(c, seg, at)
		case c.reborn != nil && c.reborn.answeredBy(seg):
			return c.believe(at)
		}
		c.reborn = &rebirth{seg: *seg, at: at}
		c.reborn.seg.Payload = bytes.Clone(seg.Payload)
		return nil
	}
	if c.reborn != nil && c.reborn.answeredBy(seg) {
		return c.believe(at)
	}
	return c
}

// lateSYN is how close to the first byte a late SYN must be, in sequence numbers, to be
// the SYN of a connection that seemed to have none.
const lateSYN = 1 << 16

func abs(n int32) int32 {
	if n < 0 {
		return -n
	}
	return n
}

// answeredBy reports whether seg goes on from the SYN of r.
func (r *rebirth) answeredBy(seg *wire.Segment) bool {
	if seg.Flags&wire.RST != 0 {
		return false
	}
	if seg.Src == r.seg.Src {
		return seg.Flags&wire.SYN == 0 && seg.Seq == r.seg.NextSeq()
	}
	return seg.Flags&wire.ACK != 0 && seg.Ack == r.seg.NextSeq() || seg.Flags&wire.ACK != 0 && seg.Ack == r.seg.Seq.Add(1)
}

// believe ends the old connection and begins the new one with its SYN.
func (c *connection) believe(at timeline.Stamp) *connection {
	r := c.reborn
	c.reborn = nil
	if !c.closed {
		c.finishBoth(r.at, timeline.EndReplaced)
	}
	fresh := c.t.replace(c, &r.seg, r.at)
	fresh.segment(fresh.direction(&r.seg), &r.seg, r.at)
	return fresh
}
