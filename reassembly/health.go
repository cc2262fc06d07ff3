package reassembly

import (
	"time"

	"github.com/wsdump/wsdump/timeline"
)

// This file counts retransmitted and reordered segments. A segment whose bytes were
// captured before is a retransmission: the first one, or its acknowledgement, was lost
// after the place of the capture or came too late. A segment that fills a hole was lost
// before that place and retransmitted, or overtaken by a later one. The time tells the
// two apart: a sender needs longer to notice a loss than packets differ in delay.

// overtakenWithin is how late, in nanoseconds, a segment may be that was merely
// overtaken. It is what Wireshark uses where the round trip is not known.
const overtakenWithin = int64(3 * time.Millisecond)

// resent counts a segment that was sent again.
func (c *connection) resent(dir timeline.Direction, at timeline.Stamp) {
	t := c.transport
	t.Resent[c.counted(dir)]++
	if t.FirstResent.IsZero() {
		t.FirstResent = at
	}
}

// late counts b if it comes before bytes that wait behind a hole.
func (c *connection) late(dir timeline.Direction, h *half, b *block) {
	first := h.queue.first
	if first == nil || !h.known || h.ahead(first.seq) <= 0 || b.seq.Diff(first.seq) <= 0 {
		return
	}
	if b.at.Time-first.at.Time <= overtakenWithin {
		c.transport.Reordered[c.counted(dir)]++
		return
	}
	c.resent(dir, b.at)
}
