package query

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"

	"github.com/wsdump/wsdump/timeline"
)

// inside compiles x in y, where y is a list in brackets, a range, a field that
// is a list, or an array or object of JSON.
func (c *compiler) inside(l expr, right ast.Node, where file.Location) (test, *Error) {
	switch n := right.(type) {
	case *ast.ArrayNode:
		return c.inArray(l, n, where)
	case *ast.BinaryNode:
		if n.Operator == ".." {
			return c.inRange(l, n, where)
		}
	}
	r, err := c.compile(right)
	if err != nil {
		return nil, err
	}
	left, eval := l.eval, r.eval
	switch {
	case r.typ == List && (l.typ == Text || l.typ == JSON):
		return func(row *Row) Verdict {
			a, b := left(row), eval(row)
			switch {
			case a.state == stateAbsent || b.state == stateAbsent:
				return inapplicable
			case a.state != stateKnown || b.state != stateKnown:
				return Unknown
			}
			return verdict(a.stringLike() && row.listHas(b.index, &a))
		}, nil
	case r.typ == JSON && (l.typ <= Text || l.typ == JSON || l.typ == null):
		return func(row *Row) Verdict {
			a, b := left(row), eval(row)
			return inJSON(&a, &b)
		}, nil
	case r.typ == Text:
		return nil, c.runes.at(where, "write: "+c.name(r)+" contains ...", "in looks into lists, not into text")
	}
	return nil, c.runes.at(where, "for instance: code in [1000, 1001]", "in cannot look for %s in %s", c.what(l), c.what(r))
}

// inJSON reports whether an array has an element, or an object a key.
func inJSON(a, b *value) Verdict {
	switch {
	case a.state == stateAbsent || b.state == stateAbsent:
		return inapplicable
	case a.state != stateKnown || b.state != stateKnown:
		return Unknown
	}
	switch b.kind {
	case kindArray:
		d, of := b.doc, uint32(b.index)
		for i := of + 1; i < d.nodes[of].next; i = d.nodes[i].next {
			if d.nodes[i].kind != a.kind && !(a.stringLike() && d.nodes[i].kind == kindText) {
				continue
			}
			if e := d.value(i); compare(opEqual, &e, a) == True {
				return True
			}
		}
		return False
	case kindObject:
		if !a.stringLike() {
			return False
		}
		key := a.str
		if a.isRaw {
			key = string(a.raw)
		}
		_, ok := b.doc.member(uint32(b.index), key)
		return verdict(ok)
	}
	return inapplicable
}

// inArray is true if == is true for any of the entries.
func (c *compiler) inArray(l expr, n *ast.ArrayNode, where file.Location) (test, *Error) {
	if len(n.Nodes) == 0 {
		return nil, c.runes.at(n.Location(), "", "nothing is in an empty list")
	}
	entries := make([]test, 0, len(n.Nodes))
	for _, node := range n.Nodes {
		e, err := c.compile(node)
		if err != nil {
			return nil, err
		}
		at := e.where
		t, err := c.compare("==", l, e, at)
		if err != nil {
			return nil, err
		}
		entries = append(entries, t)
	}
	return func(row *Row) Verdict {
		result := inapplicable
		for _, t := range entries {
			switch t(row) {
			case True:
				return True
			case Unknown:
				result = Unknown
			case False:
				if result == inapplicable {
					result = False
				}
			}
		}
		return result
	}, nil
}

// inRange compiles first <= x <= last.
func (c *compiler) inRange(l expr, n *ast.BinaryNode, where file.Location) (test, *Error) {
	var sides [2]test
	for i, node := range []ast.Node{n.Left, n.Right} {
		e, err := c.compile(node)
		if err != nil {
			return nil, err
		}
		if e.typ != Number || l.typ != Number && l.typ != JSON {
			return nil, c.runes.at(where, "for instance: code in 1000..1003", "a range is of numbers")
		}
		if sides[i], err = c.compare([]string{">=", "<="}[i], l, e, where); err != nil {
			return nil, err
		}
	}
	return func(row *Row) Verdict {
		a, b := sides[0](row), sides[1](row)
		switch {
		case a == inapplicable || b == inapplicable:
			return inapplicable
		case a == False || b == False:
			return False
		case a == Unknown || b == Unknown:
			return Unknown
		}
		return True
	}, nil
}

