package check

import (
	"fmt"
	"strings"

	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/timeline"
)

// rows judges messages or connections one by one. It is the verbs message and
// connection, and the assertions of the command line.
type rows struct {
	scope      query.Scope
	where      *query.Program // nil: all
	conditions []condition
	schema     *schema // of the payload of messages; nil for none
	count      *counted
}

// condition is an expression that the rows are judged by.
type condition struct {
	how     quantifier
	program *query.Program
}

// quantifier is how many rows must match a condition.
type quantifier uint8

const (
	none  quantifier = iota // no row matches
	some                    // at least one does
	every                   // all do
)

var quantifiers = [...]string{"none", "some", "every"}

func (q quantifier) String() string { return quantifiers[q] }

// counted is how many rows there must be.
type counted struct {
	min, max uint64
	bounded  bool // max counts
}

func (c *counted) String() string {
	switch {
	case c.bounded && c.min == c.max:
		return fmt.Sprint(c.min)
	case c.bounded:
		return fmt.Sprintf("%d to %d", c.min, c.max)
	}
	return fmt.Sprintf("at least %d", c.min)
}

func (v *rows) String() string {
	var parts []string
	for _, c := range v.conditions {
		parts = append(parts, c.how.String()+": "+c.program.String())
	}
	if v.schema != nil {
		parts = append(parts, "schema: "+v.schema.name)
	}
	if v.count != nil {
		parts = append(parts, "count: "+v.count.String())
	}
	text := "message "
	if v.scope == query.Connections {
		text = "connection "
	}
	if v.where != nil {
		text += "where " + v.where.String() + "; "
	}
	return text + strings.Join(parts, "; ")
}

func (v *rows) assess(j *Judge, r *Result) assessor {
	return &judged{assessing: assessing{j, r}, rows: v, matched: make([]bool, len(v.conditions))}
}

// judged is the state of rows.
type judged struct {
	assessing
	*rows
	n       uint64 // rows that match where
	perhaps uint64 // rows that may match where: it is unknown
	matched []bool // by condition: whether some row matches
}

// wide reports whether all rows are judged.
func (v *judged) wide() bool {
	if v.where != nil {
		return false
	}
	for _, c := range v.conditions {
		if c.how == every {
			return true
		}
	}
	return v.schema != nil || len(v.conditions) == 0
}

func (v *judged) could(c *timeline.Conn) bool {
	if v.where != nil {
		return v.where.CouldMatch(&v.j.row, c)
	}
	if v.wide() {
		return true
	}
	for _, one := range v.conditions {
		if one.program.CouldMatch(&v.j.row, c) {
			return true
		}
	}
	return false
}

// wants asks for all rows where the check has no where: rows that cannot match are judged
// then, too.
func (v *judged) wants(could bool) bool { return could || v.where == nil }

func (v *judged) mindsTLS(o *timeline.Other) bool { return !v.wide() || o.Guess }

func (v *judged) needs() (needs timeline.Needs) {
	if v.where != nil {
		needs = v.where.Needs()
	}
	for _, c := range v.conditions {
		needs = needs.Union(c.program.Needs())
	}
	needs.Payload = needs.Payload || v.scope == query.Rows // a violation shows it
	needs.Frames = false                                   // no row here is a frame
	return needs
}

func (v *judged) message(m *timeline.Message) {
	if v.scope == query.Rows {
		v.judge(m.Conn, m)
	}
}

func (v *judged) close(c *timeline.Conn, _ timeline.Stamp) {
	if v.scope == query.Connections {
		v.judge(c, nil)
	}
}

// judge judges the row in j.row: a message, or, when m is nil, the connection.
func (v *judged) judge(c *timeline.Conn, m *timeline.Message) {
	in := query.True
	if v.where != nil {
		in = v.where.Match(&v.j.row)
	}
	if in == query.False {
		return
	}
	unknown := in == query.Unknown
	if unknown {
		v.perhaps++
	} else {
		v.n++
		v.r.Judged++
		if v.count != nil && v.count.bounded && v.n > v.count.max {
			if x := v.against(c, m); x != nil {
				x.Expected, x.Actual = "count: "+v.count.String(), fmt.Sprintf("this is number %d", v.n)
			}
		}
	}
	for i := range v.conditions {
		one := &v.conditions[i]
		verdict := one.program.Match(&v.j.row)
		switch {
		case verdict == query.Unknown:
			unknown = true
		case one.how == some:
			v.matched[i] = v.matched[i] || verdict == query.True && in == query.True
		case (verdict == query.True) == (one.how == every): // it complies
		case in == query.True:
			if x := v.against(c, m); x != nil {
				x.Expected, x.Actual = one.how.String()+": "+one.program.String(), one.program.Explain(&v.j.row)
			}
		}
	}
	if v.schema != nil && m != nil {
		wrong, known := v.schema.judge(m)
		switch {
		case !known:
			unknown = true
		case wrong != "" && in == query.True:
			if x := v.against(c, m); x != nil {
				x.Expected, x.Actual = "schema: "+v.schema.name, wrong
			}
		}
	}
	if unknown {
		v.r.Unknown++
	}
}

// against counts a violation. It returns the violation, to be filled in, if it is kept.
func (v *judged) against(c *timeline.Conn, m *timeline.Message) *Violation {
	if v.r.Violated++; len(v.r.Violations) >= MaxViolations {
		return nil
	}
	x := Violation{Conn: c.ID, URL: c.URL()}
	if m != nil {
		x.Rows = []Row{messageRow(m)}
	} else {
		x.Rows = []Row{connRow(c)}
	}
	v.r.Violations = append(v.r.Violations, x)
	return &v.r.Violations[len(v.r.Violations)-1]
}

func (v *judged) done(*timeline.Totals) {
	universal, wanting := v.schema != nil, false
	for i, c := range v.conditions {
		switch {
		case c.how != some:
			universal = true
		case !v.matched[i]:
			wanting = true
			v.r.Wanted = "no row matches " + c.program.String()
		}
	}
	if c := v.count; c != nil {
		universal = universal || c.bounded
		v.r.mayBeNone = c.min == 0
		if v.n < c.min {
			wanting = true
			if v.n+v.perhaps < c.min {
				v.r.Wanted = fmt.Sprintf("%s wanted, %d seen", c, v.n)
			}
		}
	}
	v.r.settled = !universal && !wanting
}
