package reassembly

import (
	"math"
	"slices"
)

// timers remembers when to look at connections again. Times are rounded up to
// ticks of a second, so that busy connections are not touched; what is due is
// looked at in the order of its tick. The connections of a tick are a list
// through the connections themselves, so that one that is gone leaves nothing
// behind.
type timers struct {
	ticks map[int64]*tickList
	order []int64 // the keys of ticks, ascending; some may be empty
}

// tickList is the connections of a tick, those that came first first.
type tickList struct{ first, last *connection }

const tick = int64(1e9)

// add looks at c at the first tick not before due, and no longer when it was to
// be looked at before.
func (t *timers) add(c *connection, due int64) {
	t.remove(c)
	k := due/tick + 1
	if t.ticks == nil {
		t.ticks = make(map[int64]*tickList)
	}
	list := t.ticks[k]
	if list == nil {
		list = &tickList{}
		t.ticks[k] = list
		if i, known := slices.BinarySearch(t.order, k); !known {
			t.order = slices.Insert(t.order, i, k)
		}
	}
	c.tick, c.scheduled = k, true
	c.sooner, c.later = list.last, nil
	if list.last != nil {
		list.last.later = c
	} else {
		list.first = c
	}
	list.last = c
}

// remove forgets c.
func (t *timers) remove(c *connection) {
	if !c.scheduled {
		return
	}
	list := t.ticks[c.tick]
	if c.sooner != nil {
		c.sooner.later = c.later
	} else {
		list.first = c.later
	}
	if c.later != nil {
		c.later.sooner = c.sooner
	} else {
		list.last = c.sooner
	}
	if list.first == nil {
		delete(t.ticks, c.tick)
	}
	c.sooner, c.later, c.scheduled = nil, nil, false
}

// due returns when there may be something to do.
func (t *timers) due() int64 {
	if len(t.order) == 0 {
		return math.MaxInt64
	}
	return t.order[0] * tick
}

// next returns the first connection of the first tick and that tick, in
// nanoseconds; nil when there is none.
func (t *timers) next() (c *connection, due int64) {
	for len(t.order) > 0 {
		if list := t.ticks[t.order[0]]; list != nil {
			return list.first, t.order[0] * tick
		}
		t.order = t.order[1:]
	}
	return nil, 0
}
