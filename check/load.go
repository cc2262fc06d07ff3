package check

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/wsdump/wsdump/normalize"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/timeline"
)

// Load reads a file of rules, YAML or JSON, and the schemas and transcripts that it
// names, by paths relative to it. Errors in the rules are [*RuleError]s with their
// position. known are the protocol's rules: names under protocol must be among them.
// Without known, any name is accepted.
func Load(path string, known ...*timeline.Rule) (*Rules, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return read(path, text, known)
}

// read parses the text of a file of rules.
func read(path string, text []byte, known []*timeline.Rule) (*Rules, error) {
	l := &loader{document: document{file: path}, known: known, ids: make(map[string]bool)}
	rules := l.rules(l.parse(text))
	if l.err != nil {
		return nil, l.err
	}
	return rules, nil
}

type loader struct {
	document
	known   []*timeline.Rule
	ids     map[string]bool
	warning bool
	zero    Outcome
}

func (l *loader) rules(m *mapping) *Rules {
	if m == nil {
		return nil
	}
	r := &Rules{}
	if v, is := m.number("version"); l.err == nil && (!is || v != 1) {
		l.fail(m.node, "begin with version: 1", "this wsdump reads version 1 of the rules")
	}
	r.Scope = l.scope(m.get("scope"))
	l.warning, l.zero = l.defaults(m.get("defaults"))
	if n := m.get("protocol"); n != nil {
		r.Protocol = l.protocol(n)
		if r.Protocol != nil {
			r.Checks = append(r.Checks, r.Protocol)
		}
	}
	for _, n := range m.list("checks") {
		if c := l.check(n); l.err == nil {
			r.Checks = append(r.Checks, c)
		}
	}
	m.end()
	if l.err == nil && len(r.Checks) == 0 {
		l.fail(m.node, "give it checks, or protocol with a profile", "there is nothing to check")
	}
	return r
}

// scope returns an expression for hosts and ports.
func (l *loader) scope(n ast.Node) *query.Program {
	if n == nil {
		return nil
	}
	m := l.mapping(n, "scope")
	var hosts, ports []string
	for _, host := range m.texts("hosts") {
		host = strings.ToLower(host)
		if name, wild := strings.CutPrefix(host, "*."); wild {
			hosts = append(hosts, "host endsWith "+strconv.Quote("."+name))
		} else {
			hosts = append(hosts, "host == "+strconv.Quote(host))
		}
	}
	for _, item := range m.list("ports") {
		text, _ := scalar(item)
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			l.fail(item, "", "a port is a number up to 65535, and this is %s", quoted(text))
		}
		ports = append(ports, "server endsWith "+strconv.Quote(":"+strconv.FormatUint(port, 10)))
	}
	m.end()
	var all []string
	for _, some := range [][]string{hosts, ports} {
		if len(some) > 0 {
			all = append(all, "("+strings.Join(some, " or ")+")")
		}
	}
	if len(all) == 0 || l.err != nil {
		return nil
	}
	return l.compile(n, strings.Join(all, " and "), query.Rows)
}

func (l *loader) defaults(n ast.Node) (warning bool, zero Outcome) {
	if n == nil {
		return false, Fail
	}
	m := l.mapping(n, "defaults")
	warning, zero = l.common(m, false, Fail)
	m.end()
	return warning, zero
}

// common reads the keys that defaults and every check have.
func (l *loader) common(m *mapping, warning bool, zero Outcome) (bool, Outcome) {
	severity := "error"
	if warning {
		severity = "warning"
	}
	outcomes := []Outcome{Fail, Pass, Inconclusive}
	match := m.word("zero_match", zero.String(), "fail", "pass", "inconclusive")
	for _, o := range outcomes {
		if o.String() == match {
			zero = o
		}
	}
	return m.word("severity", severity, "error", "warning") == "warning", zero
}

func (l *loader) protocol(n ast.Node) *Check {
	m := l.mapping(n, "protocol")
	profile := m.word("profile", "basic", "off", "basic", "strict")
	set := make(map[string]Override)
	if n := m.get("set"); n != nil {
		of := l.mapping(n, "set")
		ids := make([]string, len(l.known))
		for i, rule := range l.known {
			ids[i] = rule.ID
		}
		for _, id := range of.order {
			if len(ids) > 0 && !slices.Contains(ids, id) {
				hint := "wsdump rules lists them"
				if near := query.Nearest(id, ids); near != "" {
					hint = "did you mean " + near + "?"
				}
				l.fail(of.keys[id], hint, "there is no rule %s", quoted(id))
			}
			o := Override{}
			switch of.word(id, "", "off", "note", "warning", "error") {
			case "off":
				o.Off = true
			case "warning":
				o.Severity = timeline.Warning
			case "error":
				o.Severity = timeline.Error
			}
			set[id] = o
		}
	}
	m.end()
	if profile == "off" || l.err != nil {
		return nil
	}
	p := Basic
	if profile == "strict" {
		p = Strict
	}
	c := Protocol(p, set)
	c.File = l.file
	c.Line, _ = place(n)
	return c
}

