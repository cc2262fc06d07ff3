package ws

import (
	"cmp"
	"math"
	"time"

	"github.com/wsdump/wsdump/timeline"
)

// pongTimeout is how long a pong may take before it is reported as missing.
const pongTimeout = 10 * time.Second

// deadline is the time at which a pong of a direction is due. Deadlines are ordered by
// time, then by transport, then by the order in which they were set.
type deadline struct {
	time      int64  // capture time, ns
	transport uint64 // its ID
	order     uint64
	stream    *Stream
	dir       timeline.Direction
}

func (d *deadline) before(e *deadline) bool {
	return cmp.Or(cmp.Compare(d.time, e.time), cmp.Compare(d.transport, e.transport), cmp.Compare(d.order, e.order)) < 0
}

// deadlines is a heap of the deadlines of all connections. A direction has at most one,
// that of its oldest ping. It stays when a pong answers the ping.
type deadlines struct {
	heap  []deadline
	order uint64
}

// Due returns the capture time in ns at which [Env.Advance] must be called next, and
// math.MaxInt64 when there is no deadline.
func (e *Env) Due() int64 {
	if len(e.deadlines.heap) == 0 {
		return math.MaxInt64
	}
	return e.deadlines.heap[0].time
}

// Advance moves the clock to now, a capture time in ns, and reports pongs that are
// overdue.
func (e *Env) Advance(now int64) {
	for len(e.deadlines.heap) > 0 && e.deadlines.heap[0].time <= now {
		d := e.deadlines.pop()
		h := &d.stream.half[d.dir]
		h.expecting = false
		if !d.stream.over {
			d.stream.judgePings(d.dir, now)
			d.stream.expect(d.dir, h)
		}
	}
}

// expect sets the deadline of the oldest ping of dir that was not reported, unless dir
// has a deadline.
func (s *Stream) expect(dir timeline.Direction, h *half) {
	if h.expecting {
		return
	}
	for i := range h.outgoing {
		if p := &h.outgoing[i]; !p.reported && !p.excused {
			h.expecting = true
			d := deadline{time: p.at.Time + int64(pongTimeout), stream: s, dir: dir}
			if t := s.conn.Transport; t != nil {
				d.transport = t.ID
			}
			s.env.deadlines.push(d)
			return
		}
	}
}

// judgePings reports the pings of direction dir that were not answered in time. The
// finding has the stamp of the ping, with the time of its deadline. The ping stays in
// outgoing, because its pong may come late.
func (s *Stream) judgePings(dir timeline.Direction, now int64) {
	h, answers := &s.half[dir], &s.half[dir.Reverse()]
	for i := range h.outgoing {
		p := &h.outgoing[i]
		if due := p.at.Time + int64(pongTimeout); !p.reported && !p.excused && due <= now {
			p.reported = true
			if answers.blind { // the missing bytes may have held the pong
				continue
			}
			at := p.at
			at.Time = due
			s.emit(dir, &timeline.Finding{Rule: rulePongMissing, N: p.row, At: at})
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
