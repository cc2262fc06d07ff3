// Package ws reads WebSocket frames and messages (RFC 6455) from the two
// directions of a connection, judges them, and tells a [timeline.Sink].
//
// A [Stream] is fed by the layer below with bytes, gaps and ends. It parses
// from the caller's slice: a frame that lies whole in one piece is never
// copied but to unmask it, and what nobody needs is not touched at all. After
// the first frames of a connection nothing is allocated.
//
// It promises that every payload byte is counted once, that a message shown as
// whole is byte-exact, and that everything else is marked.
package ws

import (
	"fmt"

	"github.com/wsdump/wsdump/dissect/ws/inflate"
	"github.com/wsdump/wsdump/timeline"
)

// Env is what the connections of one goroutine share: the sink, the limits,
// and scratch memory.
type Env struct {
	// Beyond is called in place of giving up what another connection needs, because
	// all together take too much; see [timeline.Limits.Part]. nil: it is given up.
	Beyond func()

	sink    timeline.Sink
	limits  timeline.Limits
	buffers buffers
	free    []*Stream // to use again
	scratch []byte    // unmasked payload of a frame that lies in one piece
	frame   timeline.Frame
	message timeline.Message

	deadlines      deadlines
	inflater       inflate.Decoder
	window         inflate.Window // of directions without context takeover
	windows        int            // bytes of windows in use
	latest, oldest *compressed    // their list
}

// NewEnv returns an Env that tells sink. Zero limits mean the defaults.
func NewEnv(sink timeline.Sink, limits timeline.Limits) *Env {
	return &Env{sink: sink, limits: limits.WithDefaults()}
}

type state uint8

const (
	atHeader state = iota
	inPayload
	lost // framing is lost; bytes are searched for the next boundary
)

// Stream is the WebSocket layer of one connection. It implements
// [timeline.Stream] and closes its Conn when both directions have ended.
//
// What an ordinary message needs stands first, here and in half: there may be
// thousands of connections, and most of what a short message costs is to fetch
// that into the cache.
type Stream struct {
	conn      *timeline.Conn
	tap       timeline.Stream
	needs     timeline.Needs
	agreed    uint8 // RSV bits that an agreed extension defines on a first frame
	midstream bool  // the handshake is not in the capture
	over      bool  // both directions have ended
	half      [2]half

	env     *Env
	deflate *deflate // nil unless permessage-deflate was agreed
	weight  int      // of what does not change: itself, its conn and the handshake
	ending  timeline.Ending
}

// half is one direction.
type half struct {
	passed    uint64 // bytes so far, missing ones included
	state     state
	npartial  uint8
	ended     bool
	blind     bool // bytes were missed that may have held a close frame
	closed    bool // a close frame was seen
	hasKey    bool
	guessed   bool    // framing was found again by its looks
	hole      bool    // bytes of the frame in progress were missing
	cut       bool    // a limit cut them
	expecting bool    // the pings of outgoing have a deadline
	lastKey   [4]byte // of the frame before
	msg       message

	header   header          // of the frame in progress
	first    timeline.Stamp  // its first byte
	done     uint64          // its payload bytes passed, missing ones included
	holeAt   uint64          // its payload bytes before the first hole, when there is one
	start    int             // where in data its payload begins
	data     []byte          // payload of the message so far; from buffers
	control  []byte          // payload of the control frame in progress; from buffers
	partial  [maxHeader]byte // a header cut by the end of a piece
	search   *Search         // while lost
	outgoing []ping          // pings of this direction that wait for their pong
	pending  []timeline.Finding
}

// New returns the WebSocket layer of conn, which was told to the sink already.
func New(env *Env, conn *timeline.Conn) *Stream {
	var s *Stream
	if n := len(env.free); n > 0 {
		s, env.free = env.free[n-1], env.free[:n-1]
	} else {
		s = new(Stream)
	}
	s.env, s.conn, s.needs, s.deflate = env, conn, env.sink.Needs(conn), agreedDeflate(conn.Handshake)
	s.weight = streamWeight + conn.Weight()
	if s.deflate != nil {
		s.agreed = rsv1
	}
	return s
}

