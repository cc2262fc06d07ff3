package reassembly

import (
	"fmt"
	"time"

	"github.com/wsdump/wsdump/reassembly/wire"
	"github.com/wsdump/wsdump/timeline"
)

// connection is one TCP connection between two endpoints. What every segment
// needs stands first and together: there may be thousands, and most of what one
// costs is to fetch it into the cache.
type connection struct {
	client    uint8           // which side of the key is the client
	closed    bool            // both directions ended; kept to know stragglers
	waiting   bool            // stands in Tracker.waiting
	unweighed uint32          // bytes since it was asked for its weight
	direct    timeline.Stream // hears Data in place of stream once it is settled; nil until then
	transport *timeline.Transport
	reborn    *rebirth
	weight    int // that is counted
	t         *Tracker
	half      [2]half

	key           key
	stream        timeline.Stream // nil before the first byte and after the end
	sooner, later *connection     // neighbours in timers
	tick          *tickList       // where it stands in timers; nil when it does not
	closedAt      uint64          // the packet that closed it
	doubled       bool            // that packets were seen twice was told
}

// half is one direction: what its sender sent. What every segment needs stands
// first.
type half struct {
	next     wire.Seq // the next byte to deliver
	acked    wire.Seq // up to here the peer has everything
	known    bool     // next is known
	hasAcked bool
	syn      bool // isn is known
	hasOver  bool // FIN or RST was seen at at
	ended    bool // and told
	over     timeline.End
	piece    uint32 // length of the latest piece
	latest   int64  // when it was delivered
	queue    queue
	isn      wire.Seq
	at       wire.Seq // where FIN or RST stands
	overAt   timeline.Stamp
}

// ahead returns how far behind next seq lies: positive is a hole.
func (h *half) ahead(seq wire.Seq) int32 { return h.next.Diff(seq) }

// segment takes one segment of direction dir.
func (c *connection) segment(dir timeline.Direction, seg *wire.Segment, at timeline.Stamp) {
	h, peer := &c.half[dir], &c.half[dir.Reverse()]
	c.transport.Packets++
	c.transport.Last = at
	seq := seg.Seq
	if seg.Flags&wire.SYN != 0 {
		seq = seq.Add(1)
		c.start(dir, h, seg.Seq)
	}
	if seg.Flags&wire.RST != 0 {
		c.reset(dir, h, seg, at)
		return
	}
	if seg.Flags&wire.ACK != 0 {
		c.acknowledge(dir.Reverse(), peer, h, seg, at)
	}
	if seg.Length > 0 {
		c.data(dir, h, peer, seq, seg, at)
	}
	if seg.Flags&wire.FIN != 0 {
		c.end(dir, h, seq.Add(seg.Length), timeline.EndFIN, at)
	}
	if c.half[0].ended && c.half[1].ended {
		c.close()
	}
}

// start learns the first sequence number of a direction from its SYN.
func (c *connection) start(dir timeline.Direction, h *half, isn wire.Seq) {
	if h.syn || h.known {
		return
	}
	c.transport.ISN[c.told(dir)], c.transport.HasISN[c.told(dir)] = uint32(isn), true
	h.isn, h.syn = isn, true
	h.next, h.known = isn.Add(1), true
}

// acknowledge learns from an acknowledgement of direction dir's bytes, sent by
// from.
func (c *connection) acknowledge(dir timeline.Direction, h, from *half, seg *wire.Segment, at timeline.Stamp) {
	ack := seg.Ack
	if h.hasAcked && h.acked.Diff(ack) <= 0 {
		return
	}
	if h.known && h.ahead(ack) > maxAhead {
		return
	}
	h.acked, h.hasAcked = ack, true
	switch {
	case h.known:
		for h.queue.first != nil && h.queue.first.seq.Diff(ack) >= 0 && h.ahead(h.queue.first.seq) > 0 {
			c.skipTo(dir, h, h.queue.first.seq, h.queue.first.at)
			c.drain(dir, h)
		}
	case from.syn && seg.Flags&wire.SYN == 0:
		// The SYN of this direction is lost, but its peer tells where it began.
		h.next, h.known = ack, true
		c.drain(dir, h)
	case h.queue.first != nil && h.queue.first.seq.Diff(ack) >= 0:
		c.begin(dir, h)
	}
}

