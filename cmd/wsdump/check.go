package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/spf13/pflag"

	"github.com/wsdump/wsdump/check"
	"github.com/wsdump/wsdump/report"
)

const checkExamples = `  wsdump check capture.pcap                                  no errors by the protocol's rules
  wsdump check --protocol strict capture.pcap                no warnings either
  wsdump check --assert 'message none: json.type == "error"' capture.pcap
  wsdump check --assert 'connection every: clean and code in [1000, 1001]' --assert 'message some: text contains "ready"' capture.pcap`

const checkCodes = "Exit codes: 0 all checks pass, 1 one fails (no WebSocket at all is a failure too), 2 wrong use, 3 input unreadable or cut short,\n" +
	"4 the capture does not decide and nothing failed, 70 a bug."

// checkCommand gives a verdict on recorded traffic.
type checkCommand struct {
	source       sourceFlags
	assertions   []string
	protocol     choice
	inconclusive choice
	junit        string // file
	quiet        bool
}

func (c *checkCommand) flags(f *pflag.FlagSet) {
	c.source.flags(f)
	c.protocol = choice{words: []string{"off", "basic", "strict"}}
	c.inconclusive = choice{words: []string{"fail", "warn", "pass"}, value: "fail"}
	f.StringArrayVar(&c.assertions, "assert", nil, "`ASSERTION`: message or connection, none, some or every, a colon, and a condition (docs/CHECK.md); may be repeated")
	f.Var(&c.protocol, "protocol", "judge by the protocol's rules, `PROFILE`: off, basic (errors) or strict (warnings too); basic when nothing is asserted")
	f.Var(&c.inconclusive, "inconclusive", "what to make of a check that the capture does not decide, `WHAT`: fail (exit code 4), warn or pass")
	f.Var(reportFlag{&c.junit}, "report", "write a report besides, `KIND=FILE`: junit=ws.xml")
	f.BoolVarP(&c.quiet, "quiet", "q", false, "no hints on standard error")
	f.SortFlags = false
}

// checks returns what is to be judged, never nothing.
func (c *checkCommand) checks() (all []*check.Check, err error) {
	for _, text := range c.assertions {
		one, err := check.Parse(text)
		if wrong := (*check.SyntaxError)(nil); errors.As(err, &wrong) {
			return nil, &usageError{text: wrong.Error(), hint: `for instance --assert 'message none: json.type == "error"'`}
		}
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	switch profile := c.protocol.value; {
	case profile == "strict":
		all = append(all, check.Protocol(check.Strict))
	case profile == "basic", profile == "" && len(all) == 0:
		all = append(all, check.Protocol(check.Basic))
	}
	if len(all) == 0 {
		return nil, &usageError{text: "there is nothing to check", hint: "say what with --assert, or --protocol basic"}
	}
	return all, nil
}

func (c *checkCommand) run(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) int {
	words := &console{w: stderr, quiet: c.quiet}
	checks, err := c.checks()
	if err != nil {
		return words.fail(err)
	}
	in, err := c.source.begin(ctx, stdin, words)
	if err != nil {
		return words.fail(err)
	}
	defer in.close()
	ctx, cancel := in.detach(context.WithCancelCause(ctx))
	defer cancel(nil)
	in.greet(words)
	judge := check.NewJudge(checks, in.files()...)
	seen := &witness{Sink: judge}
	failed := in.run(ctx, seen, nil)
	if failed == nil {
		failed = context.Cause(ctx)
	}
	if c.source.finished(ctx) {
		failed = nil
	}
	if wrongUse(failed) {
		return words.fail(failed)
	}
	if failed != nil {
		judge.Cut()
		words.fail(failed)
	}
	out := bufio.NewWriter(stdout)
	var count [3]int // by check.Outcome
	for _, r := range judge.Results() {
		count[r.Outcome]++
		writeResult(out, &r)
	}
	if err := out.Flush(); err != nil {
		return words.fail(&targetError{"standard output", err})
	}
	if err := c.writeJUnit(judge.Results(), stdout); err != nil {
		words.fail(err)
		failed = errors.Join(failed, err)
	}
	if seen.totals.Conns == 0 {
		said, hint := report.Nothing(&seen.totals)
		words.say(said)
		words.hint(hint)
	}
	return c.code(count, failed)
}

// code is the exit code: a failure before what could not be judged, before
// damage that touched nothing.
func (c *checkCommand) code(count [3]int, failed error) int {
	undecided := count[check.Inconclusive]
	switch {
	case count[check.Fail] > 0:
		return exitFailed
	case undecided > 0 && c.inconclusive.value == "fail":
		return exitInconclusive
	case failed != nil:
		return exitInput
	}
	return exitOK
}

// writeResult writes a check, its outcome and what it goes by.
func writeResult(w *bufio.Writer, r *check.Result) {
	word := map[check.Outcome]string{check.Pass: "PASS", check.Fail: "FAIL", check.Inconclusive: "????"}[r.Outcome]
	w.WriteString(word + " " + report.Safe(r.Check.String()) + "\n     " + report.VerdictReason(r) + "\n")
	for _, line := range report.VerdictLines(r) {
		w.WriteString("     " + line + "\n")
	}
}

// writeJUnit writes the file of --report junit, if it is asked for.
func (c *checkCommand) writeJUnit(results []check.Result, stdout io.Writer) error {
	if c.junit == "" {
		return nil
	}
	target, err := openTarget(c.junit, stdout)
	if err != nil {
		return err
	}
	defer target.abandon()
	if err := report.WriteJUnit(target, results, c.inconclusive.value != "fail"); err != nil {
		return &targetError{target.name(), err}
	}
	return target.keep()
}

// reportFlag is KIND=FILE.
type reportFlag struct{ file *string }

func (r reportFlag) String() string { return "" }
func (r reportFlag) Type() string   { return "KIND=FILE" }

// Set takes one report.
func (r reportFlag) Set(s string) error {
	kind, file, _ := strings.Cut(s, "=")
	if kind != "junit" || file == "" {
		return &usageError{text: "no such report", hint: "for instance --report junit=ws.xml"}
	}
	*r.file = file
	return nil
}
