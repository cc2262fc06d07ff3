package diff

import (
	"cmp"
	"strconv"

	"github.com/wsdump/wsdump/timeline"
)

// Compare returns what differs between two recordings, which were made with opt. It
// does not change them.
func Compare(a, b *Recording, opt Options) *Report {
	opt = opt.withDefaults()
	r := &Report{A: a.side(), B: b.side()}
	r.compare(a.conns, b.conns, couples(a.conns, b.conns, opt.Align), &opt)
	return r
}

// compare adds what differs between the connections of each couple.
func (r *Report) compare(a, b []*conn, all []couple, opt *Options) {
	for _, c := range all {
		p := &Pair{By: c.by}
		r.Pairs = append(r.Pairs, p)
		switch {
		case c.b < 0:
			p.A = &a[c.a].Connection
			r.Only[0]++
		case c.a < 0:
			p.B = &b[c.b].Connection
			r.Only[1]++
		default:
			x, y := a[c.a], b[c.b]
			p.A, p.B = &x.Connection, &y.Connection
			p.properties(x, y)
			r.Property += uint64(len(p.Properties))
			p.Controls = !opt.Messages && !x.Recorded && !y.Recorded && (c.by == "key" || x.URL == y.URL)
			compare(r, p, x, y, opt)
			for k, n := range p.Counts {
				r.Counts[k] += n
			}
		}
	}
	for dir := range r.Delay {
		r.Delay[dir] = delayOf(&r.delays[dir])
	}
}

// properties compares everything but the messages. It adds no difference where one side
// does not know a property.
func (p *Pair) properties(a, b *conn) {
	add := func(name, x, y string) {
		if x != y {
			p.Properties = append(p.Properties, Property{name, x, y})
		}
	}
	if a.URL != "" && b.URL != "" {
		if a.path != b.path || a.query != b.query { // the host is another one behind a proxy, so it is not compared
			add("url", a.URL, b.URL)
		}
		add("status", status(a.Status), status(b.Status))
		if a.Status != b.Status { // that explains all other differences
			return
		}
		add("subprotocol", cmp.Or(a.Subprotocol, "none"), cmp.Or(b.Subprotocol, "none"))
	}
	if a.ended() && b.ended() && !((a.Recorded || b.Recorded) && (a.code == 0 || b.code == 0)) {
		add("code", a.closing(), b.closing())
		if a.code == b.code && !a.Recorded && !b.Recorded {
			add("reason", a.reason, b.reason)
		}
	}
}

func status(n int) string {
	if n == 0 {
		return "none"
	}
	return strconv.Itoa(n)
}

// ended reports whether the recording shows the end of c.
func (c *conn) ended() bool { return c.closed || c.tcp != timeline.TCPOpen }

// closing returns the close code of c as text.
func (c *conn) closing() string {
	switch {
	case !c.closed || c.code == 1006: // browsers write 1006 when there was no close frame (RFC 6455 7.1.5)
		return "missing (no close frame)"
	case c.code == 0:
		return "none"
	}
	return strconv.Itoa(int(c.code))
}

// fate is whether and where the other side has an item.
type fate uint8

const (
	alone fate = iota
	same
	moved
	changed
	changedMoved
)

// half is the messages of one side of a pair, with their fates.
type half struct {
	conn   *conn
	fates  []fate
	other  []int32 // index of the item on the other side, -1 for none
	times  [2]map[digest]int32
	listed []int32 // by item: index of its difference + 1; 0: none yet; -1: counted only
}

func newHalf(c *conn) *half {
	h := &half{conn: c, fates: make([]fate, len(c.items)), other: make([]int32, len(c.items)), listed: make([]int32, len(c.items))}
	for i := range h.other {
		h.other[i] = -1
	}
	return h
}

// known returns the key of item i, or the hash of its payload where there are no keys.
func (h *half) known(i int32) digest {
	if h.conn.keys != nil {
		return h.conn.keys[i]
	}
	return h.conn.items[i].hash
}

