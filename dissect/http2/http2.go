// Package http2 follows an HTTP/2 connection (RFC 9113) and finds the
// WebSockets on it: the streams that an extended CONNECT opens (RFC 8441).
//
// Framing is its own, header blocks go through the HPACK decoder of
// golang.org/x/net (RFC 7541). Payload of DATA frames is never kept: the next
// layer of a stream receives each piece as it comes, borrowed and without padding. Other
// requests cost only the decoding of their headers.
//
// After a loss it goes on where it can prove a frame boundary. What the header
// tables held before is then unknown: fields that need it are left out, never
// guessed.
package http2

import (
	"maps"
	"slices"

	"github.com/wsdump/wsdump/timeline"
)

// Handler receives the results of an HTTP/2 connection.
type Handler interface {
	// Handshake is called once for every extended CONNECT with the protocol
	// "websocket", with the fields that stand in the messages themselves:
	// accepted (2xx), refused, or (Status 0) unanswered when the stream ends.
	// RequestHeaders holds the pseudo-header fields too, in wire order. The
	// stream that it returns receives all data of the HTTP/2 stream after the
	// request, and its ends; nil for none.
	Handshake(h *timeline.Handshake) timeline.Stream
	// Midstream is called when DATA comes on the stream id and the capture
	// lacks the request (h is nil) or only the response (h is the request). The bytes
	// may begin inside a message. The stream that it returns receives them; nil for
	// none. When h is not nil and the result is nil, Handshake is still called when
	// the stream ends.
	Midstream(id uint32, h *timeline.Handshake) timeline.Stream
	// EarlyData is called right after an accepted Handshake when n bytes of
	// the client were captured before the response.
	EarlyData(at timeline.Stamp, n int)
	// Limit is called when something is larger than allowed: a header block, the
	// bytes held back before a response, the number of WebSockets.
	Limit(dir timeline.Direction, at timeline.Stamp, what string, most int)
	// Finding takes findings that concern no stream, and right after a
	// Handshake that returned nil those about it.
	Finding(f *timeline.Finding)
}

// Options are how a connection begins. The zero value is one whose first byte
// is the client's preface.
type Options struct {
	// Seek: the start of the connection is not in the capture, the first bytes
	// may stand anywhere inside a frame.
	Seek bool
	// Upgraded: an HTTP/1.1 request with "Upgrade: h2c" came before; it is
	// stream 1, and the client's preface follows it (RFC 7540 3.2).
	Upgraded bool
}

// maxStreams is how many streams of a connection are followed at once.
const maxStreams = 10_000

// Stream is the HTTP/2 layer of one connection. It implements
// [timeline.Stream].
type Stream struct {
	handler Handler
	limits  timeline.Limits
	half    [2]half
	streams map[uint32]*stream // those that are, or may be, WebSockets
	opened  uint32             // highest stream that the client was seen to open
	plain   uint64
	held    int // bytes held back by all streams
	// Streams between lo and hi, exclusive, may have been opened where the
	// capture does not show it.
	lo, hi      uint32
	settings    bool // the server's SETTINGS were seen
	enabled     bool // with SETTINGS_ENABLE_CONNECT_PROTOCOL = 1 (RFC 8441 3)
	full        bool // the limit on streams was reported
	headersLost bool // ruleHeadersUnknown was reported
}

// half is one direction.
type half struct {
	state    state
	ended    bool
	why      timeline.End
	blind    bool // bytes were missed that may have held anything
	partial  [frameHeader]byte
	npartial int

	frame  frame  // in progress
	left   uint32 // its payload bytes still to come
	body   uint32 // DATA: of them, those that are data
	padded bool   // DATA: the length of the padding comes next
	broken bool   // some of its payload is missing or was not kept
	want   int    // how much of its payload is looked at
	buf    []byte // its payload so far

	block    block
	table    table
	maxFrame uint32 // SETTINGS_MAX_FRAME_SIZE of the receiver, when larger than the default
	sought   []byte // bytes in which a frame boundary is looked for
	marks    []mark // when they came
	searched bool   // they are not the first behind the loss
}

type state uint8

const (
	atHeader state = iota
	inPayload
	atPreface
	seeking
)

