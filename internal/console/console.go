// Package console writes to the operator on standard error, and holds the errors
// that come with advice. Texts may hold names of files or bytes off the wire:
// a [Console] escapes what could act on a terminal.
package console

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/wsdump/wsdump/internal/terminal"
	"github.com/wsdump/wsdump/query"
)

// Console writes errors, hints and remarks. The zero value is not usable: W must be set.
type Console struct {
	W       io.Writer
	Quiet   bool // write errors only
	Verbose bool // write every hint, however many there are
}

// New returns a Console that writes errors, hints and remarks to w.
func New(w io.Writer) *Console { return &Console{W: w} }

// Error writes an error.
func (c *Console) Error(text string) { fmt.Fprintf(c.W, "wsdump: error: %s\n", terminal.Safe(text)) }

// Hint writes what the operator can do next; nothing for "".
func (c *Console) Hint(text string) {
	if !c.Quiet && text != "" {
		fmt.Fprintf(c.W, "wsdump: hint: %s\n", terminal.Safe(text))
	}
}

// Say writes a remark, which is neither an error nor a hint; nothing for "".
func (c *Console) Say(text string) {
	if !c.Quiet && text != "" {
		fmt.Fprintf(c.W, "wsdump: %s\n", terminal.Safe(text))
	}
}

// HintEach writes up to three hints, or one that counts them and says what they
// are about. With Verbose it writes all of them.
func (c *Console) HintEach(hints []string, about string) {
	if len(hints) > 3 && !c.Verbose {
		c.Hint(strconv.Itoa(len(hints)) + " " + about + " (-v lists them)")
		return
	}
	for _, hint := range hints {
		c.Hint(hint)
	}
}

// UsageError says that the command line is wrong, and how to correct it.
type UsageError struct {
	Text string
	Hint string // "" for none
}

// Error implements error.
func (e *UsageError) Error() string { return e.Text }

// Usage returns a [UsageError]. An empty hint writes none.
func Usage(text, hint string) error { return &UsageError{text, hint} }

// UnknownWord returns the error for a word that is not one of words.
func UnknownWord(word string, words []string) error {
	hint := "it is one of " + strings.Join(words, ", ")
	if near := Nearest(word, words); len(near) > 1 {
		hint = "did you mean " + near + "? " + hint
	}
	return &UsageError{Text: "no such choice", Hint: hint}
}

// Nearest returns the word that name was most likely meant to be, "" for none.
func Nearest(name string, words []string) string {
	best, distance := "", 1+len(name)/3
	for _, word := range words {
		d := query.Distance(strings.ToLower(name), word, 100)
		if len(name) >= 2 && strings.HasPrefix(word, strings.ToLower(name)) {
			d = min(d, 1)
		}
		if d <= distance && (best == "" || d < distance) {
			best, distance = word, d
		}
	}
	return best
}

// Quote returns s between quotation marks.
func Quote(s string) string {
	if strings.ContainsAny(s, "\"\\") {
		return "'" + s + "'"
	}
	return `"` + s + `"`
}

// Count returns "1 packet" or "2 packets".
func Count[N int | uint64](n N, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.FormatUint(uint64(n), 10) + " " + what + "s"
}

// CountWere returns "1 row was" or "3 rows were".
func CountWere(n uint64, what string) string {
	if n == 1 {
		return "1 " + what + " was"
	}
	return Count(n, what) + " were"
}
