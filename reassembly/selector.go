package reassembly

import (
	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/reassembly/wire"
	"github.com/wsdump/wsdump/timeline"
)

// Selector finds, in a second pass over an input, the packets of connections of the first
// pass. It takes about 100 bytes a connection. The zero value selects no connection.
//
// Only the last fragment of an IP packet shows to which connection the others belong.
// An input with fragments ([timeline.Totals.Fragments]) needs a pass with
// [Selector.Learn] in between.
type Selector struct {
	decoder wire.Decoder
	segment wire.Segment
	chosen  map[key][]*timeline.Transport
	n       int
	pieces  fragments
	learned []uint64 // a bit for each packet: it is a piece of a chosen one
}

// Add selects the packets of t, which may still grow: what counts is its first
// and last packet when [Selector.Has] is asked.
func (s *Selector) Add(t *timeline.Transport) {
	if s.chosen == nil {
		s.chosen = make(map[key][]*timeline.Transport)
	}
	k, _ := keyOf(t.Client, t.Server)
	for _, known := range s.chosen[k] {
		if known == t {
			return
		}
	}
	s.chosen[k] = append(s.chosen[k], t)
	s.n++
}

// Len returns how many connections are selected.
func (s *Selector) Len() int { return s.n }

// Has reports whether p is a TCP segment of one of the connections, whatever
// tunnels it came through. p is borrowed.
func (s *Selector) Has(p *capture.Packet) bool {
	switch s.decoder.Decode(uint32(p.Link), p.Data, p.Length, &s.segment) {
	case wire.SkipNone:
		return s.has(p.Number)
	case wire.SkipFragment:
		i := p.Number / 64
		return i < uint64(len(s.learned)) && s.learned[i]>>(p.Number%64)&1 == 1
	}
	return false
}

// has reports whether the segment, which became known with a packet, belongs to
// one of the connections.
func (s *Selector) has(packet uint64) bool {
	k, _ := keyOf(s.segment.Src, s.segment.Dst)
	for _, t := range s.chosen[k] {
		if packet >= t.First.Packet && packet <= t.Last.Packet {
			return true
		}
	}
	return false
}

// Learn takes the next packet, of all of an input, to know which pieces belong
// to a connection. limits are those of the first pass. p is borrowed.
func (s *Selector) Learn(p *capture.Packet, limits timeline.Limits) {
	whole := s.pieces.learn(&s.decoder, &s.segment, p, limits)
	if whole == nil || !s.has(p.Number) {
		return
	}
	for _, n := range whole.numbers {
		for uint64(len(s.learned)) <= n/64 {
			s.learned = append(s.learned, make([]uint64, 1+len(s.learned)/2)...)
		}
		s.learned[n/64] |= 1 << (n % 64)
	}
}
