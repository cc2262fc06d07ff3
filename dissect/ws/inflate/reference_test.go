package inflate

import (
	"bytes"
	"compress/flate"
	"io"
	"math/rand/v2"
)

// reference inflates one message with compress/flate: what this package is held
// to. ok says whether the message is valid; out is what came before an error.
//
// compress/flate does not tell that its input ended between two blocks. So two
// streams that differ after the tail are read, and only when both go on there as
// they should did the message end with the tail.
func reference(history, src []byte) (out []byte, ok bool) {
	if len(src) == 0 {
		return nil, true
	}
	out, ended, _ := readStreams(history, src, "")
	if ended {
		return out, true
	}
	a, _, all := readStreams(history, src, "\x01\x00\x00\xff\xff")
	b, _, both := readStreams(history, src, "\x01\x01\x00\xfe\xffZ")
	if all && both && string(b) == string(a)+"Z" {
		return a, true
	}
	return out, false
}

// readStreams reads the streams, each ended by a block with BFINAL=1, of src, its
// tail and what follows. ended says that the last one ended with src or inside
// the tail, all that it ended with what follows.
func readStreams(history, src []byte, follows string) (out []byte, ended, all bool) {
	input := append(append(bytes.Clone(src), tail...), follows...)
	r := bytes.NewReader(input)
	for {
		z := flate.NewReaderDict(r, append(bytes.Clone(history), out...))
		part, err := io.ReadAll(z)
		out = append(out, part...)
		if err != nil {
			return out, false, false
		}
		switch at := len(input) - r.Len(); {
		case at >= len(src)+len(tail) && follows != "":
			return out, at == len(src)+len(tail), r.Len() == 0
		case at >= len(src):
			return out, true, false
		}
	}
}

// bitWriter writes DEFLATE by hand, to say what no compressor would.
type bitWriter struct {
	out   []byte
	bits  uint64
	count uint
}

func (w *bitWriter) put(v uint64, n uint) {
	w.bits |= v << w.count
	for w.count += n; w.count >= 8; w.count -= 8 {
		w.out = append(w.out, byte(w.bits))
		w.bits >>= 8
	}
}

// code writes a Huffman code, whose first bit is its highest.
func (w *bitWriter) code(c huffman, symbol int) {
	for i := int(c.length[symbol]) - 1; i >= 0; i-- {
		w.put(uint64(c.code[symbol]>>i&1), 1)
	}
}

func (w *bitWriter) align() {
	if w.count > 0 {
		w.put(0, 8-w.count)
	}
}

// message ends with the header of an empty stored block and leaves out its rest.
func (w *bitWriter) message() []byte {
	w.put(0, 3)
	w.align()
	return w.out
}

// huffman is a code set made as RFC 1951 section 3.2.2 tells it.
type huffman struct {
	length []uint8
	code   []int
}

func makeHuffman(length []uint8) huffman {
	var count, next [16]int
	for _, n := range length {
		count[n]++
	}
	count[0] = 0
	for n := 1; n < 16; n++ {
		next[n] = (next[n-1] + count[n-1]) << 1
	}
	h := huffman{length, make([]int, len(length))}
	for i, n := range length {
		if n > 0 {
			h.code[i] = next[n]
			next[n]++
		}
	}
	return h
}

func fixedHuffman() (literals, distances huffman) {
	var l [288]uint8
	for i := range l {
		switch {
		case i < 144, i >= 280:
			l[i] = 8
		case i < 256:
			l[i] = 9
		default:
			l[i] = 7
		}
	}
	return makeHuffman(l[:]), makeHuffman(bytes.Repeat([]byte{5}, 32))
}

// randomHuffman is a complete code set of n of all symbols, with codes of up to
// 15 bits: leaves are split at random.
func randomHuffman(rng *rand.Rand, all, n int, must int) huffman {
	leaves := []uint8{0}
	deep := rng.IntN(2) == 0
	for len(leaves) < n {
		i := rng.IntN(len(leaves))
		if deep {
			i = len(leaves) - 1 - rng.IntN(min(3, len(leaves)))
		}
		if leaves[i] == maxBits {
			deep = false
			continue
		}
		leaves[i]++
		leaves = append(leaves, leaves[i])
	}
	length := make([]uint8, all)
	symbols := rng.Perm(all)[:n]
	if must >= 0 {
		have := false
		for _, s := range symbols {
			have = have || s == must
		}
		if !have {
			symbols[0] = must
		}
	}
	rng.Shuffle(n, func(i, j int) { leaves[i], leaves[j] = leaves[j], leaves[i] })
	for i, s := range symbols {
		length[s] = leaves[i]
	}
	return makeHuffman(length)
}

