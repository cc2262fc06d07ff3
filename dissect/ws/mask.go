package ws

import (
	"encoding/binary"
	"math/bits"
)

// unmask writes src XORed with the masking key into dst (RFC 6455 5.3). offset is the
// offset of src in the frame's payload. len(dst) must be at least len(src). dst and src
// may be the same slice, and must not overlap in another way.
func unmask(dst, src []byte, key [4]byte, offset uint64) {
	k := binary.LittleEndian.Uint32(key[:])
	if r := uint(offset&3) * 8; r != 0 {
		k = k>>r | k<<(32-r)
	}
	w := uint64(k)<<32 | uint64(k)
	dst = dst[:len(src)]
	if len(src) < 8 {
		for i := range src {
			dst[i] = src[i] ^ byte(k)
			k = k>>8 | k<<24
		}
		return
	}
	// The last 8 bytes are one word too, which may overlap the words before it. It is
	// read first, because dst may be src.
	end := len(src) - 8
	last := binary.LittleEndian.Uint64(src[end:]) ^ bits.RotateLeft64(w, -8*(end&3))
	tail := dst[end:]
	for len(src) >= 64 {
		s, d := src[:64:64], dst[:64:64]
		for i := 0; i < 64; i += 8 {
			binary.LittleEndian.PutUint64(d[i:], binary.LittleEndian.Uint64(s[i:])^w)
		}
		src, dst = src[64:], dst[64:]
	}
	for len(src) > 8 {
		binary.LittleEndian.PutUint64(dst, binary.LittleEndian.Uint64(src)^w)
		src, dst = src[8:], dst[8:]
	}
	binary.LittleEndian.PutUint64(tail, last)
}
