package inflate

import (
	"fmt"
	"math/bits"
)

// The next bits of the input index a table of codes. An entry holds the meaning of the
// code and the number of bits to take:
//
//	bit 31      a literal: the byte is in bits 16 to 23
//	bit 15      special: bits 14 and 13 say which kind
//	bit 14        the code is longer: bits 16 to 30 are where its own table
//	              begins, bits 8 to 11 how many bits index that
//	bit 13        end of block
//	            neither: no symbol has this code
//	bits 16-30  the base of a length or distance, or a symbol
//	bits 8-11   bits of the code alone
//	bits 0-7    bits to take: the code, and the extra bits of a length or distance
const (
	isLiteral    = 1 << 31
	isSpecial    = 1 << 15
	isLonger     = 1 << 14
	isEndOfBlock = 1 << 13
	invalid      = isSpecial
)

const (
	maxLiterals  = 286 // literals, end of block, lengths (RFC 1951 section 3.2.7)
	maxDistances = 30
	maxBits      = 15 // of a code
	endOfBlock   = 256

	literalBits  = 10 // most that index the first table
	distanceBits = 8
	lengthBits   = 7 // the longest code of a code length

	// The sizes are powers of two that hold the first table and all longer ones,
	// which for these alphabets need 1334 and 402 entries at most.
	literalTable  = 2048
	distanceTable = 512
)

