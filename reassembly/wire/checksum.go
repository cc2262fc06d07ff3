package wire

import (
	"encoding/binary"
	"math/bits"
)

// sum adds up b as the checksum of the internet does (RFC 1071): 16 bits at a
// time, with the carry. start is what was added up before.
func sum(start uint64, b []byte) uint64 {
	for ; len(b) >= 8; b = b[8:] {
		var carry uint64
		start, carry = bits.Add64(start, binary.BigEndian.Uint64(b), 0)
		start += carry // cannot overflow again: a sum with a carry is not the largest number
	}
	var rest [8]byte
	copy(rest[:], b)
	start, carry := bits.Add64(start, binary.BigEndian.Uint64(rest[:]), 0)
	return start + carry
}

// whole reports whether a sum over bytes and their checksum is that of bytes
// that came as they were sent.
func whole(sum uint64) bool {
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return sum == 0xffff
}

// headerIntact reports whether the checksum of an IPv4 header is right.
func headerIntact(header []byte) bool { return whole(sum(0, header)) }

// segmentIntact reports whether the checksum of a TCP segment is right: body
// with its pseudo header (RFC 9293 section 3.1), of which addresses is the part
// that IP has. A segment that the capture cut cannot be judged and passes.
func segmentIntact(addresses, body []byte, length uint32) bool {
	if uint32(len(body)) < length {
		return true
	}
	var pseudo [8]byte
	binary.BigEndian.PutUint32(pseudo[:], length)
	pseudo[7] = protoTCP
	return whole(sum(sum(sum(0, addresses), pseudo[:]), body))
}
