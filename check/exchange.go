package check

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/stats"
	"github.com/wsdump/wsdump/timeline"
)

// exchange wants a reply to every request, on the same connection. Replies have the key
// of their request, or, without a key, come in the order of the requests.
type exchange struct {
	where          where
	request, reply *query.Program
	key            *query.Term // nil: in order
	unanswered     uint64      // how many requests may have no reply
	within         time.Duration
	quantiles      []quantile
}

// quantile is how long a share of the replies may take at most.
type quantile struct {
	name string // "p95"
	q    float64
	most time.Duration
}

// maxPending is how many requests may wait for their replies at once.
const maxPending = 1 << 16

func (v *exchange) String() string {
	text := "exchange " + v.where.String() + ": request " + v.request.String() + "; reply " + v.reply.String()
	if v.key != nil {
		text += "; key " + v.key.String()
	}
	text += fmt.Sprintf("; unanswered %d", v.unanswered)
	if v.within > 0 {
		text += "; within " + v.within.String()
	}
	for _, q := range v.quantiles {
		text += "; " + q.name + " " + q.most.String()
	}
	return text
}

func (v *exchange) assess(j *Judge, r *Result) assessor {
	return &exchanging{assessing: assessing{j, r}, exchange: v, conns: make(map[*timeline.Conn]*pending)}
}

type exchanging struct {
	assessing
	*exchange
	conns     map[*timeline.Conn]*pending
	waiting   int // requests of all connections
	times     stats.Histogram
	slowest   [2]Row
	slow      time.Duration
	slowConn  Violation
	forgotten uint64 // requests without a reply
	without   []Violation
	scratch   []byte
}

// pending are the requests of a connection that wait for a reply.
type pending struct {
	byKey   map[string]*asked
	inOrder []*asked
	late    []Violation
	nLate   uint64
	unknown bool // a message could not be read that may have been a reply
}

type asked struct {
	row Row
	at  int64
}

func (v *exchanging) could(c *timeline.Conn) bool {
	return v.where.could(&v.j.row, c) && v.request.CouldMatch(&v.j.row, c)
}

func (v *exchanging) mindsTLS(*timeline.Other) bool { return true }

func (v *exchanging) needs() timeline.Needs { return timeline.Needs{Payload: true} }

func (v *exchanging) open(c *timeline.Conn) { v.conns[c] = &pending{byKey: make(map[string]*asked)} }

func (v *exchanging) message(m *timeline.Message) {
	p := v.conns[m.Conn]
	if p == nil {
		return
	}
	switch v.request.Match(&v.j.row) {
	case query.Unknown:
		v.r.Unknown++
	case query.True:
		v.ask(p, m)
		return
	}
	switch v.reply.Match(&v.j.row) {
	case query.Unknown:
		p.unknown = true
	case query.True:
		v.answer(p, m)
	}
}

// keyOf returns the key of the message that j.row is filled with.
func (v *exchanging) keyOf() (key string, ok bool) {
	v.scratch, ok = v.key.Append(v.scratch[:0], &v.j.row)
	return string(v.scratch), ok
}

func (v *exchanging) ask(p *pending, m *timeline.Message) {
	v.r.Judged++
	if v.waiting >= maxPending {
		v.r.doubt(fmt.Sprintf("more than %d requests waited for a reply at once", maxPending))
		return
	}
	one := &asked{messageRow(m), m.Last.Time}
	if v.key == nil {
		p.inOrder = append(p.inOrder, one)
		v.waiting++
		return
	}
	key, ok := v.keyOf()
	switch {
	case !ok:
		v.r.Unknown++
		v.r.doubt("a request has no " + v.key.String())
	case p.byKey[key] == nil:
		p.byKey[key] = one
		v.waiting++
	}
}

func (v *exchanging) answer(p *pending, m *timeline.Message) {
	var one *asked
	if v.key == nil {
		if len(p.inOrder) == 0 {
			return
		}
		one = p.inOrder[0]
		p.inOrder = p.inOrder[1:]
	} else {
		key, ok := v.keyOf()
		if one = p.byKey[key]; !ok || one == nil {
			return
		}
		delete(p.byKey, key)
	}
	v.waiting--
	took := time.Duration(max(0, m.Last.Time-one.at))
	v.times.Add(uint64(took))
	if v.slow == 0 || took > v.slow {
		v.slow, v.slowest = took, [2]Row{one.row, messageRow(m)}
		v.slowConn = Violation{Conn: m.Conn.ID, URL: m.Conn.URL()}
	}
	if v.within == 0 || took <= v.within {
		return
	}
	if p.nLate++; len(p.late) < MaxViolations {
		p.late = append(p.late, Violation{
			Conn: m.Conn.ID, URL: m.Conn.URL(), Expected: "a reply within " + v.within.String(),
			Actual: "it came after " + took.Round(time.Microsecond).String(), Rows: []Row{one.row, messageRow(m)},
		})
	}
}

func (v *exchanging) close(c *timeline.Conn, _ timeline.Stamp) {
	p := v.conns[c]
	delete(v.conns, c)
	if p == nil {
		return
	}
	open := p.inOrder
	for _, one := range p.byKey {
		open = append(open, one)
	}
	v.waiting -= len(open)
	in := v.where.match(&v.j.row)
	if in == query.False {
		return
	}
	for i := range p.nLate {
		v.r.against(1, func() Violation { return p.late[i] })
	}
	if len(open) == 0 {
		return
	}
	switch {
	case c.TCP == timeline.TCPOpen:
		v.r.Unknown += uint64(len(open))
		v.r.doubt(stillOpen)
		return
	case p.unknown || in == query.Unknown || v.damaged(c) != "":
		v.r.Unknown += uint64(len(open))
		return
	}
	v.forgotten += uint64(len(open))
	sortAsked(open)
	for _, one := range open[:min(len(open), MaxViolations)] {
		if len(v.without) < MaxViolations {
			v.without = append(v.without, Violation{
				Conn: c.ID, URL: c.URL(), Expected: "a reply: " + v.reply.String(), Actual: "none until the connection ended", Rows: []Row{one.row},
			})
		}
	}
}

func (v *exchanging) done(*timeline.Totals) {
	if v.forgotten > v.unanswered {
		v.r.alsoAgainst(v.forgotten, v.without)
	}
	for _, q := range v.quantiles {
		got := time.Duration(v.times.Quantile(q.q))
		if v.times.N == 0 || got <= q.most {
			continue
		}
		v.r.against(1, func() Violation {
			x := v.slowConn
			x.Expected = q.name + " of the replies within " + q.most.String()
			x.Actual = fmt.Sprintf("%s is %s; the slowest took %s", q.name, got.Round(time.Microsecond), v.slow.Round(time.Microsecond))
			x.Rows = v.slowest[:]
			return x
		})
	}
}

func sortAsked(all []*asked) {
	slices.SortFunc(all, func(a, b *asked) int { return cmp.Compare(a.row.N, b.row.N) })
}
