package reassembly

import (
	"bytes"
	"math"
	"net/netip"
	"slices"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/reassembly/wire"
	"github.com/wsdump/wsdump/timeline"
)

// This file reassembles IP fragments.
//
// A datagram is an IP packet that came in pieces: a list of pieces by offset, without
// overlap. Its end is known once the last piece came.
//
//	0         from        from+length            end
//	|--piece--|             |------piece-----|----|
//	                ^ missing
//
// Pieces come in any order, and more than once. Where pieces overlap, the first bytes
// win, as in TCP. Different bytes at the same place are a finding, and so is a piece
// that contradicts the known end, which is dropped. When no piece is missing, the
// datagram is processed, as far as the capture has its bytes: it ends where the snap
// length cut a piece.
//
// A complete datagram stays known for a while. Bridges and several taps give copies of
// pieces. Without the datagram, such a copy would wait for other pieces, and could be
// joined with pieces of a later packet with the same number.
//
// All memory counts against [timeline.Limits.Fragments]. Complete datagrams are evicted
// first, then the oldest ones. A datagram waits for [timeline.Limits.FragmentTime] at
// most. The tracker reports the datagrams that were evicted or timed out.

// fragments are the datagrams of an input.
type fragments struct {
	limit    int   // bytes
	patience int64 // nanoseconds

	known   map[pieceKey]*datagram
	waiting age // not whole
	done    age // whole, and handed over
	inUse   int // bytes
	free    []*datagram
	whole   []byte // scratch, lent to the caller of take
	lost    lost
}

func newFragments(limits timeline.Limits) fragments {
	return fragments{limit: limits.Fragments, patience: int64(limits.FragmentTime)}
}

// lost counts what never became whole.
type lost struct {
	packets, datagrams uint64
	full               uint64 // of the datagrams: evicted for lack of memory
	at                 timeline.Stamp
}

type pieceKey struct {
	source, destination netip.Addr
	id                  uint32
	protocol            uint8
}

type datagram struct {
	key       pieceKey
	older     *datagram // neighbours in its age
	newer     *datagram
	at        timeline.Stamp // of the piece that came first
	bytes     []byte         // of all pieces, in the order in which they came
	pieces    []piece        // ascending, without overlap
	end       uint32         // where the datagram ends, once hasEnd
	held      uint32         // bytes of all pieces, on the wire
	packets   uint64
	numbers   []uint64 // of the packets, but for a flood of copies
	protocol  uint8    // of the piece at offset 0
	hasEnd    bool
	whole     bool
	differs   bool // pieces had different bytes for the same place
	accounted int
}

// piece is bytes from..from+length of a datagram, of which the capture has
// have, at place at of its bytes.
type piece struct{ from, length, at, have uint32 }

func (p *piece) end() uint32 { return p.from + p.length }

// datagramCost is what a datagram takes beside its bytes, pieceCost what a
// piece does.
const (
	datagramCost = 256
	pieceCost    = 16
)

// take takes a piece, which the packets with those numbers carried: one, unless
// it was itself put together. When the datagram is whole, f becomes it, and it
// is returned. Both are borrowed until the next call; otherwise it is nil.
func (s *fragments) take(f *wire.Fragment, at timeline.Stamp, numbers ...uint64) *datagram {
	key := pieceKey{f.Source, f.Destination, f.ID, f.Protocol}
	d := s.known[key]
	if d != nil && d.whole {
		if d.repeats(f) {
			return nil
		}
		s.forget(d)
		d = nil
	}
	if d == nil {
		d = s.begin(key, at)
	}
	d.packets += uint64(len(numbers))
	if len(d.numbers) < mostNumbers {
		d.numbers = append(d.numbers, numbers...)
	}
	d.add(f)
	s.account(d)
	if !d.hasEnd || d.held < d.end {
		s.bound(d)
		return nil
	}
	f.First, f.Offset, f.More, f.Length = d.protocol, 0, false, d.end
	s.whole = d.together(s.whole[:0])
	f.Data = s.whole
	s.waiting.remove(d)
	d.whole = true
	s.done.add(d)
	s.bound(d)
	return d
}