// maxAhead is how far ahead of the last byte TCP can be: the largest window
// (RFC 7323 2.3).
const maxAhead = 1 << 30

// data takes the payload of a segment, which begins at seq.
func (c *connection) data(dir timeline.Direction, h, peer *half, seq wire.Seq, seg *wire.Segment, at timeline.Stamp) {
	if h.hasOver && !h.ended && h.at.Diff(seq.Add(seg.Length)) > 0 {
		h.hasOver = false // bytes behind a FIN or RST: it was not of this connection
	}
	c.transport.Segments[c.told(dir)]++
	if h.ended {
		c.transport.Retransmitted[c.told(dir)] += uint64(seg.Length)
		c.resent(dir, at)
		return
	}
	b := block{data: seg.Payload, length: seg.Length, seq: seq, ack: seg.Ack, hasAck: seg.Flags&wire.ACK != 0, at: at}
	if !h.known {
		if !h.hasAcked || h.acked != seq {
			c.queueUp(dir, h, b) // which may give up waiting
			if h.queue.blocks >= startBlocks || h.hasAcked && h.queue.first != nil && h.queue.first.seq.Diff(h.acked) >= 0 {
				c.begin(dir, h)
			}
			return
		}
		h.next, h.known = seq, true
	}
	ahead := h.ahead(seq)
	if ahead < 0 {
		old := min(uint32(-ahead), b.length)
		if probe := ahead == -1 && b.length == 1; !probe { // RFC 9293 3.8.4: an old byte to keep the connection alive
			c.duplicate(dir, h, &b)
			c.resent(dir, at)
		}
		c.transport.Retransmitted[c.told(dir)] += uint64(old)
		if b = b.slice(old, b.length); b.length == 0 {
			return
		}
		ahead = 0
	} else {
		c.late(dir, h, &b)
	}
	if ahead > maxAhead {
		return
	}
	if ahead == 0 && h.queue.first == nil && !c.early(&b, peer) {
		c.deliver(dir, h, at, b.data, b.length)
		c.tellEnd(dir, h)
		c.release(dir.Reverse(), peer)
		return
	}
	c.queueUp(dir, h, b)
	c.drain(dir, h)
	if h.queue.first != nil && h.hasAcked && h.queue.first.seq.Diff(h.acked) >= 0 && h.ahead(h.queue.first.seq) > 0 {
		c.skipTo(dir, h, h.queue.first.seq, h.queue.first.at)
		c.drain(dir, h)
	}
}

// duplicate tells, once, that packets were captured more than once: on several
// interfaces, or on both sides of a bridge. No sender repeats itself so soon.
func (c *connection) duplicate(dir timeline.Direction, h *half, b *block) {
	if c.doubled || b.length != h.piece || b.seq.Add(b.length) != h.next || b.at.Time-h.latest > duplicateWithin || b.at.Time < h.latest {
		return
	}
	c.doubled, c.transport.Copied = true, true
	c.finding(&timeline.Finding{Rule: timeline.RuleDuplicate, Dir: dir, HasDir: true, At: b.at})
}

// duplicateWithin is how soon a copy follows, in nanoseconds.
const duplicateWithin = int64(200 * time.Microsecond)

// startBlocks is how many segments of a connection whose start is missing are
// looked at before the lowest is taken for its first.
const startBlocks = 3

// early reports whether the sender of b had heard bytes of its peer that were
// not captured yet: they come first. A lead of one is the peer's FIN.
func (c *connection) early(b *block, peer *half) bool {
	return b.hasAck && peer.known && !peer.ended && peer.ahead(b.ack) > 1 && peer.ahead(b.ack) <= maxAhead
}

// queueUp lets b wait.
func (c *connection) queueUp(dir timeline.Direction, h *half, b block) {
	if h.queue.insert(&c.t.pool, b) {
		c.finding(&timeline.Finding{Rule: ruleOverlap, Dir: dir, HasDir: true, At: b.at})
	}
	if !c.waiting {
		c.t.wait(c, b.at)
	}
	limits := &c.t.limits
	full := h.queue.bytes > limits.Reorder || h.queue.blocks > maxBlocks
	if full || c.t.pool.inUse > limits.ReorderTotal {
		name, most := "Reorder", limits.Reorder
		if !full {
			if c.t.beyond != nil {
				c.t.beyond()
				return
			}
			name, most = "ReorderTotal", limits.ReorderTotal
		}
		c.finding(&timeline.Finding{Rule: ruleLimit, Dir: dir, HasDir: true, At: b.at, Got: name, Want: fmt.Sprintf("%d bytes at most", most)})
		c.force(dir, h, b.at)
	}
}

