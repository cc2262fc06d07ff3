// Package decimal writes decimal numbers fast: a line of NDJSON has eight numbers
// and two times, and their digits were a third of its cost. strconv is the
// reference, see TestDigits.
package decimal

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"strconv"
)

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

// powers are the powers of ten, from 1 to the largest that a uint64 holds.
var powers = func() (t [20]uint64) {
	t[0] = 1
	for i := 1; i < len(t); i++ {
		t[i] = t[i-1] * 10
	}
	return t
}()

// upTo999 has the digits of each number below 1000, the first digit in the lowest
// byte. The highest byte is the number of digits. Most numbers of a row are that
// small.
var upTo999 = func() (t [1000]uint32) {
	for n := range t {
		digits := strconv.Itoa(n)
		for i, c := range []byte(digits) {
			t[n] |= uint32(c) << (8 * i)
		}
		t[n] |= uint32(len(digits)) << 24
	}
	return t
}()

// AppendUint appends n in decimal.
func AppendUint(dst []byte, n uint64) []byte {
	if n < uint64(len(upTo999)) {
		at, digits := len(dst), upTo999[n]
		dst = slices.Grow(dst, 4)[:at+4]
		binary.LittleEndian.PutUint32(dst[at:], digits)
		return dst[:at+int(digits>>24)]
	}
	width := bits.Len64(n) * 1233 >> 12 // number of digits, or one less: 1233/4096 is nearly log10(2)
	if n >= powers[width] {
		width++
	}
	return AppendDigits(dst, n, width)
}

// AppendDigits appends the last width decimal digits of n, 20 at most, with
// leading zeros.
func AppendDigits(dst []byte, n uint64, width int) []byte {
	at := len(dst)
	switch {
	case width <= 8 && n < 1e8:
		dst = slices.Grow(dst, 8)[:at+8]
		binary.LittleEndian.PutUint64(dst[at:], eightDigits(n)>>(8*(8-width)))
		return dst[:at+width]
	case width == 9 && n < 1e9: // nanoseconds
		dst = slices.Grow(dst, 9)[:at+9]
		binary.LittleEndian.PutUint64(dst[at:], eightDigits(n/10))
		dst[at+8] = byte('0' + n%10)
		return dst
	}
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

// eightDigits returns the eight decimal digits of n, which is below 1e8, the first
// digit in the lowest byte. It splits all parts of the number at once: into two of
// four digits, four of two, then eight of one. 10486/2^20 is near enough to 1/100 for
// numbers below 10,000, and 103/2^10 to 1/10 for numbers below 100.
func eightDigits(n uint64) uint64 {
	v := n/10_000 | n%10_000<<32
	q := v * 10_486 >> 20 & 0x7f_0000_007f
	v = q | (v-100*q)<<16
	q = v * 103 >> 10 & 0xf_000f_000f_000f
	v = q | (v-10*q)<<8
	return v | 0x3030_3030_3030_3030
}
