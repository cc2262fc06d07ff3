// Package check is the verdict on recorded traffic: assertions over the
// timeline, and the protocol's own rules.
//
// A check has three outcomes. A violation that is seen fails, even beside
// damage; a wanted thing that is seen passes; and where the capture does not
// show what would decide (TLS without keys, a gap, a cut), the check is
// inconclusive rather than right by accident. A check that had nothing to judge
// fails. The same bytes give the same verdict: no clock, no IO.
package check

import (
	"fmt"
	"strings"

	"github.com/wsdump/wsdump/query"
)

// Outcome is what a check comes to.
type Outcome uint8

const (
	Pass Outcome = iota
	Fail
	Inconclusive
)

// String returns "pass", "fail" or "inconclusive".
func (o Outcome) String() string {
	switch o {
	case Fail:
		return "fail"
	case Inconclusive:
		return "inconclusive"
	}
	return "pass"
}

// Profile says which findings of the protocol's rules fail.
type Profile uint8

const (
	Basic  Profile = iota // errors
	Strict                // warnings too
)

// verb is what an assertion says of its rows.
type verb uint8

const (
	none  verb = iota // no row matches
	some              // at least one does
	every             // all do
)

// Check is one thing to judge. It never changes: many [Judge]s may use it.
type Check struct {
	text    string
	program *query.Program // nil: the protocol's rules
	verb    verb
	profile Profile
}

// String returns the check as it was written.
func (c *Check) String() string { return c.text }

// Protocol returns the check that no finding is as grave as p says.
func Protocol(p Profile) *Check {
	return &Check{text: [...]string{"protocol basic", "protocol strict"}[min(p, Strict)], profile: p}
}

// SyntaxError is an assertion that does not begin as it must.
type SyntaxError struct{ Text string }

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("the assertion %q does not begin with message or connection, then none, some or every, then a colon", e.Text)
}

// Parse reads an assertion, SCOPE VERB: EXPR, such as
//
//	message none: dir == "receive" and json.type == "error"
//	connection every: clean and code in [1000, 1001]
//
// SCOPE is message or connection; VERB is none, some or every. The error is a
// [*SyntaxError], or the [*query.Error] of EXPR.
func Parse(text string) (*Check, error) {
	head, expr, found := strings.Cut(text, ":")
	words := strings.Fields(head)
	if !found || len(words) != 2 {
		return nil, &SyntaxError{text}
	}
	c := &Check{text: strings.Join(words, " ") + ": " + strings.TrimSpace(expr)}
	scope := query.Rows
	switch words[0] {
	case "message":
	case "connection":
		scope = query.Connections
	default:
		return nil, &SyntaxError{text}
	}
	switch words[1] {
	case "none":
		c.verb = none
	case "some":
		c.verb = some
	case "every":
		c.verb = every
	default:
		return nil, &SyntaxError{text}
	}
	var err error
	if c.program, err = query.Compile(strings.TrimSpace(expr), scope); err != nil {
		return nil, err
	}
	return c, nil
}
