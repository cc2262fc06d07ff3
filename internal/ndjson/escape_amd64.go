package ndjson

import "golang.org/x/sys/cpu"

// hasVectors tells whether the processor has what escapeVectors takes: PSHUFB and
// POPCNT, as every one since 2008.
var hasVectors = cpu.X86.HasSSSE3 && cpu.X86.HasPOPCNT

// escapeVectors is escapeWords for what s begins with, 16 bytes at a time, as long as
// all 16 are ASCII and take a backslash at most; what is left at the end and shorter
// than that it does too if s is not. out has the same room.
func escapeVectors(out, s []byte) (read, written int) { return spreadVectors(out, s, &shuffles) }

//go:noescape
func spreadVectors(out, s []byte, shuffles *[256][16]byte) (read, written int)

// shuffles says for each set of marks, that of the first byte lowest, where the
// bytes come from that eight with as many backslashes become: PSHUFB's control,
// with the eight bytes below and backslashes above.
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
