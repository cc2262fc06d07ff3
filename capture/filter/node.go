package filter

// opcode is an instruction of classic BPF, numbered without holes so that the
// evaluator's switch is one jump. "K" is the operand of the instruction.
type opcode uint8

const (
	reject opcode = iota // return 0
	accept               // return K
	loadAbsolute
	loadIndirect // X + K
	loadLength
	loadK
	loadCell
	loadKX
	loadLengthX
	loadCellX
	loadHeaderLengthX // 4 times the low half of the byte at K
	storeCell
	storeCellX
	toX
	fromX
	addK
	minusK
	timesK
	overK
	modK
	andK
	orK
	xorK
	leftK
	rightK
	negate
	addX
	minusX
	timesX
	overX
	modX
	andX
	orX
	xorX
	leftX
	rightX
	jump
	ifEqual
	ifGreater
	ifAtLeast
	ifAny // A & K is not 0
	ifEqualX
	ifGreaterX
	ifAtLeastX
	ifAnyX
)

// instruction is one step that does not jump.
type instruction struct {
	op   opcode
	size uint32 // of a load
	k    uint32
}

// node is a test, or tests joined. Nodes are not changed once they are made,
// and may be used at several places.
type node struct {
	kind nodeKind

	code   []instruction // isTest: puts the value to compare into A, and with withX another into X
	jump   opcode        // ifEqual, ifGreater, ifAtLeast, ifAny
	k      uint32
	withX  bool // compares with X, not k
	impure bool // code changes cells that other tests read

	a, b, c *node // of the others
}

type nodeKind uint8

const (
	isTest nodeKind = iota
	isAlways
	isNever
	isNot    // a
	isAnd    // a, then b
	isOr     // a, else b
	isChoose // a ? b : c
)

var (
	always = &node{kind: isAlways}
	never  = &node{kind: isNever}
)

func known(v bool) *node {
	if v {
		return always
	}
	return never
}

func not(a *node) *node {
	switch a.kind {
	case isAlways:
		return never
	case isNever:
		return always
	}
	return &node{kind: isNot, a: a}
}

func and(a, b *node) *node {
	switch {
	case a.kind == isAlways:
		return b
	case b.kind == isAlways, a.kind == isNever:
		return a
	}
	return &node{kind: isAnd, a: a, b: b}
}

func or(a, b *node) *node {
	switch {
	case a.kind == isNever:
		return b
	case b.kind == isNever, a.kind == isAlways:
		return a
	}
	return &node{kind: isOr, a: a, b: b}
}

func choose(a, b, c *node) *node { return &node{kind: isChoose, a: a, b: b, c: c} }
