package capture

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"testing"
)

// result is everything an input said, owned.
type result struct {
	packets []Packet
	notes   []Note
	err     error // nil for io.EOF
}

// drain reads src to its end and checks what holds for every packet. Each
// packet's bytes are overwritten before the next is read: nobody may need them.
func drain(t testing.TB, src *Input, notes *[]Note) (r result) {
	t.Helper()
	var p Packet
	perFile := map[uint32]uint64{}
	for {
		err := src.Next(&p)
		if err != nil {
			if err != io.EOF {
				r.err = err
			}
			if again := src.Next(&p); again == nil {
				t.Fatal("a packet after the end")
			}
			break
		}
		perFile[p.File]++
		if p.Number != uint64(len(r.packets)+1) || p.FilePacket != perFile[p.File] {
			t.Fatalf("packet %d of the input, %d of its file, numbered %d and %d", len(r.packets)+1, perFile[p.File], p.Number, p.FilePacket)
		}
		if uint64(len(p.Data)) > uint64(p.Length) || len(p.Data) > maxRecord {
			t.Fatalf("packet %d has %d bytes of %d", p.Number, len(p.Data), p.Length)
		}
		kept := p
		kept.Data = bytes.Clone(p.Data)
		r.packets = append(r.packets, kept)
		for i := range p.Data {
			p.Data[i] = 0xdb
		}
	}
	if err := src.Close(); err != nil {
		t.Fatal(err)
	}
	if notes != nil {
		r.notes = *notes
	}
	return r
}

// read reads bytes as a file; one byte a time into a tiny buffer when slow.
func read(t testing.TB, file []byte, slow bool) (result, error) {
	t.Helper()
	var notes []Note
	opt := Options{Stdin: bytes.NewReader(file), OnNote: func(n Note) { notes = append(notes, n) }}
	size := 4096
	if slow {
		opt.Stdin = oneByte{opt.Stdin}
		size = 64
	}
	src := &Input{} // what Open does, with a small buffer that must be moved and grow
	if err := src.add(candidate{name: Stdin}, size, false, opt); err != nil {
		return result{}, err
	}
	return drain(t, src, &notes), nil
}

// mustRead reads bytes as a file, quickly and byte by byte, which must say the same.
func mustRead(t testing.TB, file []byte) result {
	t.Helper()
	r, err := read(t, file, false)
	if err != nil {
		t.Fatal(err)
	}
	slow, err := read(t, file, true)
	if err != nil {
		t.Fatal(err)
	}
	same(t, slow.packets, r.packets)
	return r
}

type oneByte struct{ r io.Reader }

func (o oneByte) Read(b []byte) (int, error) { return o.r.Read(b[:min(1, len(b))]) }

func same(t testing.TB, got, want []Packet) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d packets, want %d", len(got), len(want))
	}
	for i := range got {
		g, w := got[i], want[i]
		if g.Time != w.Time || g.Length != w.Length || g.Link != w.Link || !bytes.Equal(g.Data, w.Data) {
			t.Fatalf("packet %d:\n got %d %d %d %x\nwant %d %d %d %x", i+1, g.Time, g.Length, g.Link, g.Data, w.Time, w.Length, w.Link, w.Data)
		}
	}
}

func kinds(notes []Note) (k []NoteKind) {
	for _, n := range notes {
		k = append(k, n.Kind)
	}
	return k
}

// start is the time of most packets in these tests, a multiple of a second.
const start = 1_700_000_000 * 1_000_000_000

// samples returns n packets, the i-th of about 10*i bytes, a millisecond apart.
func samples(n int) (packets []Packet) {
	for i := range n {
		data := make([]byte, 10*i+20+i%4)
		for j := range data {
			data[j] = byte(i*7 + j*3)
		}
		packets = append(packets, Packet{
			Number: uint64(i + 1), FilePacket: uint64(i + 1),
			Time: start + int64(i)*1_000_000, Data: data, Length: uint32(len(data)) + uint32(i%2)*100, Link: 1,
		})
	}
	return packets
}

