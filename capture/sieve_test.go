package capture

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
)

// unwanted is a Sieve.Skip that two of three packets are for.
func unwanted(_ LinkType, data []byte) bool { return crc32.ChecksumIEEE(data)%3 > 0 }

// siftsAsNext holds Sift to Next: what it gives, what it says that it passed over, and
// what the files say besides packets. It returns how many were passed over.
func siftsAsNext(t testing.TB, open func(note func(Note)) *Input, until int64, most int) (passed uint64) {
	t.Helper()
	var said, saidNow []Note
	want := given(open(func(n Note) { said = append(said, n) }))
	src := open(func(n Note) { saidNow = append(saidNow, n) })
	sieve := Sieve{Skip: unwanted, Until: until, Most: most}
	next, last := 0, int64(0) // of want
	for {
		var p Packet
		err := src.Sift(&p, &sieve)
		over := &sieve.Passed
		total := uint64(0)
		if over.Packets > uint64(most) {
			t.Fatalf("%d packets passed over at once", over.Packets)
		}
		for range over.Packets {
			if next == len(want.packets) {
				t.Fatal("packets were passed over that are not there")
			}
			w := &want.packets[next]
			if next == 0 || !unwanted(w.Link, w.Data) || w.Time >= until || w.Time < last || uint32(len(w.Data)) != w.Length {
				t.Fatalf("packet %d was passed over: %+v", next+1, w)
			}
			total += uint64(len(w.Data))
			last = w.Time
			next++
		}
		if passed += over.Packets; over.Packets > 0 {
			w := &want.packets[next-1]
			if over.Number != uint64(next) || over.FilePacket != w.FilePacket || over.File != w.File || over.Time != w.Time || over.Bytes != total {
				t.Fatalf("passed %+v; the last one is packet %d of file %d, number %d there, and there are %d bytes", over, next, w.File, w.FilePacket, total)
			}
		}
		if err != nil {
			if next != len(want.packets) || (err == io.EOF) != (want.err == nil) || err != io.EOF && err.Error() != want.err.Error() {
				t.Fatalf("ends after %d of %d packets with %v, Next with %v", next, len(want.packets), err, want.err)
			}
			break
		}
		if next == len(want.packets) {
			t.Fatalf("more than %d packets", next)
		}
		w := &want.packets[next]
		if p.Number != w.Number || p.FilePacket != w.FilePacket || p.File != w.File || p.Time != w.Time || p.Length != w.Length || p.Link != w.Link || !bytes.Equal(p.Data, w.Data) {
			t.Fatalf("got  %+v\nwant %+v", p, w)
		}
		for i := range p.Data {
			p.Data[i] = 0xdb
		}
		last = w.Time
		next++
	}
	_ = src.Close()
	if !reflect.DeepEqual(saidNow, said) {
		t.Fatalf("notes: %+v\nof Next: %+v", saidNow, said)
	}
	return passed
}

// given is all that Next gives.
func given(src *Input) (r result) {
	for p := (Packet{}); ; {
		if r.err = src.Next(&p); r.err != nil {
			break
		}
		p.Data = bytes.Clone(p.Data)
		r.packets = append(r.packets, p)
	}
	if r.err == io.EOF {
		r.err = nil
	}
	_ = src.Close()
	return r
}

// siftsFile is siftsAsNext of bytes that are read at once.
func siftsFile(t testing.TB, file []byte, until int64, most int) uint64 {
	t.Helper()
	return siftsAsNext(t, func(note func(Note)) *Input {
		src := &Input{}
		if err := src.add(candidate{name: Stdin}, 2*len(file), false, Options{Stdin: bytes.NewReader(file), OnNote: note}); err != nil {
			t.Fatal(err)
		}
		return src
	}, until, most)
}

// wholeSamples are samples of which few were cut when they were captured.
func wholeSamples(n int) []Packet {
	packets := samples(n)
	for i := range packets {
		if i%10 > 0 {
			packets[i].Length = uint32(len(packets[i].Data))
		}
	}
	return packets
}

// blocksOf is a pcapng file of packets, with other blocks between some.
func blocksOf(order binary.AppendByteOrder, packets []Packet) []byte {
	s := newSection(order)
	s.iface(1, 0, option{9, []byte{9}})
	for i, p := range packets {
		switch i % 20 {
		case 4:
			s.block(blockNames, make([]byte, 8))
		case 9:
			s.obsolete(0, uint64(p.Time), p.Data, p.Length)
			continue
		}
		s.enhanced(0, uint64(p.Time), p.Data, p.Length)
	}
	return s.b
}

func TestSift(t *testing.T) {
	packets := wholeSamples(100)
	slices.Reverse(packets[50:52]) // one goes back in time
	for _, order := range orders {
		type file struct {
			bytes []byte
			usual bool // in others nothing is passed over
		}
		files := []file{{blocksOf(order, packets), true}}
		for _, magic := range []uint32{magicMicro, magicNano, magicModified} {
			files = append(files, file{classic(order, magic, 4, 65535, 1, packets), order == binary.LittleEndian && magic != magicModified})
		}
		for _, file := range files {
			for _, most := range []int{1, 7, 1000} {
				if n := siftsFile(t, file.bytes, 1<<62, most); n < 30 == file.usual {
					t.Errorf("%d of %d packets were passed over; the file is usual: %v", n, len(packets), file.usual)
				}
			}
			if n := siftsFile(t, file.bytes, packets[30].Time, 1000); n > 30 || n < 10 == file.usual {
				t.Errorf("%d packets were passed over of those before the 31st; the file is usual: %v", n, file.usual)
			}
			file := file.bytes
			few := file[:len(file)*2/100] // a few packets
			for n := 24; n < len(few); n++ {
				for bit := range 8 {
					wrong := bytes.Clone(few)
					wrong[n] ^= 1 << bit
					siftsFile(t, wrong, 1<<62, 1000)
				}
			}
			for cut := range 200 {
				siftsFile(t, file[:len(file)-cut], 1<<62, 1000)
			}
			for damage := 30; damage < len(file); damage += 101 {
				wrong := bytes.Clone(file)
				copy(wrong[damage:], "\xff\xff\xff\xff\xff\xff")
				siftsFile(t, wrong, 1<<62, 1000)
			}
		}
	}
}

