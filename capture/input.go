package capture

import (
	"cmp"
	"errors"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/cpu"
)

// Stdin is the path that means standard input.
const Stdin = "-"

// Input is the [Source] of files: their packets, merged by time, or one file
// after the other ([Options.Each]). Packets of equal time come in argument
// order. Within one file the order is kept, even where its time runs backwards.
type Input struct {
	files   []*file
	handles handles
	heap    []*file // by the time of their next packet, the earliest first
	current *file   // whose packet was given last; it is not in the heap
	started bool
	each    bool
	begun   int // files taken from, with each
	number  uint64
	copies  *duplicates // nil: there is one file, each is for itself, or they are wanted
	follow  *follower   // nil: files end at their end
	options Options

	_ cpu.CacheLinePad // what is written for each packet is not in a line of the cache with another goroutine's
}

// file is one file of an Input.
type file struct {
	name   string
	handle *handle   // nil: standard input
	packed *inflater // nil: the file is not compressed
	reader reader
	stream *stream // of reader
	err    error   // why it gives no more packets; nil while it does
	head   Packet
	parked bool // only head.Time is known; the rest is read again when its turn comes

	_ cpu.CacheLinePad
}

// Open opens captures: files, folders (read recursively, sorted by path, without
// hidden files and without files that are no captures), and once "-", standard
// input. Every error names its file; when several paths are bad, the error names all. A
// path that cannot be read is an error at the end where others can; see
// [Incomplete].
//
// Open reads the beginning of every file, so on a pipe it waits for that. From a
// compressed pipe packets come as the blocks of its format do, not one by one.
func Open(paths []string, opt Options) (*Input, error) {
	if opt.Wait != nil && len(paths) == 1 && paths[0] != Stdin {
		return openFollowed(paths[0], opt)
	}
	in := &Input{each: opt.Each, options: opt}
	found, err := expand(paths, opt)
	if err != nil {
		return nil, err
	}
	size := min(max(64<<20/max(len(found), 1), 16<<10), 256<<10)
	var errs []error // of files that are not in a folder
	readable := 0
	inFolder := map[string]int{} // captures by folder
	for _, f := range found {
		if f.folder != "" {
			inFolder[f.folder] += 0
		}
		err := f.err
		if f.name == "" {
			continue
		}
		if err == nil {
			err = in.add(f, size, len(found) > maxOpen, opt)
		}
		switch {
		case err == nil:
			readable++
			inFolder[f.folder]++
		case f.folder != "" && !namedCapture(f.name):
			skipped(opt, f.name, err)
		default:
			errs = append(errs, err)
			in.files = append(in.files, &file{name: f.name, err: leftOut(err)})
		}
	}
	for _, path := range paths {
		if n, ok := inFolder[path]; ok && n == 0 {
			err := &OpenError{File: path, Err: ErrFormat, Text: "there is no pcap or pcapng file in this folder"}
			errs = append(errs, err)
			in.files = append(in.files, &file{name: path, err: leftOut(err)})
		}
	}
	if readable == 0 && len(errs) > 0 {
		in.Close()
		return nil, errors.Join(errs...)
	}
	return in, nil
}

// leftOut marks err as one that does not keep other files from being read.
func leftOut(err error) error {
	open := &OpenError{}
	if !errors.As(err, &open) {
		return err
	}
	left := *open
	left.LeftOut = true
	return &left
}

// namedCapture reports whether the name of a file says that it is a capture. One in a
// folder that cannot be read is then an error, as if it were named itself, unless it is
// empty: a tool has just begun it.
func namedCapture(name string) bool {
	if info, err := os.Stat(name); err == nil && info.Size() == 0 {
		return false
	}
	name = strings.ToLower(name)
	for _, packed := range []string{".gz", ".zst", ".lz4", ".xz", ".bz2"} {
		name = strings.TrimSuffix(name, packed)
	}
	return strings.HasSuffix(name, ".pcap") || strings.HasSuffix(name, ".pcapng")
}

func skipped(opt Options, name string, err error) {
	if opt.OnNote != nil {
		opt.OnNote(Note{Kind: NoteSkippedFile, File: name, Text: err.Error()})
	}
}

// add adds one file.
func (in *Input) add(c candidate, size int, many bool, opt Options) error {
	f, err := in.open(c, size, uint32(len(in.files)), opt)
	if err != nil {
		return err
	}
	in.files = append(in.files, f)
	if (many || opt.Each && f.packed != nil) && f.reader != nil { // a decompressor may need much memory
		f.park(f.reader.state().offset())
	}
	return nil
}