var (
	lengthBase  = [...]uint16{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthExtra = [...]uint8{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
)

// lengthOrder is the order in which a block gives the lengths of the codes of
// code lengths (RFC 1951 section 3.2.7).
var lengthOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// codes are the code sets of a block.
type codes struct {
	literals  *literalCodes // of this block
	distances *distanceCodes

	ready          bool
	fixedLiterals  literalCodes
	fixedDistances distanceCodes
	ownLiterals    literalCodes // of a dynamic block
	ownDistances   distanceCodes
	lengths        [1 << lengthBits]uint32

	// What each symbol means, as an entry to which the bits of its code are added.
	literalMeaning  [288]uint32
	distanceMeaning [32]uint32
	lengthMeaning   [19]uint32
}

type (
	literalCodes  [literalTable]uint32
	distanceCodes [distanceTable]uint32
)

// prepare computes the tables that are the same for all blocks.
func (c *codes) prepare() {
	c.ready = true
	for i := range c.literalMeaning {
		switch {
		case i < endOfBlock:
			c.literalMeaning[i] = isLiteral | uint32(i)<<16
		case i == endOfBlock:
			c.literalMeaning[i] = isSpecial | isEndOfBlock
		case i < maxLiterals:
			n := i - endOfBlock - 1
			c.literalMeaning[i] = uint32(lengthBase[n])<<16 | uint32(lengthExtra[n])
		default: // part of the fixed code, never used (RFC 1951 section 3.2.6)
			c.literalMeaning[i] = invalid
		}
	}
	for i := range c.distanceMeaning {
		switch {
		case i < 4:
			c.distanceMeaning[i] = uint32(i+1) << 16
		case i < maxDistances:
			extra := uint32(i/2 - 1)
			c.distanceMeaning[i] = (uint32(2+i&1)<<extra+1)<<16 | extra
		default:
			c.distanceMeaning[i] = invalid
		}
	}
	for i := range c.lengthMeaning {
		c.lengthMeaning[i] = uint32(i) << 16
	}

	var fixed [288]code
	for i := range c.literalMeaning {
		length := 8
		switch {
		case i >= 280:
		case i >= 256:
			length = 7
		case i >= 144:
			length = 9
		}
		fixed[i] = code(i<<4 | length)
	}
	build(c.fixedLiterals[:], c.literalMeaning[:], fixed[:], 0, literalBits)
	for i := range c.distanceMeaning {
		fixed[i] = code(i<<4 | 5)
	}
	build(c.fixedDistances[:], c.distanceMeaning[:], fixed[:32], 0, distanceBits)
}

// useFixed chooses the codes of RFC 1951 section 3.2.6.
func (c *codes) useFixed() {
	if !c.ready {
		c.prepare()
	}
	c.literals, c.distances = &c.fixedLiterals, &c.fixedDistances
}

// code is a symbol of a code set and the bits of its code: symbol<<4 | bits.
type code uint16

func (c code) symbol() int { return int(c >> 4) }

// build fills table with a code set (RFC 1951 section 3.2.2), the first table being
// indexed by the next most bits. The codes are sorted by symbol; meaning[symbol-base]
// is the entry of each. When the lengths are no code set, build returns the reason.
//
// build adds the shortest codes first. The table is indexed by bits in the order of the
// input, so a code of n bits is at every index whose low n bits are the code. build
// fills a table for n bits, then doubles it by copying for codes of n+1 bits.
func build(table, meaning []uint32, codes []code, base int, most uint) (fault string) {
	var count, place [maxBits + 1]uint16
	for _, c := range codes {
		count[c&15]++
	}
	left, total, longest := 1, uint16(0), uint(0)
	for n := 1; n <= maxBits; n++ {
		place[n] = total
		total += count[n]
		left = left<<1 - int(count[n])
		if left < 0 {
			return fmt.Sprintf("more codes than %d bits can tell apart", n)
		}
		if count[n] > 0 {
			longest = uint(n)
		}
	}
	if left > 0 {
		if longest > 1 {
			return "not every sequence of bits is a code"
		}
		// A single code, or none: what has no code is invalid.
		table[0], table[1] = invalid|1, invalid|1
		if longest == 1 {
			table[0] = meaning[codes[0].symbol()-base] + 1<<8 + 1
		}
		spread(table[:1<<most], 2)
		return ""
	}

	var sorted [maxLiterals + 2]uint16
	for _, c := range codes {
		sorted[place[c&15]] = uint16(c.symbol() - base)
		place[c&15]++
	}

	first := min(longest, most)
	var (
		bits   uint32 // of the code, as they come
		length = uint(1)
		size   = 1 << 1
		begin  = 0 // of the longer table being filled
		prefix = ^uint32(0)
		i      = 0
	)
	for ; length <= first; length++ {
		add := uint32(length)<<8 + uint32(length)
		for n := count[length]; n > 0; n-- {
			table[bits] = meaning[sorted[i]] + add
			i++
			if i == len(codes) {
				spread(table[:1<<most], size)
				return ""
			}
			bits = after(bits, length)
		}
		if length < first {
			copy(table[size:2*size], table[:size])
			size <<= 1
		}
	}

	// Longer codes with the same first bits share a table, behind the first table.
	end := 1 << first
	var second uint
	for ; ; length++ {
		for n := count[length]; n > 0; n-- {
			if p := bits & (1<<first - 1); p != prefix {
				// This table must hold all codes with these first bits. The codes
				// from here on determine how many bits index it.
				prefix, begin = p, end
				second = length - first
				space := int(n)
				for space < 1<<second {
					second++
					space = space<<1 + int(count[first+second])
				}
				end += 1 << second
				table[p] = isSpecial | isLonger | uint32(begin)<<16 | uint32(second)<<8 | uint32(first)
			}
			e := meaning[sorted[i]] + uint32(length)<<8 + uint32(length)
			i++
			for at := begin + int(bits>>first); at < end; at += 1 << (length - first) {
				table[at] = e
			}
			if i == len(codes) {
				return ""
			}
			bits = after(bits, length)
		}
	}
}

// spread repeats the first size entries in all of table, for sets whose codes are all
// shorter than the index. So the mask of the index is always the same.
func spread(table []uint32, size int) {
	for ; size < len(table); size <<= 1 {
		copy(table[size:], table[:size])
	}
}

// after is the code of length bits that follows code, which is not the last.
// Codes count up from their first bit, which stands lowest: the highest zero is
// set and the ones above it are cleared.
func after(code uint32, length uint) uint32 {
	zero := uint32(1) << (bits.Len32(code^(1<<length-1)) - 1)
	return code&(zero-1) | zero
}
