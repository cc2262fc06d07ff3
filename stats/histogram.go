package stats

import (
	"math"
	"math/bits"
)

// Histogram counts values of any size in bounded memory. Each value below 128 has its
// own bucket. Above, values that share their first seven binary digits share a
// bucket, so a quantile is off by less than 0.8 %. Histograms can be merged. The zero
// value is empty.
type Histogram struct {
	N        uint64 // number of values
	Sum      float64
	Min, Max uint64 // exact; 0 if N is 0

	buckets []uint64
}

// digits is how many binary digits after the first one select the bucket.
const digits = 6

// bucketOf returns the bucket of v:
//
//	v        1 b5 b4 b3 b2 b1 b0 ........     the dots are shift binary digits
//	bucket   shift*64 + 1 b5 b4 b3 b2 b1 b0
func bucketOf(v uint64) int {
	if v < 2<<digits {
		return int(v)
	}
	shift := bits.Len64(v) - (digits + 1)
	return shift<<digits + int(v>>shift)
}

// boundsOf returns the smallest and the largest value of a bucket.
func boundsOf(bucket int) (low, high uint64) {
	if bucket < 2<<digits {
		return uint64(bucket), uint64(bucket)
	}
	shift := bucket>>digits - 1
	low = uint64(bucket-shift<<digits) << shift
	return low, low + 1<<shift - 1
}

// Add adds a value.
func (h *Histogram) Add(v uint64) {
	b := bucketOf(v)
	if b >= len(h.buckets) {
		h.buckets = append(h.buckets, make([]uint64, b+1-len(h.buckets))...)
	}
	h.buckets[b]++
	if h.N == 0 || v < h.Min {
		h.Min = v
	}
	h.Max = max(h.Max, v)
	h.N++
	h.Sum += float64(v)
}

// Merge adds all values of o.
func (h *Histogram) Merge(o *Histogram) {
	if o.N == 0 {
		return
	}
	if len(o.buckets) > len(h.buckets) {
		h.buckets = append(h.buckets, make([]uint64, len(o.buckets)-len(h.buckets))...)
	}
	for i, n := range o.buckets {
		h.buckets[i] += n
	}
	if h.N == 0 || o.Min < h.Min {
		h.Min = o.Min
	}
	h.Max = max(h.Max, o.Max)
	h.N += o.N
	h.Sum += o.Sum
}

// Mean returns the mean, 0 for an empty histogram.
func (h *Histogram) Mean() float64 {
	if h.N == 0 {
		return 0
	}
	return h.Sum / float64(h.N)
}

// Quantile returns the value that a share q (0 to 1) of all values does not exceed,
// within 0.8 %. It returns 0 for an empty histogram.
func (h *Histogram) Quantile(q float64) uint64 {
	if h.N == 0 {
		return 0
	}
	rank := uint64(math.Ceil(q * float64(h.N)))
	rank = min(max(rank, 1), h.N)
	seen := uint64(0)
	for b, n := range h.buckets {
		if seen += n; seen >= rank {
			low, high := boundsOf(b)
			return min(max(low+(high-low)/2, h.Min), h.Max)
		}
	}
	return h.Max
}

// Bin is a range of values, both ends included, and the number of values in it.
type Bin struct {
	Low, High uint64
	N         uint64
}

// Bins returns the values in ranges that grow by a power of two: the smallest power
// that makes at most most ranges (at least 2). Empty ranges between others are
// included.
func (h *Histogram) Bins(most int) []Bin {
	if h.N == 0 {
		return nil
	}
	// By the number of binary digits of a value, ranges are [0], [1], [2, 3], [4, 7],
	// ...
	first, last := bits.Len64(h.Min), bits.Len64(h.Max)
	step := (last-first)/max(most, 2) + 1
	var bins []Bin
	for from := first; from <= last; from += step {
		to := min(from+step-1, 64)
		b := Bin{High: uint64(1)<<to - 1}
		if from > 0 {
			b.Low = 1 << (from - 1)
		}
		if to == 64 {
			b.High = math.MaxUint64
		}
		bins = append(bins, b)
	}
	for bucket, n := range h.buckets {
		if n > 0 {
			low, _ := boundsOf(bucket)
			bins[(bits.Len64(low)-first)/step].N += n
		}
	}
	return bins
}

// Between returns how many values lie in a range of [Histogram.Bins]. The range may
// come from another histogram that contains this one.
func (h *Histogram) Between(low, high uint64) (n uint64) {
	for bucket := bucketOf(low); bucket < len(h.buckets); bucket++ {
		if first, _ := boundsOf(bucket); first > high {
			break
		}
		n += h.buckets[bucket]
	}
	return n
}