// verbs are the keys that say what a check judges. A check has one of them.
var verbs = []string{"message", "connection", "sequence", "exchange", "ping", "rate", "reconnect", "golden"}

func (l *loader) check(n ast.Node) *Check {
	m := l.mapping(n, "a check")
	c := &Check{ID: m.text("id"), File: l.file}
	c.Line, _ = place(n)
	if l.err == nil && c.ID == "" {
		l.fail(n, "for instance id: login", "a check needs an id")
	}
	if l.ids[c.ID] {
		l.fail(m.of["id"], "", "there is another check with the id %s", quoted(c.ID))
	}
	l.ids[c.ID] = true
	c.Warning, c.ZeroMatch = l.common(m, l.warning, l.zero)
	var found []string
	for _, name := range verbs {
		if m.of[name] != nil {
			found = append(found, name)
		}
	}
	if len(found) == 1 {
		c.verb = l.verb(m, found[0])
	}
	m.known = append(m.known, verbs...)
	m.end()
	if l.err == nil && len(found) != 1 {
		l.fail(n, "", "a check has one of %s, and this has %d", strings.Join(verbs, ", "), len(found))
	}
	if l.err == nil {
		c.Text = c.verb.String()
	}
	return c
}

func (l *loader) verb(m *mapping, name string) verb {
	n := m.get(name)
	if n == nil {
		return nil
	}
	if name == "golden" {
		return l.golden(m, n)
	}
	of := l.mapping(n, name)
	defer of.end()
	switch name {
	case "message":
		return l.rows(of, query.Rows)
	case "connection":
		return l.rows(of, query.Connections)
	case "sequence":
		return l.sequence(of)
	case "exchange":
		return l.exchange(of)
	case "ping":
		return l.ping(of)
	case "rate":
		return l.rate(of)
	}
	return l.reconnect(of)
}

// expression compiles the expression of a key, nil when the key is missing.
func (l *loader) expression(m *mapping, name string, scope query.Scope) *query.Program {
	text := m.text(name)
	if m.of[name] == nil || l.err != nil {
		return nil
	}
	return l.compile(m.of[name], text, scope)
}

func (l *loader) compile(n ast.Node, text string, scope query.Scope) *query.Program {
	program, err := query.Compile(text, scope)
	l.wrong(n, err)
	return program
}

// wrong fails with the error of an expression.
func (l *loader) wrong(n ast.Node, err error) {
	if special := (*query.Error)(nil); errors.As(err, &special) {
		l.fail(n, special.Hint, "%s", special.Message)
		l.err.Excerpt = special.Excerpt()
	} else if err != nil {
		l.fail(n, "", "%s", err)
	}
}

func (l *loader) where(m *mapping) where {
	return where{l.expression(m, "where", query.Connections)}
}

func (l *loader) rows(m *mapping, scope query.Scope) verb {
	v := &rows{scope: scope, where: l.expression(m, "where", scope)}
	for how, name := range quantifiers {
		for _, n := range m.list(name) {
			l.condition(v, n, name, quantifier(how), scope)
		}
	}
	for _, n := range m.list("expect") { // what connections are expected to be
		l.condition(v, n, "expect", every, scope)
	}
	v.count = l.count(m.get("count"))
	if scope == query.Rows {
		if file := m.text("schema"); file != "" && l.err == nil {
			text := l.named(m.of["schema"], file)
			var err error
			if v.schema, err = newSchema(file, text); err != nil {
				l.fail(m.of["schema"], "", "%s: %s", file, err)
			}
		}
	}
	if l.err == nil && len(v.conditions) == 0 && v.count == nil && v.schema == nil {
		l.fail(m.node, "give it none, some, every or count", "this says nothing of its rows")
	}
	return v
}

func (l *loader) condition(v *rows, n ast.Node, name string, how quantifier, scope query.Scope) {
	text, ok := scalar(n)
	if !ok {
		l.fail(n, "", "%s is an expression, or a list of them, and this is %s", name, nodeName(n))
		return
	}
	v.conditions = append(v.conditions, condition{how: how, program: l.compile(n, text, scope)})
}

// count reads a number, or min and max.
func (l *loader) count(n ast.Node) *counted {
	if n == nil {
		return nil
	}
	if i, is := n.(*ast.IntegerNode); is {
		if v, fits := i.Value.(uint64); fits {
			return &counted{min: v, max: v, bounded: true}
		}
	}
	m := l.mapping(n, "count")
	c := &counted{}
	c.min, _ = m.number("min")
	c.max, c.bounded = m.number("max")
	m.end()
	if l.err == nil && c.bounded && c.max < c.min {
		l.fail(n, "", "max is less than min")
	}
	return c
}

