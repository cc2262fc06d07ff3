// Package split has outputs that write raw payload or many files: [Files] writes
// a file for each message or connection, [Stream] the payload of one connection.
package split

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/internal/outfile"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/timeline"
)

// Format makes the output for the file of a connection.
type Format struct {
	New       func(io.Writer, report.Options) report.Output
	Extension string // of the files, such as ".ndjson"
}

// Files is an output with a file for each message or each connection in a folder.
// Names are made of numbers and fixed words, never of bytes off the wire.
type Files struct {
	timeline.Nop
	dir        string
	perMessage bool
	format     Format
	opt        report.Options
	open       map[uint64]*file // by connection
	begun      timeline.Stamp
	written    int
	rows       uint64
	err        error
	stopped    bool
	match      *query.Match // of the next call; nil: there is no filter
}

// file is the file of one connection.
type file struct {
	*outfile.File
	out report.Output
}

// maxOpen bounds the files that are open at once.
const maxOpen = 256

// NewFiles returns an output that writes into the folder dir, which it creates. With
// perMessage a file holds the payload of a message, else the rows of a connection.
func NewFiles(dir string, perMessage bool, f Format, opt report.Options) (*Files, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, &outfile.Error{Name: dir, Err: err}
	}
	return &Files{dir: dir, perMessage: perMessage, format: f, opt: opt, open: make(map[uint64]*file)}, nil
}

// Needs implements [timeline.Sink].
func (s *Files) Needs(*timeline.Conn) timeline.Needs {
	return timeline.Needs{Payload: s.opt.Payload != report.PayloadNone, Frames: s.opt.Frames && !s.perMessage}
}

// Begin implements [timeline.Sink].
func (s *Files) Begin(at timeline.Stamp) { s.begun = at }

// output returns the output of a connection, and opens its file with the first
// call; nil where there is none.
func (s *Files) output(c *timeline.Conn) report.Output {
	if c == nil || s.err != nil || s.perMessage {
		return nil
	}
	if f := s.open[c.ID]; f != nil {
		return f.out
	}
	if len(s.open) >= maxOpen {
		s.fail(console.Usage(fmt.Sprintf("more than %d connections are open at once, and each would have a file", maxOpen), "choose some of them with -Y, or split by message"))
		return nil
	}
	to, err := outfile.Open(filepath.Join(s.dir, fmt.Sprintf("conn-%06d%s", c.ID, s.format.Extension)), io.Discard)
	if err != nil {
		s.fail(err)
		return nil
	}
	opt := s.opt
	opt.Stop, opt.Count = nil, 0
	f := &file{to, s.format.New(to, opt)}
	s.open[c.ID] = f
	f.out.Begin(s.begun)
	s.pass(f.out)
	f.out.Open(c)
	return f.out
}

// Select implements [query.Selective].
func (s *Files) Select(m query.Match) { s.match = &m }

// pass hands on what a filter said of the next call.
func (s *Files) pass(out report.Output) {
	if selective, ok := out.(query.Selective); ok && s.match != nil {
		selective.Select(*s.match)
	}
}

func (s *Files) fail(err error) {
	if s.err == nil {
		s.err = err
		s.stop()
	}
}

func (s *Files) stop() {
	if !s.stopped && s.opt.Stop != nil {
		s.stopped = true
		s.opt.Stop()
	}
}

func (s *Files) row() {
	if s.rows++; s.rows == s.opt.Count {
		s.stop()
	}
}

// Open implements [timeline.Sink].
func (s *Files) Open(c *timeline.Conn) { s.output(c) }

// Frame implements [timeline.Sink].
func (s *Files) Frame(f *timeline.Frame) {
	if out := s.output(f.Conn); out != nil {
		s.pass(out)
		out.Frame(f)
		s.row()
	}
}

// Message implements [timeline.Sink].
func (s *Files) Message(m *timeline.Message) {
	if s.stopped {
		return
	}
	if s.perMessage {
		s.message(m)
	} else if out := s.output(m.Conn); out != nil {
		out.Message(m)
	}
	s.row()
}

