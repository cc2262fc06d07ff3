package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/capture/live"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/timeline"
)

// rotation says when a file of -w is followed by the next, as tcpdump has it.
type rotation struct {
	megabytes uint32 // -C: after as many million bytes
	seconds   uint32 // -G: after as many seconds
	files     uint32 // -W: after as many files, begin again (-C) or end (-G)
}

// names returns the name of the file number n, which begins at t.
func (r *rotation) name(pattern string, n uint32, t time.Time) (string, error) {
	name := pattern
	if r.seconds > 0 {
		var err error
		if name, err = strftime(pattern, t); err != nil {
			return "", err
		}
	}
	switch {
	case r.megabytes == 0:
	case r.files > 0:
		name += fmt.Sprintf("%0*d", len(strconv.Itoa(int(r.files-1))), n%r.files)
	case n > 0:
		name += strconv.FormatUint(uint64(n), 10)
	}
	return name, nil
}

func (r *rotation) check(pattern string) error {
	switch {
	case pattern == "" && (r.megabytes > 0 || r.seconds > 0 || r.files > 0):
		return &usageError{text: "-C, -G and -W say how the files of -w follow each other, and there is no -w"}
	case r.files > 0 && r.megabytes == 0 && r.seconds == 0:
		return &usageError{text: "-W counts files, and without -C or -G there is one"}
	case pattern == "-" && (r.megabytes > 0 || r.seconds > 0):
		return &usageError{text: "standard output cannot be followed by another file", hint: "name a file, -w copy.pcapng"}
	case r.seconds > 0 && r.megabytes == 0 && !strings.Contains(pattern, "%"):
		return &usageError{text: "with -G every file would replace the one before", hint: "put the time into its name: -w 'copy-%H%M%S.pcapng'"}
	case r.seconds == 0:
		return nil
	}
	_, err := r.name(pattern, 0, time.Now())
	return err
}

// recorder is a source whose packets are written as they come, to one file or to
// several that follow each other. It is read by another goroutine than the view,
// which may be slower. A file ends with a whole block at any time: what is cut
// off by a kill is what was not written yet.
type recorder struct {
	capture.Source
	rotation
	pattern string
	stop    func() // ends the capture

	ring   *live.Ring // nil in tests
	flight *flight    // nil: every packet is written
	keeps  *query.Program

	mu      sync.Mutex // of what follows, and of flight
	file    io.WriteCloser
	out     *capture.Writer
	waiting writes // whole blocks
	err     error  // why nothing is written any more

	lost    uint64     // packets, as far as a file says
	before  live.Stats // of files before this one
	link    capture.LinkType
	number  uint32 // of the file
	name    string
	began   time.Time
	size    int64 // of the file
	packets uint64
	bytes   uint64
	names   []string // of the files, each once
	done    chan struct{}
}

// writes collects bytes.
type writes struct{ b []byte }

func (w *writes) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	return len(p), nil
}

// enoughBytes are written at once.
const enoughBytes = 256 << 10

// viewBehind is how many bytes of packets the view may be behind what is written.
const viewBehind = 64 << 20

// checkLive refuses what cannot be written as it comes.
func (k *keepFlags) checkLive(stdout io.Writer, counted bool) error {
	switch {
	case k.withKeys:
		return &usageError{text: "--with-keys goes with files: keys must stand before packets, and live they come later", hint: "`wsdump keys inject` puts them into what -w wrote"}
	case k.alone && k.file == "" && !counted:
		return &usageError{text: "with --no-timeline and without -w or --metrics there is nothing to do"}
	case k.file == "-" && !k.alone:
		return &usageError{text: "-w cannot write to standard output, where the rows go", hint: "name a file, -w copy.pcapng, or say --no-timeline"}
	case k.file == "-" && isTerminalWriter(stdout):
		return &usageError{text: "a capture is not for a terminal", hint: "name a file, -w copy.pcapng"}
	}
	if k.only != "" && k.file == "" {
		return &usageError{text: "--keep says what -w writes, and there is no -w"}
	}
	if k.held.set && k.only == "" {
		return &usageError{text: "--keep-buffer goes with --keep"}
	}
	if _, err := k.keeps(); err != nil {
		return err
	}
	return k.rotation.check(k.file)
}

// keeps returns the condition of --keep, nil without.
func (k *keepFlags) keeps() (*query.Program, error) {
	if k.only == "" {
		return nil, nil
	}
	return query.Compile(k.only, query.Connections)
}

