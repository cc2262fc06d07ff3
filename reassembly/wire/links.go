package wire

import (
	"encoding/binary"
	"strconv"
)

// Link types with a header of their own around a packet of another one, or around an
// LLC header (https://www.tcpdump.org/linktypes.html).
const (
	linkTokenRing = 6
	linkFDDI      = 10
	linkWiFi      = 105 // IEEE 802.11
	linkPrism     = 119
	linkRadiotap  = 127
	linkAVS       = 163
	linkPPI       = 192
	linkERF       = 197
	linkIPoIB     = 242
	linkPKTAP     = 258 // of macOS and iOS (rvictl)
	linkMPacket   = 274 // Ethernet with its preamble
)

// wrapped parses the link types above. ok is false for any other one.
func (d *Decoder) wrapped(link uint32, data []byte, length uint32, seg *Segment) (skip Skip, ok bool) {
	switch link {
	case linkTokenRing:
		return d.tokenRing(data, length, seg), true
	case linkFDDI: // frame control, two addresses
		return d.after(13, data, length, seg, d.llc), true
	case linkIPoIB: // the addresses as libpcap has them, then RFC 4391 section 6
		if len(data) < 44 {
			return short(data, length), true
		}
		return d.etherType(binary.BigEndian.Uint16(data[40:]), data[44:], length-44, seg), true
	case linkMPacket:
		return d.after(8, data, length, seg, d.ethernet), true
	case linkERF:
		return d.erf(data, length, seg), true
	case linkPKTAP:
		return d.pktap(data, length, seg), true
	case linkPPI:
		if len(data) < 8 || data[0] != 0 {
			return short(data, length), true
		}
		inner := binary.LittleEndian.Uint32(data[4:])
		return d.inner(inner, uint32(binary.LittleEndian.Uint16(data[2:])), data, length, seg), true
	case linkPrism, linkAVS:
		if len(data) < 8 {
			return short(data, length), true
		}
		return d.inner(linkWiFi, length32(data[4:], length), data, length, seg), true
	case linkRadiotap:
		return d.radiotap(data, length, seg), true
	case linkWiFi:
		return d.wifi(data, length, false, seg), true
	}
	return SkipNone, false
}

// after parses what follows a header of n bytes.
func (d *Decoder) after(n int, data []byte, length uint32, seg *Segment, next func([]byte, uint32, *Segment) Skip) Skip {
	if len(data) < n {
		return short(data, length)
	}
	return next(data[n:], length-uint32(n), seg)
}

// inner parses a packet of another link type behind a header of n bytes.
func (d *Decoder) inner(link, n uint32, data []byte, length uint32, seg *Segment) Skip {
	if n < 4 || uint64(n) > uint64(len(data)) {
		return short(data, length)
	}
	if !d.enter() {
		return SkipNested
	}
	return d.decode(link, data[n:], length-n, seg)
}

// length32 reads the length of a header, in the order of the host that captured: the one
// that fits.
func length32(b []byte, most uint32) uint32 {
	if n := binary.LittleEndian.Uint32(b); n <= most {
		return n
	}
	return binary.BigEndian.Uint32(b)
}

// pktap reads Apple's header: its length, and the link type of the packet behind it.
func (d *Decoder) pktap(data []byte, length uint32, seg *Segment) Skip {
	if len(data) < 12 {
		return short(data, length)
	}
	n := length32(data, length)
	inner := binary.LittleEndian.Uint32(data[8:])
	if inner > 0xffff {
		inner = binary.BigEndian.Uint32(data[8:])
	}
	return d.inner(inner, n, data, length, seg)
}

// tokenRing reads IEEE 802.5, which may have a route behind its addresses.
func (d *Decoder) tokenRing(data []byte, length uint32, seg *Segment) Skip {
	if len(data) < 16 {
		return short(data, length)
	}
	n := 14
	if data[8]&0x80 != 0 { // in the source address: there is a route
		n += int(data[14] & 0x1f)
	}
	return d.after(n, data, length, seg, d.llc)
}

// erf reads the records of Endace cards: Ethernet and IP.
func (d *Decoder) erf(data []byte, length uint32, seg *Segment) Skip {
	if len(data) < 16 {
		return short(data, length)
	}
	kind, n := data[8], 16
	for more := kind&0x80 != 0; more; n += 8 { // extension headers
		if len(data) < n+8 {
			return short(data, length)
		}
		more = data[n]&0x80 != 0
	}
	switch kind & 0x7f {
	case 2, 11, 16, 20: // Ethernet, with colours and such, behind two bytes
		return d.after(n+2, data, length, seg, d.ethernet)
	case 22, 23:
		return d.after(n, data, length, seg, d.ip)
	}
	return SkipNotIP
}

