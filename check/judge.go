package check

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/timeline"
	"github.com/wsdump/wsdump/transcript"
)

// Result is what a check came to.
type Result struct {
	Check      *Check
	Outcome    Outcome
	Judged     uint64      // rows that were looked at
	Violated   uint64      // of them: rows against the check
	Matched    uint64      // of them: rows that match its expression
	Unknown    uint64      // of them: rows that the capture does not show enough of
	Doubts     []string    // what else keeps the check from a verdict; each once
	Violations []Violation // the first rows against the check

	hidden bool // TLS without keys was there, which may have been judged
}

// Violation is a row that a check failed on. It is owned.
type Violation struct {
	Conn uint64 // 0: of no connection
	URL  string
	N    uint64 // the row in its connection, 0 for the connection itself
	At   timeline.Stamp
	Line string // as a transcript has it, one line; a finding with what was there: escape before showing
}

// MaxViolations is how many violations a result keeps at most.
const MaxViolations = 5

// maxShown is how many bytes of a payload one shows.
const maxShown = 200

// Judge is a Sink that judges what it hears. After Done, [Judge.Results] are
// final.
type Judge struct {
	timeline.Nop
	results []Result
	row     query.Row
	conns   uint64
}

// NewJudge returns a judge of checks. files are the input names, for the field
// file of expressions.
func NewJudge(checks []*Check, files ...string) *Judge {
	j := &Judge{results: make([]Result, len(checks))}
	j.row.Files = files
	for i, c := range checks {
		j.results[i].Check = c
	}
	return j
}

// Results returns one result a check, in their order.
func (j *Judge) Results() []Result { return j.results }

// Begin notes the first packet.
func (j *Judge) Begin(at timeline.Stamp) { j.row.Begin(at) }

// could reports whether c matters to r's check.
func (j *Judge) could(r *Result, c *timeline.Conn) bool {
	p := r.Check.program
	return p == nil || r.Check.verb == every || p.CouldMatch(&j.row, c)
}

// Needs asks for payload where a check may look at it.
func (j *Judge) Needs(c *timeline.Conn) (needs timeline.Needs) {
	for i := range j.results {
		r := &j.results[i]
		if p := r.Check.program; p == nil {
			needs.Payload = true
		} else if j.could(r, c) {
			needs.Payload = needs.Payload || p.Needs().Payload
		}
	}
	return needs
}

// Open notes what a connection cannot show from its start.
func (j *Judge) Open(c *timeline.Conn) {
	j.conns++
	for i := range j.results {
		r := &j.results[i]
		switch {
		case r.Check.program == nil && c.Recorded:
			r.doubt("a HAR does not tell how the protocol was kept")
		case c.Midstream && j.could(r, c):
			r.doubt("the beginning of a connection is not in the capture")
		}
	}
}

// Message judges a message.
func (j *Judge) Message(m *timeline.Message) {
	j.row.OfMessage(m)
	for i := range j.results {
		r := &j.results[i]
		if p := r.Check.program; p != nil && p.Scope() == query.Rows && r.add(p.Match(&j.row)) {
			r.violation(Violation{Conn: m.Conn.ID, URL: m.Conn.URL(), N: m.N, At: m.First, Line: line(m)})
		}
	}
}

// Finding judges a finding, or takes it as the reason for a doubt.
func (j *Judge) Finding(f *timeline.Finding) {
	damage := observers[f.Rule.ID]
	for i := range j.results {
		r := &j.results[i]
		switch {
		case damage != "" && f.Conn == nil && strings.HasPrefix(f.Rule.ID, "tls/"): // Other tells
		case damage != "":
			if f.Conn == nil || j.could(r, f.Conn) {
				r.doubt(damage)
			}
		case r.Check.program != nil:
		case f.Severity == timeline.Error, f.Severity == timeline.Warning && r.Check.profile == Strict:
			r.Violated += max(f.Count, 1)
			e := Violation{N: f.N, At: f.At, Line: finding(f)}
			if f.Conn != nil {
				e.Conn, e.URL = f.Conn.ID, f.Conn.URL()
			}
			r.violation(e)
		}
	}
}

// Close judges a connection.
func (j *Judge) Close(c *timeline.Conn, _ timeline.Stamp) {
	j.row.OfConnection(c)
	for i := range j.results {
		r := &j.results[i]
		if p := r.Check.program; p != nil && p.Scope() == query.Connections && r.add(p.Match(&j.row)) {
			end := transcript.Event{Kind: transcript.End, Words: c.TCP.String()}
			r.violation(Violation{Conn: c.ID, URL: c.URL(), At: c.Opened, Line: string(end.Append(nil))})
		}
	}
}

