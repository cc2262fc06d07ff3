// Package verdict prints what package check and package diff find: verdicts for
// people and for CI systems, differences as a unified diff and as JSON.
package verdict

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/wsdump/wsdump/check"
	"github.com/wsdump/wsdump/internal/quantity"
	"github.com/wsdump/wsdump/internal/terminal"
)

// Verdict is the result of all checks, to be written in one of [Formats].
type Verdict struct {
	Results  []check.Result
	Inputs   []string // names of the inputs that were judged
	Tolerant bool     // an inconclusive check is no failure
	Color    bool     // text only
}

// Format is one way to write a verdict.
type Format struct {
	Name, About string
	Write       func(io.Writer, *Verdict) error
}

// Formats returns all formats. The first is the default.
func Formats() []Format {
	return []Format{
		{"text", "for people", writeText},
		{"json", "for programs", writeJSON},
		{"junit", "XML, for CI systems", writeJUnit},
		{"tap", "Test Anything Protocol 14", writeTAP},
		{"github", "annotations of GitHub Actions", writeGitHub},
		{"markdown", "for a pull request or a step summary", writeMarkdown},
	}
}

// standing is what the result of one check means for the whole verdict.
type standing uint8

const (
	passes standing = iota
	warns           // a failure of a check that only warns, or a tolerated result
	undecided
	fails
)

func (v *Verdict) standing(r *check.Result) standing {
	switch {
	case r.Outcome == check.Pass:
		return passes
	case r.Check.Warning, r.Outcome == check.Inconclusive && v.Tolerant:
		return warns
	case r.Outcome == check.Inconclusive:
		return undecided
	}
	return fails
}

// count counts checks by standing.
func (v *Verdict) count() (n [4]int) {
	for i := range v.Results {
		n[v.standing(&v.Results[i])]++
	}
	return n
}

// Failed reports whether a check that counts fails.
func (v *Verdict) Failed() bool { return v.count()[fails] > 0 }

// Undecided reports whether the capture does not decide a check that counts.
func (v *Verdict) Undecided() bool { return v.count()[undecided] > 0 }

// summary returns one line about all checks.
func (v *Verdict) summary() string {
	n := v.count()
	parts := []string{}
	for i, word := range []string{"passed", "warned", "could not be decided", "failed"} {
		if n[i] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[i], word))
		}
	}
	return quantity.Plural(uint64(len(v.Results)), "check") + ": " + strings.Join(parts, ", ")
}

// placeOf returns "rules.yaml:12", or "" for a check that is not from a file.
func placeOf(c *check.Check) string {
	if c.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", terminal.Safe(c.File), c.Line)
}

// verdictReason returns one line about what decided the outcome of a check.
func verdictReason(r *check.Result) string {
	text := fmt.Sprintf("%s: %d judged", r.Outcome, r.Judged)
	if r.Violated > 0 {
		text += fmt.Sprintf(", %d against it", r.Violated)
	}
	if r.Unknown > 0 {
		text += fmt.Sprintf(", %d not known", r.Unknown)
	}
	if r.Wanted != "" {
		text += "; " + terminal.Safe(r.Wanted)
	}
	for _, doubt := range r.Doubts {
		text += "; " + doubt
	}
	return text
}

// verdictLines returns the violations: each with what was expected, what was there,
// and its rows. The last line counts the violations that are left out. All lines are
// safe for terminals.
func verdictLines(r *check.Result) (lines []string) {
	for _, v := range r.Violations {
		if v.Expected != "" && v.Expected != r.Check.Text {
			lines = append(lines, "expected "+terminal.Safe(v.Expected))
		}
		if v.Actual != "" {
			lines = append(lines, "actual   "+terminal.Safe(v.Actual))
		}
		for _, row := range v.Rows {
			lines = append(lines, whereOf(&v, &row), "  "+terminal.Safe(row.Line))
		}
	}
	if more := r.Violated - min(r.Violated, uint64(len(r.Violations))); more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return lines
}

// whereOf returns "connection 1 ws://host/chat, row 2, packet 7, TIME".
func whereOf(v *check.Violation, row *check.Row) string {
	where := ""
	if v.Conn != 0 {
		where = fmt.Sprintf("connection %d %s, ", v.Conn, terminal.Safe(v.URL))
	}
	if row.N != 0 {
		where += fmt.Sprintf("row %d, ", row.N)
	}
	if row.At.Packet != 0 {
		where += fmt.Sprintf("packet %d, ", row.At.Packet)
	}
	return where + stampTime(row)
}

func stampTime(row *check.Row) string {
	return time.Unix(0, row.At.Time).UTC().Format(time.RFC3339Nano)
}

func verdictRows(r *check.Result) string { return strings.Join(verdictLines(r), "\n") }
