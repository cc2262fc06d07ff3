// Package inflate decompresses the messages of permessage-deflate.
//
// It is a DEFLATE decoder (RFC 1951) made for one job: thousands of small
// messages that share a history (RFC 7692 section 7.2.2, context takeover). It
// promises:
//
//   - A Window keeps the history itself, so that a message costs its own symbols and
//     no setup. In the steady state nothing is allocated.
//   - It reports back-references beyond the agreed window (RFC 7692 section 7.1.2).
//   - Work and memory are bounded. A Window takes at most 64 KiB, output is bounded
//     by size and by ratio, and the decoder holds no output that the caller does not
//     want.
//   - A block with BFINAL=1 may stand anywhere (RFC 7692 section 7.2.3.4).
//   - Corrupt input never panics. The output before it is returned.
//
// A Huffman code set is valid when zlib accepts it: a complete set, a single code of
// one bit, or (for distances) no code. Every other set is corrupt.
package inflate

import (
	"errors"
	"fmt"
	"math"
)

// DefaultLimit is the most that a message may inflate to, in bytes, when
// Options.Limit is 0.
const DefaultLimit = 16 << 20

// ratioFloor is the output in bytes up to which any ratio is allowed. A small bomb is
// no danger, and repetitive small messages are common.
const ratioFloor = 1 << 20

// Options are the agreed window and the limits. The zero value is a window of 15 bits,
// DefaultLimit, all output kept, any ratio.
type Options struct {
	Bits  int // the agreed window bits, 8 to 15; anything else is 15
	Limit int // most bytes that a message may inflate to; DefaultLimit when 0 or less
	Keep  int // most bytes of Payload; as Limit when 0, none when negative
	Ratio int // most bytes of output for one of input, above 1 MiB of output; any when 0 or less
}

// Result is one inflated message.
type Result struct {
	// Payload is the output, cut at Options.Keep. It is borrowed: the next call
	// with the same Window or the same Decoder overwrites it.
	Payload []byte
	// Length is how many bytes were inflated, kept or not.
	Length uint64
	// Limited reports that Options.Limit or Options.Ratio was reached. Length is
	// then that bound, and the rest of the message was not decoded.
	Limited bool
	// Err is a *CorruptError, or nil. Payload and Length are the output before the error.
	Err error
	// Distance is the largest back-reference beyond the agreed window in bytes, 0 for
	// none. The decoder follows it, because it has the history. The real receiver may
	// not have it.
	Distance int
}

// CorruptError is the place where a message is not DEFLATE, and the reason.
type CorruptError struct {
	Offset int    // byte of the compressed payload
	What   string // what is wrong there
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("deflate, byte %d: %s", e.Offset, e.What)
}

// Decoder holds the tables and scratch memory that one message needs. The zero
// value is ready. One Decoder serves any number of Windows, one call at a time. It
// takes about 24 KiB, and scratch memory for messages that are larger than a Window.
// It frees the scratch memory when such messages stop coming.
type Decoder struct {
	input
	output
	codes codes
	far   int  // largest distance seen, at least the agreed window
	plain bool // decode with step alone, for tests
}

// Message inflates src, the payload of one message as it was on the wire. The sender
// has removed the octets 00 00 ff ff from its end; Message decodes them too (RFC 7692
// section 7.2.2). Message borrows src and appends the output to the history in w.
//
// Message stops at an error and at Options.Limit. The history then differs from the
// sender's, so Message resets w. A later message that refers to the lost history is
// reported as corrupt; it never inflates to wrong bytes.
//
// Options.Limit bounds the work, and Options.Keep bounds the memory. They are separate
// because a caller that keeps only the first bytes still needs the whole message in
// the history.
func (d *Decoder) Message(w *Window, src []byte, opt Options) Result {
	window := windowSize(opt.Bits)
	limit := opt.bound(len(src))
	d.far = window
	d.input.open(src)
	d.output.open(w, limit, opt.keep(limit))

	err := d.blocks()

	var r Result
	if d.far > window {
		r.Distance = d.far
	}
	r.Payload, r.Length, r.Limited = d.output.close()
	d.input.close()
	if err != nil && !r.Limited {
		r.Err = err
	}
	if r.Err != nil || r.Limited {
		w.Reset()
	}
	return r
}

// windowSize is the window of that many bits, in bytes.
func windowSize(bits int) int {
	if bits < 8 || bits > 15 {
		bits = 15
	}
	return 1 << bits
}

// bound is the most output for that much input, in bytes.
func (opt Options) bound(input int) uint64 {
	limit := uint64(DefaultLimit)
	if opt.Limit > 0 {
		limit = uint64(opt.Limit)
	}
	if opt.Ratio > 0 && opt.Ratio < math.MaxInt32 {
		limit = min(limit, max(ratioFloor, uint64(opt.Ratio)*uint64(input)))
	}
	return limit
}

func (opt Options) keep(limit uint64) int {
	switch {
	case opt.Keep < 0:
		return 0
	case opt.Keep == 0:
		return int(limit)
	}
	return int(min(uint64(opt.Keep), limit))
}

// errLimited ends a message at its bound. Callers of the package never see it.
var errLimited = errors.New("the limit is reached")

// blocks inflates all blocks of the message (RFC 1951 section 3.2.3).
func (d *Decoder) blocks() error {
	for !d.input.atEnd() {
		if !d.need(3) {
			return d.corrupt("ends inside the header of a block")
		}
		header := d.take(3)
		var err error
		switch header >> 1 {
		case 0:
			err = d.stored()
		case 1:
			d.codes.useFixed()
			err = d.symbols()
		case 2:
			if err = d.dynamic(); err == nil {
				err = d.symbols()
			}
		default:
			err = d.corrupt("block type 3 does not exist")
		}
		if err != nil {
			return err
		}
		if header&1 == 1 {
			d.align()
			if d.offset() >= len(d.src) {
				// The stream and the message end here. The tail belongs to a block
				// that does not exist.
				return nil
			}
		}
	}
	return nil
}

// stored copies a block without compression (RFC 1951 section 3.2.4).
func (d *Decoder) stored() error {
	d.align()
	if !d.need(32) {
		return d.corrupt("ends inside the header of a stored block")
	}
	length, complement := int(d.take(16)), int(d.take(16))
	if length != ^complement&0xffff {
		return d.corrupt(fmt.Sprintf("a stored block of %d bytes has %#04x as the complement of its length", length, complement))
	}
	for length > 0 {
		if err := d.room(); err != nil {
			return err
		}
		n := copy(d.buf[d.end:min(len(d.buf), d.end+length)], d.rest())
		if n == 0 {
			return d.corrupt(fmt.Sprintf("ends inside a stored block, %d bytes before its end", length))
		}
		d.end += n
		length -= n
		d.skip(n)
	}
	return nil
}

// corrupt returns an error at the current place of the input.
func (d *Decoder) corrupt(what string) error {
	return &CorruptError{Offset: min(d.offset(), len(d.src)), What: what}
}
