package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
)

const formats = "../testdata/pcaps/formats/"

// formatFiles returns the compressed copies of chat.pcap.
func formatFiles(t testing.TB) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	entries, err := os.ReadDir(formats)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if compressed := slices.Contains([]string{".gz", ".zst", ".lz4", ".xz", ".bz2"}, filepath.Ext(e.Name())); !compressed {
			continue
		}
		if files[e.Name()], err = os.ReadFile(formats + e.Name()); err != nil {
			t.Fatal(err)
		}
	}
	if len(files) < 11 {
		t.Fatalf("%d compressed captures", len(files))
	}
	return files
}

func chat(t testing.TB) (file []byte, packets []Packet) {
	t.Helper()
	file, err := os.ReadFile("../testdata/pcaps/chat.pcap")
	if err != nil {
		t.Fatal(err)
	}
	r := mustRead(t, file)
	if r.err != nil || len(r.packets) < 10 {
		t.Fatal(len(r.packets), r.err)
	}
	return file, r.packets
}

// packers compress with the libraries; for bzip2 there is none.
var packers = map[string]func(io.Writer) (io.WriteCloser, error){
	"gzip": func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriterLevel(w, 1) },
	"zstd": func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) },
	"lz4":  func(w io.Writer) (io.WriteCloser, error) { return lz4.NewWriter(w), nil },
	"xz":   func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) },
}