// begin takes the lowest waiting byte for the first of a direction.
func (c *connection) begin(dir timeline.Direction, h *half) {
	h.next, h.known = h.queue.first.seq, true
	c.drain(dir, h)
}

// drain delivers what is in order now, then the end if it is reached.
func (c *connection) drain(dir timeline.Direction, h *half) {
	peer := &c.half[dir.Reverse()]
	moved := false
	for b := h.queue.first; b != nil && h.known && !h.ended; b = h.queue.first {
		ahead := h.ahead(b.seq)
		if ahead > 0 || ahead == 0 && c.early(b, peer) {
			break
		}
		h.queue.pop(&c.t.pool)
		if old := uint32(-ahead); old < b.length {
			rest := b.slice(old, b.length)
			c.deliver(dir, h, b.at, rest.data, rest.length)
			moved = true
		}
		c.t.pool.put(b)
	}
	c.tellEnd(dir, h)
	if moved {
		c.release(dir.Reverse(), peer)
	}
}

// release is called when the other direction moved on: h may have waited for
// its bytes.
func (c *connection) release(dir timeline.Direction, h *half) {
	if h.queue.first != nil {
		c.drain(dir, h)
	}
}

// deliver gives the next bytes of a direction upwards: data, and a gap where
// the packet was cut.
func (c *connection) deliver(dir timeline.Direction, h *half, at timeline.Stamp, data []byte, length uint32) {
	h.next = h.next.Add(length)
	h.latest, h.piece = at.Time, length
	c.open()
	c.transport.Bytes[c.told(dir)] += uint64(len(data))
	if len(data) > 0 {
		if c.direct != nil {
			c.direct.Data(dir, at, data)
		} else {
			c.stream.Data(dir, at, data)
			if settled, is := c.stream.(timeline.Settled); is {
				c.direct = settled.Settled()
			}
		}
		c.heard(uint32(len(data)))
	}
	if missing := uint64(length) - uint64(len(data)); missing > 0 {
		c.gap(dir, at, missing, "cut by the snap length")
	}
}

// skipTo gives up the bytes before seq.
func (c *connection) skipTo(dir timeline.Direction, h *half, seq wire.Seq, at timeline.Stamp) {
	n := h.ahead(seq)
	if n <= 0 {
		return
	}
	h.next = seq
	c.open()
	c.gap(dir, at, uint64(n), "")
}

func (c *connection) gap(dir timeline.Direction, at timeline.Stamp, n uint64, why string) {
	c.t.gaps++
	c.t.gapBytes += n
	c.transport.Gaps[c.told(dir)] += n
	c.finding(&timeline.Finding{Rule: ruleGap, Dir: dir, HasDir: true, At: at, Got: fmt.Sprintf("%d bytes", n), Detail: why})
	c.stream.Gap(dir, at, n)
}

// force ends the waiting of a direction: holes become gaps.
func (c *connection) force(dir timeline.Direction, h *half, at timeline.Stamp) {
	if !h.known && h.queue.first != nil {
		h.next, h.known = h.queue.first.seq, true
	}
	for b := h.queue.first; b != nil && !h.ended; b = h.queue.first {
		peer := &c.half[dir.Reverse()]
		if c.early(b, peer) {
			c.skipTo(dir.Reverse(), peer, b.ack, b.at)
			c.drain(dir.Reverse(), peer)
		}
		c.skipTo(dir, h, b.seq, b.at)
		c.drain(dir, h)
	}
	if h.hasOver && !h.ended && h.known {
		c.skipTo(dir, h, h.at, h.overAt)
		c.tellEnd(dir, h)
	}
}

// end notes a FIN or RST at seq and tells it when it is reached.
func (c *connection) end(dir timeline.Direction, h *half, seq wire.Seq, why timeline.End, at timeline.Stamp) {
	if h.ended {
		return
	}
	if !h.known && h.queue.first == nil {
		h.next, h.known = seq, true
	}
	if h.known && (h.ahead(seq) < 0 || h.ahead(seq) > maxAhead) {
		return // stale: its place was passed long ago
	}
	if h.hasOver && h.over == why && h.at == seq {
		return
	}
	h.at, h.over, h.overAt, h.hasOver = seq, why, at, true
	if h.known && h.ahead(seq) == 0 {
		c.tellEnd(dir, h)
	} else if !c.waiting {
		c.t.wait(c, at)
	}
}

