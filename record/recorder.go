// Package record writes packets to capture files: a [Recorder] those of a live
// capture as they come, a [Selection] those of chosen connections in a second
// pass over files.
package record

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/capture/live"
	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/internal/outfile"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/timeline"
)

// Options says what a [Recorder] writes.
type Options struct {
	Name     string // pattern of the file names; "-" is Stdout
	Stdout   io.Writer
	Rotation Rotation
	// Keep chooses connections when they end, and only their packets are written;
	// nil writes every packet.
	Keep   *query.Program
	Buffer int64 // with Keep: bytes of packets buffered until their connection ends
	Limits timeline.Limits
	Stop   func() // ends the capture: nothing more can or need be written
}

// Recorder is a source whose packets are written as they pass, to one file or to
// several that follow each other. Another goroutine than the one that dissects
// reads it, so that a slow output loses no packets. A file ends with a whole
// block at any time, so that a kill loses only what was not written yet.
type Recorder struct {
	capture.Source
	opt  Options
	ring *live.Ring // nil: Source is none, and counts nothing

	mu     sync.Mutex // protects what follows, and flight
	flight *flight    // nil: every packet is written
	file   io.WriteCloser
	out    *capture.Writer
	buffer writeBuffer // whole blocks that are not written yet
	err    error       // why nothing more is written

	dropped uint64     // packets dropped by the kernel, as far as the file says
	before  live.Stats // at the beginning of the file
	link    capture.LinkType
	number  uint32 // of the file
	name    string
	began   time.Time
	size    int64 // of the file
	packets uint64
	names   []string // of the files, each once, at most maxNames
	done    chan struct{}
}

// writeBuffer collects bytes.
type writeBuffer struct{ b []byte }

func (w *writeBuffer) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	return len(p), nil
}

const (
	// writeAt is how many bytes are written at once.
	writeAt = 256 << 10
	// flushEvery is how long bytes wait to be written at most.
	flushEvery = 50 * time.Millisecond
	// maxNames bounds the names that are kept for the summary.
	maxNames = 1000
)

// New opens the first file and returns a Recorder of src. [Recorder.Finish] ends
// it.
func New(src capture.Source, opt Options) (*Recorder, error) {
	r := &Recorder{Source: src, opt: opt, done: make(chan struct{})}
	r.ring, _ = src.(*live.Ring)
	if opt.Keep != nil {
		r.flight = &flight{limit: opt.Buffer, write: r.write, limits: opt.Limits}
	}
	if opt.Name == "-" {
		r.file, r.name = nopCloser{opt.Stdout}, "standard output"
		r.out = capture.NewWriter(&r.buffer)
	} else if err := r.next(time.Now()); err != nil {
		return nil, err
	}
	if err := r.flush(); err != nil {
		return nil, err
	}
	go r.flushByClock()
	return r, nil
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// Sink returns the sink that learns which connections to keep; nil where every
// packet is written. files are the names of the inputs.
func (r *Recorder) Sink(files []string) timeline.Sink {
	if r == nil || r.flight == nil {
		return nil
	}
	return query.NewConnectionFilter(&flightSink{Recorder: r}, r.opt.Keep, files...)
}

// next begins the next file.
func (r *Recorder) next(now time.Time) error {
	name, err := r.opt.Rotation.name(r.opt.Name, r.number, now)
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
			return &outfile.Error{Name: r.name, Err: err}
		}
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, outfile.Public)
	if err != nil {
		return &OpenError{&outfile.Error{Name: name, Err: err}}
	}
	if len(r.names) < maxNames && !slices.Contains(r.names, name) {
		r.names = append(r.names, name)
	}
	r.number++
	r.file, r.name, r.began, r.size = f, name, now, 0
	r.out = capture.NewWriter(&r.buffer)
	return nil
}

// OpenError says that a file cannot be created.
type OpenError struct{ File *outfile.Error }

// Error implements error.
func (e *OpenError) Error() string { return e.File.Error() }

// Unwrap returns the error of the file.
func (e *OpenError) Unwrap() error { return e.File }

