package main

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/capture/live"
	"github.com/wsdump/wsdump/dissect/tls"
	"github.com/wsdump/wsdump/har"
	"github.com/wsdump/wsdump/pipeline"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/timeline"
)

// input is what a command reads: captures, or recordings of browsers.
type input struct {
	source   *sourceFlags
	captures *capture.Input // nil for recordings
	archives []*har.Archive
	telling  atomic.Int64 // when the packet was captured that the view is at; 0: it waits for packets
	idle     func()       // shows what is told; nil: nothing is shown meanwhile
	behind   int          // bytes that the view may lag behind the ring; 0: the ring waits for it
	ring     *live.Ring   // nil unless packets come from an interface
	cut      error        // what is wrong with recordings that were read in part
	keys     *tls.Keys
	notes    *pipeline.Notes
	limits   timeline.Limits
}

// open opens what the flags name.
func (s *sourceFlags) begin(ctx context.Context, stdin io.Reader, words *console) (in *input, err error) {
	in = &input{source: s, notes: &pipeline.Notes{}, limits: s.most.limits(s.hoards)}
	if err := s.iface.check(s.paths()); err != nil {
		return nil, err
	}
	if in.keys, err = s.keys(words); err != nil {
		return nil, err
	}
	if s.iface.name != "" {
		if in.ring, err = s.iface.open(&s.packets, words, in.notes); err == nil {
			err = s.iface.drop(words, true)
		}
		if err != nil {
			in.close()
			return nil, err
		}
		return in, nil
	}
	if in.archives, stdin, in.cut = s.recordings(stdin); in.cut != nil && !recoverable(in.cut) {
		in.close()
		return nil, in.cut
	}
	if len(in.archives) > 0 && s.packets.given() {
		in.close()
		return nil, &usageError{text: "a capture filter is for packets, and a HAR has none", hint: "filter its rows: -Y 'url contains \"/chat\"'"}
	}
	if len(in.archives) == 0 {
		if in.captures, err = s.open(ctx, stdin, words, in.notes); err != nil {
			in.close()
			return nil, err
		}
	}
	return in, nil
}

// files returns the names of what is read.
func (in *input) files() (names []string) {
	if in.ring != nil {
		return []string{in.source.iface.name}
	}
	if in.captures != nil {
		return in.captures.Files()
	}
	for _, a := range in.archives {
		names = append(names, a.Name)
	}
	return names
}

// run tells all of it to sink, as far as the capture filter lets it through. The
// error says what could not be read; what was told stands.
func (in *input) run(ctx context.Context, sink timeline.Sink, way passage) error {
	if len(in.archives) > 0 {
		return errors.Join(pipeline.Play(ctx, in.archives, sink), in.cut)
	}
	options := pipeline.Options{Limits: in.limits, Files: in.files(), Notes: in.notes, Keys: in.keys, DecodeAs: in.source.as, Checksums: in.source.sums}
	if in.source.live() {
		options.Tick, options.Idle = flushEvery, in.idle
		if len(in.source.followed) > 0 || in.captures != nil && in.captures.Pcapng() {
			options.MoreKeys = in.source.moreKeys
		} // else nobody will bring keys, and TLS need not be kept for them
	}
	if in.ring != nil {
		options.Clock, options.MaxQueued, options.Emitting = in.ring.Heard, in.behind, &in.telling
		options.Filtered = func() uint64 { return in.ring.Stats().Filtered }
		options.Live = &timeline.Live{Interface: in.source.iface.name, Any: in.source.iface.name == live.Any, Filter: in.source.packets.words()}
	}
	if in.source.each && in.captures != nil && !in.source.tail {
		return in.runEach(ctx, sink, options, way)
	}
	if way.split {
		return in.runSplit(ctx, sink, options, way)
	}
	if in.captures != nil {
		options.Duplicates = in.captures.Duplicates
	}
	options.Prefetch = !way.shared && in.source.processors() > 1 && in.captures != nil && !in.source.live() && in.captures.Packed()
	packets := way.source(in.packets())
	if in.ring == nil { // which has the filter already
		packets, options.Filtered = in.source.packets.before(ctx, packets, nil)
	}
	return pipeline.Run(ctx, packets, sink, options)
}

