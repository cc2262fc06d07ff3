package capture

import "io"

// buffer reads a file in large blocks and returns slices of them. It reads more only when
// it must, so that packets from a pipe are available as soon as their bytes are.
//
//	0       start             end      len(block)
//	|-------|-----------------|--------|
//	  given   read, not given   free
type buffer struct {
	r          io.Reader
	block      []byte
	start, end int
	base       int64 // byte of the file that block[0] is
	size       int   // of a new block
	err        error // why there is no more; io.EOF at the end
}

// offset returns the offset in the file of the next byte.
func (b *buffer) offset() int64 { return b.base + int64(b.start) }

// peek returns the next n bytes, or fewer when the file has no more and err is
// set. They are borrowed until the next peek.
func (b *buffer) peek(n int) []byte {
	if b.end-b.start >= n {
		return b.block[b.start : b.start+n]
	}
	return b.fill(n)
}

// skip skips the next n bytes. The caller has peeked them.
func (b *buffer) skip(n int) { b.start += n }

// fill reads until n bytes are buffered. The block doubles only when it is full of bytes
// of the file, so that a length in a hostile file allocates nothing.
func (b *buffer) fill(n int) []byte {
	for idle := 0; b.end-b.start < n && b.err == nil; {
		if b.block == nil {
			b.block = make([]byte, b.size)
		}
		if b.start+n > len(b.block) && b.start > 0 {
			b.base += int64(b.start)
			b.end = copy(b.block, b.block[b.start:b.end])
			b.start = 0
		}
		if b.end == len(b.block) {
			b.block = append(b.block, make([]byte, len(b.block))...)
		}
		m, err := b.r.Read(b.block[b.end:])
		b.end += m
		b.err = err
		if m > 0 {
			idle = 0
		} else if idle++; idle == 100 && err == nil {
			b.err = io.ErrNoProgress
		}
	}
	return b.block[b.start:min(b.start+n, b.end)]
}

// park drops the buffered bytes and continues at the offset, to which the caller has
// moved the reader.
func (b *buffer) park(offset int64) {
	b.block, b.start, b.end, b.base, b.err = nil, 0, 0, offset, nil
}
