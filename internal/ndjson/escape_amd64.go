package ndjson

import "golang.org/x/sys/cpu"

// hasVectors reports whether the processor has PSHUFB and POPCNT, which escapeVectors
// needs. All x86 processors since 2008 do.
var hasVectors = cpu.X86.HasSSSE3 && cpu.X86.HasPOPCNT

// escapeVectors is escapeWords for the beginning of s, 16 bytes at a time. It stops
// at 16 bytes of which one is not ASCII or takes more than a backslash. A shorter
// rest it escapes too, if s has 16 bytes or more. out has the same room.
func escapeVectors(out, s []byte) (read, written int) { return spreadVectors(out, s, &shuffles) }

//go:noescape
func spreadVectors(out, s []byte, shuffles *[256][16]byte) (read, written int)

// shuffles has PSHUFB's control for each set of eight marks, the mark of the first
// byte lowest. The input is eight bytes in the lower half and backslashes in the
// upper half.
var shuffles = func() (t [256][16]byte) {
	for marks := range t {
		at := 0
		for i := range byte(8) {
			if marks>>i&1 != 0 {
				t[marks][at] = 8 // a backslash
				at++
			}
			t[marks][at] = i
			at++
		}
	}
	return t
}()
