package inflate

const (
	// history is the largest distance (RFC 1951 section 3.2.5).
	history = 32 << 10
	// windowMost is the memory of a Window: history, and as much output before
	// the history has to move to the front again.
	windowMost = 2 * history
	// windowFirst is the memory that the first message takes. It doubles as it
	// fills, so that short connections stay cheap.
	windowFirst = 4 << 10
	// slack is the room that one iteration needs: two literals, the longest match,
	// and the rest of the last words that are copied.
	slack = 4 + 258 + 16
)

// Window is the history of one direction: the output of its messages so far, at
// least the last 32 KiB. The zero value is empty. It must not be copied.
//
//	buf |<------- history ------->|<------ room ------>|
//	    0                        end                len(buf)
//
// A message is inflated into the room. When the room is full, the last 32 KiB move to
// the front.
type Window struct {
	buf []byte
	end int
}

// Size returns how many bytes of memory the window takes, at most 64 KiB.
func (w *Window) Size() int { return len(w.buf) }

// Reset drops the history and keeps the memory. A direction without context takeover
// needs that before each message (RFC 7692 section 7.1.1), and such directions may
// share one Window.
func (w *Window) Reset() { w.end = 0 }

// Drop drops the history and frees the memory.
func (w *Window) Drop() { *w = Window{} }

const (
	// scratchKeep is the scratch memory in bytes that an idle Decoder keeps.
	scratchKeep = 64 << 10
	// scratchIdle is the number of messages without need for a larger scratch after
	// which a Decoder frees it.
	scratchIdle = 64
)

// output holds a message: in the window, and in scratch where the window has no room.
//
//	whole message = gathered bytes, of which scratch has the first, then buf[start:end]
type output struct {
	w     *Window
	buf   []byte // the window's
	start int    // where what is left of the message begins in buf
	end   int

	scratch  []byte
	gathered uint64 // bytes of the message that left buf
	limit    uint64 // most bytes of the message
	keep     int    // most bytes that are held for the caller
	idle     int    // messages since scratch was used
}

func (o *output) open(w *Window, limit uint64, keep int) {
	o.w, o.buf, o.start, o.end = w, w.buf, w.end, w.end
	o.scratch, o.gathered, o.limit, o.keep = o.scratch[:0], 0, limit, keep
}

// close returns the message, and leaves the history in the window.
func (o *output) close() (payload []byte, length uint64, limited bool) {
	o.w.buf, o.w.end = o.buf, o.end
	length = o.gathered + uint64(o.end-o.start)
	if length > o.limit {
		length, limited = o.limit, true
	}
	if o.gathered > 0 {
		o.gather()
		payload = o.scratch
	} else {
		payload = o.buf[o.start:o.end]
	}
	n := int(min(length, uint64(o.keep), uint64(len(payload))))
	payload = payload[:n:n]

	if n > scratchKeep && o.gathered > 0 {
		o.idle = 0
	} else if o.idle++; o.idle >= scratchIdle && cap(o.scratch) > scratchKeep {
		o.scratch = nil
	}
	o.w, o.buf = nil, nil
	return payload, length, limited
}

// room makes room for one iteration: the window grows, or its history moves to the
// front. It fails with errLimited when the message is longer than its limit, so that a
// message exceeds its limit by at most a window.
func (o *output) room() error {
	if len(o.buf)-o.end >= slack {
		return nil
	}
	if o.gathered+uint64(o.end-o.start) > o.limit {
		return errLimited
	}
	if size := len(o.buf); size < windowMost {
		buf := make([]byte, max(windowFirst, 2*size))
		copy(buf, o.buf[:o.end])
		o.buf = buf
		return nil
	}
	shift := o.end - history
	if o.start < shift {
		o.gather()
	}
	copy(o.buf, o.buf[shift:o.end])
	o.start -= shift
	o.end -= shift
	return nil
}

// gather copies the bytes of the message from buf to scratch.
func (o *output) gather() {
	part := o.buf[o.start:o.end]
	o.gathered += uint64(len(part))
	if n := o.keep - len(o.scratch); n < len(part) {
		part = part[:n]
	}
	if need := len(o.scratch) + len(part); need > cap(o.scratch) {
		// In few and large steps, because each leaves garbage behind.
		grown := make([]byte, len(o.scratch), min(o.keep, max(4*cap(o.scratch), need)))
		copy(grown, o.scratch)
		o.scratch = grown
	}
	o.scratch = append(o.scratch, part...)
	o.start = o.end
}
