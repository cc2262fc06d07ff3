package ws

import (
	"cmp"
	"math"
	"time"

	"github.com/wsdump/wsdump/timeline"
)

// pongPatience is how long a pong may take before it is said to be missing.
const pongPatience = 10 * time.Second

// deadline is when to look at the pings of a direction again.
type deadline struct {
	at     int64
	over   uint64 // of those with the same time: the ID of the transport,
	order  uint64 // and of those of one transport
	stream *Stream
	dir    timeline.Direction
}

func (d *deadline) before(e *deadline) bool {
	return cmp.Or(cmp.Compare(d.at, e.at), cmp.Compare(d.over, e.over), cmp.Compare(d.order, e.order)) < 0
}

// deadlines are those of all connections, a heap. A direction has one at most:
// that of its oldest ping, which may be answered by then.
type deadlines struct {
	heap  []deadline
	order uint64
}

// Due returns the capture time at which [Env.Advance] is wanted next, and the
// largest there is when nothing waits.
func (e *Env) Due() int64 {
	if len(e.deadlines.heap) == 0 {
		return math.MaxInt64
	}
	return e.deadlines.heap[0].at
}

// Advance moves the clock, so that silence is heard: pongs that are missing by
// now are told.
func (e *Env) Advance(now int64) {
	for len(e.deadlines.heap) > 0 && e.deadlines.heap[0].at <= now {
		d := e.deadlines.pop()
		h := &d.stream.half[d.dir]
		h.expecting = false
		if !d.stream.over {
			d.stream.judgePings(d.dir, now)
			d.stream.expect(d.dir, h)
		}
	}
}

// expect sets the deadline of the oldest ping that was not told yet.
func (s *Stream) expect(dir timeline.Direction, h *half) {
	if h.expecting {
		return
	}
	for i := range h.outgoing {
		if p := &h.outgoing[i]; !p.told && !p.excused {
			h.expecting = true
			d := deadline{at: p.at.Time + int64(pongPatience), stream: s, dir: dir}
			if t := s.conn.Transport; t != nil {
				d.over = t.ID
			}
			s.env.deadlines.push(d)
			return
		}
	}
}

// judgePings tells of pings of direction dir that were not answered in time. The
// stamp is that of the ping, at its deadline. Such a ping is not forgotten: its
// pong may come late.
func (s *Stream) judgePings(dir timeline.Direction, now int64) {
	h, answers := &s.half[dir], &s.half[dir.Reverse()]
	for i := range h.outgoing {
		p := &h.outgoing[i]
		if due := p.at.Time + int64(pongPatience); !p.told && !p.excused && due <= now {
			p.told = true
			if answers.blind { // it may have been among what is missing
				continue
			}
			at := p.at
			at.Time = due
			s.report(dir, &timeline.Finding{Rule: rulePongMissing, N: p.row, At: at})
		}
	}
}

func (d *deadlines) push(x deadline) {
	d.order++
	x.order = d.order
	d.heap = append(d.heap, x)
	for i := len(d.heap) - 1; i > 0; {
		parent := (i - 1) / 2
		if !d.heap[i].before(&d.heap[parent]) {
			break
		}
		d.heap[i], d.heap[parent] = d.heap[parent], d.heap[i]
		i = parent
	}
}

func (d *deadlines) pop() deadline {
	first, last := d.heap[0], len(d.heap)-1
	d.heap[0], d.heap[last] = d.heap[last], deadline{}
	d.heap = d.heap[:last]
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < last; child++ {
			if d.heap[child].before(&d.heap[least]) {
				least = child
			}
		}
		if least == i {
			return first
		}
		d.heap[i], d.heap[least] = d.heap[least], d.heap[i]
		i = least
	}
}
