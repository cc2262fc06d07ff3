package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/wsdump/wsdump/check"
	"github.com/wsdump/wsdump/pipeline"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/report/verdict"
)

const checkExamples = `  wsdump check capture.pcap                                  no errors by the protocol's rules
  wsdump check --protocol strict capture.pcap                no warnings either
  wsdump check --rules rules.yaml run.pcapng                 what a team wrote down (docs/CHECK.md)
  wsdump check --init good.pcap -o rules.yaml                a first file of rules, from good traffic
  wsdump check --rules rules.yaml --report junit=ws.xml --report markdown=ws.md run.pcapng
  wsdump check --assert 'message none: json.type == "error"' capture.pcap
  wsdump check --rules rules.yaml -U run.pcapng              write its transcripts (golden) anew`

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

func (c *checkCommand) flags(f *pflag.FlagSet) {
	c.source.flags(f)
	c.judge.flags(f)
	c.redact.flags(f)
	f.BoolVar(&c.schema, "schema", false, "print the JSON Schema of files of rules, for editors")
	f.BoolVar(&c.init, "init", false, "write a first file of rules from good traffic")
	f.StringVarP(&c.output, "output", "o", "", "with --init and --schema: write to `FILE`")
	f.BoolVarP(&c.quiet, "quiet", "q", false, "no hints on standard error")
	f.SortFlags = false
}

// alone reports whether the command needs no input.
func (c *checkCommand) alone() bool { return c.schema }

func (c *checkCommand) run(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) int {
	words := &console{w: stderr, quiet: c.quiet}
	switch {
	case c.schema:
		return c.print(check.Schema(), stdout, words)
	case c.init:
		return c.starter(ctx, stdin, stdout, words)
	case c.output != "":
		return words.fail(&usageError{text: "-o goes with --init and --schema", hint: "--report text=" + c.output})
	}
	rules, err := c.judge.rules()
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
	judge := check.NewJudge(rules, in.files()...)
	clean, err := c.redact.before(judge, false, words)
	if err != nil {
		return words.fail(err)
	}
	seen := &witness{Sink: clean}
	failed := in.run(ctx, seen, in.alone(judge.Most()))
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
	if seen.totals.Conns == 0 {
		said, hint := report.Nothing(&seen.totals)
		words.say(said)
		words.hint(hint)
	}
	return c.judge.conclude(judge.Results(), in.files(), failed, stdout, words)
}

// print writes a text to -o or stdout.
func (c *checkCommand) print(text []byte, stdout io.Writer, words *console) int {
	target, err := openTarget(c.output, stdout)
	if err != nil {
		return words.fail(err)
	}
	defer target.abandon()
	if _, err := target.Write(text); err != nil {
		return words.fail(&targetError{target.name(), err})
	}
	if err := target.keep(); err != nil {
		return words.fail(err)
	}
	return exitOK
}

// starter writes a first file of rules.
func (c *checkCommand) starter(ctx context.Context, stdin io.Reader, stdout io.Writer, words *console) int {
	in, err := c.source.begin(ctx, stdin, words)
	if err != nil {
		return words.fail(err)
	}
	defer in.close()
	starter := check.NewStarter()
	clean, err := c.redact.before(starter, false, words)
	if err != nil {
		return words.fail(err)
	}
	seen := &witness{Sink: clean}
	if err := in.run(ctx, seen, passage{}); err != nil {
		return words.fail(err)
	}
	if seen.totals.Conns == 0 {
		said, hint := report.Nothing(&seen.totals)
		words.error("there is no traffic to make rules of")
		words.say(said)
		words.hint(hint)
		return exitFailed
	}
	return c.print(starter.Rules(), stdout, words)
}

// judgeFlags say what traffic is held to, and how that is reported.
type judgeFlags struct {
	files        []string
	assertions   []string
	protocol     choice
	inconclusive choice
	reports      reportFlags
	color        choice
	update       bool
}

