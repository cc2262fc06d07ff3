package main

import (
	"github.com/spf13/pflag"

	"github.com/wsdump/wsdump/capture/filter"
	"github.com/wsdump/wsdump/input"
	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/query"
)

// filterFlag is the expression of -Y.
type filterFlag struct {
	text  string
	given bool
}

func (f *filterFlag) String() string { return f.text }
func (f *filterFlag) Type() string   { return "EXPR" }

// Set takes one expression: of two it would not be clear how they are joined.
func (f *filterFlag) Set(s string) error {
	if f.given {
		return console.Usage("there is a filter already", "join them: -Y '(one) and (other)'")
	}
	f.text, f.given = s, true
	return nil
}

// compile returns nil without -Y. An error is a *query.Error.
func (f *filterFlag) compile(scope query.Scope) (*query.Program, error) {
	if !f.given {
		return nil, nil
	}
	return query.Compile(f.text, scope)
}

// captureFilterFlags say which packets are read: -f and --bpf-raw.
type captureFilterFlags struct{ input.Filter }

func (c *captureFilterFlags) register(f *pflag.FlagSet) {
	f.VarP(&captureFilterFlag{c}, "capture-filter", "f", "only packets that match `EXPR`, as in tcpdump; such as 'tcp port 80 and host 10.0.0.1' (docs/CAPTURE-FILTER.md)")
	f.Var(&rawFilterFlag{c}, "bpf-raw", "only packets that a BPF `PROGRAM` accepts: what tcpdump -ddd prints, or a file with it")
}

// once fails when there is a filter already.
func (c *captureFilterFlags) once() error {
	if !c.Given() {
		return nil
	}
	return console.Usage("there is a capture filter already", "join them: -f '(one) and (other)'")
}

// captureFilterFlag is the expression of -f.
type captureFilterFlag struct{ *captureFilterFlags }

func (c *captureFilterFlag) Type() string { return "EXPR" }

func (c *captureFilterFlag) String() string {
	if c.captureFilterFlags == nil || c.Expr == nil {
		return ""
	}
	return c.Expr.String()
}

// Set parses the expression. An error is a *filter.Error.
func (c *captureFilterFlag) Set(text string) (err error) {
	if err := c.once(); err != nil {
		return err
	}
	c.Expr, err = filter.Parse(text)
	return err
}

// rawFilterFlag is the program of --bpf-raw.
type rawFilterFlag struct{ *captureFilterFlags }

func (r *rawFilterFlag) Type() string   { return "PROGRAM" }
func (r *rawFilterFlag) String() string { return "" }

// Set reads the program, from a file of that name if there is one.
func (r *rawFilterFlag) Set(text string) (err error) {
	if err := r.once(); err != nil {
		return err
	}
	if r.Raw, err = input.ReadProgram(text); err != nil {
		return console.Usage(err.Error(), "print one with tcpdump -ddd 'tcp port 8080', with -y for another link type than the interface has")
	}
	return nil
}
