package reassembly

import (
	"math"
	"slices"
)

// timers remembers when to look at connections again. Times are rounded up to
// ticks of a second, so that a connection costs a slice entry and busy ones
// are not touched; what is due is looked at in the order of its tick.
type timers struct {
	ticks map[int64][]*connection
	order []int64 // the keys of ticks, ascending
}

const tick = int64(1e9)

// add looks at c at the first tick not before due.
func (t *timers) add(c *connection, due int64) {
	k := due/tick + 1
	if t.ticks == nil {
		t.ticks = make(map[int64][]*connection)
	}
	list, ok := t.ticks[k]
	if !ok {
		i, _ := slices.BinarySearch(t.order, k)
		t.order = slices.Insert(t.order, i, k)
	}
	t.ticks[k] = append(list, c)
}

// due returns when expire has something to do.
func (t *timers) due() int64 {
	if len(t.order) == 0 {
		return math.MaxInt64
	}
	return t.order[0] * tick
}

// expire calls look for what is due; it returns when to look again, or 0.
func (t *timers) expire(now int64, look func(c *connection, due int64) (again int64)) {
	for len(t.order) > 0 && t.order[0]*tick <= now {
		k := t.order[0]
		t.order = t.order[1:]
		list := t.ticks[k]
		delete(t.ticks, k)
		for _, c := range list {
			if again := look(c, k*tick); again != 0 {
				t.add(c, again)
			}
		}
	}
}

// oldest returns a connection that is due first, or nil.
func (t *timers) oldest() *connection {
	for len(t.order) > 0 {
		k := t.order[0]
		list := t.ticks[k]
		if len(list) == 0 {
			delete(t.ticks, k)
			t.order = t.order[1:]
			continue
		}
		t.ticks[k] = list[1:]
		return list[0]
	}
	return nil
}
