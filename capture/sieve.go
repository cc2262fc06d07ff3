package capture

// Sieve decides which packets a [Sifter] skips. To skip a packet takes a fraction of the
// time that it takes to return it.
type Sieve struct {
	// Skip reports whether to skip a packet that was captured whole. data is borrowed.
	Skip func(link LinkType, data []byte) bool
	// Until is a capture time: packets of that time or later are not skipped.
	Until int64
	// Most bounds the packets that one call of Sift skips.
	Most int

	// Passed describes the packets that the latest call of Sift skipped; zero for none.
	Passed Passed

	seen plainPacket
}

// Passed is a run of packets of one file that Sift skipped. Their times never decrease.
type Passed struct {
	Packets uint64
	Bytes   uint64 // captured bytes of them
	// Number, FilePacket, File and Time are those of the last one, see [Packet].
	Number     uint64
	FilePacket uint64
	File       uint32
	Time       int64
}

// Sifter is a [Source] that can skip packets.
type Sifter interface {
	Source
	// Sift is Next, but it may skip packets first. It need not skip all that the Sieve
	// allows: a packet with a note ([Options].OnNote), or out of order, is returned.
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

// plainPacket is a packet in the most common form of its file format.
type plainPacket struct {
	time int64
	data []byte // all of the packet; borrowed
	link LinkType
	size int // of its record or block
}

// sift skips packets that are consecutive in memory, in order and whole. It reports
// whether it has set p to the next packet; if not, the caller must call next. It does not
// count the number of p.
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