// of returns the indexes of the items of a direction, in order.
func (h *half) of(dir timeline.Direction, controls bool) (at []int32) {
	h.times[dir] = make(map[digest]int32)
	for i := range h.conn.items {
		if x := &h.conn.items[i]; x.dir() == dir && (controls || !x.control()) {
			at = append(at, int32(i))
			h.times[dir][h.known(int32(i))]++
		}
	}
	return at
}

// join notes that item i of a and item j of b are the same message.
func join(a, b *half, i, j int32, f fate) {
	a.fates[i], a.other[i] = f, j
	b.fates[j], b.other[j] = f, i
}

// compare aligns the messages of a pair and lists the differences.
func compare(r *Report, p *Pair, x, y *conn, opt *Options) {
	a, b := newHalf(x), newHalf(y)
	for dir := range timeline.Direction(2) {
		atA, atB := a.of(dir, p.Controls), b.of(dir, p.Controls)
		symbols := make(map[digest]int32)
		match := align(a.symbols(atA, symbols), b.symbols(atB, symbols), maxEdits)
		for k, m := range match {
			if m >= 0 {
				join(a, b, atA[k], atB[m], same)
			}
		}
		elsewhere(a, b, atA, atB, func(h *half, i int32) digest { return h.conn.items[i].hash }, func(int32, int32) fate { return moved })
		if opt.Match != nil {
			between := anchors(a, atA, len(y.items))
			elsewhere(a, b, atA, atB, (*half).known, func(i, j int32) fate {
				if j < between[i][0] || j > between[i][1] {
					return changedMoved
				}
				return changed
			})
		}
		near(a, b, dir, atA, atB)
	}
	for dir := range p.Compared {
		p.Compared[dir] = a.compared(timeline.Direction(dir))
	}
	p.delays(r, a, b)
	list(r, p, a, b, opt)
}

// symbols returns a number for each payload: equal numbers for equal payloads.
func (h *half) symbols(at []int32, known map[digest]int32) []int32 {
	out := make([]int32, len(at))
	for k, i := range at {
		d := h.conn.items[i].hash
		n, ok := known[d]
		if !ok {
			n = int32(len(known))
			known[d] = n
		}
		out[k] = n
	}
	return out
}

// compared counts the items of a direction that both sides have.
func (h *half) compared(dir timeline.Direction) (n uint64) {
	for i, f := range h.fates {
		if f != alone && h.conn.items[i].dir() == dir {
			n++
		}
	}
	return n
}

// elsewhere joins items that are alone and have the same mark: the k-th of one side with
// the k-th of the other.
func elsewhere(a, b *half, atA, atB []int32, mark func(*half, int32) digest, as func(i, j int32) fate) {
	left := make(map[digest][]int32)
	for _, j := range atB {
		if b.fates[j] == alone {
			d := mark(b, j)
			left[d] = append(left[d], j)
		}
	}
	if len(left) == 0 {
		return
	}
	for _, i := range atA {
		if a.fates[i] != alone {
			continue
		}
		d := mark(a, i)
		if at := left[d]; len(at) > 0 {
			left[d] = at[1:]
			join(a, b, i, at[0], as(i, at[0]))
		}
	}
}

// anchors returns, for each item of a that is not the same in b, the items of b that it
// would have to be between.
func anchors(a *half, at []int32, n int) map[int32][2]int32 {
	between := make(map[int32][2]int32)
	last := int32(-1)
	for _, i := range at {
		if a.fates[i] == same {
			last = a.other[i]
		} else {
			between[i] = [2]int32{last, int32(n)}
		}
	}
	next := int32(n)
	for k := len(at) - 1; k >= 0; k-- {
		i := at[k]
		if a.fates[i] == same {
			next = a.other[i]
		} else {
			between[i] = [2]int32{between[i][0], next}
		}
	}
	return between
}
