// Package check is the verdict on recorded traffic: rules that a team writes
// down about its traffic, and the protocol's own.
//
// A check has three outcomes. A violation that is seen fails, even beside
// damage; a wanted thing that is seen passes; and where the capture does not
// show what would decide (TLS without keys, a gap, a cut), the check is
// inconclusive rather than right by accident. A check that had nothing to judge
// fails. The same bytes give the same verdict: no clock, no IO but of [Load],
// which reads a file of rules and what it names.
//
// [Load] or [Parse] make checks; a [Judge] is the [timeline.Sink] that judges by
// them, and [Run] is both in one call. docs/CHECK.md tells all of it to users.
//
// Each verb is a file: what is written of it, and an assessor, which is its
// state over one timeline.
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

// Rules are what a file of rules says. The zero value has no checks.
type Rules struct {
	Checks []*Check
	Scope  *query.Program // which connections are looked at; nil: all
	// Protocol is what the file says of the protocol's rules; nil when it says
	// nothing. It is in Checks too.
	Protocol *Check
}

// Check is one thing to judge. It never changes: many [Judge]s may use it.
type Check struct {
	ID        string
	Text      string // what is wanted, in a line
	File      string // where it was written; "" for the command line
	Line      int
	Warning   bool    // a failure does not fail the whole
	ZeroMatch Outcome // what it comes to when it had nothing to judge

	verb verb
}

// verb makes the state of a check over one timeline.
type verb interface {
	String() string // what is wanted, in a line
	assess(*Judge, *Result) assessor
}

// String returns the check as it was written.
func (c *Check) String() string { return c.ID }

// Golden returns the file that a golden check compares with, "" for others.
func (c *Check) Golden() string {
	if g, ok := c.verb.(*golden); ok {
		return g.file
	}
	return ""
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
	rows := &rows{scope: query.Rows}
	switch words[0] {
	case "message":
	case "connection":
		rows.scope = query.Connections
	default:
		return nil, &SyntaxError{text}
	}
	expr = strings.TrimSpace(expr)
	program, err := query.Compile(expr, rows.scope)
	for how, word := range quantifiers {
		if word == words[1] {
			rows.conditions = []condition{{how: quantifier(how), program: program}}
		}
	}
	switch {
	case len(rows.conditions) == 0:
		return nil, &SyntaxError{text}
	case err != nil:
		return nil, err
	}
	text = strings.Join(words, " ") + ": " + expr
	return &Check{ID: text, Text: text, ZeroMatch: Fail, verb: rows}, nil
}
