package wire

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
)

// packet is a packet put together inside out: each method wraps what is there.
type packet struct {
	b        []byte
	next     uint8  // IP protocol of what b begins with
	ether    uint16 // EtherType of it, when b begins with a network header
	link     uint32
	shape    []string // the layers, innermost first
	ours     bool     // gopacket cannot read this shape
	expected Segment
}

func (p *packet) wrap(name string, header []byte) {
	p.b = slices.Concat(header, p.b)
	p.shape = append(p.shape, name)
}

var (
	be16 = binary.BigEndian.AppendUint16
	be32 = binary.BigEndian.AppendUint32
)

// newTCP begins a packet with a random segment.
func newTCP(rnd *rand.Rand, payload int) *packet {
	p := &packet{next: protoTCP}
	s := &p.expected
	s.Seq, s.Ack = Seq(rnd.Uint32()), Seq(rnd.Uint32())
	s.Flags, s.Window = Flags(rnd.Uint32()), uint16(rnd.Uint32())
	s.Payload = random(rnd, payload)
	s.Length = uint32(payload)
	s.Src = netip.AddrPortFrom(netip.Addr{}, uint16(rnd.Uint32()))
	s.Dst = netip.AddrPortFrom(netip.Addr{}, uint16(rnd.Uint32()))

	var options []byte
	switch rnd.IntN(5) {
	case 0:
		options = []byte{1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8} // timestamps
	case 1:
		options = []byte{2, 4, 5, 0xb4, 1, 3, 3, 7, 4, 2, 0, 0}
	case 2:
		options = []byte{8, 200, 1, 0} // longer than the header
		p.ours = true
	}
	b := be16(be16(nil, s.Src.Port()), s.Dst.Port())
	b = be32(be32(b, uint32(s.Seq)), uint32(s.Ack))
	b = append(b, byte(5+len(options)/4)<<4, byte(s.Flags))
	b = append(be16(b, s.Window), 0, 0, 0, 0)
	p.b = slices.Concat(b, options, s.Payload)
	p.shape = []string{fmt.Sprintf("tcp %d+%d", len(options), payload)}
	return p
}

func random(rnd *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return b
}

func (p *packet) address(src, dst netip.Addr) {
	if s := &p.expected; !s.Src.Addr().IsValid() {
		s.Src = netip.AddrPortFrom(src.Unmap(), s.Src.Port())
		s.Dst = netip.AddrPortFrom(dst.Unmap(), s.Dst.Port())
	}
}

func (p *packet) ipv4(rnd *rand.Rand) {
	src, dst := [4]byte(random(rnd, 4)), [4]byte(random(rnd, 4))
	p.address(netip.AddrFrom4(src), netip.AddrFrom4(dst))
	var options []byte
	if rnd.IntN(4) == 0 {
		options = []byte{7, 7, 4, 1, 2, 3, 4, 0} // record route
	}
	b := []byte{byte(0x45 + len(options)/4), 0}
	b = be16(b, uint16(20+len(options)+len(p.b)))
	b = append(b, 1, 2, 0x40, 0, 64, p.next, 0, 0)
	b = slices.Concat(b, src[:], dst[:], options)
	p.wrap(fmt.Sprintf("ipv4+%d", len(options)), b)
	p.next, p.ether = protoIPv4, etherIPv4
}

