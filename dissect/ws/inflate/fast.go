package inflate

import "unsafe"

// run decodes the symbols of a block (RFC 1951 section 3.2.3) with its state in
// registers. It does not check for the end of the input or of the output after each
// symbol. It runs while there are 8 bytes of input and room for one iteration. step
// decodes one symbol with all checks. It is the reference for run in tests, and
// decodes the symbols near the ends.
//
// One iteration uses at most 53 of the 56 bits that a fill provides: a literal (10,
// because the first table has no longer codes), a length (10 and 5 extra) and a
// distance (15 and 13 extra). A longer length code needs 48 bits; with fewer, run
// fills again.
//
// An iteration mostly waits for memory: the next entry can be loaded only when the
// current one has told how many bits to drop. So the masks of all first tables are
// constants, and an entry is loaded before the bits are filled.
//
// Zeros follow the tail of the input. Without them run would have to stop 8 bytes
// before the end, which is a large part of a small message:
//
//	last |---- end of src ----|00 00 ff ff|00 00 00 00 00 00 00 00|
//	                                   lastLen                  + pad
//
// When run returns, fast checks whether run used bits of the zeros, or met an error
// near them. If so, fast restores the state and decodes again without the zeros. This
// happens once for each corrupt message.
//
// Indexing is unchecked (see load), which saves a tenth of the time. Bounds checks and
// the masking of slice pointers need registers, and the compiler would have to spill
// others in each iteration.

// fast decodes symbols with run. done is false when step must decode the next symbol.
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

// run decodes symbols while 8 bytes of in and room for an iteration are left. beyond
// is the distance when the outcome is tooFar.
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
		// The bits that are left usually suffice for the entry, so that it need not
		// wait for the load of more.
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
		// At least two words, because a branch costs more than a copy. The bytes after
		// stop are overwritten later.
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

// The functions below index without bounds checks. run guarantees the bounds:
//
//   - load: its loop condition is 0 <= next <= len(in)-8.
//   - store, copy16: its loop condition is 0 <= end <= len(buf)-slack. An iteration
//     adds at most two literals, or one literal and a match of 258 bytes. copy16
//     writes before stop, or within the first 32 bytes, for which slack has room.
//   - copy16: from is not negative, because run rejects distance > end. from is less
//     than to, because no distance is 0.

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
