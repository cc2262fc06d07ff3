package filter

import "slices"

// relations are the comparisons; the second three are the first three negated.
var relations = map[string]struct {
	op      string
	negated bool
}{"=": {"=", false}, ">": {">", false}, ">=": {">=", false}, "!=": {"=", true}, "<=": {">", true}, "<": {">=", true}}

// relation reads a comparison of two values.
func (p *parser) relation() condition {
	first := p.peek()
	if first.kind == number && !p.relates(p.i+1) {
		p.bare(first)
	}
	left := p.value(0)
	r, ok := relations[p.peek().text]
	if !ok || p.peek().kind != symbol {
		p.unexpected()
	}
	p.take()
	return &relation{first.at, r.op, r.negated, left, p.value(0)}
}

// operators are those of values, with how tightly they bind.
var operators = map[string]int{"|": 1, "&": 2, "<<": 3, ">>": 3, "+": 4, "-": 4, "*": 5, "/": 5, "%": 6, "^": 6}

// unclear are the operators without a rank: the reference grammar gives them
// none, and what it makes of them beside others surprises.
var unclear = []string{"%", "^"}

// value reads operators that bind at least as tightly as rank.
func (p *parser) value(rank int) value {
	left := p.unary()
	alone := "" // the operator so far, where one without a rank is among them
	for n := 0; ; n++ {
		t := p.peek()
		r := operators[t.text]
		if t.kind != symbol || r == 0 || r < rank && !slices.Contains(unclear, t.text) {
			return left
		}
		if slices.Contains(unclear, t.text) && (n > 0 || rank > 0) || alone != "" {
			fail(t.at, "put brackets around it", "%s beside another operator is not clear", quote(t.text))
		}
		p.take()
		right := p.value(r + 1)
		if slices.Contains(unclear, t.text) {
			alone = t.text
		}
		left = fold(t, left, right)
	}
}

func (p *parser) unary() value {
	t := p.peek()
	p.enter(t)
	defer func() { p.depth-- }()
	switch {
	case t.is("-"):
		p.take()
		x := p.unary()
		if slices.Contains(unclear, p.peek().text) {
			fail(p.peek().at, "put brackets around it", "%s beside another operator is not clear", quote(p.peek().text))
		}
		if c, ok := x.(*constant); ok {
			return &constant{-c.n, c.of}
		}
		return &negative{x}
	case t.is("("):
		p.take()
		v := p.value(0)
		p.expect(")")
		return v
	case t.kind == number:
		p.take()
		return &constant{n: t.value}
	case t.is("len"), t.is("length"):
		p.take()
		return &length{}
	case t.kind == word:
		return p.load()
	}
	p.unexpected()
	return nil
}

// load reads "proto[index]" or "proto[index:size]".
func (p *parser) load() value {
	t := p.peek()
	proto, ok := protocols[t.text]
	if !ok || !p.ahead(1).is("[") {
		p.unexpected()
	}
	if proto == ah || proto == esp {
		fail(t.at, "", "%s has no index", proto)
	}
	p.take()
	p.take()
	l := &load{at: t.at, proto: proto, index: p.value(0), size: 1}
	if p.accept(":") {
		size := p.peek()
		if l.size = p.plainNumber(); l.size != 1 && l.size != 2 && l.size != 4 {
			fail(size.at, "", "a size is 1, 2 or 4 bytes")
		}
	}
	p.expect("]")
	return l
}

// fold joins two values by an operator, and computes what is known.
func fold(t *token, left, right value) value {
	a, known := left.(*constant)
	b, ok := right.(*constant)
	switch op := t.text; {
	case ok && b.n == 0 && (op == "/" || op == "%"):
		fail(t.at, "", "division by zero")
	case ok && b.n > 31 && (op == "<<" || op == ">>"):
		fail(t.at, "", "a shift by more than 31 bits")
	case !ok && (op == "<<" || op == ">>"):
		fail(t.at, "a shift needs a number on its right", "how far to shift must be known")
	case ok && known:
		return &constant{calculate(op, a.n, b.n), append(slices.Clone(a.of), b.of...)}
	case ok && b.n == 0 && (op == "*" || op == "&"):
		return &constant{0, append([]value{left}, b.of...)}
	case known && a.n == 0 && (op == "*" || op == "/" || op == "%" || op == "&"):
		return &constant{0, append(slices.Clone(a.of), right)}
	}
	return &operation{t.text, left, right}
}

func calculate(op string, a, b uint32) uint32 {
	switch op {
	case "+":
		return a + b
	case "-":
		return a - b
	case "*":
		return a * b
	case "/":
		return a / b
	case "%":
		return a % b
	case "&":
		return a & b
	case "|":
		return a | b
	case "^":
		return a ^ b
	case "<<":
		return a << b
	}
	return a >> b
}
