package filter

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/net/bpf"
)

// Program is a filter that is ready to run. It is not changed by running, and
// may be used by several goroutines.
type Program struct{ steps []step }

// step is a decoded instruction.
type step struct {
	op      opcode
	size    uint8
	yes, no uint8
	k       uint32
}

// decoded are the opcodes by their encoding, with the size of a load.
var decoded = func() map[uint16]step {
	all := map[uint16]step{}
	for op := loadAbsolute; op <= ifAnyX; op++ {
		if op == loadAbsolute || op == loadIndirect {
			for _, size := range []uint8{1, 2, 4} {
				all[encoded[op]|sizes[size]] = step{op: op, size: size}
			}
			continue
		}
		all[encoded[op]] = step{op: op}
	}
	all[encoded[accept]] = step{op: accept}
	all[0x16] = step{op: returnA}
	return all
}()

// returnA is only known to the evaluator: our own programs have no use for it.
const returnA = ifAnyX + 1

// NewProgram takes what [Expr.Compile] or [ParseRaw] gives. It refuses what the
// kernel would: jumps out of the program, opcodes and cells that are not there,
// an end without a return.
func NewProgram(raw []bpf.RawInstruction) (*Program, error) {
	p := &Program{steps: make([]step, len(raw))}
	if len(raw) == 0 {
		return nil, fmt.Errorf("a program of no instructions")
	}
	for i, in := range raw {
		s, ok := decoded[in.Op]
		rest := uint32(len(raw) - i - 1)
		switch {
		case !ok:
			return nil, fmt.Errorf("instruction %d: there is no opcode %#x", i, in.Op)
		case s.op >= ifEqual && s.op <= ifAnyX && (uint32(in.Jt) >= rest || uint32(in.Jf) >= rest), s.op == jump && in.K >= rest:
			return nil, fmt.Errorf("instruction %d jumps backwards, or out of the program", i)
		case (s.op == loadCell || s.op == loadCellX || s.op == storeCell || s.op == storeCellX) && in.K > 15:
			return nil, fmt.Errorf("instruction %d: there is no memory cell %d", i, in.K)
		case (s.op == overK || s.op == modK) && in.K == 0:
			return nil, fmt.Errorf("instruction %d divides by zero", i)
		}
		s.k, s.yes, s.no = in.K, in.Jt, in.Jf
		if s.op == accept && in.K == 0 {
			s.op = reject
		}
		p.steps[i] = s
	}
	if last := p.steps[len(raw)-1].op; last != accept && last != reject && last != returnA {
		return nil, fmt.Errorf("the program does not end with a return")
	}
	return p, nil
}

// Match reports whether the program lets a packet through: data is what was
// captured of it, length how long it was on the wire.
//
// A load from behind the end rejects the packet, as BPF has it.
func (p *Program) Match(data []byte, length uint32) bool {
	var (
		a, x  uint32
		cells [16]uint32
	)
	steps := p.steps
	for i := 0; i < len(steps); i++ {
		s := &steps[i]
		switch s.op {
		case reject:
			return false
		case accept:
			return true
		case returnA:
			return a != 0
		case loadAbsolute:
			v, ok := fetch(data, uint64(s.k), s.size)
			if !ok {
				return false
			}
			a = v
		case loadIndirect:
			v, ok := fetch(data, uint64(x)+uint64(s.k), s.size)
			if !ok {
				return false
			}
			a = v
		case loadLength:
			a = length
		case loadK:
			a = s.k
		case loadCell:
			a = cells[s.k&15]
		case loadKX:
			x = s.k
		case loadLengthX:
			x = length
		case loadCellX:
			x = cells[s.k&15]
		case loadHeaderLengthX:
			if uint64(s.k) >= uint64(len(data)) {
				return false
			}
			x = uint32(data[s.k]&0xf) << 2
		case storeCell:
			cells[s.k&15] = a
		case storeCellX:
			cells[s.k&15] = x
		case toX:
			x = a
		case fromX:
			a = x
		case addK:
			a += s.k
		case minusK:
			a -= s.k
		case timesK:
			a *= s.k
		case overK:
			a /= s.k
		case modK:
			a %= s.k
		case andK:
			a &= s.k
		case orK:
			a |= s.k
		case xorK:
			a ^= s.k
		case leftK:
			a <<= s.k
		case rightK:
			a >>= s.k
		case negate:
			a = -a
		case addX:
			a += x
		case minusX:
			a -= x
		case timesX:
			a *= x
		case overX:
			if x == 0 {
				return false
			}
			a /= x
		case modX:
			if x == 0 {
				return false
			}
			a %= x
		case andX:
			a &= x
		case orX:
			a |= x
		case xorX:
			a ^= x
		case leftX:
			a <<= x
		case rightX:
			a >>= x
		case jump:
			i += int(s.k)
		case ifEqual:
			i += s.way(a == s.k)
		case ifGreater:
			i += s.way(a > s.k)
		case ifAtLeast:
			i += s.way(a >= s.k)
		case ifAny:
			i += s.way(a&s.k != 0)
		case ifEqualX:
			i += s.way(a == x)
		case ifGreaterX:
			i += s.way(a > x)
		case ifAtLeastX:
			i += s.way(a >= x)
		case ifAnyX:
			i += s.way(a&x != 0)
		}
	}
	return false
}

func (s *step) way(yes bool) int {
	if yes {
		return int(s.yes)
	}
	return int(s.no)
}

// fetch reads size bytes at k, in network order.
func fetch(data []byte, k uint64, size uint8) (uint32, bool) {
	if k+uint64(size) > uint64(len(data)) {
		return 0, false
	}
	switch size {
	case 1:
		return uint32(data[k]), true
	case 2:
		return uint32(binary.BigEndian.Uint16(data[k:])), true
	}
	return binary.BigEndian.Uint32(data[k:]), true
}
