package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/pflag"

	"github.com/wsdump/wsdump/capture/live"
	"github.com/wsdump/wsdump/chain"
	"github.com/wsdump/wsdump/check"
	"github.com/wsdump/wsdump/input"
	"github.com/wsdump/wsdump/internal/child"
	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/internal/outfile"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/timeline"
)

const runExamples = `  sudo wsdump run -- npm test             capture while it runs, then judge
  sudo wsdump run --rules rules.yaml --report junit=ws.xml -- npm test
  sudo wsdump run -T html -o run.html -- npx playwright test
  sudo wsdump run -i lo -f 'tcp port 8080' -w run.pcapng -- ./test.sh`

const runWords = "The command runs as who called sudo, with SSLKEYLOGFILE and NODE_OPTIONS=--tls-keylog set, so that browsers, curl, Node and others give their TLS keys; they are\n" +
	"used and thrown away. Exit code: the command's own if it is not 0, else as `wsdump check` has it."

// runCommand captures while a command runs, and judges. Its arguments are those of
// the command.
type runCommand struct {
	viewFlags
	rows   rowFlags
	judge  judgeFlags
	linger time.Duration
}

func (r *runCommand) register(f *pflag.FlagSet) {
	r.viewFlags.register(f, kindRows)
	r.source.iface.name = live.Any
	f.Lookup("interface").DefValue = live.Any
	r.rows.register(f)
	r.judge.register(f)
	f.DurationVar(&r.linger, "linger", time.Second, "go on for `TIME` after the command, for what is still on its way")
}

func (r *runCommand) run(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	words := r.output.console(stderr)
	if err := errors.Join(r.check(stdout), r.output.chooseFormat(r.rows.split.Value != "")); err != nil {
		return fail(words, err)
	}
	r.judge.color = r.output.color
	rules, err := r.judge.rules()
	if err != nil {
		return fail(words, err)
	}
	program, err := r.output.filter.compile(query.Rows)
	if err != nil {
		return fail(words, err)
	}
	command, err := child.New(r.source.args, stdin, stdout, stderr)
	if err != nil {
		return fail(words, err)
	}
	defer command.CleanUp()
	in, err := r.open(ctx, command, words)
	if err != nil {
		return fail(words, err)
	}
	defer in.Close()
	in.FollowKeyLog(command.KeyLog)
	ctx, cancel = in.Context(ctx, cancel)
	defer cancel(nil)

	way := input.Passage{}
	observed, err := r.observe(in, nil, words, stdout, stderr, &way)
	if err != nil {
		return fail(words, err)
	}
	defer observed.stop()
	page, commit, err := r.page(in, program, stdout, words)
	if err != nil {
		return fail(words, err)
	}
	redacted, err := r.redact.options(true, words) // reports are made to be passed on
	if err != nil {
		return fail(words, err)
	}
	keyless := &report.Keyless{}
	judge := check.NewJudge(rules, in.Files()...)
	judged := chain.New(judge, chain.Options{Redact: redacted, Observers: append(observed.sinks, keyless, page)})

	command.Wait(func() { time.AfterFunc(r.linger, in.Stop) })
	failed := judged.Run(ctx, in, way)
	observed.stop()
	own, err := command.ExitCode()
	if err != nil {
		words.Error(err.Error())
		own = exitFailed
	}
	failed = errors.Join(failed, observed.recorder.Finish(words), commit())
	farewell(in, words)
	if failed != nil {
		judge.Cut()
		fail(words, failed)
	}
	if peers := keyless.Summary(); peers != "" {
		words.Say("these servers used TLS without giving keys: " + peers)
		words.Hint("programs that ignore SSLKEYLOGFILE need help: Go sets tls.Config.KeyLogWriter, Java needs an agent (docs/KEYS.md)")
	}
	explainNothing(words, in, judged.Totals())
	verdict := r.judge.conclude(judge.Results(), in.Files(), failed, stdout, words)
	if own != exitOK {
		words.Say(fmt.Sprintf("%s ended with exit code %d", r.source.args[0], own))
		return own
	}
	return verdict
}

// check refuses what cannot be run.
func (r *runCommand) check(stdout io.Writer) error {
	switch {
	case len(r.source.args) == 0:
		return console.Usage("run needs a command", "wsdump run -- npm test")
	case len(r.source.read) > 0:
		return console.Usage("-r reads a file, and run captures from an interface", "`wsdump check` judges files")
	case r.write.noTimeline || r.write.file == "-":
		return console.Usage("run prints its verdict to standard output, so -w needs a file", "-w copy.pcapng")
	case r.output.file == "" && r.output.format.Value != "table":
		return console.Usage("run needs a file for the timeline", "-T "+r.output.format.Value+" -o FILE")
	}
	return r.write.check(true, false, stdout)
}

// open opens the interface, and starts the command as the user who called sudo before
// privileges are dropped.
func (r *runCommand) open(ctx context.Context, command *child.Child, words *console.Console) (*input.Input, error) {
	if err := r.source.iface.check(); err != nil {
		return nil, err
	}
	opt := r.source.options(words, nil, r.output.workers, false)
	opt.Files = nil
	opt.Interface.Opened = func() error {
		return r.source.iface.drop(words, command.Start)
	}
	return input.Open(ctx, opt)
}

// page returns the sink that writes the file of -o, which needs no key of others, and
// how to complete the file.
func (r *runCommand) page(in *input.Input, program *query.Program, stdout io.Writer, words *console.Console) (_ timeline.Sink, commit func() error, err error) {
	if r.output.file == "" {
		return timeline.Nop{}, func() error { return nil }, nil
	}
	opt := r.output.options(stdout)
	r.rows.add(&opt)
	opt.Files = in.Files()
	to, out, err := r.rows.open(&r.output, stdout, opt)
	if err != nil {
		return nil, nil, err
	}
	redacted, err := r.redact.options(r.output.format.format().Shared, &console.Console{W: words.W, Quiet: true})
	if err != nil {
		to.Discard()
		return nil, nil, err
	}
	page := chain.New(out, chain.Options{Files: opt.Files, Filter: program, NoPayload: opt.Payload == report.PayloadNone, Redact: redacted})
	return page.Sink(), func() error {
		if err := out.Err(); err != nil {
			to.Discard()
			return &outfile.Error{Name: to.Name(), Err: err}
		}
		return to.Commit()
	}, nil
}
