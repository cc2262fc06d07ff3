package main

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wsdump/wsdump/diff"
	"github.com/wsdump/wsdump/normalize"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/report/verdict"
)

const diffExamples = `  wsdump diff before.pcap after.pcap                        what another run said otherwise
  wsdump diff client-side.pcap server-side.pcap             what a relay lost, doubled or changed, and how long it took
  wsdump diff --align leg proxy.pcap                        the two sides of a proxy that are in one capture
  wsdump diff run.har run.pcap                              what the browser saw and what was on the wire
  wsdump diff --match json.id A.pcap B.pcap                 messages are known by their id
  wsdump diff --normalize 'json.id=<id>' --normalize 'match:[0-9a-f-]{36}=<uuid>' A.pcap B.pcap
  wsdump diff -T json A.pcap B.pcap | jq '.pairs[].differences[]? | select(.kind == "lost") | .a.packet'`

const diffCodes = "A and B are a capture, a HAR, a folder of captures, or - for standard input.\n" +
	"Exit codes: 0 the same, 1 something differs (no WebSocket on either side is no success), 2 wrong use, 3 input unreadable or cut short, 70 a bug."

// diffCommand tells what differs between two recordings.
type diffCommand struct {
	source  sourceFlags
	args    []string // A and B
	match   matchFlag
	rules   rulesFlag
	align   choice
	format  choice
	color   choice
	output  string
	context uint
	payload uint
	control bool // leave pings and pongs out
	quiet   bool
}

// newDiff returns the command. Without any argument it teaches, as commands that
// take a source do.
func newDiff(ctx context.Context, code *int, stdin io.Reader, stdout, stderr io.Writer) *cobra.Command {
	d := &diffCommand{}
	c := &cobra.Command{
		Use: "diff [flags] A B", Short: "What differs between two recordings.", Example: diffExamples, Long: diffCodes, Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				c.SetOut(stderr)
				*code = exitUsage
				return c.Help()
			}
			d.args = args
			*code = d.run(ctx, stdin, stdout, stderr)
			return nil
		},
	}
	d.flags(c.Flags())
	return c
}

func (d *diffCommand) flags(f *pflag.FlagSet) {
	d.align = choice{words: []string{"auto", "url", "order", "leg"}, value: "auto"}
	d.format = choice{words: []string{"transcript", "json"}, value: "transcript"}
	d.color = choice{words: []string{"auto", "always", "never"}, value: "auto"}
	f.Var(&d.match, "match", "what a message is known by, `WHAT`: payload, or where to look, such as json.id")
	f.Var(&d.rules, "normalize", "make equal what differs from run to run, `RULE`: PATH=WORD in JSON, or match:REGEXP=WORD; may be repeated")
	f.Var(&d.align, "align", "how connections find each other, `HOW`: auto (key, URL, path), url, order, or leg (across a proxy; with one FILE that has both sides)")
	f.BoolVar(&d.control, "ignore-control", false, "pings and pongs do not count")
	f.VarP(&d.format, "format", "T", "output `FORMAT`: transcript (lines with - and +) or json")
	f.StringVarP(&d.output, "output", "o", "", "write to `FILE`")
	f.Var(&d.color, "color", "`WHEN` to colour: auto, always or never; NO_COLOR is honoured")
	f.UintVarP(&d.context, "context", "c", 3, "`N` messages around what differs")
	f.UintVar(&d.payload, "payload", 200, "`N` bytes of a message are kept to be shown; all of it is compared")
	d.source.keyFlag(f)
	d.source.packets.flags(f)
	d.source.decodeFlag(f)
	f.BoolVarP(&d.quiet, "quiet", "q", false, "no hints on standard error")
	f.SortFlags = false
}

// Bounds of numbers on the command line.
const (
	maxContext     = 10_000
	maxDiffPayload = 65_535
)

