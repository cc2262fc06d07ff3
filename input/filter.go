package input

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/net/bpf"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/capture/filter"
	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/internal/outfile"
)

// Filter is a capture filter: it says which packets are read at all. At most one
// of its fields is set. The zero value reads all packets.
type Filter struct {
	Expr *filter.Expr         // of -f
	Raw  []bpf.RawInstruction // of --bpf-raw
}

// maxProgram bounds the file of a program, in bytes. The longest program that the
// kernel takes has less than a tenth of it.
const maxProgram = 1 << 20

// ReadProgram parses a BPF program as tcpdump -ddd prints it: text is the program, or
// the name of a file with it.
func ReadProgram(text string) ([]bpf.RawInstruction, error) {
	if file, err := os.Open(text); err == nil {
		defer file.Close()
		b, err := io.ReadAll(io.LimitReader(file, maxProgram))
		if err != nil {
			return nil, fmt.Errorf("cannot read %s: %s", text, outfile.Reason(err))
		}
		text = string(b)
	}
	return filter.ParseRaw(text)
}

// Given reports whether there is a filter.
func (f *Filter) Given() bool { return f.Expr != nil || f.Raw != nil }

// Words returns the filter as it stands on the command line; "" for none.
func (f *Filter) Words() string {
	switch {
	case f.Expr != nil:
		return "-f " + console.Quote(f.Expr.String())
	case f.Raw != nil:
		return "--bpf-raw"
	}
	return ""
}

// program returns the instructions for a link type; nil when every packet passes.
func (f *Filter) program(link capture.LinkType) ([]bpf.RawInstruction, error) {
	if f.Expr == nil {
		return f.Raw, nil
	}
	return f.Expr.Compile(uint32(link))
}

// before returns src without the packets that the filter rejects, and how many
// those are. The others keep their numbers. programs caches compiled programs for
// one goroutine; nil: nothing is cached yet.
func (f *Filter) before(ctx context.Context, src capture.Source, programs filterPrograms) (_ capture.Source, rejected func() uint64) {
	if !f.Given() {
		return src, nil
	}
	if programs == nil {
		programs = filterPrograms{}
	}
	s := &filtered{Source: src, ctx: ctx, filter: f, programs: programs}
	return s, func() uint64 { return s.rejected }
}

// filterPrograms are the compiled programs by link type.
type filterPrograms map[capture.LinkType]*filter.Program

// filtered is a source behind a capture filter.
type filtered struct {
	capture.Source
	ctx      context.Context // a filter may reject many packets in a row
	filter   *Filter
	programs filterPrograms
	program  *filter.Program // for link
	link     capture.LinkType
	rejected uint64
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
		if f.rejected++; f.rejected%4096 == 0 && f.ctx.Err() != nil {
			return context.Cause(f.ctx)
		}
	}
}

// choose takes the program for a link type, and compiles it for the first packet
// of that type.
func (f *filtered) choose(link capture.LinkType) error {
	p, ok := f.programs[link]
	if !ok {
		if f.filter.Expr == nil && len(f.programs) > 0 {
			return console.Usage(
				fmt.Sprintf("--bpf-raw is a program for one link type, and there are packets of two: %d and %d", f.link, link),
				"read the files one by one, or say what is meant with -f, which is compiled for each link type")
		}
		raw, err := f.filter.program(link)
		if err != nil {
			return err
		}
		if p, err = filter.NewProgram(raw); err != nil {
			return err
		}
		f.programs[link] = p
	}
	f.program, f.link = p, link
	return nil
}

func isFilterError(err error) bool { return errors.As(err, new(*filter.Error)) }
