package inflate

import "unsafe"

// run decodes the symbols of a block (RFC 1951 section 3.2.3) with its state in
// registers. It looks neither at the end of the input nor at the end of the room
// after each symbol: it runs while a whole word of input and room for one step
// are there. step does the same one symbol at a time and looks at all; it is what
// run is held to, and decodes what run must leave.
//
// Bits that one turn takes, of the 56 that a fill has ready: a literal (10,
// because a longer code has no place in the first table), a length (10 and 5
// extra) and a distance (15 and 13 extra) make 53. With a longer length code
// there must be 48 bits left, else it fills again first.
//
// What a turn takes is mostly waiting: an entry tells how many bits to drop, and
// only then can the next be looked up. So all first tables are indexed by masks
// that are constants, and an entry is looked up before the bits are filled.
//
// Zeros stand after the tail of the input, so that run need not stop 8 bytes
// before its end, which for a small message would be a good part of it:
//
//	last |---- end of src ----|00 00 ff ff|00 00 00 00 00 00 00 00|
//	                                   lastLen                  + pad
//
// Whether it took bits of those zeros is seen when it comes back. If so, or if it
// found an error near there, its work is undone and done again without them: the
// end of a message that is corrupt is decoded twice, once for each message.
//
// Indexing is unchecked (see load), which takes a tenth less time than slices: the
// checks and the masking of slice pointers cost registers, and what does not fit
// in those is spilled in each turn.

// fast decodes symbols with run. It is not done when step must go on.
func (d *Decoder) fast() (was outcome, distance int, done bool) {
	if d.plain {
		return more, 0, false
	}
	if !d.inLast || d.overran {
		return d.checked()
	}
	next, bits, count, end, far := d.next, d.bits, d.count, d.end, d.far
	was, distance = d.run(d.last[:d.lastLen+pad])
	if d.next > d.lastLen {
		zeros := uint(d.next-d.lastLen) * 8
		if zeros > d.count || was > blockEnded {
			d.overran = true
			d.next, d.bits, d.count, d.end, d.far = next, bits, count, end, far
			return d.checked()
		}
		d.next, d.count = d.lastLen, d.count-zeros
	}
	return was, distance, true
}

// checked is fast without the zeros.
func (d *Decoder) checked() (was outcome, distance int, done bool) {
	if d.next+8 > len(d.in) {
		return more, 0, false
	}
	was, distance = d.run(d.in)
	return was, distance, true
}

// run decodes symbols while 8 bytes of in and room for a step are left. beyond is
// the distance of tooFar.
func (d *Decoder) run(in []byte) (was outcome, beyond int) {
	var (
		next        = d.next
		bits, count = d.bits, uint64(d.count)
		buf, end    = d.buf, d.end
		far         = d.far
		literals    = d.codes.literals
		distances   = d.codes.distances
		lastIn      = len(in) - 8
		lastOut     = len(buf) - slack
	)
	for next <= lastIn && end <= lastOut {
		// The bits that are left most often suffice for the entry: it need not
		// wait for those that are read.
		e := literals[bits&(1<<literalBits-1)]
		short := count < literalBits
		bits |= load(in, next) << (count & 63)
		next += int((63 - count) >> 3)
		count |= 56
		if short {
			e = literals[bits&(1<<literalBits-1)]
		}
		if e&isLiteral != 0 {
			store(buf, end, byte(e>>16))
			end++
			bits >>= e & 63
			count -= uint64(e & 63)
			e = literals[bits&(1<<literalBits-1)]
			if e&isLiteral != 0 {
				store(buf, end, byte(e>>16))
				end++
				bits >>= e & 63
				count -= uint64(e & 63)
				continue
			}
		}
		if e&isSpecial != 0 {
			if e&isLonger != 0 {
				if count < 48 {
					continue
				}
				e = literals[(uint64(e>>16&0x7fff)+bits>>(e&63)&(1<<(e>>8&15)-1))&(literalTable-1)]
				if e&isLiteral != 0 {
					store(buf, end, byte(e>>16))
					end++
					bits >>= e & 63
					count -= uint64(e & 63)
					continue
				}
			}
			if e&isSpecial != 0 {
				was = noLiteral
				if e&isEndOfBlock != 0 {
					bits >>= e & 63
					count -= uint64(e & 63)
					was = blockEnded
				}
				break
			}
		}
		stop := end + int(e>>16) + int(bits&(1<<(e&63)-1)>>(e>>8&15))
		rest := bits >> (e & 63)
		left := count - uint64(e&63)

		e = distances[rest&(1<<distanceBits-1)]
		if e&isSpecial != 0 {
			if e&isLonger != 0 {
				e = distances[(uint64(e>>16&0x7fff)+rest>>(e&63)&(1<<(e>>8&15)-1))&(distanceTable-1)]
			}
			if e&isSpecial != 0 {
				was = noDistance
				break
			}
		}
		distance := int(e>>16) + int(rest&(1<<(e&63)-1)>>(e>>8&15))
		if distance > end {
			was, beyond = tooFar, distance
			break
		}
		bits = rest >> (e & 63)
		count = left - uint64(e&63)
		if distance > far {
			far = distance
		}
		from := end - distance
		if distance < 16 {
			end = repeat(buf, from, end, stop)
			continue
		}
		// Two words at least, because to foresee how many costs more than to copy
		// one: what is written beyond stop is overwritten later.
		copy16(buf, end, from)
		copy16(buf, end+16, from+16)
		for end += 32; end < stop; end += 16 {
			copy16(buf, end, end-distance)
		}
		end = stop
	}
	d.next, d.bits, d.count, d.end, d.far = next, bits, uint(count), end, far
	return was, beyond
}

// The functions below index without a check. It is run that makes it good:
//
//   - load: 0 <= next <= len(in)-8 is the condition of its loop.
//   - store, copy16: 0 <= end <= len(buf)-slack is the other one, and a turn adds
//     to end two literals at most, or one and a match of 258 bytes; copy16 is
//     called for places before stop, or for the first 32 bytes, which slack holds.
//   - copy16: from is not negative, because distance > end was refused, and before
//     to, because no distance is 0.

func load(b []byte, i int) uint64 {
	return *(*uint64)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), i))
}

func store(b []byte, i int, v byte) {
	*(*byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), i)) = v
}

// copy16 copies 16 bytes, which do not overlap.
func copy16(b []byte, to, from int) {
	p := unsafe.Pointer(unsafe.SliceData(b))
	*(*[16]byte)(unsafe.Add(p, to)) = *(*[16]byte)(unsafe.Add(p, from))
}
