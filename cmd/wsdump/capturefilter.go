package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/pflag"
	"golang.org/x/net/bpf"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/capture/filter"
)

// captureFilterFlags say which packets are looked at: -f and --bpf-raw.
type captureFilterFlags struct {
	expr *filter.Expr         // nil without -f
	raw  []bpf.RawInstruction // nil without --bpf-raw
}

func (c *captureFilterFlags) flags(f *pflag.FlagSet) {
	f.VarP(&captureFilterFlag{c}, "capture-filter", "f", "only packets that match `EXPR` in tcpdump's language, such as 'tcp port 8080 and host 10.0.0.1' (docs/CAPTURE-FILTER.md)")
	f.Var(&rawFilterFlag{c}, "bpf-raw", "only packets that a BPF `PROGRAM` lets through: what tcpdump -ddd prints, or a file with it")
}

// given reports whether there is a filter.
func (c *captureFilterFlags) given() bool { return c.expr != nil || c.raw != nil }

// words returns what stands on the command line; "" without a filter.
func (c *captureFilterFlags) words() string {
	switch {
	case c.expr != nil:
		return "-f " + quote(c.expr.String())
	case c.raw != nil:
		return "--bpf-raw"
	}
	return ""
}

// once fails when there is a filter already.
func (c *captureFilterFlags) once() error {
	if !c.given() {
		return nil
	}
	return &usageError{text: "there is a capture filter already", hint: "join them: -f '(one) and (other)'"}
}

// captureFilterFlag is the expression of -f.
type captureFilterFlag struct{ *captureFilterFlags }

func (c *captureFilterFlag) Type() string { return "EXPR" }

func (c *captureFilterFlag) String() string {
	if c.captureFilterFlags == nil || c.expr == nil {
		return ""
	}
	return c.expr.String()
}

// Set reads the expression. An error is a *filter.Error.
func (c *captureFilterFlag) Set(text string) (err error) {
	if err := c.once(); err != nil {
		return err
	}
	c.expr, err = filter.Parse(text)
	return err
}

// rawFilterFlag is the program of --bpf-raw.
type rawFilterFlag struct{ *captureFilterFlags }

func (r *rawFilterFlag) Type() string   { return "PROGRAM" }
func (r *rawFilterFlag) String() string { return "" }

// longestProgram bounds the file of a program, in bytes: the longest program
// that the kernel takes has less than a tenth of it.
const longestProgram = 1 << 20

// Set reads the program, from a file of that name if there is one.
func (r *rawFilterFlag) Set(text string) error {
	if err := r.once(); err != nil {
		return err
	}
	const hint = "print one with tcpdump -ddd 'tcp port 8080', with -y for another link type than the interface has"
	if file, err := os.Open(text); err == nil {
		b, err := io.ReadAll(io.LimitReader(file, longestProgram))
		_ = file.Close()
		if err != nil {
			return &usageError{text: "cannot read " + text + ": " + reason(err)}
		}
		text = string(b)
	}
	var err error
	if r.raw, err = filter.ParseRaw(text); err != nil {
		return &usageError{text: err.Error(), hint: hint}
	}
	return nil
}

// before returns src with the packets left out that the filter does not let
// through, and a count of them. The others keep their numbers. programs are those
// that were made for the packets before; nil: there were none.
func (c *captureFilterFlags) before(ctx context.Context, src capture.Source, programs filterPrograms) (capture.Source, func() uint64) {
	if !c.given() {
		return src, nil
	}
	if programs == nil {
		programs = filterPrograms{}
	}
	f := &filtered{Source: src, ctx: ctx, flags: c, programs: programs}
	return f, func() uint64 { return f.left }
}

// filterPrograms are what an expression comes to, by link type.
type filterPrograms map[capture.LinkType]*filter.Program

// filtered is a source behind a capture filter.
type filtered struct {
	capture.Source
	ctx      context.Context // a filter may let nothing through for long
	flags    *captureFilterFlags
	programs filterPrograms
	program  *filter.Program // of link
	link     capture.LinkType
	left     uint64
}

// Next implements [capture.Source].
func (f *filtered) Next(p *capture.Packet) error {
	for {
		if err := f.Source.Next(p); err != nil {
			return err
		}
		if f.program == nil || p.Link != f.link {
			if err := f.choose(p.Link); err != nil {
				return err
			}
		}
		if f.program.Match(p.Data, p.Length) {
			return nil
		}
		if f.left++; f.left%4096 == 0 && f.ctx.Err() != nil {
			return context.Cause(f.ctx)
		}
	}
}

// choose takes the program for a link type, which is compiled when it is first
// met.
func (f *filtered) choose(link capture.LinkType) (err error) {
	p, ok := f.programs[link]
	if !ok {
		raw := f.flags.raw
		if f.flags.expr != nil {
			if raw, err = f.flags.expr.Compile(uint32(link)); err != nil {
				return err
			}
		} else if len(f.programs) > 0 {
			return &usageError{
				text: fmt.Sprintf("--bpf-raw is a program for one link type, and there are packets of two: %d and %d", f.link, link),
				hint: "read the files one by one, or say what is meant with -f, which is compiled for each link type",
			}
		}
		if p, err = filter.NewProgram(raw); err != nil {
			return err
		}
		f.programs[link] = p
	}
	f.program, f.link = p, link
	return nil
}

// wrongUse reports whether err, of reading a source, is the operator's: a filter
// that does not go with what is read.
func wrongUse(err error) bool {
	return errors.As(err, new(*usageError)) || errors.As(err, new(*filter.Error))
}