// record begins to write what is captured; nil when nothing is to be written.
func (k *keepFlags) record(in *input, stdout io.Writer) (*recorder, error) {
	if in.ring == nil || k.file == "" {
		return nil, nil
	}
	keeps, err := k.keeps()
	if err != nil {
		return nil, err
	}
	r, err := newRecorder(in.ring, k.file, k.rotation, stdout, in.ring.Stop)
	if err != nil {
		return nil, err
	}
	r.ring = in.ring
	most := int64(in.source.most)
	if in.behind = int(min(viewBehind, most/8)); keeps != nil {
		held := k.held.bytes
		if !k.held.set {
			held = min(held, most/2)
		}
		r.keeps, r.flight = keeps, &flight{most: held, keep: r.write, limits: in.limits}
	}
	return r, nil
}

// newRecorder opens the first file.
func newRecorder(src capture.Source, pattern string, r rotation, stdout io.Writer, stop func()) (*recorder, error) {
	rec := &recorder{Source: src, rotation: r, pattern: pattern, stop: stop, done: make(chan struct{})}
	if pattern == "-" {
		rec.file, rec.name = nopCloser{stdout}, "standard output"
		rec.out = capture.NewWriter(&rec.waiting)
	} else if err := rec.next(time.Now()); err != nil {
		return nil, err
	}
	if err := rec.flush(); err != nil {
		return nil, err
	}
	go rec.promptly()
	return rec, nil
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// next begins the next file.
func (r *recorder) next(now time.Time) error {
	name, err := r.rotation.name(r.pattern, r.number, now)
	if err != nil {
		return err
	}
	if r.file != nil {
		if err := r.statistics(now.UnixNano()); err != nil {
			return err
		}
		if err := r.flush(); err != nil {
			return err
		}
		if r.ring != nil {
			r.before = r.ring.Stats()
		}
		if err := r.file.Close(); err != nil {
			return &targetError{r.name, err}
		}
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, modeOpen)
	if err != nil {
		return &recordError{targetError{name, err}}
	}
	if len(r.names) < mostFiles && !slices.Contains(r.names, name) {
		r.names = append(r.names, name)
	}
	r.number++
	r.file, r.name, r.began, r.size = f, name, now, 0
	r.out = capture.NewWriter(&r.waiting)
	return nil
}

// mostFiles bounds the names that are kept to be told at the end.
const mostFiles = 1000

// recordError says that a file of -w cannot be opened.
type recordError struct{ targetError }

func (e *recordError) Unwrap() error { return &e.targetError }

// Next implements [capture.Source].
func (r *recorder) Next(p *capture.Packet) error {
	if err := r.Source.Next(p); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return nil
	}
	if r.ring != nil {
		if s := r.ring.Stats(); s.Dropped > r.lost { // before this packet
			r.err = r.statistics(p.Time)
			r.lost = s.Dropped
		}
	}
	switch {
	case r.err != nil:
	case r.flight != nil:
		r.err = r.flight.hold(p)
	default:
		r.err = r.write(p)
	}
	if r.err != nil {
		r.stop()
	}
	return nil
}

func (r *recorder) write(p *capture.Packet) error {
	now := time.Unix(0, p.Time)
	full := r.megabytes > 0 && r.size >= int64(r.megabytes)*1_000_000
	old := r.seconds > 0 && now.Sub(r.began) >= time.Duration(r.seconds)*time.Second
	if full || old {
		if r.rotation.files > 0 && r.megabytes == 0 && r.number >= r.rotation.files {
			r.stop() // -G and -W: that was the last
			r.err = errRecorded
			return r.err
		}
		if old && r.megabytes > 0 && strings.Contains(r.pattern, "%") {
			r.number = 0 // another name, and its own count
		}
		if err := r.next(now); err != nil {
			return err
		}
	}
	r.link = p.Link
	before := len(r.waiting.b)
	if err := r.out.Write(p); err != nil {
		return err
	}
	if err := r.out.Flush(); err != nil {
		return err
	}
	r.size += int64(len(r.waiting.b) - before)
	r.packets++
	r.bytes += uint64(len(p.Data))
	if len(r.waiting.b) < enoughBytes {
		return nil
	}
	return r.flush()
}

