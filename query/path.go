package query

import (
	"fmt"
	"strconv"
	"strings"
)

// Path leads to values inside JSON: `json.user.name`, `list[0].id`, `items[*].token`. It
// is for code that looks into many payloads and needs no condition. The first name may
// be json, which means the whole payload, as in an expression.
type Path struct {
	text  string
	steps []step
}

// step is one part of a path.
type step struct {
	kind  stepKind
	name  string
	index int
}

type stepKind uint8

const (
	stepName stepKind = iota
	stepIndex
	stepAll // every element, or every member
)

// ParsePath parses a path. The error describes what is wrong with it.
func ParsePath(text string) (Path, error) {
	p := Path{text: text}
	rest := text
	if after, ok := strings.CutPrefix(rest, "json"); ok && (after == "" || after[0] == '.' || after[0] == '[') {
		rest = after
	} else {
		rest = "." + rest
	}
	for rest != "" {
		switch rest[0] {
		case '.':
			end := strings.IndexAny(rest[1:], ".[")
			if end < 0 {
				end = len(rest) - 1
			}
			name := rest[1 : 1+end]
			switch name {
			case "":
				return Path{}, fmt.Errorf("a name is missing in the path %q", text)
			case "*":
				p.steps = append(p.steps, step{kind: stepAll})
			default:
				p.steps = append(p.steps, step{kind: stepName, name: name})
			}
			rest = rest[1+end:]
		case '[':
			inner, after, ok := strings.Cut(rest[1:], "]")
			if !ok {
				return Path{}, fmt.Errorf("a ] is missing in the path %q", text)
			}
			switch n, err := strconv.Atoi(inner); {
			case inner == "*":
				p.steps = append(p.steps, step{kind: stepAll})
			case err == nil:
				p.steps = append(p.steps, step{kind: stepIndex, index: n})
			case len(inner) >= 2 && (inner[0] == '"' || inner[0] == '\'') && inner[len(inner)-1] == inner[0]:
				p.steps = append(p.steps, step{kind: stepName, name: inner[1 : len(inner)-1]})
			default:
				return Path{}, fmt.Errorf("[%s] in the path %q is no number, no * and no quoted name", inner, text)
			}
			rest = after
		default:
			return Path{}, fmt.Errorf("a . or [ is missing in the path %q before %q", text, rest)
		}
	}
	return p, nil
}

// String returns the path as it was written.
func (p Path) String() string { return p.text }

// Document is JSON in which paths are looked up. Each Read uses its memory again. The
// zero value is ready.
type Document struct{ doc document }

// Read parses JSON, borrowed until the next Read, and reports whether it is JSON
// (RFC 8259) within the bounds of this package.
func (d *Document) Read(src []byte) bool {
	d.doc.reset()
	d.doc.read(src)
	return d.doc.status == docGood
}

// Place is where a value is in the text of a document, as offsets, quotes included.
type Place struct{ Start, End int }

// Places returns the places of all values at a path, in order.
func (d *Document) Places(p Path) (all []Place) {
	if d.doc.status != docGood {
		return nil
	}
	d.walk(0, p.steps, func(i uint32) {
		n := &d.doc.nodes[i]
		all = append(all, Place{int(n.start), int(n.end)})
	})
	return all
}

// Text returns the first value of a path as text: a string without quotes and
// escapes, anything else as it was written. It is borrowed until the next Read.
func (d *Document) Text(p Path) (text []byte, ok bool) {
	if d.doc.status != docGood {
		return nil, false
	}
	d.walk(0, p.steps, func(i uint32) {
		if ok {
			return
		}
		ok = true
		if n := &d.doc.nodes[i]; n.kind == kindText {
			text = d.doc.text(n)
		} else {
			text = d.doc.src[n.start:n.end]
		}
	})
	return text, ok
}

// walk calls found for each value that steps lead to from node i.
func (d *Document) walk(i uint32, steps []step, found func(uint32)) {
	if len(steps) == 0 {
		found(i)
		return
	}
	s := &steps[0]
	switch n := &d.doc.nodes[i]; s.kind {
	case stepName:
		if next, ok := d.doc.member(i, s.name); ok {
			d.walk(next, steps[1:], found)
		}
	case stepIndex:
		if next, ok := d.doc.item(i, s.index); ok {
			d.walk(next, steps[1:], found)
		}
	case stepAll:
		if n.kind != kindObject && n.kind != kindArray {
			return
		}
		for k := i + 1; k < n.next; k = d.doc.nodes[k].next {
			if n.kind == kindObject {
				k++ // from the key to its value
			}
			d.walk(k, steps[1:], found)
		}
	}
}
