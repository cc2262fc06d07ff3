package filter

import (
	"strings"

	"github.com/wsdump/wsdump/internal/excerpt"
)

// maxDepth bounds brackets and negations inside each other.
const maxDepth = 200

// parser reads tokens by recursive descent.
//
// The language lets an identifier inherit what the one before it was: "port 80
// or 443". So conditions hand on a qualifier, as the reference grammar does: the
// one of a bracket is what stood before it.
type parser struct {
	text   string
	tokens []token
	i      int
	depth  int
	values []bool // by token that is "(": a value or a number is inside, no condition
}

// qualifier is how an identifier is interpreted.
type qualifier struct {
	proto   protocol
	dir     direction
	subject subject
}

// nothing is the qualifier behind what hands on none.
var nothing = qualifier{subject: undefined}

// form is what the grammar takes an operand for.
type form uint8

const (
	aTerm       form = iota // no identifier: "tcp", "port 80"
	anID                    // one identifier, which may begin a list in brackets
	aLoneNumber             // that is a number: alone in brackets it is still one
	aList                   // a list of identifiers in brackets
)

// parse parses an expression. It returns nil for the empty one.
func parse(text string) condition {
	p := &parser{text: text, tokens: scan(text)}
	p.findValues()
	if p.peek().kind == endOfText {
		return nil
	}
	c, _ := p.expression(nothing)
	if p.peek().kind != endOfText {
		p.unexpected()
	}
	return c
}

func (p *parser) peek() *token { return &p.tokens[p.i] }

// ahead returns a token further on, the end of the text behind it.
func (p *parser) ahead(n int) *token { return &p.tokens[min(p.i+n, len(p.tokens)-1)] }

func (p *parser) take() *token {
	t := p.peek()
	p.i = min(p.i+1, len(p.tokens)-1)
	return t
}

func (t *token) is(text string) bool {
	return (t.kind == symbol || t.kind == word) && t.text == text
}

func (p *parser) accept(text string) bool {
	if p.peek().is(text) {
		p.take()
		return true
	}
	return false
}

func (p *parser) expect(text string) {
	if !p.accept(text) {
		p.unexpected()
	}
}

func (p *parser) unexpected() {
	t := p.peek()
	switch {
	case t.kind == endOfText:
		fail(t.at, "", "the expression ends too early")
	case t.kind == unreadable:
		fail(t.at, "", "not a character of the language: %s", quote(t.text))
	case t.kind == word:
		p.refuseOutside()
	case t.kind == name && strings.ContainsRune(t.text, '-'):
		fail(t.at, "a minus sign needs spaces around it", "not expected here: %s", quote(t.text))
	case t.kind == name && p.i == 0 || t.kind == number && p.i == 0 || t.kind == dotted || t.kind == colons || t.kind == hardware:
		fail(t.at, "say what it is, such as host 10.0.0.1 or port 80", "not expected here: %s", quote(t.text))
	}
	fail(t.at, "", "not expected here: %s", quote(p.text[t.at:t.end]))
}

// refuseOutside fails at a word that wsdump leaves out of the language.
func (p *parser) refuseOutside() {
	t := p.peek()
	if hint, ok := outside[t.text]; ok && t.kind == word {
		if hint == "" {
			hint = "docs/CAPTURE-FILTER.md has what is supported; --bpf-raw takes what tcpdump -ddd makes of it"
		}
		fail(t.at, hint, "%s is a word of pcap-filter that is not supported here", quote(t.text))
	}
}

// quote returns s between quotation marks, without bytes that a terminal might
// obey.
func quote(s string) string {
	if len(s) > 40 {
		s = s[:40] + "..."
	}
	return `"` + strings.Map(excerpt.Harmless, strings.ToValidUTF8(s, "?")) + `"`
}

func (p *parser) enter(t *token) {
	if p.depth++; p.depth > maxDepth {
		fail(t.at, "", "more than %d brackets and negations inside each other", maxDepth)
	}
}

