package query

import "math"

// jsonParser fills a document. It does not recurse: open containers are on
// the document's stack.
type jsonParser struct {
	d *document
	b []byte
	i int
}

// document parses one value and white space around it.
func (p *jsonParser) document() docStatus {
	if len(p.b) >= math.MaxInt32 {
		return docTooMuch
	}
	d := p.d
	for {
		// A value must begin here.
		if len(d.nodes) >= maxNodes || len(d.stack) > maxDepth {
			return docTooMuch
		}
		p.space()
		if p.i == len(p.b) {
			return docNone
		}
		switch c := p.b[p.i]; c {
		case '{', '[':
			k := kindObject
			if c == '[' {
				k = kindArray
			}
			d.stack = append(d.stack, uint32(len(d.nodes)))
			d.nodes = append(d.nodes, node{kind: k, start: uint32(p.i)})
			p.i++
			p.space()
			if p.i < len(p.b) && p.b[p.i] == c+2 { // ']' and '}' come two after
				break // empty: closed below
			}
			if c == '{' && !p.key() {
				return docNone
			}
			continue
		default:
			if !p.scalar(c) {
				return docNone
			}
		}
		// A value has ended: close the containers that end here, go on after a comma.
		for {
			p.space()
			if len(d.stack) == 0 {
				if p.i != len(p.b) {
					return docNone
				}
				return docGood
			}
			if p.i == len(p.b) {
				return docNone
			}
			open := &d.nodes[d.stack[len(d.stack)-1]]
			c := p.b[p.i]
			p.i++
			if c == ',' {
				if open.kind == kindObject {
					if p.space(); !p.key() {
						return docNone
					}
				}
				break
			}
			if c != '}' && c != ']' || (c == '}') != (open.kind == kindObject) {
				return docNone
			}
			open.end, open.next = uint32(p.i), uint32(len(d.nodes))
			d.stack = d.stack[:len(d.stack)-1]
		}
	}
}

func (p *jsonParser) space() {
	for p.i < len(p.b) {
		switch p.b[p.i] {
		case ' ', '\t', '\n', '\r':
			p.i++
		default:
			return
		}
	}
}

// key parses a name and its colon.
func (p *jsonParser) key() bool {
	if p.i == len(p.b) || p.b[p.i] != '"' || !p.string() {
		return false
	}
	p.space()
	if p.i == len(p.b) || p.b[p.i] != ':' {
		return false
	}
	p.i++
	return true
}

// scalar parses a string, number or word that begins with c.
func (p *jsonParser) scalar(c byte) bool {
	switch {
	case c == '"':
		return p.string()
	case c == 't':
		return p.word("true", kindBool)
	case c == 'f':
		return p.word("false", kindBool)
	case c == 'n':
		return p.word("null", kindNull)
	}
	return p.number()
}

func (p *jsonParser) add(k kind, start int, escaped bool) {
	n := uint32(len(p.d.nodes)) + 1
	p.d.nodes = append(p.d.nodes, node{kind: k, escaped: escaped, start: uint32(start), end: uint32(p.i), next: n})
}

func (p *jsonParser) word(w string, k kind) bool {
	if len(p.b)-p.i < len(w) || string(p.b[p.i:p.i+len(w)]) != w {
		return false
	}
	start := p.i
	p.i += len(w)
	p.add(k, start, false)
	return true
}

// string parses a string that begins here. UTF-8 was checked before.
func (p *jsonParser) string() bool {
	start, escaped := p.i, false
	b := p.b
	for i := start + 1; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			p.i = i + 1
			p.add(kindText, start, escaped)
			return true
		case c < 0x20:
			return false
		case c == '\\':
			escaped = true
			i++
			if i == len(b) {
				return false
			}
			switch b[i] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				if i+4 >= len(b) {
					return false
				}
				for _, c := range b[i+1 : i+5] {
					if hexDigit(c) < 0 {
						return false
					}
				}
				i += 4
			default:
				return false
			}
		}
	}
	return false
}

// number parses a number (RFC 8259 6): no plus, no leading zero, digits on
// both sides of the point.
func (p *jsonParser) number() bool {
	start := p.i
	if p.is('-') {
		p.i++
	}
	if p.is('0') {
		p.i++
	} else if !p.digits() {
		return false
	}
	if p.is('.') {
		p.i++
		if !p.digits() {
			return false
		}
	}
	if p.is('e') || p.is('E') {
		p.i++
		if p.is('+') || p.is('-') {
			p.i++
		}
		if !p.digits() {
			return false
		}
	}
	p.add(kindNumber, start, false)
	return true
}

func (p *jsonParser) is(c byte) bool { return p.i < len(p.b) && p.b[p.i] == c }

func (p *jsonParser) digits() bool {
	start := p.i
	for p.i < len(p.b) && p.b[p.i] >= '0' && p.b[p.i] <= '9' {
		p.i++
	}
	return p.i > start
}