// message writes the payload of one message.
func (s *Files) message(m *timeline.Message) {
	extension := ".bin"
	switch {
	case m.Kind == timeline.OpText && m.Text && !m.Opaque && query.LooksJSON(m.Payload):
		extension = ".json"
	case m.Kind == timeline.OpText && m.Text && !m.Opaque:
		extension = ".txt"
	}
	payload := m.Payload
	if n := int(s.opt.Payload); n > 0 && n < len(payload) {
		payload = payload[:n]
	}
	name := fmt.Sprintf("conn-%06d-%06d-%s%s", m.Conn.ID, m.N, m.Dir, extension)
	if err := outfile.WriteFile(filepath.Join(s.dir, name), io.Discard, payload); err != nil {
		s.fail(err)
		return
	}
	s.written++
}

// Finding implements [timeline.Sink].
func (s *Files) Finding(f *timeline.Finding) {
	if out := s.output(f.Conn); out != nil {
		out.Finding(f)
	}
}

// Close implements [timeline.Sink].
func (s *Files) Close(c *timeline.Conn, at timeline.Stamp) {
	out := s.output(c)
	if out == nil {
		return
	}
	s.pass(out)
	out.Close(c, at)
	f := s.open[c.ID]
	delete(s.open, c.ID)
	totals := timeline.Totals{Files: s.opt.Files, First: c.Opened.Time, Last: at.Time, Conns: 1, Findings: c.FindingsBy}
	for _, n := range c.Counters {
		totals.Messages += n.Messages
		totals.Frames += n.Frames
	}
	out.Done(&totals)
	if err := out.Err(); err != nil {
		f.Discard()
		s.fail(&outfile.Error{Name: f.Name(), Err: err})
		return
	}
	if err := f.Commit(); err != nil {
		s.fail(err)
		return
	}
	s.written++
}

// Done discards files that are not complete, which only a run that was stopped
// leaves.
func (s *Files) Done(*timeline.Totals) {
	for _, f := range s.open {
		f.Discard()
	}
}

// Flush implements [report.Output].
func (s *Files) Flush() error { return s.err }

// Err implements [report.Output].
func (s *Files) Err() error { return s.err }

// Summary says how many files were written.
func (s *Files) Summary() string { return console.Count(s.written, "file") + " written to " + s.dir }

// Stream is an output that writes the payload of the messages of one connection,
// one after the other, and nothing else.
type Stream struct {
	timeline.Nop
	w    io.Writer
	conn uint64
	dir  string
	stop func()
	seen bool
	err  error
}

// NewStream returns a Stream of the connection with that number. dir is "send",
// "receive", or "" for both. It calls stop, unless nil, when w fails.
func NewStream(w io.Writer, conn uint64, dir string, stop func()) *Stream {
	return &Stream{w: w, conn: conn, dir: dir, stop: stop}
}

// Needs implements [timeline.Sink].
func (s *Stream) Needs(*timeline.Conn) timeline.Needs { return timeline.Needs{Payload: true} }

// Open implements [timeline.Sink].
func (s *Stream) Open(c *timeline.Conn) { s.seen = s.seen || c.ID == s.conn }

// Message implements [timeline.Sink].
func (s *Stream) Message(m *timeline.Message) {
	if m.Conn.ID != s.conn || s.err != nil || s.dir != "" && s.dir != m.Dir.String() {
		return
	}
	if _, s.err = s.w.Write(m.Payload); s.err != nil && s.stop != nil {
		s.stop()
	}
}

// Flush implements [report.Output].
func (s *Stream) Flush() error { return s.err }

// Err implements [report.Output].
func (s *Stream) Err() error { return s.err }

// Summary says why nothing was written; "" where something was.
func (s *Stream) Summary() string {
	if s.seen {
		return ""
	}
	return fmt.Sprintf("there is no connection %d; `wsdump list` numbers them", s.conn)
}
