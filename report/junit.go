package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/wsdump/wsdump/check"
)

type junitSuites struct {
	XMLName  xml.Name   `xml:"testsuites"`
	Tests    int        `xml:"tests,attr"`
	Failures int        `xml:"failures,attr"`
	Errors   int        `xml:"errors,attr"`
	Suite    junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string     `xml:"name,attr"`
	Class   string     `xml:"classname,attr"`
	Failure *junitText `xml:"failure"`
	Error   *junitText `xml:"error"`
	Skipped *junitText `xml:"skipped"`
}

type junitText struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes the results of a check as JUnit XML, which CI systems show.
// A failed check is a failure; an inconclusive one is an error, or, if tolerant,
// skipped.
func WriteJUnit(w io.Writer, results []check.Result, tolerant bool) error {
	suite := junitSuite{Name: "wsdump check", Tests: len(results)}
	for i := range results {
		r := &results[i]
		c := junitCase{Name: Safe(r.Check.String()), Class: "wsdump.check"}
		text := &junitText{Message: VerdictReason(r), Text: verdictRows(r)}
		switch {
		case r.Outcome == check.Fail:
			suite.Failures++
			c.Failure = text
		case r.Outcome == check.Inconclusive && tolerant:
			suite.Skipped++
			c.Skipped = text
		case r.Outcome == check.Inconclusive:
			suite.Errors++
			c.Error = text
		}
		suite.Cases = append(suite.Cases, c)
	}
	all := junitSuites{Tests: suite.Tests, Failures: suite.Failures, Errors: suite.Errors, Suite: suite}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// VerdictReason says in one line what the outcome of a check goes by.
func VerdictReason(r *check.Result) string {
	text := fmt.Sprintf("%s: %d judged", r.Outcome, r.Judged)
	if r.Violated > 0 {
		text += fmt.Sprintf(", %d against it", r.Violated)
	}
	if r.Unknown > 0 {
		text += fmt.Sprintf(", %d not known", r.Unknown)
	}
	for _, doubt := range r.Doubts {
		text += "; " + doubt
	}
	return text
}

// VerdictLines returns two lines a violation: where, and what was there; then
// how many more there are. They are safe for terminals.
func VerdictLines(r *check.Result) (lines []string) {
	for _, v := range r.Violations {
		where := ""
		if v.Conn != 0 {
			where = fmt.Sprintf("connection %d %s, ", v.Conn, Safe(v.URL))
		}
		if v.N != 0 {
			where += fmt.Sprintf("row %d, ", v.N)
		}
		if v.At.Packet != 0 {
			where += fmt.Sprintf("packet %d, ", v.At.Packet)
		}
		lines = append(lines, where+time.Unix(0, v.At.Time).UTC().Format(time.RFC3339Nano), "  "+Safe(v.Line))
	}
	if more := r.Violated - min(r.Violated, uint64(len(r.Violations))); more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return lines
}

func verdictRows(r *check.Result) string { return strings.Join(VerdictLines(r), "\n") }
