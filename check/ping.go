package check

import (
	"fmt"
	"time"

	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/timeline"
)

// ping wants pings that are answered, in time and often enough.
type ping struct {
	where      where
	unanswered *uint64       // how many may have no pong, by the rule ws/pong-missing; nil: not judged
	rtt        time.Duration // the longest time until a pong; 0: not judged
	interval   time.Duration // the longest time between two pings of one side; 0: not judged
}

func (v *ping) String() string {
	text := "ping " + v.where.String()
	if v.unanswered != nil {
		text += fmt.Sprintf("; unanswered %d", *v.unanswered)
	}
	if v.rtt > 0 {
		text += "; rtt_max " + v.rtt.String()
	}
	if v.interval > 0 {
		text += "; interval_max " + v.interval.String()
	}
	return text
}

func (v *ping) assess(j *Judge, r *Result) assessor {
	return &pinging{selecting: selecting{assessing{j, r}, v.where}, ping: v, conns: make(map[*timeline.Conn]*beats)}
}

type pinging struct {
	selecting
	*ping
	conns      map[*timeline.Conn]*beats
	unanswered uint64
	missing    []Violation
}

// beats is the pings of a connection.
type beats struct {
	n       [2]uint64
	last    [2]int64
	row     [2]Row // of the latest ping
	from    int64
	missing uint64
	wrong   []Violation
}

func (v *pinging) open(c *timeline.Conn) {
	b := &beats{from: c.Opened.Time}
	if h := c.Handshake; h != nil && !h.Response.IsZero() {
		b.from = h.Response.Time
	}
	v.conns[c] = b
}

func (v *pinging) control(f *timeline.Frame) {
	b := v.conns[f.Conn]
	if b == nil {
		return
	}
	switch f.Opcode {
	case timeline.OpPing:
		if b.n[f.Dir] > 0 {
			v.silence(f.Conn, b, f.Dir, b.last[f.Dir], f.First.Time, controlRow(f))
		}
		b.n[f.Dir]++
		b.last[f.Dir], b.row[f.Dir] = f.Last.Time, controlRow(f)
	case timeline.OpPong:
		if v.rtt > 0 && f.HasRTT && f.RTT > v.rtt {
			b.add(Violation{
				Conn: f.Conn.ID, URL: f.Conn.URL(), Expected: "a pong within " + v.rtt.String(), Actual: "it came after " + f.RTT.Round(time.Microsecond).String(),
				Rows: []Row{b.row[f.Dir.Reverse()], controlRow(f)},
			})
		}
	}
}

// silence judges the time between two pings, or a ping and an end.
func (v *pinging) silence(c *timeline.Conn, b *beats, dir timeline.Direction, from, to int64, rows ...Row) {
	took := time.Duration(to - from)
	if v.interval == 0 || took <= v.interval {
		return
	}
	if b.n[dir] > 0 {
		rows = append([]Row{b.row[dir]}, rows...)
	}
	b.add(Violation{
		Conn: c.ID, URL: c.URL(), Expected: "a ping every " + v.interval.String(), Actual: "none for " + took.Round(time.Microsecond).String(), Rows: rows,
	})
}

func (b *beats) add(v Violation) { b.wrong = append(b.wrong, v) }

func (v *pinging) finding(f *timeline.Finding) {
	if f.Rule.ID != "ws/pong-missing" || v.ping.unanswered == nil {
		return
	}
	b := v.conns[f.Conn]
	if b == nil {
		return
	}
	n := max(f.Count, 1)
	b.missing += n
	v.unanswered += n
	if len(v.missing) < MaxViolations {
		v.missing = append(v.missing, Violation{
			Conn: f.Conn.ID, URL: f.Conn.URL(), Expected: "a pong", Rows: []Row{{N: f.N, At: f.At, Line: findingLine(f)}},
		})
	}
}

func (v *pinging) close(c *timeline.Conn, at timeline.Stamp) {
	b := v.conns[c]
	delete(v.conns, c)
	in := v.where.match(&v.j.row)
	if b == nil || c.Refused() || in == query.False {
		if b != nil {
			v.unanswered -= b.missing
		}
		return
	}
	v.r.Judged += b.n[0] + b.n[1]
	end := at.Time
	if !c.EndBegan.IsZero() {
		end = c.EndBegan.Time
	}
	if v.interval > 0 {
		v.r.Judged++
		for dir := range b.n {
			if b.n[dir] > 0 {
				v.silence(c, b, timeline.Direction(dir), b.last[dir], end)
			}
		}
		if b.n == [2]uint64{} {
			v.silence(c, b, 0, b.from, end, connRow(c))
		}
	}
	for _, wrong := range b.wrong {
		if in == query.Unknown || v.damaged(c) != "" {
			v.r.Unknown++
			continue
		}
		v.r.against(1, func() Violation { return wrong })
	}
}

func (v *pinging) done(*timeline.Totals) {
	if v.ping.unanswered != nil && v.unanswered > *v.ping.unanswered {
		v.r.alsoAgainst(v.unanswered, v.missing)
	}
}
