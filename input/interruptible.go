package input

import (
	"context"
	"io"
)

// interruptible reads r until its context ends, so that a read that waits for a
// quiet pipe does not delay Ctrl-C. It reads at most one block ahead, in a
// goroutine that starts with the first Read and may outlive it.
type interruptible struct {
	ctx    context.Context
	r      io.Reader
	blocks chan block
	rest   []byte
	err    error
}

type block struct {
	b   []byte
	err error
}

// Read implements io.Reader.
func (p *interruptible) Read(b []byte) (int, error) {
	if p.blocks == nil {
		p.blocks = make(chan block)
		go p.pump()
	}
	for len(p.rest) == 0 {
		if p.err != nil {
			return 0, p.err
		}
		select {
		case next := <-p.blocks:
			p.rest, p.err = next.b, next.err
		case <-p.ctx.Done():
			return 0, context.Cause(p.ctx)
		}
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// pump fills two blocks in turn. The channel has no buffer: when the reader takes
// a block, it is done with the other one.
func (p *interruptible) pump() {
	var blocks [2][64 << 10]byte
	for i := 0; ; i ^= 1 {
		n, err := p.r.Read(blocks[i][:])
		select {
		case p.blocks <- block{blocks[i][:n], err}:
		case <-p.ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}
