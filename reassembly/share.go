package reassembly

import (
	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/reassembly/wire"
	"github.com/wsdump/wsdump/timeline"
)

// Share is one of several parts of all connections, each of which a [Tracker] of
// its own follows, in a goroutine of its own. All of them are given all packets:
// to find out that a packet is another one's takes less time than to hand it over.
//
// What one says of a connection is then what a Tracker says that follows all of
// them, with one exception. Limits on what all connections take together are the
// same only while nothing reaches them; so each share has its part of them, and
// says when it needs more ([Tracker.Share]).
type Share struct {
	part
	seed seed
}

// part of the numbers that a hash may have. The zero value is all of them.
type part struct{ index, of uint32 }

// has reports whether what has this hash is of the part.
func (p part) has(hash uint32) bool { return uint32(uint64(hash)*uint64(p.of)>>32) == p.index }

// Shares returns n shares, which together are all connections.
func Shares(n int) []Share {
	shares, seed := make([]Share, n), newSeed()
	for i := range shares {
		shares[i] = Share{part{uint32(i), uint32(n)}, seed}
	}
	return shares
}

// Elsewhere reports whether a packet, which was captured whole, is plainly of another
// share: then [Tracker.Passed] may be told of it in the place of [Tracker.Packet].
func (t *Tracker) Elsewhere(link capture.LinkType, data []byte) bool {
	if t.plain || t.decoder.Checksums {
		return false
	}
	flow, plain := wire.PlainFlow(uint32(link), data, uint32(len(data)))
	return plain && t.conns.elsewhere(flow)
}

// Passed takes packets that are [Tracker.Elsewhere], of so many bytes together. at is
// the last one, of a time before [Tracker.Due].
func (t *Tracker) Passed(packets, bytes uint64, at timeline.Stamp) {
	t.packets += packets
	t.bytes += bytes
	t.Advance(at)
}

// Share says, before any packet, that t follows only the connections of s. beyond
// is called when a limit on all of them together is reached: what t tells from then
// on is not what it ought to be, until the caller stops giving it packets.
func (t *Tracker) Share(s Share, beyond func()) {
	t.conns.share, t.conns.seed, t.beyond = s.part, s.seed, beyond
}
