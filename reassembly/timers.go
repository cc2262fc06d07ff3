package reassembly

import (
	"math"
	"slices"
)

// timers holds the timers of connections. Times are rounded up to ticks of a second, so
// that a busy connection need not move. Timers expire in the order of their ticks. The
// connections of a tick form an intrusive list, so that a removed one leaves nothing
// behind.
type timers struct {
	ticks  map[int64]*tickList
	order  []int64   // the keys of ticks, ascending; some may be empty
	latest *tickList // in ticks, the one that a connection was added to last; nil when that is empty
}

// tickList is the connections of a tick, those that came first first.
type tickList struct {
	tick        int64
	first, last *connection
}

const tick = int64(1e9)

// add looks at c at the first tick not before due, and no longer when it was to
// be looked at before.
func (t *timers) add(c *connection, due int64) {
	t.remove(c)
	list := t.at(due/tick + 1)
	c.tick = list
	c.sooner, c.later = list.last, nil
	if list.last != nil {
		list.last.later = c
	} else {
		list.first = c
	}
	list.last = c
}

// at returns the list of a tick, with which it is in ticks.
func (t *timers) at(k int64) *tickList {
	if t.latest != nil && t.latest.tick == k { // nearly always: all that is added waits as long
		return t.latest
	}
	if t.ticks == nil {
		t.ticks = make(map[int64]*tickList)
	}
	list := t.ticks[k]
	if list == nil {
		list = &tickList{tick: k}
		t.ticks[k] = list
		if i, known := slices.BinarySearch(t.order, k); !known {
			t.order = slices.Insert(t.order, i, k)
		}
	}
	t.latest = list
	return list
}

// remove removes the timer of c.
func (t *timers) remove(c *connection) {
	list := c.tick
	if list == nil {
		return
	}
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
		delete(t.ticks, list.tick)
		if t.latest == list {
			t.latest = nil
		}
	}
	c.sooner, c.later, c.tick = nil, nil, nil
}

// due returns the time of the first tick.
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
