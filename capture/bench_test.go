package capture

import (
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// load is 64 MiB of packets as a web server's capture has them.
func load() (packets []Packet) {
	for i := 0; i < 64<<20/700; i++ {
		data := make([]byte, []int{66, 66, 1514, 1154}[i%4])
		packets = append(packets, Packet{Time: start + int64(i)*1000, Data: data, Length: uint32(len(data)), Link: 1})
	}
	return packets
}

func benchmarkFile(b *testing.B, file []byte, copies int) {
	path := filepath.Join(b.TempDir(), "file")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		b.Fatal(err)
	}
	paths := make([]string, copies)
	for i := range paths {
		paths[i] = path
	}
	b.SetBytes(int64(len(file) * copies))
	packets := 0
	for b.Loop() {
		src, err := Open(paths, Options{})
		if err != nil {
			b.Fatal(err)
		}
		var p Packet
		for {
			if err := src.Next(&p); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
			packets++
		}
		src.Close()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(packets), "ns/packet")
}

func BenchmarkPcap(b *testing.B) { benchmarkFile(b, pcapOf(load()), 1) }

func BenchmarkPcapng(b *testing.B) {
	file, _, _ := enhancedFile(binary.LittleEndian, load())
	benchmarkFile(b, file, 1)
}

func BenchmarkMerge8(b *testing.B) { benchmarkFile(b, pcapOf(load()[:1<<14]), 8) }

func BenchmarkWriter(b *testing.B) {
	packets := load()[:1000]
	n := 0
	for i := range packets {
		n += len(packets[i].Data)
	}
	b.SetBytes(int64(n))
	b.ReportAllocs()
	w := NewWriter(io.Discard)
	for b.Loop() {
		for i := range packets {
			w.Write(&packets[i])
		}
	}
}
