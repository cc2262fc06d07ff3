package stats

import "slices"

// top keeps the size largest values. A value replaces an earlier one with the same
// key.
type top[T any] struct {
	size  int
	key   func(*T) uint64
	less  func(a, b *T) bool // reports whether b is larger
	items []T                // the largest first
}

func (t *top[T]) add(v T) {
	if i := slices.IndexFunc(t.items, func(o T) bool { return t.key(&o) == t.key(&v) }); i >= 0 {
		t.items = slices.Delete(t.items, i, i+1)
	}
	if len(t.items) == t.size && !t.less(&t.items[t.size-1], &v) {
		return
	}
	i, _ := slices.BinarySearchFunc(t.items, v, func(o, v T) int {
		if t.less(&o, &v) {
			return 1
		}
		return -1
	})
	t.items = slices.Insert(t.items, i, v)
	if len(t.items) > t.size {
		t.items = t.items[:t.size]
	}
}
