package main

import (
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/stats"
	"github.com/wsdump/wsdump/timeline"
)

// viewFlags say what is printed, and how.
type viewFlags struct {
	format  formatFlag
	color   choice
	time    choice
	hide    hideFlag
	filter  filterFlag
	payload payloadFlag
	count   countFlag
	output  string
	keep    keepFlags
	redact  redactFlags
	frames  bool
	group   bool
	pretty  bool
	hex     bool
	ascii   bool
	pager   bool
	harctl  bool
	split   choice
	follow  countFlag
	dir     choice
	all     bool
	every   time.Duration // of stats --every
	replies termFlag
	workers uint
	sort    choice
	reverse bool
	quiet   bool
	verbose bool
}

// flags registers what all views share.
func (v *viewFlags) flags(f *pflag.FlagSet, of views) {
	v.color = choice{words: []string{"auto", "always", "never"}, value: "auto"}
	help := v.format.register(of)
	f.VarP(&v.format, "format", "T", help)
	f.VarP(&v.filter, "filter", "Y", "only what matches `EXPR`, such as 'json.type == \"error\"' (docs/FILTERS.md)")
	f.StringVarP(&v.output, "output", "o", "", "write to `FILE`")
	v.keep.flags(f)
	v.redact.flags(f)
	f.Var(&v.color, "color", "`WHEN` to colour: auto, always or never; NO_COLOR is honoured")
	f.Var(&v.payload, "payload", "payload bytes of a row: `N`, all, or none (table: what fits; ndjson: 1 MiB)")
	if of != statsView {
		f.VarP(&v.count, "count", "c", "stop after `N` rows")
	}
	f.UintVar(&v.workers, "workers", 0, "processors to use, `N`: 1; 2 and more to share the connections or print beside reading, and to read files at once with --each; 0 decides; the output is the same")
	f.BoolVarP(&v.quiet, "quiet", "q", false, "no hints on standard error")
	f.BoolVarP(&v.verbose, "verbose", "v", false, "more on standard error")
}

// rowFlags registers what views with a row a message have besides.
func (v *viewFlags) rowFlags(f *pflag.FlagSet) {
	v.time = choice{words: []string{"r", "a", "u", "d", "e"}, value: "r"}
	f.VarP(&v.time, "time", "t", "time `MODE`: r since the first packet, a local, u UTC, d since the previous row, e epoch")
	f.BoolVar(&v.frames, "frames", false, "a row for every frame too")
	f.Var(&v.hide, "hide", "leave out rows: a `LIST` of control,open,close,finding,message")
	f.BoolVar(&v.group, "group", false, "one connection after the other, as they close (table)")
	f.BoolVar(&v.pretty, "pretty", false, "JSON as a tree (table)")
	f.BoolVar(&v.hex, "hex", false, "binary payload as a hex dump (table; 1 KiB a message, or --payload)")
	f.BoolVar(&v.ascii, "ascii", false, "nothing but ASCII (table); a terminal that is not UTF-8 has it so")
	v.split = choice{words: []string{"message", "connection"}}
	v.dir = choice{words: []string{"send", "receive"}}
	f.Var(&v.split, "split", "with -o `DIR`: a file for each message (its payload) or connection (in the format of -T)")
	f.Var(&v.follow, "follow-stream", "the payload of the messages of connection `N`, and nothing else")
	f.Var(&v.dir, "dir", "with --follow-stream: only send or receive")
	v.replyFlag(f)
	f.BoolVar(&v.harctl, "har-control", false, "pings, pongs and close frames in a HAR too; not every reader takes them")
	f.BoolVar(&v.pager, "pager", false, "page by page through $PAGER, on a terminal")
}

// replyFlag registers what ties answers to requests.
func (v *viewFlags) replyFlag(f *pflag.FlagSet) {
	f.Var(&v.replies, "reply-key", "where an answer has what its request had, such as json.id: tells how long answers take")
}

