// Package check gives a verdict on recorded traffic, by rules that a team writes about
// its traffic and by the rules of the protocol.
//
// A check has three outcomes. It fails when a violation was seen, even if the capture
// is damaged. It passes when a wanted thing was seen. Where the capture does not show
// what decides (TLS without keys, a gap, a cut), it is inconclusive. A check that had
// nothing to judge fails. The same bytes give the same verdict: there is no clock, and
// no IO but that of [Load], which reads a file of rules and the files it names.
//
// [Load] and [Parse] make checks. A [Judge] is the [timeline.Sink] that applies them.
// [Run] emits a timeline to a Judge. docs/CHECK.md describes it all for users.
//
// Each verb has a file: its definition, and an assessor, which is its state over one
// timeline.
package check

import (
	"fmt"
	"strings"

	"github.com/wsdump/wsdump/query"
)

// Outcome is the result of a check.
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

// Rules are the contents of a file of rules. The zero value has no checks.
type Rules struct {
	Checks []*Check
	Scope  *query.Program // the connections to look at; nil: all
	// Protocol is the check by the protocol's rules; nil when the file has none. Checks
	// has it, too.
	Protocol *Check
}

// Check is one thing to judge. It never changes, so any number of [Judge]s may use it.
type Check struct {
	ID        string
	Text      string // what is wanted, in one line
	File      string // the file that has it; "" for the command line
	Line      int
	Warning   bool    // when it fails, the whole verdict does not
	ZeroMatch Outcome // the outcome when it had nothing to judge

	verb verb
}

// verb is what a check wants. It makes the state of the check over one timeline.
type verb interface {
	String() string // what is wanted, in one line
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

// SyntaxError means that an assertion does not begin with SCOPE VERB.
type SyntaxError struct{ Text string }

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("the assertion %q does not begin with message or connection, then none, some or every, then a colon", e.Text)
}

// Parse parses an assertion, SCOPE VERB: EXPR, such as
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