// classic writes a pcap file by hand in the given byte order.
func classic(order binary.AppendByteOrder, magic uint32, minor uint16, snaplen, link uint32, packets []Packet) []byte {
	b := order.AppendUint32(nil, magic)
	b = order.AppendUint16(b, 2)
	b = order.AppendUint16(b, minor)
	b = order.AppendUint64(b, 0)
	b = order.AppendUint32(b, snaplen)
	b = order.AppendUint32(b, link)
	for i := range packets {
		p := &packets[i]
		unit := int64(1000)
		if magic == magicNano {
			unit = 1
		}
		b = order.AppendUint32(b, uint32(p.Time/1_000_000_000))
		b = order.AppendUint32(b, uint32(p.Time%1_000_000_000/unit))
		b = order.AppendUint32(b, uint32(len(p.Data)))
		b = order.AppendUint32(b, p.Length)
		if magic == magicModified {
			b = order.AppendUint64(b, 0x0102030405060708)
		}
		b = append(b, p.Data...)
	}
	return b
}

// section writes pcapng by hand in one byte order.
type section struct {
	order binary.AppendByteOrder
	b     []byte
}

func newSection(order binary.AppendByteOrder) *section {
	s := &section{order: order}
	b := order.AppendUint32(nil, byteOrderMagic)
	b = order.AppendUint16(b, 1)
	b = order.AppendUint16(b, 2) // a minor version that nobody writes yet
	return s.block(blockSection, order.AppendUint64(b, 1<<64-1))
}

func (s *section) block(kind uint32, body []byte) *section {
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	n := uint32(len(body) + 12)
	s.b = s.order.AppendUint32(s.b, kind)
	s.b = s.order.AppendUint32(s.b, n)
	s.b = append(s.b, body...)
	s.b = s.order.AppendUint32(s.b, n)
	return s
}

type option struct {
	code  uint16
	value []byte
}

func (s *section) options(b []byte, options []option) []byte {
	for _, o := range options {
		b = s.order.AppendUint16(b, o.code)
		b = s.order.AppendUint16(b, uint16(len(o.value)))
		b = append(b, o.value...)
		for len(b)%4 != 0 {
			b = append(b, 0)
		}
	}
	if len(options) > 0 {
		b = append(b, 0, 0, 0, 0)
	}
	return b
}

func (s *section) iface(link uint16, snaplen uint32, options ...option) *section {
	b := s.order.AppendUint16(nil, link)
	b = s.order.AppendUint16(b, 0)
	b = s.order.AppendUint32(b, snaplen)
	return s.block(blockInterface, s.options(b, options))
}

func (s *section) statistics(id uint32, options ...option) *section {
	b := s.order.AppendUint32(nil, id)
	b = s.order.AppendUint64(b, 0)
	return s.block(blockStatistics, s.options(b, options))
}

func (s *section) enhanced(id uint32, units uint64, data []byte, length uint32) *section {
	b := s.order.AppendUint32(nil, id)
	b = s.order.AppendUint32(b, uint32(units>>32))
	b = s.order.AppendUint32(b, uint32(units))
	b = s.order.AppendUint32(b, uint32(len(data)))
	b = s.order.AppendUint32(b, length)
	return s.block(blockEnhanced, append(b, data...))
}

func (s *section) obsolete(id uint16, units uint64, data []byte, length uint32) *section {
	b := s.order.AppendUint16(nil, id)
	b = s.order.AppendUint16(b, 0xffff)
	b = s.order.AppendUint32(b, uint32(units>>32))
	b = s.order.AppendUint32(b, uint32(units))
	b = s.order.AppendUint32(b, uint32(len(data)))
	b = s.order.AppendUint32(b, length)
	return s.block(blockPacket, append(b, data...))
}

func (s *section) simple(data []byte, length uint32) *section {
	return s.block(blockSimple, append(s.order.AppendUint32(nil, length), data...))
}

func (s *section) secrets(kind uint32, secrets string) *section {
	b := s.order.AppendUint32(nil, kind)
	b = s.order.AppendUint32(b, uint32(len(secrets)))
	return s.block(blockSecrets, append(b, secrets...))
}

func (s *section) then(next *section) *section {
	return &section{next.order, slices.Concat(s.b, next.b)}
}