// open opens one file and reads its header.
func (in *Input) open(c candidate, size int, index uint32, opt Options) (*file, error) {
	f := &file{name: c.name}
	s := stream{name: c.name, index: index, note: opt.OnNote}
	s.size = size
	if c.name == Stdin {
		s.name = "standard input"
		if s.r = opt.Stdin; s.r == nil {
			s.r = os.Stdin
		}
	} else {
		f.handle = &handle{set: &in.handles, path: c.name, end: opt.ends[c.name]}
		s.r = f.handle
		if err := f.handle.use(); err != nil {
			return nil, openError(c.name, err)
		}
		s.whole = !f.handle.pinned && in.follow == nil
	}
	if c := compressionOf(s.peek); c != nil {
		f.packed = c.inflate(s.block[s.start:s.buffer.end], s.r, size)
		s.buffer = buffer{r: f.packed, size: size}
		s.packed = c.name
	}
	var err error
	f.reader, err = newReader(s)
	if Incomplete(err) {
		f.reader, f.err = nil, err
	} else if err != nil {
		_ = f.close()
		return nil, err
	}
	if f.reader != nil {
		f.stream = f.reader.state()
	}
	return f, nil
}

// Files returns the names of the files after folders were expanded, in argument
// order. Packet.File and Note.Index are indexes of it.
func (in *Input) Files() []string {
	names := make([]string, len(in.files))
	for i, f := range in.files {
		names[i] = f.name
	}
	return names
}

// Size returns how many bytes the files have together. known is false when one
// of them is a pipe or compressed, so that the packets are not of that size.
func (in *Input) Size() (bytes int64, known bool) {
	for _, f := range in.files {
		if f.err != nil {
			continue
		}
		info, err := os.Stat(f.name)
		if f.handle == nil || f.packed != nil || err != nil || !info.Mode().IsRegular() {
			return 0, false
		}
		bytes += info.Size()
	}
	return bytes, bytes > 0
}

// Pcapng reports whether a file is a pcapng, which may bring TLS secrets at any
// time.
func (in *Input) Pcapng() bool {
	return slices.ContainsFunc(in.files, func(f *file) bool {
		_, is := f.reader.(*pcapng)
		return is
	})
}

// Packed reports whether files are compressed, and all are regular ones, whose
// bytes are there when they are asked for: then it is worth while to read them in
// a goroutine of its own.
func (in *Input) Packed() bool {
	_, regular := in.size()
	return regular && slices.ContainsFunc(in.files, func(f *file) bool { return f.packed != nil })
}

// size returns how many bytes the files have on disk, if they are regular ones.
func (in *Input) size() (bytes int64, regular bool) {
	for _, f := range in.files {
		info, err := os.Stat(f.name)
		if f.handle == nil || err != nil || !info.Mode().IsRegular() {
			return 0, false
		}
		bytes += info.Size()
	}
	return bytes, true
}

// Next returns the next packet, without duplicates from other files. At the end of all
// files the error is io.EOF, or the errors of the files, joined; see [Incomplete].
func (in *Input) Next(p *Packet) error {
	if f := in.last(); f != nil {
		if f.err = f.reader.next(p); f.err == nil {
			in.number++
			p.Number, p.File, p.FilePacket = in.number, f.stream.index, f.stream.packets
			return nil
		}
	}
	for {
		if err := in.merge(p); err != nil {
			return err
		}
		if in.copies == nil {
			break
		}
		following := int64(math.MaxInt64)
		if len(in.heap) > 0 {
			following = in.heap[0].head.Time
		}
		if !in.copies.has(p, following) {
			break
		}
	}
	in.number++
	p.Number = in.number
	return nil
}

// last returns the current file if it is the only one left, so that there are no times to
// compare; nil otherwise.
func (in *Input) last() *file {
	if f := in.current; f != nil && len(in.heap) == 0 && in.copies == nil && !f.parked {
		return f
	}
	return nil
}

// Duplicates returns how many packets were dropped because another file has them; see
// [DuplicateWithin]. They have no number.
func (in *Input) Duplicates() uint64 {
	if in.copies == nil {
		return 0
	}
	return in.copies.n
}

