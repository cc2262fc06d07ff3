package input

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/capture/live"
	"github.com/wsdump/wsdump/har"
	"github.com/wsdump/wsdump/pipeline"
	"github.com/wsdump/wsdump/timeline"
)

// Tick is how long a row may wait to be shown while the source is quiet.
const Tick = 50 * time.Millisecond

// Passage says how packets go from the source to the sink. The zero value reads
// and emits in one goroutine.
type Passage struct {
	// Source is read in place of the input's own packets, which it passes on; nil:
	// nothing stands between.
	Source capture.Source
	// Around wraps the source, to see packets as they pass; nil: nobody does. With
	// several inputs or workers it is called for each.
	Around func(capture.Source) capture.Source
	// Together: packets and rows have to come in one goroutine.
	Together bool
	// Needs answers for the sink, from several goroutines at once. Without it the
	// sink is asked in one.
	Needs func(*timeline.Conn) timeline.Needs
	// Split shares the connections of a capture among workers. It takes Needs.
	Split bool
	// Row and Rows: with Split, workers format rows themselves, and Row prints them;
	// see [pipeline.SplitOptions].
	Row  func(*timeline.Conn, []byte, int)
	Rows func() pipeline.RowMaker
	// Idle is called every [Tick] while a live source is quiet; nil: nothing is.
	Idle func()
	// Behind bounds the bytes of packets that the sink may be behind a live source;
	// 0: the source waits for the sink.
	Behind int
}

// Run reads the whole input into sink, except what the capture filter rejects.
// The error says what could not be read; what sink received stands.
func (in *Input) Run(ctx context.Context, sink timeline.Sink, way Passage) error {
	if len(in.archives) > 0 {
		return errors.Join(pipeline.Play(ctx, in.archives, sink), in.archiveErr)
	}
	options := in.options(&way)
	switch {
	case in.opt.Each && in.captures != nil && !in.opt.Follow:
		return in.runEach(ctx, sink, options, way)
	case way.Split:
		return in.runSplit(ctx, sink, options, way)
	}
	if in.captures != nil {
		options.Duplicates = in.captures.Duplicates
	}
	options.Prefetch = !way.Together && in.Concurrent() && in.captures.Packed()
	packets := way.around(in.source(&way))
	if in.ring == nil { // the kernel applies the filter to a ring
		packets, options.Filtered = in.opt.Filter.before(ctx, packets, nil)
	}
	return pipeline.Run(ctx, packets, sink, options)
}

// options returns the pipeline's options.
func (in *Input) options(way *Passage) pipeline.Options {
	options := pipeline.Options{
		Limits: in.opt.Limits, Files: in.Files(), Notes: in.notes, Keys: in.keys, DecodeAs: in.opt.DecodeAs, Checksums: in.opt.Checksums,
	}
	if in.Live() {
		options.Tick, options.Idle = Tick, way.Idle
		if len(in.keyLogs) > 0 || in.captures != nil && in.captures.Pcapng() {
			options.MoreKeys = in.moreKeys
		} // else no keys can come, and TLS need not be buffered for them
	}
	if in.ring != nil {
		options.Clock, options.MaxQueued, options.Emitting = in.ring.Heard, way.Behind, &in.position
		options.Filtered = func() uint64 { return in.ring.Stats().Filtered }
		options.Live = &timeline.Live{Interface: in.opt.Interface.Name, Any: in.opt.Interface.Name == live.Any, Filter: in.opt.Filter.Words()}
	}
	return options
}

// source returns the packets.
func (in *Input) source(way *Passage) capture.Source {
	switch {
	case way.Source != nil:
		return way.Source
	case in.ring != nil:
		return in.ring
	}
	return in.captures
}

func (w *Passage) around(src capture.Source) capture.Source {
	if w.Around == nil {
		return src
	}
	return w.Around(src)
}

// runEach reads each file for itself, several at once where the sink allows it.
func (in *Input) runEach(ctx context.Context, sink timeline.Sink, options pipeline.Options, way Passage) error {
	notes := in.notes.Split(len(options.Files))
	programs := filterPrograms{}
	var parts []pipeline.Input
	for i, alone := range in.captures.Alone(func(i int) func(capture.Note) { return notes[i].Add }) {
		p := pipeline.Input{Packets: alone.Packets, Notes: notes[i], LaterKeys: keysIn(options.Files[i])}
		if way.Needs != nil {
			programs = filterPrograms{} // a program serves one goroutine
		}
		p.Source, p.Filtered = in.opt.Filter.before(ctx, way.around(alone), programs)
		parts = append(parts, p)
	}
	how := pipeline.EachOptions{Workers: 1, Needs: way.Needs}
	if how.Needs != nil {
		how.Workers = in.Processors()
	}
	return pipeline.Each(ctx, parts, sink, options, how)
}

// maxReaders is how many workers share the connections at most: each of them
// reads all packets.
const maxReaders = 4

// DefaultMinSplit is the default of [Options.MinSplit]: a smaller capture is read
// before several workers have started.
const DefaultMinSplit = 1 << 20

// Splits reports whether it is worth that several workers share the connections.
func (in *Input) Splits() bool {
	if !in.Concurrent() || in.opt.Each {
		return false
	}
	size, known := in.captures.Size()
	return known && size >= cmp.Or(in.opt.MinSplit, DefaultMinSplit)
}

// runSplit lets several workers share the connections. The first reads what is
// open, the others open it again.
func (in *Input) runSplit(ctx context.Context, sink timeline.Sink, options pipeline.Options, way Passage) error {
	first := true
	how := pipeline.SplitOptions{
		Workers: min(in.Processors(), maxReaders), Needs: way.Needs, ReuseConns: true, // outputs keep text, and no Conn
		Open: func() (r pipeline.Reading, err error) {
			captures, src := in.captures, capture.Source(nil)
			if first {
				first = false
				r.Notes, src = in.notes, way.around(captures)
			} else {
				r.Notes = &pipeline.Notes{}
				if captures, err = in.captures.Again(r.Notes.Add); err != nil {
					return r, err
				}
				r.Close, src = func() { _ = captures.Close() }, captures
			}
			r.Duplicates = captures.Duplicates
			r.Source, r.Filtered = in.opt.Filter.before(ctx, src, nil)
			return r, nil
		},
	}
	how.Row, how.Rows = way.Row, way.Rows
	return pipeline.Split(ctx, sink, options, how)
}

// recoverable reports whether err only says that an archive is cut: what could
// be read of it is shown.
func recoverable(err error) bool {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return errors.As(err, new(*har.CutError))
	}
	for _, err := range joined.Unwrap() {
		if !recoverable(err) {
			return false
		}
	}
	return true
}