// statistics writes what the kernel has counted for this file.
func (r *recorder) statistics(until int64) error {
	if r.ring == nil || r.flight != nil {
		return nil
	}
	s := r.ring.Stats()
	if err := r.out.Statistics(r.link, until, s.Packets-r.before.Packets, s.Dropped-r.before.Dropped); err != nil {
		return err
	}
	return r.out.Flush()
}

// errRecorded says that all files that were asked for are written.
var errRecorded = errors.New("all files are written")

// flush writes what waits.
func (r *recorder) flush() error {
	if err := r.out.Flush(); err != nil {
		return err
	}
	if len(r.waiting.b) == 0 {
		return nil
	}
	_, err := r.file.Write(r.waiting.b)
	if r.waiting.b = r.waiting.b[:0]; cap(r.waiting.b) > 4*enoughBytes {
		r.waiting.b = nil
	}
	if err != nil {
		return &targetError{r.name, err}
	}
	return nil
}

// promptly flushes by the clock.
func (r *recorder) promptly() {
	ticker := time.NewTicker(flushEvery)
	defer ticker.Stop()
	for {
		select {
		case <-r.done:
			return
		case <-ticker.C:
			r.mu.Lock()
			if r.err == nil {
				if r.err = r.flush(); r.err != nil {
					r.stop()
				}
			}
			r.mu.Unlock()
		}
	}
}

// finish closes the file and says what was written. The error says why that is
// not all.
func (r *recorder) finish(words *console) error {
	if r == nil {
		return nil
	}
	close(r.done)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil && r.flight != nil {
		r.err = r.flight.land()
	}
	if r.err == nil && r.ring != nil {
		r.err = r.statistics(r.ring.Heard())
	}
	if r.err == nil {
		r.err = r.flush()
	}
	if err := r.file.Close(); r.err == nil && err != nil {
		r.err = &targetError{r.name, err}
	}
	words.say(r.said())
	if errors.Is(r.err, errRecorded) {
		return nil
	}
	return r.err
}

// unseen writes, and counts for --metrics, and shows nothing.
func (in *input) unseen(ctx context.Context, record *recorder, view *viewFlags, words *console, stdout, stderr io.Writer) int {
	counts, served, err := in.source.iface.metrics.serve(in, words)
	if err != nil {
		return words.fail(err)
	}
	defer served()
	var sinks []timeline.Sink
	if counts != nil {
		sinks = append(sinks, counts)
	}
	if chooses := record.sink(in.files()); chooses != nil {
		sinks = append(sinks, chooses)
	}
	var sink timeline.Sink
	if len(sinks) > 0 {
		sink = timeline.Tee(sinks...)
	}
	watched, stopped := in.watch(sink, view, words, stdout, stderr)
	defer stopped()
	in.greet(words)
	if sink != nil {
		way := passage{}
		if record != nil {
			way = instead(record)
		}
		err = in.run(ctx, watched, way)
	} else {
		for p := (capture.Packet{}); err == nil; {
			err = record.Next(&p)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	stopped()
	err = errors.Join(err, record.finish(words))
	in.farewell(words)
	if err != nil {
		return words.fail(err)
	}
	return exitOK
}

// said tells what was written, when it is finished.
func (r *recorder) said() string {
	text := plural(int(min(r.packets, math.MaxInt)), "packet") + " written to "
	if f := r.flight; f != nil {
		text = plural(int(min(r.packets, math.MaxInt)), "packet") + " of " + counted(f.chosen, "connection")
		if f.cut > 0 {
			text += " (" + strconv.FormatUint(f.cut, 10) + " without the beginning, which --keep-buffer did not hold any more)"
		}
		text += " written to "
	}
	switch n := len(r.names); {
	case n == 0:
		return text + r.name
	case n == 1:
		return text + r.names[0]
	case n == mostFiles:
		return text + strconv.Itoa(n) + " files and more, the last " + r.name
	default:
		return text + strconv.Itoa(n) + " files, " + r.names[0] + " to " + r.names[n-1]
	}
}

// unwritable returns what to do about a file of -w that cannot be opened.
func unwritable(err error) string {
	if wrong := (*recordError)(nil); errors.As(err, &wrong) && errors.Is(wrong.err, fs.ErrPermission) && os.Getenv("SUDO_USER") != "" {
		return "files are written as " + os.Getenv("SUDO_USER") + ", who called sudo; choose a folder of theirs, or say -Z root"
	}
	return ""
}
