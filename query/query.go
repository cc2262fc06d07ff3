// Package query is wsdump's one expression language. Filters (-Y) and the rules of a
// check are written in it. docs/FILTERS.md describes it for users.
//
// The grammar and the parser are those of github.com/expr-lang/expr. The semantics are
// our own, since a capture does not show everything. A field of a row is known, absent
// (it does not apply) or unknown (it exists, but the capture does not show it). So a
// condition has three results: see [Verdict]. A [Program] is a tree of closures over a
// [Row]. It has no clock and no IO, and its time is linear in the payload of the row.
package query

import (
	"slices"

	"github.com/wsdump/wsdump/timeline"
)

// Verdict is the result of a condition. Conditions are joined by Kleene's logic: false
// and unknown is false, true or unknown is true, everything else with unknown is
// unknown.
type Verdict uint8

const (
	False Verdict = iota
	True
	Unknown // the capture does not show what decides

	// inapplicable is the result of an operator with an absent operand. It is false, and
	// stays false under a not that belongs to the operator (x not in y).
	inapplicable
)

// String returns "false", "true" or "unknown".
func (v Verdict) String() string {
	switch v {
	case True:
		return "true"
	case Unknown:
		return "unknown"
	}
	return "false"
}

// Not returns the opposite. Unknown stays unknown.
func (v Verdict) Not() Verdict {
	switch v {
	case True:
		return False
	case Unknown:
		return Unknown
	}
	return True
}

func verdict(is bool) Verdict {
	if is {
		return True
	}
	return False
}

// Scope is what an expression judges. It decides which fields the expression may name.
type Scope uint8

const (
	// Rows judges one row: open, message, control, frame, finding or close.
	// Every row of a connection has the keys of its open row.
	Rows Scope = iota
	// Connections judges a whole connection, when it is over. It has the keys of open
	// and close, and the numbers of findings.
	Connections
)

// Program is a compiled expression. It never changes, so any number of goroutines may
// use it, each with a [Row] of its own.
type Program struct {
	text   string
	scope  Scope
	test   test
	fields []*Field
	needs  timeline.Needs
}

// MaxText is how many bytes an expression may have.
const MaxText = 16 << 10

// Compile compiles an expression. The error is an [*Error].
func Compile(text string, scope Scope) (*Program, error) {
	c := &compiler{text: text, scope: scope, runes: newPlaces(text)}
	t, err := c.program()
	if err != nil {
		return nil, err
	}
	p := &Program{text: text, scope: scope, test: t, fields: c.used}
	for _, f := range p.fields {
		p.needs = p.needs.Union(f.needs)
	}
	return p, nil
}

// String returns the expression as it was written.
func (p *Program) String() string { return p.text }

// Scope returns what p judges.
func (p *Program) Scope() Scope { return p.scope }

// Match judges the row that r was filled with.
func (p *Program) Match(r *Row) Verdict { return p.test(r) }

// Needs returns what p needs in order to judge. A filter on conn, path or dir needs
// nothing. Frames is set when p names a key that only rows of frames have.
func (p *Program) Needs() timeline.Needs { return p.needs }

// Fields returns the fields that p names, in the order of their first use.
func (p *Program) Fields() []*Field { return slices.Clone(p.fields) }

// Uses reports whether p names that field.
func (p *Program) Uses(name string) bool {
	return slices.ContainsFunc(p.fields, func(f *Field) bool { return f.Name == name })
}

// CouldMatch reports whether any row of c can still match, from what is known of c when
// it opens. In the scope [Connections] it is about c itself. It uses r, and empties it.
func (p *Program) CouldMatch(r *Row, c *timeline.Conn) bool {
	r.begin(rowAny, c, c.Opened)
	could := p.test(r) != False
	r.begin(rowNone, nil, timeline.Stamp{})
	return could
}
