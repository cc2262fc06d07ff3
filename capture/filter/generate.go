package filter

import "math"

// LINKTYPE_ values whose headers are known (https://www.tcpdump.org/linktypes.html).
const (
	linkNull     = 0
	linkEthernet = 1
	linkPPP      = 9
	linkRawBSD   = 12
	linkRawOBSD  = 14
	linkPPPHDLC  = 50
	linkPPPoE    = 51
	linkRaw      = 101
	linkCHDLC    = 104
	linkLoop     = 108
	linkSLL      = 113
	linkPFLog    = 117
	linkIPv4     = 228
	linkIPv6     = 229
	linkNFLog    = 239
	linkSLL2     = 276
)

// EtherTypes, and IEEE 802.2 service access points, which share the field with
// the lengths below them.
const (
	etherIP4    = 0x0800
	etherARP    = 0x0806
	etherRARP   = 0x8035
	etherATalk  = 0x809b
	etherAARP   = 0x80f3
	etherVLAN   = 0x8100
	etherIP6    = 0x86dd
	etherMPLS   = 0x8847
	etherPPPoED = 0x8863
	etherPPPoES = 0x8864
	etherQinQ   = 0x88a8
	etherOld    = 0x9100 // VLAN tags inside each other before 802.1ad
	etherIPX    = 0x8137
	maxLength   = 1500 // up to here the field is a length, and the frame is of 802.2

	sapIP      = 0x06
	sapSTP     = 0x42
	sapSNAP    = 0xaa
	sapIPX     = 0xe0
	sapNetBEUI = 0xf0
	sapISO     = 0xfe
)

// Facts of a packet that Linux offers beside its bytes: loads from these places
// (linux/filter.h, SKF_AD_OFF and what is behind it).
const (
	ancillary          = 0xfffff000
	ancillaryProtocol  = ancillary + 0
	ancillaryPacket    = ancillary + 4 // who it is to: PACKET_OUTGOING is 4
	ancillaryInterface = ancillary + 8
	ancillaryTag       = ancillary + 44
	ancillaryTagged    = ancillary + 48
)

// offset is where a header begins. Its variable part, if it has one, is in a
// cell of the scratch memory.
type offset struct {
	k        uint32
	variable bool
	cell     uint32
}

// The cells for variable parts; values use those below.
const (
	cellPayload  = 15
	cellLinkType = 14
	valueCells   = 14
)

// generator makes code for one link type. Its offsets move while it walks the
// syntax tree.
type generator struct {
	link   uint32 // of the header at hand: PPP once pppoes was seen
	kernel bool   // for the socket filter of Linux, else for the bytes of a file
	cooked uint32 // for the kernel: bytes of the header that it does not have yet

	header   offset // of the link layer
	linkType offset // of the field with the type of the contents
	payload  offset // behind the link layer
	network  uint32 // from payload to the network layer: labels of MPLS
	labels   int    // how many of them
	tags     int    // VLANs
	prelude  []instruction
	cells    [16]bool // that are used of the variable ones
}

func newGenerator(link uint32, kernel bool) *generator {
	g := &generator{link: link, kernel: kernel}
	switch link {
	case linkEthernet:
		g.linkType.k, g.payload.k = 12, 14
	case linkNull, linkLoop:
		g.payload.k = 4
	case linkPPP, linkPPPHDLC, linkCHDLC:
		g.linkType.k, g.payload.k = 2, 4
	case linkPPPoE:
		g.linkType.k, g.payload.k = 6, 8
	case linkRawBSD, linkRawOBSD, linkRaw:
		g.link = linkRaw
	case linkSLL:
		g.linkType.k, g.payload.k = 14, 16
	case linkSLL2:
		g.linkType.k, g.payload.k = 0, 20
	case linkPFLog:
		g.payload = offset{variable: true, cell: cellPayload}
	}
	if kernel && (link == linkSLL || link == linkSLL2) {
		g.cooked, g.payload.k = g.payload.k, 0
	}
	return g
}

// base is what the place of a load is relative to.
type base uint8

const (
	ofHeader    base = iota // the link layer
	ofLinkType              // the field with the type of the contents
	ofPayload               // behind the link layer
	ofNetwork               // the network layer
	ofTransport             // behind the IPv4 header
)