// named reads a file that the rules name.
func (l *loader) named(n ast.Node, name string) []byte {
	text, err := os.ReadFile(l.beside(name))
	if err != nil {
		l.fail(n, "paths are relative to the file of rules", "%s", err)
	}
	return text
}

func (l *loader) beside(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(l.file), name)
}

func (l *loader) sequence(m *mapping) verb {
	v := &sequence{where: l.where(m)}
	for _, n := range m.list("steps") {
		of := l.mapping(n, "a step")
		s := step{within: of.duration("within")}
		found := 0
		for _, name := range []string{"send", "receive", "any"} {
			if p := l.expression(of, name, query.Rows); p != nil {
				s.program, s.any = p, name == "any"
				if name == "receive" {
					s.dir = timeline.ServerToClient
				}
				found++
			}
		}
		of.end()
		if l.err == nil && found != 1 {
			l.fail(n, "", "a step has one of send, receive and any")
		}
		v.steps = append(v.steps, s)
	}
	if l.err == nil && len(v.steps) == 0 {
		l.fail(m.node, "", "a sequence needs steps")
	}
	return v
}

func (l *loader) exchange(m *mapping) verb {
	v := &exchange{
		where: l.where(m), request: l.expression(m, "request", query.Rows), reply: l.expression(m, "reply", query.Rows), within: m.duration("within"),
	}
	if key := m.text("key"); key != "" && l.err == nil {
		var err error
		v.key, err = query.CompileTerm(key)
		l.wrong(m.of["key"], err)
	}
	v.unanswered, _ = m.number("unanswered")
	for _, q := range []quantile{{"p50", .5, 0}, {"p95", .95, 0}, {"p99", .99, 0}} {
		if q.most = m.duration(q.name); q.most > 0 {
			v.quantiles = append(v.quantiles, q)
		}
	}
	if l.err == nil && (v.request == nil || v.reply == nil) {
		l.fail(m.node, "", "an exchange needs a request and a reply")
	}
	return v
}

func (l *loader) ping(m *mapping) verb {
	v := &ping{where: l.where(m), rtt: m.duration("rtt_max"), interval: m.duration("interval_max")}
	if n, is := m.number("unanswered"); is {
		v.unanswered = &n
	}
	if l.err == nil && v.unanswered == nil && v.rtt == 0 && v.interval == 0 {
		l.fail(m.node, "", "ping says one of unanswered, rtt_max and interval_max")
	}
	return v
}

func (l *loader) rate(m *mapping) verb {
	v := &rate{where: l.expression(m, "where", query.Rows), per: m.duration("per"), all: m.word("of", "connection", "connection", "all") == "all"}
	most, is := m.number("max")
	if v.per == 0 {
		v.per = time.Second
	}
	if l.err == nil && (!is || most == 0 || most > maxRate) {
		l.fail(m.node, "", "rate needs a max, from 1 to %d", maxRate)
	}
	v.max = int(min(most, maxRate))
	return v
}

func (l *loader) reconnect(m *mapping) verb {
	v := &reconnect{where: l.where(m), within: m.duration("within")}
	v.count.min, _ = m.number("min")
	v.count.max, v.count.bounded = m.number("max")
	if v.within == 0 {
		v.within = 30 * time.Second
	}
	if l.err == nil && !v.count.bounded && v.count.min == 0 {
		l.fail(m.node, "", "reconnect says max, of each client, or min, of all together")
	}
	return v
}

func (l *loader) golden(m *mapping, n ast.Node) verb {
	name, ok := scalar(n)
	if !ok {
		l.fail(n, "", "golden is the path of a transcript, and this is %s", nodeName(n))
		return nil
	}
	v := &golden{name: name, file: l.beside(name), where: l.expression(m, "where", query.Rows)}
	text, err := os.ReadFile(v.file)
	switch {
	case err == nil:
		v.want = text
	case !errors.Is(err, os.ErrNotExist):
		l.fail(n, "", "%s", err)
	}
	for _, n := range m.list("normalize") {
		of := l.mapping(n, "normalize")
		path, match, with := of.text("path"), of.text("match"), of.text("with")
		of.end()
		var rule normalize.Rule
		switch {
		case l.err != nil:
			continue
		case (path == "") == (match == ""):
			l.fail(n, "", "normalize has a path or a match, and what it is replaced with")
		case path != "":
			rule, err = normalize.Path(path, with)
			l.wrong(of.of["path"], err)
		default:
			rule, err = normalize.Match(match, with)
			l.wrong(of.of["match"], err)
		}
		v.normalize = append(v.normalize, rule)
	}
	return v
}
