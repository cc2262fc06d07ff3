package main

import (
	"context"
	"errors"
	"io"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/wsdump/wsdump/pipeline"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/timeline"
)

// errEnough ends a run that has printed all that was asked for.
var errEnough = errors.New("enough")

// show reads a source and prints it in the format that is chosen. It is what
// read, whose scope is rows, and list do.
func show(ctx context.Context, source *sourceFlags, view *viewFlags, scope query.Scope, stdin io.Reader, stdout, stderr io.Writer) int {
	words := view.console(stderr)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	program, err := view.filter.compile(scope)
	if err != nil {
		return words.fail(err)
	}
	keep, err := newKeeper(view.keep, stdout, source)
	if err != nil {
		return words.fail(err)
	}
	defer keep.forget()
	source.workers = view.workers
	source.hoards = view.group || view.format.value == "html" || view.format.value == "har"
	in, err := source.begin(ctx, stdin, words)
	if err != nil && source.finished(ctx) {
		return exitOK // before there was anything
	}
	if err != nil {
		return words.fail(err)
	}
	defer in.close()
	ctx, cancel = in.detach(ctx, cancel)
	defer cancel(nil)
	record, err := view.keep.record(in, stdout)
	if err != nil {
		return words.fail(err)
	}
	if view.keep.alone {
		return in.unseen(ctx, record, view, words, stdout, stderr)
	}
	if keep != nil {
		if err := keep.accept(in, view); err != nil {
			return words.fail(err)
		}
	}
	rows, finished, err := view.pages(stdout, stderr)
	if err != nil {
		return words.fail(err)
	}
	defer finished()

	opt := view.options(stdout)
	opt.Files, opt.Live = in.files(), in.ring != nil
	opt.Stop = func() { cancel(errEnough) }
	target, out, err := view.open(rows, opt)
	if err != nil {
		return words.fail(err)
	}
	defer target.abandon()
	clean, err := view.redact.before(out, view.format.format().shared, words)
	if err != nil {
		return words.fail(err)
	}
	seen := &witness{Sink: clean}
	if program != nil {
		seen.filter(program, clean, out, &opt)
	}
	sink, err := view.answers(seen, program)
	if err != nil {
		return words.fail(err)
	}
	if source.live() {
		live := &promptly{sink: sink, flush: out.Flush, failed: opt.Stop}
		if lines, ok := out.(figured); ok && view.every > 0 {
			counts := &intervals{Sink: sink, ring: in.ring}
			live.sink = counts
			defer live.figures(counts, lines, view.every)()
		}
		in.idle = live.now
		defer live.every(flushEvery)()
		sink = live
	}
	counts, served, err := source.iface.metrics.serve(in, words)
	if err != nil {
		return words.fail(err)
	}
	defer served()
	if counts != nil {
		sink = timeline.Tee(sink, counts)
	}
	if chooses := record.sink(opt.Files); chooses != nil {
		sink = timeline.Tee(sink, chooses)
	}
	sink, stopped := in.watch(sink, view, words, stdout, stderr)
	defer stopped()
	way := passage{}
	if record != nil {
		way = instead(record)
		way.shared = true
	}
	if in.captures != nil {
		if !source.tail { // whose end nobody knows
			var done func()
			way.around, done = view.withProgress(in.captures, stdout, stderr)
			defer done()
		}
	}
	if keep != nil {
		sink = timeline.Tee(sink, keep.sink(program, opt.Files))
		if source.stdin() || source.tail { // which cannot be read twice
			if way.around, err = keep.source(); err != nil {
				return words.fail(err)
			}
			way.shared = true
		}
	}
	switch needs := view.needs(out, program); {
	case !view.parallel(in) || keep != nil:
	case source.each:
		way.needs = needs
	case program == nil && !way.shared && in.splits() && view.sharable(&way, out, sink == seen && clean == out):
		way.needs, way.split = needs, true
	case program == nil && view.laborious(out): // a filter is asked by both, so that it keeps them together
		sink = pipeline.NewAsync(sink, needs)
	}
	way.shared = way.shared || view.count.n > 0 // which ends the reading where it is
	in.greet(words)
	began := time.Now()
	err = in.run(ctx, sink, way)
	stopped()
	cause := context.Cause(ctx)
	if source.finished(ctx) {
		cause, err = nil, nil
	}
	code := finish(cause, err, out, target, seen, words, time.Since(began))
	if text := report.Duplicates(&seen.totals); text != "" && view.format.of == rowsView {
		words.say(text)
	}
	if wrong := record.finish(words); wrong != nil {
		code = words.fail(wrong)
	}
	in.farewell(words)
	if keep != nil && code != exitUsage {
		if err := keep.write(context.WithoutCancel(ctx), in, words, seen.totals.Fragments > 0); err != nil {
			return words.fail(err)
		}
	}
	return code
}

