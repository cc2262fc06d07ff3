// Package query is wsdump's one expression language: what -Y filters by and
// what the rules of a check are written in. docs/FILTERS.md tells it to users.
//
// The grammar is that of github.com/expr-lang/expr, whose parser is used; the
// meaning is our own, since a capture does not show everything. A field of a
// row is known, absent (it does not apply) or unknown (it exists, and the
// capture does not show it), so that a condition has three outcomes: see
// [Verdict]. A [Program] is a tree of closures over a [Row]; it has no clock,
// does no IO, and does work that is linear in the row's payload.
//
// The package imports timeline and the parser only.
package query

import (
	"slices"

	"github.com/wsdump/wsdump/timeline"
)

// Verdict is what a condition comes to. Conditions are joined by Kleene's
// logic: false and unknown is false, true or unknown is true, everything else
// with unknown is unknown.
type Verdict uint8

const (
	False Verdict = iota
	True
	Unknown // the capture does not show what would decide

	// inapplicable is how operators say that an operand is absent: false, and
	// false too where the operator is written with a not of its own.
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

// Not returns the opposite; unknown stays unknown.
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

// Scope says what an expression judges, and with it which fields it may name.
type Scope uint8

const (
	// Rows judges one row: open, message, control, frame, finding or close.
	// Keys of open are at hand on every row of their connection.
	Rows Scope = iota
	// Connections judges a connection as a whole, when it is over: keys of
	// open and close, and how many findings there were.
	Connections
)

// Program is a compiled expression. It never changes: any number of
// goroutines may use it, each with a [Row] of its own.
type Program struct {
	text   string
	scope  Scope
	test   test
	fields []*Field
	needs  timeline.Needs
}

// MaxText is how many bytes an expression may have.
const MaxText = 16 << 10

// Compile reads an expression. The error is an [*Error] with the place.
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

// Needs tells what must be looked at so that p can judge. A filter on conn,
// path or dir needs nothing. Frames says that p names a key that only rows of
// frames have.
func (p *Program) Needs() timeline.Needs { return p.needs }

// Fields returns the fields that p names, in the order of their first use.
func (p *Program) Fields() []*Field { return slices.Clone(p.fields) }

// Uses reports whether p names that field.
func (p *Program) Uses(name string) bool {
	return slices.ContainsFunc(p.fields, func(f *Field) bool { return f.Name == name })
}

// CouldMatch reports whether any row of c (or, in the scope [Connections], c
// itself) may still match, by what is known of c when it opens. r is used and
// left filled with nothing.
func (p *Program) CouldMatch(r *Row, c *timeline.Conn) bool {
	r.begin(rowAny, c, c.Opened)
	could := p.test(r) != False
	r.begin(rowNone, nil, timeline.Stamp{})
	return could
}
