package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/pflag"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/dissect/tls"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/reassembly"
	"github.com/wsdump/wsdump/timeline"
)

// keepFlags say which packets are written, and where.
type keepFlags struct {
	file     string
	withKeys bool
	alone    bool     // --no-timeline
	only     string   // --keep
	held     sizeFlag // --keep-buffer
	rotation
}

func (k *keepFlags) flags(f *pflag.FlagSet) {
	f.StringVarP(&k.file, "write", "w", "", "write the packets of the WebSocket connections shown, unchanged, to `FILE` (pcapng); with -i all packets, as they come")
	f.Uint32VarP(&k.megabytes, "rotate-size", "C", 0, "with -i and -w: begin the next file after `N` million bytes")
	f.Uint32VarP(&k.seconds, "rotate-seconds", "G", 0, "with -i and -w: begin the next file after `N` seconds; its name has the time: -w 'copy-%H%M%S.pcapng'")
	f.Uint32VarP(&k.files, "rotate-files", "W", 0, "with -i and -w: after `N` files begin again (-C), or end (-G)")
	k.held = sizeFlag{bytes: 256 << 20}
	f.StringVar(&k.only, "keep", "", "with -i and -w: write only connections that match `EXPR` when they end, such as 'not clean' (a flight recorder)")
	f.Var(&k.held, "keep-buffer", "with --keep: hold the latest packets of this `SIZE`, until it is known what to keep")
	f.BoolVar(&k.alone, "no-timeline", false, "with -i: only write (-w), and count (--metrics)")
	f.BoolVar(&k.withKeys, "with-keys", false, "with -w: the TLS keys of those connections too")
}

const (
	// mostComments bounds the findings that become comments of packets.
	mostComments = 100_000
	// mostSpooled is how many bytes of standard input are held on disk for -w.
	mostSpooled = 4 << 30
)

// keeper writes the packets of connections that were chosen: it learns in the
// first pass over the input which they are, and copies them in a second one.
// What it holds grows with connections and findings, not with packets.
type keeper struct {
	keepFlags
	selector reassembly.Selector
	comments map[uint64][]string // by packet
	noted    int
	spool    *spooled // of standard input, nil without
}

// newKeeper returns nil when nothing is to be written, or as it comes.
func newKeeper(flags keepFlags, stdout io.Writer, source *sourceFlags) (*keeper, error) {
	switch {
	case source.iface.name != "": // see recorder
		return nil, flags.checkLive(stdout, source.iface.metrics.address != "")
	case flags.only != "" || flags.held.set:
		return nil, &usageError{text: "--keep goes with -i", hint: "of files -w writes the connections that -Y selects: wsdump list -Y 'not clean' -w copy.pcapng FILE"}
	case flags.megabytes > 0 || flags.seconds > 0 || flags.rotation.files > 0 || flags.alone:
		return nil, &usageError{text: "-C, -G, -W and --no-timeline go with -i"}
	case flags.file == "" && flags.withKeys:
		return nil, &usageError{text: "--with-keys goes with -w", hint: "-w copy.pcapng --with-keys; to put keys into a capture as it is, see `wsdump keys inject`"}
	case flags.file == "":
		return nil, nil
	case flags.file == "-" && isTerminalWriter(stdout):
		return nil, &usageError{text: "a capture is not for a terminal", hint: "name a file, -w copy.pcapng"}
	case flags.file == "-":
		return nil, &usageError{text: "-w cannot write to standard output, where the rows go", hint: "name a file, -w copy.pcapng"}
	}
	return &keeper{keepFlags: flags, comments: make(map[uint64][]string)}, nil
}

// sink returns what hears the rows: those that p matches choose connections.
func (k *keeper) sink(p *query.Program, files []string) timeline.Sink {
	var chooses timeline.Sink = &chooser{keeper: k}
	switch {
	case p == nil:
	case p.Scope() == query.Connections:
		chooses = query.NewConnectionFilter(chooses, p, files...)
	default:
		chooses = query.NewFilter(chooses, p, files...)
	}
	return timeline.Tee(chooses, &commenter{keeper: k})
}

