package filter

// relation compares two values, if the protocols that they are of are there.
func (g *generator) relation(c *relation) *node {
	is := and(g.checks(c.left), g.checks(c.right))
	a, known := c.left.(*constant)
	b, ok := c.right.(*constant)
	var n *node
	switch jump := map[string]opcode{"=": ifEqual, ">": ifGreater, ">=": ifAtLeast}[c.op]; {
	case known && ok:
		n = compared(jump, a.n, b.n)
	case ok:
		n = &node{kind: isTest, code: g.value(nil, c.left, 0), jump: jump, k: b.n}
	default:
		n = &node{kind: isTest, code: g.two(c.left, c.right, 0), jump: jump, withX: true}
	}
	if c.negated {
		n = not(n)
	}
	return and(is, n)
}

func compared(jump opcode, a, b uint32) *node {
	return known(jump == ifEqual && a == b || jump == ifGreater && a > b || jump == ifAtLeast && a >= b)
}

// checks tests for the protocols whose headers a value is of.
func (g *generator) checks(v value) *node {
	switch v := v.(type) {
	case *constant:
		all := always
		for _, of := range v.of {
			all = and(all, g.checks(of))
		}
		return all
	case *operation:
		return and(g.checks(v.left), g.checks(v.right))
	case *negative:
		return g.checks(v.x)
	case *load:
		index := g.checks(v.index)
		switch v.proto {
		case linkLayer:
			return index
		case ip4, ip6, arp, rarp:
			return and(index, g.protocol(v.at, v.proto))
		case icmp6:
			return and(and(index, g.carries(v.at, etherIP6)), g.equal(ofNetwork, 6, 1, icmp6.ipNumber()))
		}
		return and(and(and(g.carries(v.at, etherIP4), index), g.protocol(v.at, v.proto)), g.firstFragment())
	}
	return always
}

// value returns code that puts a value into A. Cells below cell are in use.
func (g *generator) value(code []instruction, v value, cell uint32) []instruction {
	switch v := v.(type) {
	case *constant:
		return append(code, instruction{op: loadK, k: v.n})
	case *length:
		return append(code, g.lengthLoad()...)
	case *negative: // the VM of x/net/bpf has no negation
		return append(g.value(code, v.x, cell), instruction{op: timesK, k: 0xffffffff})
	case *load:
		return append(code, g.loadValue(v, cell)...)
	}
	b := v.(*operation)
	if c, ok := b.right.(*constant); ok {
		return append(g.value(code, b.left, cell), instruction{op: arithmetic[b.op].k, k: c.n})
	}
	return append(append(code, g.two(b.left, b.right, cell)...), instruction{op: arithmetic[b.op].x})
}

// two returns code that puts one value into A and another into X.
func (g *generator) two(a, x value, cell uint32) []instruction {
	if cell == valueCells {
		fail(0, "", "a value needs more than %d intermediate results", valueCells)
	}
	if c, ok := a.(*constant); ok { // nothing to keep meanwhile
		return append(g.value(nil, x, cell), instruction{op: toX}, instruction{op: loadK, k: c.n})
	}
	code := append(g.value(nil, a, cell), instruction{op: storeCell, k: cell})
	return append(g.value(code, x, cell+1), instruction{op: toX}, instruction{op: loadCell, k: cell})
}

// loadValue returns code for "proto[index:size]".
func (g *generator) loadValue(v *load, cell uint32) []instruction {
	b, behind := ofNetwork, uint32(0)
	switch v.proto {
	case linkLayer:
		b = ofHeader
	case ip4, ip6, arp, rarp:
	case icmp6:
		behind = 40
	default:
		b = ofTransport
	}
	if c, ok := v.index.(*constant); ok {
		return g.load(b, behind+c.n, v.size)
	}
	code := g.value(nil, v.index, cell)
	o, k := g.payload, g.network+behind
	if b == ofHeader {
		if g.cooked > 0 {
			fail(v.at, "", "the kernel does not have the header of link type %d", g.link)
		}
		o, k = g.header, 0
	}
	switch {
	case b == ofTransport && !g.payload.variable:
		code = append(append(code, g.headerLength()...), instruction{op: addX}, instruction{op: toX})
	case b == ofTransport:
		if cell == valueCells {
			fail(v.at, "", "a value needs more than %d intermediate results", valueCells)
		}
		code = append(append(append(code, instruction{op: storeCell, k: cell}), g.headerLength()...), instruction{op: loadCell, k: cell}, instruction{op: addX}, instruction{op: toX})
	case o.variable:
		g.cells[o.cell] = true
		code = append(code, instruction{op: loadCellX, k: o.cell}, instruction{op: addX}, instruction{op: toX})
	default:
		code = append(code, instruction{op: toX})
	}
	return append(code, instruction{op: loadIndirect, size: v.size, k: o.k + k})
}

// arithmetic are the operators with a constant and with X.
var arithmetic = map[string]struct{ k, x opcode }{
	"+": {addK, addX}, "-": {minusK, minusX}, "*": {timesK, timesX}, "/": {overK, overX}, "%": {modK, modX},
	"&": {andK, andX}, "|": {orK, orX}, "^": {xorK, xorX}, "<<": {leftK, leftK}, ">>": {rightK, rightK},
}
