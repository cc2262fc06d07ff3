package inflate

import "fmt"

// dynamic reads the code sets of a block (RFC 1951 section 3.2.7).
func (d *Decoder) dynamic() error {
	c := &d.codes
	if !c.ready {
		c.prepare()
	}
	if !d.need(14) {
		return d.corrupt("ends inside the header of a block")
	}
	literals, distances, lengths := int(d.take(5))+257, int(d.take(5))+1, int(d.take(4))+4
	if literals > maxLiterals {
		return d.corrupt(fmt.Sprintf("%d literal and length codes, %d are the most", literals, maxLiterals))
	}
	if distances > maxDistances {
		return d.corrupt(fmt.Sprintf("%d distance codes, %d are the most", distances, maxDistances))
	}

	var list [maxLiterals + maxDistances]code
	n, err := d.lengthCodes(&list, lengths)
	if err != nil {
		return err
	}
	fault := build(c.lengths[:], c.lengthMeaning[:], list[:n], 0, lengthBits)
	if fault != "" {
		return d.corrupt("the codes of code lengths: " + fault)
	}
	n, err = d.codeLengths(&list, literals+distances)
	if err != nil {
		return err
	}

	split := n
	for split > 0 && list[split-1].symbol() >= literals {
		split--
	}
	last := split
	for last > 0 && list[last-1].symbol() > endOfBlock {
		last--
	}
	if last == 0 || list[last-1].symbol() != endOfBlock {
		return d.corrupt("no code for the end of the block")
	}
	if fault = build(c.ownLiterals[:], c.literalMeaning[:], list[:split], 0, literalBits); fault != "" {
		return d.corrupt("the literal and length codes: " + fault)
	}
	if fault = build(c.ownDistances[:], c.distanceMeaning[:], list[split:n], literals, distanceBits); fault != "" {
		return d.corrupt("the distance codes: " + fault)
	}
	c.literals, c.distances = &c.ownLiterals, &c.ownDistances
	return nil
}

// lengthCodes reads the lengths of the codes of code lengths into list, and
// returns how many have a code.
func (d *Decoder) lengthCodes(list *[maxLiterals + maxDistances]code, lengths int) (n int, err error) {
	var length [len(lengthOrder)]uint8
	for _, symbol := range lengthOrder[:lengths] {
		if !d.need(3) {
			return 0, d.corrupt("ends inside the code lengths of a block")
		}
		length[symbol] = uint8(d.take(3))
	}
	for symbol, bits := range length {
		if bits > 0 {
			list[n] = code(symbol<<4) | code(bits)
			n++
		}
	}
	return n, nil
}

// codeLengths reads total code lengths into list, and returns how many symbols
// have a code. The distances follow the literals and lengths as one sequence.
func (d *Decoder) codeLengths(list *[maxLiterals + maxDistances]code, total int) (n int, err error) {
	table := &d.codes.lengths
	var previous code
	for symbol := 0; symbol < total; {
		if d.count < lengthBits+7 {
			d.fill()
		}
		bits := d.bits
		e := table[bits&(1<<lengthBits-1)]
		used := uint(e & 15)
		repeat := 1
		switch value := e >> 16; {
		case e&isSpecial != 0:
			return 0, d.corrupt("bits that are no code of a code length")
		case value < 16:
			previous = code(value)
		case value == 16:
			if symbol == 0 {
				return 0, d.corrupt("repeats the code length before the first")
			}
			repeat = 3 + int(bits>>used&3)
			used += 2
		case value == 17:
			previous, repeat = 0, 3+int(bits>>used&7)
			used += 3
		default:
			previous, repeat = 0, 11+int(bits>>used&127)
			used += 7
		}
		if used > d.count {
			return 0, d.corrupt("ends inside the code lengths of a block")
		}
		d.take(used)
		if symbol+repeat > total {
			return 0, d.corrupt(fmt.Sprintf("%d code lengths where %d are announced", symbol+repeat, total))
		}
		if previous == 0 {
			symbol += repeat
			continue
		}
		for ; repeat > 0; repeat-- {
			list[n] = code(symbol<<4) | previous
			n++
			symbol++
		}
	}
	return n, nil
}
