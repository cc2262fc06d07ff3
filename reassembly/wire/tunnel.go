package wire

import (
	"encoding/binary"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// UDP ports (IANA; 8472 is VXLAN as Linux had it first).
const (
	portHTTPS  = 443
	portGTPU   = 2152
	portVXLAN  = 4789
	portGeneve = 6081
	portVXLAN2 = 8472
	portTZSP   = 37008
)

// headers are gopacket's layers, kept for reuse.
type headers struct {
	gre     layers.GRE
	vxlan   layers.VXLAN
	geneve  layers.Geneve
	erspan  layers.ERSPANII
	etherIP layers.EtherIP
}

// enter counts a packet inside a packet and reports whether it may be followed.
func (d *Decoder) enter() bool {
	d.nested++
	return d.nested <= maxNested
}

// layer is what gopacket's layers have in common (its DecodingLayer asks for
// more than Geneve has).
type layer interface {
	DecodeFromBytes(data []byte, df gopacket.DecodeFeedback) error
	LayerPayload() []byte
}

// decodeLayer decodes one header with gopacket and returns the bytes after it. Some of
// gopacket's decoders index without a bounds check, so decodeLayer recovers their panics
// and treats them as an error of the packet.
func decodeLayer(l layer, data []byte, length uint32) (body []byte, rest uint32, skip Skip) {
	defer func() {
		if recover() != nil {
			body, rest, skip = nil, 0, short(data, length)
		}
	}()
	if l.DecodeFromBytes(data, gopacket.NilDecodeFeedback) != nil {
		return nil, 0, short(data, length)
	}
	body = l.LayerPayload()
	if len(body) > len(data) {
		return nil, 0, SkipMalformed
	}
	return body, length - uint32(len(data)-len(body)), SkipNone
}

// udp parses UDP (RFC 768) and the tunnels that it may carry.
func (d *Decoder) udp(data []byte, length uint32, seg *Segment) Skip {
	if len(data) < 8 {
		return SkipUDP
	}
	src, dst := binary.BigEndian.Uint16(data), binary.BigEndian.Uint16(data[2:])
	data, length = data[8:], length-8
	if src == portHTTPS || dst == portHTTPS {
		if looksLikeQUIC(data, length) {
			return SkipQUIC
		}
		return SkipUDP
	}
	var skip Skip
	switch dst {
	case portVXLAN, portVXLAN2:
		skip = d.vxlan(data, length, seg)
	case portGeneve:
		skip = d.geneve(data, length, seg)
	case portGTPU:
		skip = d.gtp(data, length, seg)
	case portTZSP:
		skip = d.tzsp(data, length, seg)
	default:
		return SkipUDP
	}
	if skip == SkipMalformed || skip == SkipNotIP {
		return SkipUDP // a port is only a hint
	}
	return skip
}

// looksLikeQUIC recognises QUIC by the fixed bit and, in a long header, the version (RFC
// 9000 section 17, RFC 9369). A short header has no other sign, but a packet with one is
// at least 21 bytes long (section 10.3).
func looksLikeQUIC(data []byte, length uint32) bool {
	if len(data) < 5 {
		return false
	}
	switch data[0] & 0xc0 {
	case 0xc0:
		version := binary.BigEndian.Uint32(data[1:])
		return version == 1 || version == 0x6b3343cf
	case 0x40:
		return length >= 21
	}
	return false
}

// mpls skips a label stack (RFC 3032). The packet after it has no type. By custom a first
// nibble of 4 or 6 is IP. 0 is the control word before Ethernet (RFC 4385 section 3),
// unless the bytes are valid Ethernet without one. Everything else is Ethernet.
func (d *Decoder) mpls(data []byte, length uint32, seg *Segment) Skip {
	if !d.enter() {
		return SkipNested
	}
	for bottom := false; !bottom; {
		if len(data) < 5 {
			return short(data, length)
		}
		bottom = data[2]&1 == 1
		data, length = data[4:], length-4
	}
	switch data[0] >> 4 {
	case 4:
		return d.ipv4(data, length, seg)
	case 6:
		return d.ipv6(data, length, seg)
	case 0:
		if len(data) >= 14 && known(binary.BigEndian.Uint16(data[12:])) && (len(data) < 18 || !known(binary.BigEndian.Uint16(data[16:]))) {
			break
		}
		if len(data) < 4 {
			return short(data, length)
		}
		data, length = data[4:], length-4
	}
	return d.ethernet(data, length, seg)
}

// known reports whether t is an EtherType that often is in Ethernet.
func known(t uint16) bool {
	switch t {
	case etherIPv4, etherIPv6, etherARP, etherVLAN, etherQinQ, etherMPLS, etherPPPoE:
		return true
	}
	return false
}

// bridged reads Ethernet inside a tunnel.
func (d *Decoder) bridged(data []byte, length uint32, seg *Segment) Skip {
	if !d.enter() {
		return SkipNested
	}
	return d.ethernet(data, length, seg)
}

// gre reads GRE (RFC 2784, RFC 2890) and its PPP form (RFC 2637).
func (d *Decoder) gre(data []byte, length uint32, seg *Segment) Skip {
	h := &d.headers.gre
	body, rest, skip := decodeLayer(h, data, length)
	if skip != SkipNone {
		return skip
	}
	switch uint16(h.Protocol) {
	case etherPPP:
		return d.ppp(body, rest, seg)
	case etherERSPAN:
		return d.erspan(body, rest, h.SeqPresent, seg)
	case etherERSPAN3:
		return d.erspan3(body, rest, seg)
	}
	return d.etherType(uint16(h.Protocol), body, rest, seg)
}

// erspan reads a mirrored Ethernet frame. Type I has no header of its own, and
// differs from type II in that GRE has no sequence number.
func (d *Decoder) erspan(data []byte, length uint32, numbered bool, seg *Segment) Skip {
	if numbered {
		var skip Skip
		if data, length, skip = decodeLayer(&d.headers.erspan, data, length); skip != SkipNone {
			return skip
		}
	}
	return d.bridged(data, length, seg)
}

// erspan3 reads a packet mirrored by type III, which may be of IP without a link
// layer, and may have a header of the platform that mirrors.
func (d *Decoder) erspan3(data []byte, length uint32, seg *Segment) Skip {
	if len(data) < 12 {
		return short(data, length)
	}
	ip, n := data[10]>>2&31 == 2, 12
	if data[11]&1 == 1 {
		n += 8
	}
	if len(data) < n {
		return short(data, length)
	}
	data, length = data[n:], length-uint32(n)
	if !ip {
		return d.bridged(data, length, seg)
	}
	if !d.enter() {
		return SkipNested
	}
	return d.ip(data, length, seg)
}

// etherIP reads Ethernet in IP (RFC 3378).
func (d *Decoder) etherIP(data []byte, length uint32, seg *Segment) Skip {
	body, rest, skip := decodeLayer(&d.headers.etherIP, data, length)
	if skip != SkipNone {
		return skip
	}
	return d.ethernet(body, rest, seg)
}

// vxlan reads VXLAN (RFC 7348); without the I bit it is none.
func (d *Decoder) vxlan(data []byte, length uint32, seg *Segment) Skip {
	body, rest, skip := decodeLayer(&d.headers.vxlan, data, length)
	if skip != SkipNone {
		return skip
	}
	if !d.headers.vxlan.ValidIDFlag {
		return SkipUDP
	}
	return d.bridged(body, rest, seg)
}

// geneve reads Geneve (RFC 8926).
func (d *Decoder) geneve(data []byte, length uint32, seg *Segment) Skip {
	h := &d.headers.geneve
	h.Options = h.Options[:0] // gopacket only appends
	body, rest, skip := decodeLayer(h, data, length)
	if skip != SkipNone {
		return skip
	}
	if h.Version != 0 || !d.enter() {
		return SkipUDP
	}
	return d.etherType(uint16(h.Protocol), body, rest, seg)
}

// gtp reads GTP-U version 1 (3GPP TS 29.281 section 5): user data of a mobile
// network. It is own code because gopacket's prints to standard output.
func (d *Decoder) gtp(data []byte, length uint32, seg *Segment) Skip {
	const userData = 255
	if len(data) < 8 || data[0]>>4 != 3 || data[1] != userData {
		return SkipUDP
	}
	if !d.enter() {
		return SkipNested
	}
	flags := data[0] & 7 // extension header, sequence number, N-PDU number
	data, length = data[8:], length-8
	if flags != 0 {
		if len(data) < 4 {
			return short(data, length)
		}
		next := data[3]
		data, length = data[4:], length-4
		for flags&4 != 0 && next != 0 {
			if len(data) == 0 || data[0] == 0 {
				return short(data, length)
			}
			n := int(data[0]) * 4
			if len(data) < n {
				return short(data, length)
			}
			next = data[n-1]
			data, length = data[n:], length-uint32(n)
		}
	}
	return d.ip(data, length, seg)
}
