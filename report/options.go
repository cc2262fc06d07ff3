// Package report prints a timeline: as a table for people, as NDJSON for
// programs, and as a list with one row a connection. Every output is a
// [timeline.Sink] that writes through its own buffer and remembers the first
// write error; none of them reaches behind the timeline.
//
// What an output may show of untrusted bytes is decided in one place:
// internal/terminal for people, internal/ndjson for programs. Neither lets a control byte
// or a bidirectional override through to a terminal.
package report

import (
	"io"
	"time"

	"github.com/wsdump/wsdump/internal/ndjson"
	"github.com/wsdump/wsdump/timeline"
)

// Output is what every printer of this package is.
type Output interface {
	timeline.Sink
	// Flush prints all rows that are known and hands them to the writer.
	Flush() error
	// Err returns the first error of the writer, nil when all went well.
	Err() error
}

// Payload is how many payload bytes a row may carry, or one of the words
// below.
type Payload int

const (
	PayloadDefault Payload = 0  // table: what fits the width; NDJSON: 1 MiB
	PayloadAll     Payload = -1 // no bound but the limits of the dissector
	PayloadNone    Payload = -2 // headers only; nothing is unmasked or inflated
)

// ndjsonPayload is the default bound of a payload in NDJSON, in bytes.
const ndjsonPayload = 1 << 20

// bytes returns how many of n payload bytes a row may carry.
func (p Payload) bytes(n, otherwise int) int {
	switch {
	case p == PayloadNone:
		return 0
	case p == PayloadAll:
		return n
	case p > 0:
		return min(n, int(p))
	}
	return min(n, otherwise)
}

// TimeMode says how the table shows when a row happened.
type TimeMode byte

const (
	TimeRelative TimeMode = 'r' // seconds since the first packet; the zero value means the same
	TimeLocal    TimeMode = 'a' // local date and time
	TimeUTC      TimeMode = 'u'
	TimeDelta    TimeMode = 'd' // seconds since the previous row
	TimeEpoch    TimeMode = 'e' // seconds since 1970
)

// Hide is a set of row kinds that are not printed.
type Hide uint8

const (
	HideControl Hide = 1 << iota
	HideOpen
	HideClose
	HideFinding
	HideMessage
)

// Options are shared by all outputs. The zero value prints everything, plain.
type Options struct {
	Live    bool     // rows are wanted as they come, and the widths of columns are not waited for
	All     bool     // lists: transports without a WebSocket too
	Version string   // of wsdump, for NDJSON's start line
	Files   []string // input names in the order of Stamp.File
	Sort    string   // lists: by what, one of SortKeys; empty for the order of closing
	Reverse bool     // lists: sorted the other way round
	Frames  bool     // a row for every frame too
	Hide    Hide
	Payload Payload
	Count   uint64         // stop after that many rows; 0 means never
	Time    TimeMode       // table only
	Local   *time.Location // for TimeLocal; nil means UTC
	Color   bool           // table and list only
	Width   int            // columns of the terminal; 0 means not a terminal
	Group   bool           // table only: one connection after the other, in order of closing
	Pretty  bool           // table only: JSON as a tree
	Hex     bool           // table only: a dump of what is not text
	// HARControl: -T har only: control frames as messages too.
	HARControl bool
	ASCII      bool // table only: nothing but ASCII, for terminals without UTF-8
	// Stop is called once when nothing more will be printed: Count is reached
	// or the writer failed. The caller may end the run early.
	Stop func()
}

// Hides reports whether rows of the kind h are not printed.
func (o *Options) Hides(h Hide) bool { return o.Hide&h != 0 }

// needs is what any output wants to know. Hidden messages are still looked at,
// since findings are made from their payload; PayloadNone is how to say no.
func (o *Options) needs() timeline.Needs {
	return timeline.Needs{Frames: o.Frames, Payload: o.Payload != PayloadNone}
}

// writer buffers rows and holds on to the first error.
type writer struct {
	w       io.Writer
	buf     ndjson.Line
	err     error
	rows    uint64 // printed so far, for Options.Count
	count   uint64
	stop    func()
	stopped bool
}

// flushAt is how many bytes are gathered before they are written.
const flushAt = 64 << 10

func newWriter(w io.Writer, opt *Options) writer {
	return writer{w: w, buf: make([]byte, 0, 2*flushAt), count: opt.Count, stop: opt.Stop}
}

// fail notes an error that is not the writer's and ends the output.
func (w *writer) fail(err error) {
	if err != nil && w.err == nil {
		w.err = err
		w.stopOutput()
	}
}

// countRow is called after each row that counts.
func (w *writer) countRow() {
	w.rows++
	if w.rows == w.count {
		w.stopOutput()
	}
	w.writeIfFull()
}

// writeIfFull writes when enough has gathered.
func (w *writer) writeIfFull() {
	if len(w.buf) >= flushAt {
		w.write()
	}
}

func (w *writer) stopOutput() {
	if !w.stopped {
		w.stopped = true
		if w.stop != nil {
			w.stop()
		}
	}
}

func (w *writer) write() {
	w.writeNow(w.buf)
	w.buf = w.buf[:0]
	if cap(w.buf) > 16*flushAt { // one huge payload must not be held for good
		w.buf = make([]byte, 0, 2*flushAt)
	}
}

// writeNow writes b, which does not come from buf, or is all of it.
func (w *writer) writeNow(b []byte) {
	if w.err == nil && len(b) > 0 {
		if _, w.err = w.w.Write(b); w.err != nil {
			w.stopOutput()
		}
	}
}

// Err returns the first error of the underlying writer.
func (w *writer) Err() error { return w.err }