// radiotap reads the header of captured 802.11 (https://www.radiotap.org), of which only
// the length and the flags matter.
func (d *Decoder) radiotap(data []byte, length uint32, seg *Segment) Skip {
	if len(data) < 8 {
		return short(data, length)
	}
	n := int(binary.LittleEndian.Uint16(data[2:]))
	if n < 8 || n > len(data) {
		return short(data, length)
	}
	present, at := binary.LittleEndian.Uint32(data[4:]), 8
	for more := present; more>>31 == 1; at += 4 { // further words of fields
		if at+4 > n {
			return SkipMalformed
		}
		more = binary.LittleEndian.Uint32(data[at:])
	}
	padded := false
	if present&2 != 0 { // the flags, behind an aligned time stamp of 8 bytes
		if present&1 != 0 {
			at = (at+7)&^7 + 8
		}
		if at >= n {
			return SkipMalformed
		}
		padded = data[at]&0x20 != 0
	}
	return d.wifi(data[n:], length-uint32(n), padded, seg)
}

// wifi reads data frames of IEEE 802.11-2020 (9.2, 9.3.2) that are not encrypted. padded
// says that the header is filled up to four bytes. Of several frames in one (A-MSDU) the
// first is read, and more are counted as not read.
func (d *Decoder) wifi(data []byte, length uint32, padded bool, seg *Segment) Skip {
	if len(data) < 24 {
		return short(data, length)
	}
	const data80211, noData, qosData, encrypted, toAndFrom, order = 2, 0x40, 0x80, 0x40, 3, 0x80
	kind, flags := data[0], data[1]
	if kind>>2&3 != data80211 || kind&noData != 0 {
		return SkipNotIP // management, control, or a data frame without data
	}
	if flags&encrypted != 0 {
		return SkipEncrypted
	}
	n, aggregated := 24, false
	if flags&toAndFrom == toAndFrom {
		n += 6
	}
	if kind&qosData != 0 {
		if len(data) < n+2 {
			return short(data, length)
		}
		aggregated = data[n]&0x80 != 0
		if n += 2; flags&order != 0 {
			n += 4
		}
	}
	if padded {
		n = (n + 3) &^ 3
	}
	if !aggregated {
		return d.after(n, data, length, seg, d.llc)
	}
	if len(data) < n+14 {
		return short(data, length)
	}
	size := int(binary.BigEndian.Uint16(data[n+12:]))
	if next := n + (14+size+3)&^3; next+14 < len(data) {
		return SkipAggregate
	}
	return d.after(n+14, data, length, seg, d.llc)
}

// tzsp reads TaZmen Sniffer Protocol: tagged fields, then a packet of another link type.
func (d *Decoder) tzsp(data []byte, length uint32, seg *Segment) Skip {
	const version, received, end, padding = 1, 0, 1, 0
	if len(data) < 5 || data[0] != version || data[1] != received {
		return SkipUDP
	}
	link, known := map[uint16]uint32{1: linkEthernet, 18: linkWiFi, 119: linkPrism, 127: linkAVS}[binary.BigEndian.Uint16(data[2:])]
	if !known {
		return SkipUDP
	}
	for at := 4; at < len(data); {
		switch tag := data[at]; {
		case tag == end:
			return d.inner(link, uint32(at+1), data, length, seg)
		case tag == padding:
			at++
		case at+1 >= len(data):
			return short(data, length)
		default:
			at += 2 + int(data[at+1])
		}
	}
	return short(data, length)
}

// linkNames are the names of common link types that are not read.
var linkNames = map[uint32]string{
	7: "ARCNET", 8: "SLIP", 99: "Symantec firewall", 100: "ATM (RFC 1483)", 106: "Linux ATM", 107: "Frame Relay", 123: "SunATM", 137: "Juniper ATM",
	138: "FireWire", 143: "DOCSIS", 144: "Linux IrDA", 178: "Juniper Ethernet", 187: "Bluetooth HCI", 189: "USB of Linux", 195: "IEEE 802.15.4", 201: "Bluetooth HCI",
	203: "LAPD", 206: "AX.25", 210: "FlexRay", 215: "IEEE 802.15.4", 220: "USB of Linux", 224: "Fibre Channel", 225: "Fibre Channel", 227: "CAN", 230: "IEEE 802.15.4",
	245: "NetScaler 2.0", 246: "NetScaler 3.0", 247: "NetScaler 3.5", 249: "USB of Windows", 251: "Bluetooth Low Energy", 252: "exported PDUs of Wireshark", 253: "Netlink",
	256: "Bluetooth Low Energy", 266: "USB of macOS", 270: "LoRaTap", 272: "NR-U", 281: "Broadcom switch tags", 283: "DSA", 284: "EDSA", 149: "user-defined 2",
	147: "user-defined 0", 148: "user-defined 1", 150: "user-defined 3", 157: "user-defined 10", 162: "user-defined 15",
}

// LinkName returns "link type 107 (Frame Relay)", or "link type 999".
func LinkName(link uint32) string {
	name := "link type " + strconv.FormatUint(uint64(link), 10)
	if known := linkNames[link]; known != "" {
		name += " (" + known + ")"
	}
	return name
}
