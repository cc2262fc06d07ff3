package main

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/dissect"
	"github.com/wsdump/wsdump/pipeline"
	"github.com/wsdump/wsdump/timeline"
)

// sourceFlags say where packets come from.
type sourceFlags struct {
	args []string // FILE...
	read []string // -r
	logs []string // -k
	as   decodeAsFlag
	each bool
	tail bool // --follow; it is one file, so that each means nothing then
	sums bool // --checksums
	most memoryFlag

	workers uint // of --workers

	hoards bool // the output keeps rows until connections end

	packets captureFilterFlags
	iface   interfaceFlags

	followed []*keyLog // set by keys
}

func (s *sourceFlags) flags(f *pflag.FlagSet) {
	f.StringArrayVarP(&s.read, "read", "r", nil, "read `FILE`, like an argument; may be repeated")
	s.keyFlag(f)
	f.BoolVar(&s.each, "each", false, "every file for itself: no connection, time or key crosses from one into the next; several are read at once")
	f.BoolVar(&s.tail, "follow", false, "go on when the file grows or is replaced, until Ctrl-C: a capture that is still being written; of a folder, with the files that appear in it")
	s.packets.flags(f)
	s.iface.flags(f)
	f.BoolVar(&s.sums, "checksums", false, "leave out packets with a wrong checksum; captures of the sending host have them where the network card fills them in")
	s.most = timeline.DefaultMemory
	f.Var(&s.most, "max-memory", "about how much memory to take: the connections idle for longest are given up first, and that is told")
	s.decodeFlag(f)
}

// keyFlag registers where keys come from.
func (s *sourceFlags) keyFlag(f *pflag.FlagSet) {
	f.StringArrayVarP(&s.logs, "keylog", "k", nil, "TLS key log, or RSA private key (PEM), `FILE`; may be repeated; also the variable SSLKEYLOGFILE")
}

// decodeFlag registers what ports speak.
func (s *sourceFlags) decodeFlag(f *pflag.FlagSet) {
	f.VarP(&s.as, "decode-as", "d", "what ports speak, `tcp.port==N[-M],PROTOCOL`: ws, tls, http or none; may be repeated")
}

// decodeAsFlag is the value of -d.
type decodeAsFlag []dissect.DecodeAs

func (d *decodeAsFlag) String() string { return "" }
func (d *decodeAsFlag) Type() string   { return "spec" }

// Set adds a spec.
func (d *decodeAsFlag) Set(spec string) error {
	as, err := dissect.ParseDecodeAs(spec)
	if err != nil {
		return &usageError{text: err.Error(), hint: "for example -d tcp.port==8080,ws"}
	}
	*d = append(*d, as)
	return nil
}

func (s *sourceFlags) paths() []string {
	return append(append([]string(nil), s.read...), s.args...)
}

// stdin reports whether standard input is one of the sources.
func (s *sourceFlags) stdin() bool {
	for _, path := range s.paths() {
		if path == "-" {
			return true
		}
	}
	return false
}

// live reports whether packets come as time goes by.
func (s *sourceFlags) live() bool { return s.tail || s.stdin() || s.iface.name != "" }

// processors returns how many may be used.
func (s *sourceFlags) processors() int {
	if s.workers == 0 {
		return runtime.GOMAXPROCS(0)
	}
	return int(min(s.workers, 1024))
}

// none reports whether nothing is named to read.
func (s *sourceFlags) none() bool { return len(s.paths()) == 0 && s.iface.name == "" }

// finished reports whether the operator has ended what has no end of its own.
func (s *sourceFlags) finished(ctx context.Context) bool {
	return s.tail && errors.Is(context.Cause(ctx), errInterrupted)
}

// followable returns an error when --follow is given what cannot be followed.
func (s *sourceFlags) followable() error {
	paths := s.paths()
	if !s.tail || len(paths) == 0 {
		return nil
	}
	if len(paths) > 1 {
		return &usageError{text: "--follow goes on with one file, and these are " + strconv.Itoa(len(paths)), hint: "name the one that grows, or the folder in which files appear"}
	}
	if info, err := os.Stat(paths[0]); paths[0] == capture.Stdin || err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return &usageError{text: "--follow goes on with a file or a folder, and " + paths[0] + " is none", hint: "a pipe is read as it comes without it"}
	}
	return nil
}

// waiter returns what waits for a file to grow, until ctx ends.
func waiter(ctx context.Context) func() error {
	return func() error {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(flushEvery):
			return nil
		}
	}
}

// open opens the captures.
func (s *sourceFlags) open(ctx context.Context, stdin io.Reader, words *console, notes *pipeline.Notes) (*capture.Input, error) {
	if err := errors.Join(s.mistyped(), s.followable()); err != nil {
		return nil, err
	}
	skipped := &few{}
	var wait func() error
	if s.tail {
		wait = waiter(ctx)
	}
	input, err := capture.Open(s.paths(), capture.Options{
		Stdin: &patientReader{ctx: ctx, r: stdin},
		Each:  s.each,
		Wait:  wait,
		OnNote: func(n capture.Note) {
			if n.Kind == capture.NoteSkippedFile {
				skipped.add(n.Text)
			}
			notes.Add(n)
		},
	})
	skipped.tell(words, "files in the folders are no captures and were left out")
	return input, err
}

// mistyped returns an error when the first argument is no file but looks like
// one of the commands.
func (s *sourceFlags) mistyped() error {
	if len(s.args) == 0 || len(s.read) > 0 {
		return nil
	}
	name := s.args[0]
	if _, err := os.Stat(name); !os.IsNotExist(err) {
		return nil
	}
	if command := nearest(name, []string{"read", "live", "list", "interfaces", "stats", "check", "diff", "keys", "rules", "version", "help", "completion"}); command != "" && neighbour(name) == "" {
		return &mistypedError{name, command}
	}
	return nil
}

type mistypedError struct{ name, command string }

func (e *mistypedError) Error() string {
	return e.name + ": no such file; did you mean the command " + quote(e.command) + "?"
}

// patientReader reads r until its context ends: a read that waits for a quiet
// pipe must not keep a Ctrl-C waiting. It reads ahead by at most one block, in
// a goroutine that starts with the first Read and may outlive it.
type patientReader struct {
	ctx    context.Context
	r      io.Reader
	blocks chan block
	rest   []byte
	err    error
}

type block struct {
	b   []byte
	err error
}

// Read implements io.Reader.
func (p *patientReader) Read(b []byte) (int, error) {
	if p.blocks == nil {
		p.blocks = make(chan block)
		go p.pump()
	}
	for len(p.rest) == 0 {
		if p.err != nil {
			return 0, p.err
		}
		select {
		case next := <-p.blocks:
			p.rest, p.err = next.b, next.err
		case <-p.ctx.Done():
			return 0, context.Cause(p.ctx)
		}
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// pump fills two blocks in turn. The channel has no buffer: when a block is
// taken, the reader is done with the other one.
func (p *patientReader) pump() {
	var blocks [2][64 << 10]byte
	for i := 0; ; i ^= 1 {
		n, err := p.r.Read(blocks[i][:])
		select {
		case p.blocks <- block{blocks[i][:n], err}:
		case <-p.ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}
