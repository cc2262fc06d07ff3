// Package report prints the rows of a timeline: as a table for people, as NDJSON and
// CSV for programs, as an HTML page. It also prints lists with one row for each
// connection. Every output is a [timeline.Sink] with its own buffer, and keeps the
// first write error.
//
// What an output may show of untrusted bytes is decided in two rooms:
// internal/terminal for people, internal/ndjson for programs. Neither lets a control
// character or a bidirectional override through to a terminal.
package report

import (
	"io"
	"time"

	"github.com/wsdump/wsdump/internal/ndjson"
	"github.com/wsdump/wsdump/timeline"
)

// Output is implemented by every output of rows and lists.
type Output interface {
	timeline.Sink
	// Flush hands all rows so far to the writer.
	Flush() error
	// Err returns the first write error, nil when there was none.
	Err() error
}

// Payload is the most payload bytes that a row shows, or one of the constants below.
type Payload int

const (
	PayloadDefault Payload = 0  // table: what fits the width; NDJSON: 1 MiB; HTML: 64 KiB
	PayloadAll     Payload = -1 // bounded only by the limits of the dissector
	PayloadNone    Payload = -2 // headers only; nothing is unmasked or inflated
)

// ndjsonPayload is the default bound of a payload in NDJSON, in bytes.
const ndjsonPayload = 1 << 20

// bytes returns how many of n payload bytes a row shows. otherwise is the bound of
// PayloadDefault.
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

// TimeMode selects how the table shows the time of a row.
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

// Options are those of all outputs. The zero value prints everything, without
// colours.
type Options struct {
	Live    bool     // print each row at once, in columns of fixed widths
	All     bool     // lists: also transports without a WebSocket
	Version string   // version of wsdump, for the start line of NDJSON
	Files   []string // names of the input files, indexed by Stamp.File
	Sort    string   // lists: one of SortKeys; "" for the order of closing
	Reverse bool     // lists: sorted the other way round
	Frames  bool     // also a row for every frame
	Hide    Hide
	Payload Payload
	Count   uint64         // stop after so many rows; 0 means never
	Time    TimeMode       // table only
	Local   *time.Location // for TimeLocal; nil means UTC
	Color   bool           // table and list only
	Width   int            // columns of the terminal; 0 means not a terminal
	Group   bool           // table only: one connection after the other, in order of closing
	Pretty  bool           // table only: JSON as a tree
	Hex     bool           // table only: a dump of what is not text
	// HARControl: -T har only: also control frames as messages.
	HARControl bool
	ASCII      bool // table only: nothing but ASCII, for terminals without UTF-8
	// Stop is called once, when Count is reached or the writer failed: nothing more
	// will be printed. It may be nil.
	Stop func()
}

// Hides reports whether rows of the kind h are not printed.
func (o *Options) Hides(h Hide) bool { return o.Hide&h != 0 }

// needs returns what all outputs ask for. A hidden message still needs its payload,
// since findings are made from it. PayloadNone turns that off.
func (o *Options) needs() timeline.Needs {
	return timeline.Needs{Frames: o.Frames, Payload: o.Payload != PayloadNone}
}

// writer buffers rows and keeps the first error.
type writer struct {
	w       io.Writer
	buf     ndjson.Line
	err     error
	rows    uint64 // printed so far, for Options.Count
	count   uint64
	stop    func()
	stopped bool
}

// flushAt is how many bytes the buffer holds before they are written.
const flushAt = 64 << 10

func newWriter(w io.Writer, opt *Options) writer {
	return writer{w: w, buf: make([]byte, 0, 2*flushAt), count: opt.Count, stop: opt.Stop}
}

// fail keeps an error that is not the writer's and ends the output.
func (w *writer) fail(err error) {
	if err != nil && w.err == nil {
		w.err = err
		w.stopOutput()
	}
}

// countRow is called after each row that Options.Count counts.
func (w *writer) countRow() {
	w.rows++
	if w.rows == w.count {
		w.stopOutput()
	}
	w.writeIfFull()
}

// writeIfFull writes the buffer once it holds flushAt bytes.
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
	if cap(w.buf) > 16*flushAt { // do not keep the memory of one huge payload
		w.buf = make([]byte, 0, 2*flushAt)
	}
}

// writeNow writes b, which is the whole buffer or memory outside of it.
func (w *writer) writeNow(b []byte) {
	if w.err == nil && len(b) > 0 {
		if _, w.err = w.w.Write(b); w.err != nil {
			w.stopOutput()
		}
	}
}

// Err returns the first error of the underlying writer.
func (w *writer) Err() error { return w.err }
