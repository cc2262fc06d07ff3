package reassembly

import (
	"fmt"
	"time"

	"github.com/wsdump/wsdump/reassembly/wire"
	"github.com/wsdump/wsdump/timeline"
)

// connection is one TCP connection between two endpoints. The fields that every segment
// uses come first. With thousands of connections, most of the cost of a segment is to
// fetch them into the cache.
type connection struct {
	client    uint8           // which side of the key is the client
	closed    bool            // both directions ended; kept to recognise late segments
	waiting   bool            // is in Tracker.waiting
	unweighed uint32          // bytes delivered since its weight was computed
	direct    timeline.Stream // receives Data in place of stream once it is settled; nil until then
	transport *timeline.Transport
	reborn    *rebirth
	weight    int // as Tracker.weight counts it
	t         *Tracker
	half      [2]half

	key           key
	stream        timeline.Stream // nil before the first byte and after the end
	sooner, later *connection     // neighbours in timers
	tick          *tickList       // its list in timers, nil for none
	closedAt      uint64          // the packet that closed it
	doubled       bool            // RuleDuplicate was reported
}

// half is one direction. The fields that every segment uses come first.
type half struct {
	next     wire.Seq // the next byte to deliver
	acked    wire.Seq // the peer has acknowledged all bytes before it
	known    bool     // next is known
	hasAcked bool
	syn      bool // isn is known
	hasOver  bool // a FIN or RST was captured: over, overSeq and overAt are valid
	ended    bool // End was called
	over     timeline.End
	piece    uint32 // length of the latest piece delivered
	latest   int64  // capture time of that piece
	queue    queue
	isn      wire.Seq
	overSeq  wire.Seq // sequence number of the FIN or RST
	overAt   timeline.Stamp
}

// ahead returns how many bytes seq is after next. Positive means a hole.
func (h *half) ahead(seq wire.Seq) int32 { return h.next.Diff(seq) }

// segment processes one segment of direction dir.
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

// start sets the first sequence number of a direction from its SYN.
func (c *connection) start(dir timeline.Direction, h *half, isn wire.Seq) {
	if h.syn || h.known {
		return
	}
	c.transport.ISN[c.counted(dir)], c.transport.HasISN[c.counted(dir)] = uint32(isn), true
	h.isn, h.syn = isn, true
	h.next, h.known = isn.Add(1), true
}

// acknowledge processes an acknowledgement of the bytes of direction dir, sent by from.
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
		// The SYN of this direction is missing, but the acknowledgement shows its number.
		h.next, h.known = ack, true
		c.drain(dir, h)
	case h.queue.first != nil && h.queue.first.seq.Diff(ack) >= 0:
		c.begin(dir, h)
	}
}

// maxAhead is how many bytes TCP can be ahead of the last byte: the largest window (RFC
// 7323 2.3).
const maxAhead = 1 << 30

// data processes the payload of a segment, which begins at seq.
func (c *connection) data(dir timeline.Direction, h, peer *half, seq wire.Seq, seg *wire.Segment, at timeline.Stamp) {
	if h.hasOver && !h.ended && h.overSeq.Diff(seq.Add(seg.Length)) > 0 {
		h.hasOver = false // bytes after a FIN or RST show that it was not of this connection
	}
	c.transport.Segments[c.counted(dir)]++
	if h.ended {
		c.transport.Retransmitted[c.counted(dir)] += uint64(seg.Length)
		c.resent(dir, at)
		return
	}
	b := block{data: seg.Payload, length: seg.Length, seq: seq, ack: seg.Ack, hasAck: seg.Flags&wire.ACK != 0, at: at}
	if !h.known {
		if !h.hasAcked || h.acked != seq {
			c.queueUp(dir, h, b) // which may stop waiting for a hole
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
		c.transport.Retransmitted[c.counted(dir)] += uint64(old)
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
		c.tryEnd(dir, h)
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

// duplicate reports, once, that packets were captured more than once: on several
// interfaces, or on both sides of a bridge. No sender retransmits so soon.
func (c *connection) duplicate(dir timeline.Direction, h *half, b *block) {
	if c.doubled || b.length != h.piece || b.seq.Add(b.length) != h.next || b.at.Time-h.latest > duplicateWithin || b.at.Time < h.latest {
		return
	}
	c.doubled, c.transport.Copied = true, true
	c.finding(&timeline.Finding{Rule: timeline.RuleDuplicate, Dir: dir, HasDir: true, At: b.at})
}

// duplicateWithin bounds the time between a packet and its copy, in nanoseconds.
const duplicateWithin = int64(200 * time.Microsecond)

// startBlocks is how many segments of a direction whose start is missing are queued
// before the lowest is taken as the first.
const startBlocks = 3

// early reports whether b acknowledges bytes of the peer that were not captured yet.
// Those must be delivered first. A difference of one byte is the peer's FIN.
func (c *connection) early(b *block, peer *half) bool {
	return b.hasAck && peer.known && !peer.ended && peer.ahead(b.ack) > 1 && peer.ahead(b.ack) <= maxAhead
}

// queueUp adds b to the queue of its direction.
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

// begin takes the lowest queued byte as the first of a direction.
func (c *connection) begin(dir timeline.Direction, h *half) {
	h.next, h.known = h.queue.first.seq, true
	c.drain(dir, h)
}

// drain delivers the queued bytes that are in order, and then the end if it is next.
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
	c.tryEnd(dir, h)
	if moved {
		c.release(dir.Reverse(), peer)
	}
}

// release delivers what waited for bytes of the other direction, which has moved on.
func (c *connection) release(dir timeline.Direction, h *half) {
	if h.queue.first != nil {
		c.drain(dir, h)
	}
}

// deliver passes the next bytes of a direction to the stream: data, and a gap where the
// snap length cut the packet.
func (c *connection) deliver(dir timeline.Direction, h *half, at timeline.Stamp, data []byte, length uint32) {
	h.next = h.next.Add(length)
	h.latest, h.piece = at.Time, length
	c.open()
	c.transport.Bytes[c.counted(dir)] += uint64(len(data))
	if len(data) > 0 {
		if c.direct != nil {
			c.direct.Data(dir, at, data)
		} else {
			c.stream.Data(dir, at, data)
			if settled, is := c.stream.(timeline.Settled); is {
				c.direct = settled.Settled()
			}
		}
		c.received(uint32(len(data)))
	}
	if missing := uint64(length) - uint64(len(data)); missing > 0 {
		c.gap(dir, at, missing, "cut by the snap length")
	}
}

// skipTo emits a gap for the bytes before seq.
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
	c.transport.Gaps[c.counted(dir)] += n
	c.finding(&timeline.Finding{Rule: ruleGap, Dir: dir, HasDir: true, At: at, Got: fmt.Sprintf("%d bytes", n), Detail: why})
	c.stream.Gap(dir, at, n)
}

// force turns the holes of a direction into gaps, and delivers all that is queued.
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
		c.skipTo(dir, h, h.overSeq, h.overAt)
		c.tryEnd(dir, h)
	}
}

