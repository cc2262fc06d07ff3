package main

import (
	"io"
	"time"

	"github.com/spf13/pflag"

	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/internal/flagvalue"
	"github.com/wsdump/wsdump/internal/outfile"
	"github.com/wsdump/wsdump/internal/terminal"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/split"
)

// viewFlags are those of every view.
type viewFlags struct {
	source sourceFlags
	output outputFlags
	write  writeFlags
	redact redactFlags
}

func (v *viewFlags) register(f *pflag.FlagSet, of kind) {
	v.source.register(f)
	v.output.register(f, of)
	v.write.register(f)
	v.redact.register(f)
}

// outputFlags say what is printed, and where: those of every view.
type outputFlags struct {
	format  formatFlag
	filter  filterFlag
	file    string
	color   colorFlag
	payload payloadFlag
	count   flagvalue.Count
	workers uint
	quiet   bool
	verbose bool
}

func (o *outputFlags) register(f *pflag.FlagSet, of kind) {
	f.VarP(&o.format, "format", "T", o.format.words(of))
	f.VarP(&o.filter, "filter", "Y", "only what matches `EXPR` (docs/FILTERS.md); such as 'json.type == \"error\"'")
	f.StringVarP(&o.file, "output", "o", "", "write to `FILE`")
	o.color.register(f)
	f.Var(&o.payload, "payload", "payload bytes of a row: `N`, all, or none; default: what fits (table), 1 MiB (ndjson)")
	if of != kindStats {
		f.VarP(&o.count, "count", "c", "stop after `N` rows")
	}
	f.UintVar(&o.workers, "workers", 0, "use `N` processors, 0 for all; the output is the same")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "no hints on standard error")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "more on standard error")
}

// console returns what writes to the operator.
func (o *outputFlags) console(stderr io.Writer) *console.Console {
	return &console.Console{W: stderr, Quiet: o.quiet, Verbose: o.verbose}
}

// options returns what every output needs to know. stdout is where rows go when no
// file is named.
func (o *outputFlags) options(stdout io.Writer) report.Options {
	opt := report.Options{Version: version(), Payload: o.payload.payload, Count: uint64(o.count), Local: time.Local}
	onTerminal := o.file == "" && terminal.Is(stdout)
	if onTerminal {
		opt.ASCII, opt.Width = !terminal.UTF8(), terminal.Width(stdout)
	}
	opt.Color = terminal.Colored(o.color.Value, onTerminal)
	return opt
}

// chooseFormat takes the format from the name of the output file, unless that is a
// folder.
func (o *outputFlags) chooseFormat(folder bool) error {
	if folder || o.file == "" {
		return nil
	}
	return o.format.byName(o.file)
}

// open opens what rows go to, and the output in the chosen format.
func (o *outputFlags) open(stdout io.Writer, opt report.Options) (*outfile.File, report.Output, error) {
	to, err := outfile.Open(o.file, stdout)
	if err != nil {
		return nil, nil, err
	}
	return to, o.format.output(to, opt), nil
}

// rowFlags are those of views with a row a message.
type rowFlags struct {
	time       flagvalue.Choice
	hide       hideFlag
	frames     bool
	group      bool
	pretty     bool
	hex        bool
	ascii      bool
	pager      bool
	harControl bool
	split      flagvalue.Choice
	stream     flagvalue.Count
	dir        flagvalue.Choice
	replies    replyFlag
}

func (r *rowFlags) register(f *pflag.FlagSet) {
	r.time = flagvalue.NewChoice("r", "r", "a", "u", "d", "e")
	f.VarP(&r.time, "time", "t", "times as `MODE`: r, a local, u UTC, d delta; r since the first packet, d since the row before, e epoch seconds")
	f.BoolVar(&r.frames, "frames", false, "a row for every frame too")
	f.Var(&r.hide, "hide", "leave out rows: `LIST` such as control,close; of control, open, close, finding, message")
	f.BoolVar(&r.group, "group", false, "one connection after the other, as they close (table)")
	f.BoolVar(&r.pretty, "pretty", false, "JSON as a tree (table)")
	f.BoolVar(&r.hex, "hex", false, "binary payload as a hex dump (table; 1 KiB a message, or --payload)")
	f.BoolVar(&r.ascii, "ascii", false, "print ASCII only (table); a terminal without UTF-8 gets that anyway")
	r.split = flagvalue.NewChoice("", "message", "connection")
	r.dir = flagvalue.NewChoice("", "send", "receive")
	f.Var(&r.split, "split", "with -o `DIR`: a file for each message (its payload) or connection (in the format of -T)")
	f.Var(&r.stream, "follow-stream", "the payload of the messages of connection `N`, and nothing else")
	f.Var(&r.dir, "dir", "with --follow-stream: only send or receive")
	r.replies.register(f)
	f.BoolVar(&r.harControl, "har-control", false, "pings, pongs and close frames in a HAR too; not every reader takes them")
	f.BoolVar(&r.pager, "pager", false, "page by page through $PAGER, on a terminal")
}

// add adds what the flags say to the options of outputs.
func (r *rowFlags) add(opt *report.Options) {
	opt.Frames, opt.Hide, opt.Group, opt.Pretty, opt.Hex, opt.HARControl = r.frames, r.hide.hide, r.group, r.pretty, r.hex, r.harControl
	opt.ASCII = opt.ASCII || r.ascii
	opt.Time = report.TimeMode(r.time.Value[0])
}

// open opens the output of rows: one file, many, or a stream.
func (r *rowFlags) open(o *outputFlags, stdout io.Writer, opt report.Options) (*outfile.File, report.Output, error) {
	switch {
	case r.split.Value != "" && o.file == "":
		return nil, nil, console.Usage("--split needs a folder for its files", "-o DIR/ --split "+r.split.Value)
	case r.split.Value != "":
		format := o.format.format()
		out, err := split.NewFiles(o.file, r.split.Value == "message", split.Format{New: format.Rows, Extension: format.Extension}, opt)
		return outfile.Sink(o.file), out, err
	case r.stream > 0 && o.file == "" && terminal.Is(stdout):
		return nil, nil, console.Usage("the raw payload could control your terminal", "-o FILE, or pipe it on")
	case r.stream == 0:
		return o.open(stdout, opt)
	}
	to, err := outfile.Open(o.file, stdout)
	if err != nil {
		return nil, nil, err
	}
	return to, split.NewStream(to, uint64(r.stream), r.dir.Value, opt.Stop), nil
}

// replyFlag says what ties replies to requests.
type replyFlag struct{ termFlag }

func (r *replyFlag) register(f *pflag.FlagSet) {
	f.Var(r, "reply-key", "what a reply shares with its request, `PATH`; such as json.id: tells how long replies take")
}
