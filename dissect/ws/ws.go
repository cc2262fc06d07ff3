// Package ws reads WebSocket frames and messages (RFC 6455) from the two
// directions of a connection, holds them to the rules of the protocol, and emits
// frames, messages and findings to a [timeline.Sink].
//
// The layer below feeds a [Stream] with bytes, gaps and ends. A Stream parses the
// caller's slice. It copies a frame that lies in one piece only to unmask it, and
// does not touch payload that nobody needs. After the first frames of a connection it
// allocates nothing.
//
// A Stream counts every payload byte once. A message without a mark (incomplete,
// truncated, guessed) has exactly the bytes that were sent.
package ws

import (
	"fmt"

	"github.com/wsdump/wsdump/dissect/ws/inflate"
	"github.com/wsdump/wsdump/timeline"
)

// Env is what the connections of one goroutine share: the sink, the limits,
// and scratch memory.
type Env struct {
	// Beyond is called when all connections together exceed a limit, in place of
	// evicting the state of one of them; see [timeline.Limits.Part]. nil: Env evicts.
	Beyond func()

	sink    timeline.Sink
	limits  timeline.Limits
	buffers buffers
	free    []*Stream // released, for New
	scratch []byte    // unmasked payload of a frame that lies in one piece
	frame   timeline.Frame
	message timeline.Message

	deadlines      deadlines
	inflater       inflate.Decoder
	window         inflate.Window // of directions without context takeover
	windows        int            // bytes of windows in use
	latest, oldest *compressed    // the ends of their list, see use
}

// NewEnv returns an Env that emits to sink. Zero limits mean the defaults.
func NewEnv(sink timeline.Sink, limits timeline.Limits) *Env {
	return &Env{sink: sink, limits: limits.WithDefaults()}
}

type state uint8

const (
	atHeader state = iota
	inPayload
	inHTTP // see httpInside
	lost   // it is not known where frames begin; see Search
)

// Stream is the WebSocket layer of one connection. It implements
// [timeline.Stream] and closes its Conn when both directions have ended.
//
// The fields that every message uses come first, here and in half. With thousands of
// connections, most of the cost of a short message is to fetch them into the cache.
type Stream struct {
	conn      *timeline.Conn
	tap       timeline.Stream
	needs     timeline.Needs
	agreed    uint8 // RSV bits that an agreed extension defines on a first frame
	unknown   bool  // an extension was agreed that nobody here knows: RSV bits may mean anything
	midstream bool  // the handshake is not in the capture
	over      bool  // both directions have ended
	half      [2]half

	env     *Env
	gate    *gate    // nil unless the first frames of a connection without a handshake are not known
	deflate *deflate // nil unless permessage-deflate was agreed
	weight  int      // bytes of the Stream, its Conn and the handshake
	ending  timeline.Ending
}

// half is one direction.
type half struct {
	passed    uint64 // bytes received, missing ones included
	state     state
	npartial  uint8
	ended     bool
	blind     bool // bytes are missing that may have held control frames
	closed    bool // a close frame was seen
	hasKey    bool
	plain     bool               // the header in progress begins no HTTP message
	invalid   bool               // the header of the frame in progress breaks a rule of control frames
	guessed   bool               // a Search found where frames begin
	hole      bool               // bytes of the frame in progress are missing
	cut       bool               // a limit cut the payload of the frame in progress
	expecting bool               // outgoing has a deadline in Env.deadlines
	lastKey   [4]byte            // of the frame before
	header    header             // of the frame in progress
	done      uint64             // its payload bytes received, missing ones included
	start     int                // the offset of its payload in data
	data      []byte             // payload of the message so far; from buffers
	pending   []timeline.Finding // about the frame in progress; see report
	first     timeline.Stamp     // of the frame in progress: its first byte
	msg       message

	// Rare.
	holeAt   uint64          // hole: payload bytes of the frame in progress before the first hole
	control  []byte          // payload of the control frame in progress; from buffers
	partial  [maxHeader]byte // the first bytes of a header that continues in the next piece
	search   *Search         // while state is lost
	http     *httpInside     // nil unless state is inHTTP
	unread   uint64          // bytes while state is lost
	flipped  bool            // masks its frames although it is the server, or not although it is the client
	outgoing []ping          // pings of this direction that wait for their pong
}

// New returns the WebSocket layer of conn. The caller emits Open for conn.
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
	s.unknown = conn.Handshake != nil && len(UnknownExtensions(conn.Handshake)) > 0
	return s
}

// Release gives s to [New] to use it for another Conn, and reports whether it did. It
// does not while a direction goes on, a ping has a deadline, or s has a tap. After
// Release the caller must not use s; its Conn stays valid.
func (s *Stream) Release() bool {
	if !s.over || s.tap != nil || s.half[0].expecting || s.half[1].expecting {
		return false
	}
	if env := s.env; len(env.free) < mostFree {
		*s = Stream{} // so that the garbage collector can free what s pointed to
		env.free = append(env.free, s)
	}
	return true
}

// mostFree bounds the Streams that wait in Env.free.
const mostFree = 1 << 10

// Passed returns how many bytes of dir s has received, missing ones included.
func (s *Stream) Passed(dir timeline.Direction) uint64 { return s.half[dir].passed }

// Ended reports whether dir has ended.
func (s *Stream) Ended(dir timeline.Direction) bool { return s.half[dir].ended }

