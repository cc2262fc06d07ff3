package query

import (
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
)

// test is a compiled condition.
type test func(*Row) Verdict

// compiler turns a syntax tree into closures and checks types on the way.
type compiler struct {
	text  string
	scope Scope
	runes places
	used  []*Field
}

// expr is a compiled part of an expression.
type expr struct {
	typ      Type
	eval     getter
	test     test   // set where the part is a condition of its own
	constant bool   // eval needs no row
	field    *Field // set where the part is a field alone
	where    file.Location
	root     getter   // of a path into JSON: where it starts
	path     []string // of a path into JSON that consists of members only
}

// maxSyntax is how many nodes a syntax tree may have.
const maxSyntax = 2000

func (c *compiler) program() (test, error) {
	if len(c.text) > MaxText {
		return nil, c.runes.at(file.Location{}, "", "the expression has %d bytes; at most %d are read", len(c.text), MaxText)
	}
	if strings.TrimSpace(c.text) == "" {
		return nil, c.runes.at(file.Location{}, `for instance: type == "message" and dir == "send"`, "the expression is empty")
	}
	config := conf.CreateNew()
	config.MaxNodes = maxSyntax
	tree, err := parser.ParseWithConfig(c.text, config)
	if err != nil {
		return nil, c.runes.ofParser(err)
	}
	e, fail := c.compile(tree.Node)
	if fail != nil {
		return nil, fail
	}
	t, fail := c.condition(e)
	if fail != nil {
		return nil, fail
	}
	return t, nil
}

// condition returns e as a condition.
func (c *compiler) condition(e expr) (test, *Error) {
	switch {
	case e.test != nil:
		return e.test, nil
	case e.typ == Bool || e.typ == JSON:
		eval := e.eval
		return func(r *Row) Verdict { return eval(r).truth() }, nil
	}
	return nil, c.runes.at(e.where, "compare it with something, or ask has(...)", "a condition is needed here, and this is %s", c.what(e))
}

// what returns a description of e for an error.
func (c *compiler) what(e expr) string {
	if e.field != nil {
		return "the field " + e.field.Name + ", which is " + e.typ.String()
	}
	return e.typ.String()
}

// ofTest makes an expr of a condition.
func ofTest(t test, where file.Location) expr {
	return expr{typ: Bool, test: t, where: where, eval: func(r *Row) value { return ofVerdict(t(r)) }}
}

func literal(v value, t Type, where file.Location) expr {
	return expr{typ: t, constant: true, where: where, eval: func(*Row) value { return v }}
}

// compile turns a node into closures.
func (c *compiler) compile(n ast.Node) (expr, *Error) {
	where := n.Location()
	switch n := n.(type) {
	case *ast.IdentifierNode:
		return c.identifier(n.Value, where)
	case *ast.IntegerNode:
		return literal(number(float64(n.Value)), Number, where), nil
	case *ast.FloatNode:
		return literal(number(n.Value), Number, where), nil
	case *ast.StringNode:
		v := text(n.Value)
		return literal(v, Text, where), nil
	case *ast.BytesNode:
		return literal(blob(n.Value), Bytes, where), nil
	case *ast.BoolNode:
		return literal(flag(n.Value), Bool, where), nil
	case *ast.NilNode:
		return literal(value{kind: kindNull, state: stateKnown}, null, where), nil
	case *ast.UnaryNode:
		return c.unary(n)
	case *ast.BinaryNode:
		return c.binary(n)
	case *ast.ChainNode: // ?. is the same as a point: a member of something absent is absent
		return c.compile(n.Node)
	case *ast.MemberNode:
		return c.member(n)
	case *ast.SliceNode:
		return c.slice(n)
	case *ast.CallNode:
		if callee, ok := n.Callee.(*ast.IdentifierNode); ok {
			return c.call(callee.Value, n.Arguments, where)
		}
		return expr{}, c.runes.at(where, "", "values have no functions of their own; write lower(x), not x.lower()")
	case *ast.BuiltinNode:
		return c.call(n.Name, n.Arguments, where)
	case *ast.ConditionalNode:
		return c.choice(n)
	case *ast.ArrayNode:
		return expr{}, c.runes.at(where, "for instance: code in [1000, 1001]", "a list can stand only to the right of in")
	case *ast.VariableDeclaratorNode, *ast.SequenceNode:
		return expr{}, c.runes.at(where, "", "an expression is one condition, without let and ;")
	case *ast.PredicateNode, *ast.PointerNode, *ast.MapNode:
		return expr{}, c.runes.at(where, "", "not part of this language")
	}
	return expr{}, c.runes.at(where, "", "not part of this language")
}

// identifier is a field, or null.
func (c *compiler) identifier(name string, where file.Location) (expr, *Error) {
	if name == "null" {
		return literal(value{kind: kindNull, state: stateKnown}, null, where), nil
	}
	var other *Field
	for i := range allFields {
		f := &allFields[i]
		if f.Name != name {
			continue
		}
		if f.in(c.scope) {
			return c.use(f, where), nil
		}
		other = f
	}
	switch {
	case other != nil && c.scope == Rows:
		return expr{}, c.runes.at(where, "it can be asked by `list -Y` and by the connection checks", "%s is known of whole connections only, not of a row", name)
	case other != nil:
		return expr{}, c.runes.at(where, "", "%s belongs to single rows (%s), and this judges connections", name, other.Rows)
	}
	hint := c.suggest(name)
	if inGroup := c.group(name); inGroup != "" {
		hint = "write one of " + inGroup
	}
	return expr{}, c.runes.at(where, hint, "there is no field %q", name)
}

