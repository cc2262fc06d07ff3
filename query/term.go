package query

import (
	"math"
	"strconv"

	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"

	"github.com/wsdump/wsdump/timeline"
)

// Term is a compiled expression for a value in a message: json.id, decoded.args[0],
// text. Unlike a [Program] it has a value, not a verdict. It never changes, so any
// number of goroutines may use it, each with a [Row] of its own.
type Term struct {
	text string
	eval getter
}

// CompileTerm compiles a term. The error is an [*Error].
func CompileTerm(text string) (*Term, error) {
	c := &compiler{text: text, scope: Rows, runes: newPlaces(text)}
	if len(text) > MaxText {
		return nil, c.runes.at(file.Location{}, "", "the expression has %d bytes; at most %d are read", len(text), MaxText)
	}
	config := conf.CreateNew()
	config.MaxNodes = maxSyntax
	tree, err := parser.ParseWithConfig(text, config)
	if err != nil {
		return nil, c.runes.ofParser(err)
	}
	e, fail := c.compile(tree.Node)
	if fail != nil {
		return nil, fail
	}
	switch e.typ {
	case JSON, Text, Bytes, Number:
	default:
		return nil, c.runes.at(e.where, "for instance json.id", "a number or a text is needed here, and this is %s", c.what(e))
	}
	if len(c.used) == 0 {
		return nil, c.runes.at(e.where, "for instance json.id", "this is the same for every message")
	}
	return &Term{text: text, eval: e.eval}, nil
}

// String returns the term as it was written.
func (p *Term) String() string { return p.text }

// Append appends the value of the term in the row that r is filled with: text as it is,
// a number in its shortest decimal form. ok is false when the value is absent, null, an
// object or a list, or when the capture does not show all of it.
func (p *Term) Append(dst []byte, r *Row) (_ []byte, ok bool) {
	v := p.eval(r)
	if v.state != stateKnown {
		return dst, false
	}
	switch v.kind {
	case kindNumber:
		if v.num == math.Trunc(v.num) && math.Abs(v.num) < 1<<53 {
			return strconv.AppendInt(dst, int64(v.num), 10), true
		}
		return strconv.AppendFloat(dst, v.num, 'g', -1, 64), true
	case kindText, kindBytes:
		if v.isRaw {
			return append(dst, v.raw...), true
		}
		return append(dst, v.str...), true
	case kindBool:
		return strconv.AppendBool(dst, v.num != 0), true
	}
	return dst, false
}

// Of fills r with m and appends the value, as [Term.Append] does.
func (p *Term) Of(dst []byte, r *Row, m *timeline.Message) ([]byte, bool) {
	r.OfMessage(m)
	return p.Append(dst, r)
}
