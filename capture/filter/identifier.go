package filter

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// number makes a condition of a number that is read by q.
func (p *parser) number(t *token, q qualifier) condition {
	v := t.value
	switch q.subject {
	case hostDefault, host, net:
		mask := uint32(0xffffffff)
		if q.subject == net { // "net 10" is 10.0.0.0/8
			for v != 0 && v>>24 == 0 {
				v, mask = v<<8, mask<<8
			}
		}
		return p.address(t, q, v, mask)
	case port, portRange:
		p.ofPorts(t, q)
		if v > 65535 {
			fail(t.at, "", "there is no port %d", v)
		}
		return &isPort{t.at, q.proto, q.dir, q.subject == portRange, v, v}
	case protoNumber:
		return p.protocolNumber(t, q, v)
	}
	return p.bare(t)
}

// bare returns an error for an identifier without a qualifier that defines its meaning.
func (p *parser) bare(t *token) condition {
	fail(t.at, "say what it is, such as host 10.0.0.1 or port 80", "not expected here: %s", quote(p.text[t.at:t.end]))
	return nil
}

// address makes a condition of an IPv4 address.
func (p *parser) address(t *token, q qualifier, address, mask uint32) condition {
	switch q.proto {
	case anyProtocol, ip4, arp, rarp:
		return &isHost{t.at, q.proto, q.dir, address, mask}
	case linkLayer:
		fail(t.at, "ether host takes an address such as 02:00:00:00:00:01", "not an Ethernet address: %s", quote(t.text))
	case ip6:
		fail(t.at, "leave ip6 out, or give an IPv6 address", "ip6 has no address such as %s", t.text)
	default:
		fail(t.at, fmt.Sprintf("join two conditions: %s and host %s", q.proto, t.text), "%s has ports but no hosts", q.proto)
	}
	return nil
}

// ofPorts fails where q cannot have a port.
func (p *parser) ofPorts(t *token, q qualifier) {
	switch q.proto {
	case anyProtocol, tcp, udp, sctp:
	default:
		fail(t.at, fmt.Sprintf("join two conditions: %s and %s %s", q.proto, q.subject, t.text), "%s has no ports; tcp, udp and sctp have", q.proto)
	}
}

// protocolNumber makes a condition of the number of a protocol.
func (p *parser) protocolNumber(t *token, q qualifier, v uint32) condition {
	switch q.proto {
	case anyProtocol, linkLayer, ip4, ip6:
		return &isNumber{t.at, q.proto, v}
	}
	fail(t.at, "", "proto goes with ip, ip6 and ether, not with %s", q.proto)
	return nil
}

// identifier makes a condition of a name or an address that is read by q.
func (p *parser) identifier(q qualifier) condition {
	t := p.take()
	if q.subject == undefined {
		return p.bare(t)
	}
	switch t.kind {
	case dotted:
		return p.dotted(t, q)
	case colons:
		return p.colons(t, q)
	case hardware:
		if q.proto != linkLayer || q.subject != host && q.subject != hostDefault {
			fail(t.at, "write ether host "+t.text, "an Ethernet address goes with ether host, ether src or ether dst")
		}
		return &isHardware{t.at, q.dir, hardwareBytes(t.text)}
	}
	switch q.subject {
	case port:
		p.ofPorts(t, q)
		hint := "ports are given as numbers: names differ from machine to machine"
		if n, ok := services[t.text]; ok {
			hint = fmt.Sprintf("ports are given as numbers; %s is port %d", t.text, n)
		} else if strings.ContainsRune(t.text, '-') {
			hint = "a range is portrange " + t.text
		}
		fail(t.at, hint, "not a port: %s", quote(t.text))
	case portRange:
		return p.portRange(t, q)
	case protoNumber:
		return p.protocolName(t, q)
	}
	fail(t.at, "addresses are given as numbers, so that a filter means the same everywhere; getent hosts NAME tells those of a name", "not an address: %s", quote(t.text))
	return nil
}

