package reassembly

import (
	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/reassembly/wire"
	"github.com/wsdump/wsdump/timeline"
)

// Nearly every segment of a capture is the next one of its direction, on a connection
// whose sequence numbers are known in both directions and on which nothing waits. This
// file processes those faster. It leaves all other segments to [Tracker.Segment] and
// [connection.segment]. TestQuick compares the two.

// plainly takes p if it is a plain packet, and reports whether it did.
func (t *Tracker) plainly(p *capture.Packet, at timeline.Stamp) bool {
	if t.plain || t.decoder.Checksums {
		return false
	}
	seg := &t.segment
	flow, plain := wire.Plain(uint32(p.Link), p.Data, p.Length, seg)
	if !plain {
		return false
	}
	c, from, mine := t.conns.findFlow(flow)
	if !mine {
		return true
	}
	if c != nil && c.direct != nil && c.reborn == nil {
		dir := timeline.ClientToServer
		if from != c.client {
			dir = timeline.ServerToClient
		}
		if c.quick(dir, seg, at) {
			return true
		}
	}
	t.due = unknown
	seg.Src, seg.Dst = flow.Endpoints()
	t.take(c, from, seg, at)
	return true
}

// quick takes seg if it is the next of its direction and acknowledges nothing
// that was not captured, and reports whether it did.
func (c *connection) quick(dir timeline.Direction, seg *wire.Segment, at timeline.Stamp) bool {
	h, peer := &c.half[dir], &c.half[dir.Reverse()]
	const looked = wire.SYN | wire.FIN | wire.RST | wire.ACK
	if c.direct == nil || seg.Flags&looked != wire.ACK || seg.Seq != h.next || !h.known || !peer.hasAcked || !peer.known ||
		h.hasOver || h.ended || h.queue.first != nil || peer.queue.first != nil ||
		peer.ahead(seg.Ack) > 0 || seg.Length != uint32(len(seg.Payload)) {
		return false
	}
	if peer.acked.Diff(seg.Ack) > 0 {
		peer.acked = seg.Ack
	}
	c.transport.Packets++
	c.transport.Last = at
	if seg.Length > 0 {
		c.transport.Segments[c.counted(dir)]++
		c.deliver(dir, h, at, seg.Payload, seg.Length)
	}
	return true
}
