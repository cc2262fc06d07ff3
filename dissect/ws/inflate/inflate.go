// Package inflate decompresses the messages of permessage-deflate.
//
// It is a DEFLATE decoder (RFC 1951) made for one job: thousands of small
// messages that share a history (RFC 7692 section 7.2.2, context takeover). It
// promises:
//
//   - A Window keeps the history itself, so a message costs its own symbols and
//     not the setting up of a stream; nothing is allocated in the steady state.
//   - It knows the agreed window (RFC 7692 section 7.1.2) and tells when a
//     back-reference reaches beyond it.
//   - Work and memory are bounded: a Window holds at most 64 KiB, output is
//     bounded by size and by ratio, and what the caller does not keep is not
//     held.
//   - A block with BFINAL=1 may stand anywhere (RFC 7692 section 7.2.3.4).
//   - Corrupt input never panics, and what was inflated before it is returned.
//
// What a Huffman code set may be is decided as zlib does: complete, or a single
// code of one bit, or (for distances) none; everything else is corrupt.
package inflate

import (
	"errors"
	"fmt"
	"math"
)

// DefaultLimit is the most that a message may inflate to, in bytes, when
// Options.Limit is 0.
const DefaultLimit = 16 << 20

// ratioFloor is how far a message may inflate whatever its ratio, in bytes: a
// small bomb is not a danger, and repetitive small messages are common.
const ratioFloor = 1 << 20

// Options tells what was agreed and what is allowed. The zero value is a window
// of 15 bits, DefaultLimit, all output kept, any ratio.
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
	// Limited says that Options.Limit or Options.Ratio was reached. Length is
	// then that bound, and the rest of the message was not looked at.
	Limited bool
	// Err is a *CorruptError, or nil. Payload and Length are what came before.
	Err error
	// Distance is the largest back-reference beyond the agreed window, in
	// bytes; 0 when all kept to it. It is followed nonetheless, because the
	// history is there: the receiver at the other end may not have it.
	Distance int
}

// CorruptError says where a message stops being DEFLATE, and why.
type CorruptError struct {
	Offset int    // byte of the compressed payload
	What   string // what is wrong there
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("deflate, byte %d: %s", e.Offset, e.What)
}

// Decoder holds the tables and scratch memory that one message needs. The zero
// value is ready. One Decoder serves any number of Windows, one call at a time;
// it is some 24 KiB, and scratch for messages that outgrow a Window, which it
// gives back when such messages stop coming.
type Decoder struct {
	input
	output
	codes codes
	far   int  // largest distance seen, at least the agreed window
	plain bool // decode with step alone: for the tests
}

// Message inflates the payload src of one message, given as it was on the wire:
// without the octets 00 00 ff ff, which the decoder reads as if they were there
// (RFC 7692 section 7.2.2). It borrows src for the call and appends the output
// to the history in w.
//
// After an error or at a limit the history is not what the sender has, so w is
// reset: a later message that refers to it is corrupt, never wrong in silence.
// Going on to the end only to keep the history would be work that the sender of
// a bomb chooses, so a bound below which all is decoded (Limit) is kept apart
// from a bound below which all is held (Keep).
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

// errLimited ends a message at its bound. It does not leave the package.
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
				// The stream ended and the message with it. The tail would
				// only be needed to end a block that is not there.
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

// corrupt makes the error for the place that the input has reached.
func (d *Decoder) corrupt(what string) error {
	return &CorruptError{Offset: min(d.offset(), len(d.src)), What: what}
}
