package main

import (
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/internal/flagvalue"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/stats"
	"github.com/wsdump/wsdump/timeline"
)

// colorFlag says when to colour.
type colorFlag struct{ flagvalue.Choice }

func (c *colorFlag) register(f *pflag.FlagSet) {
	c.Choice = flagvalue.NewChoice("auto", "auto", "always", "never")
	f.Var(c, "color", "`WHEN` to colour: auto, always or never; NO_COLOR is honoured")
}

// bufferSize is the size of a buffer. A plain number is KiB, as tcpdump has it.
func bufferSize(bytes int64) flagvalue.Size {
	return flagvalue.Size{Bytes: bytes, Unit: 1 << 10, Most: 16 << 30, Hint: "it is a number of KiB, or such as 64MiB; 16 GiB at most"}
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
			return console.UnknownWord(word, hideWords())
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
		return console.Usage("not a number of bytes", "it is a number from 1, all, or none (headers only, nothing is inflated)")
	}
	p.payload = report.Payload(n)
	return nil
}

// termFlag is where to look in a message.
type termFlag struct{ term *query.Term }

func (t *termFlag) Type() string { return "PATH" }

func (t *termFlag) String() string {
	if t.term == nil {
		return ""
	}
	return t.term.String()
}

func (t *termFlag) Set(s string) (err error) {
	t.term, err = query.CompileTerm(s)
	return err
}

// extract returns how to find the value in a message; nil without the flag.
func (t *termFlag) extract() stats.Extract {
	if t.term == nil {
		return nil
	}
	row := &query.Row{}
	return func(dst []byte, m *timeline.Message) ([]byte, bool) { return t.term.Of(dst, row, m) }
}
