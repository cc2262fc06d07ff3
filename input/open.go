// Package input opens what the user named, and feeds it to a sink: captures,
// folders of captures, standard input, recordings of browsers (HAR), or a
// network interface, with TLS keys and a capture filter.
//
//	in, err := input.Open(ctx, input.Options{Files: []string{"run.pcap"}})
//	...
//	defer in.Close()
//	err = in.Run(ctx, sink, input.Passage{})
package input

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/capture/live"
	"github.com/wsdump/wsdump/dissect"
	"github.com/wsdump/wsdump/dissect/tls"
	"github.com/wsdump/wsdump/har"
	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/pipeline"
	"github.com/wsdump/wsdump/timeline"
)

// Options says what to read, and how. The zero value names nothing to read.
type Options struct {
	Files     []string  // captures, folders, HARs; "-" is Stdin
	Stdin     io.Reader // nil: os.Stdin
	Interface Interface // where its Name is set, packets come from there and not from Files

	Each      bool  // read each file for itself; no connection, time or key crosses files
	Follow    bool  // go on when the only file grows or is replaced; Each means nothing then
	Checksums bool  // leave out packets with a wrong checksum
	Workers   int   // goroutines that may read and dissect; 0: one a processor
	MinSplit  int64 // bytes of a capture from which on workers share its connections; 0: DefaultMinSplit

	KeyLogs  []string // TLS key logs or RSA private keys (PEM), told apart by content
	KeyLog   string   // one more, which need not exist: the value of SSLKEYLOGFILE
	DecodeAs []dissect.DecodeAs
	Filter   Filter
	Limits   timeline.Limits

	Console *console.Console // for hints while opening; nil: they are dropped
}

// Live reports whether packets come as time goes by.
func (o *Options) Live() bool { return o.Follow || o.stdin() || o.Interface.Name != "" }

// None reports whether nothing is named to read.
func (o *Options) None() bool { return len(o.Files) == 0 && o.Interface.Name == "" }

// Rereadable reports whether a second pass over the same packets is possible.
func (o *Options) Rereadable() bool { return !o.Live() }

func (o *Options) stdin() bool { return slices.Contains(o.Files, capture.Stdin) }

// Input is an opened source. Exactly one of its three kinds is set.
type Input struct {
	opt      Options
	captures *capture.Input
	archives []*har.Archive
	ring     *live.Ring

	archiveErr error // archives that were read only in part
	keys       *tls.Keys
	keyLogs    []*keyLog // that may still grow
	notes      *pipeline.Notes
	position   atomic.Int64 // Unix ns of the packet that the sink is at; 0: it waits for packets
}

// Open opens what opt names. An error that is a [console.UsageError] says that
// the options contradict each other.
func Open(ctx context.Context, opt Options) (_ *Input, err error) {
	if opt.Console == nil {
		opt.Console = console.New(io.Discard)
	}
	if opt.Stdin == nil {
		opt.Stdin = os.Stdin
	}
	in := &Input{opt: opt, notes: &pipeline.Notes{}}
	if err := opt.Interface.check(opt.Files); err != nil {
		return nil, err
	}
	if err := in.openKeys(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			in.Close()
		}
	}()
	if opt.Interface.Name != "" {
		return in, in.openInterface()
	}
	var stdin io.Reader
	if in.archives, stdin, in.archiveErr = recordings(opt.Files, opt.Stdin); in.archiveErr != nil && !recoverable(in.archiveErr) {
		return nil, in.archiveErr
	}
	if len(in.archives) > 0 {
		if opt.Filter.Given() {
			return nil, console.Usage("a capture filter needs packets, and a HAR has no packets", "filter its rows: -Y 'url contains \"/chat\"'")
		}
		return in, nil
	}
	if in.captures, err = in.openCaptures(ctx, stdin); err == nil && !opt.Live() && in.captures.Pcapng() {
		in.keys.Later(keysIn(in.captures.Files()...))
	}
	return in, err
}