// answers puts what marks answers before next, if they are asked for: by rows
// that tell them, or by a filter.
func (v *viewFlags) answers(next timeline.Sink, program *query.Program) (timeline.Sink, error) {
	asked := program != nil && (program.Uses("reply_ms") || program.Uses("reply_to"))
	switch {
	case v.replies.term == nil && asked:
		return nil, &usageError{text: "the filter asks for answers, and nothing says what an answer has in common with its request", hint: "--reply-key PATH, for example --reply-key json.id"}
	case v.replies.term == nil || v.format.of == statsView && !asked: // statistics tie them themselves
		return next, nil
	case v.payload.payload == report.PayloadNone:
		return nil, &usageError{text: "--reply-key looks into payload, and --payload none forbids it"}
	}
	return stats.NewAnswers(next, v.replies.extract()), nil
}

// parallel reports whether more than one processor may be used. A count of rows
// ends the reading where it is; what is live shows rows at once.
func (v *viewFlags) parallel(in *input) bool {
	return in.source.processors() > 1 && v.count.n == 0 && in.captures != nil && !in.source.live()
}

// sharable reports whether it is faster that several workers share the connections
// than that one reads and another prints: where there are no messages to hand over, or
// the workers can make their rows, because nobody else wants to see them (direct).
func (v *viewFlags) sharable(way *passage, out report.Output, direct bool) bool {
	if rows, is := out.(*report.NDJSON); is && direct && rows.Rows() != nil {
		way.out = rows
	}
	return way.out != nil || out.Needs(&timeline.Conn{}).Silent
}

// laborious reports whether rows take longer to print than to hand over to another
// goroutine. Those of NDJSON without payload do not.
func (v *viewFlags) laborious(out report.Output) bool {
	needs := out.Needs(&timeline.Conn{})
	return !needs.Silent && (needs.Payload || v.format.value != "ndjson")
}

// needs returns what all connections need, whatever a filter says of them.
func (v *viewFlags) needs(out report.Output, program *query.Program) func(*timeline.Conn) timeline.Needs {
	if program == nil {
		return out.Needs
	}
	needs := out.Needs(&timeline.Conn{})
	needs.Payload = needs.Payload || program.Needs().Payload
	return func(*timeline.Conn) timeline.Needs { return needs }
}

// console returns where words go.
func (v *viewFlags) console(stderr io.Writer) *console {
	return &console{w: stderr, quiet: v.quiet, verbose: v.verbose}
}

// pages puts a pager before stdout, if one is asked for. finished waits for its
// reader.
func (v *viewFlags) pages(stdout, stderr io.Writer) (w io.Writer, finished func(), err error) {
	if !v.pager || v.output != "" {
		return stdout, func() {}, nil
	}
	p, err := startPager(stdout, stderr)
	if p == nil || err != nil {
		return stdout, func() {}, err
	}
	return p, p.finish, nil
}

// open opens what rows go to, and the output in the chosen format.
func (v *viewFlags) open(stdout io.Writer, opt report.Options) (*target, report.Output, error) {
	switch {
	case v.split.value != "" && v.output == "":
		return nil, nil, &usageError{text: "--split needs a folder for its files", hint: "-o DIR/ --split " + v.split.value}
	case v.split.value != "":
		out, err := newSplitter(v.output, v.split.value, v.format.format(), opt)
		return &target{Writer: io.Discard, shown: v.output}, out, err
	case v.follow.n > 0 && v.output == "" && isTerminalWriter(stdout):
		return nil, nil, &usageError{text: "the payload of a connection is not for a terminal, which might obey it", hint: "-o FILE, or pipe it on"}
	}
	t, err := openTarget(v.output, stdout)
	if err != nil {
		return nil, nil, err
	}
	if v.follow.n > 0 {
		return t, &follower{w: t, conn: v.follow.n, dir: v.dir.value, opt: opt}, nil
	}
	return t, v.format.output(t, opt), nil
}

