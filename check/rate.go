package check

import (
	"fmt"
	"time"

	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/timeline"
)

// rate wants at most max messages in any span of time, on each connection or on all
// together.
type rate struct {
	where *query.Program // messages; nil: all
	per   time.Duration
	max   int
	all   bool
}

// maxRate bounds what a window has to remember.
const maxRate = 1_000_000

func (v *rate) String() string {
	text := fmt.Sprintf("rate: at most %d in %s", v.max, v.per)
	if v.all {
		text += " on all connections together"
	}
	if v.where != nil {
		text += " where " + v.where.String()
	}
	return text
}

func (v *rate) assess(j *Judge, r *Result) assessor {
	return &rating{assessing: assessing{j, r}, rate: v, conns: make(map[*timeline.Conn]*window)}
}

type rating struct {
	assessing
	*rate
	conns map[*timeline.Conn]*window
}

// window has the times of the latest max messages.
type window struct {
	times []int64 // a ring
	next  int
	quiet int64 // no further violation is reported until then
}

func (v *rating) could(c *timeline.Conn) bool {
	return v.where == nil || v.where.CouldMatch(&v.j.row, c)
}

func (v *rating) mindsTLS(o *timeline.Other) bool { return v.where != nil || o.Guess }

// needs asks for payload, which a violation shows.
func (v *rating) needs() timeline.Needs { return timeline.Needs{Payload: true} }

func (v *rating) message(m *timeline.Message) {
	if v.where != nil {
		switch v.where.Match(&v.j.row) {
		case query.False:
			return
		case query.Unknown:
			v.r.Unknown++
			return
		}
	}
	v.r.Judged++
	of := m.Conn
	if v.all {
		of = nil
	}
	w := v.conns[of]
	if w == nil {
		w = &window{}
		v.conns[of] = w
	}
	at := m.Last.Time
	if len(w.times) < v.max {
		w.times = append(w.times, at)
		return
	}
	oldest := w.times[w.next]
	w.times[w.next] = at
	w.next = (w.next + 1) % len(w.times)
	if took := time.Duration(at - oldest); took < v.per && at >= w.quiet {
		w.quiet = at + int64(v.per)
		v.r.against(1, func() Violation {
			return Violation{
				Conn: m.Conn.ID, URL: m.Conn.URL(), Expected: fmt.Sprintf("at most %d in %s", v.max, v.per),
				Actual: fmt.Sprintf("this is number %d in %s", v.max+1, took.Round(time.Microsecond)), Rows: []Row{messageRow(m)},
			}
		})
	}
}

func (v *rating) close(c *timeline.Conn, _ timeline.Stamp) { delete(v.conns, c) }