func pack(t testing.TB, name string, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := packers[name](&out)
	if err == nil {
		if _, err = w.Write(b); err == nil {
			err = w.Close()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestCompressed(t *testing.T) {
	_, want := chat(t)
	for name, file := range formatFiles(t) {
		r, _, err := readPaths(t, formats+name)
		if err != nil || r.err != nil {
			t.Errorf("%s: %v %v", name, err, r.err)
			continue
		}
		same(t, r.packets, want)
		same(t, mustRead(t, file).packets, want) // from a pipe, also byte by byte
	}
	folder := t.TempDir()
	for name, file := range formatFiles(t) {
		if err := os.WriteFile(filepath.Join(folder, name), file, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r, names, err := readPaths(t, folder)
	if err != nil || r.err != nil || len(r.packets) != len(names)*len(want) {
		t.Fatalf("the folder: %d packets of %d files, %v %v", len(r.packets), len(names), err, r.err)
	}
}

// TestCompressedCut cuts each file at every byte. What can be decompressed are
// packets, and that something is missing is told, except between two members,
// frames or streams: a file that ends there is whole.
func TestCompressedCut(t *testing.T) {
	_, want := chat(t)
	for name, file := range formatFiles(t) {
		whole := 0
		before := 0
		for n := 1; n < len(file); n++ {
			if compressionOf(func(m int) []byte { return file[:min(m, n)] }) == nil {
				continue // not even its magic is there
			}
			r, err := read(t, file[:n], false)
			if err != nil {
				t.Fatalf("%s cut at %d: %v", name, n, err)
			}
			if len(r.packets) < before {
				t.Fatalf("%s cut at %d gives %d packets, and with a byte less %d", name, n, len(r.packets), before)
			}
			before = len(r.packets)
			same(t, r.packets, want[:before])
			if r.err == nil {
				whole++
				continue
			}
			cut := (*CutError)(nil)
			if !errors.As(r.err, &cut) || !Incomplete(r.err) || cut.Compression == "" || !strings.Contains(cut.Error(), " is cut short: ") {
				t.Fatalf("%s cut at %d: %v", name, n, r.err)
			}
			if cut.Packet != 0 && (cut.Packet != uint64(before)+1 || !strings.Contains(cut.Error(), "of the decompressed data")) {
				t.Fatalf("%s cut at %d, %d packets: %v", name, n, before, r.err)
			}
			if len(r.notes) != 1 || r.notes[0].Kind != NoteCut || r.notes[0].Offset != cut.Offset || r.notes[0].Text != cut.Error() {
				t.Fatalf("%s cut at %d: %+v", name, n, r.notes)
			}
		}
		if whole > 2 || strings.HasPrefix(name, "chat") && whole > 0 {
			t.Errorf("%s: %d cuts are not told", name, whole)
		}
		// A stream format gives what is in front of the cut, a block format may
		// need the whole block.
		if strings.HasSuffix(name, ".gz") && before < len(want)-1 {
			t.Errorf("%s without its last byte gives %d packets of %d", name, before, len(want))
		}
	}
}

// TestCompressedDamaged turns bits: what comes out are packets of the file, or
// damage is told.
func TestCompressedDamaged(t *testing.T) {
	_, want := chat(t)
	for name, file := range formatFiles(t) {
		told := 0
		for i := range file {
			bad := bytes.Clone(file)
			bad[i] ^= 1 << (i % 8)
			r, err := read(t, bad, false)
			if err != nil {
				if open := (*OpenError)(nil); !errors.As(err, &open) {
					t.Fatalf("%s, byte %d: %v", name, i, err)
				}
				told++
				continue
			}
			if r.err == nil {
				continue
			}
			told++
			if open := (*OpenError)(nil); !Incomplete(r.err) && !(errors.As(r.err, &open) && strings.Contains(r.err.Error(), "needs a window")) {
				t.Fatalf("%s, byte %d: %v", name, i, r.err)
			}
			if len(r.packets) > len(want) {
				t.Fatalf("%s, byte %d: %d packets of %d", name, i, len(r.packets), len(want))
			}
		}
		if told < len(file)*8/10 {
			t.Errorf("%s: %d of %d damages told", name, told, len(file))
		}
	}
}

func TestCompressedWords(t *testing.T) {
	file, packets := chat(t)
	gz := pack(t, "gzip", file)
	body := pack(t, "gzip", pcapOf(samples(400)))
	broken := bytes.Clone(gz)
	broken[len(broken)-5] ^= 1 // of the checksum
	tar := make([]byte, 512)
	copy(tar[257:], "ustar")
	dir := write(t, map[string][]byte{
		"tail.gz":   gz[:len(gz)-3],
		"cut.gz":    body[:len(body)/2],
		"start.gz":  gz[:12],
		"bad.gz":    broken,
		"inside.gz": pack(t, "gzip", file[:len(file)-1]),
		"photo.gz":  pack(t, "gzip", []byte("\xff\xd8\xff\xe0\x00\x10JFIF and so on and so on")),
		"twice.gz":  pack(t, "gzip", pack(t, "xz", file)),
		"empty.zst": {0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 1, 0, 0},
		"tar.lz4":   pack(t, "lz4", tar),
		"text.bz2":  []byte("BZh is how this text begins, and no more"),
		"large.zst": {0x28, 0xb5, 0x2f, 0xfd, 0, 20 << 3, 1, 0, 0},
		"large.xz":  largeXZ(),
	})
	for _, test := range []struct {
		name, text string
		packets    int // of the file; -1: it cannot be opened
	}{
		{"tail.gz", fmt.Sprintf("is cut short: its gzip data has no end; everything before it was read: %d packets, up to byte %d of the decompressed data", len(packets), len(file)), len(packets)},
		{"start.gz", "is cut short: it has 0 of the 24 bytes of the file header", 0},
		{"bad.gz", fmt.Sprintf("is damaged at byte %d of the decompressed data, after packet %d (its gzip data is broken: gzip: invalid checksum)", len(file), len(packets)), len(packets)},
		{"inside.gz", "of the decompressed data) has ", len(packets) - 1},
		{"photo.gz", "this is compressed with gzip, and what is inside looks like a JPEG picture", -1},
		{"twice.gz", "this is compressed with gzip, and what is inside is compressed with xz: decompress it first, `gzip -dc FILE | wsdump -`", -1},
		{"empty.zst", "this is compressed with zstd, and what is inside is empty", -1},
		{"tar.lz4", "this is compressed with lz4, and what is inside looks like a tar archive", -1},
		{"text.bz2", "its bzip2 data is broken", -1},
		{"large.zst", "its zstd data needs a window of more than 128 MiB; decompress it first, `zstd --long=31 -dc FILE | wsdump -`", -1},
		{"large.xz", "its xz data needs a window of more than 128 MiB; decompress it first, `xz -dc FILE | wsdump -`", -1},
	} {
		r, _, err := readPaths(t, filepath.Join(dir, test.name))
		if test.packets < 0 {
			if err == nil || Incomplete(err) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("%s: %v\nlacks %s", test.name, err, test.text)
			}
			continue
		}
		if err != nil || !Incomplete(r.err) || !strings.Contains(r.err.Error(), test.text) || len(r.packets) != test.packets || len(r.notes) != 1 {
			t.Errorf("%s: %d packets, %v %v\nlacks %s", test.name, len(r.packets), err, r.err, test.text)
		}
	}
	r, _, err := readPaths(t, filepath.Join(dir, "cut.gz"))
	if err != nil || len(r.packets) < 100 || !Incomplete(r.err) {
		t.Errorf("%d packets, %v %v", len(r.packets), err, r.err)
	}
}

// largeXZ is an xz file whose dictionary has 4 GiB.
func largeXZ() []byte {
	var b bytes.Buffer
	w, _ := xz.WriterConfig{CheckSum: xz.CRC32}.NewWriter(&b)
	w.Write([]byte("x"))
	w.Close()
	file := b.Bytes()
	header := file[12 : 12+4*(int(file[12])+1)]
	i := bytes.Index(header, []byte{0x21, 1})
	header[i+2] = 40
	binary.LittleEndian.PutUint32(header[len(header)-4:], crc32.ChecksumIEEE(header[:len(header)-4]))
	return file
}

// TestCompressedMerge merges compressed files that overlap, more than may be
// open, with others: the packets are those of the plain files.
func TestCompressedMerge(t *testing.T) {
	for _, n := range []int{3, maxOpen + 20} {
		plain, packed := map[string][]byte{}, map[string][]byte{}
		names := []string{"gzip", "zstd", "lz4", "none"}
		for i := range n {
			var times []int64
			for j := range 50 {
				times = append(times, int64(j*n*10+(i*7919)%(n*10)))
			}
			file := pcapOf(at(times...))
			name := fmt.Sprintf("%04d", i)
			plain[name], packed[name] = file, file
			if c := names[i%4]; c != "none" {
				packed[name] = pack(t, c, file)
			}
		}
		want, _, err := readPaths(t, write(t, plain))
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := readPaths(t, write(t, packed))
		if err != nil || got.err != nil || len(got.packets) != n*50 {
			t.Fatal(err, got.err, len(got.packets))
		}
		same(t, got.packets, want.packets)
		if order(got) != order(want) {
			t.Fatal("another order")
		}
	}
}

// TestBomb reads a capture whose 256 MiB are a few KiB compressed, and looks at
// the memory.
func TestBomb(t *testing.T) {
	var packed bytes.Buffer
	w, err := zstd.NewWriter(&packed)
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 64<<10)
	one := pcapOf([]Packet{{Time: start, Data: data, Length: uint32(len(data)), Link: 1}})
	w.Write(one[:24])
	const packets = 4096
	for range packets {
		w.Write(one[24:])
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if packed.Len() > 1<<20 {
		t.Fatalf("%d bytes are no bomb", packed.Len())
	}
	w = nil // its memory is not the reader's
	live := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, most := live(), uint64(0)
	src, err := Open([]string{Stdin}, Options{Stdin: &packed})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var p Packet
	n := 0
	for ; src.Next(&p) == nil; n++ {
		if n%1000 == 0 {
			most = max(most, live())
		}
	}
	if n != packets || most > before+48<<20 {
		t.Fatalf("%d packets, %d MiB more than %d", n, (most-before)>>20, before>>20)
	}
}

func FuzzCompressed(f *testing.F) {
	for _, file := range formatFiles(f) {
		f.Add(file)
	}
	f.Add(largeXZ())
	f.Fuzz(func(t *testing.T, file []byte) {
		if len(file) > 8<<10 {
			return
		}
		for i := range compressions {
			magic := compressions[i].magic
			if len(file) < len(magic) {
				return
			}
			src, err := Open([]string{Stdin}, Options{Stdin: bytes.NewReader(append([]byte(magic), file[len(magic):]...))})
			if err != nil {
				continue
			}
			var p Packet
			for range 10_000 { // a bomb has more
				if err = src.Next(&p); err != nil {
					break
				}
			}
			if open := (*OpenError)(nil); err != nil && err != io.EOF && !Incomplete(err) && !errors.As(err, &open) {
				t.Fatal(err)
			}
			src.Close()
		}
	})
}

func BenchmarkCompressed(b *testing.B) {
	packets := load()[:1<<15]
	rnd := uint32(1)
	for _, p := range packets { // half of it is noise, as with TLS
		for i := range p.Data[:len(p.Data)/2] {
			rnd = rnd*1664525 + 1013904223
			p.Data[i] = byte(rnd >> 24)
		}
	}
	file := pcapOf(packets)
	for _, name := range []string{"gzip", "zstd", "lz4", "xz"} {
		b.Run(name, func(b *testing.B) {
			packed := pack(b, name, file)
			b.SetBytes(int64(len(file)))
			for b.Loop() {
				src, err := Open([]string{Stdin}, Options{Stdin: bytes.NewReader(packed)})
				if err != nil {
					b.Fatal(err)
				}
				var p Packet
				n := 0
				for src.Next(&p) == nil {
					n++
				}
				if n != len(packets) {
					b.Fatal(n)
				}
				src.Close()
			}
		})
	}
}
