package check

import (
	"fmt"
	"time"

	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/timeline"
)

// sequence wants messages in an order on every connection. Each step is the first
// matching message after the step before. Other messages may come in between.
type sequence struct {
	where where
	steps []step
}

// step is one message of a sequence.
type step struct {
	dir     timeline.Direction
	any     bool // either direction
	program *query.Program
	within  time.Duration // of the step before, or of the handshake; 0: at any time
}

func (s *step) String() string {
	text := "receive"
	switch {
	case s.any:
		text = "any"
	case s.dir == timeline.ClientToServer:
		text = "send"
	}
	text += ": " + s.program.String()
	if s.within > 0 {
		text += " within " + s.within.String()
	}
	return text
}

func (v *sequence) String() string {
	text := "sequence " + v.where.String()
	for i := range v.steps {
		text += "; " + v.steps[i].String()
	}
	return text
}

func (v *sequence) assess(j *Judge, r *Result) assessor {
	return &following{selecting: selecting{assessing{j, r}, v.where}, sequence: v, conns: make(map[*timeline.Conn]*progress)}
}

type following struct {
	selecting
	*sequence
	conns map[*timeline.Conn]*progress
}

// progress is how far a connection has come.
type progress struct {
	at      int   // index of the next step
	since   int64 // when the step before came
	last    Row   // the step before
	late    *Violation
	unknown bool // a message could not be read that may have been the step
}

// mindsDamage returns false: a sequence that was seen is complete, damage or not.
func (v *following) mindsDamage() bool { return false }

func (v *following) needs() timeline.Needs { return timeline.Needs{Payload: true} }

func (v *following) open(c *timeline.Conn) {
	p := &progress{since: c.Opened.Time, last: connRow(c)}
	p.last.Line = "! open"
	if h := c.Handshake; h != nil && !h.Response.IsZero() {
		p.since = h.Response.Time
	}
	v.conns[c] = p
}

func (v *following) message(m *timeline.Message) {
	p := v.conns[m.Conn]
	if p == nil || p.at == len(v.steps) {
		return
	}
	s := &v.steps[p.at]
	if !s.any && s.dir != m.Dir {
		return
	}
	switch s.program.Match(&v.j.row) {
	case query.Unknown:
		p.unknown = true
	case query.True:
		row := messageRow(m)
		if took := time.Duration(m.Last.Time - p.since); s.within > 0 && took > s.within && p.late == nil {
			p.late = &Violation{
				Conn: m.Conn.ID, URL: m.Conn.URL(), Expected: v.name(p.at), Actual: "came after " + took.Round(time.Microsecond).String(), Rows: []Row{p.last, row},
			}
		}
		p.at, p.since, p.last = p.at+1, m.Last.Time, row
	}
}

func (v *following) name(at int) string { return fmt.Sprintf("step %d, %s", at+1, &v.steps[at]) }

func (v *following) close(c *timeline.Conn, at timeline.Stamp) {
	p := v.conns[c]
	delete(v.conns, c)
	in := v.where.match(&v.j.row)
	if p == nil || in == query.False {
		return
	}
	v.r.Judged++
	wrong := p.late
	if p.at < len(v.steps) && wrong == nil {
		s := &v.steps[p.at]
		if c.TCP == timeline.TCPOpen && (s.within == 0 || at.Time-p.since <= int64(s.within)) {
			v.r.Unknown++ // it may still come
			v.r.doubt(stillOpen)
			return
		}
		wrong = &Violation{
			Conn: c.ID, URL: c.URL(), Expected: v.name(p.at),
			Actual: "nothing, until the connection ended " + time.Duration(at.Time-p.since).Round(time.Microsecond).String() + " later", Rows: []Row{p.last},
		}
		if c.TCP == timeline.TCPOpen {
			wrong.Actual = "nothing, in " + time.Duration(at.Time-p.since).Round(time.Microsecond).String()
		}
	}
	switch {
	case wrong == nil && in == query.True:
	case p.unknown || in == query.Unknown || v.damaged(c) != "":
		v.r.Unknown++
		if why := v.damaged(c); why != "" {
			v.r.doubt(why)
		}
	default:
		v.r.against(1, func() Violation { return *wrong })
	}
}