// Release lets [New] use s again for another Conn, and reports whether that can be:
// not before it is over, nor while its pings have a deadline or it has a tap. Nobody
// may use s from then on; its Conn stays.
func (s *Stream) Release() bool {
	if !s.over || s.tap != nil || s.half[0].expecting || s.half[1].expecting {
		return false
	}
	if env := s.env; len(env.free) < mostFree {
		*s = Stream{} // lets go of all
		env.free = append(env.free, s)
	}
	return true
}

// mostFree is how many Streams are kept to be used again at most.
const mostFree = 1 << 10

// Passed returns how many bytes of dir came by so far, missing ones included.
func (s *Stream) Passed(dir timeline.Direction) uint64 { return s.half[dir].passed }

// Ended reports whether dir is over.
func (s *Stream) Ended(dir timeline.Direction) bool { return s.half[dir].ended }

// Tap makes t hear Data, Gap and End of s from now on, before s does. The
// latest tap is the only one; see [Stream.Tapped].
func (s *Stream) Tap(t timeline.Stream) { s.tap = t }

// Tapped returns the latest tap, nil for none.
func (s *Stream) Tapped() timeline.Stream { return s.tap }

// Data implements [timeline.Stream].
func (s *Stream) Data(dir timeline.Direction, at timeline.Stamp, b []byte) {
	h := &s.half[dir]
	h.passed += uint64(len(b))
	if s.tap != nil {
		s.tap.Data(dir, at, b)
	}
	for len(b) > 0 {
		switch h.state {
		case atHeader:
			b = h.readHeader(at, b)
			if h.header.size == 0 {
				return
			}
			s.beginFrame(dir, h)
			if n := h.header.length; n <= uint64(len(b)) {
				s.whole(dir, h, at, b[:n])
				b = b[n:]
			} else {
				h.state = inPayload
			}
		case inPayload:
			n := min(h.header.length-h.done, uint64(len(b)))
			s.collect(h, b[:n])
			b = b[n:]
			if h.done == h.header.length {
				s.finish(dir, h, at)
			}
		case lost:
			s.seek(dir, h, at, b)
			return
		}
	}
}

// readHeader takes a frame header from the front of b and returns the rest.
// h.header.size is 0 when more bytes are needed.
func (h *half) readHeader(at timeline.Stamp, b []byte) []byte {
	if h.npartial == 0 {
		h.first = at
		if h.header.parse(b) {
			return b[h.header.size:]
		}
	}
	for {
		have := h.partial[:h.npartial]
		if h.header.parse(have) {
			h.npartial = 0
			return b
		}
		want := 2
		if len(have) >= 2 {
			want = headerSize(have[1])
		}
		n := copy(h.partial[len(have):want], b)
		h.npartial += uint8(n)
		b = b[n:]
		if n == 0 {
			h.header.size = 0
			return nil
		}
	}
}

// keeps reports whether somebody needs the payload of the frame in progress.
func (s *Stream) keeps(h *half) bool {
	return h.header.opcode().Control() || h.msg.open && h.msg.collected || s.needs.Frames && s.needs.Payload
}

// whole finishes a frame whose payload p lies in one piece.
func (s *Stream) whole(dir timeline.Direction, h *half, at timeline.Stamp, p []byte) {
	h.done = h.header.length
	var payload []byte
	switch {
	case !s.keeps(h):
	case h.header.opcode().Control():
		payload = s.plain(h, h.limit(p, s.env.limits.Control))
	case h.msg.open && h.msg.frames == 0 && h.header.fin():
		payload = s.plain(h, h.limit(p, s.env.limits.Message))
	default: // a fragment: it has to wait for the others
		h.done = 0
		s.collect(h, p)
		s.finish(dir, h, at)
		return
	}
	s.endFrame(dir, h, at, payload)
}

// limit returns as much of p as a limit allows.
func (h *half) limit(p []byte, most int) []byte {
	if len(p) > most {
		h.cut = true
		return p[:most]
	}
	return p
}

// plain returns p unmasked, in scratch memory when it was masked.
func (s *Stream) plain(h *half, p []byte) []byte {
	if !h.header.masked {
		return p
	}
	return s.unmasked(p, h.header.key)
}

