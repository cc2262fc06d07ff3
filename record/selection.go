package record

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/dissect/tls"
	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/internal/outfile"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/reassembly"
	"github.com/wsdump/wsdump/timeline"
)

const (
	// maxComments bounds the findings that become comments of packets.
	maxComments = 100_000
	// maxSpooled is how many bytes of a source that cannot be read twice are copied
	// to disk.
	maxSpooled = 4 << 30
)

// Selection copies the packets of chosen connections to a file. The first pass
// over an input chooses them through [Selection.Sink]; [Selection.Write] makes the
// second pass. Its memory grows with connections and findings, not with packets.
type Selection struct {
	name     string
	withKeys bool
	selector reassembly.Selector
	comments map[uint64][]string // by packet
	noted    int                 // findings in comments
	spool    *spool              // of a source that cannot be read twice; nil: it can
}

// NewSelection returns a Selection that writes the file of that name. withKeys adds
// the TLS keys that were used.
func NewSelection(name string, withKeys bool) *Selection {
	return &Selection{name: name, withKeys: withKeys, comments: make(map[uint64][]string)}
}

// Sink returns the sink for the first pass. It chooses the connections of the rows
// that p matches, of all rows without p, and turns findings into comments.
func (s *Selection) Sink(p *query.Program, files []string) timeline.Sink {
	var chooses timeline.Sink = &chooser{Selection: s}
	switch {
	case p == nil:
	case p.Scope() == query.Connections:
		chooses = query.NewConnectionFilter(chooses, p, files...)
	default:
		chooses = query.NewFilter(chooses, p, files...)
	}
	return timeline.Tee(chooses, &commenter{Selection: s})
}

// chooser chooses the connections of all rows that it receives.
type chooser struct {
	timeline.Nop
	*Selection
}

func (c *chooser) add(conn *timeline.Conn) {
	if conn != nil {
		c.selector.Add(conn.Transport)
	}
}

func (c *chooser) Open(conn *timeline.Conn)                    { c.add(conn) }
func (c *chooser) Frame(f *timeline.Frame)                     { c.add(f.Conn) }
func (c *chooser) Message(m *timeline.Message)                 { c.add(m.Conn) }
func (c *chooser) Finding(f *timeline.Finding)                 { c.add(f.Conn) }
func (c *chooser) Close(conn *timeline.Conn, _ timeline.Stamp) { c.add(conn) }

// commenter turns findings into comments of their packets.
type commenter struct {
	timeline.Nop
	*Selection
}

func (c *commenter) Finding(f *timeline.Finding) {
	if f.Conn == nil || f.Rule == nil || c.noted == maxComments {
		return
	}
	c.noted++
	text := fmt.Sprintf("wsdump: %s %s, connection %d", f.Severity, f.Rule.ID, f.Conn.ID)
	if f.N != 0 {
		text += fmt.Sprintf(", row %d", f.N)
	}
	if f.HasDir {
		text += ", by the " + f.Dir.Sender().String()
	}
	text += ": " + f.Rule.Title
	if f.Got != "" {
		text += fmt.Sprintf(" (got %q)", f.Got)
	}
	c.comments[f.At.Packet] = append(c.comments[f.At.Packet], text)
}

// Spool copies the packets of a source that cannot be read twice to a temporary
// file as they pass. It returns what wraps the source of the first pass.
func (s *Selection) Spool() (around func(capture.Source) capture.Source, err error) {
	f, err := os.CreateTemp("", "wsdump-*.pcapng")
	if err != nil {
		return nil, err
	}
	s.spool = &spool{file: f, w: capture.NewWriter(f)}
	return func(src capture.Source) capture.Source { return &spooling{src, s.spool} }, nil
}

// Discard removes the temporary file. A nil Selection has none.
func (s *Selection) Discard() {
	if s != nil && s.spool != nil {
		s.spool.file.Close()
		os.Remove(s.spool.file.Name())
	}
}

// Rereader is an input that can be read again.
type Rereader interface {
	Again(context.Context) (capture.Source, error)
	Filtered(context.Context, capture.Source) capture.Source
	Keys() *tls.Keys
}

