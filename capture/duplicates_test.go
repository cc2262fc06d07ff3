package capture

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// tcpPacket is an IPv4 packet in Ethernet with a number in it.
func tcpPacket(n int, at time.Duration) Packet {
	b := make([]byte, 14+20, 60)
	b[12] = 8
	ip := b[14:]
	ip[0] = 0x45
	binary.BigEndian.PutUint16(ip[2:], 20+8)
	b = binary.BigEndian.AppendUint64(b, uint64(n))
	return Packet{Time: start + int64(at), Data: b, Length: uint32(len(b)), Link: 1}
}

// mergedOf returns which packets come out of a merge of files, and how many were
// left out.
func mergedOf(t *testing.T, files ...[]Packet) (numbers []uint64, left uint64) {
	t.Helper()
	named := map[string][]byte{}
	var paths []string
	for i, packets := range files {
		name := fmt.Sprintf("%d.pcap", i)
		named[name] = pcapOf(packets)
		paths = append(paths, name)
	}
	dir := write(t, named)
	for i := range paths {
		paths[i] = filepath.Join(dir, paths[i])
	}
	in, err := Open(paths, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	for p := (Packet{}); in.Next(&p) == nil; {
		data := network(&p)
		numbers = append(numbers, binary.BigEndian.Uint64(data[len(data)-8:]))
		if p.Number != uint64(len(numbers)) {
			t.Fatalf("number %d, want %d", p.Number, len(numbers))
		}
	}
	return numbers, in.Duplicates()
}

func TestDuplicates(t *testing.T) {
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	run := func(from, to, every int) (packets []Packet) {
		for i := from; i < to; i++ {
			packets = append(packets, tcpPacket(i, ms(i*every)))
		}
		return packets
	}
	count := func(to int) (all []uint64) {
		for i := range to {
			all = append(all, uint64(i))
		}
		return all
	}
	padded := run(0, 5, 10)
	for i := range padded {
		padded[i].Data = append(padded[i].Data, make([]byte, 60-len(padded[i].Data))...)
		padded[i].Length = 60
	}
	later := func(by time.Duration) []Packet {
		packets := run(0, 5, 10)
		for i := range packets {
			packets[i].Time += int64(by)
		}
		return packets
	}
	back := append(run(5, 10, 10), run(0, 5, 10)...)
	for _, test := range []struct {
		name  string
		files [][]Packet
		want  []uint64
		left  uint64
	}{
		{"the same file twice", [][]Packet{run(0, 5, 10), run(0, 5, 10)}, count(5), 5},
		{"three times", [][]Packet{run(0, 5, 10), run(0, 5, 10), run(0, 5, 10)}, count(5), 10},
		{"rings that overlap", [][]Packet{run(0, 60, 10), run(40, 100, 10), run(80, 120, 10)}, count(120), 40},
		{"rings that follow each other", [][]Packet{run(0, 50, 10), run(50, 100, 10)}, count(100), 0},
		{"padded by one card", [][]Packet{run(0, 5, 10), padded}, count(5), 5},
		{"on another interface a little later", [][]Packet{run(0, 5, 10), later(ms(4))}, count(5), 5},
		{"much later", [][]Packet{run(0, 3, 10), later(ms(6))[:3]}, []uint64{0, 0, 1, 1, 2, 2}, 0},
		{"several times in each", [][]Packet{append(run(0, 1, 10), run(0, 1, 10)...), append(run(0, 1, 10), run(0, 1, 10)...)}, []uint64{0, 0}, 2},
		{"several times in one", [][]Packet{append(run(0, 1, 10), run(0, 1, 10)...), run(1, 2, 10)}, []uint64{0, 0, 1}, 0},
		{"time runs backwards", [][]Packet{back, back}, []uint64{5, 6, 7, 8, 9, 0, 1, 2, 3, 4}, 10},
	} {
		got, left := mergedOf(t, test.files...)
		if !slices.Equal(got, test.want) || left != test.left {
			t.Errorf("%s: %v, %d left out; want %v, %d", test.name, got, left, test.want, test.left)
		}
	}
}

// TestDuplicatesForget: the latest packets are remembered, whatever came before.
func TestDuplicatesForget(t *testing.T) {
	d := newDuplicates()
	for i := range 20 * sightingRows {
		p := tcpPacket(i, time.Duration(i))
		p.File = uint32(i % 2)
		if d.has(&p, p.Time) {
			t.Fatal("a packet that was not there")
		}
		if p.File = 1 - p.File; i%3 == 0 && !d.has(&p, p.Time) {
			t.Fatal("a packet that was there")
		}
	}
}

// TestNetwork: one packet on several links is one packet.
func TestNetwork(t *testing.T) {
	p := tcpPacket(1, 0)
	want := string(p.Data[14:])
	tagged := append(append(append([]byte(nil), p.Data[:12]...), 0x88, 0xa8, 0, 1, 0x81, 0, 0, 2, 8, 0), p.Data[14:]...)
	for _, link := range []struct {
		link   LinkType
		header []byte
	}{{linkSLL, make([]byte, 16)}, {linkSLL2, make([]byte, 20)}, {linkNull, make([]byte, 4)}, {101, nil}, {linkEthernet, tagged[:22]}} {
		p := Packet{Link: link.link, Data: append(append([]byte(nil), link.header...), want...)}
		if got := string(network(&p)); got != want {
			t.Errorf("link %d: %x, want %x", link.link, got, want)
		}
	}
	for n := range 60 {
		for _, link := range []LinkType{0, 1, 101, 113, 276} {
			network(&Packet{Link: link, Data: tagged[:min(n, len(tagged))]})
		}
	}
}
