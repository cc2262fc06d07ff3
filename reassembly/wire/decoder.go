package wire

import "encoding/binary"

// LINKTYPE_ values that are read (https://www.tcpdump.org/linktypes.html). The
// FCS bits that pcap files keep beside a link type must be masked out before.
const (
	linkNull     = 0
	linkEthernet = 1
	linkPPP      = 9
	linkRawBSD   = 12 // DLT_RAW, written as it is by some tools
	linkRawOBSD  = 14 // DLT_RAW of OpenBSD, the same
	linkPPPHDLC  = 50
	linkPPPoE    = 51
	linkRaw      = 101
	linkCHDLC    = 104
	linkLoop     = 108
	linkSLL      = 113
	linkPFLog    = 117
	linkNFLog    = 239
	linkIPv4     = 228
	linkIPv6     = 229
	linkSLL2     = 276
)

// EtherTypes (IEEE 802 numbers).
const (
	etherIPv4     = 0x0800
	etherARP      = 0x0806
	etherRARP     = 0x8035
	etherIPv6     = 0x86dd
	etherMPLS     = 0x8847
	etherMPLSUp   = 0x8848 // upstream-assigned label, RFC 5332
	etherPPPoE    = 0x8864
	etherVLAN     = 0x8100
	etherQinQ     = 0x88a8
	etherQinQ9100 = 0x9100
	etherQinQ9200 = 0x9200
	etherBridge   = 0x6558 // Ethernet inside GRE or Geneve
	etherERSPAN   = 0x88be
	etherERSPAN3  = 0x22eb
	etherPPP      = 0x880b // PPP inside GRE version 1, RFC 2637
	etherMinimum  = 0x0600 // below, the field is an 802.3 length, or one of Linux's own numbers for LLC
)

// maxTags bounds VLAN tags in one stack, maxNested the tunnels inside each
// other. Real networks have up to 2 and 3.
const (
	maxTags   = 8
	maxNested = 8
)

// Decoder reads packets. The zero value is ready. It keeps nothing from one
// packet to the next but memory to reuse; it is not safe for concurrent use.
type Decoder struct {
	// Checksums makes Decode skip packets with a wrong checksum of an IPv4 header or TCP
	// segment, in any layer of a tunnel.
	Checksums bool

	nested   int
	headers  headers
	fragment Fragment
}

// Decode parses the packet data, which had length bytes on the wire. link is its
// LINKTYPE_ value. Decode returns SkipNone and fills seg, or returns why there is no
// segment and leaves seg undefined. In nested tunnels it returns the innermost segment.
//
// data is only read. seg.Payload is a slice of it.
func (d *Decoder) Decode(link uint32, data []byte, length uint32, seg *Segment) Skip {
	length = max(length, uint32(len(data)))
	d.nested = 0
	return d.decode(link, data, length, seg)
}

// decode is Decode for a packet that may be inside another one.
func (d *Decoder) decode(link uint32, data []byte, length uint32, seg *Segment) Skip {
	if link == linkEthernet {
		return d.ethernet(data, length, seg)
	}
	switch link {
	case linkSLL:
		if len(data) < 16 {
			return short(data, length)
		}
		return d.etherType(binary.BigEndian.Uint16(data[14:]), data[16:], length-16, seg)
	case linkSLL2:
		if len(data) < 20 {
			return short(data, length)
		}
		return d.etherType(binary.BigEndian.Uint16(data), data[20:], length-20, seg)
	case linkRaw, linkRawBSD, linkRawOBSD, linkIPv4, linkIPv6:
		return d.ip(data, length, seg)
	case linkNull, linkLoop:
		return d.null(data, length, seg)
	case linkPPP, linkPPPHDLC:
		return d.ppp(data, length, seg)
	case linkCHDLC:
		return d.ciscoHDLC(data, length, seg)
	case linkPPPoE:
		return d.pppoe(data, length, seg)
	case linkPFLog:
		return d.pflog(data, length, seg)
	case linkNFLog:
		return d.nflog(data, length, seg)
	}
	if skip, ok := d.wrapped(link, data, length, seg); ok {
		return skip
	}
	return SkipLinkType
}

// short returns the Skip of a packet that is too short: cut by the capture, or short on
// the wire. In this package length is always the length of data on the wire, so it is
// never less than len(data).
func short(data []byte, length uint32) Skip {
	if uint32(len(data)) < length {
		return SkipCut
	}
	return SkipMalformed
}

func (d *Decoder) ethernet(data []byte, length uint32, seg *Segment) Skip {
	if len(data) < 14 {
		return short(data, length)
	}
	t := binary.BigEndian.Uint16(data[12:])
	if t == etherIPv4 {
		return d.ipv4(data[14:], length-14, seg)
	}
	data, length = data[14:], length-14
	if t < etherMinimum && uint32(t) < length { // an 802.3 length: the rest is padding
		data, length = data[:min(int(t), len(data))], uint32(t)
	}
	return d.etherType(t, data, length, seg)
}

// etherType parses data by its EtherType.
func (d *Decoder) etherType(t uint16, data []byte, length uint32, seg *Segment) Skip {
	for range maxTags + 1 {
		switch t {
		case etherIPv4:
			return d.ipv4(data, length, seg)
		case etherIPv6:
			return d.ipv6(data, length, seg)
		case etherARP, etherRARP:
			return SkipARP
		case etherVLAN, etherQinQ, etherQinQ9100, etherQinQ9200:
			if len(data) < 4 {
				return short(data, length)
			}
			t = binary.BigEndian.Uint16(data[2:])
			data, length = data[4:], length-4
			continue
		case etherMPLS, etherMPLSUp:
			return d.mpls(data, length, seg)
		case etherPPPoE:
			return d.pppoe(data, length, seg)
		case etherBridge:
			return d.bridged(data, length, seg)
		}
		if t < etherMinimum {
			return d.llc(data, length, seg)
		}
		return SkipNotIP
	}
	return SkipNested
}

