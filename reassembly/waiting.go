package reassembly

import (
	"time"

	"github.com/wsdump/wsdump/timeline"
)

// This file decides how long bytes wait behind a hole.

// wait notes that bytes of c wait since at.
func (t *Tracker) wait(c *connection, at timeline.Stamp) {
	c.waiting = true
	t.waiting = append(t.waiting, c)
	t.since = append(t.since, t.now.Time)
}

// giveUpWaiting is called regularly while bytes wait. Bytes that acknowledge bytes not
// captured yet wait for ReorderTime. Bytes behind a hole that was not acknowledged wait
// longer, for a retransmission.
func (c *connection) giveUpWaiting(at timeline.Stamp) {
	limits := &c.t.limits
	for d := range c.half {
		dir := timeline.Direction(d)
		h, peer := &c.half[d], &c.half[1-d]
		if !h.known && h.queue.first != nil {
			c.begin(dir, h)
		}
		waited := func(b *block) time.Duration { return time.Duration(at.Time - b.at.Time) }
		for b := h.queue.first; b != nil && h.ahead(b.seq) == 0 && c.early(b, peer) && waited(b) > limits.ReorderTime; b = h.queue.first {
			c.skipTo(dir.Reverse(), peer, b.ack, b.at)
			c.drain(dir.Reverse(), peer)
			c.drain(dir, h)
		}
		patience := limits.Hole
		if !peer.known { // nobody is there to acknowledge
			patience = min(patience, oneSided*limits.ReorderTime)
		}
		if b := h.queue.first; b != nil && waited(b) > patience || h.hasOver && h.over == timeline.EndReset {
			c.force(dir, h, at)
		}
	}
	switch {
	case c.half[0].ended && c.half[1].ended:
		c.close()
	case c.half[0].queue.first != nil || c.half[1].queue.first != nil:
		c.t.wait(c, at)
	}
}

// oneSided is how many times ReorderTime a hole may last when the other
// direction is not in the capture.
const oneSided = 10

// waited handles the connections that have waited longest, since the same time.
func (t *Tracker) waited(at timeline.Stamp) {
	n := 1
	for n < len(t.since) && t.since[n] == t.since[0] {
		n++
	}
	all := t.waiting[:n]
	t.waiting, t.since = t.waiting[n:], t.since[n:]
	inOrder(all)
	for _, c := range all {
		c.waiting = false
		if !c.closed {
			c.giveUpWaiting(at)
		}
	}
}
