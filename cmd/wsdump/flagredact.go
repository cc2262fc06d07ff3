package main

import (
	"os"
	"regexp"
	"strings"

	"github.com/spf13/pflag"

	"github.com/wsdump/wsdump/input"
	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/redact"
)

// redactFlags say what is taken out of the output.
type redactFlags struct {
	rules     redactRules
	none      bool
	key       string
	anonymize bool
}

func (r *redactFlags) register(f *pflag.FlagSet) {
	f.Var(&r.rules, "redact", "take secrets out; alone cookies, credentials and tokens in headers and query; or =`RULE`, one of header:NAME, query:NAME, json:PATH, match:REGEXP; may be repeated")
	f.Lookup("redact").NoOptDefVal = redactDefaults
	f.BoolVar(&r.none, "no-redact", false, "keep secrets in har and html, where they are taken out by default")
	f.StringVar(&r.key, "redact-key", "", "hashes with this `KEY` (or @FILE) instead of blanks, so that equal values stay equal")
	f.BoolVar(&r.anonymize, "anonymize", false, "replace addresses; equal prefixes stay equal")
}

const redactDefaults = "defaults"

// redactRules is the value of --redact.
type redactRules struct {
	redact.Options
	words []string
}

func (r *redactRules) String() string { return strings.Join(r.words, " ") }
func (r *redactRules) Type() string   { return "RULE" }

// Set adds a rule.
func (r *redactRules) Set(rule string) error {
	kind, value, _ := strings.Cut(rule, ":")
	switch {
	case rule == redactDefaults:
		r.Defaults()
	case value == "":
		return console.Usage("no such rule", "it is one of header:NAME, query:NAME, json:PATH, match:REGEXP, after an equals sign: --redact=json:user.password")
	case kind == "header":
		r.Headers = append(r.Headers, value)
	case kind == "query":
		r.Query = append(r.Query, value)
	case kind == "json":
		path, err := query.ParsePath(value)
		if err != nil {
			return console.Usage(err.Error(), "for example --redact=json:user.password or --redact='json:items[*].token'")
		}
		r.JSON = append(r.JSON, path)
	case kind == "match":
		pattern, err := regexp.Compile(value)
		if err != nil {
			return console.Usage(err.Error(), "the syntax is that of RE2: https://github.com/google/re2/wiki/Syntax")
		}
		r.Patterns = append(r.Patterns, pattern)
	default:
		return console.UnknownWord(kind, []string{"header", "query", "json", "match"})
	}
	r.words = append(r.words, rule)
	return nil
}

// options returns what is taken out. shared says that the output is made to be passed
// on, so that secrets are taken out of it by default.
func (r *redactFlags) options(shared bool, words *console.Console) (redact.Options, error) {
	opt := r.rules.Options
	opt.Anonymize = r.anonymize
	if r.none && len(r.rules.words) > 0 {
		return opt, console.Usage("--redact and --no-redact contradict each other", "")
	}
	if shared && !r.none {
		if len(r.rules.words) == 0 {
			words.Say("cookies, credentials and tokens in headers and URLs are removed; --no-redact keeps them, --redact=json:PATH removes more")
		}
		opt.Defaults()
	}
	name, isFile := strings.CutPrefix(r.key, "@")
	switch {
	case !opt.Active() && r.key != "":
		return opt, console.Usage("--redact-key goes with --redact or --anonymize", "wsdump --redact --redact-key @key.txt ...")
	case isFile:
		text, err := os.ReadFile(name)
		if err != nil {
			return opt, &input.KeyError{Name: name, Err: err}
		}
		opt.Key = []byte(strings.TrimSpace(string(text)))
	default:
		opt.Key = []byte(r.key)
	}
	return opt, nil
}
