package scenario

import (
	"encoding/binary"
	"slices"
)

// fragments cuts an IP packet into pieces, as a router (RFC 791 section 3.2) or
// a sender of IPv6 (RFC 8200 section 4.5) does. id is its number.
func (d Disguise) fragments(packet []byte, id uint32) [][]byte {
	if d.Fragment == 0 {
		return [][]byte{packet}
	}
	start := 14
	if d.VLAN {
		start += 4
	}
	header := start + 20
	if d.IPv6 {
		header = start + 40
	}
	body := packet[header:]
	if !d.IPv6 { // short frames are padded
		body = body[:binary.BigEndian.Uint16(packet[start+2:])-20]
	}
	size := max(8, d.Fragment&^7, len(body)/64&^7) // so that large packets come in some 64 pieces
	var pieces [][]byte
	for offset := 0; offset < len(body); offset += size {
		n := min(size, len(body)-offset)
		more := offset+n < len(body)
		head := slices.Clone(packet[:header])
		if d.IPv6 {
			extension := []byte{head[start+6], 0, byte(offset >> 8), byte(offset)}
			if more {
				extension[3] |= 1
			}
			head = append(head, binary.BigEndian.AppendUint32(extension, id)...)
			head[start+6] = 44
			binary.BigEndian.PutUint16(head[start+4:], uint16(8+n))
		} else {
			ip := head[start:]
			binary.BigEndian.PutUint16(ip[2:], uint16(20+n))
			binary.BigEndian.PutUint16(ip[4:], uint16(id))
			flags := uint16(offset / 8)
			if more {
				flags |= 0x2000
			}
			if id%2 == 1 {
				flags |= 0x4000 // don't fragment, on a fragment: tunnels do that
			}
			binary.BigEndian.PutUint16(ip[6:], flags)
			binary.BigEndian.PutUint16(ip[10:], 0)
			binary.BigEndian.PutUint16(ip[10:], checksum(ip[:20]))
		}
		pieces = append(pieces, append(head, body[offset:offset+n]...))
	}
	if d.Mix {
		slices.Reverse(pieces)
		for i := len(pieces) - 1; i > 0; i -= 3 { // the last one ends it, so copies come before
			pieces = slices.Insert(pieces, i, pieces[i-1])
		}
	}
	return pieces
}

// checksum is that of an IPv4 header (RFC 1071).
func checksum(header []byte) uint16 {
	sum := uint32(0)
	for i := 0; i < len(header); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(header[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
