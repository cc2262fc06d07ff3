package check

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/wsdump/wsdump/query"
)

// RuleError describes why a file of rules cannot be used, and where.
type RuleError struct {
	File         string
	Line, Column int // 1-based; 0 where the error has no position
	Text         string
	Hint         string // what to do, or ""
	Excerpt      string // lines that show the place in an expression, or ""
}

// Error returns "rules.yaml:3:5: text; hint", and the excerpt.
func (e *RuleError) Error() string {
	text := e.File
	if e.Line > 0 {
		text += fmt.Sprintf(":%d:%d", e.Line, e.Column)
	}
	text += ": " + e.Text
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	if e.Excerpt != "" {
		text += "\n" + e.Excerpt
	}
	return text
}

// document reads a tree of YAML (or JSON, which is a subset) key by key. It keeps the
// first error. After an error all reads return nothing.
type document struct {
	file string
	err  *RuleError
}

func (d *document) fail(n ast.Node, hint, format string, args ...any) {
	if d.err != nil {
		return
	}
	d.err = &RuleError{File: d.file, Text: fmt.Sprintf(format, args...), Hint: hint}
	d.err.Line, d.err.Column = place(n)
}

func place(n ast.Node) (line, column int) {
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return 0, 0
	}
	p := n.GetToken().Position
	return p.Line, p.Column
}

// maxRulesSize is how many bytes a file of rules may have.
const maxRulesSize = 1 << 20

// parse parses text, which must be a mapping.
func (d *document) parse(text []byte) *mapping {
	if len(text) > maxRulesSize {
		d.fail(nil, "", "a file of rules has at most %d bytes", maxRulesSize)
		return nil
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		d.fail(nil, "", "not YAML: %s", first)
		return nil
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		d.fail(nil, "wsdump check --init FILE writes a first one", "there are no rules in it")
		return nil
	}
	return d.mapping(file.Docs[0].Body, "a file of rules")
}

// mapping is a node with keys. Each key is read once.
type mapping struct {
	d     *document
	node  ast.Node
	what  string
	of    map[string]ast.Node
	keys  map[string]ast.Node
	order []string
	known []string
}

func (d *document) mapping(n ast.Node, what string) *mapping {
	m := &mapping{d: d, node: n, what: what, of: make(map[string]ast.Node), keys: make(map[string]ast.Node)}
	var pairs []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	case *ast.CommentGroupNode:
		return m
	default:
		d.fail(n, "", "%s has keys and values, and this is %s", what, nodeName(n))
		return m
	}
	for _, pair := range pairs {
		name, ok := scalar(pair.Key)
		if !ok {
			d.fail(pair.Key, "", "not a key")
			return m
		}
		if m.of[name] != nil {
			d.fail(pair.Key, "", "%s is there twice", name)
			return m
		}
		m.of[name], m.keys[name] = pair.Value, pair.Key
		m.order = append(m.order, name)
	}
	return m
}

// get returns the value of a key, nil when it is missing.
func (m *mapping) get(name string) ast.Node {
	m.known = append(m.known, name)
	n := m.of[name]
	if _, null := n.(*ast.NullNode); null {
		m.d.fail(m.keys[name], "", "%s has no value", name)
		return nil
	}
	return n
}

// end fails when there are keys that were not read: they are unknown.
func (m *mapping) end() {
	for _, name := range m.order {
		if !slices.Contains(m.known, name) {
			hint := "it is one of " + strings.Join(m.known, ", ")
			if near := query.Nearest(name, m.known); near != "" {
				hint = "did you mean " + near + "? " + hint
			}
			m.d.fail(m.keys[name], hint, "%s has no key %s", m.what, quoted(name))
			return
		}
	}
}

func quoted(s string) string { return fmt.Sprintf("%.60q", s) }

// text returns a text, "" when the key is missing.
func (m *mapping) text(name string) string {
	n := m.get(name)
	if n == nil {
		return ""
	}
	s, ok := scalar(n)
	if !ok {
		m.d.fail(n, "", "%s is a text, and this is %s", name, nodeName(n))
	}
	return s
}

// word returns one of a few words, and otherwise when the key is missing.
func (m *mapping) word(name, otherwise string, words ...string) string {
	s := m.text(name)
	if m.of[name] == nil {
		return otherwise
	}
	if !slices.Contains(words, s) {
		hint := ""
		if near := query.Nearest(s, words); near != "" {
			hint = "did you mean " + near + "?"
		}
		m.d.fail(m.of[name], hint, "%s is one of %s, and this is %s", name, strings.Join(words, ", "), quoted(s))
		return otherwise
	}
	return s
}

// duration returns a duration, 0 when the key is missing.
func (m *mapping) duration(name string) time.Duration {
	s := m.text(name)
	if m.of[name] == nil || m.d.err != nil {
		return 0
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		m.d.fail(m.of[name], "for instance 500ms, 2s or 1m30s", "%s is a length of time, and this is %s", name, quoted(s))
	}
	return d
}

// number returns a whole number, at least 0. ok is false when the key is missing.
func (m *mapping) number(name string) (n uint64, ok bool) {
	node := m.get(name)
	if node == nil {
		return 0, false
	}
	if i, is := node.(*ast.IntegerNode); is {
		switch v := i.Value.(type) {
		case uint64:
			return v, true
		case int64:
			if v >= 0 {
				return uint64(v), true
			}
		}
	}
	m.d.fail(node, "", "%s is a whole number from 0, and this is %s", name, nodeName(node))
	return 0, true
}

// list returns the items of a list. A single value is a list of one item.
func (m *mapping) list(name string) []ast.Node {
	switch n := m.get(name).(type) {
	case nil:
		return nil
	case *ast.SequenceNode:
		return n.Values
	default:
		return []ast.Node{n}
	}
}

// texts returns a list of texts.
func (m *mapping) texts(name string) (all []string) {
	for _, n := range m.list(name) {
		s, ok := scalar(n)
		if !ok {
			m.d.fail(n, "", "%s is a list of texts, and this is %s", name, nodeName(n))
		}
		all = append(all, s)
	}
	return all
}

// scalar returns a text, number or word as it was written.
func scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func nodeName(n ast.Node) string {
	switch n := n.(type) {
	case nil:
		return "nothing"
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.StringNode, *ast.LiteralNode:
		return "a text"
	case *ast.IntegerNode, *ast.FloatNode:
		return "a number"
	case *ast.AliasNode, *ast.AnchorNode:
		return "an alias, which files of rules do without"
	default:
		return strings.ToLower(n.Type().String())
	}
}