// dotted makes a condition of an IPv4 address or the front of one, which may
// have a mask.
func (p *parser) dotted(t *token, q qualifier) condition {
	if q.subject > net {
		fail(t.at, "", "not a %s: %s", q.subject, t.text)
	}
	address, bits := p.dottedValue(t)
	mask := uint32(0xffffffff) << (32 - bits)
	switch {
	case p.accept("/"):
		n := p.peek()
		length := p.plainNumber()
		if length > 32 {
			fail(n.at, "", "an IPv4 address has 32 bits")
		}
		mask = uint32(uint64(0xffffffff) << (32 - length))
		p.onlyNets(t, q, address&^mask != 0, n.end, fmt.Sprintf("net %s/%d", fourBytes(address&mask), length))
	case p.peek().is("mask"):
		p.take()
		m := p.peek()
		if m.kind != dotted {
			p.unexpected()
		}
		p.take()
		mask, _ = p.dottedValue(m)
		p.onlyNets(t, q, address&^mask != 0, m.end, fmt.Sprintf("net %s mask %s", fourBytes(address&mask), m.text))
	}
	return p.address(t, q, address, mask)
}

// onlyNets fails where something with a mask is no net.
func (p *parser) onlyNets(t *token, q qualifier, excess bool, end int, right string) {
	if q.subject != net {
		fail(t.at, "write net instead", "a mask goes with net")
	}
	if excess {
		fail(t.at, "write "+right, "%s has bits outside its mask", quote(p.text[t.at:end]))
	}
}

func fourBytes(v uint32) string {
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}).String()
}

// dottedValue returns an address, its missing bytes zero, and how many bits
// were there.
func (p *parser) dottedValue(t *token) (address uint32, bits int) {
	for part := range strings.SplitSeq(t.text, ".") {
		n, err := strconv.ParseUint(part, 10, 8)
		if err != nil {
			fail(t.at, "", "not an IPv4 address: %s", quote(t.text))
		}
		address, bits = address<<8|uint32(n), bits+8
	}
	return address << (32 - bits), bits
}

// colons makes a condition of an IPv6 address, which may have a prefix length.
func (p *parser) colons(t *token, q qualifier) condition {
	if q.subject > net {
		fail(t.at, "", "not a %s: %s", q.subject, t.text)
	}
	a, err := netip.ParseAddr(t.text)
	if err != nil {
		fail(t.at, "", "not an IPv6 address: %s", quote(t.text))
	}
	bits := uint32(128)
	end := t.end
	if p.accept("/") {
		n := p.peek()
		bits, end = p.plainNumber(), n.end
		if bits > 128 {
			fail(n.at, "", "an IPv6 address has 128 bits")
		}
	}
	network := netip.PrefixFrom(netip.AddrFrom16(a.As16()), int(bits)).Masked().Addr()
	if bits != 128 {
		p.onlyNets(t, q, network != netip.AddrFrom16(a.As16()), end, fmt.Sprintf("net %s/%d", network, bits))
	}
	switch q.proto {
	case anyProtocol, ip6:
	default:
		fail(t.at, "leave "+q.proto.String()+" out", "%s has no address such as %s", q.proto, t.text)
	}
	c := &isHost6{at: t.at, proto: q.proto, dir: q.dir}
	bytes := a.As16()
	for i := range c.address {
		c.address[i] = binary.BigEndian.Uint32(bytes[4*i:])
		have := min(max(int(bits)-32*i, 0), 32)
		c.mask[i] = uint32(uint64(0xffffffff) << (32 - have))
	}
	return c
}

// portRange makes a condition of "80-90", or "90-80", which is the same.
func (p *parser) portRange(t *token, q qualifier) condition {
	p.ofPorts(t, q)
	from, to, _ := strings.Cut(t.text, "-")
	first, wrong := strconv.ParseUint(from, 10, 16)
	last, alsoWrong := strconv.ParseUint(to, 10, 16)
	if wrong != nil || alsoWrong != nil {
		fail(t.at, "a range is two numbers up to 65535, such as 8000-8010", "not a range of ports: %s", quote(t.text))
	}
	return &isPort{t.at, q.proto, q.dir, true, uint32(min(first, last)), uint32(max(first, last))}
}

// protocolName makes a condition of a protocol's name.
func (p *parser) protocolName(t *token, q qualifier) condition {
	table := ipProtocols
	if q.proto == linkLayer {
		table = etherProtocols
	}
	v, ok := table[t.text]
	if !ok {
		p.protocolNumber(t, q, 0)
		fail(t.at, "give its number", "not a protocol that is known here: %s", quote(t.text))
	}
	return p.protocolNumber(t, q, v)
}