// finish says how a run ended and returns its exit code.
func finish(cause, err error, out report.Output, target *target, seen *witness, words *console, took time.Duration) int {
	if wrong := out.Err(); wrong != nil {
		if errors.Is(wrong, syscall.EPIPE) || errors.Is(wrong, io.ErrClosedPipe) {
			return exitOK // the reader has seen enough
		}
		if special := (*usageError)(nil); errors.As(wrong, &special) {
			return words.fail(wrong)
		}
		if special := (*targetError)(nil); errors.As(wrong, &special) {
			words.error(wrong.Error())
		} else {
			words.error("cannot write " + target.name() + ": " + reason(wrong))
		}
		words.hint(target.lost())
		return exitInput
	}
	if wrong := target.keep(); wrong != nil {
		return words.fail(wrong)
	}
	if wrongUse(err) {
		return words.fail(err)
	}
	words.hint(seen.leftOut())
	if tells, ok := out.(interface{ said() string }); ok {
		if text := tells.said(); text != "" {
			words.say(text)
		}
	}
	switch {
	case errors.Is(cause, errEnough):
		return exitOK
	case errors.Is(cause, errInterrupted):
		words.error("interrupted; what was read until then is shown")
		return exitInput
	}
	if seen.totals.Conns == 0 {
		said, hint := report.Nothing(&seen.totals)
		words.say(said)
		words.hint(hint)
	}
	if words.verbose {
		t := &seen.totals
		if t.Filtered > 0 {
			words.say(plural(int(t.Filtered), "packet") + " left out by the capture filter")
		}
		words.say(strconv.FormatUint(t.Packets, 10) + " packets, " + strconv.FormatUint(t.Bytes, 10) + " bytes, " +
			strconv.FormatUint(t.Conns, 10) + " connections, " + strconv.FormatUint(t.Messages, 10) + " messages in " +
			took.Round(time.Millisecond).String())
	}
	if err != nil {
		return words.fail(err)
	}
	return exitOK
}

// flushEvery is how long a row may wait when the source is a pipe that may be
// quiet for long.
const flushEvery = 50 * time.Millisecond

// promptly is a Sink whose rows are flushed by the clock, so that they show
// while the source waits for more packets.
type promptly struct {
	mu     sync.Mutex
	sink   timeline.Sink
	flush  func() error
	failed func() // nobody can read the rows any more: what is live would go on for ever
	dirty  bool
	over   bool // Done was called
}

// every starts to flush and returns how to stop.
func (p *promptly) every(interval time.Duration) (stop func()) {
	done := make(chan struct{})
	go func() {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				p.now()
			}
		}
	}()
	return func() { close(done) }
}

// now flushes.
func (p *promptly) now() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dirty {
		p.dirty = false
		if p.flush() != nil && p.failed != nil { // the output remembers its error
			p.failed()
		}
	}
}

func (p *promptly) lock() (unlock func()) {
	p.mu.Lock()
	p.dirty = true
	return p.mu.Unlock
}

func (p *promptly) Begin(at timeline.Stamp) {
	defer p.lock()()
	p.sink.Begin(at)
}

// Needs answers from what was fixed at the start and what only the pipeline
// changes, not the clock.
func (p *promptly) Needs(c *timeline.Conn) timeline.Needs { return p.sink.Needs(c) }

func (p *promptly) Open(c *timeline.Conn) {
	defer p.lock()()
	p.sink.Open(c)
}

func (p *promptly) Frame(f *timeline.Frame) {
	defer p.lock()()
	p.sink.Frame(f)
}

func (p *promptly) Message(m *timeline.Message) {
	defer p.lock()()
	p.sink.Message(m)
}

func (p *promptly) Finding(f *timeline.Finding) {
	defer p.lock()()
	p.sink.Finding(f)
}

func (p *promptly) Close(c *timeline.Conn, at timeline.Stamp) {
	defer p.lock()()
	p.sink.Close(c, at)
}

func (p *promptly) Other(o *timeline.Other) {
	defer p.lock()()
	p.sink.Other(o)
}

func (p *promptly) Done(t *timeline.Totals) {
	defer p.lock()()
	p.over = true
	p.sink.Done(t)
}
