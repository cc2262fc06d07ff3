package reassembly

import (
	"math"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/reassembly/wire"
	"github.com/wsdump/wsdump/timeline"
)

// Recent tells which packets belong to connections that were chosen when they
// ended, while more packets come: a [Selector] for captures that nobody reads
// twice. Pieces of IP packets are not known to belong to anything. The zero
// value chooses nothing.
type Recent struct {
	decoder wire.Decoder
	segment wire.Segment
	chosen  map[key][]span
}

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

// Has reports whether p belongs to a chosen connection. p is borrowed.
func (r *Recent) Has(p *capture.Packet) bool {
	if len(r.chosen) == 0 || r.decoder.Decode(uint32(p.Link), p.Data, p.Length, &r.segment) != wire.SkipNone {
		return false
	}
	k, _ := keyOf(r.segment.Src, r.segment.Dst)
	for _, s := range r.chosen[k] {
		if p.Number >= s.first && p.Time <= s.until {
			return true
		}
	}
	return false
}

// Forget lets go of what ended before a capture time: no such packet comes any
// more.
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
