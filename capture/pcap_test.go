package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

func TestPcapVariants(t *testing.T) {
	packets := samples(12)
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		for _, magic := range []uint32{magicMicro, magicNano, magicModified} {
			for _, minor := range []uint16{3, 4} {
				for _, snaplen := range []uint32{0, 50, 65535, 0xffffffff} {
					for _, link := range []uint32{1, 0x24000001, 0xf4000001} { // with 4 bytes of FCS, with 15
						name := fmt.Sprintf("%v/%x/2.%d/snaplen %d/link %x", order, magic, minor, snaplen, link)
						t.Run(name, func(t *testing.T) {
							r := mustRead(t, classic(order, magic, minor, snaplen, link, packets))
							same(t, r.packets, packets)
							if r.err != nil || len(r.notes) != 0 {
								t.Fatal(r.err, r.notes)
							}
						})
					}
				}
			}
		}
	}
}

// TestPcapLongHeaders: tools that made headers of records longer, and did not say
// so. With the usual length nothing changes.
func TestPcapLongHeaders(t *testing.T) {
	for _, n := range []int{1, 2, 3, 12} {
		packets := samples(n)
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			for _, test := range []struct {
				magic       uint32
				more, usual int
			}{{magicMicro, 0, 16}, {magicMicro, 4, 16}, {magicMicro, 8, 16}, {magicModified, 0, 24}, {magicModified, 4, 24}} {
				short := classic(order, test.magic, 4, 65535, 1, packets)
				file := append([]byte(nil), short[:24]...)
				for at := 24; at < len(short); {
					data := at + test.usual
					file = append(append(file, short[at:data]...), make([]byte, test.more)...)
					at = data + int(order.(binary.ByteOrder).Uint32(short[at+8:]))
					file = append(file, short[data:at]...)
				}
				name := filepath.Join(write(t, map[string][]byte{"a.pcap": file}), "a.pcap")
				r, _, err := readPaths(t, name)
				if err != nil || r.err != nil || len(r.notes) != 0 {
					t.Fatalf("%+v: %v %v %v", test, err, r.err, r.notes)
				}
				same(t, r.packets, packets)
			}
		}
	}
}

func TestPcapLinkTypesAbove255(t *testing.T) {
	packets := samples(2)
	for i := range packets {
		packets[i].Link = 276
	}
	same(t, mustRead(t, classic(binary.LittleEndian, magicMicro, 4, 0, 276, packets)).packets, packets)
}

func TestPcapExchangedLengths(t *testing.T) {
	old := samples(1)
	old[0].Length = 4 // less than captured: what some 2.3 writers did
	r := mustRead(t, classic(binary.BigEndian, magicMicro, 3, 0, 1, old))
	if got := r.packets[0]; len(got.Data) != 4 || got.Length != uint32(len(old[0].Data)) {
		t.Fatalf("%d of %d bytes", len(got.Data), got.Length)
	}
	r = mustRead(t, classic(binary.BigEndian, magicMicro, 4, 0, 1, old))
	if got := r.packets[0]; len(got.Data) != len(old[0].Data) || got.Length != uint32(len(old[0].Data)) {
		t.Fatalf("%d of %d bytes", len(got.Data), got.Length)
	}
}

func TestPcapAgainstPcapgo(t *testing.T) {
	packets := samples(20)
	var micro, nano, ng bytes.Buffer
	m, n := pcapgo.NewWriter(&micro), pcapgo.NewWriterNanos(&nano)
	m.WriteFileHeader(65535, layers.LinkTypeEthernet)
	n.WriteFileHeader(65535, layers.LinkTypeEthernet)
	g, err := pcapgo.NewNgWriter(&ng, layers.LinkTypeEthernet)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packets {
		ci := gopacket.CaptureInfo{Timestamp: time.Unix(0, p.Time), CaptureLength: len(p.Data), Length: int(p.Length)}
		if err := errors.Join(m.WritePacket(ci, p.Data), n.WritePacket(ci, p.Data), g.WritePacket(ci, p.Data)); err != nil {
			t.Fatal(err)
		}
	}
	g.Flush()
	for _, file := range []*bytes.Buffer{&micro, &nano, &ng} {
		r := mustRead(t, file.Bytes())
		same(t, r.packets, packets)
		if r.err != nil {
			t.Fatal(r.err)
		}
	}
}