// options returns how to compare.
func (d *diffCommand) options() (opt diff.Options, err error) {
	switch {
	case len(d.args) != 2 && !d.legs():
		return opt, &usageError{
			text: "two recordings are compared, and " + strconv.Itoa(len(d.args)) + plainly(len(d.args), " is", " are") + " named",
			hint: "wsdump diff A B; several files of one side go into a folder; --align leg takes one file with both sides of a proxy",
		}
	case len(d.args) == 2 && d.args[0] == "-" && d.args[1] == "-":
		return opt, &usageError{text: "standard input can be one of the two, not both", hint: "save one of them to a file"}
	case d.context > maxContext:
		return opt, &usageError{text: "at most " + strconv.Itoa(maxContext) + " messages are shown around what differs"}
	case d.payload < 1 || d.payload > maxDiffPayload:
		return opt, &usageError{text: "--payload keeps from 1 to " + strconv.Itoa(maxDiffPayload) + " bytes of a message", hint: "all of a message is compared, whatever is kept of it"}
	}
	opt = diff.Options{
		Match: d.match.term, Rules: d.rules.rules, Messages: d.control, Context: int(d.context), Text: int(d.payload),
		Align: map[string]diff.Align{"url": diff.AlignURL, "order": diff.AlignOrder, "leg": diff.AlignLeg}[d.align.value],
	}
	if d.format.value == "json" {
		opt.Context = -1 // nobody draws them
	}
	return opt, nil
}

// legs reports whether the two sides of a proxy are in one recording.
func (d *diffCommand) legs() bool { return len(d.args) == 1 && d.align.value == "leg" }

// plainly returns one or more, as n asks for.
func plainly(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}

func (d *diffCommand) run(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) int {
	words := &console{w: stderr, quiet: d.quiet}
	opt, err := d.options()
	if err != nil {
		return words.fail(err)
	}
	var sides []*diff.Recording
	shown := verdict.DiffOptions{Version: version()}
	damaged := false
	for i, name := range d.args {
		side, files, wrong, err := d.record(ctx, name, opt, stdin, words)
		if err != nil {
			return words.fail(err)
		}
		if errors.Is(context.Cause(ctx), errInterrupted) {
			words.error("interrupted; nothing was compared")
			return exitInput
		}
		sides, shown.Names[i], shown.Files[i] = append(sides, side), name, files
		if wrong != nil { // what could be read of it is compared
			damaged = true
			words.fail(wrong)
			shown.Damage[i] = strings.Split(wrong.Error(), "\n")
		}
	}
	var r *diff.Report
	if d.legs() {
		r = diff.CompareLegs(sides[0], opt)
		shown.Names = [2]string{d.args[0] + " (to the client)", d.args[0] + " (to the server)"}
		shown.Files[1], shown.Damage[1] = shown.Files[0], shown.Damage[0]
	} else {
		r = diff.Compare(sides[0], sides[1], opt)
	}
	if err := d.write(stdout, r, shown); err != nil {
		return words.fail(err)
	}
	return d.judge(r, damaged, words)
}

// record reads one side. wrong says what could not be read of it; err, that
// none of it can be.
func (d *diffCommand) record(ctx context.Context, path string, opt diff.Options, stdin io.Reader, words *console) (_ *diff.Recording, files []string, wrong, err error) {
	source := d.source
	source.read = []string{path}
	in, err := source.begin(ctx, stdin, words)
	if err != nil {
		return nil, nil, nil, err
	}
	defer in.close()
	r := diff.NewRecording(opt)
	wrong = in.run(ctx, r, passage{})
	return r, in.files(), wrong, nil
}

// write writes the report where it was asked to go.
func (d *diffCommand) write(stdout io.Writer, r *diff.Report, opt verdict.DiffOptions) error {
	target, err := openTarget(d.output, stdout)
	if err != nil {
		return err
	}
	defer target.abandon()
	view := viewFlags{color: d.color}
	opt.Color = view.colored(d.output == "" && isTerminalWriter(stdout))
	write := verdict.WriteDiff
	if d.format.value == "json" {
		write = verdict.WriteDiffJSON
	}
	switch err := write(target, r, opt); {
	case errors.Is(err, syscall.EPIPE), errors.Is(err, io.ErrClosedPipe): // the reader has seen enough
		return nil
	case err != nil:
		return &targetError{target.name(), err}
	}
	return target.keep()
}