// wiresharkFields says what to write for the fields of Wireshark's display filters that
// people bring along; a key without a point stands for its whole protocol.
var wiresharkFields = map[string]string{
	"tcp.port":         `ports end the addresses: server endsWith ":80"; or take only packets of a port: -f 'tcp port 80'`,
	"tcp.srcport":      `ports end the addresses: client endsWith ":50000"`,
	"tcp.dstport":      `ports end the addresses: server endsWith ":80"`,
	"tcp.stream":       "did you mean conn?",
	"tcp":              `write client and server for the addresses, or take only some packets: -f 'tcp port 80'`,
	"ip":               `write client and server for the addresses, such as server startsWith "10.0.0.1:"; or -f 'host 10.0.0.1'`,
	"ipv6":             `write client and server for the addresses, such as server startsWith "[::1]:"; or -f 'host ::1'`,
	"eth":              "link layers have no fields; take only some packets: -f 'ether host ...'",
	"udp":              "a WebSocket has no UDP; take only some packets: -f 'udp port 53'",
	"frame.number":     "did you mean packet?",
	"frame.time":       "did you mean time?",
	"frame":            "did you mean packet, time or length?",
	"websocket.opcode": "did you mean op or opcode?",
	"websocket.mask":   "did you mean masked?",
	"websocket":        "did you mean text, bytes, op, opcode, fin, masked or length?",
	"http.host":        "did you mean host?",
	"http":             "did you mean url, host, path, status or request_header(\"name\")?",
	"tls":              "did you mean sni?",
}

// wiresharkField returns what to write for a field of Wireshark; "" where it is none.
func wiresharkField(protocol, field string) string {
	protocol = strings.ToLower(protocol)
	return cmp.Or(wiresharkFields[protocol+"."+strings.ToLower(field)], wiresharkFields[protocol])
}

// member compiles a.b or a[i].
func (c *compiler) member(n *ast.MemberNode) (expr, *Error) {
	where := n.Location()
	key, named := n.Property.(*ast.StringNode)
	if base, ok := n.Node.(*ast.IdentifierNode); ok && named && c.isGroup(base.Value) {
		return c.identifier(base.Value+"."+key.Value, base.Location())
	} else if ok && named {
		if hint := wiresharkField(base.Value, key.Value); hint != "" {
			return expr{}, c.runes.at(base.Location(), hint, "there is no field %q", base.Value+"."+key.Value)
		}
	}
	of, err := c.compile(n.Node)
	if err != nil {
		return expr{}, err
	}
	if named && of.typ == JSON {
		if of.root != nil {
			return pathOf(of.root, append(of.path[:len(of.path):len(of.path)], key.Value), of.where), nil
		}
		return pathOf(of.eval, []string{key.Value}, of.where), nil
	}
	if named {
		return expr{}, c.runes.at(where, "", "%s has no members", c.what(of))
	}
	index, err := c.compile(n.Property)
	if err != nil {
		return expr{}, err
	}
	if index.typ != Number && !(of.typ == JSON && (index.typ == Text || index.typ == JSON)) {
		return expr{}, c.runes.at(index.where, "", "an index must be a number, and this is %s", c.what(index))
	}
	at := index.eval
	switch of.typ {
	case JSON:
		return expr{typ: JSON, where: of.where, eval: func(r *Row) value {
			b, i := of.eval(r), at(r)
			return elementOf(&b, &i)
		}}, nil
	case Bytes:
		return expr{typ: Number, where: of.where, eval: func(r *Row) value {
			b, i := of.eval(r), at(r)
			return byteOf(&b, &i)
		}}, nil
	}
	return expr{}, c.runes.at(where, "", "%s has no elements", c.what(of))
}