// tellEnd tells a FIN or RST whose place is reached.
func (c *connection) tellEnd(dir timeline.Direction, h *half) {
	if !h.hasOver || h.ended || !h.known || h.ahead(h.at) != 0 {
		return
	}
	if h.over == timeline.EndFIN {
		h.next = h.next.Add(1)
	}
	h.ended = true
	c.tell(dir, h.overAt, h.over)
	if h.over == timeline.EndReset {
		c.finish(dir.Reverse(), h.overAt, timeline.EndReset)
	}
}

func (c *connection) tell(dir timeline.Direction, at timeline.Stamp, why timeline.End) {
	if c.stream != nil {
		c.stream.End(dir, at, why)
	}
}

// finish ends a direction that says nothing more: what waits is told first.
func (c *connection) finish(dir timeline.Direction, at timeline.Stamp, why timeline.End) {
	h := &c.half[dir]
	if h.ended {
		return
	}
	c.force(dir, h, at)
	if h.ended {
		return
	}
	// Bytes that the peer has and the capture has not. One is a FIN.
	if h.known && h.hasAcked && h.ahead(h.acked) > 1 && c.stream != nil {
		c.skipTo(dir, h, h.acked, at)
	}
	h.ended = true
	c.tell(dir, at, why)
}

// reset takes a RST. A stale one, from before bytes that the peer already
// acknowledged, means nothing (RFC 5961 3.2 in an observer's terms).
func (c *connection) reset(dir timeline.Direction, h *half, seg *wire.Segment, at timeline.Stamp) {
	if h.ended {
		// Behind a FIN: the other direction ends with it.
		if h.over == timeline.EndFIN && !c.half[dir.Reverse()].ended {
			c.finishReset(dir, at)
		}
		return
	}
	if h.known {
		ahead := h.ahead(seg.Seq)
		stale := ahead < 0 && h.hasAcked && h.acked.Diff(seg.Seq) < 0
		if stale || int(ahead) > c.t.limits.Reorder {
			return
		}
		if ahead > 0 {
			c.end(dir, h, seg.Seq, timeline.EndReset, at)
			return
		}
	}
	c.finishReset(dir, at)
}

func (c *connection) finishReset(dir timeline.Direction, at timeline.Stamp) {
	c.finish(dir, at, timeline.EndReset)
	c.finish(dir.Reverse(), at, timeline.EndReset)
	c.close()
}

// finishBoth ends the connection for a reason that is not on the wire.
func (c *connection) finishBoth(at timeline.Stamp, why timeline.End) {
	c.finish(timeline.ClientToServer, at, why)
	c.finish(timeline.ServerToClient, at, why)
	c.close()
}

// open makes the stream with the first byte, so that a SYN costs little.
func (c *connection) open() {
	if c.stream != nil {
		return
	}
	c.stream = c.t.open(c.transport)
	if c.transport.Midstream {
		c.stream.Finding(&timeline.Finding{Rule: ruleMidstream, At: c.transport.First})
	}
	for dir := range c.half { // a FIN before any byte of the other direction
		if h := &c.half[dir]; h.ended {
			c.stream.End(timeline.Direction(dir), h.overAt, h.over)
		}
	}
}

func (c *connection) finding(f *timeline.Finding) {
	c.open()
	c.stream.Finding(f)
}

// told returns the index under which the Transport counts a direction.
func (c *connection) told(dir timeline.Direction) timeline.Direction {
	if c.transport.Exchanged {
		return dir.Reverse()
	}
	return dir
}

// close lets go of everything but what is needed to know stragglers.
func (c *connection) close() {
	if c.closed {
		return
	}
	if c.stream == nil {
		c.t.empty++
	}
	if s, is := c.stream.(timeline.Released); is {
		s.Released()
	}
	c.closed, c.stream, c.direct = true, nil, nil
	c.t.weigh(c, 0)
	for i := range c.half {
		for q := &c.half[i].queue; q.first != nil; {
			c.t.pool.put(q.pop(&c.t.pool))
		}
	}
	c.t.schedule(c, c.t.limits.HalfOpen)
	c.t.keepClosed(c)
}
