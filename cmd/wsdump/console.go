package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/capture/filter"
	"github.com/wsdump/wsdump/internal/terminal"
	"github.com/wsdump/wsdump/query"
)

// usageError is a wrong use of the command line.
type usageError struct {
	text string
	hint string // "" for none
}

func (e *usageError) Error() string { return e.text }

// console writes words to the operator, on standard error. What it is given may
// hold names from files and folders; it lets none of their bytes act.
type console struct {
	w       io.Writer
	quiet   bool // errors only
	verbose bool
}

func newConsole(w io.Writer) *console { return &console{w: w} }

func (c *console) error(text string) { fmt.Fprintf(c.w, "wsdump: error: %s\n", terminal.Safe(text)) }

func (c *console) hint(text string) {
	if !c.quiet && text != "" {
		fmt.Fprintf(c.w, "wsdump: hint: %s\n", terminal.Safe(text))
	}
}

// say tells what is neither an error nor a hint.
func (c *console) say(text string) {
	if !c.quiet {
		fmt.Fprintf(c.w, "wsdump: %s\n", terminal.Safe(text))
	}
}

// fail tells err, with what to do about it, and returns the exit code for it.
func (c *console) fail(err error) int {
	if usage := (*usageError)(nil); errors.As(err, &usage) {
		c.error(usage.text)
		c.hint(usage.hint)
		return exitUsage
	}
	if wrong := (*query.Error)(nil); errors.As(err, &wrong) {
		c.error(fmt.Sprintf("%s (line %d, column %d)", wrong.Message, wrong.Line, wrong.Column))
		fmt.Fprintln(c.w, wrong.Excerpt()) // which it made harmless
		c.hint(wrong.Hint)
		return exitUsage
	}
	if wrong := (*filter.Error)(nil); errors.As(err, &wrong) {
		c.error(fmt.Sprintf("%s (capture filter, line %d, column %d)", wrong.Message, wrong.Line, wrong.Column))
		fmt.Fprintln(c.w, wrong.Excerpt()) // which it made harmless
		c.hint(wrong.Hint)
		return exitUsage
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			c.fail(err)
		}
		return exitInput
	}
	c.error(err.Error())
	c.hint(advice(err))
	return exitInput
}

// advice returns what to try after err, "" when the error says it already.
func advice(err error) string {
	var (
		open *capture.OpenError
		cut  *capture.CutError
	)
	if hint := cmp.Or(refusal(err), unwritable(err)); hint != "" {
		return hint
	}
	switch {
	case errors.As(err, &open) && errors.Is(err, fs.ErrNotExist):
		if near := neighbour(open.File); near != "" {
			return "did you mean " + quote(near) + "?"
		}
	case errors.As(err, &cut) && cut.Packet > 0:
		return "a capture that is still being written ends like this; stop the tool that writes it with Ctrl-C, or read it again later"
	}
	return ""
}

// neighbour returns the file beside the missing one whose name is most like it.
func neighbour(missing string) string {
	folder := filepath.Dir(missing)
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) > 10_000 {
		return ""
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if near := nearest(filepath.Base(missing), names); near != "" {
		return filepath.Join(folder, near)
	}
	return ""
}

// quote returns s between quotation marks.
func quote(s string) string {
	if strings.ContainsAny(s, "\"\\") {
		return "'" + s + "'"
	}
	return `"` + s + `"`
}

// few keeps the console short: it tells a few hints, or only how many there
// are.
type few struct{ texts []string }

func (f *few) add(text string) { f.texts = append(f.texts, text) }

// tell tells what was added; what says what it is about.
func (f *few) tell(c *console, what string) {
	if len(f.texts) > 3 && !c.verbose {
		c.hint(strconv.Itoa(len(f.texts)) + " " + what + " (-v tells which)")
		return
	}
	for _, text := range f.texts {
		c.hint(text)
	}
}