// Write makes the second pass over in, and says on words what it wrote. limits are
// those of the first pass, and fragments says that it met IP fragments: only all
// fragments of a packet together tell which connection it belongs to, so they take
// one more pass.
func (s *Selection) Write(ctx context.Context, in Rereader, limits timeline.Limits, fragments bool, words *console.Console) error {
	if fragments {
		if err := s.pass(ctx, in, func(p *capture.Packet) error { s.selector.Learn(p, limits); return nil }); err != nil {
			return err
		}
	}
	mode := outfile.Public
	if s.withKeys {
		mode = outfile.Secret
	}
	file, err := outfile.OpenMode(s.name, io.Discard, mode)
	if err != nil {
		return err
	}
	defer file.Discard()
	out := capture.NewWriter(file)
	if err := s.writeKeys(out, in.Keys()); err != nil {
		return &outfile.Error{Name: s.name, Err: err}
	}
	packets := 0
	err = s.pass(ctx, in, func(p *capture.Packet) error {
		if !s.selector.Has(p) {
			return nil
		}
		packets++
		if err := out.WriteCommented(p, s.comments[p.Number]); err != nil {
			return &outfile.Error{Name: s.name, Err: err}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return &outfile.Error{Name: s.name, Err: err}
	}
	if err := file.Commit(); err != nil {
		return err
	}
	text := console.Count(packets, "packet") + " of " + console.Count(s.selector.Len(), "TCP connection") + " written to " + s.name
	if s.withKeys {
		text += ", with keys inside: whoever has it can read the traffic"
	}
	words.Say(text)
	return nil
}

// pass calls f for every packet of another pass, with the same numbers.
func (s *Selection) pass(ctx context.Context, in Rereader, f func(*capture.Packet) error) error {
	src, err := s.reopen(ctx, in)
	if err != nil {
		return err
	}
	defer func() { _ = src.Close() }()
	for p := (capture.Packet{}); ; {
		if err := src.Next(&p); err != nil {
			if !errors.Is(err, io.EOF) && !capture.Incomplete(err) { // the first pass reported those
				return err
			}
			return nil
		}
		if p.Number%256 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := f(&p); err != nil {
			return err
		}
	}
}

func (s *Selection) reopen(ctx context.Context, in Rereader) (capture.Source, error) {
	if s.spool == nil {
		return in.Again(ctx)
	}
	if err := s.spool.finish(); err != nil {
		return nil, err
	}
	src, err := capture.Open([]string{s.spool.file.Name()}, capture.Options{})
	if err != nil {
		return nil, err
	}
	return in.Filtered(ctx, src), nil
}

func (s *Selection) writeKeys(out *capture.Writer, keys *tls.Keys) error {
	if !s.withKeys {
		return nil
	}
	var log bytes.Buffer
	defer func() { clear(log.Bytes()) }()
	if n, err := keys.WriteLog(&log, false); err != nil || n == 0 {
		return err
	}
	return out.Secrets(capture.SecretsTLSKeyLog, log.Bytes())
}

// spool is a copy of packets in a temporary file.
type spool struct {
	file  *os.File
	w     *capture.Writer
	bytes uint64
	err   error
}

// spooling is a source whose packets are copied as they pass.
type spooling struct {
	capture.Source
	to *spool
}

// Next implements [capture.Source].
func (s *spooling) Next(p *capture.Packet) error {
	if err := s.Source.Next(p); err != nil {
		return err
	}
	s.to.add(p)
	return nil
}

func (s *spool) add(p *capture.Packet) {
	if s.err != nil {
		return
	}
	if s.bytes += uint64(len(p.Data)) + 32; s.bytes > maxSpooled {
		s.err = console.Usage(
			fmt.Sprintf("-w holds at most %d GiB of standard input, or of --follow, on disk, and there was more", maxSpooled>>30),
			"save it to a file first, and read that")
		return
	}
	s.err = s.w.Write(p)
}

func (s *spool) finish() error { return errors.Join(s.err, s.w.Flush()) }
