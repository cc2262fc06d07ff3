package query

import (
	"math"
	"regexp"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
)

// binary compiles an operator with two sides.
func (c *compiler) binary(n *ast.BinaryNode) (expr, *Error) {
	where := n.Location()
	switch n.Operator {
	case "and", "&&", "or", "||":
		return c.logic(n)
	case "..":
		return expr{}, c.runes.at(where, "for instance: code in 1000..1003", "a range can stand only to the right of in")
	case "==", "!=", "<", "<=", ">", ">=", "in", "contains", "startsWith", "endsWith", "matches":
		raw, err := c.comparison(n)
		if err != nil {
			return expr{}, err
		}
		return ofTest(func(r *Row) Verdict {
			v := raw(r)
			if v == inapplicable {
				return False
			}
			return v
		}, where), nil
	}
	l, err := c.compile(n.Left)
	if err != nil {
		return expr{}, err
	}
	r, err := c.compile(n.Right)
	if err != nil {
		return expr{}, err
	}
	switch n.Operator {
	case "??":
		typ, ok := common(l.typ, r.typ)
		if !ok {
			return expr{}, c.runes.at(r.where, "", "both sides of ?? must be of one type, and these are %s and %s", c.what(l), c.what(r))
		}
		return expr{typ: typ, where: l.where, eval: func(row *Row) value {
			if v := l.eval(row); v.state != stateAbsent {
				return v
			}
			return r.eval(row)
		}}, nil
	case "+", "-", "*", "/", "%", "**", "^":
		for _, e := range []expr{l, r} {
			if e.typ != Number && e.typ != JSON {
				return expr{}, c.runes.at(e.where, "", "%s takes numbers, and this is %s", n.Operator, c.what(e))
			}
		}
		return c.fold(n.Operator, l, r, where), nil
	}
	return expr{}, c.runes.at(where, "", "the operator %s is not part of this language", n.Operator)
}

// negated compiles x not in y and the like. Like any comparison it is false where an
// operand is absent.
func (c *compiler) negated(n *ast.BinaryNode) (expr, *Error) {
	raw, err := c.comparison(n)
	if err != nil {
		return expr{}, err
	}
	return ofTest(func(r *Row) Verdict {
		v := raw(r)
		if v == inapplicable {
			return False
		}
		return v.Not()
	}, n.Left.Location()), nil
}

// logic compiles and, or.
func (c *compiler) logic(n *ast.BinaryNode) (expr, *Error) {
	var sides [2]test
	for i, side := range []ast.Node{n.Left, n.Right} {
		e, err := c.compile(side)
		if err != nil {
			return expr{}, err
		}
		if sides[i], err = c.condition(e); err != nil {
			return expr{}, err
		}
	}
	l, r := sides[0], sides[1]
	if n.Operator == "and" || n.Operator == "&&" {
		return ofTest(func(row *Row) Verdict {
			a := l(row)
			if a == False {
				return False
			}
			b := r(row)
			if a == True || b == False {
				return b
			}
			return Unknown
		}, n.Location()), nil
	}
	return ofTest(func(row *Row) Verdict {
		a := l(row)
		if a == True {
			return True
		}
		b := r(row)
		if a == False || b == True {
			return b
		}
		return Unknown
	}, n.Location()), nil
}

// fold compiles arithmetic. It evaluates constants at once.
func (c *compiler) fold(op string, l, r expr, where file.Location) expr {
	eval := func(row *Row) value {
		a, b := l.eval(row), r.eval(row)
		switch {
		case a.state == stateAbsent || b.state == stateAbsent:
			return absent
		case a.state != stateKnown || b.state != stateKnown:
			return unknown
		case a.kind != kindNumber || b.kind != kindNumber:
			return absent
		}
		n := 0.0
		switch op {
		case "+":
			n = a.num + b.num
		case "-":
			n = a.num - b.num
		case "*":
			n = a.num * b.num
		case "/":
			n = a.num / b.num
		case "%":
			n = math.Mod(a.num, b.num)
		default:
			n = math.Pow(a.num, b.num)
		}
		if math.IsNaN(n) || math.IsInf(n, 0) { // divided by zero
			return absent
		}
		return number(n)
	}
	if l.constant && r.constant {
		return literal(eval(nil), Number, where)
	}
	return expr{typ: Number, eval: eval, where: where}
}

var comparisons = map[string]operator{
	"==": opEqual, "!=": opNotEqual, "<": opLess, "<=": opLessEqual, ">": opGreater, ">=": opGreaterEqual,
	"contains": opContains, "startsWith": opStartsWith, "endsWith": opEndsWith,
}

// comparison compiles an operator that is inapplicable where a side is absent.
func (c *compiler) comparison(n *ast.BinaryNode) (test, *Error) {
	l, err := c.compile(n.Left)
	if err != nil {
		return nil, err
	}
	if n.Operator == "in" {
		return c.inside(l, n.Right, n.Location())
	}
	r, err := c.compile(n.Right)
	if err != nil {
		return nil, err
	}
	switch n.Operator {
	case "matches":
		return c.matches(l, r)
	case "contains", "startsWith", "endsWith":
		return c.search(n.Operator, l, r)
	}
	return c.compare(n.Operator, l, r, n.Location())
}

