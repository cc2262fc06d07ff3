package main

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime/debug"

	"github.com/spf13/pflag"

	"github.com/wsdump/wsdump/dissect"
	"github.com/wsdump/wsdump/input"
	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/internal/flagvalue"
	"github.com/wsdump/wsdump/timeline"
)

// sourceFlags say where packets come from: those of every command that takes a
// source.
type sourceFlags struct {
	args      []string // FILE...
	read      []string
	keys      keyFlags
	decode    decodeFlag
	each      bool
	follow    bool
	checksums bool
	memory    flagvalue.Size
	filter    captureFilterFlags
	iface     interfaceFlags
}

func (s *sourceFlags) register(f *pflag.FlagSet) {
	f.StringArrayVarP(&s.read, "read", "r", nil, "read `FILE`, like an argument; may be repeated")
	s.keys.register(f)
	f.BoolVar(&s.each, "each", false, "read each file for itself, several at once; no connection, time or key crosses files")
	f.BoolVar(&s.follow, "follow", false, "go on when the file grows, until Ctrl-C; also when it is replaced, and with new files of a folder")
	s.filter.register(f)
	s.iface.register(f)
	f.BoolVar(&s.checksums, "checksums", false, "leave out packets with a wrong checksum; network cards fill in those of packets that the capturing host sent")
	s.memory = memorySize()
	f.Var(&s.memory, "max-memory", "memory to use, about; above it the connections that are idle for longest are evicted, and that is reported")
	s.decode.register(f)
}

// none reports whether nothing is named to read.
func (s *sourceFlags) none() bool { return len(s.read)+len(s.args) == 0 && s.iface.name == "" }

// options returns what to open. workers is how many goroutines may work, 0 for one a
// processor. buffers says that the output keeps the rows of connections until they
// end, which takes memory.
func (s *sourceFlags) options(words *console.Console, stdin io.Reader, workers uint, buffers bool) input.Options {
	return input.Options{
		Files: append(append([]string(nil), s.read...), s.args...), Stdin: stdin, Interface: s.iface.options(),
		Each: s.each, Follow: s.follow, Checksums: s.checksums, Workers: int(min(workers, 1024)), MinSplit: minSplit,
		KeyLogs: s.keys.logs, KeyLog: os.Getenv("SSLKEYLOGFILE"), DecodeAs: s.decode, Filter: s.filter.Filter,
		Limits: limits(s.memory.Bytes, buffers), Console: words,
	}
}

// minSplit is [input.Options.MinSplit]. Tests lower it.
var minSplit int64

// open opens the source.
func (s *sourceFlags) open(ctx context.Context, opt input.Options) (*input.Input, error) {
	if err := errors.Join(s.iface.check(), s.misspeltCommand()); err != nil {
		return nil, err
	}
	if opt.Interface.Name != "" && opt.Interface.Opened == nil {
		opt.Interface.Opened = func() error { return s.iface.drop(opt.Console, nil) }
	}
	return input.Open(ctx, opt)
}

// misspeltCommand returns an error when the first argument is no file but looks
// like a command.
func (s *sourceFlags) misspeltCommand() error {
	if len(s.args) == 0 || len(s.read) > 0 {
		return nil
	}
	name := s.args[0]
	if _, err := os.Stat(name); !os.IsNotExist(err) {
		return nil
	}
	commands := []string{"read", "live", "list", "interfaces", "stats", "check", "diff", "keys", "rules", "version", "help", "completion"}
	if command := console.Nearest(name, commands); command != "" && input.NearestFile(name) == "" {
		return errors.New(name + ": no such file; did you mean the command " + console.Quote(command) + "?")
	}
	return nil
}

// finished reports whether Ctrl-C ended what has no end of its own.
func (s *sourceFlags) finished(ctx context.Context) bool {
	return s.follow && errors.Is(context.Cause(ctx), errInterrupted)
}

// keyFlags say where TLS keys come from.
type keyFlags struct{ logs []string }

func (k *keyFlags) register(f *pflag.FlagSet) {
	f.StringArrayVarP(&k.logs, "keylog", "k", nil, "TLS keys: a key log or RSA key (PEM) `FILE`; may be repeated; also the variable SSLKEYLOGFILE")
}

// decodeFlag is the value of -d.
type decodeFlag []dissect.DecodeAs

func (d *decodeFlag) register(f *pflag.FlagSet) {
	f.VarP(d, "decode-as", "d", "what a port speaks, `tcp.port==N[-M],PROTOCOL`; the protocol is ws, tls, http or none; may be repeated")
}

func (d *decodeFlag) String() string { return "" }
func (d *decodeFlag) Type() string   { return "SPEC" }

// Set adds a spec.
func (d *decodeFlag) Set(spec string) error {
	as, err := dissect.ParseDecodeAs(spec)
	if err != nil {
		return console.Usage(err.Error(), "for example -d tcp.port==8080,ws")
	}
	*d = append(*d, as)
	return nil
}

// leastMemory is what the program itself takes, with a little to work in.
const leastMemory = 32 << 20

// memorySize is the value of --max-memory.
func memorySize() flagvalue.Size {
	return flagvalue.Size{Bytes: timeline.DefaultMemory, Least: leastMemory, Hint: "for instance 2G; 32M is the least, and 64M is enough for most captures"}
}

// limits bounds the memory of the process, and returns what its parts may take.
// buffers says that the output keeps the rows of connections until they end.
func limits(memory int64, buffers bool) timeline.Limits {
	if memory == 0 {
		memory = timeline.DefaultMemory
	}
	share := memory
	if buffers {
		share = memory / 8 * 5
	}
	// The collector keeps the heap below; what it does not count, such as the
	// program's own pages, fits in the rest.
	debug.SetMemoryLimit(memory / 8 * 7)
	return timeline.Limits{}.Within(int(share))
}
