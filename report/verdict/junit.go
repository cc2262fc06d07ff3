package verdict

import (
	"encoding/xml"
	"io"

	"github.com/wsdump/wsdump/internal/terminal"
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
	File    string     `xml:"file,attr,omitempty"`
	Line    int        `xml:"line,attr,omitempty"`
	Failure *junitText `xml:"failure"`
	Error   *junitText `xml:"error"`
	Skipped *junitText `xml:"skipped"`
}

type junitText struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// writeJUnit writes a verdict as JUnit XML. A failed check is a failure, an
// inconclusive one an error. A check that only warns or is tolerated is skipped.
func writeJUnit(w io.Writer, v *Verdict) error {
	suite := junitSuite{Name: "wsdump check", Tests: len(v.Results)}
	for i := range v.Results {
		r := &v.Results[i]
		c := junitCase{Name: terminal.Safe(r.Check.ID), Class: "wsdump.check", File: terminal.Safe(r.Check.File), Line: r.Check.Line}
		text := &junitText{Message: verdictReason(r), Text: verdictRows(r)}
		switch v.standing(r) {
		case fails:
			suite.Failures++
			c.Failure = text
		case warns:
			suite.Skipped++
			c.Skipped = text
		case undecided:
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
