package filter

import "encoding/binary"

// packet is one of the mixed capture, without a link layer: what an EtherType
// says and what is behind it. VLAN tags and the like are part of it.
type packet struct {
	proto uint16 // EtherType, or a length for 802.2
	data  []byte
	cut   bool // there was more on the wire
}

func be16(v ...uint16) (b []byte) {
	for _, one := range v {
		b = binary.BigEndian.AppendUint16(b, one)
	}
	return b
}

func join(parts ...[]byte) (b []byte) {
	for _, part := range parts {
		b = append(b, part...)
	}
	return b
}

func ipv4(proto byte, fragment uint16, options int, src, dst uint32, payload []byte) []byte {
	b := []byte{byte(0x45 + options), 0}
	b = append(b, be16(uint16(20+4*options+len(payload)), 0x1234, fragment)...)
	b = append(b, 64, proto, 0, 0)
	b = binary.BigEndian.AppendUint32(b, src)
	b = binary.BigEndian.AppendUint32(b, dst)
	for range options {
		b = append(b, 1, 1, 1, 0)
	}
	return append(b, payload...)
}

func ipv6(next byte, src, dst byte, payload []byte) []byte {
	b := []byte{0x60, 0, 0, 0}
	b = append(b, be16(uint16(len(payload)))...)
	b = append(b, next, 64)
	for _, last := range []byte{src, dst} {
		b = append(b, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, last&3, 0, 0, 0, 0, 0, 0, 0, last)
	}
	return append(b, payload...)
}

func segment(src, dst uint16, flags byte, payload int) []byte {
	return join(be16(src, dst), be16(1, 2, 3, 4), []byte{0x50, flags}, be16(1000, 0, 0), make([]byte, payload))
}

func datagram(src, dst uint16, payload int) []byte {
	return join(be16(src, dst, uint16(8+payload), 0), make([]byte, payload))
}

const (
	hostA = 10<<24 | 1
	hostB = 10<<24 | 2
	hostC = 192<<24 | 168<<16 | 1<<8 | 7
	all   = 0xffffffff
)

// mixed is a capture of many kinds of packets.
func mixed() (packets []packet) {
	ip := func(data []byte) { packets = append(packets, packet{proto: etherIP4, data: data}) }
	ip6 := func(data []byte) { packets = append(packets, packet{proto: etherIP6, data: data}) }
	for i, flags := range []byte{2, 0x12, 0x10, 0x18, 0x11, 4, 0xff} {
		ip(ipv4(6, 0x4000, 0, hostA, hostB, segment(40000, 80, flags, 10*i)))
		ip(ipv4(6, 0, i%3, hostB, hostC, segment(443, uint16(79+i), flags, 0)))
		ip6(ipv6(6, byte(i), byte(i+1), segment(uint16(78+i), 50000, flags, i)))
	}
	for _, p := range []uint16{53, 80, 443, 4789, 8080, 65535, 0} {
		ip(ipv4(17, 0, 0, hostA, hostC, datagram(p, 1024, 20)))
		ip(ipv4(17, 0, 2, hostC, all, datagram(5000, p, 0)))
		ip6(ipv6(17, 1, 2, datagram(p, p, 8)))
		ip(ipv4(132, 0, 0, hostA, hostB, datagram(p, 80, 20)))
	}
	ip6(ipv6(132, 1, 2, datagram(80, 81, 8)))
	// Fragments: the first, a middle one, the last one.
	for _, fragment := range []uint16{0x2000, 0x2064, 0x00c8} {
		ip(ipv4(6, fragment, 0, hostA, hostB, segment(80, 443, 0x18, 30)))
		ip(ipv4(17, fragment, 1, hostB, hostA, datagram(80, 53, 10)))
		ip6(ipv6(44, 1, 2, join([]byte{6, 0}, be16(fragment<<3), be16(0, 1), segment(80, 443, 2, 0))))
		ip6(ipv6(44, 1, 2, join([]byte{58, 0}, be16(fragment<<3), be16(0, 1), []byte{128, 0, 0, 0})))
	}
	ip6(ipv6(0, 1, 2, join([]byte{6, 0, 1, 4, 0, 0, 0, 0}, segment(80, 443, 2, 0)))) // hop-by-hop options
	for _, t := range []byte{0, 3, 8, 11, 13} {
		ip(ipv4(1, 0, 0, hostA, hostB, []byte{t, t & 3, 0, 0, 0, 0, 0, 0}))
		ip6(ipv6(58, 1, 2, []byte{t + 125, 0, 0, 0, 0, 0, 0, 0}))
	}
	for _, proto := range []byte{2, 9, 47, 50, 51, 103, 112} {
		ip(ipv4(proto, 0, 0, hostA, 224<<24|5, []byte{1, 2, 3, 4, 5, 6, 7, 8}))
		ip6(ipv6(proto, 1, 2, []byte{1, 2, 3, 4, 5, 6, 7, 8}))
	}
	ip(ipv4(4, 0, 0, hostA, hostB, ipv4(6, 0, 0, hostC, hostB, segment(80, 80, 2, 0)))) // IP in IP
	ip(ipv4(6, 0, 10, hostA, hostB, segment(80, 80, 2, 0)))                             // all the options there can be
	packets = append(packets, packet{etherIP4, []byte{0x40, 0, 0, 0}, true}, packet{etherIP4, nil, true})
	for _, proto := range []uint16{etherARP, etherRARP} {
		for _, target := range []uint32{hostB, hostC} {
			data := join(be16(1, 0x0800), []byte{6, 4}, be16(1), make([]byte, 6), binary.BigEndian.AppendUint32(nil, hostA), make([]byte, 6), binary.BigEndian.AppendUint32(nil, target))
			packets = append(packets, packet{proto: proto, data: data})
		}
	}
	packets = append(
		packets,
		packet{proto: 0x88cc, data: make([]byte, 50)}, // LLDP
		packet{proto: etherPPPoED, data: []byte{0x11, 9, 0, 0, 0, 4, 1, 1, 0, 0}},
		packet{proto: etherAARP, data: make([]byte, 30)},
		packet{proto: etherIPX, data: make([]byte, 30)},
		packet{proto: 40, data: join([]byte{0x42, 0x42, 3}, make([]byte, 37))},                                                  // spanning tree
		packet{proto: 40, data: join([]byte{0xaa, 0xaa, 3, 0, 0, 0, 8, 0}, ipv4(6, 0, 0, hostA, hostB, segment(80, 81, 2, 0)))}, // IP in SNAP
		packet{proto: 40, data: join([]byte{0xaa, 0xaa, 3, 0, 0, 0}, be16(etherAARP), make([]byte, 30))},
		packet{proto: 40, data: join([]byte{0xaa, 0xaa, 3, 8, 0, 7}, be16(etherATalk), make([]byte, 30))},
		packet{proto: 40, data: join([]byte{0xfe, 0xfe, 3}, make([]byte, 30))},
		packet{proto: 40, data: join([]byte{0xff, 0xff}, make([]byte, 30))},
		packet{proto: 40, data: join([]byte{0xe0, 0xe0, 3}, make([]byte, 30))},
		packet{proto: 40, data: join([]byte{6, 6, 3}, make([]byte, 30))},
		packet{proto: cooked8022, data: join([]byte{0x42, 0x42, 3}, make([]byte, 37))},
		packet{proto: cooked8023, data: make([]byte, 30)},
	)
	plain := packets
	for i, p := range plain {
		tag := func(id uint16, p packet, tpid uint16) packet {
			return packet{tpid, join(be16(id, p.proto), p.data), p.cut}
		}
		label := func(v uint32, data []byte) []byte { return join(binary.BigEndian.AppendUint32(nil, v), data) }
		switch {
		case i%2 == 0:
			packets = append(packets, tag(uint16(i%5)|0x6000, p, etherVLAN))
		case i%6 == 1:
			packets = append(packets, tag(5, tag(6, p, etherVLAN), etherQinQ))
		case i%6 == 3:
			packets = append(packets, packet{etherMPLS, label(100<<12|0x1ff, p.data), p.cut}, packet{etherMPLS, label(7<<12|0xfe, label(100<<12|0x1ff, p.data)), p.cut})
		default:
			ppp := uint16(pppType(uint32(p.proto)))
			session := packet{etherPPPoES, join([]byte{0x11, 0}, be16(uint16(i), uint16(2+len(p.data)), ppp), p.data), p.cut}
			packets = append(packets, session, tag(7, session, etherOld))
		}
	}
	return packets
}