// use notes that the expression names f.
func (c *compiler) use(f *Field, where file.Location) expr {
	if !slices.Contains(c.used, f) {
		c.used = append(c.used, f)
	}
	e := expr{typ: f.Type, eval: f.value, field: f, where: where}
	if f.Type == JSON {
		e.root = f.value
	}
	return e
}

// group returns the fields whose first word is name: sent, findings.
func (c *compiler) group(name string) string {
	var in []string
	for _, f := range Fields(c.scope) {
		if strings.HasPrefix(f.Name, name+".") {
			in = append(in, f.Name)
		}
	}
	return strings.Join(in, ", ")
}

// otherNames are names of other tools, and our fields for them.
var otherNames = map[string]string{
	"base64": "bytes", "payload": "text or bytes", "data": "text or bytes", "body": "text or bytes", "message": "text", "direction": "dir",
	"size": "length", "len": "length", "connection": "conn", "stream": "conn", "id": "conn", "protocol": "subprotocol",
	"uri": "url", "request_headers": `request_header("name")`, "response_headers": `response_header("name")`, "timestamp": "time", "ts": "t",
	"src": "client", "dst": "server", "ip": "client or server", "name": "rule", "level": "severity", "error": "severity",
}

func (c *compiler) suggest(name string) string {
	if other, ok := otherNames[strings.ToLower(name)]; ok {
		return "did you mean " + other + "?"
	}
	var names []string
	for _, f := range Fields(c.scope) {
		names = append(names, f.Name)
	}
	names = append(names, functionNames...)
	if best := Nearest(name, names); best != "" {
		return "did you mean " + best + "?"
	}
	if strings.IndexByte(name, '.') < 0 {
		return "text is written in quotes, members of a JSON payload as json." + name
	}
	return ""
}

// unary compiles not, and signs.
func (c *compiler) unary(n *ast.UnaryNode) (expr, *Error) {
	where := n.Location()
	switch n.Operator {
	case "not", "!":
		if b, ok := n.Node.(*ast.BinaryNode); ok && b.Location() == where {
			return c.negated(b) // x not in y
		}
		e, err := c.compile(n.Node)
		if err != nil {
			return expr{}, err
		}
		t, err := c.condition(e)
		if err != nil {
			return expr{}, err
		}
		return ofTest(func(r *Row) Verdict { return t(r).Not() }, where), nil
	}
	e, err := c.compile(n.Node)
	if err != nil {
		return expr{}, err
	}
	if e.typ != Number && e.typ != JSON {
		return expr{}, c.runes.at(where, "", "%s takes a number, and this is %s", n.Operator, c.what(e))
	}
	if n.Operator == "+" {
		return e, nil
	}
	zero := literal(number(0), Number, where)
	return c.fold("-", zero, e, where), nil
}

// choice compiles cond ? a : b.
func (c *compiler) choice(n *ast.ConditionalNode) (expr, *Error) {
	where := n.Cond.Location()
	cond, err := c.compile(n.Cond)
	if err != nil {
		return expr{}, err
	}
	t, err := c.condition(cond)
	if err != nil {
		return expr{}, err
	}
	a, err := c.compile(n.Exp1)
	if err != nil {
		return expr{}, err
	}
	b, err := c.compile(n.Exp2)
	if err != nil {
		return expr{}, err
	}
	typ, ok := common(a.typ, b.typ)
	if !ok {
		return expr{}, c.runes.at(b.where, "", "both outcomes must be of one type, and these are %s and %s", c.what(a), c.what(b))
	}
	return expr{typ: typ, where: where, eval: func(r *Row) value {
		switch t(r) {
		case True:
			return a.eval(r)
		case False:
			return b.eval(r)
		}
		return unknown
	}}, nil
}

// common returns the type of a value that may have either type.
func common(a, b Type) (Type, bool) {
	switch {
	case a == b && a != null:
		return a, true
	case (a == JSON || a == null) && (b == JSON || b <= Text || b == null), b == JSON && a <= Text:
		return JSON, true
	}
	return 0, false
}

// asTime turns a text literal into a time where the other side is a time.
func (c *compiler) asTime(e expr, other Type) (expr, *Error) {
	if other != Time || e.typ != Text || !e.constant {
		return e, nil
	}
	s := e.eval(nil)
	at, err := time.Parse(time.RFC3339Nano, s.str)
	if err != nil || at.Year() < 1678 || at.Year() > 2261 {
		return expr{}, c.runes.at(e.where, `for instance "2026-11-22T10:00:00Z"`, "this is not a time in RFC 3339")
	}
	return literal(instant(at.UnixNano()), Time, e.where), nil
}

// checkWord rejects text that a field can never have.
func (c *compiler) checkWord(f *Field, e expr) *Error {
	if f == nil || f.Words == nil || !e.constant || e.typ != Text {
		return nil
	}
	v, words := e.eval(nil), f.Words
	if f.Name == "type" { // its last word is of connections, the others of rows
		last := len(words) - 1
		if words = words[:last]; c.scope == Connections {
			words = f.Words[last:]
		}
	}
	if slices.Contains(words, v.str) {
		return nil
	}
	hint := "it is one of " + strings.Join(words, ", ")
	if best := Nearest(v.str, words); best != "" {
		hint = "did you mean " + best + "? " + hint
	}
	return c.runes.at(e.where, hint, "%s is never %q", f.Name, v.str)
}
