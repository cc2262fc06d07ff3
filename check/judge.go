package check

import (
	"strings"
	"unicode/utf8"

	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/timeline"
	"github.com/wsdump/wsdump/transcript"
)

// Judge is a [timeline.Sink] that judges a timeline. After Done, [Judge.Results] are
// final.
type Judge struct {
	timeline.Nop
	results   []Result
	assessors []assessor
	scope     *query.Program
	row       query.Row
	conns     map[*timeline.Conn]*seen
	opened    uint64
	damage    []string // of the capture as a whole
}

// seen is what a judge knows of an open connection in its scope.
type seen struct {
	could  []bool // by assessor: whether the connection can matter to it
	wants  []bool // by assessor: whether it gets the rows of the connection
	maybe  bool   // it is unknown whether it is in scope
	damage []string
}

// assessor is the state of a check over one timeline.
type assessor interface {
	could(*timeline.Conn) bool // whether the connection can matter
	wants(could bool) bool     // whether it gets the rows of such a connection
	needs() timeline.Needs
	open(*timeline.Conn)
	message(*timeline.Message) // j.row is filled with it
	control(*timeline.Frame)   // j.row is filled with it
	finding(*timeline.Finding) // of the traffic, not of the observer
	close(*timeline.Conn, timeline.Stamp)
	// mindsDamage reports whether damage to a connection is always a doubt. If not, the
	// assessor adds the doubt where damage matters.
	mindsDamage() bool
	// mindsTLS reports whether TLS without keys is a doubt when it can matter. If not, it
	// is a doubt only if there was nothing else to judge.
	mindsTLS(*timeline.Other) bool
	done(*timeline.Totals)
}

// assessing is embedded by assessors.
type assessing struct {
	j *Judge
	r *Result
}

func (a *assessing) could(*timeline.Conn) bool            { return true }
func (a *assessing) wants(could bool) bool                { return could }
func (a *assessing) needs() timeline.Needs                { return timeline.Needs{} }
func (a *assessing) open(*timeline.Conn)                  {}
func (a *assessing) message(*timeline.Message)            {}
func (a *assessing) control(*timeline.Frame)              {}
func (a *assessing) finding(*timeline.Finding)            {}
func (a *assessing) close(*timeline.Conn, timeline.Stamp) {}
func (a *assessing) mindsDamage() bool                    { return true }
func (a *assessing) mindsTLS(o *timeline.Other) bool      { return o.Guess }
func (a *assessing) done(*timeline.Totals)                {}

// damaged returns why a connection may lack something, "" if it lacks nothing.
func (a *assessing) damaged(c *timeline.Conn) string {
	if s := a.j.conns[c]; s != nil && len(s.damage) > 0 {
		return s.damage[0]
	}
	if len(a.j.damage) > 0 {
		return a.j.damage[0]
	}
	return ""
}

// NewJudge returns a judge by rules. files are the input names, for the field
// file of expressions.
func NewJudge(rules *Rules, files ...string) *Judge {
	j := &Judge{results: make([]Result, len(rules.Checks)), scope: rules.Scope, conns: make(map[*timeline.Conn]*seen)}
	j.row.Files = files
	for i, c := range rules.Checks {
		j.results[i].Check = c
		j.assessors = append(j.assessors, c.verb.assess(j, &j.results[i]))
	}
	return j
}

// Run judges a timeline, which play emits to its sink. The error is that of play. The
// results are those of all that was emitted until then.
func Run(rules *Rules, play func(timeline.Sink) error, files ...string) ([]Result, error) {
	j := NewJudge(rules, files...)
	err := play(j)
	if err != nil {
		j.Cut()
	}
	return j.Results(), err
}

// Results returns one result for each check, in their order.
func (j *Judge) Results() []Result { return j.results }

// Begin notes the first packet.
func (j *Judge) Begin(at timeline.Stamp) { j.row.Begin(at) }

// Needs asks for payload where a check may need it.
func (j *Judge) Needs(c *timeline.Conn) (needs timeline.Needs) {
	if j.scope != nil && !j.scope.CouldMatch(&j.row, c) {
		return needs
	}
	for _, a := range j.assessors {
		if a.could(c) {
			needs = needs.Union(a.needs())
		}
	}
	return needs
}

