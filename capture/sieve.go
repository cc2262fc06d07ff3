package capture

// Sieve says which packets nobody wants, so that a [Sifter] can pass over them. It
// takes a fraction of the time that it takes to give them.
type Sieve struct {
	// Skip reports whether a packet is to be passed over, all of which was captured.
	// data is borrowed.
	Skip func(link LinkType, data []byte) bool
	// Until is a capture time: packets of that time and later ones are given.
	Until int64
	// Most is how many packets are passed over at once.
	Most int

	// Passed is what the latest call of Sift passed over; zero when that is nothing.
	Passed Passed

	seen glimpse
}

// Passed is a run of packets of one file that were passed over. The time never goes
// back in it.
type Passed struct {
	Packets uint64
	Bytes   uint64 // captured bytes of them
	// Number, FilePacket, File and Time are those of the last one, see [Packet].
	Number     uint64
	FilePacket uint64
	File       uint32
	Time       int64
}

// Sifter is a [Source] that can pass over packets.
type Sifter interface {
	Source
	// Sift is Next, but it may pass over packets first. Which ones it does and which
	// it gives nevertheless is up to the source, since what it says besides packets
	// ([Options].OnNote) and whatever is out of order belongs to a packet that is given.
	Sift(p *Packet, s *Sieve) error
}

// Sift implements [Sifter].
func (in *Input) Sift(p *Packet, s *Sieve) error {
	s.Passed = Passed{}
	if f := in.last(); f != nil {
		given := f.sift(p, s)
		if s.Passed.Packets > 0 {
			in.number += s.Passed.Packets
			s.Passed.Number, s.Passed.FilePacket, s.Passed.File = in.number, f.stream.packets, f.stream.index
		}
		if given {
			f.stream.packets++
			in.number++
			p.Number, p.File, p.FilePacket = in.number, f.stream.index, f.stream.packets
			return nil
		}
	}
	return in.Next(p)
}

// glimpse is a packet that stands in the file as nearly all do.
type glimpse struct {
	time int64
	data []byte // all of the packet; borrowed
	link LinkType
	size int // of its record or block
}

// sift passes over packets that follow each other in memory, are in order and whole,
// and reports whether p is the one after them; if not, next has to look at that. Its
// number is not counted.
func (f *file) sift(p *Packet, s *Sieve) (given bool) {
	r, passed, g := f.stream, &s.Passed, &s.seen
	for f.reader.glance(r.block[r.start:r.buffer.end], g) && g.time >= r.last {
		if given = g.time >= s.Until || passed.Packets >= uint64(s.Most) || !s.Skip(g.link, g.data); given {
			r.at = r.offset()
			p.Time, p.Data, p.Length, p.Link = g.time, g.data, uint32(len(g.data)), g.link
		} else {
			r.packets++
			passed.Packets++
			passed.Bytes += uint64(len(g.data))
			passed.Time = g.time
		}
		r.skip(g.size)
		r.last = g.time
		if given {
			break
		}
	}
	return given
}