// Tap makes s call Data, Gap and End of t before it handles them itself. It replaces
// the tap before; see [Stream.Tapped].
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
			if beginsLikeHTTP(b[0]) && h.npartial == 0 && !h.plain {
				b = s.readHTTP(dir, h, at, b)
				continue
			}
			b = h.readHeader(at, b)
			if h.header.size == 0 {
				return
			}
			s.beginFrame(dir, h)
			if n := h.header.length; n <= uint64(len(b)) {
				s.whole(dir, h, &at, b[:n])
				b = b[n:]
			} else {
				h.state = inPayload
			}
		case inPayload:
			n := min(h.header.length-h.done, uint64(len(b)))
			s.collect(h, b[:n])
			b = b[n:]
			if h.done == h.header.length {
				s.finish(dir, h, &at)
			}
		case inHTTP:
			b = s.readHTTP(dir, h, at, b)
		case lost:
			s.seek(dir, h, at, b)
			return
		}
	}
}

// readHeader reads a frame header from the front of b and returns the rest of b. It
// sets h.header.size to 0 when the header continues in the next piece.
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

// needsPayload reports whether somebody needs the payload of the frame in progress.
func (s *Stream) needsPayload(h *half) bool {
	return h.header.opcode().Control() || h.msg.open && h.msg.collected || s.needs.Frames && s.needs.Payload
}

// whole finishes a frame whose payload p lies in one piece.
func (s *Stream) whole(dir timeline.Direction, h *half, at *timeline.Stamp, p []byte) {
	h.done = h.header.length
	var payload []byte
	switch {
	case !s.needsPayload(h):
	case h.header.opcode().Control():
		payload = s.unmasked(h, h.limit(p, s.env.limits.Control))
	case h.msg.open && h.msg.frames == 0 && h.header.fin():
		payload = s.unmasked(h, h.limit(p, s.env.limits.Message))
	default: // a fragment: the message needs the others too
		h.done = 0
		s.collect(h, p)
		s.finish(dir, h, at)
		return
	}
	s.endFrame(dir, h, at, payload)
}

// limit returns the first most bytes of p, and notes in h when it cuts p.
func (h *half) limit(p []byte, most int) []byte {
	if len(p) > most {
		h.cut = true
		return p[:most]
	}
	return p
}

// unmasked returns p, the payload of the frame in progress, unmasked: p itself when the
// frame is not masked, else scratch memory that the next call overwrites.
func (s *Stream) unmasked(h *half, p []byte) []byte {
	if !h.header.masked {
		return p
	}
	if cap(s.env.scratch) < len(p) {
		s.env.scratch = make([]byte, max(len(p), 4<<10))
	}
	out := s.env.scratch[:len(p)]
	unmask(out, p, h.header.key, 0)
	return out
}

// collect appends the next payload bytes of the frame in progress, unmasked, to the
// data of the message or of the control frame.
func (s *Stream) collect(h *half, p []byte) {
	offset := h.done
	h.done += uint64(len(p))
	if h.hole || h.cut || !s.needsPayload(h) {
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

// finish ends a frame that came in pieces, complete or not.
func (s *Stream) finish(dir timeline.Direction, h *half, at *timeline.Stamp) {
	h.state = atHeader
	if h.header.opcode().Control() {
		s.endFrame(dir, h, at, h.control)
		s.env.buffers.put(h.control)
		h.control = nil
		return
	}
	s.endFrame(dir, h, at, h.data[min(h.start, len(h.data)):])
}

// Gap implements [timeline.Stream]. After a gap inside a payload, s knows where the
// next frame begins. After a gap over a header it does not.
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
		switch {
		case n+missing >= timeline.GapUnknown: // nobody knows what did come
			s.finish(dir, h, &at)
		default:
			if h.done += missing; h.done == h.header.length {
				s.finish(dir, h, &at)
			}
		}
	}
	if n == 0 {
		return
	}
	h.blind = true
	s.endHTTP(dir, h)
	if h.state == lost {
		if s.gated(dir) {
			s.gate.gap(dir, at, n)
		} else {
			h.search.Gap()
		}
		return
	}
	s.abandon(dir, h, &at)
	s.lose(dir, h)
	got := "an unknown number of bytes"
	if n < timeline.GapUnknown {
		got = fmt.Sprintf("%d bytes", n)
	}
	s.emit(dir, &timeline.Finding{Rule: ruleSyncLost, At: at, Got: got, Detail: "bytes are missing where a frame header stood"})
}

// markHole notes that bytes of the frame in progress are missing from here on.
func (h *half) markHole() {
	if !h.hole {
		h.hole, h.holeAt = true, h.done
	}
}

// Finding implements [timeline.Stream].
func (s *Stream) Finding(f *timeline.Finding) { s.conn.Tell(s.env.sink, f) }

// emit emits a finding about one direction at once. See [half.report] for findings
// about the frame in progress.
func (s *Stream) emit(dir timeline.Direction, f *timeline.Finding) {
	f.Dir, f.HasDir = dir, true
	s.conn.Tell(s.env.sink, f)
}

// abandon emits the message in progress as incomplete, and drops the bytes collected.
func (s *Stream) abandon(dir timeline.Direction, h *half, at *timeline.Stamp) {
	if h.msg.open {
		h.msg.markHole(h.msg.wire)
		s.endMessage(dir, h, at, h.data)
	}
	s.env.buffers.put(h.data)
	s.env.buffers.put(h.control)
	h.data, h.control = nil, nil
}

// streamWeight is the memory of a Stream in bytes, by measurement; pingWeight that of a
// ping that waits for its pong.
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
	if s.gate != nil {
		n += 3 * s.gate.log.Weight() // and its searches
	}
	for i := range s.half {
		h := &s.half[i]
		n += cap(h.data) + cap(h.control) + len(h.outgoing)*pingWeight
	}
	return n
}
