package main

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/internal/flagvalue"
	"github.com/wsdump/wsdump/pipeline"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/timeline"
)

const rulesExamples = `  wsdump rules                       all rules that traffic is judged by
  wsdump rules ws/mask-missing       what one means, and where it is written
  wsdump rules ws deflate            those of a group
  wsdump rules -T ndjson | jq .rule`

// rulesCommand prints the catalogue of findings.
type rulesCommand struct {
	format flagvalue.Choice
	args   []string
}

func (r *rulesCommand) register(f *pflag.FlagSet) {
	r.format = flagvalue.NewChoice("table", "table", "ndjson", "markdown")
	f.VarP(&r.format, "format", "T", "output `NAME`: table, ndjson or markdown")
}

func (r *rulesCommand) run(_ context.Context, _ io.Reader, stdout, stderr io.Writer) int {
	rules, err := chosen(pipeline.Rules(), r.args)
	if err != nil {
		return fail(console.New(stderr), err)
	}
	switch {
	case r.format.Value == "ndjson":
		err = report.RulesNDJSON(stdout, rules)
	case r.format.Value == "markdown":
		err = report.RulesMarkdown(stdout, rules)
	case len(rules) == 1:
		err = report.Rule(stdout, rules[0])
	default:
		err = report.Rules(stdout, rules)
	}
	if err != nil {
		return exitInput
	}
	return exitOK
}

// chosen returns the rules that the arguments name: an ID, or a group.
func chosen(all []*timeline.Rule, args []string) (rules []*timeline.Rule, err error) {
	if len(args) == 0 {
		return all, nil
	}
	var ids []string
	for _, rule := range all {
		ids = append(ids, rule.ID)
	}
	for _, arg := range args {
		before := len(rules)
		for _, rule := range all {
			if rule.ID == arg || strings.HasPrefix(rule.ID, strings.TrimSuffix(arg, "/")+"/") {
				rules = append(rules, rule)
			}
		}
		if len(rules) == before {
			hint := "`wsdump rules` lists them"
			if near := console.Nearest(arg, ids); near != "" {
				hint = "did you mean " + near + "?"
			}
			return nil, console.Usage("there is no rule "+console.Quote(arg), hint)
		}
	}
	return slices.Compact(rules), nil
}