// options returns what the outputs need to know. stdout is where rows go when
// no file is named.
func (v *viewFlags) options(stdout io.Writer) report.Options {
	opt := report.Options{
		Version: version(), Frames: v.frames, Hide: v.hide.hide, Payload: v.payload.payload, Count: v.count.n, Local: time.Local, All: v.all, Sort: v.sort.value, Reverse: v.reverse,
		Group: v.group, Pretty: v.pretty, Hex: v.hex, ASCII: v.ascii, HARControl: v.harctl,
	}
	if v.time.value != "" {
		opt.Time = report.TimeMode(v.time.value[0])
	}
	fd, terminal := -1, false
	if f, ok := stdout.(*os.File); ok && v.output == "" {
		fd = int(f.Fd())
		terminal = isTerminal(f)
	}
	if terminal {
		opt.ASCII = opt.ASCII || !utf8Terminal()
		if width, _, err := term.GetSize(fd); err == nil {
			opt.Width = width
		}
	}
	opt.Color = v.colored(terminal)
	return opt
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

func isTerminalWriter(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isTerminal(f)
}

// utf8Terminal reports whether the locale (POSIX: LC_ALL, LC_CTYPE, LANG, the
// first that is set) has UTF-8. Where none is set it is taken for granted.
func utf8Terminal() bool {
	for _, variable := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(os.Getenv(variable)); v != "" {
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return true
}

// colored decides about colour: the flag, then NO_COLOR, CLICOLOR_FORCE and
// TERM, then whether a terminal is there.
func (v *viewFlags) colored(terminal bool) bool {
	force := os.Getenv("CLICOLOR_FORCE")
	switch {
	case v.color.value != "auto":
		return v.color.value == "always"
	case os.Getenv("NO_COLOR") != "":
		return false
	case force != "" && force != "0":
		return true
	}
	return terminal && os.Getenv("TERM") != "dumb"
}

// choice is a flag that takes one of a few words.
type choice struct {
	words []string
	value string
}

func (c *choice) String() string { return c.value }
func (c *choice) Type() string   { return "WORD" }

func (c *choice) Set(s string) error {
	for _, word := range c.words {
		if s == word {
			c.value = s
			return nil
		}
	}
	return unknownWord(s, c.words)
}

func unknownWord(s string, words []string) error {
	hint := "it is one of " + strings.Join(words, ", ")
	if near := nearest(s, words); near != "" && len(near) > 1 {
		hint = "did you mean " + near + "? " + hint
	}
	return &usageError{text: "no such choice", hint: hint}
}

// hideFlag is a list of row kinds.
type hideFlag struct {
	hide  report.Hide
	words []string
}

func hideWords() []string { return []string{"control", "open", "close", "finding", "message"} }

func (h *hideFlag) String() string { return strings.Join(h.words, ",") }
func (h *hideFlag) Type() string   { return "LIST" }

func (h *hideFlag) Set(s string) error {
	for word := range strings.SplitSeq(s, ",") {
		switch word = strings.TrimSpace(word); word {
		case "control":
			h.hide |= report.HideControl
		case "open":
			h.hide |= report.HideOpen
		case "close":
			h.hide |= report.HideClose
		case "finding":
			h.hide |= report.HideFinding
		case "message":
			h.hide |= report.HideMessage
		default:
			return unknownWord(word, hideWords())
		}
		h.words = append(h.words, word)
	}
	return nil
}

// payloadFlag is a number of bytes, "all" or "none".
type payloadFlag struct{ payload report.Payload }

func (p *payloadFlag) Type() string { return "N" }

func (p *payloadFlag) String() string {
	switch p.payload {
	case report.PayloadDefault:
		return ""
	case report.PayloadAll:
		return "all"
	case report.PayloadNone:
		return "none"
	}
	return strconv.Itoa(int(p.payload))
}

func (p *payloadFlag) Set(s string) error {
	switch s {
	case "all":
		p.payload = report.PayloadAll
		return nil
	case "none":
		p.payload = report.PayloadNone
		return nil
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 1 {
		return &usageError{text: "not a number of bytes", hint: "it is a number from 1, all, or none (headers only, nothing is inflated)"}
	}
	p.payload = report.Payload(n)
	return nil
}

// countFlag is a number of rows.
type countFlag struct{ n uint64 }

func (c *countFlag) Type() string { return "N" }

func (c *countFlag) String() string {
	if c.n == 0 {
		return ""
	}
	return strconv.FormatUint(c.n, 10)
}

func (c *countFlag) Set(s string) error {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil || n == 0 {
		return &usageError{text: "not a number of rows", hint: "it is a whole number from 1"}
	}
	c.n = n
	return nil
}