// cutEverywhere cuts file at every byte. ends holds the byte behind each packet.
func cutEverywhere(t *testing.T, file []byte, packets []Packet, ends []int, boundaries []int) {
	t.Helper()
	for n := range len(file) {
		want := 0
		for want < len(ends) && ends[want] <= n {
			want++
		}
		r, err := read(t, file[:n], n%2 == 0)
		if n < 4 {
			if !errors.Is(err, ErrFormat) {
				t.Fatalf("cut at %d: %v", n, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("cut at %d: %v", n, err)
		}
		same(t, r.packets, packets[:want])
		if slices.Contains(boundaries, n) {
			if r.err != nil || len(r.notes) != 0 {
				t.Fatalf("cut at %d, between records: %v", n, r.err)
			}
			continue
		}
		cut := (*CutError)(nil)
		if !errors.As(r.err, &cut) || !Incomplete(r.err) {
			t.Fatalf("cut at %d: %v", n, r.err)
		}
		if cut.Offset+cut.Have != int64(n) || cut.Want <= cut.Have {
			t.Fatalf("cut at %d: %+v", n, cut)
		}
		if cut.Packet != 0 && cut.Packet != uint64(want+1) {
			t.Fatalf("cut at %d behind %d packets: %+v", n, want, cut)
		}
		if !slices.Equal(kinds(r.notes), []NoteKind{NoteCut}) || r.notes[0].FilePacket != uint64(want) || r.notes[0].N != uint64(cut.Want-cut.Have) {
			t.Fatalf("cut at %d: %+v", n, r.notes)
		}
	}
}

func TestPcapCutAnywhere(t *testing.T) {
	packets := samples(8)
	file := classic(binary.LittleEndian, magicMicro, 4, 65535, 1, packets)
	var ends []int
	at := 24
	for _, p := range packets {
		at += 16 + len(p.Data)
		ends = append(ends, at)
	}
	cutEverywhere(t, file, packets, ends, append([]int{24}, ends...))
}

func TestCutErrorText(t *testing.T) {
	packets := samples(3)
	file := classic(binary.LittleEndian, magicMicro, 4, 65535, 1, packets)
	r, _ := read(t, file[:len(file)-5], false)
	want := "standard input is cut short: the last record (packet 3, at byte 107) has 53 of 58 bytes; everything before it was read"
	if r.err == nil || r.err.Error() != want {
		t.Fatalf("\n got %v\nwant %s", r.err, want)
	}
	r, _ = read(t, file[:10], false)
	if want := "cut short: it has 10 of the 24 bytes of the file header"; r.err == nil || !strings.Contains(r.err.Error(), want) {
		t.Fatal(r.err)
	}
}

// TestPcapDamage breaks the 4th record of 10 and looks at what is still read.
func TestPcapDamage(t *testing.T) {
	packets := samples(10)
	broken := 24
	for _, p := range packets[:3] {
		broken += 16 + len(p.Data)
	}
	others := slices.Concat(packets[:3], packets[4:])
	next := broken + 16 + len(packets[3].Data)
	for _, test := range []struct {
		name  string
		patch func(b []byte) []byte
		want  []Packet
		cut   bool
	}{
		{"captured length absurd", func(b []byte) []byte { copy(b[broken+8:], "\xff\xff\xff\x7f"); return b }, others, false},
		{"captured length beyond the end of the file", func(b []byte) []byte { copy(b[broken+8:], "\x00\x00\x01\x00"); return b }, others, false},
		{"header of zeros", func(b []byte) []byte { clear(b[broken : broken+16]); return b }, others, false},
		{"header of text", func(b []byte) []byte { copy(b[broken:], "damage is a text"); return b }, others, false},
		{"bytes lost", func(b []byte) []byte { return slices.Delete(b, broken, broken+9) }, others, false},
		{"bytes added", func(b []byte) []byte { return slices.Insert(b, broken, []byte("?????")...) }, packets, false},
		{"a sector of zeros added", func(b []byte) []byte { return slices.Insert(b, broken, make([]byte, 4096)...) }, packets, false},
		{"zeros to the end", func(b []byte) []byte { clear(b[broken:]); return b }, packets[:3], false},
		{"and cut", func(b []byte) []byte { copy(b[broken+8:], "\xff\xff\xff\x7f"); return b[:len(b)-3] }, others[:8], true},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := test.patch(classic(binary.LittleEndian, magicMicro, 4, 65535, 1, packets))
			r := mustRead(t, file)
			same(t, r.packets, test.want)
			damage, cut := (*DamagedError)(nil), (*CutError)(nil)
			if !errors.As(r.err, &damage) || !Incomplete(r.err) || errors.As(r.err, &cut) != test.cut {
				t.Fatal(r.err)
			}
			if damage.Offset != int64(broken) || damage.Packet != 3 || damage.Places != 1 {
				t.Fatalf("%+v, next record at %d", damage, next)
			}
			if r.notes[0].Kind != NoteDamaged || r.notes[0].Offset != damage.Offset || r.notes[0].N != uint64(damage.Skipped) {
				t.Fatalf("%+v", r.notes)
			}
		})
	}
}