// end notes a FIN or RST at seq, and emits it when all bytes before it are delivered.
func (c *connection) end(dir timeline.Direction, h *half, seq wire.Seq, why timeline.End, at timeline.Stamp) {
	if h.ended {
		return
	}
	if !h.known && h.queue.first == nil {
		h.next, h.known = seq, true
	}
	if h.known && (h.ahead(seq) < 0 || h.ahead(seq) > maxAhead) {
		return // stale: bytes after it were delivered long ago
	}
	if h.hasOver && h.over == why && h.overSeq == seq {
		return
	}
	h.overSeq, h.over, h.overAt, h.hasOver = seq, why, at, true
	if h.known && h.ahead(seq) == 0 {
		c.tryEnd(dir, h)
	} else if !c.waiting {
		c.t.wait(c, at)
	}
}

// tryEnd emits the FIN or RST of a direction if all bytes before it are delivered.
func (c *connection) tryEnd(dir timeline.Direction, h *half) {
	if !h.hasOver || h.ended || !h.known || h.ahead(h.overSeq) != 0 {
		return
	}
	if h.over == timeline.EndFIN {
		h.next = h.next.Add(1)
	}
	h.ended = true
	c.emitEnd(dir, h.overAt, h.over)
	if h.over == timeline.EndReset {
		c.finish(dir.Reverse(), h.overAt, timeline.EndReset)
	}
}

func (c *connection) emitEnd(dir timeline.Direction, at timeline.Stamp, why timeline.End) {
	if c.stream != nil {
		c.stream.End(dir, at, why)
	}
}

// finish ends a direction. It first delivers all that is queued.
func (c *connection) finish(dir timeline.Direction, at timeline.Stamp, why timeline.End) {
	h := &c.half[dir]
	if h.ended {
		return
	}
	c.force(dir, h, at)
	if h.ended {
		return
	}
	// Bytes that the peer acknowledged and the capture lacks. One byte is a FIN.
	if h.known && h.hasAcked && h.ahead(h.acked) > 1 && c.stream != nil {
		c.skipTo(dir, h, h.acked, at)
	}
	h.ended = true
	c.emitEnd(dir, at, why)
}

// reset processes a RST. It ignores a stale one, with a sequence number before bytes that
// the peer has acknowledged (RFC 5961 3.2, as far as an observer can apply it).
func (c *connection) reset(dir timeline.Direction, h *half, seg *wire.Segment, at timeline.Stamp) {
	if h.ended {
		// After a FIN, the RST ends the other direction.
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

// open opens the stream with the first byte, so that a SYN alone costs little.
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

// counted returns the index of dir in the counters of the Transport, whose client and
// server may be exchanged.
func (c *connection) counted(dir timeline.Direction) timeline.Direction {
	if c.transport.Exchanged {
		return dir.Reverse()
	}
	return dir
}

// close frees all state except what recognises late segments.
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
