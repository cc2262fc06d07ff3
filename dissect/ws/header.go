package ws

import (
	"encoding/binary"

	"github.com/wsdump/wsdump/timeline"
)

// maxHeader is the longest frame header: two bytes, a 64-bit length, a key.
const maxHeader = 14

// header is a frame header (RFC 6455 5.2).
type header struct {
	length uint64 // payload bytes, top bit included
	key    [4]byte
	size   uint8 // header bytes
	bits   uint8 // first byte: FIN, RSV1-3, opcode
	masked bool
	wide   bool // a longer length form than the length needs
}

// The reserved bits of the first byte.
const (
	rsv1 = 0x40
	rsv2 = 0x20
	rsv3 = 0x10
)

func (h *header) fin() bool               { return h.bits&0x80 != 0 }
func (h *header) rsv() uint8              { return h.bits & (rsv1 | rsv2 | rsv3) }
func (h *header) opcode() timeline.Opcode { return timeline.Opcode(h.bits & 0x0f) }

// headerSize returns how many bytes the header takes whose second byte is b1.
func headerSize(b1 byte) int {
	n := 2
	switch b1 & 0x7f {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if b1&0x80 != 0 {
		n += 4
	}
	return n
}

// parse reads the header at the start of b and reports whether b holds all of
// it.
func (h *header) parse(b []byte) bool {
	if len(b) < 2 {
		return false
	}
	size := headerSize(b[1])
	if len(b) < size {
		return false
	}
	h.bits = b[0]
	h.size = uint8(size)
	h.masked = b[1]&0x80 != 0
	h.wide = false
	switch n := uint64(b[1] & 0x7f); n {
	case 126:
		h.length = uint64(binary.BigEndian.Uint16(b[2:]))
		h.wide = h.length < 126
	case 127:
		h.length = binary.BigEndian.Uint64(b[2:])
		h.wide = h.length < 1<<16 || h.length>>63 != 0
	default:
		h.length = n
	}
	if h.masked {
		h.key = [4]byte(b[size-4 : size])
	}
	return true
}
