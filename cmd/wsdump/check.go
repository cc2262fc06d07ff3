package main

import (
	"context"
	"io"

	"github.com/spf13/pflag"

	"github.com/wsdump/wsdump/chain"
	"github.com/wsdump/wsdump/check"
	"github.com/wsdump/wsdump/input"
	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/internal/outfile"
)

const checkExamples = `  wsdump check run.pcap                       no errors by the protocol's rules
  wsdump check --protocol strict run.pcap     no warnings either
  wsdump check --rules rules.yaml run.pcap    what a team wrote (docs/CHECK.md)
  wsdump check --init good.pcap -o rules.yaml first rules, from good traffic
  wsdump check --rules rules.yaml --report junit=ws.xml run.pcap
  wsdump check --assert 'message none: json.type == "error"' run.pcap
  wsdump check --rules rules.yaml -U run.pcap write its goldens anew`

const checkCodes = "Exit codes: 0 all checks pass, 1 one fails (no WebSocket at all is a failure too), 2 wrong use or a rule that does not compile,\n" +
	"3 input unreadable or cut short, 4 the capture does not decide and nothing failed, 70 a bug."

// checkCommand gives a verdict on recorded traffic.
type checkCommand struct {
	source sourceFlags
	judge  judgeFlags
	schema bool
	init   bool
	output string
	redact redactFlags
	quiet  bool
}

func (c *checkCommand) register(f *pflag.FlagSet) {
	c.source.register(f)
	c.judge.register(f)
	c.redact.register(f)
	f.BoolVar(&c.schema, "schema", false, "print the JSON Schema of files of rules, for editors")
	f.BoolVar(&c.init, "init", false, "write first rules from good traffic; --output names the file")
	f.StringVarP(&c.output, "output", "o", "", "with --init and --schema: write to `FILE`")
	f.BoolVarP(&c.quiet, "quiet", "q", false, "no hints on standard error")
}

// none reports whether an input is missing.
func (c *checkCommand) none() bool { return !c.schema && c.source.none() }

func (c *checkCommand) run(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) int {
	words := &console.Console{W: stderr, Quiet: c.quiet}
	switch {
	case c.schema:
		return c.print(check.Schema(), stdout, words)
	case c.init:
		return c.starter(ctx, stdin, stdout, words)
	case c.output != "":
		return fail(words, console.Usage("-o goes with --init and --schema", "--report text="+c.output))
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	rules, err := c.judge.rules()
	if err != nil {
		return fail(words, err)
	}
	in, err := c.source.open(ctx, c.source.options(words, stdin, 0, false))
	if err != nil {
		return fail(words, err)
	}
	defer in.Close()
	ctx, cancel = in.Context(ctx, cancel)
	defer cancel(nil)
	redacted, err := c.redact.options(false, words)
	if err != nil {
		return fail(words, err)
	}
	judge := check.NewJudge(rules, in.Files()...)
	needs := judge.Most()
	judged := chain.New(judge, chain.Options{Redact: redacted, Parallel: chain.Files, Needs: &needs})

	greet(in, words)
	failed := judged.Run(ctx, in, input.Passage{})
	if failed == nil {
		failed = context.Cause(ctx)
	}
	if c.source.finished(ctx) {
		failed = nil
	}
	if input.WrongUse(failed) {
		return fail(words, failed)
	}
	if failed != nil {
		judge.Cut()
		fail(words, failed)
	}
	explainNothing(words, in, judged.Totals())
	return c.judge.conclude(judge.Results(), in.Files(), failed, stdout, words)
}

// print writes a text to -o or stdout.
func (c *checkCommand) print(text []byte, stdout io.Writer, words *console.Console) int {
	if err := outfile.WriteFile(c.output, stdout, text); err != nil {
		return fail(words, err)
	}
	return exitOK
}

// starter writes a first file of rules.
func (c *checkCommand) starter(ctx context.Context, stdin io.Reader, stdout io.Writer, words *console.Console) int {
	in, err := c.source.open(ctx, c.source.options(words, stdin, 0, false))
	if err != nil {
		return fail(words, err)
	}
	defer in.Close()
	redacted, err := c.redact.options(false, words)
	if err != nil {
		return fail(words, err)
	}
	starter := check.NewStarter()
	learnt := chain.New(starter, chain.Options{Redact: redacted, Parallel: chain.Files})
	if err := learnt.Run(ctx, in, input.Passage{}); err != nil {
		return fail(words, err)
	}
	if learnt.Totals().Conns == 0 {
		words.Error("no traffic to write rules from")
		explainNothing(words, in, learnt.Totals())
		return exitFailed
	}
	return c.print(starter.Rules(), stdout, words)
}