// TestSiftFixtures: of every fixture, alone and all merged.
func TestSiftFixtures(t *testing.T) {
	files, err := filepath.Glob("../testdata/pcaps/*.pcap*")
	if err != nil {
		t.Fatal(err)
	}
	more, _ := filepath.Glob("../testdata/pcaps/formats/*.pcap*")
	files = append(files, more...)
	open := func(keep bool, paths ...string) uint64 {
		return siftsAsNext(t, func(note func(Note)) *Input {
			src, err := Open(paths, Options{OnNote: note, KeepDuplicates: keep})
			if err != nil {
				t.Fatal(err)
			}
			return src
		}, 1<<62, 256)
	}
	var passed uint64
	for _, file := range files {
		passed += open(false, file)
	}
	if len(files) < 50 || passed < 1000 {
		t.Errorf("%d packets of %d files were passed over", passed, len(files))
	}
	open(true, files...)
	open(false, files...)
}

// TestSiftUnlikely: a record that is not like its neighbours, and that no other one
// follows, is none, and neither is one that is larger than it may be.
func TestSiftUnlikely(t *testing.T) {
	packets := wholeSamples(20)
	file := classic(binary.LittleEndian, magicMicro, 4, 65535, 1, packets)
	for n, at := 0, 24; n < 19; n++ {
		for _, header := range []struct{ seconds, micros, length uint32 }{
			{0x7f000000, 0, 10},
			{uint32(start / 1_000_000_000), 5_000_000, 10},
			{uint32(start / 1_000_000_000), 999_999, 0},
		} {
			b := binary.LittleEndian.AppendUint32(nil, header.seconds)
			b = binary.LittleEndian.AppendUint32(b, header.micros)
			b = binary.LittleEndian.AppendUint32(b, header.length)
			b = binary.LittleEndian.AppendUint32(b, header.length)
			wrong := bytes.Clone(file)
			copy(wrong[at:], b)
			siftsFile(t, wrong, 1<<62, 1000)
		}
		at += 16 + len(packets[n].Data)
	}
	odd := slices.Clone(packets)
	for i := range 3 {
		odd[5+i].Data = bytes.Repeat([]byte{byte(i)}, 300_000)
		odd[5+i].Length = 300_000
	}
	siftsFile(t, classic(binary.LittleEndian, magicMicro, 4, 65535, 1, odd), 1<<62, 1000)
	odd = slices.Clone(packets)
	for i := range odd {
		if odd[i].Time = 0; i > 5 && i < 10 {
			odd[i].Data, odd[i].Length = nil, 0
		}
	}
	siftsFile(t, classic(binary.LittleEndian, magicMicro, 4, 65535, 1, odd), 1<<62, 1000)
}

// TestSiftDuplicates: where packets are left out because another file has given them,
// none is passed over, also when one file is left.
func TestSiftDuplicates(t *testing.T) {
	packets := wholeSamples(20)
	for i := range packets {
		packets[i].Time = start + int64(i)*10_000
	}
	later := slices.Clone(packets)
	for i := range later {
		later[i].Time += 55_000
	}
	own := later[16] // which only the second file has, behind all of the first
	own.Data, own.Length = []byte("own"), 3
	later = slices.Insert(later, 16, own)
	dir := write(t, map[string][]byte{"a": pcapOf(packets), "b": pcapOf(later)})
	passed := siftsAsNext(t, func(note func(Note)) *Input {
		src, err := Open([]string{filepath.Join(dir, "a"), filepath.Join(dir, "b")}, Options{OnNote: note})
		if err != nil {
			t.Fatal(err)
		}
		return src
	}, 1<<62, 256)
	if passed != 0 {
		t.Errorf("%d packets were passed over", passed)
	}
}

func TestSiftAllocatesNothing(t *testing.T) {
	packets := wholeSamples(50)
	long := []Packet{}
	for i := range 20_000 {
		p := packets[i%len(packets)]
		p.Time = start + int64(i)*1000
		long = append(long, p)
	}
	ng := blocksOf(binary.LittleEndian, long)
	for name, file := range map[string][]byte{"pcap": pcapOf(long), "pcapng": ng} {
		src := &Input{}
		if err := src.add(candidate{name: Stdin}, 256<<10, false, Options{Stdin: bytes.NewReader(file)}); err != nil {
			t.Fatal(err)
		}
		var p Packet
		sieve := Sieve{Skip: unwanted, Until: 1 << 62, Most: 256}
		passed := uint64(0)
		n := testing.AllocsPerRun(4000, func() {
			if err := src.Sift(&p, &sieve); err != nil {
				t.Fatal(err)
			}
			passed += sieve.Passed.Packets
		})
		if n != 0 || passed < 4000 {
			t.Errorf("%s: %v allocations a packet that is given, %d were passed over", name, n, passed)
		}
	}
}