// judge says what the reader should know beside the report, and returns the
// exit code.
func (d *diffCommand) judge(r *diff.Report, damaged bool, words *console) int {
	sides := [2]*diff.Side{&r.A, &r.B}
	for i, name := range d.args {
		d.tell(name, sides[i], r.Alone, words)
	}
	if r.Alone > 0 {
		words.hint(some(r.Alone, "connection") + " not compared: the other leg is not in the capture, or nothing that a proxy passes on or adds ties them")
	}
	doubtful := uint64(0)
	for _, p := range r.Pairs {
		if !p.Equal() && p.A != nil && p.B != nil && len(p.A.Damage)+len(p.B.Damage) > 0 {
			doubtful++
		}
	}
	if doubtful > 0 {
		words.hint(some(doubtful, "connection that differs") + " not whole in a capture (-T json tells why): what differs there may be the capture's fault")
	}
	if r.Only[0] > 0 && r.Only[1] > 0 && d.align.value != "order" {
		words.hint("connections of both sides found no other: --align order pairs the first with the first")
	}
	if r.Counts[diff.Changed] > 2 && len(d.rules.rules) == 0 {
		words.hint("what differs from run to run can be made equal: --normalize 'json.id=<id>', or --normalize 'match:REGEXP=<x>'")
	}
	switch {
	case !r.Compared():
		if d.legs() {
			words.error("there is nothing to compare: no connection has both legs in the capture")
		} else {
			words.error("there is nothing to compare: neither side has a WebSocket")
		}
		return exitFailed
	case !r.Equal():
		return exitFailed
	case damaged, r.Bounded():
		return exitInput
	}
	words.say("no difference: " + amount(r.A.Connections, "connection") + ", " + amount(r.A.Messages, "message") + " on both sides")
	return exitOK
}

// tell says what of a side was not compared, or may be wrong.
func (d *diffCommand) tell(name string, s *diff.Side, alone uint64, words *console) {
	if s.Connections+alone == 0 {
		said, hint := report.Nothing(&s.Totals)
		words.say(name + ": " + said)
		words.hint(hint)
	} else if n := s.Totals.TLSNoKeys; n > 0 {
		words.hint(name + ": " + some(n, "TLS connection") + " not compared, for want of keys: -k FILE gives them")
	}
	if n := s.Totals.Dropped; n > 0 {
		words.hint(name + ": the capture says that it lost " + strconv.FormatUint(n, 10) + " packets; what differs may be its fault")
	}
	for _, bound := range s.Bounds {
		words.error(name + ": " + bound)
		words.hint("compare a part: -f takes packets of some hosts and ports")
	}
}

// amount returns "1 message" or "2 messages".
func amount(n uint64, what string) string {
	return strconv.FormatUint(n, 10) + " " + what + plainly(int(min(n, 2)), "", "s")
}

// matchFlag is what a message is known by.
type matchFlag struct{ termFlag }

func (m *matchFlag) Type() string { return "WHAT" }

func (m *matchFlag) String() string {
	if m.term == nil {
		return "payload"
	}
	return m.term.String()
}

// Set compiles the term. The word payload is the default.
func (m *matchFlag) Set(s string) (err error) {
	m.term = nil
	if s != "payload" {
		m.term, err = query.CompileTerm(s)
	}
	return err
}

// rulesFlag is a list of what is made equal.
type rulesFlag struct{ rules []normalize.Rule }

func (r *rulesFlag) Type() string { return "RULE" }

func (r *rulesFlag) String() string {
	var texts []string
	for _, rule := range r.rules {
		texts = append(texts, rule.String())
	}
	return strings.Join(texts, " ")
}

// Set adds a rule.
func (r *rulesFlag) Set(s string) error {
	rule, err := normalize.Parse(s)
	if err != nil {
		return &usageError{text: err.Error(), hint: "for example --normalize 'json.id=<id>' or --normalize 'match:[0-9a-f-]{36}=<uuid>'"}
	}
	r.rules = append(r.rules, rule)
	return nil
}