// mostNumbers is about how many pieces a datagram may have, some more than once.
const mostNumbers = 1 << 14

// follow takes the piece that decoder found and goes on with what becomes
// whole, which may be a piece of another packet again. It returns nil while
// something is missing, else the datagram and what the decoder says of it.
func (s *fragments) follow(decoder *wire.Decoder, seg *wire.Segment, at timeline.Stamp) (*datagram, wire.Skip) {
	d := s.take(decoder.Fragment(), at, at.Packet)
	for d != nil {
		skip := decoder.Whole(decoder.Fragment(), seg)
		if skip != wire.SkipFragment {
			return d, skip
		}
		outer := d
		if d = s.take(decoder.Fragment(), at, outer.numbers...); d != nil {
			d.differs = d.differs || outer.differs
		}
	}
	return nil, wire.SkipFragment
}

// learn takes the next packet, of all of an input. It returns the datagram that
// became whole by it, and is borrowed, when seg is its TCP segment; else nil.
func (s *fragments) learn(decoder *wire.Decoder, seg *wire.Segment, p *capture.Packet, limits timeline.Limits) *datagram {
	if s.limit == 0 {
		*s = newFragments(limits.WithDefaults())
	}
	at := timeline.Stamp{Packet: p.Number, Time: p.Time}
	s.expire(at)
	if decoder.Decode(uint32(p.Link), p.Data, p.Length, seg) != wire.SkipFragment {
		return nil
	}
	whole, skip := s.follow(decoder, seg, at)
	if skip != wire.SkipNone {
		return nil
	}
	return whole
}

func (s *fragments) begin(key pieceKey, at timeline.Stamp) *datagram {
	var d *datagram
	if n := len(s.free); n > 0 {
		d, s.free = s.free[n-1], s.free[:n-1]
		*d = datagram{bytes: d.bytes[:0], pieces: d.pieces[:0], numbers: d.numbers[:0]}
	} else {
		d = &datagram{}
	}
	d.key, d.at = key, at
	if s.known == nil {
		s.known = make(map[pieceKey]*datagram)
	}
	s.known[key] = d
	s.waiting.add(d)
	return d
}

// account counts what d takes now.
func (s *fragments) account(d *datagram) {
	n := datagramCost + cap(d.bytes) + pieceCost*cap(d.pieces) + 8*cap(d.numbers)
	s.inUse += n - d.accounted
	d.accounted = n
}

// bound evicts datagrams until the limit holds, but not spared.
func (s *fragments) bound(spared *datagram) {
	for s.inUse > s.limit {
		switch {
		case s.done.oldest != nil && s.done.oldest != spared:
			s.forget(s.done.oldest)
		case s.waiting.oldest != nil && s.waiting.oldest != spared:
			s.lost.full++
			s.giveUp(s.waiting.oldest)
		default:
			return // a single datagram is bounded by itself
		}
	}
}

// due returns when expire has something to do.
func (s *fragments) due() int64 {
	due := int64(math.MaxInt64)
	for _, d := range [...]*datagram{s.waiting.oldest, s.done.oldest} {
		if d != nil {
			due = min(due, d.at.Time+s.patience+1)
		}
	}
	return due
}

// expire drops the datagrams that have waited for too long.
func (s *fragments) expire(at timeline.Stamp) {
	for d := s.waiting.oldest; d != nil && at.Time-d.at.Time > s.patience; d = s.waiting.oldest {
		s.giveUp(d)
	}
	for d := s.done.oldest; d != nil && at.Time-d.at.Time > s.patience; d = s.done.oldest {
		s.forget(d)
	}
}

// flush drops all datagrams at the end of the input.
func (s *fragments) flush() {
	for s.waiting.oldest != nil {
		s.giveUp(s.waiting.oldest)
	}
}

func (s *fragments) giveUp(d *datagram) {
	if s.lost.datagrams == 0 {
		s.lost.at = d.at
	}
	s.lost.datagrams++
	s.lost.packets += d.packets
	s.forget(d)
}

