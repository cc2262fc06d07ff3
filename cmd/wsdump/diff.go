package main

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/wsdump/wsdump/chain"
	"github.com/wsdump/wsdump/diff"
	"github.com/wsdump/wsdump/input"
	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/internal/flagvalue"
	"github.com/wsdump/wsdump/internal/outfile"
	"github.com/wsdump/wsdump/internal/terminal"
	"github.com/wsdump/wsdump/report/verdict"
)

const diffExamples = `  wsdump diff before.pcap after.pcap      what another run said otherwise
  wsdump diff client.pcap server.pcap     what a relay lost, doubled or changed
  wsdump diff --align leg proxy.pcap      two sides of a proxy in one capture
  wsdump diff run.har run.pcap            what the browser saw, and the wire
  wsdump diff --match json.id A.pcap B.pcap
  wsdump diff --normalize 'json.id=<id>' A.pcap B.pcap
  wsdump diff -T json A.pcap B.pcap | jq '.pairs[].differences[]?'`

const diffCodes = "A and B are a capture, a HAR, a folder of captures, or - for standard input.\n" +
	"Exit codes: 0 the same, 1 something differs (no WebSocket on either side is no success), 2 wrong use, 3 input unreadable or cut short, 70 a bug."

// diffCommand tells what differs between two recordings.
type diffCommand struct {
	source  sourceFlags // its arguments are A and B
	match   matchFlag
	rules   rulesFlag
	align   flagvalue.Choice
	format  flagvalue.Choice
	color   colorFlag
	output  string
	context uint
	payload uint
	control bool // leave pings and pongs out
	quiet   bool
}

func (d *diffCommand) register(f *pflag.FlagSet) {
	d.align = flagvalue.NewChoice("auto", "auto", "url", "order", "leg")
	d.format = flagvalue.NewChoice("transcript", "transcript", "json")
	f.Var(&d.match, "match", "what a message is known by, `WHAT`; payload, or where to look, such as json.id")
	f.Var(&d.rules, "normalize", "make equal what differs from run to run; `RULE` is PATH=WORD in JSON, or match:REGEXP=WORD; may be repeated")
	f.Var(&d.align, "align", "how connections find each other, `HOW`; auto (key, URL, path), url, order, or leg (across a proxy; with one FILE that has both sides)")
	f.BoolVar(&d.control, "ignore-control", false, "pings and pongs do not count")
	f.VarP(&d.format, "format", "T", "transcript or json; a transcript has lines with - and +")
	f.StringVarP(&d.output, "output", "o", "", "write to `FILE`")
	d.color.register(f)
	f.UintVarP(&d.context, "context", "c", 3, "`N` messages around what differs")
	f.UintVar(&d.payload, "payload", 200, "`N` bytes of a message are kept to be shown; all of it is compared")
	d.source.keys.register(f)
	d.source.filter.register(f)
	d.source.decode.register(f)
	f.BoolVarP(&d.quiet, "quiet", "q", false, "no hints on standard error")
}

// Bounds of numbers on the command line.
const (
	maxContext     = 10_000
	maxDiffPayload = 65_535
)

// options returns how to compare.
func (d *diffCommand) options() (opt diff.Options, err error) {
	switch {
	case len(d.source.args) != 2 && !d.legs():
		named := strconv.Itoa(len(d.source.args)) + " are"
		if len(d.source.args) == 1 {
			named = "1 is"
		}
		return opt, console.Usage("diff needs two recordings, and "+named+" named",
			"wsdump diff A B; several files of one side go into a folder; --align leg takes one file with both sides of a proxy")
	case len(d.source.args) == 2 && d.source.args[0] == "-" && d.source.args[1] == "-":
		return opt, console.Usage("standard input can be only one of the two recordings", "save one of them to a file")
	case d.context > maxContext:
		return opt, console.Usage("at most "+strconv.Itoa(maxContext)+" messages around a difference can be shown", "")
	case d.payload < 1 || d.payload > maxDiffPayload:
		return opt, console.Usage("--payload keeps from 1 to "+strconv.Itoa(maxDiffPayload)+" bytes of a message", "all of a message is compared, whatever is kept of it")
	}
	opt = diff.Options{
		Match: d.match.term, Rules: d.rules.rules, Messages: d.control, Context: int(d.context), Text: int(d.payload),
		Align: map[string]diff.Align{"url": diff.AlignURL, "order": diff.AlignOrder, "leg": diff.AlignLeg}[d.align.Value],
	}
	if d.format.Value == "json" {
		opt.Context = -1 // nobody draws them
	}
	return opt, nil
}

// legs reports whether the two sides of a proxy are in one recording.
func (d *diffCommand) legs() bool { return len(d.source.args) == 1 && d.align.Value == "leg" }

func (d *diffCommand) run(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) int {
	words := &console.Console{W: stderr, Quiet: d.quiet}
	opt, err := d.options()
	if err != nil {
		return fail(words, err)
	}
	var sides []*diff.Recording
	shown := verdict.DiffOptions{Version: version()}
	damaged := false
	for i, name := range d.source.args {
		side, files, wrong, err := d.record(ctx, name, opt, stdin, words)
		if err != nil {
			return fail(words, err)
		}
		if errors.Is(context.Cause(ctx), errInterrupted) {
			words.Error("interrupted before anything was compared")
			return exitInput
		}
		sides, shown.Names[i], shown.Files[i] = append(sides, side), name, files
		if wrong != nil { // what could be read of it is compared
			damaged = true
			fail(words, wrong)
			shown.Damage[i] = strings.Split(wrong.Error(), "\n")
		}
	}
	var r *diff.Report
	if d.legs() {
		r = diff.CompareLegs(sides[0], opt)
		shown.Names = [2]string{d.source.args[0] + " (to the client)", d.source.args[0] + " (to the server)"}
		shown.Files[1], shown.Damage[1] = shown.Files[0], shown.Damage[0]
	} else {
		r = diff.Compare(sides[0], sides[1], opt)
	}
	if err := d.write(stdout, r, shown); err != nil {
		return fail(words, err)
	}
	result := diffResult{r, d.source.args, d.align.Value == "order", len(d.rules.rules) > 0, damaged}
	return result.judge(words)
}

// record reads one side. wrong says what could not be read of it; err, that
// none of it can be.
func (d *diffCommand) record(ctx context.Context, path string, opt diff.Options, stdin io.Reader, words *console.Console) (_ *diff.Recording, files []string, wrong, err error) {
	source := d.source
	source.args, source.read = nil, []string{path}
	in, err := source.open(ctx, source.options(words, stdin, 0, false))
	if err != nil {
		return nil, nil, nil, err
	}
	defer in.Close()
	r := diff.NewRecording(opt)
	wrong = chain.New(r, chain.Options{Parallel: chain.Files}).Run(ctx, in, input.Passage{})
	return r, in.Files(), wrong, nil
}

// write writes the report where it was asked to go.
func (d *diffCommand) write(stdout io.Writer, r *diff.Report, opt verdict.DiffOptions) error {
	opt.Color = terminal.Colored(d.color.Value, d.output == "" && terminal.Is(stdout))
	write := verdict.WriteDiff
	if d.format.Value == "json" {
		write = verdict.WriteDiffJSON
	}
	err := outfile.Write(d.output, stdout, func(w io.Writer) error { return write(w, r, opt) })
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) { // the reader has seen enough
		return nil
	}
	return err
}