// Most returns the most that Needs may ask for.
func (j *Judge) Most() (needs timeline.Needs) {
	for _, a := range j.assessors {
		needs = needs.Union(a.needs())
	}
	return needs
}

// Open starts to judge a connection, if it is in scope.
func (j *Judge) Open(c *timeline.Conn) {
	j.row.OfOpen(c)
	maybe := false
	if j.scope != nil {
		verdict := j.scope.Match(&j.row)
		if verdict == query.False {
			return
		}
		maybe = verdict == query.Unknown
	}
	j.opened++
	s := &seen{could: make([]bool, len(j.assessors)), wants: make([]bool, len(j.assessors)), maybe: maybe}
	j.conns[c] = s
	for i, a := range j.assessors {
		s.could[i] = a.could(c)
		s.wants[i] = a.wants(s.could[i])
		switch {
		case !s.could[i]:
		case maybe:
			j.results[i].doubt(unknownHost)
		case c.Midstream && a.mindsDamage():
			j.results[i].doubt(midstream)
		}
	}
	if c.Midstream {
		s.damage = append(s.damage, midstream)
	}
	if c.Unrecorded {
		s.damage = append(s.damage, unrecorded)
		for i := range j.assessors {
			if s.could[i] {
				j.results[i].doubt(unrecorded)
			}
		}
	}
	j.each(c, func(a assessor) { a.open(c) })
}

// each calls do for the assessors that want c.
func (j *Judge) each(c *timeline.Conn, do func(assessor)) {
	s := j.conns[c]
	if s == nil || s.maybe {
		return
	}
	for i, a := range j.assessors {
		if s.wants[i] {
			do(a)
		}
	}
}

// Message judges a message.
func (j *Judge) Message(m *timeline.Message) {
	s := j.conns[m.Conn]
	if s == nil || s.maybe {
		return
	}
	j.row.OfMessage(m)
	for i, a := range j.assessors {
		if s.wants[i] {
			a.message(m)
		}
	}
}

// Frame judges a control frame.
func (j *Judge) Frame(f *timeline.Frame) {
	if s := j.conns[f.Conn]; s == nil || s.maybe || f.N == 0 || !f.Opcode.Control() {
		return
	}
	j.row.OfControl(f)
	j.each(f.Conn, func(a assessor) { a.control(f) })
}

// Finding judges a finding, or takes it as a doubt.
func (j *Judge) Finding(f *timeline.Finding) {
	var s *seen
	if f.Conn != nil {
		if s = j.conns[f.Conn]; s == nil {
			return // out of scope
		}
	}
	damage := observers[f.Rule.ID]
	if damage == midstream && f.Conn != nil && !f.Conn.Midstream {
		damage = "" // only the SYN is missing: no rule needs it where the handshake is whole
	}
	switch {
	case damage != "" && s == nil && strings.HasPrefix(f.Rule.ID, "tls/"): // Other tells
	case damage != "" && s == nil:
		j.damage = append(j.damage, damage)
		for i := range j.results {
			j.results[i].doubt(damage)
		}
	case damage != "":
		j.doubt(s, damage)
	case s == nil:
		for _, a := range j.assessors {
			a.finding(f)
		}
	default:
		j.each(f.Conn, func(a assessor) { a.finding(f) })
	}
}

// doubt notes what is missing from a connection.
func (j *Judge) doubt(s *seen, damage string) {
	s.damage = append(s.damage, damage)
	for i, a := range j.assessors {
		if s.could[i] && a.mindsDamage() {
			j.results[i].doubt(damage)
		}
	}
}

// Close judges a connection.
func (j *Judge) Close(c *timeline.Conn, at timeline.Stamp) {
	if h, s := c.Handshake, j.conns[c]; s != nil && h != nil && h.Status == 0 && c.TCP == timeline.TCPOpen {
		j.doubt(s, unanswered)
	}
	j.row.OfConnection(c)
	j.each(c, func(a assessor) { a.close(c, at) })
	delete(j.conns, c)
}