// compare compiles ==, !=, <, <=, > and >=.
func (c *compiler) compare(word string, l, r expr, where file.Location) (test, *Error) {
	op := comparisons[word]
	l, r, err := c.agree(op, word, l, r, where)
	if err != nil {
		return nil, err
	}
	if l.constant && !r.constant {
		l, r, op = r, l, op.flipped()
	}
	left := l.eval
	if !r.constant {
		right := r.eval
		return func(row *Row) Verdict {
			a, b := left(row), right(row)
			return compare(op, &a, &b)
		}, nil
	}
	b := r.eval(nil)
	switch { // the common cases have less to check
	case l.typ == Number && op == opEqual:
		return func(row *Row) Verdict {
			if a := left(row); a.state != stateKnown {
				return compare(op, &a, &b)
			} else {
				return verdict(a.num == b.num)
			}
		}, nil
	case l.typ == Text && op == opEqual:
		s := b.str
		return func(row *Row) Verdict {
			switch a := left(row); {
			case a.state != stateKnown:
				return compare(op, &a, &b)
			case a.isRaw:
				return verdict(string(a.raw) == s)
			default:
				return verdict(a.str == s)
			}
		}, nil
	}
	return func(row *Row) Verdict {
		a := left(row)
		return compare(op, &a, &b)
	}, nil
}

// agree checks that the types of the two sides of a comparison can be compared.
func (c *compiler) agree(op operator, word string, l, r expr, where file.Location) (expr, expr, *Error) {
	var err *Error
	if r, err = c.asTime(r, l.typ); err != nil {
		return l, r, err
	}
	if l, err = c.asTime(l, r.typ); err != nil {
		return l, r, err
	}
	if err = c.checkWord(l.field, r); err != nil {
		return l, r, err
	}
	if err = c.checkWord(r.field, l); err != nil {
		return l, r, err
	}
	ordered := func(t Type) bool { return t == Number || t == Text || t == Time || t == Bytes || t == JSON }
	switch {
	case l.typ == List || r.typ == List:
		return l, r, c.runes.at(where, `for instance: "chat" in subprotocols_offered`, "a list cannot be compared with %s", word)
	case (l.typ == null) != (r.typ == null) && l.typ != JSON && r.typ != JSON:
		return l, r, c.runes.at(where, "whether a field is there at all, has(...) says", "only members of json can be null")
	case op > opNotEqual && (!ordered(l.typ) || !ordered(r.typ)):
		return l, r, c.runes.at(where, "", "%s cannot put %s and %s in order", word, c.what(l), c.what(r))
	case l.typ == r.typ:
	case l.typ == JSON && r.typ != Time && r.typ != Bytes, r.typ == JSON && l.typ != Time && l.typ != Bytes:
	case l.typ == Bytes && r.typ == Text && r.constant, r.typ == Bytes && l.typ == Text && l.constant:
	default:
		hint := ""
		if l.typ == Number && r.typ == Text || l.typ == Text && r.typ == Number {
			hint = "numbers are written without quotes"
		}
		return l, r, c.runes.at(where, hint, "%s cannot be compared with %s", c.what(l), c.what(r))
	}
	return l, r, nil
}

// search compiles contains, startsWith, endsWith.
func (c *compiler) search(word string, l, r expr) (test, *Error) {
	op := comparisons[word]
	if l.typ == List {
		return nil, c.runes.at(l.where, "write: x in "+c.name(l), "%s looks into text, and this is a list", word)
	}
	if err := c.stringLike(word, l); err != nil {
		return nil, err
	}
	if err := c.stringLike(word, r); err != nil {
		return nil, err
	}
	if (l.typ == Text && r.typ == Bytes) || (l.typ == JSON && r.typ == Bytes) {
		return nil, c.runes.at(r.where, "look into bytes instead: bytes "+word+" ...", "bytes cannot be looked for in text")
	}
	left := l.eval
	if !r.constant {
		right := r.eval
		return func(row *Row) Verdict {
			a, b := left(row), right(row)
			return search(op, &a, &b)
		}, nil
	}
	b := r.eval(nil)
	raw := b
	raw.raw, raw.isRaw = bytesOf(&b), true // so that no row has to convert it
	return func(row *Row) Verdict {
		a := left(row)
		if a.isRaw {
			return search(op, &a, &raw)
		}
		return search(op, &a, &b)
	}, nil
}

func (c *compiler) name(e expr) string {
	if e.field != nil {
		return e.field.Name
	}
	return "..."
}

func (c *compiler) stringLike(word string, e expr) *Error {
	if e.typ == Text || e.typ == Bytes || e.typ == JSON {
		return nil
	}
	return c.runes.at(e.where, "", "%s takes text or bytes, and this is %s", word, c.what(e))
}

// Bounds of matches. The time of RE2 is linear in both.
const (
	maxPattern = 1000
	maxMatched = 1 << 20
)

// matches compiles matches, a search by regular expression (RE2) in text or bytes.
func (c *compiler) matches(l, r expr) (test, *Error) {
	if err := c.stringLike("matches", l); err != nil {
		return nil, err
	}
	if !r.constant || r.typ != Text {
		return nil, c.runes.at(r.where, `for instance: text matches "^4[0-9]"`, "the pattern of matches must be text in quotes")
	}
	v := r.eval(nil)
	if len(v.str) > maxPattern {
		return nil, c.runes.at(r.where, "", "the pattern has %d bytes; at most %d are read", len(v.str), maxPattern)
	}
	re, err := regexp.Compile(v.str)
	if err != nil {
		return nil, c.runes.at(r.where, "the syntax is that of RE2", "the pattern cannot be read: %s", err)
	}
	left := l.eval
	return func(row *Row) Verdict {
		a := left(row)
		switch {
		case a.state == stateAbsent:
			return inapplicable
		case a.state != stateKnown || a.size() > maxMatched:
			return Unknown
		case !a.stringLike():
			return inapplicable
		case a.isRaw:
			return verdict(re.Match(a.raw))
		}
		return verdict(re.MatchString(a.str))
	}, nil
}
