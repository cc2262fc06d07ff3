package stats

import "time"

// Rates are counts over time, in slots of equal width. The width doubles as the
// capture grows, so there are never more than maxSlots slots.
type Rates struct {
	Start int64 // capture time at which the first slot begins, ns
	Width time.Duration
	Slots []Slot
}

// Slot counts what happened in a span of time.
type Slot struct {
	Messages [2]uint64 // by direction
	Bytes    [2]uint64 // payload bytes of these messages, inflated if known
	Opened   uint64    // connections that opened
	Ended    uint64    // connections that ended
}

func (s *Slot) add(o *Slot) {
	for dir := range s.Messages {
		s.Messages[dir] += o.Messages[dir]
		s.Bytes[dir] += o.Bytes[dir]
	}
	s.Opened += o.Opened
	s.Ended += o.Ended
}

const (
	maxSlots  = 2048 // 100 KB
	slotWidth = time.Millisecond
)

func (r *Rates) begin(start int64) {
	if r.Width == 0 {
		r.Start, r.Width = start, slotWidth
	}
}

// at returns the slot of a time. A time before the start counts as the start.
func (r *Rates) at(ns int64) *Slot {
	r.begin(ns)
	since := max(0, ns-r.Start)
	if ns > 0 && r.Start < 0 && ns-r.Start < 0 { // the difference overflows an int64
		since = 1<<63 - 1
	}
	for since/int64(r.Width) >= maxSlots {
		r.fold()
	}
	i := int(since / int64(r.Width))
	for len(r.Slots) <= i {
		r.Slots = append(r.Slots, Slot{})
	}
	return &r.Slots[i]
}

// fold merges pairs of slots, which doubles the width.
func (r *Rates) fold() {
	half := (len(r.Slots) + 1) / 2
	for i := range half {
		s := r.Slots[2*i]
		if 2*i+1 < len(r.Slots) {
			s.add(&r.Slots[2*i+1])
		}
		r.Slots[i] = s
	}
	r.Slots = r.Slots[:half]
	r.Width *= 2
}

// Columns returns the same counts in at most n slots of equal width.
func (r *Rates) Columns(n int) Rates {
	step := max(1, (len(r.Slots)+n-1)/max(n, 1))
	out := Rates{Start: r.Start, Width: r.Width * time.Duration(step)}
	for i := range r.Slots {
		if i%step == 0 {
			out.Slots = append(out.Slots, Slot{})
		}
		out.Slots[i/step].add(&r.Slots[i])
	}
	return out
}
