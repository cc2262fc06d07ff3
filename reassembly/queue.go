package reassembly

import (
	"bytes"

	"github.com/wsdump/wsdump/reassembly/wire"
	"github.com/wsdump/wsdump/timeline"
)

// block is the payload of a segment that waits behind a hole.
type block struct {
	next   *block
	data   []byte // captured; owned by the block
	length uint32 // on the wire: more than len(data) when the packet was cut
	seq    wire.Seq
	ack    wire.Seq // what its segment acknowledged
	hasAck bool
	at     timeline.Stamp
}

func (b *block) end() wire.Seq { return b.seq.Add(b.length) }

// queue holds the blocks of one direction, ascending and without overlap.
type queue struct {
	first, last *block
	blocks      int
	bytes       int
}

// maxBlocks bounds the walk to the place of a new block.
const maxBlocks = 4096

// blockCost is what a block takes beside its bytes.
const blockCost = 128

// insert adds the bytes of b that the queue does not hold yet: first bytes
// win. differs reports that an overlap has different bytes. b.data is borrowed.
func (q *queue) insert(p *pool, b block) (differs bool) {
	if q.last != nil && q.last.end().Diff(b.seq) >= 0 {
		q.link(p, q.last, b)
		return false
	}
	var before *block
	for cur := q.first; ; cur = cur.next {
		if cur == nil || b.end().Diff(cur.seq) >= 0 { // b lies whole before cur
			q.link(p, before, b)
			return differs
		}
		if cur.end().Diff(b.seq) >= 0 { // b begins behind cur
			before = cur
			continue
		}
		if head := b.seq.Diff(cur.seq); head > 0 {
			q.link(p, before, b.slice(0, uint32(head)))
			b = b.slice(uint32(head), b.length)
		}
		skip := uint32(cur.seq.Diff(b.seq))
		same := min(cur.length-skip, b.length)
		differs = differs || !equal(cur.data, skip, b.data, same)
		if same == b.length {
			return differs
		}
		b = b.slice(same, b.length)
		before = cur
	}
}

// equal compares n bytes of a, from skip on, with the first of b, as far as
// both were captured.
func equal(a []byte, skip uint32, b []byte, n uint32) bool {
	if int(skip) >= len(a) {
		return true
	}
	a = a[skip:]
	k := min(len(a), len(b), int(n))
	return bytes.Equal(a[:k], b[:k])
}

// slice returns bytes from..to of b; they stay borrowed.
func (b block) slice(from, to uint32) block {
	have := uint32(len(b.data))
	b.data = b.data[min(from, have):min(to, have)]
	b.seq, b.length = b.seq.Add(from), to-from
	return b
}

// link puts a copy of b behind before.
func (q *queue) link(p *pool, before *block, b block) {
	if b.length == 0 {
		return
	}
	own := p.get(len(b.data))
	data := append(own.data[:0], b.data...)
	*own = b
	own.data = data
	if before == nil {
		own.next, q.first = q.first, own
	} else {
		own.next, before.next = before.next, own
	}
	if own.next == nil {
		q.last = own
	}
	q.blocks++
	cost := len(data) + blockCost
	q.bytes += cost
	p.inUse += cost
}

// pop removes the first block. The caller returns it to the pool.
func (q *queue) pop(p *pool) *block {
	b := q.first
	q.first = b.next
	if q.first == nil {
		q.last = nil
	}
	q.blocks--
	cost := len(b.data) + blockCost
	q.bytes -= cost
	p.inUse -= cost
	return b
}

// pool is a pool of blocks, so that reordering allocates nothing in the steady state.
type pool struct {
	free  [2][]*block // small, large
	inUse int         // bytes in all queues
}

const (
	smallBlock = 2 << 10
	largeBlock = 64 << 10
	freeSmall  = 4096 // 8 MiB
	freeLarge  = 64   // 4 MiB
)

func (p *pool) get(n int) *block {
	class, size := 0, smallBlock
	if n > smallBlock {
		class, size = 1, largeBlock
	}
	if k := len(p.free[class]); k > 0 && n <= size {
		b := p.free[class][k-1]
		p.free[class] = p.free[class][:k-1]
		return b
	}
	return &block{data: make([]byte, 0, max(n, size))}
}

func (p *pool) put(b *block) {
	b.next = nil
	switch cap(b.data) {
	case smallBlock:
		if len(p.free[0]) < freeSmall {
			p.free[0] = append(p.free[0], b)
		}
	case largeBlock:
		if len(p.free[1]) < freeLarge {
			p.free[1] = append(p.free[1], b)
		}
	}
}
