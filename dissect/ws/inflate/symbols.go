package inflate

import "fmt"

// Two functions decode the symbols of a block: fast decodes most of them, and step one
// symbol with all checks. The tests compare both with compress/flate and with each
// other.

// outcome is why fast or step returned.
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
		was, distance, done := d.fast()
		if !done {
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

// repeat copies a match from buf[from:] to buf[end:stop], and returns stop. The two may
// overlap: the match then repeats itself.
func repeat(buf []byte, from, end, stop int) int {
	for end < stop {
		end += copy(buf[end:stop], buf[from:end])
	}
	return end
}

// step decodes one symbol. The caller has made room for it.
func (d *Decoder) step() (was outcome, distance int) {
	d.fill()
	literals, distances := d.codes.literals, d.codes.distances
	bits := d.bits
	e := literals[bits&(1<<literalBits-1)]
	if e&(isSpecial|isLonger) == isSpecial|isLonger {
		e = literals[uint64(e>>16)+bits>>(e&63)&(1<<(e>>8&15)-1)]
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

	e = distances[bits>>used&(1<<distanceBits-1)]
	if e&isSpecial != 0 && e&isLonger != 0 {
		e = distances[uint64(e>>16)+bits>>used>>(e&63)&(1<<(e>>8&15)-1)]
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
