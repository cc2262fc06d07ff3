package filter

// The syntax tree. Generating code walks it from left to right, in the order
// of the text, for "vlan", "mpls" and "pppoes" move what follows them.

// condition is a node that is true or false.
type condition interface{ place() int }

type (
	// logic joins two conditions. They are of equal rank and go from left to
	// right: "a or b and c" is "(a or b) and c".
	logic struct {
		at          int
		and         bool
		left, right condition
	}
	negation struct {
		at int
		x  condition
	}
	// isProtocol is a protocol's name alone.
	isProtocol struct {
		at    int
		proto protocol
	}
	// isHost compares an IPv4 address.
	isHost struct {
		at            int
		proto         protocol
		dir           direction
		address, mask uint32
	}
	// isHost6 compares an IPv6 address.
	isHost6 struct {
		at            int
		proto         protocol
		dir           direction
		address, mask [4]uint32
	}
	isHardware struct {
		at      int
		dir     direction
		address [6]byte
	}
	// isPort compares a port with a range, or with one port.
	isPort struct {
		at          int
		proto       protocol // tcp, udp, sctp, or any of the three
		dir         direction
		ranges      bool
		first, last uint32
	}
	// isNumber compares the number of the protocol inside IP or Ethernet.
	isNumber struct {
		at     int
		proto  protocol // what it is inside of
		number uint32
	}
	isLength struct {
		at    int
		least bool // else at most
		n     uint32
	}
	isBroadcast struct {
		at    int
		proto protocol
	}
	isMulticast struct {
		at    int
		proto protocol
	}
	// isEncapsulated tests for a header and moves what follows behind it.
	isEncapsulated struct {
		at       int
		what     string // "vlan", "mpls", "pppoes", or "pppoed", which moves nothing
		numbered bool
		number   uint32
	}
	isDirection struct {
		at       int
		outbound bool
	}
	isInterface struct {
		at    int
		index uint32
	}
	// relation compares two values.
	relation struct {
		at          int
		op          string // "=", ">", ">="
		negated     bool
		left, right value
	}
)

func (n *logic) place() int          { return n.at }
func (n *negation) place() int       { return n.at }
func (n *isProtocol) place() int     { return n.at }
func (n *isHost) place() int         { return n.at }
func (n *isHost6) place() int        { return n.at }
func (n *isHardware) place() int     { return n.at }
func (n *isPort) place() int         { return n.at }
func (n *isNumber) place() int       { return n.at }
func (n *isLength) place() int       { return n.at }
func (n *isBroadcast) place() int    { return n.at }
func (n *isMulticast) place() int    { return n.at }
func (n *isEncapsulated) place() int { return n.at }
func (n *isDirection) place() int    { return n.at }
func (n *isInterface) place() int    { return n.at }
func (n *relation) place() int       { return n.at }

// value is a node that is a number of 32 bits.
type value interface{ isValue() }

type (
	// constant is a number that is known. What it was made of is still tested
	// for: "tcp[0] & 0 = 0" is true of TCP only.
	constant struct {
		n  uint32
		of []value
	}
	// length is the length of the packet on the wire.
	length struct{}
	// load is size bytes at an index into the header of a protocol.
	load struct {
		at    int
		proto protocol
		index value
		size  uint32
	}
	// operation joins two values that are not both constants, and no
	// division by a constant zero.
	operation struct {
		op          string
		left, right value
	}
	negative struct{ x value }
)

func (*constant) isValue()  {}
func (*length) isValue()    {}
func (*load) isValue()      {}
func (*operation) isValue() {}
func (*negative) isValue()  {}
