package reassembly

import (
	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/reassembly/wire"
	"github.com/wsdump/wsdump/timeline"
)

// Share is a part of the connections of an input. Each share has its own [Tracker] in its
// own goroutine. All Trackers receive all packets: to see that a packet belongs to
// another share takes less time than to pass it to another goroutine.
//
// A Tracker emits for a connection what a single Tracker would, with one exception: the
// limits on all connections together. Each share has a part of such a limit, and calls
// beyond when it needs more ([Tracker.Share]).
type Share struct {
	part
	seed seed
}

// part is a range of hashes. The zero value has all of them.
type part struct{ index, of uint32 }

// has reports whether hash is in the part.
func (p part) has(hash uint32) bool { return uint32(uint64(hash)*uint64(p.of)>>32) == p.index }

// Shares returns n shares, which together are all connections.
func Shares(n int) []Share {
	shares, seed := make([]Share, n), newSeed()
	for i := range shares {
		shares[i] = Share{part{uint32(i), uint32(n)}, seed}
	}
	return shares
}

// Elsewhere reports whether a packet, which must be captured whole, certainly belongs to
// another share. Such packets may go to [Tracker.Passed] and not to [Tracker.Packet].
func (t *Tracker) Elsewhere(link capture.LinkType, data []byte) bool {
	if t.plain || t.decoder.Checksums {
		return false
	}
	flow, plain := wire.PlainFlow(uint32(link), data, uint32(len(data)))
	return plain && t.conns.elsewhere(flow)
}

// Passed counts packets that are [Tracker.Elsewhere], and their bytes. at is the stamp of
// the last one; its time must be before [Tracker.Due].
func (t *Tracker) Passed(packets, bytes uint64, at timeline.Stamp) {
	t.packets += packets
	t.bytes += bytes
	t.Advance(at)
}

// Share makes t follow only the connections of s. Call it before the first packet. t calls
// beyond when it reaches its part of a limit on all connections. From then on the output
// of t may be wrong, and the caller must stop.
func (t *Tracker) Share(s Share, beyond func()) {
	t.conns.share, t.conns.seed, t.beyond = s.part, s.seed, beyond
}