// llc reads IEEE 802.2 with a SNAP header whose vendor is "EtherType" (RFC
// 1042); other LLC traffic (spanning tree and such) is not IP.
func (d *Decoder) llc(data []byte, length uint32, seg *Segment) Skip {
	if len(data) < 8 {
		return short(data, length)
	}
	if [6]byte(data) != [6]byte{0xaa, 0xaa, 3, 0, 0, 0} {
		return SkipNotIP
	}
	t := binary.BigEndian.Uint16(data[6:])
	if t < etherMinimum || !d.enter() {
		return SkipNotIP
	}
	return d.etherType(t, data[8:], length-8, seg)
}

// null reads BSD loopback: the address family in 4 bytes, in the order of the
// host that captured (LINKTYPE_NULL) or in network order (LINKTYPE_LOOP).
// Families are small numbers, so the value shows the order.
func (d *Decoder) null(data []byte, length uint32, seg *Segment) Skip {
	if len(data) < 4 {
		return short(data, length)
	}
	family := binary.BigEndian.Uint32(data)
	if family > 0xffff {
		family = binary.LittleEndian.Uint32(data)
	}
	return d.family(family, data[4:], length-4, seg)
}

// family parses data by its address family. AF_INET is 2 everywhere; AF_INET6 is 24
// on NetBSD and OpenBSD, 28 on FreeBSD, 30 on macOS, 10 on Linux, 23 on Windows.
func (d *Decoder) family(family uint32, data []byte, length uint32, seg *Segment) Skip {
	switch family {
	case 2:
		return d.ipv4(data, length, seg)
	case 10, 23, 24, 28, 30:
		return d.ipv6(data, length, seg)
	}
	return SkipNotIP
}

// ppp reads a PPP frame (RFC 1661), with or without the HDLC address and
// control bytes ff 03 (RFC 1662) and with a protocol field of 1 or 2 bytes.
func (d *Decoder) ppp(data []byte, length uint32, seg *Segment) Skip {
	if len(data) < 2 {
		return short(data, length)
	}
	switch {
	case data[0] == 0xff && data[1] == 3:
		data, length = data[2:], length-2
	case data[0] == 0x0f || data[0] == 0x8f: // unicast, multicast: LINKTYPE_PPP_HDLC holds both kinds
		return d.ciscoHDLC(data, length, seg)
	}
	if len(data) < 2 {
		return short(data, length)
	}
	protocol, n := binary.BigEndian.Uint16(data), 2
	if data[0]&1 == 1 { // the last byte of the field is odd (RFC 1661 section 2)
		protocol, n = uint16(data[0]), 1
	}
	data, length = data[n:], length-uint32(n)
	switch protocol {
	case 0x0021:
		return d.ipv4(data, length, seg)
	case 0x0057:
		return d.ipv6(data, length, seg)
	case 0x0281, 0x0283:
		return d.mpls(data, length, seg)
	}
	return SkipNotIP
}

func (d *Decoder) ciscoHDLC(data []byte, length uint32, seg *Segment) Skip {
	if len(data) < 4 {
		return short(data, length)
	}
	return d.etherType(binary.BigEndian.Uint16(data[2:]), data[4:], length-4, seg)
}

// pppoe reads a PPPoE session packet (RFC 2516 section 4).
func (d *Decoder) pppoe(data []byte, length uint32, seg *Segment) Skip {
	if len(data) < 6 {
		return short(data, length)
	}
	if data[0] != 0x11 || data[1] != 0 {
		return SkipNotIP // discovery, or a version that never came
	}
	if !d.enter() {
		return SkipNested
	}
	return d.ppp(data[6:], length-6, seg)
}

// pflog reads the log of the BSD packet filter: a header with its own length, padded to
// 4 bytes, and the address family in its second byte.
func (d *Decoder) pflog(data []byte, length uint32, seg *Segment) Skip {
	if len(data) < 4 {
		return short(data, length)
	}
	n := (int(data[0]) + 3) &^ 3
	if len(data) < n {
		return short(data, length)
	}
	return d.family(uint32(data[1]), data[n:], length-uint32(n), seg)
}

// nflog reads Linux netfilter log: type-length-value entries in the order of
// the host that captured; entry 9 is the packet.
func (d *Decoder) nflog(data []byte, length uint32, seg *Segment) Skip {
	if len(data) < 4 {
		return short(data, length)
	}
	data, length = data[4:], length-4
	for len(data) >= 4 {
		n, t := binary.LittleEndian.Uint16(data), binary.LittleEndian.Uint16(data[2:])
		if t&0xff == 0 && t != 0 { // types are below 256: the other order
			n, t = binary.BigEndian.Uint16(data), binary.BigEndian.Uint16(data[2:])
		}
		if n < 4 {
			return SkipMalformed
		}
		if t == 9 {
			return d.ip(data[4:min(int(n), len(data))], uint32(n)-4, seg)
		}
		n = (n + 3) &^ 3
		if n == 0 || int(n) > len(data) {
			break
		}
		data, length = data[n:], length-uint32(n)
	}
	return short(data, length)
}
