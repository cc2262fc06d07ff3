package wire

import (
	"encoding/binary"
	"net/netip"
)

// IP protocol numbers (IANA).
const (
	protoHopByHop = 0
	protoICMP     = 1
	protoIPv4     = 4
	protoTCP      = 6
	protoUDP      = 17
	protoIPv6     = 41
	protoRouting  = 43
	protoFragment = 44
	protoGRE      = 47
	protoAH       = 51
	protoICMPv6   = 58
	protoDstOpts  = 60
	protoEtherIP  = 97
	protoMobility = 135
	protoMPLS     = 137
	protoHIP      = 139
	protoShim6    = 140
	protoEthernet = 143
)

// ip parses an IP packet of either version.
func (d *Decoder) ip(data []byte, length uint32, seg *Segment) Skip {
	if len(data) == 0 {
		return short(data, length)
	}
	switch data[0] >> 4 {
	case 4:
		return d.ipv4(data, length, seg)
	case 6:
		return d.ipv6(data, length, seg)
	}
	return SkipNotIP
}

// ipv4 reads an IPv4 packet (RFC 791 section 3.1).
//
// The total length is the end of the packet; bytes after it are padding of the link. A
// total length above length means that the capture cut the packet without recording it.
// Senders that offload segmentation write 0: then all bytes belong to the packet.
func (d *Decoder) ipv4(data []byte, length uint32, seg *Segment) Skip {
	if len(data) < 20 {
		return short(data, length)
	}
	total := uint32(binary.BigEndian.Uint16(data[2:]))
	if total == 0 {
		total = length
	}
	header := uint32(data[0]&15) * 4
	if data[0]>>4 != 4 || header < 20 || header > total {
		return SkipMalformed
	}
	if uint32(len(data)) < header {
		return SkipCut
	}
	body, rest := data[header:], total-header
	if uint32(len(body)) > rest {
		body = body[:rest]
	}
	if d.Checksums && !headerIntact(data[:header]) {
		return SkipChecksum
	}
	if binary.BigEndian.Uint16(data[6:])&0x3fff != 0 { // more fragments, or an offset
		return d.fragment4(data, body, rest)
	}
	protocol := data[9]
	for protocol == protoAH {
		var skip Skip
		if protocol, body, rest, skip = extension(protoAH, body, rest); skip != SkipNone {
			return skip
		}
	}
	if protocol != protoTCP {
		return d.protocol(protocol, body, rest, seg)
	}
	if skip := tcp(body, rest, seg); skip != SkipNone {
		return skip
	}
	if d.Checksums && !segmentIntact(data[12:20], body, rest) {
		return SkipChecksum
	}
	seg.Src = netip.AddrPortFrom(netip.AddrFrom4([4]byte(data[12:16])), binary.BigEndian.Uint16(body))
	seg.Dst = netip.AddrPortFrom(netip.AddrFrom4([4]byte(data[16:20])), binary.BigEndian.Uint16(body[2:]))
	return SkipNone
}

// ipv6 reads an IPv6 packet (RFC 8200 sections 3 and 4) and walks over its
// extension headers. A payload length of 0 is a jumbogram, with the option of
// RFC 2675 or, as Linux writes it for offload, without: then everything belongs
// to the packet.
func (d *Decoder) ipv6(data []byte, length uint32, seg *Segment) Skip {
	if len(data) < 40 {
		return short(data, length)
	}
	if data[0]>>4 != 6 {
		return SkipMalformed
	}
	rest := uint32(binary.BigEndian.Uint16(data[4:]))
	if rest == 0 {
		rest = length - 40
	}
	body := data[40:]
	if uint32(len(body)) > rest {
		body = body[:rest]
	}
	protocol := data[6]
	detour := false             // the destination is not yet the last one, which the checksum is for
	for isExtension(protocol) { // each step uses up 8 bytes at least
		detour = detour || protocol == protoRouting && len(body) > 3 && body[3] != 0
		if protocol == protoFragment && isFragment(body) {
			return d.fragment6(data, body, rest)
		}
		var skip Skip
		if protocol, body, rest, skip = extension(protocol, body, rest); skip != SkipNone {
			return skip
		}
	}
	if protocol != protoTCP {
		return d.protocol(protocol, body, rest, seg)
	}
	if skip := tcp(body, rest, seg); skip != SkipNone {
		return skip
	}
	if d.Checksums && !detour && !segmentIntact(data[8:40], body, rest) {
		return SkipChecksum
	}
	seg.Src = netip.AddrPortFrom(address6(data[8:24]), binary.BigEndian.Uint16(body))
	seg.Dst = netip.AddrPortFrom(address6(data[24:40]), binary.BigEndian.Uint16(body[2:]))
	return SkipNone
}

// address6 keeps one spelling for an address: an IPv4-mapped one is IPv4.
func address6(b []byte) netip.Addr { return netip.AddrFrom16([16]byte(b)).Unmap() }

func isExtension(protocol uint8) bool {
	switch protocol {
	case protoHopByHop, protoRouting, protoFragment, protoAH, protoDstOpts, protoMobility, protoHIP, protoShim6:
		return true
	}
	return false
}

// extension steps over one IPv6 extension header, or the authentication header
// of either version. A fragment header must be that of a whole packet.
func extension(protocol uint8, data []byte, length uint32) (next uint8, body []byte, rest uint32, skip Skip) {
	if len(data) < 8 {
		return 0, nil, 0, short(data, length)
	}
	n := uint32(8)
	switch protocol {
	case protoFragment:
	case protoAH:
		n = (uint32(data[1]) + 2) * 4 // RFC 4302 section 2.2
	default:
		n = (uint32(data[1]) + 1) * 8
	}
	if n < 8 || n > length {
		return 0, nil, 0, SkipMalformed
	}
	if n > uint32(len(data)) {
		return 0, nil, 0, SkipCut
	}
	return data[0], data[n:], length - n, SkipNone
}

// protocol parses IP protocols other than TCP that can hold a packet.
func (d *Decoder) protocol(protocol uint8, data []byte, length uint32, seg *Segment) Skip {
	switch protocol {
	case protoUDP:
		return d.udp(data, length, seg)
	case protoICMP, protoICMPv6:
		return SkipICMP
	case protoIPv4, protoIPv6, protoGRE, protoEtherIP, protoMPLS, protoEthernet:
		if !d.enter() {
			return SkipNested
		}
	}
	switch protocol {
	case protoIPv4:
		return d.ipv4(data, length, seg)
	case protoIPv6:
		return d.ipv6(data, length, seg)
	case protoGRE:
		return d.gre(data, length, seg)
	case protoEtherIP:
		return d.etherIP(data, length, seg)
	case protoMPLS:
		return d.mpls(data, length, seg)
	case protoEthernet: // RFC 8986 section 4.9
		return d.ethernet(data, length, seg)
	}
	return SkipProtocol
}

// tcp reads a TCP header (RFC 9293 section 3.1) into all fields of seg but the
// endpoints. It skips the options, so that a bad option does not cost the payload.
func tcp(data []byte, length uint32, seg *Segment) Skip {
	if len(data) < 20 {
		return short(data, length)
	}
	header := uint32(data[12]>>4) * 4
	if header < 20 || header > length {
		return SkipMalformed
	}
	seg.Seq = Seq(binary.BigEndian.Uint32(data[4:]))
	seg.Ack = Seq(binary.BigEndian.Uint32(data[8:]))
	seg.Flags = Flags(data[13])
	seg.Window = binary.BigEndian.Uint16(data[14:])
	seg.Payload = data[min(header, uint32(len(data))):]
	seg.Length = length - header
	return SkipNone
}