func (p *packet) ipv6(rnd *rand.Rand) {
	src, dst := [16]byte(random(rnd, 16)), [16]byte(random(rnd, 16))
	if rnd.IntN(8) == 0 {
		src, dst = netip.MustParseAddr("::ffff:10.1.2.3").As16(), netip.MustParseAddr("::ffff:10.3.2.1").As16()
	}
	p.address(netip.AddrFrom16(src), netip.AddrFrom16(dst))
	for range rnd.IntN(3) {
		switch rnd.IntN(6) {
		case 0:
			p.wrap("hop-by-hop", []byte{p.next, 0, 1, 4, 0, 0, 0, 0})
			p.next = protoHopByHop
			p.ours = true // gopacket takes it as the first only, and then keeps padding
		case 1:
			p.wrap("destination", []byte{p.next, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
			p.next = protoDstOpts
		case 2:
			p.wrap("routing", append([]byte{p.next, 2, 0, 0, 0, 0, 0, 0}, random(rnd, 16)...))
			p.next = protoRouting
		case 3:
			p.wrap("ah", append([]byte{p.next, 4, 0, 0}, random(rnd, 20)...))
			p.next = protoAH
		case 4:
			p.wrap("atomic fragment", []byte{p.next, 0, 0, 0, 1, 2, 3, 4})
			p.next = protoFragment
			p.ours = true
		case 5:
			p.wrap("mobility", []byte{p.next, 0, 0, 0, 0, 0, 0, 0})
			p.next = protoMobility
			p.ours = true
		}
	}
	b := be16([]byte{0x60, 0, 0, 0}, uint16(len(p.b)))
	b = append(b, p.next, 64)
	p.wrap("ipv6", slices.Concat(b, src[:], dst[:]))
	p.next, p.ether = protoIPv6, etherIPv6
}

func (p *packet) ip(rnd *rand.Rand) {
	if rnd.IntN(2) == 0 {
		p.ipv4(rnd)
	} else {
		p.ipv6(rnd)
	}
}

func (p *packet) vlan(rnd *rand.Rand) {
	tags := []uint16{etherVLAN, etherQinQ, etherQinQ9100, etherQinQ9200}
	t := tags[rnd.IntN(len(tags))]
	p.wrap(fmt.Sprintf("vlan %x", t), be16(be16(nil, uint16(rnd.Uint32())), p.ether))
	p.ether = t
	p.ours = p.ours || t == etherQinQ9100 || t == etherQinQ9200
}

func (p *packet) ethernet(rnd *rand.Rand) {
	p.wrap("ethernet", be16(random(rnd, 12), p.ether))
	p.ether = etherBridge
}

func (p *packet) udp(rnd *rand.Rand, port uint16) {
	b := be16(be16(nil, uint16(rnd.Uint32()|0x8000)), port)
	p.wrap("udp", be16(be16(b, uint16(8+len(p.b))), 0))
	p.next = protoUDP
}

// tunnel wraps an IP packet into another, or into something that Ethernet
// carries.
func (p *packet) tunnel(rnd *rand.Rand) {
	n := rnd.IntN(14)
	switch n {
	case 0:
		p.wrap("ip in ip", nil)
	case 1: // GRE with everything there is
		p.wrap("gre", slices.Concat(be16([]byte{0xb0, 0}, p.ether), []byte{0, 0, 0, 0}, random(rnd, 8)))
		p.next = protoGRE
	case 2:
		p.ethernet(rnd)
		p.wrap("gretap", be16([]byte{0, 0}, etherBridge))
		p.next = protoGRE
	case 3:
		p.ethernet(rnd)
		p.wrap("erspan 2", slices.Concat(be16([]byte{0x10, 0}, etherERSPAN), random(rnd, 4), []byte{0x10, 1, 0, 1, 0, 0, 0, 0}))
		p.next = protoGRE
	case 4:
		p.ethernet(rnd)
		if rnd.IntN(2) == 0 {
			header := []byte{0x20, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 0}
			if rnd.IntN(2) == 0 {
				header[11] = 1
				header = append(header, 0x0c, 0, 0, 0, 0, 0, 0, 0)
			}
			p.wrap("erspan 3", slices.Concat(be16([]byte{0x10, 0}, etherERSPAN3), random(rnd, 4), header))
		} else {
			p.wrap("erspan 1", be16([]byte{0, 0}, etherERSPAN))
		}
		p.next, p.ours = protoGRE, true
	case 5:
		p.ethernet(rnd)
		p.wrap("etherip", []byte{0x30, 0})
		p.next = protoEtherIP
	case 6:
		p.ethernet(rnd)
		p.wrap("vxlan", []byte{8, 0, 0, 0, 0, 0, 1, 0})
		p.udp(rnd, []uint16{portVXLAN, portVXLAN2}[rnd.IntN(2)])
		p.ours = p.ours || binary.BigEndian.Uint16(p.b[2:]) == portVXLAN2
	case 7:
		p.wrap("geneve", append(be16([]byte{2, 0}, p.ether), 0, 0, 1, 0, 1, 2, 3, 1, 9, 9, 9, 9))
		p.udp(rnd, portGeneve)
	case 8:
		b := be16([]byte{0x34, 255}, uint16(len(p.b)+8))
		p.wrap("gtp", append(b, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 9, 0))
		p.udp(rnd, portGTPU)
	case 9:
		p.wrap("mpls", []byte{0, 1, 0x60, 64, 0, 2, 0x01, 64})
		p.ether = etherMPLS
		return
	case 10:
		p.ethernet(rnd)
		// tshark decides by vendors whether there is a control word: the bytes that would be
		// a source address without one must be nobody's.
		copy(p.b[2:], []byte{0x02, 0xff, 0xff})
		p.wrap("mpls pseudo-wire", []byte{0, 2, 0x01, 64, 0, 0, 0, 0})
		p.ether, p.ours = etherMPLS, true
		return
	case 11, 12:
		protocol := []byte{0, 0x21}
		if p.ether == etherIPv6 {
			protocol[1] = 0x57
		}
		p.wrap("pppoe", slices.Concat(be16([]byte{0x11, 0, 0, 7}, uint16(len(p.b)+2)), protocol))
		p.ether = etherPPPoE
		return
	case 13:
		protocol := []byte{0xff, 3, 0x21}
		if p.ether == etherIPv6 {
			protocol[2] = 0x57
		}
		p.wrap("pptp", slices.Concat(be16([]byte{0x30, 0x81}, etherPPP), random(rnd, 12), protocol))
		p.next, p.ours = protoGRE, true // gopacket 1.1.19 has no PPP in GRE
	}
	p.ip(rnd)
}

// framed adds a link layer. What is in b says which are possible.
func (p *packet) framed(rnd *rand.Rand) {
	plainIP := p.ether == etherIPv4 || p.ether == etherIPv6
	version6 := p.ether == etherIPv6
	for {
		switch rnd.IntN(14) {
		case 0, 1, 2:
			p.link = linkEthernet
			p.ethernet(rnd)
		case 3:
			p.link = linkSLL
			p.wrap("sll", be16(slices.Concat([]byte{0, 0, 0, 1, 0, 6}, random(rnd, 8)), p.ether))
		case 4:
			p.link, p.ours = linkSLL2, true
			p.wrap("sll2", append(be16(nil, p.ether), random(rnd, 18)...))
			copy(p.b[8:], []byte{0, 1}) // Ethernet: some other types make the protocol mean something else
		case 5:
			if !plainIP {
				continue
			}
			p.link = []uint32{linkRaw, linkRawBSD, linkRawOBSD}[rnd.IntN(3)]
			p.wrap("raw", nil)
		case 6:
			if !plainIP {
				continue
			}
			p.link, p.ours = linkIPv4, true
			if version6 {
				p.link = linkIPv6
			}
			p.wrap("raw ip", nil)
		case 7, 8:
			if !plainIP {
				continue
			}
			family := uint32(2)
			if version6 {
				family = []uint32{10, 23, 24, 28, 30}[rnd.IntN(5)]
				p.ours = p.ours || family == 23
			}
			p.link = []uint32{linkNull, linkLoop}[rnd.IntN(2)]
			if b := be32(nil, family); rnd.IntN(2) == 0 {
				slices.Reverse(b)
				p.wrap("null, swapped", b)
			} else {
				p.wrap("null", b)
			}
		case 9:
			if !plainIP {
				continue
			}
			protocol := byte(0x21)
			if version6 {
				protocol = 0x57
			}
			header := [][]byte{{0xff, 3, 0, protocol}, {0xff, 3, protocol}, {0, protocol}, {protocol}}[rnd.IntN(4)]
			p.link = []uint32{linkPPP, linkPPPHDLC}[rnd.IntN(2)]
			p.ours = p.ours || p.link == linkPPPHDLC
			p.wrap(fmt.Sprintf("ppp %x", header), header)
		case 10:
			p.link, p.ours = []uint32{linkCHDLC, linkPPP, linkPPPHDLC}[rnd.IntN(3)], true
			p.wrap("cisco hdlc", be16([]byte{0x0f, 0}, p.ether))
		case 11:
			if p.ether != etherPPPoE {
				continue
			}
			p.link, p.ours = linkPPPoE, true
			p.wrap("pppoe link", nil)
		case 12:
			if !plainIP {
				continue
			}
			p.link, p.ours = linkPFLog, true
			header := make([]byte, 64)
			header[0], header[1] = 61, 2
			if version6 {
				header[1] = 24
			}
			p.wrap("pflog", header)
		case 13:
			if !plainIP || len(p.b) > 60000 {
				continue
			}
			p.link, p.ours = linkNFLog, true
			n := binary.LittleEndian.AppendUint16(nil, uint16(len(p.b)+4))
			p.wrap("nflog", slices.Concat([]byte{2, 0, 0, 0, 5, 0, 10, 0, 'x', 0, 0, 0}, n, []byte{9, 0}))
		}
		return
	}
}

// newWrapped returns a random packet of a link type of links.go.
func newWrapped(rnd *rand.Rand) *packet {
	p := newTCP(rnd, rnd.IntN(100)*rnd.IntN(2))
	p.ip(rnd)
	p.ours = true
	switch rnd.IntN(8) {
	case 0:
		p.llc()
		p.link = []uint32{linkFDDI, linkTokenRing}[rnd.IntN(2)]
		if addresses := slices.Concat(random(rnd, 5), []byte{0, 0}, random(rnd, 5)); p.link == linkFDDI {
			p.wrap("fddi", append([]byte{0x50}, addresses...))
		} else {
			p.wrap("token ring", append([]byte{0x10, 0x40}, addresses...))
		}
	case 1, 2:
		p.wifi(rnd)
	case 3:
		p.link = linkERF
		p.ethernet(rnd)
		n := uint16(len(p.b))
		p.wrap("erf", slices.Concat(make([]byte, 8), be16(be16(be16([]byte{2, 4}, n+18), 0), n), []byte{0, 0}))
	case 4:
		p.link = linkIPoIB
		p.wrap("ipoib", slices.Concat(random(rnd, 40), be16(nil, p.ether), []byte{0, 0}))
	case 5:
		p.ethernet(rnd)
		p.wrap("tzsp", []byte{1, 0, 0, 1, 0, 10, 1, 7, 1}) // padding, a field, the end
		p.udp(rnd, portTZSP)
		p.ip(rnd)
		p.link = linkEthernet
		p.ethernet(rnd)
	case 6, 7:
		inner := uint32(linkRaw)
		if rnd.IntN(2) == 0 {
			inner = linkEthernet
			p.ethernet(rnd)
		}
		le32 := binary.LittleEndian.AppendUint32
		p.link = linkPKTAP
		p.wrap("pktap", append(le32(le32(le32(nil, 108), 1), inner), make([]byte, 96)...))
	}
	return p
}

func (p *packet) llc() {
	p.wrap("llc", be16([]byte{0xaa, 0xaa, 3, 0, 0, 0}, p.ether))
}

// wifi adds 802.11 in one of the headers that capture tools put before it.
func (p *packet) wifi(rnd *rand.Rand) {
	le16, le32 := binary.LittleEndian.AppendUint16, binary.LittleEndian.AppendUint32
	p.ours = true
	p.llc()
	kind, flags := []byte{0x08, 0x88}[rnd.IntN(2)], byte(rnd.IntN(4))
	header := slices.Concat([]byte{kind, flags, 0, 0}, random(rnd, 3*6), []byte{0, 0})
	header[4], header[10], header[16] = 2, 2, 2 // addresses of one station, made by hand
	if flags == 3 {
		header = append(header, 2, 0, 0, 0, 0, 1)
	}
	if kind == 0x88 {
		header = append(header, 0, 0)
	}
	padded := false
	switch rnd.IntN(3) {
	case 0:
		p.link = linkWiFi
		p.wrap("802.11", header)
	case 1:
		p.link = linkRadiotap
		present, fields := uint32(2), []byte{0}
		if rnd.IntN(2) == 0 { // a time stamp before the flags
			present, fields = 3, append(random(rnd, 8), 0)
		}
		if padded = rnd.IntN(2) == 0; padded {
			fields[len(fields)-1] = 0x20
			header = append(header, make([]byte, -len(header)&3)...)
		}
		words := le32(nil, present)
		if rnd.IntN(2) == 0 && present == 2 { // a second word, without fields
			words = le32(le32(nil, present|1<<31), 0)
		}
		if n := len(words) + 4; present == 3 && n%8 != 0 {
			words = append(words, make([]byte, 8-n%8)...)
		}
		p.wrap("802.11", header)
		p.wrap("radiotap", slices.Concat([]byte{0, 0}, le16(nil, uint16(4+len(words)+len(fields))), words, fields))
	case 2:
		p.link = linkPPI
		p.wrap("802.11", header)
		p.wrap("ppi", le32([]byte{0, 0, 8, 0}, linkWiFi))
	}
}

// newPacket returns a random packet with up to so many tunnels, and the bytes
// of its headers.
func newPacket(rnd *rand.Rand, tunnels int) (p *packet, headers int) {
	p = newTCP(rnd, rnd.IntN(100)*rnd.IntN(2))
	p.ip(rnd)
	for range rnd.IntN(tunnels + 1) {
		if p.ether == etherIPv4 || p.ether == etherIPv6 {
			p.tunnel(rnd)
		}
	}
	for range rnd.IntN(3) {
		p.vlan(rnd)
	}
	if p.ether == etherVLAN && rnd.IntN(4) == 0 {
		for range rnd.IntN(4) {
			p.vlan(rnd)
		}
	}
	p.framed(rnd)
	return p, len(p.b) - len(p.expected.Payload)
}
