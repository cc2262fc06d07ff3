package ws

// buffers is a pool of byte slices for messages that arrive in more than one piece. An
// idle connection holds none, so memory depends on the messages in progress and not on
// the number of connections.
type buffers struct {
	free [len(bufferSizes)][][]byte
}

var bufferSizes = [...]int{256, 1 << 10, 8 << 10, 64 << 10, 512 << 10}

// freeBuffers bounds the free buffers of each size, 13 MiB together. Of a thousand
// connections, dozens hold a small frame that was cut in two. Of a hundred connections
// that send 64 KiB, all hold one.
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

// put returns b to the pool. A slice of another size goes to the garbage collector.
func (p *buffers) put(b []byte) {
	for i, size := range bufferSizes {
		if cap(b) == size && len(p.free[i]) < freeBuffers[i] {
			p.free[i] = append(p.free[i], b[:0])
			return
		}
	}
}
