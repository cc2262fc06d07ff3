package inflate

import "encoding/binary"

// input reads bits, least significant first (RFC 1951 section 3.1.1), from the
// payload of a message and the tail that its sender has cut off.
//
// Words of eight bytes are read from a slice that has them:
//
//	src      |------------------------------|
//	last                   |----------------|00 00 ff ff|
//	         in = src while 8 bytes are left, then in = last;
//	         in = last from the first when all of src is there
//
// bits holds the next bits. Those above count are either zero or already what
// the input has there, so that reading them again changes nothing.
type input struct {
	src   []byte
	in    []byte
	next  int // the byte of in that is read next
	base  int // where in begins, in bytes of src
	bits  uint64
	count uint // bits that are there for certain

	last    [lastSize + pad]byte
	lastLen int
	inLast  bool // in is last
	overran bool // the zeros after last were taken for input once: see fast
}

// lastSize is how much of src is copied to stand before the tail, and the tail.
// Most messages fit as a whole.
const lastSize = 256

// pad is how many zeros stand after the tail: a word may begin at its end.
const pad = 8

// tail is what the sender of a message cuts off (RFC 7692 section 7.2.1).
const tail = "\x00\x00\xff\xff"

func (in *input) open(src []byte) {
	in.src, in.next, in.bits, in.count = src, 0, 0, 0
	n := copy(in.last[:lastSize-len(tail)], src[max(0, len(src)-(lastSize-len(tail))):])
	in.lastLen = n + copy(in.last[n:], tail)
	binary.LittleEndian.PutUint64(in.last[in.lastLen:], 0)
	in.in, in.base, in.inLast, in.overran = src, 0, false, false
	if n == len(src) {
		in.in, in.inLast = in.last[:in.lastLen], true
	}
}

func (in *input) close() { in.src, in.in = nil, nil }

// turn goes over to the end of the input when src has no whole word left.
func (in *input) turn() {
	if in.inLast || in.next+8 <= len(in.in) {
		return
	}
	base := len(in.src) + len(tail) - in.lastLen
	in.next += in.base - base
	in.in, in.base, in.inLast = in.last[:in.lastLen], base, true
}

// atEnd says that every bit, the tail's too, was read. An empty payload is an
// empty message.
func (in *input) atEnd() bool {
	return in.count == 0 && in.base+in.next == len(in.src)+len(tail) || len(in.src) == 0
}

// offset is the byte of src that holds the next bit, or its end and beyond.
func (in *input) offset() int { return in.base + in.next - int((in.count+7)>>3) }

// need has n bits ready, at most 56, unless the input ends before.
func (in *input) need(n uint) bool {
	if in.count < n {
		in.fill()
	}
	return in.count >= n
}

// fill has at least 56 bits ready, or all that are left.
func (in *input) fill() {
	in.turn()
	if in.next+8 <= len(in.in) {
		in.bits |= binary.LittleEndian.Uint64(in.in[in.next:]) << (in.count & 63)
		in.next += int((63 - in.count) >> 3)
		in.count |= 56
		return
	}
	for in.count <= 56 && in.next < len(in.in) {
		in.bits |= uint64(in.in[in.next]) << (in.count & 63)
		in.next++
		in.count += 8
	}
}

// take reads n bits, which are there.
func (in *input) take(n uint) uint {
	v := in.bits & (1<<(n&63) - 1)
	in.bits >>= n & 63
	in.count -= n
	return uint(v)
}

// align skips to the next whole byte.
func (in *input) align() { in.take(in.count & 7) }

// rest is the bytes that come next, some or all. The input is aligned.
func (in *input) rest() []byte {
	if at := in.offset(); at < len(in.src) {
		return in.src[at:]
	} else if end := len(in.src) + len(tail); at < end {
		return in.last[in.lastLen-(end-at) : in.lastLen]
	}
	return nil
}

// skip goes n bytes on. The input is aligned.
func (in *input) skip(n int) {
	at := in.offset() + n
	in.bits, in.count = 0, 0
	in.next = at - in.base
	in.turn()
}
