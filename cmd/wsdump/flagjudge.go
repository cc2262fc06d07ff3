package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/wsdump/wsdump/check"
	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/internal/flagvalue"
	"github.com/wsdump/wsdump/internal/outfile"
	"github.com/wsdump/wsdump/internal/terminal"
	"github.com/wsdump/wsdump/pipeline"
	"github.com/wsdump/wsdump/report/verdict"
)

// judgeFlags say what traffic is held to, and how that is reported.
type judgeFlags struct {
	files        []string
	assertions   []string
	protocol     flagvalue.Choice
	inconclusive flagvalue.Choice
	reports      reportFlags
	color        colorFlag
	update       bool
}

func (j *judgeFlags) register(f *pflag.FlagSet) {
	j.protocol = flagvalue.NewChoice("", "off", "basic", "strict")
	j.inconclusive = flagvalue.NewChoice("fail", "fail", "warn", "pass")
	f.StringArrayVar(&j.files, "rules", nil, "a `FILE` of rules, YAML or JSON; docs/CHECK.md; may be repeated")
	f.StringArrayVar(&j.assertions, "assert", nil, "check one `ASSERTION`; message or connection, none, some or every, a colon, and a condition (docs/CHECK.md); may be repeated")
	f.Var(&j.protocol, "protocol", "judge by the protocol's rules, `PROFILE`; off, basic (errors) or strict (warnings too); basic when nothing else is asked")
	f.Var(&j.inconclusive, "inconclusive", "`WHAT` to make of what cannot be judged; fail (exit code 4), warn or pass")
	f.Var(&j.reports, "report", "write a report, `KIND` or KIND=FILE; of "+strings.Join(reportKinds(), ", ")+"; may be repeated")
	f.BoolVarP(&j.update, "update", "U", false, "write the transcripts of golden checks anew")
	if f.Lookup("color") == nil { // else that of a view is meant
		j.color.register(f)
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
			return nil, console.Usage("with several files of rules, none may have a scope: it would apply to all of them", "wsdump check once for each file")
		}
		all.Scope = rules.Scope
		for _, c := range rules.Checks {
			if c != rules.Protocol || j.protocol.Value == "" {
				all.Checks = append(all.Checks, c)
			}
		}
	}
	for _, text := range j.assertions {
		one, err := check.Parse(text)
		if wrong := (*check.SyntaxError)(nil); errors.As(err, &wrong) {
			return nil, console.Usage(wrong.Error(), `for instance --assert 'message none: json.type == "error"'`)
		}
		if err != nil {
			return nil, err
		}
		all.Checks = append(all.Checks, one)
	}
	switch profile := j.protocol.Value; {
	case profile == "strict":
		all.Checks = append(all.Checks, check.Protocol(check.Strict, nil))
	case profile == "basic", profile == "" && len(all.Checks) == 0:
		all.Checks = append(all.Checks, check.Protocol(check.Basic, nil))
	}
	if len(all.Checks) == 0 {
		return nil, console.Usage("there is nothing to check", "say what with --rules or --assert, or --protocol basic")
	}
	return all, nil
}

// ruleProblem makes an error of one about a file of rules.
func ruleProblem(file string, err error) error {
	if special := (*check.RuleError)(nil); errors.As(err, &special) {
		text := *special
		text.Hint = ""
		return console.Usage(text.Error(), special.Hint)
	}
	return console.Usage("cannot read "+file+": "+outfile.Reason(err), "wsdump check --init FILE writes a first file of rules")
}

// conclude writes the reports and returns the exit code. failed is why the input
// was not read to its end.
func (j *judgeFlags) conclude(results []check.Result, inputs []string, failed error, stdout io.Writer, words *console.Console) int {
	if j.update {
		if failed != nil {
			words.Error("the input was not read to its end, so transcripts are not written")
		} else if err := j.rewrite(results, words); err != nil {
			return fail(words, err)
		}
	}
	verdict := &verdict.Verdict{Results: results, Inputs: inputs, Tolerant: j.inconclusive.Value != "fail"}
	verdict.Color = terminal.Colored(j.color.Value, terminal.Is(stdout))
	if err := verdict.WriteAll(stdout, j.reports); err != nil {
		fail(words, err)
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
func (j *judgeFlags) rewrite(results []check.Result, words *console.Console) error {
	for i := range results {
		r := &results[i]
		file := r.Check.Golden()
		switch {
		case file == "" || r.Outcome == check.Pass:
			continue
		case r.Transcript == nil || r.Outcome == check.Inconclusive && r.Wanted == "":
			words.Error(file + " is not written: " + strings.Join(r.Doubts, "; "))
			continue
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			return &outfile.Error{Name: file, Err: err}
		}
		if err := outfile.WriteFile(file, nil, r.Transcript); err != nil {
			return err
		}
		words.Say("wrote " + file)
		*r = check.Result{Check: r.Check, Judged: r.Judged}
	}
	return nil
}