// Other adds a doubt for TLS without keys that may be a connection that matters to a
// check. The server name is used as the host. Checks that judge any connection count
// only TLS that behaves like a WebSocket, for a browser has other TLS traffic, too.
// They count all of it if there was nothing else to judge.
func (j *Judge) Other(o *timeline.Other) {
	lost := o.Kind == "other" && o.Transport != nil && o.Transport.Gaps[0]+o.Transport.Gaps[1] > 0
	if !lost && (o.Kind != "tls" || o.Idle) {
		return
	}
	c := &timeline.Conn{Transport: o.Transport, ServerName: o.ServerName, Layers: "tls", Midstream: true}
	if t := o.Transport; t != nil {
		c.Client, c.Server, c.Opened = t.Client, t.Server, t.First
	}
	if j.scope != nil && !j.scope.CouldMatch(&j.row, c) {
		return
	}
	for i, a := range j.assessors {
		r := &j.results[i]
		switch {
		case !a.could(c):
		case lost && a.mindsDamage():
			r.doubt(lostUnknown)
		case lost:
		case a.mindsTLS(o):
			r.doubt(hiddenTLS)
		default:
			r.hidden = true
		}
	}
}

// Done makes the results final.
func (j *Judge) Done(t *timeline.Totals) {
	for i, a := range j.assessors {
		r := &j.results[i]
		a.done(t)
		if r.hidden && r.Judged == 0 {
			r.doubt(hiddenTLS)
		}
		for _, s := range t.Skipped {
			if doubt := unread(s.What); doubt != "" {
				r.doubt(doubt)
			}
		}
		r.decide()
	}
}

// Cut says, after Done, that the input was not read to its end. Checks that are not
// decided are inconclusive then.
func (j *Judge) Cut() {
	for i := range j.results {
		j.results[i].doubt("the input was not read to its end")
		j.results[i].decide()
	}
}

// where is a condition on connections that limits a check. It is evaluated when a
// connection is over, since it may ask how the connection ended.
type where struct{ program *query.Program }

// String returns "on connections where EXPR", "on all connections".
func (w where) String() string {
	if w.program == nil {
		return "on all connections"
	}
	return "on connections where " + w.program.String()
}

func (w where) could(row *query.Row, c *timeline.Conn) bool {
	return w.program == nil || w.program.CouldMatch(row, c)
}

// match evaluates the condition for the connection in row.
func (w where) match(row *query.Row) query.Verdict {
	if w.program == nil {
		return query.True
	}
	return w.program.Match(row)
}

// selecting is embedded by assessors whose check is limited to some connections.
type selecting struct {
	assessing
	selected where
}

func (s *selecting) could(c *timeline.Conn) bool { return s.selected.could(&s.j.row, c) }

func (s *selecting) mindsTLS(o *timeline.Other) bool { return s.selected.program != nil || o.Guess }

// maxShown is how many bytes of a payload a row shows.
const maxShown = 200

// messageRow returns m as a line of a transcript, cut at a rune.
func messageRow(m *timeline.Message) Row {
	e := transcript.Event{HasDir: true, Dir: m.Dir, Binary: m.Kind != timeline.OpText, Payload: m.Payload}
	if len(e.Payload) > maxShown {
		e.Payload = e.Payload[:maxShown]
		for k := 1; k < utf8.UTFMax && m.Text && !utf8.Valid(e.Payload); k++ {
			e.Payload = e.Payload[:len(e.Payload)-1]
		}
		e.Marks = []string{transcript.MarkTruncated}
	}
	return Row{N: m.N, At: m.First, Line: string(e.Append(nil))}
}

// controlRow returns f as a line of a transcript.
func controlRow(f *timeline.Frame) Row {
	e := transcript.Event{Kind: transcript.Ping, HasDir: true, Dir: f.Dir, Payload: f.Payload, Binary: !f.PayloadUTF8}
	switch f.Opcode {
	case timeline.OpPong:
		e.Kind = transcript.Pong
	case timeline.OpClose:
		e.Kind, e.Code, e.Payload = transcript.Close, int(f.CloseCode), f.CloseReason
	}
	return Row{N: f.N, At: f.First, Line: string(e.Append(nil))}
}

// connRow returns how c ended, as a line of a transcript.
func connRow(c *timeline.Conn) Row {
	e := transcript.Event{Kind: transcript.End, Words: c.TCP.String()}
	return Row{At: c.Opened, Line: string(e.Append(nil))}
}