// openCaptures opens the files.
func (in *Input) openCaptures(ctx context.Context, stdin io.Reader) (*capture.Input, error) {
	if err := in.opt.followable(); err != nil {
		return nil, err
	}
	var wait func() error
	if in.opt.Follow {
		wait = untilLater(ctx)
	}
	var skipped []string
	captures, err := capture.Open(in.opt.Files, capture.Options{
		Stdin: &interruptible{ctx: ctx, r: stdin},
		Each:  in.opt.Each,
		Wait:  wait,
		OnNote: func(n capture.Note) {
			if n.Kind == capture.NoteSkippedFile {
				skipped = append(skipped, n.Text)
			}
			in.notes.Add(n)
		},
	})
	in.opt.Console.HintEach(skipped, "files in the folders are no captures and were left out")
	return captures, err
}

// followable returns an error when Follow is set for what cannot be followed.
func (o *Options) followable() error {
	if !o.Follow || len(o.Files) == 0 {
		return nil
	}
	if len(o.Files) > 1 {
		return console.Usage("--follow works with one file, not "+strconv.Itoa(len(o.Files)), "name the one that grows, or the folder in which files appear")
	}
	name := o.Files[0]
	if info, err := os.Stat(name); name == capture.Stdin || err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return console.Usage("--follow needs a file or a folder, and "+name+" is neither", "a pipe is followed anyway")
	}
	return nil
}

// untilLater returns a function that waits for a file to grow, until ctx ends.
func untilLater(ctx context.Context) func() error {
	return func() error {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(Tick):
			return nil
		}
	}
}

// Close ends the capture, closes the files and wipes the keys.
func (in *Input) Close() {
	in.keys.Wipe()
	if in.captures != nil {
		_ = in.captures.Close()
	}
	if in.ring != nil {
		_ = in.ring.Close()
	}
}

// Files returns the names of what is read.
func (in *Input) Files() (names []string) {
	switch {
	case in.ring != nil:
		return []string{in.opt.Interface.Name}
	case in.captures != nil:
		return in.captures.Files()
	}
	for _, a := range in.archives {
		names = append(names, a.Name)
	}
	return names
}

// Options returns what the input was opened with.
func (in *Input) Options() *Options { return &in.opt }

// Keys returns the TLS keys, which grow while key logs are followed.
func (in *Input) Keys() *tls.Keys { return in.keys }

// HasPackets reports whether there are packets: a HAR has none.
func (in *Input) HasPackets() bool { return len(in.archives) == 0 }

// Live reports whether packets come as time goes by.
func (in *Input) Live() bool { return in.opt.Live() }

// Size returns how many bytes the files have; known is false where that cannot be
// known, or changes.
func (in *Input) Size() (size int64, known bool) {
	if in.captures == nil || in.opt.Follow {
		return 0, false
	}
	return in.captures.Size()
}

// Processors returns how many goroutines may work.
func (in *Input) Processors() int {
	if in.opt.Workers == 0 {
		return runtime.GOMAXPROCS(0)
	}
	return min(in.opt.Workers, 1024)
}

// Concurrent reports whether several goroutines may read or dissect at all. What
// is live has to show its rows at once.
func (in *Input) Concurrent() bool {
	return in.captures != nil && !in.opt.Live() && in.Processors() > 1
}

// Again opens the captures a second time. The packets have the same numbers, and
// the capture filter applies. Only a [Options.Rereadable] input can do that.
func (in *Input) Again(ctx context.Context) (capture.Source, error) {
	again := Input{opt: in.opt, notes: &pipeline.Notes{}}
	again.opt.Follow, again.opt.Console = false, console.New(io.Discard)
	src, err := again.openCaptures(ctx, nil)
	if err != nil {
		return nil, err
	}
	return in.Filtered(ctx, src), nil
}

// Filtered returns src without the packets that the capture filter rejects.
func (in *Input) Filtered(ctx context.Context, src capture.Source) capture.Source {
	src, _ = in.opt.Filter.before(ctx, src, nil)
	return src
}

// WrongUse reports whether err, of reading a source, is the user's: a filter that
// does not fit what is read.
func WrongUse(err error) bool {
	return errors.As(err, new(*console.UsageError)) || isFilterError(err)
}