// findValues marks the brackets around values, so that one look tells which
// rule a bracket begins.
func (p *parser) findValues() {
	p.values = make([]bool, len(p.tokens))
	var open []int // "(" and "[" that are not closed yet
	for i, t := range p.tokens {
		inside := len(open) > 0 && p.tokens[open[len(open)-1]].text == "("
		switch {
		case t.is("(") || t.is("["):
			p.values[i] = true
			open = append(open, i)
		case t.is(")") || t.is("]"):
			if len(open) > 0 {
				o := open[len(open)-1]
				open = open[:len(open)-1]
				if !p.values[o] && len(open) > 0 && p.tokens[open[len(open)-1]].text == "(" {
					p.values[open[len(open)-1]] = false
				}
			}
		case !inside, t.kind == number, t.is("len"), t.is("length"), t.kind == symbol && operators[t.text] != 0:
		case t.kind == word && p.tokens[min(i+1, len(p.tokens)-1)].is("["):
		default:
			p.values[open[len(open)-1]] = false
		}
	}
}

// expression reads conditions that "and" and "or" join.
func (p *parser) expression(before qualifier) (condition, qualifier) {
	c, q, what := p.operand(before, false)
	if what != aTerm {
		p.unexpected()
	}
	return p.joined(c, q)
}

// joined reads what "and" and "or" join to c.
func (p *parser) joined(c condition, q qualifier) (condition, qualifier) {
	for p.peek().is("&&") || p.peek().is("||") {
		t := p.take()
		right, next, _ := p.operand(q, true)
		c, q = &logic{t.at, t.text == "&&", c, right}, next
	}
	return c, q
}

// operand reads a condition, or where identifiers may stand one of those; q is
// what it inherits.
func (p *parser) operand(q qualifier, identifiers bool) (condition, qualifier, form) {
	t := p.peek()
	switch {
	case t.is("!"):
		p.enter(t)
		defer func() { p.depth-- }()
		p.take()
		c, after, what := p.operand(q, identifiers)
		if what != aTerm {
			what = anID
		}
		return &negation{t.at, c}, after, what
	case t.is("("):
		if p.values[p.i] {
			if close := p.closing(); p.tokens[close].text == ")" && p.relates(close+1) {
				return p.relation(), nothing, aTerm
			}
		}
		if !identifiers {
			p.enter(t)
			defer func() { p.depth-- }()
			p.take()
			c, _ := p.expression(q)
			p.expect(")")
			return c, q, aTerm
		}
		return p.brackets(q, true)
	case t.kind == number && identifiers && !p.relates(p.i+1):
		p.take()
		return p.number(t, q), q, aLoneNumber
	case t.kind == number, t.is("-"), t.is("len"), t.is("length"):
		return p.relation(), nothing, aTerm
	case identifiers && (t.kind == name || t.kind == dotted || t.kind == colons || t.kind == hardware):
		return p.identifier(q), q, anID
	case t.kind == word:
		c, after := p.term()
		return c, after, aTerm
	}
	p.unexpected()
	return nil, q, aTerm
}

