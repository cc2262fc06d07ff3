package capture

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/cpu"
)

const (
	// maxRecord bounds one record or block, in bytes. The largest packets are
	// jumbograms of offloading cards (512 KiB); key logs may be larger.
	maxRecord = 32 << 20

	// maxResync bounds the search for the next record behind a damage, in bytes.
	maxResync = 64 << 20

	// maxNotes bounds the notes on damage that one file may cause; the error at
	// its end counts all.
	maxNotes = 20

	// nearby is how far apart, in nanoseconds, the times of records may be that
	// are to prove a boundary after a damage.
	nearby = 24 * 3600 * 1_000_000_000
)

// stream is the state that the readers of all formats share: the bytes, the offset, and
// the damage so far.
type stream struct {
	buffer
	name    string
	whole   bool   // all of it is there, so that looking ahead waits for nobody
	packed  string // how the file is compressed: "gzip"; empty: it is not
	index   uint32
	note    func(Note)
	at      int64  // byte of the file where the current record begins
	packets uint64 // read so far
	last    int64  // time of the last packet
	damage  *DamagedError

	_ cpu.CacheLinePad
}

// reader reads one file of one format.
type reader interface {
	next(p *Packet) error // io.EOF, or an error, at the end
	state() *stream
	// glance parses the packet at the front of b, which may be only the first bytes of the
	// rest of the file. It reports false when next might do more than return that packet.
	glance(b []byte, g *plainPacket) bool
}

func (s *stream) state() *stream { return s }

// finish ends the file: have bytes are left of the want that were needed.
func (s *stream) finish(have, want int) error {
	inflate := (*inflateError)(nil)
	errors.As(s.err, &inflate)
	switch {
	case s.err == io.EOF && have == 0:
		return s.end(nil)
	case s.err == io.EOF || inflate != nil && inflate.cut:
		if have == 0 {
			want = 0 // nobody knows what is missing
		}
		e := &CutError{File: s.name, Compression: s.packed, Offset: s.at, Packet: s.packets + 1, Have: int64(have), Want: int64(want)}
		s.tell(Note{Kind: NoteCut, Offset: s.at, N: uint64(want - have), Text: e.Error()})
		return s.end(e)
	case inflate != nil && !inflate.limit:
		s.skip(have)
		s.lost(inflate.Error())
		return s.end(nil)
	}
	return &OpenError{File: s.name, Text: fmt.Sprintf("cannot be read at %s: %v", place(s.offset(), s.packed), s.err), Err: s.err}
}

// noHeader ends a file in its header: have bytes are there of the want that
// were needed.
func (s *stream) noHeader(have, want int) error {
	inflate := (*inflateError)(nil)
	errors.As(s.err, &inflate)
	switch {
	case s.err == io.EOF || inflate != nil && inflate.cut:
		e := &CutError{File: s.name, Compression: s.packed, Have: int64(have), Want: int64(want)}
		s.tell(Note{Kind: NoteCut, N: uint64(want - have), Text: e.Error()})
		return e
	case inflate != nil && !inflate.limit:
		return &OpenError{File: s.name, Err: ErrFormat, Text: inflate.Error() + ", from its beginning on; copy the file again"}
	case inflate != nil:
		return &OpenError{File: s.name, Err: s.err, Text: inflate.Error()}
	}
	return openError(s.name, s.err)
}

// lost notes that the file cannot be read from s.at on, although it continues.
func (s *stream) lost(why string) {
	if s.damage == nil {
		s.damage = &DamagedError{File: s.name, Compression: s.packed, Offset: s.at, Packet: s.packets, Text: why}
	}
	s.damage.Places++
	s.damage.Skipped += s.offset() - s.at
	s.damage.Lost = true
	s.tell(Note{
		Kind: NoteDamaged, Offset: s.at, N: uint64(s.offset() - s.at),
		Text: fmt.Sprintf("%s is damaged at %s, after packet %d (%s); nothing behind it could be read", s.name, place(s.at, s.packed), s.packets, why),
	})
}

// end returns the error of the file: cut, damaged, both, or io.EOF.
func (s *stream) end(cut error) error {
	switch {
	case s.damage == nil && cut == nil:
		return io.EOF
	case s.damage == nil:
		return cut
	case cut == nil:
		return s.damage
	}
	return errors.Join(s.damage, cut)
}

// damaged notes that the bytes from s.at to here are damaged.
func (s *stream) damaged(why string) {
	n := s.offset() - s.at
	if s.damage == nil {
		s.damage = &DamagedError{File: s.name, Compression: s.packed, Offset: s.at, Packet: s.packets, Text: why}
	}
	s.damage.Places++
	s.damage.Skipped += n
	if s.damage.Places <= maxNotes {
		s.tell(Note{
			Kind: NoteDamaged, Offset: s.at, N: uint64(n),
			Text: fmt.Sprintf("%s is damaged at %s, after packet %d (%s); %d bytes were stepped over", s.name, place(s.at, s.packed), s.packets, why, n),
		})
	}
}

func (s *stream) tell(n Note) {
	if s.note != nil {
		n.File, n.Index, n.FilePacket = s.name, s.index, s.packets
		s.note(n)
	}
}

// search steps forward byte by byte until boundary reports that a record begins
// here. It reports whether there is one.
func (s *stream) search(boundary func() bool) bool {
	for range maxResync {
		if len(s.peek(1)) == 0 {
			return false
		}
		s.skip(1)
		if boundary() {
			return true
		}
	}
	return false
}

// resume goes on behind a damage at s.at. It returns nil when the next record
// was found.
func (s *stream) resume(why string, boundary func() bool) error {
	found := s.search(boundary)
	s.damaged(why)
	if found {
		return nil
	}
	if s.err != nil && s.err != io.EOF {
		return s.finish(0, 0)
	}
	return s.end(nil)
}

// short ends the file in a record that has want bytes by its header, unless
// records follow: then it is the length that is wrong. It returns nil when
// reading goes on.
func (s *stream) short(have, want int, boundary func() bool) error {
	if s.err == io.EOF && s.search(boundary) {
		s.damaged(fmt.Sprintf("a record says %d bytes, but others begin inside it", want))
		return nil
	}
	return s.finish(have, want)
}