func (j *judgeFlags) flags(f *pflag.FlagSet) {
	j.protocol = choice{words: []string{"off", "basic", "strict"}}
	j.inconclusive = choice{words: []string{"fail", "warn", "pass"}, value: "fail"}
	j.color = choice{words: []string{"auto", "always", "never"}, value: "auto"}
	f.StringArrayVar(&j.files, "rules", nil, "a `FILE` of rules, YAML or JSON (docs/CHECK.md); may be repeated")
	f.StringArrayVar(&j.assertions, "assert", nil, "`ASSERTION`: message or connection, none, some or every, a colon, and a condition (docs/CHECK.md); may be repeated")
	f.Var(&j.protocol, "protocol", "judge by the protocol's rules, `PROFILE`: off, basic (errors) or strict (warnings too); basic when nothing else is asked")
	f.Var(&j.inconclusive, "inconclusive", "what to make of a check that the capture does not decide, `WHAT`: fail (exit code 4), warn or pass")
	f.Var(&j.reports, "report", "write a report, `KIND` (to standard output) or KIND=FILE: "+strings.Join(reportKinds(), ", ")+"; may be repeated")
	f.BoolVarP(&j.update, "update", "U", false, "write the transcripts of golden checks anew")
	if f.Lookup("color") == nil { // else that of a view is meant
		f.Var(&j.color, "color", "`WHEN` to colour: auto, always or never; NO_COLOR is honoured")
	}
}

// rules returns what is to be judged, never nothing.
func (j *judgeFlags) rules() (*check.Rules, error) {
	all := &check.Rules{}
	for i, file := range j.files {
		rules, err := check.Load(file, pipeline.Rules()...)
		if err != nil {
			return nil, ruleProblem(file, err)
		}
		if i > 0 && (rules.Scope != nil || all.Scope != nil) {
			return nil, &usageError{text: "of several files of rules none may have a scope, which is for all of them", hint: "wsdump check once for each file"}
		}
		all.Scope = rules.Scope
		for _, c := range rules.Checks {
			if c != rules.Protocol || j.protocol.value == "" {
				all.Checks = append(all.Checks, c)
			}
		}
	}
	for _, text := range j.assertions {
		one, err := check.Parse(text)
		if wrong := (*check.SyntaxError)(nil); errors.As(err, &wrong) {
			return nil, &usageError{text: wrong.Error(), hint: `for instance --assert 'message none: json.type == "error"'`}
		}
		if err != nil {
			return nil, err
		}
		all.Checks = append(all.Checks, one)
	}
	switch profile := j.protocol.value; {
	case profile == "strict":
		all.Checks = append(all.Checks, check.Protocol(check.Strict, nil))
	case profile == "basic", profile == "" && len(all.Checks) == 0:
		all.Checks = append(all.Checks, check.Protocol(check.Basic, nil))
	}
	if len(all.Checks) == 0 {
		return nil, &usageError{text: "there is nothing to check", hint: "say what with --rules or --assert, or --protocol basic"}
	}
	return all, nil
}

// ruleProblem makes an error of one about a file of rules.
func ruleProblem(file string, err error) error {
	if special := (*check.RuleError)(nil); errors.As(err, &special) {
		text := *special
		text.Hint = ""
		return &usageError{text: text.Error(), hint: special.Hint}
	}
	return &usageError{text: "cannot read " + file + ": " + reason(err), hint: "wsdump check --init FILE writes a first file of rules"}
}

// conclude writes the reports and returns the exit code. failed is why the input
// was not read to its end.
func (j *judgeFlags) conclude(results []check.Result, inputs []string, failed error, stdout io.Writer, words *console) int {
	if j.update {
		if failed != nil {
			words.error("transcripts are not written of an input that was not read to its end")
		} else if err := j.rewrite(results, words); err != nil {
			return words.fail(err)
		}
	}
	verdict := &verdict.Verdict{Results: results, Inputs: inputs, Tolerant: j.inconclusive.value != "fail"}
	view := viewFlags{color: j.color}
	verdict.Color = view.colored(isTerminalWriter(stdout))
	if err := j.reports.write(verdict, stdout); err != nil {
		words.fail(err)
		failed = errors.Join(failed, err)
	}
	switch {
	case verdict.Failed():
		return exitFailed
	case verdict.Undecided():
		return exitInconclusive
	case failed != nil:
		return exitInput
	}
	return exitOK
}

