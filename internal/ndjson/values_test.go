package ndjson

import (
	"encoding/base64"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func TestAppendMillis(t *testing.T) {
	for in, want := range map[time.Duration]string{
		0: "0", 1: "0.000001", 1e6: "1", 12_400_000: "12.4", -1_500_000: "-1.5", 100: "0.0001",
		math.MaxInt64: "9223372036854.775807", math.MinInt64: "-9223372036854.775808", 9_100_000_000: "9100",
	} {
		if got := string(AppendMillis(nil, in)); got != want {
			t.Errorf("%d ns: got %s, want %s", in, got, want)
		}
	}
}

const epoch = int64(1_700_000_000_000_000_000)

func TestAppendRFC3339(t *testing.T) {
	var c Clock
	for _, ns := range []int64{0, 1, -1, -1e9, -1e9 - 1, 1e9, epoch, epoch + 1, epoch + 999_999_999, math.MaxInt64, math.MinInt64} {
		want := time.Unix(0, ns).UTC().Format("2006-01-02T15:04:05.000000000Z")
		for range 2 { // the second time from the cache
			if got := string(c.AppendRFC3339(nil, ns)); got != want {
				t.Errorf("%d: got %s, want %s", ns, got, want)
			}
		}
	}
}

func TestBase64(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for size := range 700 {
		b := make([]byte, size)
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		if got, want := string(AppendBase64([]byte("x"), b)), `x"`+base64.StdEncoding.EncodeToString(b)+`"`; got != want {
			t.Fatalf("%d bytes: %s, want %s", size, got, want)
		}
	}
}
