package inflate

const (
	// history is the farthest that a distance reaches (RFC 1951 section 3.2.5).
	history = 32 << 10
	// windowMost is the memory of a Window: history, and as much output before
	// the history has to move to the front again.
	windowMost = 2 * history
	// windowFirst is the memory that the first message takes. It doubles as it
	// fills, so that short connections stay cheap.
	windowFirst = 4 << 10
	// slack is the room that the decoding of one step needs: a literal or two,
	// the longest match, and the rest of the last words that are copied.
	slack = 4 + 258 + 16
)

// Window is the history of one direction: the output of its messages so far, at
// least the last 32 KiB. The zero value is empty. It must not be copied.
//
//	buf |<------- history ------->|<------ room ------>|
//	    0                        end                len(buf)
//
// Messages are inflated into the room. When it is used up, the last 32 KiB
// slide to the front.
type Window struct {
	buf []byte
	end int
}

// Size is how many bytes of memory the window holds, at most 64 KiB.
func (w *Window) Size() int { return len(w.buf) }

// Reset forgets the history and keeps the memory: what a direction without
// context takeover needs before each message (RFC 7692 section 7.1.1). Such
// directions may share one Window.
func (w *Window) Reset() { w.end = 0 }

// Drop forgets the history and gives the memory back.
func (w *Window) Drop() { *w = Window{} }

const (
	// scratchKeep is the scratch that a Decoder keeps without need, in bytes.
	scratchKeep = 64 << 10
	// scratchIdle is after how many messages that did not need it a larger
	// scratch is given back.
	scratchIdle = 64
)

// output is where a message goes: into the window, and what the window has no
// room for into scratch.
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

// close hands the message out and the history to the window.
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

// room makes place for one more step: the window grows, or slides. It fails with
// errLimited when the message has passed its limit, so that no message costs
// more than a window beyond it.
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

// gather moves what the message has in buf out of the way.
func (o *output) gather() {
	part := o.buf[o.start:o.end]
	o.gathered += uint64(len(part))
	if n := o.keep - len(o.scratch); n < len(part) {
		part = part[:n]
	}
	if need := len(o.scratch) + len(part); need > cap(o.scratch) {
		// In few and large steps: each leaves a slice behind for the collector.
		grown := make([]byte, len(o.scratch), min(o.keep, max(4*cap(o.scratch), need)))
		copy(grown, o.scratch)
		o.scratch = grown
	}
	o.scratch = append(o.scratch, part...)
	o.start = o.end
}