// mostFree is how many datagrams are kept for reuse, and largestFree how many
// bytes one of them has at most.
const (
	mostFree    = 64
	largestFree = 16 << 10
)

func (s *fragments) forget(d *datagram) {
	if d.whole {
		s.done.remove(d)
	} else {
		s.waiting.remove(d)
	}
	delete(s.known, d.key)
	s.inUse -= d.accounted
	if len(s.free) < mostFree && cap(d.bytes) <= largestFree {
		s.free = append(s.free, d)
	}
}

// add takes a piece.
func (d *datagram) add(f *wire.Fragment) {
	if !f.More {
		end := f.Offset + f.Length
		if d.hasEnd && end != d.end || len(d.pieces) > 0 && d.pieces[len(d.pieces)-1].end() > end {
			d.differs = true
			return
		}
		d.end, d.hasEnd = end, true
	} else if d.hasEnd && f.Offset+f.Length > d.end {
		d.differs = true
		return
	}
	if f.Offset == 0 && (len(d.pieces) == 0 || d.pieces[0].from != 0) {
		d.protocol = f.First
	}
	p := piece{from: f.Offset, length: f.Length}
	data := f.Data
	i, _ := slices.BinarySearchFunc(d.pieces, p.from, func(p piece, from uint32) int { return int(p.end()) - int(from) })
	for p.length > 0 { // pieces[i] is the first that may end behind p's beginning
		for i < len(d.pieces) && d.pieces[i].end() <= p.from {
			i++
		}
		room := p.length
		if i < len(d.pieces) {
			if known := &d.pieces[i]; known.from <= p.from { // they overlap
				n := min(known.end()-p.from, p.length)
				d.differs = d.differs || !d.same(known, p.from, data, n)
				p.from, p.length = p.from+n, p.length-n
				data = data[min(n, uint32(len(data))):]
				continue
			}
			room = min(room, d.pieces[i].from-p.from)
		}
		have := min(room, uint32(len(data)))
		d.pieces = slices.Insert(d.pieces, i, piece{p.from, room, uint32(len(d.bytes)), have})
		d.bytes = append(d.bytes, data[:have]...)
		d.held += room
		p.from, p.length = p.from+room, p.length-room
		data = data[have:]
	}
}

// same reports whether the first n bytes of data are what known has from a
// place on, as far as the capture has both.
func (d *datagram) same(known *piece, from uint32, data []byte, n uint32) bool {
	skip := from - known.from
	if skip >= known.have {
		return true
	}
	n = min(n, known.have-skip, uint32(len(data)))
	return bytes.Equal(d.bytes[known.at+skip:][:n], data[:n])
}

// repeats reports whether a datagram that is whole has all that f says.
func (d *datagram) repeats(f *wire.Fragment) bool {
	end := f.Offset + f.Length
	if end > d.end || !f.More && end != d.end {
		return false
	}
	for i := range d.pieces {
		p := &d.pieces[i]
		from, to := max(p.from, f.Offset), min(p.end(), end)
		if from >= to {
			continue
		}
		data := f.Data[min(from-f.Offset, uint32(len(f.Data))):]
		if !d.same(p, from, data, to-from) {
			return false
		}
	}
	return true
}

// together appends the bytes of a whole datagram, up to the first that the
// capture does not have.
func (d *datagram) together(dst []byte) []byte {
	for _, p := range d.pieces {
		dst = append(dst, d.bytes[p.at:p.at+p.have]...)
		if p.have < p.length {
			break
		}
	}
	return dst
}

// age is a list of datagrams, by the time at which they were put there.
type age struct{ oldest, newest *datagram }

func (a *age) add(d *datagram) {
	d.older, d.newer = a.newest, nil
	if a.newest != nil {
		a.newest.newer = d
	} else {
		a.oldest = d
	}
	a.newest = d
}

func (a *age) remove(d *datagram) {
	if d.older != nil {
		d.older.newer = d.newer
	} else {
		a.oldest = d.newer
	}
	if d.newer != nil {
		d.newer.older = d.older
	} else {
		a.newest = d.older
	}
	d.older, d.newer = nil, nil
}
