package ws

// buffers lends byte slices to messages that arrive in more than one piece. A
// connection at rest holds none, so that memory follows what is in flight and
// not how many connections are open.
type buffers struct {
	free [len(bufferSizes)][][]byte
}

var bufferSizes = [...]int{256, 1 << 10, 8 << 10, 64 << 10, 512 << 10}

// freeBuffers bounds what the pool keeps of each size: 13 MiB together. Of a
// thousand connections, dozens have a small frame under way that was cut in two; of
// a hundred that send 64 KiB, all have one.
var freeBuffers = [len(bufferSizes)]int{512, 256, 128, 128, 8}

// extend returns b with room for n more bytes. b must be nil or come from
// extend; the caller no longer uses b.
func (p *buffers) extend(b []byte, n int) []byte {
	need := len(b) + n
	if need <= cap(b) {
		return b
	}
	var grown []byte
	for i, size := range bufferSizes {
		if need > size {
			continue
		}
		if k := len(p.free[i]); k > 0 {
			grown = p.free[i][k-1]
			p.free[i] = p.free[i][:k-1]
		} else {
			grown = make([]byte, 0, size)
		}
		break
	}
	if grown == nil {
		grown = make([]byte, 0, max(need, 2*cap(b)))
	}
	grown = append(grown[:0], b...)
	p.put(b)
	return grown
}

// put takes b back. Slices of other sizes are left to the garbage collector.
func (p *buffers) put(b []byte) {
	for i, size := range bufferSizes {
		if cap(b) == size && len(p.free[i]) < freeBuffers[i] {
			p.free[i] = append(p.free[i], b[:0])
			return
		}
	}
}