// isGroup reports whether there are fields that begin with that word and a point.
func (c *compiler) isGroup(word string) bool {
	for i := range allFields {
		if strings.HasPrefix(allFields[i].Name, word+".") {
			return true
		}
	}
	return false
}

// pathOf compiles members of JSON.
func pathOf(root getter, path []string, where file.Location) expr {
	return expr{typ: JSON, root: root, path: path, where: where, eval: func(r *Row) value {
		v := root(r)
		if v.state != stateKnown || v.kind != kindObject {
			if v.state == stateUnknown {
				return unknown
			}
			return absent
		}
		d, i := v.doc, uint32(v.index)
		for _, key := range path {
			var ok bool
			if i, ok = d.member(i, key); !ok {
				return absent
			}
		}
		return d.value(i)
	}}
}

// bad returns the result of an index where the value or the index is not known.
func bad(of, index *value) (v value, is bool) {
	switch {
	case of.state == stateAbsent || index.state == stateAbsent:
		return absent, true
	case of.state == stateUnknown || index.state >= statePartial:
		return unknown, true
	}
	return absent, false
}

func elementOf(of, index *value) value {
	if v, is := bad(of, index); is {
		return v
	}
	i, ok := uint32(0), false
	switch {
	case of.kind == kindArray && index.kind == kindNumber && index.num == float64(int32(index.num)):
		i, ok = of.doc.item(uint32(of.index), int(index.num))
	case of.kind == kindObject && index.stringLike():
		i, ok = of.doc.member(uint32(of.index), string(bytesOf(index)))
	}
	if !ok {
		return absent
	}
	return of.doc.value(i)
}

// byteOf returns one byte. A negative index counts from the end.
func byteOf(of, index *value) value {
	if v, is := bad(of, index); is {
		return v
	}
	i, n := int(index.num), len(of.raw)
	switch {
	case index.num != float64(int32(index.num)):
		return absent
	case i < 0 && of.state == statePartial, i >= n && of.state == statePartial:
		return unknown
	case i < 0:
		i += n
	}
	if i < 0 || i >= n {
		return absent
	}
	return number(float64(of.raw[i]))
}

// slice compiles bytes[from:to].
func (c *compiler) slice(n *ast.SliceNode) (expr, *Error) {
	of, err := c.compile(n.Node)
	if err != nil {
		return expr{}, err
	}
	if of.typ != Bytes {
		return expr{}, c.runes.at(n.Location(), "for text there are startsWith and matches", "only bytes can be cut with [from:to], and this is %s", c.what(of))
	}
	bounds := [2]getter{}
	for i, node := range []ast.Node{n.From, n.To} {
		if node == nil {
			continue
		}
		e, err := c.compile(node)
		if err != nil {
			return expr{}, err
		}
		if v := e.eval; !e.constant || e.typ != Number || v(nil).num < 0 || v(nil).num > 1<<30 {
			return expr{}, c.runes.at(e.where, "", "the bounds of [from:to] must be numbers, not negative")
		}
		bounds[i] = e.eval
	}
	from, to := 0, -1
	if bounds[0] != nil {
		from = int(bounds[0](nil).num)
	}
	if bounds[1] != nil {
		to = int(bounds[1](nil).num)
	}
	return expr{typ: Bytes, where: of.where, eval: func(r *Row) value {
		v := of.eval(r)
		if v.state != stateKnown && v.state != statePartial {
			return v
		}
		end := len(v.raw)
		if to >= 0 {
			if end >= to {
				v.state = stateKnown
			}
			end = min(end, to)
		}
		v.raw = v.raw[min(from, end):end]
		return v
	}}, nil
}

// functionNames are the functions of the language.
var functionNames = []string{"has", "hex", "len", "lower", "upper", "request_header", "response_header"}