// rewrite writes the transcripts of golden checks, which pass then.
func (j *judgeFlags) rewrite(results []check.Result, words *console) error {
	for i := range results {
		r := &results[i]
		file := r.Check.Golden()
		switch {
		case file == "" || r.Outcome == check.Pass:
			continue
		case r.Transcript == nil || r.Outcome == check.Inconclusive && r.Wanted == "":
			words.error(file + " is not written: " + strings.Join(r.Doubts, "; "))
			continue
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			return &targetError{file, err}
		}
		target, err := openTarget(file, nil)
		if err != nil {
			return err
		}
		if _, err := target.Write(r.Transcript); err != nil {
			target.abandon()
			return &targetError{file, err}
		}
		if err := target.keep(); err != nil {
			return err
		}
		words.say("wrote " + file)
		*r = check.Result{Check: r.Check, Judged: r.Judged}
	}
	return nil
}

func reportKinds() (names []string) {
	for _, f := range verdict.Formats() {
		names = append(names, f.Name)
	}
	return names
}

// reportFlags are the reports that are asked for.
type reportFlags []reportTo

type reportTo struct {
	format verdict.Format
	file   string // "" for standard output
}

func (r *reportFlags) String() string { return "" }
func (r *reportFlags) Type() string   { return "KIND=FILE" }

// Set adds a report.
func (r *reportFlags) Set(s string) error {
	kind, file, named := strings.Cut(s, "=")
	if named && file == "" {
		return &usageError{text: "a report without a file", hint: "--report " + kind + " writes to standard output"}
	}
	if file == "-" {
		file = ""
	}
	for _, f := range verdict.Formats() {
		if f.Name != kind {
			continue
		}
		for _, have := range *r {
			if have.file == "" && file == "" {
				return &usageError{text: "two reports for standard output", hint: "give one of them a file: " + kind + "=FILE"}
			}
		}
		*r = append(*r, reportTo{f, file})
		return nil
	}
	return unknownWord(kind, reportKinds())
}

// write writes all reports: to standard output as text, unless another is asked
// for there; and on GitHub's runners the annotations and the step's summary.
func (r reportFlags) write(v *verdict.Verdict, stdout io.Writer) error {
	all := append(reportFlags(nil), r...)
	if !all.has("") {
		all = append(all, reportTo{verdict.Formats()[0], ""})
	}
	var errs []error
	for _, one := range all {
		errs = append(errs, one.write(v, stdout))
	}
	if os.Getenv("GITHUB_ACTIONS") == "true" && !r.hasKind("github") && (len(r) == 0 || !r.has("")) {
		errs = append(errs, r.kind("github").Write(stdout, v))
		if file := os.Getenv("GITHUB_STEP_SUMMARY"); file != "" {
			errs = append(errs, appendTo(file, func(w io.Writer) error { return r.kind("markdown").Write(w, v) }))
		}
	}
	return errors.Join(errs...)
}

func (r reportFlags) has(file string) bool {
	for _, one := range r {
		if one.file == file {
			return true
		}
	}
	return false
}

func (r reportFlags) hasKind(kind string) bool {
	for _, one := range r {
		if one.format.Name == kind {
			return true
		}
	}
	return false
}

func (r reportFlags) kind(name string) verdict.Format {
	for _, f := range verdict.Formats() {
		if f.Name == name {
			return f
		}
	}
	panic("no report " + name) // it is one of ours
}

func (r reportTo) write(v *verdict.Verdict, stdout io.Writer) error {
	target, err := openTarget(r.file, stdout)
	if err != nil {
		return err
	}
	defer target.abandon()
	plain := *v
	plain.Color = v.Color && r.file == ""
	if err := r.format.Write(target, &plain); err != nil {
		return &targetError{target.name(), err}
	}
	return target.keep()
}

// appendTo writes behind what a file has.
func appendTo(file string, write func(io.Writer) error) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return &targetError{file, err}
	}
	var text bytes.Buffer
	if err := write(&text); err != nil {
		return err
	}
	if _, err := f.Write(text.Bytes()); err != nil {
		_ = f.Close()
		return &targetError{file, err}
	}
	if err := f.Close(); err != nil {
		return &targetError{file, err}
	}
	return nil
}
