package query

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// A document is JSON (RFC 8259), parsed once into a list of nodes, so that any number of
// paths can be looked up without a tree:
//
//	{"a":[1,"x"]}     nodes: object, key "a", array, 1, "x"
//
// The children of a container follow it; next skips a subtree. The memory is used again
// for the next row.
type document struct {
	src     []byte
	nodes   []node
	stack   []uint32
	scratch []byte // strings without their escapes
	status  docStatus
}

type node struct {
	kind       kind
	escaped    bool
	start, end uint32 // in src, quotes included
	next       uint32 // the node after this one and its subtree
}

type docStatus uint8

const (
	docUnread  docStatus = iota
	docGood              // read
	docNone              // not JSON
	docTooMuch           // it exceeds a bound
)

// Bounds of a document. JSON that exceeds them is unknown, not wrong.
const (
	maxNodes = 1 << 20
	maxDepth = 256
	maxHeld  = 64 << 10 // nodes that are kept for the next row
)

// reset empties the document.
func (d *document) reset() {
	if d.status == docUnread {
		return
	}
	if cap(d.nodes) > maxHeld {
		d.nodes = nil
	}
	if cap(d.scratch) > maxHeld {
		d.scratch = nil
	}
	d.src, d.status = nil, docUnread
	d.nodes, d.stack, d.scratch = d.nodes[:0], d.stack[:0], d.scratch[:0]
}

// read parses src, which is borrowed until reset.
func (d *document) read(src []byte) {
	d.src = src
	p := jsonParser{d: d, b: src}
	d.status = p.document()
	if d.status != docGood {
		d.nodes = d.nodes[:0]
	}
}

// root returns the whole document as a value.
func (d *document) root() value {
	switch d.status {
	case docGood:
		return d.value(0)
	case docTooMuch:
		return unknown
	}
	return absent
}

// value returns a node as a value.
func (d *document) value(i uint32) value {
	n := &d.nodes[i]
	switch n.kind {
	case kindText:
		return rawText(d.text(n))
	case kindNumber:
		return number(parseNumber(d.src[n.start:n.end]))
	case kindBool:
		return flag(d.src[n.start] == 't')
	case kindNull:
		return value{kind: kindNull, state: stateKnown}
	}
	return value{kind: n.kind, state: stateKnown, index: int64(i), doc: d}
}

// text returns a string without quotes and escapes.
func (d *document) text(n *node) []byte {
	inner := d.src[n.start+1 : n.end-1]
	if !n.escaped {
		return inner
	}
	at := len(d.scratch)
	d.scratch = appendUnescaped(d.scratch, inner)
	return d.scratch[at:len(d.scratch):len(d.scratch)]
}

// member returns the value of a key. Of several equal keys the last one counts, as in
// browsers.
func (d *document) member(of uint32, key string) (found uint32, ok bool) {
	n := &d.nodes[of]
	if n.kind != kindObject {
		return 0, false
	}
	for i := of + 1; i < n.next; i = d.nodes[i+1].next {
		if k := &d.nodes[i]; !k.escaped && int(k.end-k.start) != len(key)+2 {
			continue
		} else if string(d.text(k)) == key {
			found, ok = i+1, true
		}
	}
	return found, ok
}

// item returns the element of an array; a negative index counts from the end.
func (d *document) item(of uint32, index int) (found uint32, ok bool) {
	n := &d.nodes[of]
	if n.kind != kindArray {
		return 0, false
	}
	if index < 0 {
		index += d.len(of)
	}
	if index < 0 {
		return 0, false
	}
	for i := of + 1; i < n.next; i = d.nodes[i].next {
		if index == 0 {
			return i, true
		}
		index--
	}
	return 0, false
}

// len counts the elements of an array or the members of an object.
func (d *document) len(of uint32) (n int) {
	c := &d.nodes[of]
	for i := of + 1; i < c.next; i = d.nodes[i].next {
		if c.kind == kindObject {
			i++ // from the key to its value
		}
		n++
	}
	return n
}

// parseNumber parses a number. Integers of up to 15 digits, which nearly all numbers
// are, need only this loop.
func parseNumber(b []byte) float64 {
	n, digits, negative := 0, b, b[0] == '-'
	if negative {
		digits = b[1:]
	}
	if len(digits) <= 15 {
		whole := true
		for _, c := range digits {
			if c < '0' || c > '9' {
				whole = false
				break
			}
			n = n*10 + int(c-'0')
		}
		if whole {
			if negative {
				n = -n
			}
			return float64(n)
		}
	}
	f, _ := strconv.ParseFloat(string(b), 64) // a number out of range becomes an infinity, which is right
	return f
}

func appendUnescaped(dst, s []byte) []byte {
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			dst = append(dst, s[i])
			i++
			continue
		}
		i += 2
		switch c := s[i-1]; c {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r := hexRune(s[i:])
			i += 4
			if utf16.IsSurrogate(r) {
				low := rune(utf8.RuneError)
				if i+6 <= len(s) && s[i] == '\\' && s[i+1] == 'u' {
					low = hexRune(s[i+2:])
				}
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					i += 6
				}
			}
			dst = utf8.AppendRune(dst, r)
		default: // quote, backslash, slash
			dst = append(dst, c)
		}
	}
	return dst
}

// hexRune parses four hex digits, which the parser has checked.
func hexRune(s []byte) (r rune) {
	for _, c := range s[:4] {
		r = r<<4 | rune(hexDigit(c))
	}
	return r
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// LooksJSON reports whether text begins like a JSON object or array.
func LooksJSON(text []byte) bool {
	for _, c := range text {
		switch c {
		case ' ', '\t', '\r', '\n':
		case '{', '[':
			return true
		default:
			return false
		}
	}
	return false
}