// unmasked returns p unmasked with key, in scratch memory.
func (s *Stream) unmasked(p []byte, key [4]byte) []byte {
	if cap(s.env.scratch) < len(p) {
		s.env.scratch = make([]byte, max(len(p), 4<<10))
	}
	out := s.env.scratch[:len(p)]
	unmask(out, p, key, 0)
	return out
}

// collect takes the next payload bytes of a frame that comes in pieces.
func (s *Stream) collect(h *half, p []byte) {
	offset := h.done
	h.done += uint64(len(p))
	if h.hole || h.cut || !s.keeps(h) {
		return
	}
	into, most := &h.data, s.env.limits.Message
	if h.header.opcode().Control() {
		into, most = &h.control, s.env.limits.Control
	}
	p = h.limit(p, most-len(*into))
	buf := s.env.buffers.extend(*into, len(p))
	n := len(buf)
	buf = buf[:n+len(p)]
	if h.header.masked {
		unmask(buf[n:], p, h.header.key, offset)
	} else {
		copy(buf[n:], p)
	}
	*into = buf
}

// finish ends a frame that came in pieces, whole or not.
func (s *Stream) finish(dir timeline.Direction, h *half, at timeline.Stamp) {
	h.state = atHeader
	if h.header.opcode().Control() {
		s.endFrame(dir, h, at, h.control)
		s.env.buffers.put(h.control)
		h.control = nil
		return
	}
	s.endFrame(dir, h, at, h.data[min(h.start, len(h.data)):])
}

// Gap implements [timeline.Stream]. A gap inside a payload keeps the framing; a
// gap over a header loses it.
func (s *Stream) Gap(dir timeline.Direction, at timeline.Stamp, n uint64) {
	h := &s.half[dir]
	h.passed += n
	if s.tap != nil {
		s.tap.Gap(dir, at, n)
	}
	if h.state == inPayload {
		missing := min(n, h.header.length-h.done)
		n -= missing
		h.markHole()
		h.done += missing
		if h.done == h.header.length {
			s.finish(dir, h, at)
		}
	}
	if n == 0 {
		return
	}
	h.blind = true
	if h.state == lost {
		h.search.Gap()
		return
	}
	s.abandon(dir, h, at)
	s.lose(dir, h)
	got := "an unknown number of bytes"
	if n < timeline.GapUnknown {
		got = fmt.Sprintf("%d bytes", n)
	}
	s.report(dir, &timeline.Finding{Rule: ruleSyncLost, At: at, Got: got, Detail: "bytes are missing where a frame header stood"})
}

// markHole notes that bytes of the frame in progress are missing from here on.
func (h *half) markHole() {
	if !h.hole {
		h.hole, h.holeAt = true, h.done
	}
}

// Finding implements [timeline.Stream].
func (s *Stream) Finding(f *timeline.Finding) { s.conn.Tell(s.env.sink, f) }

// report tells a finding of one direction at once.
func (s *Stream) report(dir timeline.Direction, f *timeline.Finding) {
	f.Dir, f.HasDir = dir, true
	s.conn.Tell(s.env.sink, f)
}

// abandon gives up the message in progress: it is told as incomplete.
func (s *Stream) abandon(dir timeline.Direction, h *half, at timeline.Stamp) {
	if h.msg.open {
		h.msg.markHole(h.msg.wire)
		s.endMessage(dir, h, at, h.data)
	}
	s.env.buffers.put(h.data)
	s.env.buffers.put(h.control)
	h.data, h.control = nil, nil
}

// streamWeight is what a Stream takes, and pingWeight a ping that waits for its
// pong.
const (
	streamWeight = 700
	pingWeight   = 200
)

// Weight implements [timeline.Weighed].
func (s *Stream) Weight() int {
	n := s.weight
	if s.deflate != nil {
		n += s.deflate.half[0].cost + s.deflate.half[1].cost
	}
	for i := range s.half {
		h := &s.half[i]
		n += cap(h.data) + cap(h.control) + len(h.outgoing)*pingWeight
	}
	return n
}
