package reassembly

import (
	"math"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/reassembly/wire"
	"github.com/wsdump/wsdump/timeline"
)

// Recent finds the packets of connections that were chosen when they ended, while more
// packets come. It is a [Selector] for live captures, which cannot be read twice. Pass
// each packet to [Recent.Learn] when it comes, and to [Recent.Has] to decide whether to
// keep it, both in order. The zero value chooses no connection.
type Recent struct {
	decoder wire.Decoder
	segment wire.Segment
	chosen  map[key][]span
	pieces  fragments
	learned map[uint64]origin // by the number of a packet that is a piece
}

// origin is what a piece of an IP packet was part of, and the packet by which
// that became known.
type origin struct {
	of     key
	number uint64
	time   int64
}

// mostLearned bounds the pieces that are remembered, some 100 bytes each.
const mostLearned = 1 << 18

// span is where the packets of a connection are.
type span struct {
	first uint64 // packet
	until int64  // by capture time
}

// Add chooses the packets of t up to a capture time; t may go on to change.
func (r *Recent) Add(t *timeline.Transport, until int64) {
	if r.chosen == nil {
		r.chosen = make(map[key][]span)
	}
	k, _ := keyOf(t.Client, t.Server)
	for i := range r.chosen[k] {
		if s := &r.chosen[k][i]; s.first == t.First.Packet {
			s.until = max(s.until, until)
			return
		}
	}
	r.chosen[k] = append(r.chosen[k], span{t.First.Packet, until})
}

// Learn takes the next packet, to know which pieces of IP packets belong together.
// limits bound what waits for its other pieces. p is borrowed.
func (r *Recent) Learn(p *capture.Packet, limits timeline.Limits) {
	whole := r.pieces.learn(&r.decoder, &r.segment, p, limits)
	if whole == nil {
		return
	}
	if r.learned == nil {
		r.learned = make(map[uint64]origin)
	}
	k, _ := keyOf(r.segment.Src, r.segment.Dst)
	for _, n := range whole.numbers {
		if len(r.learned) < mostLearned {
			r.learned[n] = origin{k, p.Number, p.Time}
		}
	}
}

// Has reports whether p belongs to a chosen connection, and forgets what was
// learned of it. p is borrowed.
func (r *Recent) Has(p *capture.Packet) bool {
	from, piece := r.learned[p.Number]
	switch {
	case piece:
		delete(r.learned, p.Number)
	case len(r.chosen) == 0 || r.decoder.Decode(uint32(p.Link), p.Data, p.Length, &r.segment) != wire.SkipNone:
		return false
	default:
		from.of, _ = keyOf(r.segment.Src, r.segment.Dst)
		from.number, from.time = p.Number, p.Time
	}
	for _, s := range r.chosen[from.of] {
		if from.number >= s.first && from.time <= s.until {
			return true
		}
	}
	return false
}

// Forget drops the connections that ended before a capture time. No packet of an earlier
// time may follow.
func (r *Recent) Forget(before int64) {
	for k, spans := range r.chosen {
		last := int64(math.MinInt64)
		for _, s := range spans {
			last = max(last, s.until)
		}
		if last < before {
			delete(r.chosen, k)
		}
	}
}
