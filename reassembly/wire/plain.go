package wire

import (
	"encoding/binary"
	"net/netip"
)

// Flow is the source and destination of a plain packet, in wire format. Flows can be
// compared with ==.
type Flow struct {
	Addresses uint64 // of IPv4: the source in the upper half, the destination in the lower
	Ports     uint32 // likewise
}

// Reverse returns the flow of the other direction.
func (f Flow) Reverse() Flow {
	return Flow{f.Addresses<<32 | f.Addresses>>32, f.Ports<<16 | f.Ports>>16}
}

// Endpoints returns the source and the destination.
func (f Flow) Endpoints() (source, destination netip.AddrPort) {
	var a [8]byte
	binary.BigEndian.PutUint64(a[:], f.Addresses)
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(a[:])), uint16(f.Ports>>16)),
		netip.AddrPortFrom(netip.AddrFrom4([4]byte(a[4:])), uint16(f.Ports))
}

// Plain parses the most common form of a packet: TCP in a complete IPv4 packet without
// options, over Ethernet without tags. It returns false for all others, and for bad
// ones; [Decoder.Decode] handles those. It fills the same fields of seg as Decode, but
// for the endpoints, which are in the flow.
func Plain(link uint32, data []byte, length uint32, seg *Segment) (f Flow, ok bool) {
	const ip, ports = plainIP, plainPorts
	f, ok = PlainFlow(link, data, length)
	if !ok {
		return f, false
	}
	total := uint32(binary.BigEndian.Uint16(data[ip+2:]))
	header := uint32(data[ports+12]>>4) * 4
	seg.Seq = Seq(binary.BigEndian.Uint32(data[ports+4:]))
	seg.Ack = Seq(binary.BigEndian.Uint32(data[ports+8:]))
	seg.Flags = Flags(data[ports+13])
	seg.Window = binary.BigEndian.Uint16(data[ports+14:])
	seg.Length = total - 20 - header
	end := min(ip+total, uint32(len(data)))
	seg.Payload = data[min(ports+header, end):end]
	return f, true
}

// Where the headers of a plain packet begin.
const (
	plainIP    = 14
	plainPorts = 34
)

// PlainFlow returns the flow of a packet, as Plain does, without a segment.
func PlainFlow(link uint32, data []byte, length uint32) (f Flow, ok bool) {
	const ip, ports = plainIP, plainPorts
	if link != linkEthernet || len(data) < ports+20 || uint32(len(data)) > length ||
		binary.BigEndian.Uint16(data[12:]) != etherIPv4 || data[ip] != 0x45 ||
		binary.BigEndian.Uint16(data[ip+6:])&0x3fff != 0 || data[ip+9] != protoTCP {
		return f, false
	}
	total := uint32(binary.BigEndian.Uint16(data[ip+2:]))
	header := uint32(data[ports+12]>>4) * 4
	if total < 20+20 || header < 20 || header > total-20 {
		return f, false
	}
	return Flow{binary.BigEndian.Uint64(data[ip+12:]), binary.BigEndian.Uint32(data[ports:])}, true
}