// New returns the HTTP/2 layer of a connection. Zero limits mean the defaults.
func New(handler Handler, limits timeline.Limits, o Options) *Stream {
	s := &Stream{handler: handler, limits: limits.WithDefaults(), streams: make(map[uint32]*stream)}
	for dir := range s.half {
		s.half[dir].table.most = s.limits.Head
	}
	s.half[timeline.ClientToServer].state = atPreface
	if o.Upgraded {
		s.opened, s.plain = 1, 1
	}
	if o.Seek {
		for dir := range s.half {
			s.lose(timeline.Direction(dir), timeline.Stamp{})
			s.half[dir].searched = true
		}
	}
	return s
}

// Plain returns how many requests were seen that are no WebSocket.
func (s *Stream) Plain() uint64 { return s.plain }

// Data implements [timeline.Stream].
func (s *Stream) Data(dir timeline.Direction, at timeline.Stamp, b []byte) {
	h := &s.half[dir]
	for len(b) > 0 {
		switch h.state {
		case atHeader:
			b = s.readHeader(dir, h, at, b)
		case inPayload:
			b = s.readPayload(dir, h, at, b)
		case atPreface:
			b = s.readPreface(dir, h, at, b)
		case seeking:
			s.seek(dir, h, at, b)
			return
		}
	}
}

// preface is what a client sends first (RFC 9113 3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

func (s *Stream) readPreface(dir timeline.Direction, h *half, at timeline.Stamp, b []byte) []byte {
	for len(b) > 0 && h.npartial < len(preface) {
		if b[0] != preface[h.npartial] {
			s.lose(dir, at)
			return b
		}
		h.npartial++
		b = b[1:]
	}
	if h.npartial == len(preface) {
		h.state, h.npartial = atHeader, 0
	}
	return b
}

// Gap implements [timeline.Stream]. A gap inside a frame keeps the framing; a
// gap over a frame's header loses it, and every stream may have lost bytes.
func (s *Stream) Gap(dir timeline.Direction, at timeline.Stamp, n uint64) {
	h := &s.half[dir]
	if h.state == inPayload && n > 0 {
		missing := uint32(min(n, uint64(h.left)))
		n -= uint64(missing)
		s.skip(dir, h, at, missing)
	}
	if n > 0 {
		s.lose(dir, at)
	}
}

// lose drops the bytes of a direction until a frame boundary is proven.
func (s *Stream) lose(dir timeline.Direction, at timeline.Stamp) {
	h := &s.half[dir]
	known := h.state != seeking
	h.state, h.npartial, h.left, h.blind = seeking, 0, 0, true
	h.sought, h.marks, h.searched = nil, nil, false
	h.block, h.buf = block{}, nil
	h.table.lose()
	if dir == timeline.ClientToServer {
		s.lo, s.hi = s.opened, 1<<31
	}
	if known {
		for _, id := range s.ids() {
			s.gap(dir, at, id, timeline.GapUnknown)
		}
	}
}

// Finding implements [timeline.Stream]: what happened below concerns every
// open WebSocket.
func (s *Stream) Finding(f *timeline.Finding) {
	told := false
	for _, id := range s.ids() {
		if st := s.streams[id]; st.next != nil {
			told = true
			copied := *f
			st.next.Finding(&copied)
		}
	}
	if !told {
		s.handler.Finding(f)
	}
}

// End implements [timeline.Stream]: it ends every stream that goes on.
func (s *Stream) End(dir timeline.Direction, at timeline.Stamp, why timeline.End) {
	h := &s.half[dir]
	if h.ended {
		return
	}
	if h.state == seeking {
		s.seekLast(dir, h)
	}
	h.ended, h.why = true, why
	for _, id := range s.ids() {
		s.end(dir, at, id, why)
		if other := &s.half[dir.Reverse()]; other.ended { // id came up behind that end
			s.end(dir.Reverse(), at, id, other.why)
		}
	}
}

// ids returns the streams that are followed, in order.
func (s *Stream) ids() []uint32 { return slices.Sorted(maps.Keys(s.streams)) }

// What a Stream with its header tables, and one stream of it, take.
const (
	connectionWeight = 8 << 10
	streamWeight     = 400
)

// Weight implements [timeline.Weighed].
func (s *Stream) Weight() int {
	n := connectionWeight + s.held
	for i := range s.half {
		h := &s.half[i]
		n += cap(h.buf) + cap(h.block.fragment) + cap(h.sought)
	}
	for _, st := range s.streams {
		n += streamWeight + timeline.Weight(st.next)
	}
	return n
}
