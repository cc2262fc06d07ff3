package filter

import (
	"slices"
	"strings"

	"golang.org/x/net/bpf"
)

// Assembling turns nodes into a program in four steps: nodes become blocks, each
// a test with two ways on; ways that lead to a test whose outcome is known on
// them are led past it; blocks that are the same become one; and what a block
// loads again is left out where all ways to it have loaded it.
//
// Blocks are ordered so that every jump goes forward, as BPF demands.

// block is a test. Its ways are indexes of blocks, or the two ends.
type block struct {
	code     []instruction
	skip     int // instructions of code that need not be done again
	jump     opcode
	k        uint32
	withX    bool
	impure   bool
	yes, no  int
	reached  bool
	value    string // code as a key: what is in A behind it
	address  string // the part of it that is in X behind it, "" for nothing to rely on
	known    facts
	incoming state
}

// The ends, in place of a block's index.
const (
	accepted = -1
	rejected = -2
)

// maxInstructions bounds a program for a file. The kernel takes fewer.
const (
	maxInstructions = 1 << 16
	maxKernel       = 4096 // BPF_MAXINSNS of Linux
)

// assemble returns the program of a node, with begin before it.
func assemble(n *node, begin []instruction) []bpf.RawInstruction {
	a := &assembler{}
	first := a.lower(n, accepted, rejected)
	a.turn(&first)
	first = a.thread(first)
	first = a.merge(first)
	a.share(first)
	return a.emit(first, begin)
}

type assembler struct{ blocks []block }

// lower makes blocks of a node, from the last to the first, and returns the
// index of the one to begin with.
func (a *assembler) lower(n *node, yes, no int) int {
	if len(a.blocks) > maxInstructions {
		fail(0, "", "the expression makes too long a program")
	}
	switch n.kind {
	case isAlways:
		return yes
	case isNever:
		return no
	case isNot:
		return a.lower(n.a, no, yes)
	case isAnd:
		return a.lower(n.a, a.lower(n.b, yes, no), no)
	case isOr:
		return a.lower(n.a, yes, a.lower(n.b, yes, no))
	case isChoose:
		c := a.lower(n.c, yes, no)
		return a.lower(n.a, a.lower(n.b, yes, no), c)
	}
	a.blocks = append(a.blocks, block{code: n.code, jump: n.jump, k: n.k, withX: n.withX, impure: n.impure, yes: yes, no: no})
	return len(a.blocks) - 1
}

// turn puts the blocks into the order of the program.
func (a *assembler) turn(first *int) {
	last := len(a.blocks) - 1
	turned := func(i int) int {
		if i < 0 {
			return i
		}
		return last - i
	}
	slices.Reverse(a.blocks)
	for i := range a.blocks {
		b := &a.blocks[i]
		b.yes, b.no = turned(b.yes), turned(b.no)
		b.value, b.address = key(b.code), ""
		for j, in := range b.code {
			switch in.op {
			case loadHeaderLengthX, loadCellX:
				if j == 0 {
					b.address = key(b.code[:1])
				}
			case toX:
				b.address = ""
			}
		}
	}
	*first = turned(*first)
}

func key(code []instruction) string {
	var b strings.Builder
	for _, in := range code {
		b.Write([]byte{byte(in.op), byte(in.size), byte(in.k >> 24), byte(in.k >> 16), byte(in.k >> 8), byte(in.k)})
	}
	return b.String()
}

// facts are what is known of values on all ways to a block.
type facts struct {
	any  bool // a way was seen
	list []fact
}

// fact says of the value of a block's code what it is, or one thing that it is
// not.
type fact struct {
	value string
	is    bool
	k     uint32
}

// maxFacts bounds what is remembered, so that a long expression takes no more
// than linear time.
const maxFacts = 24

// with returns the facts and one more.
func (f facts) with(more fact) facts {
	if slices.Contains(f.list, more) {
		return f
	}
	list := make([]fact, 0, len(f.list)+1)
	for _, old := range f.list {
		if !more.is || old.value != more.value {
			list = append(list, old)
		}
	}
	list = append(list, more)
	if len(list) > maxFacts {
		list = list[1:]
	}
	return facts{true, list}
}

// meet keeps what is known on two ways.
func (f *facts) meet(other facts) {
	if !f.any {
		*f = facts{true, other.list}
		return
	}
	kept := make([]fact, 0, len(f.list))
	for _, one := range f.list {
		if slices.Contains(other.list, one) {
			kept = append(kept, one)
		}
	}
	f.list = kept
}

