package diff

import (
	"cmp"
	"slices"
)

// teller walks both sides of a pair in one order, collects what differs, and
// draws it with what stands around.
type teller struct {
	r       *Report
	p       *Pair
	a, b    *half
	most    int
	context int // messages around a difference; negative: no lines

	waiting []Line // the last messages that are the same
	skipped int    // before them
	after   int    // messages that are still due behind a difference
}

// tell fills in what differs. The order is A's; what only B has, or has in
// another place, stands behind the messages that it stands behind in B, as far
// as its direction allows.
func tell(r *Report, p *Pair, a, b *half, opt *Options) {
	t := &teller{r: r, p: p, a: a, b: b, most: opt.Limits.Differences, context: opt.Context}
	extra := t.places()
	emit := func(after int32) {
		for len(extra) > 0 && extra[0].a == after {
			t.ofB(extra[0].b)
			extra = extra[1:]
		}
	}
	emit(-1)
	for i := range a.conn.items {
		if p.Controls || !a.conn.items[i].control() {
			t.ofA(int32(i))
		}
		emit(int32(i))
	}
}

// places returns the items of B that have a line of their own, each with the
// item of A that it stands behind.
func (t *teller) places() (extra []place) {
	inOrder := func(f fate) bool { return f == same || f == changed }
	n := int32(len(t.a.conn.items))
	before := make([]int32, len(t.b.conn.items)) // the next one of its direction stands there in A
	next := [2]int32{n, n}
	for j := len(before) - 1; j >= 0; j-- {
		dir := t.b.conn.items[j].dir()
		before[j] = next[dir]
		if inOrder(t.b.fates[j]) {
			next[dir] = t.b.other[j]
		}
	}
	// until[i] is the last of the items from i on that A alone has there; they
	// come first, as diff -u has it. It is i-1 where there is none.
	until := make([]int32, n+1)
	for i := n; i >= 0; i-- {
		until[i] = i - 1
		if i < n && !inOrder(t.a.fates[i]) {
			until[i] = until[i+1]
		}
	}
	last, any := [2]int32{-1, -1}, int32(-1)
	for j := range before {
		x := &t.b.conn.items[j]
		if x.control() && !t.p.Controls {
			continue
		}
		if inOrder(t.b.fates[j]) {
			last[x.dir()], any = t.b.other[j], t.b.other[j]
			continue
		}
		after := max(last[x.dir()], min(any, before[j]-1))
		extra = append(extra, place{until[after+1], int32(j)})
	}
	slices.SortStableFunc(extra, func(x, y place) int { return cmp.Compare(x.a, y.a) })
	return extra
}

// ofA tells an item of A, and of B what it became in its place.
func (t *teller) ofA(i int32) {
	switch t.a.fates[i] {
	case same:
		t.line(' ', t.a, i, -1)
	case alone:
		t.line('-', t.a, i, t.difference(Lost, i, -1))
	case changed:
		d := t.difference(Changed, i, t.a.other[i])
		t.line('-', t.a, i, d)
		t.line('+', t.b, t.a.other[i], d)
	case moved:
		t.line('-', t.a, i, t.difference(Reordered, i, t.a.other[i]))
	case changedMoved:
		t.line('-', t.a, i, t.difference(Changed, i, t.a.other[i]))
	}
}

// ofB tells an item of B that has a line of its own.
func (t *teller) ofB(j int32) {
	switch t.b.fates[j] {
	case alone:
		kind := Added
		dir := t.b.conn.items[j].dir()
		if n := t.a.times[dir][t.b.known(j)]; n == 1 || n > 0 && t.b.known(j) == t.b.conn.items[j].hash {
			kind = Doubled
		}
		t.line('+', t.b, j, t.difference(kind, -1, j))
	case moved:
		t.line('+', t.b, j, t.difference(Reordered, t.b.other[j], j))
	case changedMoved:
		t.line('+', t.b, j, t.difference(Changed, t.b.other[j], j))
	}
}

// difference returns the index of a difference, which it makes unless it was
// told already; -1 when there are too many.
func (t *teller) difference(kind Kind, i, j int32) int {
	for _, at := range [2]struct {
		h *half
		k int32
	}{{t.a, i}, {t.b, j}} {
		if at.k >= 0 && at.h.told[at.k] != 0 {
			return int(at.h.told[at.k]) - 1
		}
	}
	t.p.Counts[kind]++
	if i >= 0 && t.a.conn.items[i].control() || j >= 0 && t.b.conn.items[j].control() {
		t.r.Pings++
	}
	index := int32(-1)
	if t.r.told < t.most {
		t.r.told++
		index = int32(len(t.p.Differences))
		d := Difference{Kind: kind}
		if i >= 0 {
			m := t.a.conn.message(&t.a.conn.items[i])
			d.A, d.Times = &m, t.times(t.a, i)
		}
		if j >= 0 {
			m := t.b.conn.message(&t.b.conn.items[j])
			d.B, d.Times = &m, t.times(t.b, j)
			d.Moved = t.b.fates[j] == changedMoved
		}
		t.p.Differences = append(t.p.Differences, d)
	} else {
		t.p.More++
	}
	told := index + 1
	if index < 0 {
		told = -1 // known, and counted
	}
	if i >= 0 {
		t.a.told[i] = told
	}
	if j >= 0 {
		t.b.told[j] = told
	}
	return int(index)
}

// times returns how often what item i is known by is there on each side.
func (t *teller) times(h *half, i int32) [2]uint64 {
	known, dir := h.known(i), h.conn.items[i].dir()
	return [2]uint64{uint64(t.a.times[dir][known]), uint64(t.b.times[dir][known])}
}

// line draws an item.
func (t *teller) line(op byte, h *half, i int32, difference int) {
	if t.context < 0 {
		return
	}
	l := Line{Op: op, Difference: difference}
	if op == ' ' {
		l.Other = uint64(t.b.conn.items[h.other[i]].n)
	}
	switch {
	case op == ' ' && t.after == 0:
		if t.context == 0 {
			t.skipped++
			return
		}
		if len(t.waiting) == t.context {
			copy(t.waiting, t.waiting[1:])
			t.waiting = t.waiting[:t.context-1]
			t.skipped++
		}
		l.Message = h.conn.message(&h.conn.items[i])
		t.waiting = append(t.waiting, l)
		return
	case op == ' ':
		t.after--
	case difference < 0: // one too many
		return
	default:
		if len(t.waiting) > 0 {
			t.waiting[0].Skipped = t.skipped
			t.skipped = 0
			t.p.Lines = append(t.p.Lines, t.waiting...)
			t.waiting = t.waiting[:0]
		}
		t.after = t.context
	}
	l.Message = h.conn.message(&h.conn.items[i])
	l.Skipped, t.skipped = t.skipped, 0
	t.p.Lines = append(t.p.Lines, l)
}