// TestPcapOddButReadable holds what must not count as damage.
func TestPcapOddButReadable(t *testing.T) {
	for _, test := range []struct {
		name    string
		patch   func(p []Packet)
		snaplen uint32
	}{
		{"time runs backwards by years", func(p []Packet) { p[4].Time -= 10 * 365 * 86400 * 1_000_000_000 }, 65535},
		{"time 0", func(p []Packet) {
			for i := range p {
				p[i].Time = 0
			}
		}, 65535},
		{"an empty packet", func(p []Packet) { p[4].Data = nil; p[4].Length = 0 }, 65535},
		{"no bytes captured", func(p []Packet) { p[4].Data = nil }, 65535},
		{"a packet above the snapshot length", func(p []Packet) { p[4].Data = make([]byte, 70000); p[4].Length = 70000 }, 96},
		{"a large packet", func(p []Packet) { p[4].Data = make([]byte, 600_000); p[4].Length = 600_000 }, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			packets := samples(10)
			test.patch(packets)
			r := mustRead(t, classic(binary.LittleEndian, magicMicro, 4, test.snaplen, 1, packets))
			same(t, r.packets, packets)
			if r.err != nil {
				t.Fatal(r.err)
			}
		})
	}
}

// TestPcapBitFlips flips every bit of a file: never a panic, and packets before
// the flip stay.
func TestPcapBitFlips(t *testing.T) {
	packets := samples(6)
	file := classic(binary.LittleEndian, magicMicro, 4, 65535, 1, packets)
	bitFlips(t, file, packets, func(n int) (intact int) {
		at := 24
		for _, p := range packets {
			if at += 16 + len(p.Data); at > n {
				break
			}
			intact++
		}
		return intact
	}, 24)
}

func bitFlips(t *testing.T, file []byte, packets []Packet, intact func(n int) int, header int) {
	t.Helper()
	for n := range len(file) {
		for bit := range 8 {
			b := bytes.Clone(file)
			b[n] ^= 1 << bit
			r, err := read(t, b, false)
			if err != nil || n < header {
				continue
			}
			if want := intact(n); len(r.packets) < want {
				t.Fatalf("bit %d of byte %d: %d packets, want %d at least", bit, n, len(r.packets), want)
			} else {
				same(t, r.packets[:want], packets[:want])
			}
			if r.err != nil && !Incomplete(r.err) {
				t.Fatalf("bit %d of byte %d: %v", bit, n, r.err)
			}
		}
	}
}