// outcome returns the result of the test of b, if the facts determine it.
func (f facts) outcome(b *block) (yes, sure bool) {
	if b.withX || b.impure {
		return false, false
	}
	for _, one := range f.list {
		if one.value != b.value {
			continue
		}
		if one.is {
			switch b.jump {
			case ifEqual:
				return one.k == b.k, true
			case ifGreater:
				return one.k > b.k, true
			case ifAtLeast:
				return one.k >= b.k, true
			}
			return one.k&b.k != 0, true
		}
		if b.jump == ifEqual && one.k == b.k {
			return false, true
		}
	}
	return false, false
}

// thread leads ways past tests whose outcome is known, and marks the blocks
// that are still reached.
func (a *assembler) thread(first int) int {
	if first >= 0 {
		a.blocks[first].reached, a.blocks[first].known.any = true, true
	}
	for i := range a.blocks {
		b := &a.blocks[i]
		if !b.reached {
			continue
		}
		yes, no := b.known, b.known
		switch {
		case b.impure: // what is known was of other cells
			yes, no = facts{any: true}, facts{any: true}
		case b.jump == ifEqual && !b.withX:
			yes, no = yes.with(fact{b.value, true, b.k}), no.with(fact{b.value, false, b.k})
		}
		b.yes, b.no = a.lead(b.yes, yes), a.lead(b.no, no)
	}
	return first
}

// lead follows a way on which known holds to where it really goes.
func (a *assembler) lead(to int, known facts) int {
	for to >= 0 {
		yes, sure := known.outcome(&a.blocks[to])
		if !sure {
			a.blocks[to].reached = true
			a.blocks[to].known.meet(known)
			break
		}
		if yes {
			to = a.blocks[to].yes
		} else {
			to = a.blocks[to].no
		}
	}
	return to
}

// merge makes one of blocks that do the same. A test whose two ways are the same
// stays: it rejects a packet that is too short for it.
func (a *assembler) merge(first int) int {
	type shape struct {
		value   string
		jump    opcode
		k       uint32
		withX   bool
		yes, no int
	}
	same := map[shape]int{}
	place := make([]int, len(a.blocks)) // of what stands for a block
	to := func(i int) int {
		if i < 0 {
			return i
		}
		return place[i]
	}
	for i := len(a.blocks) - 1; i >= 0; i-- {
		b := &a.blocks[i]
		if !b.reached {
			continue
		}
		b.yes, b.no = to(b.yes), to(b.no)
		s := shape{b.value, b.jump, b.k, b.withX, b.yes, b.no}
		at, ok := same[s]
		if !ok || b.impure {
			at = i
			same[s] = i
		}
		place[i] = at
	}
	return to(first)
}

// state is what is in the registers on all ways to a block, "" for nothing to
// rely on.
type state struct {
	any  bool
	a, x string
}

// share leaves out loads that all ways to a block have done.
func (a *assembler) share(first int) {
	for i := range a.blocks {
		a.blocks[i].reached = false
	}
	if first >= 0 {
		a.blocks[first].reached, a.blocks[first].incoming.any = true, true
	}
	for i := range a.blocks {
		b := &a.blocks[i]
		if !b.reached {
			continue
		}
		in := b.incoming
		switch {
		case b.impure:
		case in.a == b.value && !b.withX:
			b.skip = len(b.code)
		case b.address != "" && in.x == b.address:
			b.skip = 1
		}
		out := state{any: true, a: b.value, x: b.address}
		if b.skip == len(b.code) || !writesX(b.code) {
			out.x = in.x
		}
		if b.impure {
			out = state{any: true}
		}
		for _, way := range []int{b.yes, b.no} {
			if way < 0 {
				continue
			}
			next := &a.blocks[way]
			next.reached = true
			if !next.incoming.any {
				next.incoming = out
				continue
			}
			if next.incoming.a != out.a {
				next.incoming.a = ""
			}
			if next.incoming.x != out.x {
				next.incoming.x = ""
			}
		}
	}
}

func writesX(code []instruction) bool {
	return slices.ContainsFunc(code, func(in instruction) bool {
		return in.op == toX || in.op == loadHeaderLengthX || in.op == loadCellX
	})
}
