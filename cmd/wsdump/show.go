package main

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/wsdump/wsdump/chain"
	"github.com/wsdump/wsdump/input"
	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/internal/outfile"
	"github.com/wsdump/wsdump/internal/pager"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/stats"
	"github.com/wsdump/wsdump/timeline"
)

// view is what read, live, list and stats ask of show.
type view struct {
	*viewFlags

	scope   query.Scope // of -Y
	buffers bool        // rows of connections are kept until these end
	splits  bool        // -o names a folder, or no format applies
	pager   bool
	replies *replyFlag    // nil: there is no such flag
	tied    bool          // the output ties replies itself
	every   time.Duration // of stats
	options func(*report.Options)
	open    func(stdout io.Writer, opt report.Options) (*outfile.File, report.Output, error)
	remarks func(*timeline.Totals) string // nil: none
}

// show reads a source and prints it.
func show(ctx context.Context, v *view, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	words := v.output.console(stderr)
	if err := v.output.chooseFormat(v.splits); err != nil {
		return fail(words, err)
	}
	program, err := v.output.filter.compile(v.scope)
	if err != nil {
		return fail(words, err)
	}
	replyKey, err := v.replyKey(program)
	if err != nil {
		return fail(words, err)
	}
	live := v.source.iface.name != ""
	if err := v.write.check(live, v.source.iface.metrics.address != "", stdout); err != nil {
		return fail(words, err)
	}
	buffers := v.buffers || v.output.format.format().Buffers
	in, err := v.source.open(ctx, v.source.options(words, stdin, v.output.workers, buffers))
	if err != nil && v.source.finished(ctx) {
		return exitOK // before there was anything
	}
	if err != nil {
		return fail(words, err)
	}
	defer in.Close()
	ctx, cancel = in.Context(ctx, cancel)
	defer cancel(nil)

	way := input.Passage{}
	observed, err := v.observe(in, program, words, stdout, stderr, &way)
	if err != nil {
		return fail(words, err)
	}
	defer observed.stop()
	defer observed.selection.Discard()
	if v.write.noTimeline {
		return watchOnly(ctx, in, observed, words, way)
	}

	rows, paged, err := v.page(stdout, stderr)
	if err != nil {
		return fail(words, err)
	}
	defer paged()
	opt := v.output.options(stdout)
	v.options(&opt)
	opt.Files, opt.Live = in.Files(), in.Ring() != nil
	opt.Stop = func() { cancel(errEnough) }
	to, out, err := v.open(rows, opt)
	if err != nil {
		return fail(words, err)
	}
	defer to.Discard()
	redacted, err := v.redact.options(v.output.format.format().Shared, words)
	if err != nil {
		return fail(words, err)
	}
	c := chain.New(out, chain.Options{
		Files: opt.Files, Filter: program, NoPayload: opt.Payload == report.PayloadNone, Redact: redacted, ReplyKey: replyKey,
		Observers: observed.sinks, Prompt: in.Live(), Every: v.every, Stop: opt.Stop, Parallel: v.parallel(observed),
	})

	greet(in, words)
	began := time.Now()
	err = c.Run(ctx, in, way)
	observed.stop()
	cause := context.Cause(ctx)
	if v.source.finished(ctx) {
		cause, err = nil, nil
	}
	code := finish(words, outcome{out: out, to: to, in: in, cause: cause, err: err, chain: c, took: time.Since(began)})
	if v.remarks != nil {
		words.Say(v.remarks(c.Totals()))
	}
	if err := observed.recorder.Finish(words); err != nil {
		code = fail(words, err)
	}
	farewell(in, words)
	if observed.selection != nil && code != exitUsage {
		if err := observed.selection.Write(context.WithoutCancel(ctx), in, in.Options().Limits, c.Totals().Fragments > 0, words); err != nil {
			return fail(words, err)
		}
	}
	return code
}

// replyKey returns what ties replies to requests, where rows or the filter ask for
// that; else nil.
func (v *view) replyKey(program *query.Program) (stats.Extract, error) {
	asked := program != nil && (program.Uses("reply_ms") || program.Uses("reply_to"))
	switch given := v.replies != nil && v.replies.term != nil; {
	case !given && asked:
		return nil, console.Usage("the filter uses reply_ms or reply_to, which need --reply-key", "--reply-key PATH, for example --reply-key json.id")
	case !given, v.tied && !asked:
		return nil, nil
	case v.output.payload.payload == report.PayloadNone:
		return nil, console.Usage("--reply-key needs payload, and --payload none drops it", "")
	}
	return v.replies.extract(), nil
}

// parallel says what may be done at once. A count of rows ends the reading where it
// is, and a selection sees packets and rows.
func (v *view) parallel(o *observers) chain.Parallel {
	if v.output.count > 0 || o.recorder != nil || o.selection != nil {
		return chain.Sequential
	}
	return chain.Connections
}

// page puts a pager before stdout, if one is asked for. done waits for its reader.
func (v *view) page(stdout, stderr io.Writer) (w io.Writer, done func(), err error) {
	if !v.pager || v.output.file != "" {
		return stdout, func() {}, nil
	}
	p, err := pager.Start(stdout, stderr)
	if p == nil || err != nil {
		return stdout, func() {}, err
	}
	return p, p.Finish, nil
}

// watchOnly records and counts, and shows nothing.
func watchOnly(ctx context.Context, in *input.Input, o *observers, words *console.Console, way input.Passage) (code int) {
	greet(in, words)
	var err error
	if o.blind {
		err = readAll(way.Source)
	} else {
		err = chain.New(timeline.Nop{}, chain.Options{Files: in.Files(), Observers: o.sinks}).Run(ctx, in, way)
	}
	o.stop()
	err = errors.Join(err, o.recorder.Finish(words))
	farewell(in, words)
	if err != nil {
		return fail(words, err)
	}
	return exitOK
}