// onLink puts a packet behind the header of a link type; nil where that cannot
// carry it.
func onLink(link uint32, p packet, i int) []byte {
	family := map[uint16]byte{etherIP4: 2, etherIP6: []byte{24, 28, 30, 10}[i%4]}[p.proto]
	switch link {
	case linkEthernet:
		to := []byte{2, 0, 0, 0, 0, byte(i % 3)}
		if i%5 == 0 {
			to = []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
		} else if i%7 == 0 {
			to = []byte{1, 0, 0x5e, 0, 0, 1}
		}
		return join(to, []byte{2, 0, 0, 0, 0, byte(i % 4)}, be16(p.proto), p.data)
	case linkSLL:
		return join(be16(uint16(i%5), 1, 6), []byte{2, 0, 0, 0, 0, 1, 0, 0}, be16(p.proto), p.data)
	case linkSLL2:
		return join(be16(p.proto, 0), []byte{0, 0, 0, byte(i % 3)}, be16(1), []byte{byte(i % 5), 6, 2, 0, 0, 0, 0, 1, 0, 0}, p.data)
	case linkNull:
		return join([]byte{family, 0, 0, 0}, p.data)
	case linkLoop:
		return join([]byte{0, 0, 0, family}, p.data)
	case linkPFLog:
		if p.proto == etherIP6 {
			return nil // its family is another one on every system
		}
		return join([]byte{61, family, 0, 0}, make([]byte, 56), []byte{byte(i % 3), 0, 0, 0}, p.data)
	case linkPPP, linkPPPHDLC:
		return join([]byte{0xff, 3}, be16(uint16(pppType(uint32(p.proto)))), p.data)
	case linkPPPoE:
		return join([]byte{0x11, 0}, be16(1, uint16(2+len(p.data)), uint16(pppType(uint32(p.proto)))), p.data)
	case linkCHDLC:
		return join([]byte{0x0f, 0}, be16(p.proto), p.data)
	}
	if p.proto == etherIP4 || p.proto == etherIP6 {
		return p.data
	}
	return nil
}

// frame is a packet as an evaluator gets it.
type frame struct {
	data   []byte
	length uint32
}

// capture returns the mixed capture of a link type: whole packets, and each of
// them cut at places that matter.
func capture(link uint32, cuts bool) (frames []frame) {
	for i, p := range mixed() {
		data := onLink(link, p, i)
		if data == nil {
			continue
		}
		length := uint32(len(data))
		if p.cut {
			length += 40
		}
		frames = append(frames, frame{data, length})
		if !cuts {
			continue
		}
		for n := i % 3; n < min(len(data), 110); n += 3 {
			frames = append(frames, frame{data[:n:n], length})
		}
	}
	return frames
}