// Next implements [capture.Source]. An error of writing ends the capture and is
// returned by [Recorder.Finish].
func (r *Recorder) Next(p *capture.Packet) error {
	if err := r.Source.Next(p); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return nil
	}
	if r.ring != nil {
		if s := r.ring.Stats(); s.Dropped > r.dropped { // before this packet
			r.err = r.statistics(p.Time)
			r.dropped = s.Dropped
		}
	}
	switch {
	case r.err != nil:
	case r.flight != nil:
		r.err = r.flight.add(p)
	default:
		r.err = r.write(p)
	}
	if r.err != nil {
		r.opt.Stop()
	}
	return nil
}

// errComplete says that all files that were asked for are written.
var errComplete = errors.New("all files are written")

func (r *Recorder) write(p *capture.Packet) error {
	now, rotate := time.Unix(0, p.Time), &r.opt.Rotation
	full := rotate.Megabytes > 0 && r.size >= int64(rotate.Megabytes)*1_000_000
	old := rotate.Seconds > 0 && now.Sub(r.began) >= time.Duration(rotate.Seconds)*time.Second
	if full || old {
		if rotate.Files > 0 && rotate.Megabytes == 0 && r.number >= rotate.Files { // -G and -W: that was the last
			r.opt.Stop()
			r.err = errComplete
			return r.err
		}
		if old && rotate.Megabytes > 0 && strings.Contains(r.opt.Name, "%") {
			r.number = 0 // the name has another time, so its files are counted anew
		}
		if err := r.next(now); err != nil {
			return err
		}
	}
	r.link = p.Link
	before := len(r.buffer.b)
	if err := r.out.Write(p); err != nil {
		return err
	}
	if err := r.out.Flush(); err != nil {
		return err
	}
	r.size += int64(len(r.buffer.b) - before)
	r.packets++
	if len(r.buffer.b) < writeAt {
		return nil
	}
	return r.flush()
}

// statistics writes what the kernel counted during this file.
func (r *Recorder) statistics(until int64) error {
	if r.ring == nil || r.flight != nil {
		return nil
	}
	s := r.ring.Stats()
	if err := r.out.Statistics(r.link, until, s.Packets-r.before.Packets, s.Dropped-r.before.Dropped); err != nil {
		return err
	}
	return r.out.Flush()
}

// flush writes the buffer to the file.
func (r *Recorder) flush() error {
	if err := r.out.Flush(); err != nil {
		return err
	}
	if len(r.buffer.b) == 0 {
		return nil
	}
	_, err := r.file.Write(r.buffer.b)
	if r.buffer.b = r.buffer.b[:0]; cap(r.buffer.b) > 4*writeAt {
		r.buffer.b = nil
	}
	if err != nil {
		return &outfile.Error{Name: r.name, Err: err}
	}
	return nil
}

func (r *Recorder) flushByClock() {
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
					r.opt.Stop()
				}
			}
			r.mu.Unlock()
		}
	}
}

// Finish closes the file and writes to words how many packets went where. The
// error says why that is not all of them. A nil Recorder finishes nothing.
func (r *Recorder) Finish(words *console.Console) error {
	if r == nil {
		return nil
	}
	close(r.done)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil && r.flight != nil {
		r.err = r.flight.flush()
	}
	if r.err == nil && r.ring != nil {
		r.err = r.statistics(r.ring.Heard())
	}
	if r.err == nil {
		r.err = r.flush()
	}
	if err := r.file.Close(); r.err == nil && err != nil {
		r.err = &outfile.Error{Name: r.name, Err: err}
	}
	words.Say(r.summary())
	if errors.Is(r.err, errComplete) {
		return nil
	}
	return r.err
}

// summary says how many packets went where.
func (r *Recorder) summary() string {
	text := console.Count(r.packets, "packet")
	if f := r.flight; f != nil {
		text += " of " + console.Count(f.chosen, "connection")
		if f.cut > 0 {
			text += fmt.Sprintf(" (%d without the beginning, which --keep-buffer did not hold any more)", f.cut)
		}
	}
	text += " written to "
	switch n := len(r.names); {
	case n == 0:
		return text + r.name
	case n == 1:
		return text + r.names[0]
	case n == maxNames:
		return text + strconv.Itoa(n) + " files and more, the last " + r.name
	default:
		return text + strconv.Itoa(n) + " files, " + r.names[0] + " to " + r.names[n-1]
	}
}
