package quantity

import (
	"math"
	"testing"
	"time"
)

func TestQuantities(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 48112: "48,112", 1_000_007: "1,000,007", math.MaxUint64: "18,446,744,073,709,551,615"} {
		if got := Count(n); got != want {
			t.Errorf("count %d: got %s, want %s", n, got, want)
		}
	}
	for n, want := range map[uint64]string{
		0: "0 B", 5: "5 B", 1023: "1023 B", 1024: "1.0 KiB", 65536: "64.0 KiB", 1<<20 - 1: "1.0 MiB",
		1_258_291: "1.2 MiB", 1 << 40: "1.0 TiB", math.MaxUint64: "16.0 EiB",
	} {
		if got := Size(n); got != want {
			t.Errorf("size %d: got %s, want %s", n, got, want)
		}
	}
	const ms, s = time.Millisecond, time.Second
	for d, want := range map[time.Duration]string{
		0: "0 ms", 40: "40 ns", 23 * time.Microsecond: "23 µs", 200 * time.Microsecond: "0.2 ms", 12_400 * time.Microsecond: "12.4 ms",
		999*ms + 960*time.Microsecond: "1.0 s", 9100 * ms: "9.1 s", 60 * s: "60.0 s", 200 * s: "3 min 20 s", 7500 * s: "2 h 5 min",
		99 * time.Hour: "4 d 3 h", -400 * time.Microsecond: "-0.4 ms", math.MinInt64: "-106752 d 0 h", 119*s + 960*ms: "120.0 s",
	} {
		if got := Duration(d); got != want {
			t.Errorf("%d: got %s, want %s", d, got, want)
		}
	}
	if got := string(AppendShortDuration(nil, 200*s)); got != "3m20s" {
		t.Errorf("short: %s", got)
	}
}