// Other takes TLS without keys as what it may be: a connection that matters to
// a check. Its server name stands in for the host. Checks that judge whatever is
// there go by what behaves like a WebSocket, or nothing would pass beside a
// browser's other traffic; unless there was nothing else to judge.
func (j *Judge) Other(o *timeline.Other) {
	if o.Kind != "tls" {
		return
	}
	c := &timeline.Conn{Transport: o.Transport, ServerName: o.ServerName, Layers: "tls", Midstream: true}
	if t := o.Transport; t != nil {
		c.Client, c.Server, c.Opened = t.Client, t.Server, t.First
	}
	for i := range j.results {
		r := &j.results[i]
		switch selects := r.Check.program != nil && r.Check.verb != every; {
		case !j.could(r, c):
		case selects || o.Guess:
			r.doubt(hiddenTLS)
		default:
			r.hidden = true
		}
	}
}

// Done gives the verdicts.
func (j *Judge) Done(*timeline.Totals) {
	for i := range j.results {
		r := &j.results[i]
		if r.Check.program == nil {
			r.Judged = j.conns
		}
		if r.hidden && r.Judged == 0 {
			r.doubt(hiddenTLS)
		}
		r.decide()
	}
}

const hiddenTLS = "TLS without keys may be a WebSocket (-k)"

// Cut says, after Done, that the input was not read to its end: what was not
// decided by then is inconclusive.
func (j *Judge) Cut() {
	for i := range j.results {
		j.results[i].doubt("the input was not read to its end")
		j.results[i].decide()
	}
}

// add counts a row and reports whether it is one against the check.
func (r *Result) add(v query.Verdict) (against bool) {
	r.Judged++
	switch v {
	case query.Unknown:
		r.Unknown++
		return false
	case query.True:
		r.Matched++
		against = r.Check.verb == none
	default:
		against = r.Check.verb == every
	}
	if against {
		r.Violated++
	}
	return against
}

func (r *Result) violation(e Violation) {
	if len(r.Violations) < MaxViolations {
		r.Violations = append(r.Violations, e)
	}
}

// doubt keeps a reason once; there are no more than [observers] has.
func (r *Result) doubt(why string) {
	for _, have := range r.Doubts {
		if have == why {
			return
		}
	}
	r.Doubts = append(r.Doubts, why)
}

func (r *Result) decide() {
	doubtful := r.Unknown > 0 || len(r.Doubts) > 0
	wanted := r.Check.program != nil && r.Check.verb == some
	r.Outcome = Pass
	switch {
	case r.Violated > 0:
		r.Outcome = Fail
	case wanted && r.Matched > 0:
		r.Outcome = Pass
	case doubtful:
		r.Outcome = Inconclusive
	case wanted || r.Judged == 0:
		r.Outcome = Fail
	}
}

// observers are the rules that speak of what the observer missed and not of
// what the traffic did, each with the doubt that it raises.
var observers = map[string]string{
	"capture/cut-short":    "the capture is cut short",
	"capture/snaplen":      "packets are shorter than they were on the wire",
	"capture/damaged":      "the capture is damaged",
	"capture/dropped":      "packets were dropped while capturing",
	"tcp/gap":              "bytes are missing from a connection",
	"tcp/midstream":        "the beginning of a connection is not in the capture",
	"tcp/limit":            "a limit was reached",
	"http/limit":           "a limit was reached",
	"tls/limit":            "a limit was reached",
	"ws/limit":             "a limit was reached",
	"tls/no-keys":          hiddenTLS,
	"tls/decrypt-failed":   "a TLS record could not be decrypted",
	"h2/headers-unknown":   "the capture starts inside an HTTP/2 connection",
	"ws/frame-incomplete":  "the capture ends inside a frame",
	"ws/sync-lost":         "framing was lost over missing bytes",
	"deflate/context-lost": "compressed messages could not be inflated",
	"deflate/limit":        "a limit was reached",
}

// line is m as a transcript has it, cut on a rune.
func line(m *timeline.Message) string {
	e := transcript.Event{HasDir: true, Dir: m.Dir, Binary: m.Kind != timeline.OpText, Payload: m.Payload}
	if len(e.Payload) > maxShown {
		e.Payload = e.Payload[:maxShown]
		for k := 1; k < utf8.UTFMax && m.Text && !utf8.Valid(e.Payload); k++ {
			e.Payload = e.Payload[:len(e.Payload)-1]
		}
		e.Marks = []string{transcript.MarkTruncated}
	}
	return string(e.Append(nil))
}

func finding(f *timeline.Finding) string {
	e := transcript.Event{Kind: transcript.Finding, HasDir: f.HasDir, Dir: f.Dir, Words: f.Severity.String() + " " + f.Rule.ID + ": " + f.Rule.Title}
	if f.Detail != "" {
		e.Words += "; " + f.Detail
	}
	if f.Got != "" || f.Want != "" {
		e.Words += fmt.Sprintf("; got %.*q, want %.*q", maxShown, f.Got, maxShown, f.Want)
	}
	return string(e.Append(nil))
}
