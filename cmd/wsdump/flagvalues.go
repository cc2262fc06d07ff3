package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/stats"
	"github.com/wsdump/wsdump/timeline"
)

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
	return console.UnknownWord(s, c.words)
}

// colorFlag says when to colour.
type colorFlag struct{ choice }

func (c *colorFlag) register(f *pflag.FlagSet) {
	c.words, c.value = []string{"auto", "always", "never"}, "auto"
	f.Var(c, "color", "`WHEN` to colour: auto, always or never; NO_COLOR is honoured")
}

// colored decides about colour: the flag, then NO_COLOR, CLICOLOR_FORCE and TERM,
// then whether there is a terminal.
func (c *colorFlag) colored(terminal bool) bool {
	force := os.Getenv("CLICOLOR_FORCE")
	switch {
	case c.value != "auto":
		return c.value == "always"
	case os.Getenv("NO_COLOR") != "":
		return false
	case force != "" && force != "0":
		return true
	}
	return terminal && os.Getenv("TERM") != "dumb"
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

// countFlag is a number from 1; 0 when the flag is not given.
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
		return console.Usage("not a number of rows", "it is a whole number from 1")
	}
	c.n = n
	return nil
}

// sizeFlag is a number of bytes: a plain number is KiB, as tcpdump has it.
type sizeFlag struct {
	bytes int64
	set   bool
}

func (s *sizeFlag) Type() string { return "SIZE" }

func (s *sizeFlag) String() string {
	if s.bytes == 0 {
		return ""
	}
	return fmt.Sprintf("%dMiB", s.bytes>>20)
}

func (s *sizeFlag) Set(text string) error {
	number, unit := strings.TrimRight(text, "KMGiBkmgb "), int64(1<<10)
	switch strings.ToLower(strings.TrimSpace(text[len(number):])) {
	case "", "k", "kb", "kib":
	case "m", "mb", "mib":
		unit = 1 << 20
	case "g", "gb", "gib":
		unit = 1 << 30
	default:
		number = ""
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 1 || n > 16<<30/unit {
		return console.Usage("not a size", "it is a number of KiB, or such as 64MiB; 16 GiB at most")
	}
	s.bytes, s.set = n*unit, true
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
