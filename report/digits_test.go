package report

import (
	stdbase64 "encoding/base64"
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
		if got, want := string(appendUint([]byte("x"), n)), "x"+strconv.FormatUint(n, 10); got != want {
			t.Fatalf("%d became %s", n, got)
		}
		width := 1 + rnd.IntN(20)
		want := fmt.Sprintf("%020d", n)
		if got := string(appendDigits(nil, n, width)); got != want[20-width:] {
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

func TestBase64(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for size := range 700 {
		b := make([]byte, size)
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		if got, want := string(appendBase64([]byte("x"), b)), `x"`+stdbase64.StdEncoding.EncodeToString(b)+`"`; got != want {
			t.Fatalf("%d bytes: %s, want %s", size, got, want)
		}
	}
}

// TestPlainASCII: eight bytes are found plain by the quick look exactly when they
// are ASCII and plain one by one.
func TestPlainASCII(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 3))
	interesting := []byte{0, 0x1f, 0x20, '!', '"', '#', '[', '\\', ']', 0x7e, 0x7f, 0x80, 0xc2, 0xff, 'a'}
	for range 300_000 {
		var x uint64
		want := true
		for range 8 {
			c := byte('a')
			if rnd.IntN(3) == 0 {
				c = interesting[rnd.IntN(len(interesting))]
			}
			x = x<<8 | uint64(c)
			want = want && plain[c] && c < 0x80
		}
		if (notPlainASCII(x)|quotes(x) == 0) != want {
			t.Fatalf("%016x: plain is %v", x, !want)
		}
	}
}
