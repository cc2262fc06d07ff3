package report

import (
	"math/bits"
	"slices"
)

// A line of NDJSON has eight numbers and two times, and a third of what it costs
// was to write their digits. Here they are written where they belong, two at a
// time; strconv is the reference, see TestDigits.

// pairs are the two digits of every number below 100.
const pairs = "00010203040506070809" +
	"10111213141516171819" +
	"20212223242526272829" +
	"30313233343536373839" +
	"40414243444546474849" +
	"50515253545556575859" +
	"60616263646566676869" +
	"70717273747576777879" +
	"80818283848586878889" +
	"90919293949596979899"

// powers of ten, from 1 to the largest that a uint64 holds.
var powers = func() (t [20]uint64) {
	t[0] = 1
	for i := 1; i < len(t); i++ {
		t[i] = t[i-1] * 10
	}
	return t
}()

// appendUint appends n in decimal.
func appendUint(dst []byte, n uint64) []byte {
	if n < 10 {
		return append(dst, byte('0'+n))
	}
	width := bits.Len64(n) * 1233 >> 12 // of digits, or one less: 1233/4096 is the logarithm of 2
	if n >= powers[width] {
		width++
	}
	return appendDigits(dst, n, width)
}

// appendDigits appends the last width decimal digits of n, 20 at most, with
// leading zeros.
func appendDigits(dst []byte, n uint64, width int) []byte {
	at := len(dst)
	dst = slices.Grow(dst, width)[:at+width]
	out := dst[at:]
	for len(out) >= 2 {
		pair := n % 100 * 2
		n /= 100
		out[len(out)-2], out[len(out)-1] = pairs[pair], pairs[pair+1]
		out = out[:len(out)-2]
	}
	if len(out) == 1 {
		out[0] = byte('0' + n%10)
	}
	return dst
}