// load returns code that puts size bytes at k from b into A.
func (g *generator) load(b base, k, size uint32) []instruction {
	switch b {
	case ofHeader:
		return g.headerLoad(g.header, k, size)
	case ofLinkType:
		return g.headerLoad(g.linkType, k, size)
	case ofPayload:
		return g.from(g.payload, k, size)
	case ofNetwork:
		return g.from(g.payload, g.network+k, size)
	}
	return append(g.headerLength(), instruction{op: loadIndirect, size: size, k: ahead(g.payload.k + g.network + k)})
}

// headerLoad loads from the link layer. The kernel does not have the headers of
// "any" yet, but knows what will be in them.
func (g *generator) headerLoad(o offset, k, size uint32) []instruction {
	if g.cooked == 0 {
		return g.from(o, k, size)
	}
	switch at := o.k + k; {
	case at >= g.cooked:
		return g.from(offset{}, at-g.cooked, size)
	case g.link == linkSLL && at == 14 && size == 2, g.link == linkSLL2 && at == 0 && size == 2:
		return []instruction{{op: loadAbsolute, size: 2, k: ancillaryProtocol}}
	case g.link == linkSLL2 && at == 4 && size == 4:
		return []instruction{{op: loadAbsolute, size: 4, k: ancillaryInterface}}
	case g.link == linkSLL && at == 0 && size == 2, g.link == linkSLL2 && at == 10 && size == 1:
		return []instruction{{op: loadAbsolute, size: 2, k: ancillaryPacket}}
	}
	fail(0, "", "the kernel does not have the header of link type %d", g.link)
	return nil
}

// from loads size bytes at k behind o into A.
func (g *generator) from(o offset, k, size uint32) []instruction {
	if o.variable {
		g.cells[o.cell] = true
		return []instruction{{op: loadCellX, k: o.cell}, {op: loadIndirect, size: size, k: ahead(o.k + k)}}
	}
	return []instruction{{op: loadAbsolute, size: size, k: place(o.k + k)}}
}

// place keeps a computed place out of those where Linux has other data: nothing
// is there, as in a file.
func place(k uint32) uint32 {
	if k >= ancillary {
		return math.MaxInt32
	}
	return k
}

// ahead keeps a place relative to X from being before it: for the kernel that
// would be one, and for a file it is not.
func ahead(k uint32) uint32 { return min(k, math.MaxInt32) }

// headerLength returns code that puts the length of the IPv4 header, and the
// variable part of where it begins, into X.
func (g *generator) headerLength() []instruction {
	k := g.payload.k + g.network
	if !g.payload.variable {
		return []instruction{{op: loadHeaderLengthX, k: k}}
	}
	g.cells[g.payload.cell] = true
	return []instruction{
		{op: loadCellX, k: g.payload.cell},
		{op: loadIndirect, size: 1, k: k},
		{op: andK, k: 0xf},
		{op: leftK, k: 2},
		{op: addX},
		{op: toX},
	}
}

// compare tests size bytes at k from b.
func (g *generator) compare(b base, k, size uint32, jump opcode, v uint32) *node {
	return &node{kind: isTest, code: g.load(b, k, size), jump: jump, k: v}
}

func (g *generator) equal(b base, k, size, v uint32) *node {
	return g.compare(b, k, size, ifEqual, v)
}

// masked tests bits of size bytes at k from b; without a mask it is true.
func (g *generator) masked(b base, k, size, v, mask uint32) *node {
	if mask == 0 {
		return always
	}
	n := g.equal(b, k, size, v)
	if mask != 0xffffffff {
		n.code = append(n.code, instruction{op: andK, k: mask})
	}
	return n
}

// bytes tests a run of bytes, the last of them first.
func (g *generator) bytes(b base, k uint32, v []byte) *node {
	var all *node
	for len(v) > 0 {
		size := 4
		if len(v) < 4 {
			size = 2
		}
		n := uint32(0)
		for _, c := range v[len(v)-size:] {
			n = n<<8 | uint32(c)
		}
		v = v[:len(v)-size]
		test := g.equal(b, k+uint32(len(v)), uint32(size), n)
		if all == nil {
			all = test
		} else {
			all = and(all, test)
		}
	}
	return all
}

// begin returns the code that goes before everything: what the cells of
// variable parts hold at first.
func (g *generator) begin() []instruction {
	if g.link == linkPFLog && g.cells[cellPayload] {
		return []instruction{
			{op: loadAbsolute, size: 1},
			{op: addK, k: 3},
			{op: andK, k: 0xfffffffc},
			{op: storeCell, k: cellPayload},
		}
	}
	return g.prelude
}