// dynamicHeader writes the header of a dynamic block after its three bits.
// Lengths are given one by one, zeros and repeats by runs at random.
func (w *bitWriter) dynamicHeader(rng *rand.Rand, literals, distances huffman) {
	w.put(uint64(len(literals.length)-257), 5)
	w.put(uint64(len(distances.length)-1), 5)
	w.put(19-4, 4)
	var length [19]uint8
	for i := range length {
		length[i] = 4
		if i >= 13 {
			length[i] = 5
		}
	}
	for _, s := range lengthOrder {
		w.put(uint64(length[s]), 3)
	}
	c := makeHuffman(length[:])
	all := append(bytes.Clone(literals.length), distances.length...)
	for i := 0; i < len(all); {
		run := 1
		for i+run < len(all) && all[i+run] == all[i] {
			run++
		}
		switch {
		case all[i] == 0 && run >= 11 && rng.IntN(4) > 0:
			run = min(run, 138)
			w.code(c, 18)
			w.put(uint64(run-11), 7)
		case all[i] == 0 && run >= 3 && rng.IntN(4) > 0:
			run = min(run, 10)
			w.code(c, 17)
			w.put(uint64(run-3), 3)
		case i > 0 && all[i-1] == all[i] && run >= 3:
			run = min(run, 6)
			w.code(c, 16)
			w.put(uint64(run-3), 2)
		default:
			run = 1
			w.code(c, int(all[i]))
		}
		i += run
	}
}

// generator makes messages whose distances keep to a window.
type generator struct {
	rng     *rand.Rand
	most    int    // largest distance
	history []byte // all output so far
	largest int    // distance of the message
}

// message makes a message of some blocks, and the text that it stands for.
func (g *generator) message() (src, text []byte) {
	w := &bitWriter{}
	start := len(g.history)
	g.largest = 0
	for n := g.rng.IntN(4); n > 0; n-- {
		final := uint64(g.rng.IntN(6) / 5)
		switch g.rng.IntN(4) {
		case 0:
			part := make([]byte, g.rng.IntN(2000))
			for i := range part {
				part[i] = byte(g.rng.Uint32())
			}
			w.put(final, 3)
			w.align()
			w.put(uint64(len(part)), 16)
			w.put(uint64(len(part))^0xffff, 16)
			w.out = append(w.out, part...)
			g.history = append(g.history, part...)
		case 1:
			w.put(final|1<<1, 3)
			literals, distances := fixedHuffman()
			g.symbols(w, literals, distances)
		default:
			w.put(final|2<<1, 3)
			literals := randomHuffman(g.rng, 257+g.rng.IntN(30), 1+g.rng.IntN(257), endOfBlock)
			distances := randomHuffman(g.rng, 1+g.rng.IntN(30), 1, -1)
			if all := len(distances.length); all > 1 {
				distances = randomHuffman(g.rng, all, 1+g.rng.IntN(all), -1)
			}
			for _, h := range []huffman{literals, distances} { // a single code has one bit
				for i, n := range h.length {
					if c := bytes.Count(h.length, []byte{0}); n == 0 && c == len(h.length) {
						h.length[max(i, min(endOfBlock, len(h.length)-1))] = 1
						break
					}
				}
			}
			w.dynamicHeader(g.rng, literals, distances)
			g.symbols(w, literals, distances)
		}
		if final == 1 {
			w.align()
		}
	}
	return w.message(), g.history[start:]
}

func (g *generator) symbols(w *bitWriter, literals, distances huffman) {
	var used, far []int
	for s, n := range literals.length {
		if n > 0 && s != endOfBlock && s < maxLiterals {
			used = append(used, s)
		}
	}
	for s, n := range distances.length {
		if n > 0 && s < maxDistances {
			far = append(far, s)
		}
	}
	count := g.rng.IntN(300)
	if len(used) == 0 {
		count = 0
	}
	for ; count > 0; count-- {
		s := used[g.rng.IntN(len(used))]
		if s < endOfBlock {
			w.code(literals, s)
			g.history = append(g.history, byte(s))
			continue
		}
		if len(far) == 0 {
			continue
		}
		d := far[g.rng.IntN(len(far))]
		base, extra := d+1, 0
		if d >= 4 {
			extra = d/2 - 1
			base = (2+d&1)<<extra + 1
		}
		distance := base + g.rng.IntN(1<<extra)
		if distance > min(g.most, len(g.history)) {
			distance = min(g.most, len(g.history))
			if distance < base {
				continue
			}
		}
		e := g.rng.IntN(1 << lengthExtra[s-257])
		w.code(literals, s)
		w.put(uint64(e), uint(lengthExtra[s-257]))
		w.code(distances, d)
		w.put(uint64(distance-base), uint(extra))
		g.largest = max(g.largest, distance)
		for n := int(lengthBase[s-257]) + e; n > 0; n-- {
			g.history = append(g.history, g.history[len(g.history)-distance])
		}
	}
	w.code(literals, endOfBlock)
}
