package reassembly

import (
	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/reassembly/wire"
	"github.com/wsdump/wsdump/timeline"
)

// Selector tells, in a second pass over an input, which packets belong to
// connections of the first one. It holds some 100 bytes a connection. The zero
// value selects nothing.
type Selector struct {
	decoder wire.Decoder
	segment wire.Segment
	chosen  map[key][]*timeline.Transport
	n       int
}

// Add selects the packets of t, which may still grow: what counts is its first
// and last packet when [Selector.Has] is asked.
func (s *Selector) Add(t *timeline.Transport) {
	if s.chosen == nil {
		s.chosen = make(map[key][]*timeline.Transport)
	}
	k := keyOf(t.Client, t.Server)
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
	if s.decoder.Decode(uint32(p.Link), p.Data, p.Length, &s.segment) != wire.SkipNone {
		return false
	}
	for _, t := range s.chosen[keyOf(s.segment.Src, s.segment.Dst)] {
		if p.Number >= t.First.Packet && p.Number <= t.Last.Packet {
			return true
		}
	}
	return false
}