// chooser chooses the connections of all rows that it hears.
type chooser struct {
	timeline.Nop
	*keeper
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

// commenter makes comments of findings.
type commenter struct {
	timeline.Nop
	*keeper
}

func (c *commenter) Finding(f *timeline.Finding) {
	if f.Conn == nil || f.Rule == nil || c.noted == mostComments {
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

// source returns what copies packets to disk as they pass, where they cannot be
// read twice.
func (k *keeper) source() (around func(capture.Source) capture.Source, err error) {
	f, err := os.CreateTemp("", "wsdump-*.pcapng")
	if err != nil {
		return nil, err
	}
	k.spool = &spooled{file: f, w: capture.NewWriter(f)}
	return func(src capture.Source) capture.Source { return &spooling{src, k.spool} }, nil
}

// forget removes the copy of standard input.
func (k *keeper) forget() {
	if k != nil && k.spool != nil {
		k.spool.file.Close()
		os.Remove(k.spool.file.Name())
	}
}

// accept refuses what cannot be written.
func (k *keeper) accept(in *input, view *viewFlags) error {
	switch {
	case len(in.archives) > 0:
		return &usageError{text: "-w writes packets, and a HAR has none", hint: "-T har writes a HAR"}
	case len(view.redact.rules.words) > 0:
		return &usageError{text: "-w writes packets as they are, and --redact takes secrets out of rows only", hint: "-T ndjson, har or html can be redacted"}
	}
	return nil
}

// learn is a pass of its own where IP packets came in pieces, of which only
// all together tell whose they are.
func (k *keeper) learn(ctx context.Context, in *input) error {
	src, err := k.reopen(ctx, in)
	if err != nil {
		return err
	}
	defer func() { _ = src.Close() }()
	return k.each(ctx, src, func(p *capture.Packet) error {
		k.selector.Learn(p, in.limits)
		return nil
	})
}

// each calls f for all packets of src.
func (k *keeper) each(ctx context.Context, src capture.Source, f func(*capture.Packet) error) error {
	for p := (capture.Packet{}); ; {
		if err := src.Next(&p); err != nil {
			if !errors.Is(err, io.EOF) && !capture.Incomplete(err) { // the first pass told of those
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

// write is the second pass.
func (k *keeper) write(ctx context.Context, in *input, words *console, fragments bool) error {
	if fragments {
		if err := k.learn(ctx, in); err != nil {
			return err
		}
	}
	src, err := k.reopen(ctx, in)
	if err != nil {
		return err
	}
	defer func() { _ = src.Close() }()
	mode := modeOpen
	if k.withKeys {
		mode = modeSecret
	}
	target, err := openTargetMode(k.file, io.Discard, mode)
	if err != nil {
		return err
	}
	defer target.abandon()
	out := capture.NewWriter(target)
	if err := k.secrets(out, in.keys); err != nil {
		return &targetError{k.file, err}
	}
	packets, connections := 0, 0
	err = k.each(ctx, src, func(p *capture.Packet) error {
		if !k.selector.Has(p) {
			return nil
		}
		packets++
		if err := out.WriteCommented(p, k.comments[p.Number]); err != nil {
			return &targetError{k.file, err}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return &targetError{k.file, err}
	}
	if err := target.keep(); err != nil {
		return err
	}
	connections = k.selector.Len()
	said := plural(packets, "packet") + " of " + plural(connections, "TCP connection") + " written to " + k.file
	if k.withKeys {
		said += ", with keys inside: whoever has it can read the traffic"
	}
	words.say(said)
	return nil
}

// reopen begins another pass, over the same packets with the same numbers.
func (k *keeper) reopen(ctx context.Context, in *input) (src capture.Source, err error) {
	if k.spool == nil {
		src, err = in.again(ctx)
	} else if err = k.spool.done(); err == nil {
		src, err = capture.Open([]string{k.spool.file.Name()}, capture.Options{})
	}
	if err != nil {
		return nil, err
	}
	src, _ = in.source.packets.before(ctx, src, nil)
	return src, nil
}

func (k *keeper) secrets(out *capture.Writer, keys *tls.Keys) error {
	if !k.withKeys {
		return nil
	}
	var log bytes.Buffer
	defer func() { clear(log.Bytes()) }()
	if n, err := keys.WriteLog(&log, false); err != nil || n == 0 {
		return err
	}
	return out.Secrets(capture.SecretsTLSKeyLog, log.Bytes())
}

// spooled is a copy of packets in a file.
type spooled struct {
	file  *os.File
	w     *capture.Writer
	bytes uint64
	err   error
}

// spooling is a source whose packets are copied as they come.
type spooling struct {
	capture.Source
	to *spooled
}

// Next implements [capture.Source].
func (s *spooling) Next(p *capture.Packet) error {
	if err := s.Source.Next(p); err != nil {
		return err
	}
	s.to.add(p)
	return nil
}

func (s *spooled) add(p *capture.Packet) {
	if s.err != nil {
		return
	}
	if s.bytes += uint64(len(p.Data)) + 32; s.bytes > mostSpooled {
		s.err = &usageError{
			text: fmt.Sprintf("-w holds at most %d GiB of standard input, or of --follow, on disk, and there was more", mostSpooled>>30),
			hint: "save it to a file first, and read that",
		}
		return
	}
	s.err = s.w.Write(p)
}

func (s *spooled) done() error { return errors.Join(s.err, s.w.Flush()) }
