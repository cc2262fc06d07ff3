package diff

import (
	"cmp"
	"slices"
)

// lister lists the differences of a pair. It walks both sides in one order, and makes
// the lines of the differences and of the messages around them.
type lister struct {
	r       *Report
	p       *Pair
	a, b    *half
	most    int
	context int // messages around a difference; negative: no lines

	waiting []Line // the latest messages that are the same
	skipped int    // before them
	after   int    // how many messages are still to come after a difference
}

// list fills in the differences of p. They are in the order of A. A message that only B
// has, or has in another place, comes after the same messages as in B, as far as the
// order of its direction allows.
func list(r *Report, p *Pair, a, b *half, opt *Options) {
	l := &lister{r: r, p: p, a: a, b: b, most: opt.Limits.Differences, context: opt.Context}
	extra := l.places()
	emit := func(after int32) {
		for len(extra) > 0 && extra[0].a == after {
			l.ofB(extra[0].b)
			extra = extra[1:]
		}
	}
	emit(-1)
	for i := range a.conn.items {
		if p.Controls || !a.conn.items[i].control() {
			l.ofA(int32(i))
		}
		emit(int32(i))
	}
}

// places returns the items of B that have a line of their own, each with the item of A
// that it comes after.
func (l *lister) places() (extra []place) {
	inOrder := func(f fate) bool { return f == same || f == changed }
	n := int32(len(l.a.conn.items))
	before := make([]int32, len(l.b.conn.items)) // index in A of the next item of its direction
	next := [2]int32{n, n}
	for j := len(before) - 1; j >= 0; j-- {
		dir := l.b.conn.items[j].dir()
		before[j] = next[dir]
		if inOrder(l.b.fates[j]) {
			next[dir] = l.b.other[j]
		}
	}
	// until[i] is the last item of the run from i on that only A has. Such items come
	// first, as in diff -u. It is i-1 where there is none.
	until := make([]int32, n+1)
	for i := n; i >= 0; i-- {
		until[i] = i - 1
		if i < n && !inOrder(l.a.fates[i]) {
			until[i] = until[i+1]
		}
	}
	last, any := [2]int32{-1, -1}, int32(-1)
	for j := range before {
		x := &l.b.conn.items[j]
		if x.control() && !l.p.Controls {
			continue
		}
		if inOrder(l.b.fates[j]) {
			last[x.dir()], any = l.b.other[j], l.b.other[j]
			continue
		}
		after := max(last[x.dir()], min(any, before[j]-1))
		extra = append(extra, place{until[after+1], int32(j)})
	}
	slices.SortStableFunc(extra, func(x, y place) int { return cmp.Compare(x.a, y.a) })
	return extra
}

// ofA lists an item of A, and what B has in its place.
func (l *lister) ofA(i int32) {
	switch l.a.fates[i] {
	case same:
		l.line(' ', l.a, i, -1)
	case alone:
		l.line('-', l.a, i, l.difference(Lost, i, -1))
	case changed:
		d := l.difference(Changed, i, l.a.other[i])
		l.line('-', l.a, i, d)
		l.line('+', l.b, l.a.other[i], d)
	case moved:
		l.line('-', l.a, i, l.difference(Reordered, i, l.a.other[i]))
	case changedMoved:
		l.line('-', l.a, i, l.difference(Changed, i, l.a.other[i]))
	}
}

// ofB lists an item of B that has a line of its own.
func (l *lister) ofB(j int32) {
	switch l.b.fates[j] {
	case alone:
		kind := Added
		dir := l.b.conn.items[j].dir()
		if n := l.a.times[dir][l.b.known(j)]; n == 1 || n > 0 && l.b.known(j) == l.b.conn.items[j].hash {
			kind = Doubled
		}
		l.line('+', l.b, j, l.difference(kind, -1, j))
	case moved:
		l.line('+', l.b, j, l.difference(Reordered, l.b.other[j], j))
	case changedMoved:
		l.line('+', l.b, j, l.difference(Changed, l.b.other[j], j))
	}
}

// difference returns the index of a difference, and makes it unless it is listed
// already. It returns -1 when there are too many.
func (l *lister) difference(kind Kind, i, j int32) int {
	for _, at := range [2]struct {
		h *half
		k int32
	}{{l.a, i}, {l.b, j}} {
		if at.k >= 0 && at.h.listed[at.k] != 0 {
			return int(at.h.listed[at.k]) - 1
		}
	}
	l.p.Counts[kind]++
	if i >= 0 && l.a.conn.items[i].control() || j >= 0 && l.b.conn.items[j].control() {
		l.r.Pings++
	}
	index := int32(-1)
	if l.r.listed < l.most {
		l.r.listed++
		index = int32(len(l.p.Differences))
		d := Difference{Kind: kind}
		if i >= 0 {
			m := l.a.conn.message(&l.a.conn.items[i])
			d.A, d.Times = &m, l.times(l.a, i)
		}
		if j >= 0 {
			m := l.b.conn.message(&l.b.conn.items[j])
			d.B, d.Times = &m, l.times(l.b, j)
			d.Moved = l.b.fates[j] == changedMoved
		}
		l.p.Differences = append(l.p.Differences, d)
	} else {
		l.p.More++
	}
	listed := index + 1
	if index < 0 {
		listed = -1 // counted, but not listed
	}
	if i >= 0 {
		l.a.listed[i] = listed
	}
	if j >= 0 {
		l.b.listed[j] = listed
	}
	return int(index)
}

// times returns how often each side has an item with the same payload or key as item i.
func (l *lister) times(h *half, i int32) [2]uint64 {
	known, dir := h.known(i), h.conn.items[i].dir()
	return [2]uint64{uint64(l.a.times[dir][known]), uint64(l.b.times[dir][known])}
}

// line adds the line of an item.
func (l *lister) line(op byte, h *half, i int32, difference int) {
	if l.context < 0 {
		return
	}
	x := Line{Op: op, Difference: difference}
	if op == ' ' {
		x.Other = uint64(l.b.conn.items[h.other[i]].n)
	}
	switch {
	case op == ' ' && l.after == 0:
		if l.context == 0 {
			l.skipped++
			return
		}
		if len(l.waiting) == l.context {
			copy(l.waiting, l.waiting[1:])
			l.waiting = l.waiting[:l.context-1]
			l.skipped++
		}
		x.Message = h.conn.message(&h.conn.items[i])
		l.waiting = append(l.waiting, x)
		return
	case op == ' ':
		l.after--
	case difference < 0: // one too many
		return
	default:
		if len(l.waiting) > 0 {
			l.waiting[0].Skipped = l.skipped
			l.skipped = 0
			l.p.Lines = append(l.p.Lines, l.waiting...)
			l.waiting = l.waiting[:0]
		}
		l.after = l.context
	}
	x.Message = h.conn.message(&h.conn.items[i])
	x.Skipped, l.skipped = l.skipped, 0
	l.p.Lines = append(l.p.Lines, x)
}
