package inflate

import (
	"encoding/binary"
	"fmt"
)

// A block's symbols are decoded by two loops that do the same. fast keeps its
// state in registers and looks neither at the end of the input nor at the end of
// the room after each symbol: it runs while a whole word of input and room for
// one step are there. step does one symbol and looks at all: it takes the last
// bytes of a message. The tests hold both to compress/flate.
//
// Bits that one turn of fast takes, of the 56 that a fill has ready: a literal
// (10, because a longer code has no place in the first table), a length (10 and 5
// extra) and a distance (15 and 13 extra) make 53. With a longer length code
// there must be 48 bits left, else it fills again first.

// outcome is why a loop came back.
type outcome uint8

const (
	more       outcome = iota // it needs input or room
	blockEnded                // the end of the block was read
	noLiteral                 // the next bits are no literal or length code
	noDistance                // the next bits are no distance code
	tooFar                    // a distance reaches beyond the history
	cut                       // the input ends here
)

// symbols decodes the symbols of a block up to its end (RFC 1951 section 3.2.3).
func (d *Decoder) symbols() error {
	for {
		if err := d.room(); err != nil {
			return err
		}
		d.turn()
		var was outcome
		var distance int
		if d.next+8 <= len(d.in) {
			was, distance = d.fast()
		} else {
			was, distance = d.step()
		}
		switch was {
		case blockEnded:
			return nil
		case noLiteral:
			return d.corrupt("bits that are no literal or length code")
		case noDistance:
			return d.corrupt("bits that are no distance code")
		case tooFar:
			return d.corrupt(fmt.Sprintf("a distance of %d with %d bytes of history", distance, d.end))
		case cut:
			return d.corrupt("ends inside a block")
		}
	}
}

// fast decodes symbols while 8 bytes of input and room for a step are left.
func (d *Decoder) fast() (was outcome, distance int) {
	var (
		in, next    = d.in, d.next
		bits, count = d.bits, d.count
		buf, end    = d.buf, d.end
		far         = d.far
		literals    = d.codes.literals
		distances   = d.codes.distances
		lmask       = literals.mask
		dmask       = distances.mask
	)
	for next+8 <= len(in) && end+slack <= len(buf) {
		bits |= binary.LittleEndian.Uint64(in[next:]) << (count & 63)
		next += int((63 - count) >> 3)
		count |= 56

		e := literals.table[bits&lmask&(literalTable-1)]
		if e&isLiteral != 0 {
			buf[end] = byte(e >> 16)
			end++
			bits >>= e & 63
			count -= uint(e & 63)
			e = literals.table[bits&lmask&(literalTable-1)]
			if e&isLiteral != 0 {
				buf[end] = byte(e >> 16)
				end++
				bits >>= e & 63
				count -= uint(e & 63)
				continue
			}
		}
		if e&isSpecial != 0 {
			if e&isLonger != 0 {
				if count < 48 {
					continue
				}
				e = literals.table[(uint64(e>>16&0x7fff)+bits>>(e&63)&(1<<(e>>8&15)-1))&(literalTable-1)]
				if e&isLiteral != 0 {
					buf[end] = byte(e >> 16)
					end++
					bits >>= e & 63
					count -= uint(e & 63)
					continue
				}
			}
			if e&isSpecial != 0 {
				was = noLiteral
				if e&isEndOfBlock != 0 {
					bits >>= e & 63
					count -= uint(e & 63)
					was = blockEnded
				}
				break
			}
		}
		length := int(e>>16) + int(bits&(1<<(e&63)-1)>>(e>>8&15))
		used := e & 63

		e = distances.table[bits>>used&dmask&(distanceTable-1)]
		if e&isSpecial != 0 {
			if e&isLonger != 0 {
				e = distances.table[(uint64(e>>16&0x7fff)+bits>>used>>(e&63)&(1<<(e>>8&15)-1))&(distanceTable-1)]
			}
			if e&isSpecial != 0 {
				was = noDistance
				break
			}
		}
		bits >>= used
		distance = int(e>>16) + int(bits&(1<<(e&63)-1)>>(e>>8&15))
		if distance > end {
			was = tooFar
			break
		}
		bits >>= e & 63
		count -= uint(used + e&63)
		if distance > far {
			far = distance
		}
		from, stop := end-distance, end+length
		if distance >= 8 && length <= 128 {
			// Whole words, two at least, because to foresee how many costs more
			// than to copy one: what is written beyond stop is overwritten later.
			for {
				to, by := buf[end:end+16], buf[from:from+16]
				binary.LittleEndian.PutUint64(to, binary.LittleEndian.Uint64(by))
				binary.LittleEndian.PutUint64(to[8:], binary.LittleEndian.Uint64(by[8:]))
				end += 16
				from += 16
				if end >= stop {
					break
				}
			}
			end = stop
		} else {
			end = repeat(buf, from, end, stop)
		}
	}
	d.next, d.bits, d.count, d.end, d.far = next, bits, count, end, far
	return was, distance
}

// repeat copies a match to buf[end:stop] that begins at from and may run into
// itself, and returns stop.
func repeat(buf []byte, from, end, stop int) int {
	for end < stop {
		end += copy(buf[end:stop], buf[from:end])
	}
	return end
}

// step decodes one symbol. There is room for it.
func (d *Decoder) step() (was outcome, distance int) {
	d.fill()
	literals, distances := d.codes.literals, d.codes.distances
	bits := d.bits
	e := literals.table[bits&literals.mask]
	if e&(isSpecial|isLonger) == isSpecial|isLonger {
		e = literals.table[uint64(e>>16)+bits>>(e&63)&(1<<(e>>8&15)-1)]
	}
	used := uint(e & 63)
	switch {
	case used > d.count:
		return cut, 0
	case e&isLiteral != 0:
		d.buf[d.end] = byte(e >> 16)
		d.end++
		d.take(used)
		return more, 0
	case e&isEndOfBlock != 0 && e&isSpecial != 0:
		d.take(used)
		return blockEnded, 0
	case e&isSpecial != 0:
		return noLiteral, 0
	}
	length := int(e>>16) + int(bits&(1<<used-1)>>(e>>8&15))

	e = distances.table[bits>>used&distances.mask]
	if e&isSpecial != 0 && e&isLonger != 0 {
		e = distances.table[uint64(e>>16)+bits>>used>>(e&63)&(1<<(e>>8&15)-1)]
	}
	total := used + uint(e&63)
	if total > d.count {
		return cut, 0
	}
	if e&isSpecial != 0 {
		return noDistance, 0
	}
	distance = int(e>>16) + int(bits>>used&(1<<(e&63)-1)>>(e>>8&15))
	if distance > d.end {
		return tooFar, distance
	}
	d.far = max(d.far, distance)
	d.take(total)
	d.end = repeat(d.buf, d.end-distance, d.end, d.end+length)
	return more, 0
}