// closing returns the index of the bracket that closes the one at hand, of the
// end of the text without one.
func (p *parser) closing() int {
	depth := 0
	for i := p.i; i < len(p.tokens); i++ {
		switch {
		case p.tokens[i].is("("):
			depth++
		case p.tokens[i].is(")"):
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(p.tokens) - 1
}

// relates reports whether the token makes a value of what is before it.
func (p *parser) relates(i int) bool {
	t := &p.tokens[min(i, len(p.tokens)-1)]
	return t.kind == symbol && (operators[t.text] != 0 || relations[t.text].op != "")
}

// brackets reads "(...)": a number, a list of identifiers, or, where terms
// may stand, an expression.
func (p *parser) brackets(q qualifier, terms bool) (condition, qualifier, form) {
	t := p.take() // "("
	p.enter(t)
	defer func() { p.depth-- }()
	var (
		c     condition
		after qualifier
		what  form
	)
	if terms {
		c, after, what = p.operand(q, true)
	} else {
		c, after, what = p.idOperand(q)
	}
	switch {
	case what == aTerm:
		c, _ = p.joined(c, after)
		p.expect(")")
		return c, q, aTerm
	case what == aLoneNumber && p.accept(")"):
		return c, q, aLoneNumber
	case what == aList:
		p.unexpected() // "((80 or 443))": the reference has no such list either
	}
	for p.peek().is("&&") || p.peek().is("||") {
		join := p.take()
		right, _, _ := p.idOperand(q)
		c, what = &logic{join.at, join.text == "&&", c, right}, anID
	}
	if what == aLoneNumber {
		p.unexpected()
	}
	p.expect(")")
	return c, q, aList
}

// idOperand reads an identifier, where nothing else may stand.
func (p *parser) idOperand(q qualifier) (condition, qualifier, form) {
	switch t := p.peek(); {
	case t.is("!"):
		p.enter(t)
		defer func() { p.depth-- }()
		p.take()
		c, _, _ := p.idOperand(q)
		return &negation{t.at, c}, q, anID
	case t.is("("):
		return p.brackets(q, false)
	case t.kind == number:
		p.take()
		return p.number(t, q), q, aLoneNumber
	case t.kind == name, t.kind == dotted, t.kind == colons, t.kind == hardware:
		return p.identifier(q), q, anID
	case t.kind == word && q.subject == protoNumber:
		fail(t.at, `write \`+t.text+", for the word alone is part of the language", "not expected here: %s", quote(t.text))
	}
	p.unexpected()
	return nil, q, aTerm
}

// term reads what begins with a keyword.
func (p *parser) term() (condition, qualifier) {
	p.refuseOutside()
	t := p.peek()
	proto, named := protocols[t.text]
	if named {
		if p.ahead(1).is("[") {
			return p.relation(), nothing
		}
		p.take()
	}
	next := p.peek()
	p.refuseOutside()
	switch {
	case next.is("src"), next.is("dst"):
		q := qualifier{proto: proto, dir: p.direction()}
		if s, ok := subjects[p.peek().text]; ok && p.peek().kind == word && s != protoNumber {
			p.take()
			q.subject = s
		}
		c, _, _ := p.idOperand(q)
		return c, q
	case next.kind == word && subjects[next.text] != hostDefault:
		p.take()
		q := qualifier{proto: proto, subject: subjects[next.text]}
		c, _, _ := p.idOperand(q)
		return c, q
	case next.is("broadcast"):
		p.take()
		if proto == ip4 {
			fail(t.at, "write dst host 255.255.255.255, or the address of the network", "the mask of the network is not known, so that ip broadcast cannot be told")
		}
		if proto != anyProtocol && proto != linkLayer {
			fail(t.at, "", "%s has no broadcast; ether has", proto)
		}
		return &isBroadcast{t.at, proto}, nothing
	case next.is("multicast"):
		p.take()
		if proto != anyProtocol && proto != linkLayer && proto != ip4 && proto != ip6 {
			fail(t.at, "", "%s has no multicast; ether, ip and ip6 have", proto)
		}
		return &isMulticast{t.at, proto}, nothing
	case named && proto == linkLayer:
		fail(t.at, "such as ether host 02:00:00:00:00:01 or ether proto 0x88cc", "%s says nothing alone", quote(t.text))
	case named:
		return &isProtocol{t.at, proto}, nothing
	}
	p.take()
	switch t.text {
	case "less", "greater":
		return &isLength{t.at, t.text == "greater", p.plainNumber()}, nothing
	case "inbound", "outbound":
		return &isDirection{t.at, t.text == "outbound"}, nothing
	case "ifindex":
		return &isInterface{t.at, p.plainNumber()}, nothing
	case "vlan", "mpls", "pppoes", "pppoed":
		return p.encapsulation(t), nothing
	}
	p.i--
	p.unexpected()
	return nil, nothing
}

func (p *parser) plainNumber() uint32 {
	if p.peek().kind != number {
		p.unexpected()
	}
	return p.take().value
}

// encapsulation reads the number that may stand behind "vlan" and the like.
func (p *parser) encapsulation(t *token) condition {
	c := &isEncapsulated{at: t.at, what: t.text}
	n := 0 // brackets around the number
	for p.ahead(n).is("(") {
		n++
	}
	if p.ahead(n).kind != number || t.text == "pppoed" {
		return c
	}
	for range n {
		p.take()
	}
	v := p.take()
	for range n {
		p.expect(")")
	}
	c.numbered, c.number = true, v.value
	if most := map[string]uint32{"vlan": 0xfff, "mpls": 0xfffff, "pppoes": 0xffff}[t.text]; v.value > most {
		fail(v.at, "", "%s has numbers up to %d", t.text, most)
	}
	return c
}

// direction reads "src", "dst", or both with "and" or "or" between them.
func (p *parser) direction() direction {
	first := p.take().text
	other := "src"
	if first == other {
		other = "dst"
	}
	if join := p.peek(); (join.is("||") || join.is("&&")) && p.ahead(1).is(other) {
		p.take()
		p.take()
		if join.is("&&") {
			return both
		}
		return either
	}
	if first == "src" {
		return source
	}
	return destination
}
