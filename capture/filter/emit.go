package filter

import "golang.org/x/net/bpf"

// Opcodes of classic BPF (The BSD Packet Filter, McCanne and Jacobson; the
// numbers are those of bpf.h).
var encoded = [...]uint16{
	reject: 0x06, accept: 0x06,
	loadAbsolute: 0x20, loadIndirect: 0x40, loadLength: 0x80, loadK: 0x00, loadCell: 0x60,
	loadKX: 0x01, loadLengthX: 0x81, loadCellX: 0x61, loadHeaderLengthX: 0xb1,
	storeCell: 0x02, storeCellX: 0x03, toX: 0x07, fromX: 0x87,
	addK: 0x04, minusK: 0x14, timesK: 0x24, overK: 0x34, orK: 0x44, andK: 0x54, leftK: 0x64, rightK: 0x74, negate: 0x84, modK: 0x94, xorK: 0xa4,
	addX: 0x0c, minusX: 0x1c, timesX: 0x2c, overX: 0x3c, orX: 0x4c, andX: 0x5c, leftX: 0x6c, rightX: 0x7c, modX: 0x9c, xorX: 0xac,
	jump: 0x05, ifEqual: 0x15, ifGreater: 0x25, ifAtLeast: 0x35, ifAny: 0x45,
	ifEqualX: 0x1d, ifGreaterX: 0x2d, ifAtLeastX: 0x3d, ifAnyX: 0x4d,
}

// sizes are the bits of an opcode for the size of a load.
var sizes = [...]uint16{0: 0, 1: 0x10, 2: 0x08, 4: 0x00}

func (in instruction) raw() bpf.RawInstruction {
	return bpf.RawInstruction{Op: encoded[in.op] | sizes[in.size], K: in.k}
}

// everything is what a program returns for a packet that it lets through: all
// bytes of it are kept.
const everything = 0xffffffff

// emit writes the program.
func (a *assembler) emit(first int, begin []instruction) (program []bpf.RawInstruction) {
	for _, in := range begin {
		program = append(program, in.raw())
	}
	if first < 0 {
		return append(program, ending(first))
	}
	at, farYes, farNo, length := a.layOut(len(program))
	if length > maxInstructions {
		fail(0, "", "the expression makes too long a program")
	}
	for i := range a.blocks {
		b := &a.blocks[i]
		if !b.reached {
			continue
		}
		for _, in := range b.code[b.skip:] {
			program = append(program, in.raw())
		}
		op := b.jump
		if b.withX {
			op += ifEqualX - ifEqual
		}
		here := len(program) + 1 // what a jump counts from
		test := bpf.RawInstruction{Op: encoded[op], K: b.k}
		switch {
		case !farYes[i] && !farNo[i]:
			test.Jt, test.Jf = uint8(at(b.yes)-here), uint8(at(b.no)-here)
			program = append(program, test)
		case !farNo[i]:
			test.Jf = uint8(at(b.no) - here)
			program = append(program, test, far(at(b.yes)-here-1))
		case !farYes[i]:
			test.Jt = uint8(at(b.yes) - here)
			program = append(program, test, far(at(b.no)-here-1))
		default:
			test.Jf = 1
			program = append(program, test, far(at(b.yes)-here-1), far(at(b.no)-here-2))
		}
	}
	return append(program, ending(accepted), ending(rejected))
}

func far(distance int) bpf.RawInstruction {
	return bpf.RawInstruction{Op: encoded[jump], K: uint32(distance)}
}

func ending(way int) bpf.RawInstruction {
	if way == accepted {
		return bpf.RawInstruction{Op: encoded[accept], K: everything}
	}
	return bpf.RawInstruction{Op: encoded[reject]}
}

// layOut finds where each block begins, behind the first instructions, and which
// ways are longer than the 255 instructions that a test can jump: those need a
// jump of their own, which makes other ways longer.
func (a *assembler) layOut(begin int) (at func(way int) int, farYes, farNo []bool, length int) {
	begins := make([]int, len(a.blocks))
	farYes, farNo = make([]bool, len(a.blocks)), make([]bool, len(a.blocks))
	at = func(way int) int {
		switch way {
		case accepted:
			return length - 2
		case rejected:
			return length - 1
		}
		return begins[way]
	}
	for changed := true; changed; {
		n := begin
		for i := range a.blocks {
			b := &a.blocks[i]
			begins[i] = n
			if !b.reached {
				continue
			}
			n += len(b.code) - b.skip + 1
			if farYes[i] {
				n++
			}
			if farNo[i] {
				n++
			}
		}
		length = n + 2
		changed = false
		for i := range a.blocks {
			b := &a.blocks[i]
			if !b.reached {
				continue
			}
			here := begins[i] + len(b.code) - b.skip + 1
			// One more is left for the other way's jump.
			if !farYes[i] && at(b.yes)-here > 254 {
				farYes[i], changed = true, true
			}
			if !farNo[i] && at(b.no)-here > 254 {
				farNo[i], changed = true, true
			}
		}
	}
	return at, farYes, farNo, length
}