// call compiles a function.
func (c *compiler) call(name string, arguments []ast.Node, where file.Location) (expr, *Error) {
	switch name {
	case "has", "hex", "len", "lower", "upper", "request_header", "response_header":
	default:
		hint := "there are " + strings.Join(functionNames, ", ")
		if best := Nearest(name, functionNames); best != "" {
			hint = "did you mean " + best + "?"
		}
		return expr{}, c.runes.at(where, hint, "there is no function %q", name)
	}
	if len(arguments) != 1 {
		return expr{}, c.runes.at(where, "", "%s takes one argument", name)
	}
	e, err := c.compile(arguments[0])
	if err != nil {
		return expr{}, err
	}
	switch name {
	case "has":
		if e.constant {
			return expr{}, c.runes.at(e.where, "", "has asks for a field or a member of json")
		}
		return ofTest(func(r *Row) Verdict {
			switch v := e.eval(r); v.state {
			case stateAbsent:
				return False
			case stateUnknown:
				return Unknown
			}
			return True
		}, where), nil
	case "hex":
		if !e.constant || e.typ != Text {
			return expr{}, c.runes.at(e.where, `for instance hex("0aff")`, "hex takes digits in quotes")
		}
		b, bad := hex.DecodeString(strings.NewReplacer(" ", "", ":", "").Replace(e.eval(nil).str))
		if bad != nil {
			return expr{}, c.runes.at(e.where, `for instance hex("0aff")`, "these are not bytes in hex")
		}
		return literal(blob(b), Bytes, where), nil
	case "len":
		if e.typ < Text || e.typ == Time || e.typ == null {
			return expr{}, c.runes.at(e.where, "", "len takes text, bytes, a list or json, and this is %s", c.what(e))
		}
		return expr{typ: Number, where: where, eval: func(r *Row) value { return length(r, e.eval(r)) }}, nil
	case "lower", "upper":
		if e.typ != Text && e.typ != JSON {
			return expr{}, c.runes.at(e.where, "", "%s takes text, and this is %s", name, c.what(e))
		}
		return expr{typ: Text, where: where, constant: e.constant, eval: func(r *Row) value { return changeCase(e.eval(r), name == "lower") }}, nil
	}
	if !e.constant || e.typ != Text {
		return expr{}, c.runes.at(e.where, `for instance request_header("cookie")`, "%s takes a name in quotes", name)
	}
	key := e.eval(nil).str
	if name == "request_header" {
		return expr{typ: Text, where: where, eval: asked(func(h *timeline.Handshake) value { return header(h.RequestHeaders, key) })}, nil
	}
	return expr{typ: Text, where: where, eval: answered(func(h *timeline.Handshake) value { return header(h.ResponseHeaders, key) })}, nil
}

// length counts characters of text, bytes, entries, elements or members.
func length(r *Row, v value) value {
	switch {
	case v.state == stateAbsent || v.state == stateUnknown:
		return v
	case v.kind == kindText && v.isRaw:
		return number(float64(utf8.RuneCount(v.raw))).partly(v.state == statePartial)
	case v.kind == kindText:
		return number(float64(utf8.RuneCountInString(v.str))).partly(v.state == statePartial)
	case v.kind == kindBytes:
		return number(float64(len(v.raw))).partly(v.state == statePartial)
	case v.kind == kindList:
		return number(float64(r.listLen(v.index)))
	case v.kind == kindArray || v.kind == kindObject:
		return number(float64(v.doc.len(uint32(v.index))))
	}
	return absent
}

func changeCase(v value, lower bool) value {
	switch {
	case v.state == stateAbsent || v.state == stateUnknown:
		return v
	case v.kind != kindText:
		return absent
	case v.isRaw && lower:
		v.raw = bytes.ToLower(v.raw)
	case v.isRaw:
		v.raw = bytes.ToUpper(v.raw)
	case lower:
		v.str = strings.ToLower(v.str)
	default:
		v.str = strings.ToUpper(v.str)
	}
	return v
}
