package filter

// condition makes the tests of a syntax tree. The order of the tests matters:
// one that reads behind the end of a packet rejects it, whatever would follow.
func (g *generator) condition(c condition) *node {
	switch c := c.(type) {
	case *logic:
		left := g.condition(c.left)
		right := g.condition(c.right)
		if c.and {
			return and(left, right)
		}
		return or(left, right)
	case *negation:
		return not(g.condition(c.x))
	case *isProtocol:
		return g.protocol(c.at, c.proto)
	case *isHost:
		return g.host(c)
	case *isHost6:
		return g.host6(c)
	case *isHardware:
		if g.link != linkEthernet {
			fail(c.at, "", "captures of link type %d have no Ethernet addresses", g.link)
		}
		return g.each(c.dir, func(k uint32) *node { return g.bytes(ofHeader, k, c.address[:]) }, 6, 0)
	case *isPort:
		return or(g.port6(c), g.port(c))
	case *isNumber:
		return g.number(c.at, c.proto, c.number)
	case *isLength:
		return g.packetLength(c)
	case *isBroadcast:
		if g.link != linkEthernet {
			fail(c.at, "", "captures of link type %d have no broadcast", g.link)
		}
		return g.bytes(ofHeader, 0, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	case *isMulticast:
		return g.multicast(c)
	case *isEncapsulated:
		return g.encapsulated(c)
	case *isDirection:
		return g.direction(c)
	case *isInterface:
		if g.link == linkSLL2 {
			return g.equal(ofHeader, 4, 4, c.index)
		}
		if !g.kernel {
			fail(c.at, "", "captures of link type %d do not say on which interface a packet was", g.link)
		}
		return &node{kind: isTest, code: []instruction{{op: loadAbsolute, size: 4, k: ancillaryInterface}}, jump: ifEqual, k: c.index}
	}
	return g.relation(c.(*relation))
}

// each tests one of two places, or both of them.
func (g *generator) each(dir direction, test func(k uint32) *node, ofSource, ofDestination uint32) *node {
	switch dir {
	case source:
		return test(ofSource)
	case destination:
		return test(ofDestination)
	case both:
		return and(test(ofSource), test(ofDestination))
	}
	return or(test(ofSource), test(ofDestination))
}

func (g *generator) protocol(at int, proto protocol) *node {
	switch proto {
	case ip4:
		return g.carries(at, etherIP4)
	case ip6:
		return g.carries(at, etherIP6)
	case arp:
		return g.carries(at, etherARP)
	case rarp:
		return g.carries(at, etherRARP)
	case icmp, igmp, igrp, vrrp, carp:
		return g.number(at, ip4, proto.ipNumber())
	case icmp6:
		return g.number(at, ip6, proto.ipNumber())
	}
	return g.number(at, anyProtocol, proto.ipNumber())
}

// number tests the protocol inside IP, where a fragment header of IPv6 may
// stand before it, or inside the link layer.
func (g *generator) number(at int, proto protocol, n uint32) *node {
	switch proto {
	case linkLayer:
		return g.carries(at, n)
	case ip4:
		return and(g.carries(at, etherIP4), g.equal(ofNetwork, 9, 1, n))
	case ip6:
		const fragment = 44
		behind := and(g.equal(ofNetwork, 6, 1, fragment), g.equal(ofNetwork, 40, 1, n))
		return and(g.carries(at, etherIP6), or(g.equal(ofNetwork, 6, 1, n), behind))
	}
	return or(g.number(at, ip4, n), g.number(at, ip6, n))
}

func (g *generator) host(c *isHost) *node {
	test := func(proto, ofSource, ofDestination uint32) *node {
		return g.each(c.dir, func(k uint32) *node {
			return and(g.carries(c.at, proto), g.masked(ofNetwork, k, 4, c.address, c.mask))
		}, ofSource, ofDestination)
	}
	switch c.proto {
	case ip4:
		return test(etherIP4, 12, 16)
	case arp:
		return test(etherARP, 14, 24)
	case rarp:
		return test(etherRARP, 14, 24)
	}
	all := test(etherIP4, 12, 16)
	if g.labels == 0 {
		all = or(or(all, test(etherARP, 14, 24)), test(etherRARP, 14, 24))
	}
	return all
}

func (g *generator) host6(c *isHost6) *node {
	return g.each(c.dir, func(k uint32) *node {
		all := g.carries(c.at, etherIP6)
		for i := range c.address {
			all = and(all, g.masked(ofNetwork, k+4*uint32(i), 4, c.address[i], c.mask[i]))
		}
		return all
	}, 8, 24)
}

// firstFragment tests that an IPv4 packet has the transport header.
func (g *generator) firstFragment() *node {
	return not(g.compare(ofNetwork, 6, 2, ifAny, 0x1fff))
}

// transports are the protocols that "port" alone stands for.
func (c *isPort) transports() []protocol {
	if c.proto == anyProtocol {
		// The reference tests TCP and UDP before SCTP, but joins SCTP in front.
		return []protocol{sctp, tcp, udp}
	}
	return []protocol{c.proto}
}

func (g *generator) port(c *isPort) *node {
	inside := never
	for _, proto := range c.transports() {
		is := and(g.equal(ofNetwork, 9, 1, proto.ipNumber()), g.firstFragment())
		inside = or(inside, and(is, g.ports(c, ofTransport, 0)))
	}
	return and(g.carries(c.at, etherIP4), inside)
}

// port6 looks behind the IPv6 header only: what extension headers hide is not
// found, as pcap-filter has it.
func (g *generator) port6(c *isPort) *node {
	inside := never
	for _, proto := range c.transports() {
		inside = or(inside, and(g.equal(ofNetwork, 6, 1, proto.ipNumber()), g.ports(c, ofNetwork, 40)))
	}
	return and(g.carries(c.at, etherIP6), inside)
}

func (g *generator) ports(c *isPort, b base, behind uint32) *node {
	return g.each(c.dir, func(k uint32) *node {
		if !c.ranges {
			return g.equal(b, behind+k, 2, c.first)
		}
		return and(g.compare(b, behind+k, 2, ifAtLeast, c.first), not(g.compare(b, behind+k, 2, ifGreater, c.last)))
	}, 0, 2)
}

func (g *generator) packetLength(c *isLength) *node {
	if c.least {
		return &node{kind: isTest, code: g.lengthLoad(), jump: ifAtLeast, k: c.n}
	}
	return not(&node{kind: isTest, code: g.lengthLoad(), jump: ifGreater, k: c.n})
}

// lengthLoad puts the length on the wire into A.
func (g *generator) lengthLoad() []instruction {
	code := []instruction{{op: loadLength}}
	if g.cooked > 0 {
		code = append(code, instruction{op: addK, k: g.cooked})
	}
	return code
}

func (g *generator) multicast(c *isMulticast) *node {
	switch {
	case c.proto == ip4:
		return and(g.carries(c.at, etherIP4), g.compare(ofNetwork, 16, 1, ifAtLeast, 224))
	case c.proto == ip6:
		return and(g.carries(c.at, etherIP6), g.equal(ofNetwork, 24, 1, 255))
	case g.link != linkEthernet:
		fail(c.at, "ip multicast and ip6 multicast work everywhere", "captures of link type %d have no link-layer multicast", g.link)
	}
	return g.compare(ofHeader, 0, 1, ifAny, 1)
}

// direction tests which way a packet went, where the header says it.
func (g *generator) direction(c *isDirection) *node {
	const outgoing = 4 // PACKET_OUTGOING of Linux
	var out *node
	switch {
	case g.link == linkSLL:
		out = g.equal(ofHeader, 0, 2, outgoing)
	case g.link == linkSLL2:
		out = g.equal(ofHeader, 10, 1, outgoing)
	case g.link == linkPFLog: // PF_IN is 1, PF_OUT is 2
		if c.outbound {
			return g.equal(ofHeader, 60, 1, 2)
		}
		return g.equal(ofHeader, 60, 1, 1)
	case g.kernel:
		out = &node{kind: isTest, code: []instruction{{op: loadAbsolute, size: 2, k: ancillaryPacket}}, jump: ifEqual, k: outgoing}
	default:
		fail(c.at, "give the addresses: src host and dst host", "captures of link type %d do not say which way a packet went", g.link)
	}
	if c.outbound {
		return out
	}
	return not(out)
}

func (g *generator) encapsulated(c *isEncapsulated) *node {
	switch c.what {
	case "vlan":
		return g.vlan(c)
	case "mpls":
		return g.mpls(c)
	case "pppoes":
		return g.pppoe(c)
	}
	return g.carries(c.at, etherPPPoED)
}

func (g *generator) mpls(c *isEncapsulated) *node {
	var is *node
	switch {
	case g.labels > 0: // the label before is not the last
		is = g.masked(ofNetwork, ^uint32(1), 1, 0, 1)
	case g.link == linkEthernet, g.link == linkCHDLC:
		is = g.carries(c.at, etherMPLS)
	case g.link == linkPPP:
		is = g.equal(ofLinkType, 0, 2, 0x0281)
	default:
		fail(c.at, "", "mpls is not known in captures of link type %d", g.link)
	}
	if c.numbered {
		is = and(is, g.masked(ofNetwork, 0, 4, c.number<<12, 0xfffff000))
	}
	g.network += 4
	g.labels++
	return is
}

// pppoe tests for a session and goes on with the PPP inside.
func (g *generator) pppoe(c *isEncapsulated) *node {
	is := g.carries(c.at, etherPPPoES)
	if c.numbered {
		is = and(is, g.masked(ofNetwork, 0, 4, c.number, 0xffff))
	}
	begins := g.payload
	begins.k += g.network + 6
	g.link, g.header, g.linkType, g.payload = linkPPP, begins, begins, begins
	g.payload.k += 2
	g.network = 0
	return is
}

// vlan tests for a tag and moves what follows behind it.
func (g *generator) vlan(c *isEncapsulated) *node {
	switch {
	case g.labels > 0:
		fail(c.at, "", "vlan cannot stand behind mpls")
	case g.link != linkEthernet:
		fail(c.at, "", "vlan is not known in captures of link type %d", g.link)
	}
	tagged := or(or(g.carries(c.at, etherVLAN), g.carries(c.at, etherQinQ)), g.carries(c.at, etherOld))
	if c.numbered {
		tagged = and(tagged, g.masked(ofPayload, 0, 2, c.number, 0xfff))
	}
	g.tags++
	if !g.kernel || g.tags > 1 {
		g.payload.k += 4
		g.linkType.k += 4
		return tagged
	}
	return g.strippedVLAN(c, tagged)
}

// strippedVLAN is the first tag as Linux shows it to a socket: most often it is
// not in the packet but beside it. Whether what follows is moved is then known
// only when a packet is there.
func (g *generator) strippedVLAN(c *isEncapsulated, tagged *node) *node {
	beside := always
	if c.numbered {
		beside = &node{kind: isTest, code: []instruction{{op: loadAbsolute, size: 2, k: ancillaryTag}, {op: andK, k: 0xfff}}, jump: ifEqual, k: c.number}
	}
	g.payload.variable, g.payload.cell = true, cellPayload
	g.linkType.variable, g.linkType.cell = true, cellLinkType
	g.prelude = []instruction{{op: loadK}, {op: storeCell, k: cellPayload}, {op: storeCell, k: cellLinkType}}
	moved := &node{
		kind: isTest, impure: true,
		code: []instruction{{op: loadK, k: 4}, {op: storeCell, k: cellPayload}, {op: storeCell, k: cellLinkType}},
		jump: ifEqual, k: 4, // true
	}
	isBeside := &node{kind: isTest, code: []instruction{{op: loadAbsolute, size: 1, k: ancillaryTagged}}, jump: ifEqual, k: 1}
	return choose(isBeside, beside, and(moved, tagged))
}