// merge returns the next packet of all files.
func (in *Input) merge(p *Packet) error {
	if !in.started {
		in.start()
	} else if f := in.current; f != nil && in.advance(f) {
		in.settle(f)
	}
	for in.current != nil && in.current.parked {
		in.current.parked = false
		in.advance(in.current) // when the file has changed and has none, the next one is current
	}
	for in.current == nil {
		if !in.goOn() {
			return in.end()
		}
	}
	*p = in.current.head
	return nil
}

// start reads the first packet of every file. With more files than may be open
// a file then waits, closed and without memory, until its time comes.
func (in *Input) start() {
	in.started = true
	if in.each {
		in.pop()
		return
	}
	if len(in.files) > 1 && !in.options.KeepDuplicates {
		in.copies = newDuplicates()
	}
	for _, f := range in.files {
		if !in.advance(f) {
			continue
		}
		if s := f.reader.state(); in.waits(f) && f.park(s.at) {
			s.packets--
			f.parked = true
		}
		in.heap = append(in.heap, f)
	}
	slices.SortStableFunc(in.heap, func(a, b *file) int { return cmp.Compare(a.head.Time, b.head.Time) })
	in.pop()
}

// waits reports whether f is to wait, parked, until its time comes. Compressed
// files always are when there are several: a decompressor may need much memory,
// and those of a rotated capture need only one.
func (in *Input) waits(f *file) bool {
	return len(in.files) > maxOpen || f.packed != nil && len(in.files) > 1
}

// end returns what was wrong with the files, in argument order, or io.EOF.
func (in *Input) end() error {
	var errs []error
	if in.follow != nil {
		errs = append(errs, in.follow.errs...)
	}
	for _, f := range in.files {
		if f.err != io.EOF {
			errs = append(errs, f.err)
		}
	}
	if len(errs) == 0 {
		return io.EOF
	}
	return errors.Join(errs...)
}

// advance reads the next packet of f. It reports false when f has no more; then
// f is closed, and the next file of the heap is current if f was.
func (in *Input) advance(f *file) bool {
	if f.next() {
		return true
	}
	if f == in.current {
		in.pop()
	}
	return false
}

// next reads the next packet of f. It reports false when f has no more; then f is
// closed.
func (f *file) next() bool {
	if f.err == nil {
		if f.err = f.reader.next(&f.head); f.err == nil {
			f.head.File, f.head.FilePacket = f.stream.index, f.stream.packets
			return true
		}
	}
	_ = f.close()
	return false
}

// settle makes the file with the earliest packet current: f, which was and has
// a new packet, or the first of the heap.
func (in *Input) settle(f *file) {
	if len(in.heap) > 0 && in.heap[0].before(f) {
		in.current, in.heap[0] = in.heap[0], f
		in.sift()
	}
}

// pop makes the first of the heap current, or the next file that has a packet.
func (in *Input) pop() {
	in.current = nil
	for in.each && in.current == nil && in.begun < len(in.files) {
		f := in.files[in.begun]
		in.begun++
		if in.advance(f) {
			in.current = f
		}
	}
	if n := len(in.heap); n > 0 {
		in.current = in.heap[0]
		in.heap[0], in.heap[n-1] = in.heap[n-1], nil
		in.heap = in.heap[:n-1]
		in.sift()
	}
}

// sift moves the first of the heap down to its place.
func (in *Input) sift() {
	h, i := in.heap, 0
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(h); child++ {
			if h[child].before(h[least]) {
				least = child
			}
		}
		if least == i {
			return
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
}

func (f *file) before(g *file) bool {
	if f.head.Time != g.head.Time {
		return f.head.Time < g.head.Time
	}
	return f.head.File < g.head.File
}

// park closes f and frees its memory, to be read from a byte of it on later. It
// reports whether that is possible.
func (f *file) park(at int64) bool {
	if f.handle == nil || f.handle.pinned {
		return false
	}
	_ = f.handle.Close()
	f.handle.offset = at
	if f.packed != nil {
		f.handle.offset = 0
		f.packed.park(f.handle, at)
	}
	f.reader.state().park(at)
	return true
}

func (f *file) close() error {
	f.reader = nil
	if f.packed != nil {
		f.packed.close()
	}
	if f.handle == nil {
		return nil
	}
	return f.handle.Close()
}

// Close closes all files. Standard input stays open: it is the caller's.
func (in *Input) Close() error {
	var errs []error
	for _, f := range in.files {
		errs = append(errs, f.close())
		if f.err == nil {
			f.err = io.EOF
		}
	}
	in.heap, in.current, in.started = nil, nil, true
	return errors.Join(errs...)
}
