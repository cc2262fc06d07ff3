package filter

// carries tests whether the link layer carries a protocol: an EtherType, or up
// to 1500 a service access point of 802.2.
func (g *generator) carries(at int, proto uint32) *node {
	if g.labels > 0 {
		return g.labelled(at, proto)
	}
	switch g.link {
	case linkEthernet:
		return g.ethernet(proto)
	case linkSLL:
		return g.cookedType(proto)
	case linkSLL2:
		return g.equal(ofLinkType, 0, 2, proto)
	case linkCHDLC:
		if proto == sapISO {
			proto = sapISO<<8 | sapISO
		}
		return g.equal(ofLinkType, 0, 2, proto)
	case linkPPP, linkPPPHDLC, linkPPPoE:
		return g.equal(ofLinkType, 0, 2, pppType(proto))
	case linkRaw:
		switch proto {
		case etherIP4:
			return g.masked(ofHeader, 0, 1, 0x40, 0xf0)
		case etherIP6:
			return g.masked(ofHeader, 0, 1, 0x60, 0xf0)
		}
		return never
	case linkIPv4:
		return known(proto == etherIP4)
	case linkIPv6:
		return known(proto == etherIP6)
	case linkNull, linkLoop:
		return g.family(proto)
	case linkPFLog:
		return g.family(proto)
	}
	fail(at, "ether[...], less and greater work there; for more, tcpdump -ddd makes a program that --bpf-raw takes", "captures of link type %d cannot be filtered by what is inside", g.link)
	return nil
}

// labelled tests what is behind the last MPLS label, which does not say it.
func (g *generator) labelled(at int, proto uint32) *node {
	version := uint32(0x40)
	switch proto {
	case etherIP4:
	case etherIP6:
		version = 0x60
	default:
		fail(at, "", "behind mpls only IPv4 and IPv6 can be told")
	}
	bottom := g.masked(ofNetwork, ^uint32(1), 1, 1, 1) // two bytes before
	return and(bottom, g.masked(ofNetwork, 0, 1, version, 0xf0))
}

// ethernet tests the field behind the addresses, or the header of 802.2 that
// follows when that is a length.
func (g *generator) ethernet(proto uint32) *node {
	is802 := not(g.compare(ofLinkType, 0, 2, ifGreater, maxLength))
	switch proto {
	case sapISO, sapIP, sapNetBEUI:
		return and(is802, g.equal(ofPayload, 0, 2, proto<<8|proto))
	case sapIPX:
		inside := or(g.snap(0, etherIPX), or(g.equal(ofPayload, 0, 1, sapIPX), g.equal(ofPayload, 0, 2, 0xffff)))
		return or(g.equal(ofLinkType, 0, 2, etherIPX), and(is802, inside))
	case etherATalk:
		return or(g.equal(ofLinkType, 0, 2, proto), and(is802, g.snap(0x080007, proto)))
	case etherAARP:
		return or(g.equal(ofLinkType, 0, 2, proto), and(is802, g.snap(0, proto)))
	}
	if proto <= maxLength {
		return and(is802, g.equal(ofLinkType, 2, 1, proto))
	}
	return g.equal(ofLinkType, 0, 2, proto)
}

// Values of the type field of Linux's cooked header for frames without an EtherType.
const (
	cooked8023 = 1
	cooked8022 = 4
)

func (g *generator) cookedType(proto uint32) *node {
	is802 := g.equal(ofLinkType, 0, 2, cooked8022)
	switch proto {
	case sapISO, sapIP, sapNetBEUI:
		return and(is802, g.equal(ofPayload, 0, 2, proto<<8|proto))
	case sapIPX:
		inside := and(is802, or(g.equal(ofPayload, 0, 1, sapIPX), g.snap(0, etherIPX)))
		return or(g.equal(ofLinkType, 0, 2, etherIPX), or(g.equal(ofLinkType, 0, 2, cooked8023), inside))
	case etherATalk:
		return or(g.equal(ofLinkType, 0, 2, proto), and(is802, g.snap(0x080007, proto)))
	case etherAARP:
		return or(g.equal(ofLinkType, 0, 2, proto), and(is802, g.snap(0, proto)))
	}
	if proto <= maxLength {
		return and(is802, g.equal(ofPayload, 0, 1, proto))
	}
	return g.equal(ofLinkType, 0, 2, proto)
}

// snap tests for an 802.2 header with a SNAP header (IEEE 802).
func (g *generator) snap(vendor, proto uint32) *node {
	return g.bytes(ofPayload, 0, []byte{sapSNAP, sapSNAP, 3, byte(vendor >> 16), byte(vendor >> 8), byte(vendor), byte(proto >> 8), byte(proto)})
}

// pppType returns the protocol field of PPP for what Ethernet calls proto
// (IANA's PPP numbers).
func pppType(proto uint32) uint32 {
	switch proto {
	case etherIP4:
		return 0x0021
	case etherIP6:
		return 0x0057
	case 0x6003: // DECnet
		return 0x0027
	case etherATalk:
		return 0x0029
	case 0x0600: // XNS
		return 0x0025
	case sapISO:
		return 0x0023
	case sapSTP:
		return 0x0031
	case sapIPX:
		return 0x002b
	}
	return proto
}

// family tests the address family of BSD's loopback and packet filter log. That
// of IPv6 differs from system to system: 24 on NetBSD and OpenBSD, 28 on
// FreeBSD, 30 on macOS.
func (g *generator) family(proto uint32) *node {
	var families []uint32
	switch proto {
	case etherIP4:
		families = []uint32{2}
	case etherIP6:
		families = []uint32{24, 28, 30}
	default:
		return never
	}
	all := never
	for _, family := range families {
		switch g.link {
		case linkPFLog:
			all = or(all, g.equal(ofHeader, 1, 1, family))
		case linkLoop:
			all = or(all, g.equal(ofHeader, 0, 4, family))
		default: // in the order of the host that captured
			all = or(all, or(g.equal(ofHeader, 0, 4, family<<24), g.equal(ofHeader, 0, 4, family)))
		}
	}
	return all
}
