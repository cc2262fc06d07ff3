// Package terminaltest has what tests of output for terminals share.
package terminaltest

import (
	"testing"
	"unicode/utf8"
)

// CheckHarmless fails t when out, which was made from in, is not UTF-8 or holds a
// character that a terminal obeys. It does not use what it tests.
func CheckHarmless(t *testing.T, in, out []byte) {
	t.Helper()
	if !utf8.Valid(out) {
		t.Fatalf("%q gives %q: not UTF-8", in, out)
	}
	for _, r := range string(out) {
		if r < 0x20 || r >= 0x7f && r < 0xa0 || r == 0x200e || r == 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x061c || r == 0x2028 || r == 0x2029 {
			t.Fatalf("%q gives %q: holds %U", in, out, r)
		}
	}
}
