package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestBuckets: every value lies within the bounds of its bucket, buckets follow
// each other without a hole, and the middle of one is less than 0.8 % off.
func TestBuckets(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 1))
	values := []uint64{0, 1, 127, 128, 129, 255, 256, math.MaxUint64, 1 << 63}
	for range 10_000 {
		values = append(values, dice.Uint64()>>dice.IntN(64))
	}
	for _, v := range values {
		b := bucketOf(v)
		low, high := boundsOf(b)
		if v < low || v > high {
			t.Fatalf("%d is in bucket %d, which is %d to %d", v, b, low, high)
		}
		if middle := float64(low) + float64(high-low)/2; math.Abs(middle-float64(v)) > 0.008*float64(v) {
			t.Fatalf("%d is told as %.0f", v, middle)
		}
		if low > 0 {
			if _, before := boundsOf(b - 1); before != low-1 {
				t.Fatalf("bucket %d ends at %d, the next begins at %d", b-1, before, low)
			}
		}
	}
}

func TestQuantiles(t *testing.T) {
	dice := rand.New(rand.NewPCG(2, 2))
	var whole, a, b Histogram
	var all []uint64
	for i := range 20_000 {
		v := uint64(math.Exp(dice.Float64() * 20))
		all = append(all, v)
		whole.Add(v)
		if i%3 == 0 {
			a.Add(v)
		} else {
			b.Add(v)
		}
	}
	slices.Sort(all)
	a.Merge(&b)
	for _, q := range []float64{0, .01, .5, .9, .95, .99, 1} {
		want := float64(all[min(max(int(math.Ceil(q*float64(len(all))))-1, 0), len(all)-1)])
		if got := float64(whole.Quantile(q)); math.Abs(got-want) > 0.008*want {
			t.Errorf("quantile %v: %v, want %v", q, got, want)
		}
		if a.Quantile(q) != whole.Quantile(q) {
			t.Errorf("quantile %v of the sum of two: %d, want %d", q, a.Quantile(q), whole.Quantile(q))
		}
	}
	if a.N != whole.N || a.Min != all[0] || a.Max != all[len(all)-1] {
		t.Errorf("the sum of two has %d values from %d to %d", a.N, a.Min, a.Max)
	}
	for _, most := range []int{2, 5, 12, 64} {
		bins, n := whole.Bins(most), uint64(0)
		for i, bin := range bins {
			n += bin.N
			if got := whole.Between(bin.Low, bin.High); got != bin.N {
				t.Errorf("%d to %d has %d values, Between says %d", bin.Low, bin.High, bin.N, got)
			}
			if i > 0 && bin.Low != bins[i-1].High+1 {
				t.Errorf("a hole before %d", bin.Low)
			}
		}
		if n != whole.N || len(bins) > most {
			t.Errorf("%d bins of at most %d hold %d of %d values", len(bins), most, n, whole.N)
		}
	}
	var none Histogram
	if none.Quantile(.5) != 0 || none.Bins(5) != nil || none.Mean() != 0 {
		t.Error("an empty histogram says something")
	}
}

// TestRates: whatever the span, slots are bounded and nothing is lost.
func TestRates(t *testing.T) {
	const start = int64(1_700_000_000_000_000_000)
	for _, span := range []time.Duration{time.Millisecond, time.Second, time.Hour, 250 * 365 * 24 * time.Hour} {
		var r Rates
		r.begin(start)
		for i := range 1000 {
			r.at(start + int64(span)/1000*int64(i)).Messages[i%2]++
		}
		r.at(start-int64(time.Hour)).Opened++ // the clock ran backwards
		for _, columns := range []int{1, 7, 100} {
			out := r.Columns(columns)
			var sum Slot
			for i := range out.Slots {
				sum.add(&out.Slots[i])
			}
			if sum.Messages != [2]uint64{500, 500} || sum.Opened != 1 || len(out.Slots) > columns || len(r.Slots) > maxSlots {
				t.Errorf("%v in %d columns: %d slots of %d, %+v", span, columns, len(out.Slots), len(r.Slots), sum)
			}
			if covered := time.Duration(len(out.Slots)) * out.Width; covered < span/1000*999 {
				t.Errorf("%v: the columns cover %v", span, covered)
			}
		}
	}
}
