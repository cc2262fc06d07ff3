package inflate

import "encoding/binary"

// input reads bits, least significant first (RFC 1951 section 3.1.1), from the
// payload of a message and the tail that its sender has removed.
//
// It reads words of eight bytes from a slice that holds all eight:
//
//	src      |------------------------------|
//	last                   |----------------|00 00 ff ff|
//	         in = src while 8 bytes are left, then in = last;
//	         in = last from the first when all of src is there
//
// bits holds the next bits. The bits above count are zero, or those of the input at
// that place, so that reading them again changes nothing.
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
	overran bool // run used the zeros after last as input; see fast
}

// lastSize is the size of last: the end of src, and the tail. Most messages fit in it
// as a whole.
const lastSize = 256

// pad is the number of zeros after the tail, because a word may begin at its end.
const pad = 8

// tail is what the sender removes from the end of a message (RFC 7692 section 7.2.1).
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

// turn switches to last when src has no whole word left.
func (in *input) turn() {
	if in.inLast || in.next+8 <= len(in.in) {
		return
	}
	base := len(in.src) + len(tail) - in.lastLen
	in.next += in.base - base
	in.in, in.base, in.inLast = in.last[:in.lastLen], base, true
}

// atEnd reports whether all bits were read, including those of the tail. An empty
// payload is an empty message.
func (in *input) atEnd() bool {
	return in.count == 0 && in.base+in.next == len(in.src)+len(tail) || len(in.src) == 0
}

// offset returns the byte of src that holds the next bit. In the tail it is len(src) or
// more.
func (in *input) offset() int { return in.base + in.next - int((in.count+7)>>3) }

// need makes n bits available, at most 56, and reports whether the input has them.
func (in *input) need(n uint) bool {
	if in.count < n {
		in.fill()
	}
	return in.count >= n
}

// fill makes at least 56 bits available, or all that are left.
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

// take reads n bits. The caller has checked that they are available.
func (in *input) take(n uint) uint {
	v := in.bits & (1<<(n&63) - 1)
	in.bits >>= n & 63
	in.count -= n
	return uint(v)
}

// align skips to the next whole byte.
func (in *input) align() { in.take(in.count & 7) }

// rest returns the next bytes, some or all. The input must be aligned.
func (in *input) rest() []byte {
	if at := in.offset(); at < len(in.src) {
		return in.src[at:]
	} else if end := len(in.src) + len(tail); at < end {
		return in.last[in.lastLen-(end-at) : in.lastLen]
	}
	return nil
}

// skip skips n bytes. The input must be aligned.
func (in *input) skip(n int) {
	at := in.offset() + n
	in.bits, in.count = 0, 0
	in.next = at - in.base
	in.turn()
}
