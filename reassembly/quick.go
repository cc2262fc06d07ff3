package reassembly

import (
	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/reassembly/wire"
	"github.com/wsdump/wsdump/timeline"
)

// Nearly every segment of a capture is the next one of its direction, on a
// connection that is known both ways and on which nothing waits. This file has
// the short way for those: from the packet to their connection and through it. It
// decides nothing: what is not plainly in order is that of [Tracker.Segment] and
// [connection.segment], and both leave the same behind, see TestQuick.

// quick takes p if it is a plain packet with the next segment of a connection of
// late, and reports whether it did. If not, the packet's flow is remembered for
// Segment, which knows whose it is.
func (t *Tracker) quick(p *capture.Packet, at timeline.Stamp) bool {
	var plain bool
	if t.flow, plain = wire.Plain(uint32(p.Link), p.Data, p.Length, &t.segment); !plain || t.plain || t.decoder.Checksums {
		t.flow = wire.Flow{}
		return false
	}
	f := t.flows.of(t.flow)
	return f.flow == t.flow && f.c != nil && f.c.reborn == nil && f.c.quick(f.dir, &t.segment, at)
}

// flows are the directions of connections of late, each in the place that its
// endpoints give it. Those of which only Segment can take packets need not be
// here.
type flows [1 << flowBits]flow

type flow struct {
	flow wire.Flow
	dir  timeline.Direction
	c    *connection // nil: none
}

const flowBits = 12

func (f *flows) of(flow wire.Flow) *flow {
	mixed := (flow.Addresses ^ uint64(flow.Ports)<<16) * 0x9e3779b97f4a7c15
	return &f[mixed>>(64-flowBits)]
}

// lose forgets both directions of c.
func (f *flows) lose(c *connection) {
	const mapped = 0xffff << 32 // ::ffff:0:0/96
	a, b := &c.key.addr[0], &c.key.addr[1]
	if a[1]&^0xffffffff != mapped || b[1]&^0xffffffff != mapped {
		return
	}
	there := wire.Flow{Addresses: a[1]<<32 | b[1]&0xffffffff, Ports: uint32(c.key.port[0])<<16 | uint32(c.key.port[1])}
	for _, direction := range [...]wire.Flow{there, there.Reverse()} {
		if place := f.of(direction); place.c == c {
			*place = flow{}
		}
	}
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
