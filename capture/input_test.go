package capture

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// write writes files into a new folder and returns it.
func write(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, b := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// readPaths reads files and returns the result and the names.
func readPaths(t testing.TB, paths ...string) (result, []string, error) {
	t.Helper()
	var notes []Note
	src, err := Open(paths, Options{KeepDuplicates: true, OnNote: func(n Note) { notes = append(notes, n) }})
	if err != nil {
		return result{notes: notes}, nil, err
	}
	names := src.Files()
	return drain(t, src, &notes), names, nil
}

func pcapOf(packets []Packet) []byte {
	return classic(binary.LittleEndian, magicNano, 4, 65535, 1, packets)
}

func at(times ...int64) (packets []Packet) {
	for i, t := range times {
		data := fmt.Appendf(nil, "packet %d at %d", i, t)
		packets = append(packets, Packet{Time: start + t, Data: data, Length: uint32(len(data)), Link: 1})
	}
	return packets
}

func order(r result) string {
	var b strings.Builder
	for _, p := range r.packets {
		fmt.Fprintf(&b, "%c%d ", 'a'+p.File, p.FilePacket)
	}
	return strings.TrimSpace(b.String())
}

func TestMergeByTime(t *testing.T) {
	dir := write(t, map[string][]byte{
		"1.pcap": pcapOf(at(10, 20, 20, 30)),
		"2.pcap": pcapOf(at(5, 20, 25)),
		"3.pcap": pcapOf(nil),
		"4.pcap": pcapOf(at(40, 1, 2, 50)), // runs backwards: its order is kept
	})
	name := func(i int) string { return filepath.Join(dir, fmt.Sprintf("%d.pcap", i)) }
	for _, test := range []struct {
		paths []string
		want  string
	}{
		{[]string{name(1), name(2)}, "b1 a1 a2 a3 b2 b3 a4"},
		{[]string{name(2), name(1)}, "a1 b1 a2 b2 b3 a3 b4"},
		{[]string{name(1), name(3), name(4)}, "a1 a2 a3 a4 c1 c2 c3 c4"},
		{[]string{name(1), name(1)}, "a1 b1 a2 a3 b2 b3 a4 b4"},
		{[]string{name(3)}, ""},
		{[]string{dir}, "b1 a1 a2 a3 b2 b3 a4 d1 d2 d3 d4"},
	} {
		r, _, err := readPaths(t, test.paths...)
		if err != nil || r.err != nil {
			t.Fatal(err, r.err)
		}
		if got := order(r); got != test.want {
			t.Errorf("%v:\n got %s\nwant %s", test.paths, got, test.want)
		}
	}
}

// TestMergeOfManyFiles reads more files than may be open, all overlapping, and
// compares with a plain sort. Each file has a buffer's size and more, so that
// files are closed and opened again in the middle.
func TestMergeOfManyFiles(t *testing.T) {
	const files, packets = 3 * maxOpen, 60
	rnd := rand.New(rand.NewPCG(1, 2))
	content := map[string][]byte{}
	var want []Packet
	for i := range files {
		var list []Packet
		now := start + rnd.Int64N(100)
		for range packets {
			now += rnd.Int64N(50)
			data := make([]byte, 700+rnd.IntN(700))
			for j := range data {
				data[j] = byte(rnd.Uint32())
			}
			list = append(list, Packet{File: uint32(i), Time: now, Data: data, Length: uint32(len(data)), Link: 1})
		}
		want = append(want, list...)
		content[fmt.Sprintf("%04d.pcap", i)] = pcapOf(list)
		if i%2 == 1 {
			s := newSection(binary.BigEndian).iface(1, 0, option{9, []byte{9}})
			for _, p := range list {
				s.enhanced(0, uint64(p.Time), p.Data, p.Length)
			}
			content[fmt.Sprintf("%04d.pcap", i)] = s.b
		}
	}
	slices.SortStableFunc(want, func(a, b Packet) int { return cmp.Compare(a.Time, b.Time) })
	dir := write(t, content)

	src, err := Open([]string{dir}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(src.handles.open); n > maxOpen {
		t.Fatalf("%d files open", n)
	}
	r := drain(t, src, nil)
	if r.err != nil {
		t.Fatal(r.err)
	}
	same(t, r.packets, want)
	for i, p := range r.packets {
		if p.File != want[i].File {
			t.Fatalf("packet %d of file %d, want %d", i+1, p.File, want[i].File)
		}
	}
	if n := len(src.handles.open); n != 0 {
		t.Fatalf("%d files open after Close", n)
	}
}

func TestCutFilesLetOthersGoOn(t *testing.T) {
	whole := pcapOf(at(1, 2, 3, 4))
	dir := write(t, map[string][]byte{
		"a.pcap": whole[:len(whole)-3],
		"b.pcap": pcapOf(at(10, 20)),
		"c.pcap": whole[:12],
		"d.pcap": append(bytes.Clone(whole), make([]byte, 50)...),
	})
	r, names, err := readPaths(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := order(r), "a1 d1 a2 d2 a3 d3 d4 b1 b2"; got != want {
		t.Fatalf("\n got %s\nwant %s", got, want)
	}
	if len(names) != 4 || !Incomplete(r.err) {
		t.Fatal(names, r.err)
	}
	for _, text := range []string{
		"a.pcap is cut short: the last record (packet 4, at byte 111) has 26 of 29 bytes",
		"c.pcap is cut short: it has 12 of the 24 bytes of the file header",
		"d.pcap is damaged at byte 140, after packet 4",
	} {
		if !strings.Contains(r.err.Error(), text) {
			t.Errorf("%v\nlacks %s", r.err, text)
		}
	}
	if Incomplete(errors.Join(r.err, io.ErrClosedPipe)) || Incomplete(nil) || !Incomplete(fmt.Errorf("reading: %w", r.err)) {
		t.Error("Incomplete")
	}
}

func TestFolders(t *testing.T) {
	dir := write(t, map[string][]byte{
		"b/2.pcap":       pcapOf(at(2)),
		"a.pcapng":       newSection(binary.LittleEndian).iface(1, 0).b,
		"z.txt":          []byte("notes"),
		"empty.pcap":     nil,
		".hidden.pcap":   pcapOf(at(3)),
		".git/x.pcap":    pcapOf(at(4)),
		"only/notes.txt": []byte("notes"),
	})
	r, names, err := readPaths(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{filepath.Join(dir, "a.pcapng"), filepath.Join(dir, "b/2.pcap")}; !slices.Equal(names, want) {
		t.Fatalf("%v, want %v", names, want)
	}
	if !slices.Equal(kinds(r.notes), []NoteKind{NoteSkippedFile, NoteSkippedFile, NoteSkippedFile}) {
		t.Fatalf("%+v", r.notes)
	}
	if n := r.notes[0]; n.File != filepath.Join(dir, "empty.pcap") || !strings.Contains(n.Text, "empty") {
		t.Fatalf("%+v", n)
	}
	if _, _, err := readPaths(t, filepath.Join(dir, "only")); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "only: there is no pcap") {
		t.Fatal(err)
	}
	r, _, err = readPaths(t, dir, filepath.Join(dir, "only"))
	if err != nil || r.err == nil || !strings.Contains(r.err.Error(), "only: there is no pcap") || len(r.packets) != 1 {
		t.Fatalf("a folder without captures is not told beside one with: %v, %v", err, r.err)
	}
}

// TestDamagedInFolder: a file whose name says that it is a capture is no bystander.
func TestDamagedInFolder(t *testing.T) {
	dir := write(t, map[string][]byte{"1.pcap": pcapOf(at(1)), "2.pcapng.gz": []byte("hello, hello, hello"), "notes.txt": []byte("hello, hello, hello")})
	r, _, err := readPaths(t, dir)
	if err != nil || len(r.packets) != 1 || !Incomplete(r.err) || !errors.Is(r.err, ErrFormat) || !strings.Contains(r.err.Error(), "2.pcapng.gz") {
		t.Errorf("%v, %v, %d packets", err, r.err, len(r.packets))
	}
	if !slices.Equal(kinds(r.notes), []NoteKind{NoteSkippedFile}) {
		t.Errorf("%+v", r.notes)
	}
}

// TestLeftOut: a file that cannot be read is told, and the others are read.
func TestLeftOut(t *testing.T) {
	dir := write(t, map[string][]byte{"1.pcap": pcapOf(at(1)), "2.pcap": pcapOf(at(2)), "text.pcap": []byte("hello, hello, hello")})
	paths := []string{filepath.Join(dir, "1.pcap"), filepath.Join(dir, "missing"), filepath.Join(dir, "text.pcap"), filepath.Join(dir, "2.pcap")}
	r, names, err := readPaths(t, paths...)
	if err != nil || len(r.packets) != 2 || r.packets[1].File != 3 || !slices.Equal(names, paths) {
		t.Fatalf("%v: %v of %v", err, r.packets, names)
	}
	if !Incomplete(r.err) || !errors.Is(r.err, fs.ErrNotExist) || !errors.Is(r.err, ErrFormat) {
		t.Error(r.err)
	}
	if _, _, err := readPaths(t, paths[1], paths[2]); err == nil || Incomplete(err) {
		t.Errorf("where none can be read: %v", err)
	}
}

// TestAlone: each file by itself, all at once.
func TestAlone(t *testing.T) {
	dir := write(t, map[string][]byte{"1.pcap": pcapOf(append(at(5), at(6)...)), "2.pcap": pcapOf(at(2))[:50], "3.pcap": pcapOf(at(3))})
	paths := []string{filepath.Join(dir, "1.pcap"), filepath.Join(dir, "2.pcap"), filepath.Join(dir, "3.pcap"), filepath.Join(dir, "4.pcap")}
	in, err := Open(paths, Options{Each: true})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var wait sync.WaitGroup
	got := make([]string, len(paths))
	var cuts atomic.Int32
	for i, alone := range in.Alone(func(int) func(Note) { return func(Note) { cuts.Add(1) } }) {
		wait.Go(func() {
			var p Packet
			for alone.Next(&p) == nil {
				got[i] += fmt.Sprintf("%d of %d at %d, ", p.Number, p.File, p.Time-start)
			}
			got[i] += fmt.Sprintf("%d, %v", alone.Packets(), alone.Next(&p) == io.EOF)
		})
	}
	wait.Wait()
	want := []string{"1 of 0 at 5, 2 of 0 at 6, 2, true", "0, false", "1 of 2 at 3, 1, true", "0, false"}
	if !slices.Equal(got, want) || cuts.Load() != 1 {
		t.Errorf("%q with %d notes, want %q", got, cuts.Load(), want)
	}
}

func TestLinkToFolder(t *testing.T) {
	dir := write(t, map[string][]byte{"real/1.pcap": pcapOf(at(1))})
	link := filepath.Join(dir, "link")
	if err := os.Symlink(filepath.Join(dir, "real"), link); err != nil {
		t.Skip("no links here:", err)
	}
	for _, path := range []string{link, link + "/", filepath.Join(dir, "real") + "/"} {
		r, names, err := readPaths(t, path)
		if err != nil || r.err != nil || len(r.packets) != 1 || names[0] != filepath.Join(path, "1.pcap") {
			t.Errorf("%s: %v %v %v", path, err, r.err, names)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	dir := write(t, map[string][]byte{
		"photo.jpg": []byte("\xff\xd8\xff\xe0\x00\x10JFIF and so on and so on"),
		"page.har":  []byte(" {\n \"log\": {\"version\": \"1.2\"}}"),
		"x.json":    []byte("[1,2,3]"),
		"x.txt":     []byte("Grüße, this is a text\n"),
		"x.cap":     []byte("GMBU\x01\x02"),
		"x.bin":     bytes.Repeat([]byte{0, 1, 2, 3}, 100),
		"tiny":      {0, 1},
		"empty":     {},
		"secret":    pcapOf(nil),
	})
	if err := os.Chmod(filepath.Join(dir, "secret"), 0); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, text string
		is         error
	}{
		{"photo.jpg", "wsdump reads pcap and pcapng; this looks like a JPEG picture", ErrFormat},
		{"page.har", "HAR recording", ErrFormat},
		{"x.json", "looks like JSON", ErrFormat},
		{"x.txt", "looks like text", ErrFormat},
		{"x.cap", "editcap -F pcapng", ErrFormat},
		{"x.bin", "begins with 00010203", ErrFormat},
		{"tiny", "has only 2 bytes", ErrFormat},
		{"empty", "the file is empty", ErrFormat},
		{"missing.pcap", "there is no such file", fs.ErrNotExist},
		{"secret", "no permission", fs.ErrPermission},
	} {
		path := filepath.Join(dir, test.name)
		_, _, err := readPaths(t, path)
		if test.is == fs.ErrPermission && os.Getuid() == 0 {
			continue // root may read everything
		}
		openErr := (*OpenError)(nil)
		if !errors.Is(err, test.is) || !errors.As(err, &openErr) || openErr.File != path {
			t.Errorf("%s: %v", test.name, err)
		}
		if !strings.Contains(err.Error(), test.text) || !strings.HasPrefix(err.Error(), path+": ") {
			t.Errorf("%v\nlacks %s", err, test.text)
		}
		if Incomplete(err) {
			t.Errorf("%s: what cannot be opened is not only incomplete", test.name)
		}
	}
	_, _, err := readPaths(t, filepath.Join(dir, "missing.pcap"), filepath.Join(dir, "photo.jpg"))
	if !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, ErrFormat) {
		t.Errorf("not all are told: %v", err)
	}
	if _, err := Open([]string{"-", "-"}, Options{Stdin: bytes.NewReader(nil)}); err == nil || !strings.Contains(err.Error(), "only once") {
		t.Errorf("%v", err)
	}
	if err := openError("x", &fs.PathError{Op: "open", Path: "x", Err: fs.ErrPermission}); !errors.Is(err, fs.ErrPermission) ||
		!strings.Contains(err.Error(), "x: no permission") {
		t.Errorf("%v", err)
	}
}

// TestPipeIsNotHeldBack writes packets one by one into a pipe: each must come
// out before the next is written.
func TestPipeIsNotHeldBack(t *testing.T) {
	packets := samples(5)
	ng, ends, _ := enhancedFile(binary.LittleEndian, packets)
	classicEnds := []int{}
	n := 24
	for _, p := range packets {
		n += 16 + len(p.Data)
		classicEnds = append(classicEnds, n)
	}
	for _, test := range []struct {
		file []byte
		ends []int
	}{{pcapOf(packets), classicEnds}, {ng, ends}} {
		r, w := io.Pipe()
		next := make(chan struct{})
		go func() {
			from := 0
			for _, end := range test.ends {
				w.Write(test.file[from:end])
				from = end
				<-next
			}
			w.Close()
		}()
		src, err := Open([]string{Stdin}, Options{Stdin: r})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() {
			var p Packet
			for range packets {
				if err := src.Next(&p); err != nil {
					done <- err
				}
				next <- struct{}{}
			}
			done <- src.Next(&p)
		}()
		select {
		case err := <-done:
			if err != io.EOF {
				t.Fatal(err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("a packet was held back")
		}
	}
}

func TestReadErrorIsTold(t *testing.T) {
	broken := errors.New("the disk is gone")
	stdin := io.MultiReader(bytes.NewReader(pcapOf(at(1, 2))), failing{broken})
	src, err := Open([]string{Stdin}, Options{Stdin: stdin})
	if err != nil {
		t.Fatal(err)
	}
	r := drain(t, src, nil)
	if len(r.packets) != 2 || !errors.Is(r.err, broken) || Incomplete(r.err) || !strings.Contains(r.err.Error(), "standard input: cannot be read at byte 82") {
		t.Fatal(len(r.packets), r.err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestWriters(t *testing.T) {
	packets := samples(9)
	var classic bytes.Buffer
	pw := NewPcapWriter(&classic, 1)
	for i := range packets {
		if err := pw.Write(&packets[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := pw.Flush(); err != nil {
		t.Fatal(err)
	}
	same(t, mustRead(t, classic.Bytes()).packets, packets)

	for i := range packets {
		packets[i].Link = LinkType(1 + i%3*100)
	}
	var ng bytes.Buffer
	w := NewWriter(&ng)
	if err := w.Secrets(SecretsTLSKeyLog, []byte("keys!")); err != nil {
		t.Fatal(err)
	}
	for i := range packets {
		if err := w.Write(&packets[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	r := mustRead(t, ng.Bytes())
	same(t, r.packets, packets)
	if r.err != nil || len(r.notes) != 1 || string(r.notes[0].Secrets) != "keys!" {
		t.Fatal(r.err, r.notes)
	}
}

func TestNextAllocatesNothing(t *testing.T) {
	packets := samples(50)
	long := []Packet{}
	for i := range 5000 {
		long = append(long, packets[i%len(packets)])
	}
	ng, _, _ := enhancedFile(binary.LittleEndian, long)
	for name, paths := range map[string][]string{
		"pcap":   {"a"},
		"pcapng": {"b"},
		"merged": {"a", "b", "a"},
	} {
		dir := write(t, map[string][]byte{"a": pcapOf(long), "b": ng})
		for i := range paths {
			paths[i] = filepath.Join(dir, paths[i])
		}
		src, err := Open(paths, Options{KeepDuplicates: true})
		if err != nil {
			t.Fatal(err)
		}
		var p Packet
		src.Next(&p)
		n := testing.AllocsPerRun(4000, func() {
			if err := src.Next(&p); err != nil {
				t.Fatal(err)
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations a packet", name, n)
		}
		src.Close()
	}
}
