package decimal

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
)

func TestDigits(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	numbers := []uint64{0, 9, 10, 99, 100, math.MaxUint64, math.MaxInt64}
	for i := uint64(1); i < 1e19; i *= 10 {
		numbers = append(numbers, i-1, i, i+1, 10*i-1)
	}
	for range 100_000 {
		numbers = append(numbers, rnd.Uint64()>>rnd.IntN(64))
	}
	for _, n := range numbers {
		if got, want := string(AppendUint([]byte("x"), n)), "x"+strconv.FormatUint(n, 10); got != want {
			t.Fatalf("%d became %s", n, got)
		}
		width := 1 + rnd.IntN(20)
		want := fmt.Sprintf("%020d", n)
		if got := string(AppendDigits(nil, n, width)); got != want[20-width:] {
			t.Fatalf("the last %d digits of %d became %s", width, n, got)
		}
	}
}

// TestEightDigits tries all halves: they do not touch each other.
func TestEightDigits(t *testing.T) {
	for i := range uint64(10_000) {
		for _, n := range []uint64{i, i * 10_000, i*10_000 + 9_999, 99_990_000 + i} {
			if got, want := string(binary.LittleEndian.AppendUint64(nil, eightDigits(n))), fmt.Sprintf("%08d", n); got != want {
				t.Fatalf("%d became %s", n, got)
			}
		}
	}
}
