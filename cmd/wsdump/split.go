package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/timeline"
)

// splitter is an output with a file for each message or each connection in a
// folder. Names are made of numbers and words of ours, never of anything that
// came off the wire.
type splitter struct {
	timeline.Nop
	dir     string
	by      string // "message" or "connection"
	format  format
	opt     report.Options
	open    map[uint64]*splitFile // by connection
	begun   timeline.Stamp
	written int
	rows    uint64
	err     error
	stopped bool
	match   *query.Match // of the call that follows, with a filter
}

// splitFile is the file of one connection.
type splitFile struct {
	target *target
	out    report.Output
}

// mostSplit bounds the files that are open at once.
const mostSplit = 256

func newSplitter(dir, by string, f format, opt report.Options) (*splitter, error) {
	if f.rows == nil {
		return nil, &usageError{text: "--split is for timelines"}
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, &targetError{dir, err}
	}
	return &splitter{dir: dir, by: by, format: f, opt: opt, open: make(map[uint64]*splitFile)}, nil
}

// extensions of the files of formats.
var splitExtensions = map[string]string{"table": ".txt", "ndjson": ".ndjson", "csv": ".csv", "html": ".html", "har": ".har", "transcript": ".wst"}

func (s *splitter) Needs(c *timeline.Conn) timeline.Needs {
	return timeline.Needs{Payload: s.opt.Payload != report.PayloadNone, Frames: s.opt.Frames && s.by == "connection"}
}

func (s *splitter) Begin(at timeline.Stamp) { s.begun = at }

// of returns the file of a connection.
func (s *splitter) of(c *timeline.Conn) report.Output {
	if c == nil || s.err != nil || s.by != "connection" {
		return nil
	}
	if f := s.open[c.ID]; f != nil {
		return f.out
	}
	if len(s.open) >= mostSplit {
		s.fail(&usageError{
			text: fmt.Sprintf("more than %d connections are open at once, and each would have a file", mostSplit),
			hint: "choose some of them with -Y, or split by message",
		})
		return nil
	}
	t, err := openTarget(filepath.Join(s.dir, fmt.Sprintf("conn-%06d%s", c.ID, splitExtensions[s.format.name])), io.Discard)
	if err != nil {
		s.fail(err)
		return nil
	}
	opt := s.opt
	opt.Stop, opt.Count = nil, 0
	f := &splitFile{t, s.format.rows(t, opt)}
	s.open[c.ID] = f
	f.out.Begin(s.begun)
	s.pass(f.out)
	f.out.Open(c)
	return f.out
}

// Select implements [query.Selective].
func (s *splitter) Select(m query.Match) { s.match = &m }

// pass hands on what a filter said of the call that follows.
func (s *splitter) pass(out report.Output) {
	if selective, ok := out.(query.Selective); ok && s.match != nil {
		selective.Select(*s.match)
	}
}

func (s *splitter) fail(err error) {
	if s.err == nil {
		s.err = err
		s.stop()
	}
}

func (s *splitter) stop() {
	if !s.stopped && s.opt.Stop != nil {
		s.stopped = true
		s.opt.Stop()
	}
}

func (s *splitter) row() {
	if s.rows++; s.rows == s.opt.Count {
		s.stop()
	}
}

func (s *splitter) Open(c *timeline.Conn) { s.of(c) }

func (s *splitter) Frame(f *timeline.Frame) {
	if out := s.of(f.Conn); out != nil {
		s.pass(out)
		out.Frame(f)
		s.row()
	}
}

func (s *splitter) Message(m *timeline.Message) {
	if s.stopped {
		return
	}
	if s.by == "message" {
		s.message(m)
	} else if out := s.of(m.Conn); out != nil {
		out.Message(m)
	}
	s.row()
}

// message writes the payload of one message.
func (s *splitter) message(m *timeline.Message) {
	extension := ".bin"
	switch {
	case m.Kind == timeline.OpText && m.Text && !m.Opaque && query.LooksJSON(m.Payload):
		extension = ".json"
	case m.Kind == timeline.OpText && m.Text && !m.Opaque:
		extension = ".txt"
	}
	name := fmt.Sprintf("conn-%06d-%06d-%s%s", m.Conn.ID, m.N, m.Dir, extension)
	t, err := openTarget(filepath.Join(s.dir, name), io.Discard)
	if err != nil {
		s.fail(err)
		return
	}
	defer t.abandon()
	payload := m.Payload
	if n := int(s.opt.Payload); n > 0 && n < len(payload) {
		payload = payload[:n]
	}
	if _, err := t.Write(payload); err != nil {
		s.fail(&targetError{t.name(), err})
		return
	}
	if err := t.keep(); err != nil {
		s.fail(err)
		return
	}
	s.written++
}

func (s *splitter) Finding(f *timeline.Finding) {
	if out := s.of(f.Conn); out != nil {
		out.Finding(f)
	}
}

func (s *splitter) Close(c *timeline.Conn, at timeline.Stamp) {
	out := s.of(c)
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
		f.target.abandon()
		s.fail(&targetError{f.target.name(), err})
		return
	}
	if err := f.target.keep(); err != nil {
		s.fail(err)
		return
	}
	s.written++
}

// Done gives up what is not whole, which only a run that was stopped leaves.
func (s *splitter) Done(*timeline.Totals) {
	for _, f := range s.open {
		f.target.abandon()
	}
}

// Flush implements [report.Output].
func (s *splitter) Flush() error { return s.err }

// Err implements [report.Output].
func (s *splitter) Err() error { return s.err }

// said tells what was written.
func (s *splitter) said() string { return plural(s.written, "file") + " written to " + s.dir }

// follower is an output that writes the payload of the messages of one
// connection, one after the other, and nothing else.
type follower struct {
	timeline.Nop
	w    io.Writer
	conn uint64
	dir  string // "send", "receive", or "" for both
	opt  report.Options
	seen bool
	err  error
}

func (f *follower) Needs(*timeline.Conn) timeline.Needs { return timeline.Needs{Payload: true} }

func (f *follower) Open(c *timeline.Conn) { f.seen = f.seen || c.ID == f.conn }

func (f *follower) Message(m *timeline.Message) {
	if m.Conn.ID != f.conn || f.err != nil || f.dir != "" && f.dir != m.Dir.String() {
		return
	}
	if _, f.err = f.w.Write(m.Payload); f.err != nil && f.opt.Stop != nil {
		f.opt.Stop()
	}
}

// Flush implements [report.Output].
func (f *follower) Flush() error { return f.err }

// Err implements [report.Output].
func (f *follower) Err() error { return f.err }

// said tells why there was nothing.
func (f *follower) said() string {
	if f.seen {
		return ""
	}
	return "there is no connection " + strconv.FormatUint(f.conn, 10) + "; `wsdump list` numbers them"
}