// passage is how packets go from the source to the sink.
type passage struct {
	around func(capture.Source) capture.Source // looks at packets as they pass; nil: nobody does
	shared bool                                // and at rows too, so that both come in one goroutine
	needs  func(*timeline.Conn) timeline.Needs // what the sink needs, to be asked from several goroutines; nil: it is told in one
	split  bool                                // with needs: several workers share the connections,
	out    *report.NDJSON                      // and make rows for this; nil: all is told
}

// instead is to read src in place of the captures.
func instead(src capture.Source) passage {
	return passage{around: func(capture.Source) capture.Source { return src }}
}

// alone is to read the files of --each at once, for a sink that needs that of all
// connections.
func (in *input) alone(needs timeline.Needs) (way passage) {
	if in.source.each && in.captures != nil && !in.source.live() {
		way.needs = func(*timeline.Conn) timeline.Needs { return needs }
	}
	return way
}

func (w *passage) source(src capture.Source) capture.Source {
	if w.around == nil {
		return src
	}
	return w.around(src)
}

// runEach is run with --each.
func (in *input) runEach(ctx context.Context, sink timeline.Sink, options pipeline.Options, way passage) error {
	notes := in.notes.Split(len(options.Files))
	programs := filterPrograms{}
	var parts []pipeline.Input
	for i, alone := range in.captures.Alone(func(i int) func(capture.Note) { return notes[i].Add }) {
		p := pipeline.Input{Packets: alone.Packets, Notes: notes[i]}
		if way.needs != nil {
			programs = filterPrograms{} // for one goroutine
		}
		p.Source, p.Filtered = in.source.packets.before(ctx, way.source(alone), programs)
		parts = append(parts, p)
	}
	how := pipeline.EachOptions{Workers: 1, Needs: way.needs}
	if how.Needs != nil {
		how.Workers = in.source.processors()
	}
	return pipeline.Each(ctx, parts, sink, options, how)
}

// mostReaders is how many workers share the connections at most: each reads all
// packets.
const mostReaders = 4

// worthwhile is how many bytes several workers may share the connections of; what is
// smaller is done before they have started. Tests change it.
var worthwhile = int64(1 << 20)

// splits reports whether several workers share the connections.
func (in *input) splits() bool {
	if in.captures == nil || in.source.live() || in.source.each {
		return false
	}
	size, known := in.captures.Size()
	return known && size >= worthwhile
}

// runSplit is run with several workers, of which the first reads what is open.
func (in *input) runSplit(ctx context.Context, sink timeline.Sink, options pipeline.Options, way passage) error {
	first := true
	how := pipeline.SplitOptions{
		Workers: min(in.source.processors(), mostReaders), Needs: way.needs, ReuseConns: true, // all that is told becomes text
		Open: func() (r pipeline.Reading, err error) {
			captures, src := in.captures, capture.Source(nil)
			if first {
				first = false
				r.Notes, src = in.notes, way.source(captures)
			} else {
				r.Notes = &pipeline.Notes{}
				if captures, err = in.captures.Again(r.Notes.Add); err != nil {
					return r, err
				}
				r.Close, src = func() { _ = captures.Close() }, captures
			}
			r.Duplicates = captures.Duplicates
			r.Source, r.Filtered = in.source.packets.before(ctx, src, nil)
			return r, nil
		},
	}
	if way.out != nil {
		how.Row = way.out.Row
		how.Rows = func() pipeline.RowMaker { return way.out.Rows().Append }
	}
	return pipeline.Split(ctx, sink, options, how)
}

// packets returns the source of packets; nil for recordings.
func (in *input) packets() capture.Source {
	switch {
	case in.ring != nil:
		return in.ring
	case in.captures != nil:
		return in.captures
	}
	return nil
}

// again opens captures a second time, for a second pass.
func (in *input) again(ctx context.Context) (capture.Source, error) {
	source := *in.source
	source.tail = false
	return source.open(ctx, nil, newConsole(io.Discard), &pipeline.Notes{})
}

func (in *input) close() {
	in.keys.Wipe()
	if in.captures != nil {
		_ = in.captures.Close()
	}
	if in.ring != nil {
		_ = in.ring.Close()
	}
}

// lag returns how far the view is behind the ring.
func (in *input) lag() time.Duration {
	at := in.telling.Load()
	if at == 0 {
		return 0
	}
	return max(0, time.Since(time.Unix(0, at)))
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
