package reassembly

import (
	"github.com/wsdump/wsdump/reassembly/wire"
	"github.com/wsdump/wsdump/timeline"
)

// Nearly every segment of a capture is the next one of its direction, on a
// connection that is known both ways and on which nothing waits. This file has
// the short way for those: to their connection and through it. It decides
// nothing: what is not plainly in order is [connection.segment]'s, and both
// leave the same behind, see TestQuick.

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
		c.transport.Segments[c.told(dir)]++
		c.deliver(dir, h, at, seg.Payload, seg.Length)
	}
	return true
}

// places are the connections of late, each in the place that its ports give it:
// the table of all connections is asked only where another one has taken it.
type places [1 << placeBits]*connection

const placeBits = 11

// of returns the place of k.
func (p *places) of(k *key) **connection {
	mixed := (uint32(k.port[0])<<16 | uint32(k.port[1])) * 0x9e3779b1
	return &p[mixed>>(32-placeBits)]
}

// find returns the connection of k, nil when there is none.
func (t *Tracker) find(k *key) *connection {
	place := t.places.of(k)
	if c := *place; c != nil && c.key.is(k) {
		return c
	}
	c := t.conns[*k]
	if c != nil {
		*place = c
	}
	return c
}

// lose forgets c.
func (p *places) lose(c *connection) {
	if place := p.of(&c.key); *place == c {
		*place = nil
	}
}
