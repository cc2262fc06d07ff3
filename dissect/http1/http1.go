// Package http1 follows the requests and responses of an HTTP/1 connection
// (RFC 9110, RFC 9112) until one of them opens a WebSocket (RFC 6455 4) or a
// tunnel.
//
// It is lenient as real servers are: bare LF, folded headers and odd spacing
// are read. Bodies are skipped by length, by chunk or up to the close, and
// never copied. Bytes that a client sends behind an upgrade request are held
// until the response decides which protocol they are.
package http1

import (
	"bytes"
	"strings"

	"github.com/wsdump/wsdump/timeline"
)

// Handler receives the results of an HTTP/1 connection.
type Handler interface {
	// Handshake is called once for every WebSocket handshake, with the fields
	// that are in the messages themselves: accepted, refused, or (Status 0)
	// unanswered when the connection ends. For an accepted handshake it returns the
	// stream that receives both directions from here on; for another one a stream
	// that receives only the ends, or nil.
	Handshake(h *timeline.Handshake) timeline.Stream
	// Tunnel is called when a CONNECT was accepted, or another protocol than
	// WebSocket was switched to. It returns the stream that takes over.
	Tunnel(protocol string) timeline.Stream
	// EarlyData is called right after an accepted Handshake when n bytes of
	// the client were captured before the 101.
	EarlyData(at timeline.Stamp, n int)
	// NotHTTP is called right after an unanswered Handshake when b, which begins what the
	// server sent, is no HTTP.
	NotHTTP(at timeline.Stamp, b []byte)
	// Limit is called when a head or the held bytes are larger than allowed;
	// that direction is silent from then on.
	Limit(dir timeline.Direction, at timeline.Stamp, what string, most int)
	// Finding takes findings from below.
	Finding(f *timeline.Finding)
}

// Stream is the HTTP/1 layer of one connection. It implements
// [timeline.Stream].
type Stream struct {
	handler  Handler
	limits   timeline.Limits
	next     timeline.Stream // set once the connection is another protocol
	half     [2]half
	pending  []request // that wait for their response, oldest first
	facts    Facts
	ahead    *ahead // a 101 that came before its request
	late     bool   // ahead was taken
	alien    []byte // the server's first bytes that are no HTTP
	alienAt  timeline.Stamp
	refused  timeline.Stream // of the latest refused handshake; it receives the ends
	held     timeline.Backlog
	heldAt   timeline.Stamp
	overfull bool             // the bytes held have reached their limit
	ends     timeline.Backlog // the ends so far, for the next layer
	ended    [2]bool
}

// ahead is a response with status 101 on a connection whose client has sent nothing: its
// request is still to come. What the server sends meanwhile waits too.
type ahead struct {
	at      timeline.Stamp
	start   string
	headers []timeline.Header
	log     timeline.Backlog
}

// request is one that waits for its response.
type request struct {
	method    string
	handshake *timeline.Handshake // nil for a plain request
	at        timeline.Stamp
}

type state uint8

const (
	atHead   state = iota // a message begins here, or has begun
	seeking               // looking for the beginning of a message
	inLength              // body of known length
	inChunkSize
	inChunk
	inTrailer
	untilEnd // body up to the end of the connection, or no HTTP any more
	holding  // client: behind a request that may switch protocols
	waiting  // server: behind a 101 that came before its request
)

type half struct {
	state state
	then  state  // behind the body: atHead, or holding
	left  uint64 // body bytes to skip
	head  []byte // of the message in progress
	line  int    // where in head the current line begins
	first timeline.Stamp
}

// New returns the HTTP/1 layer of a connection. With seek, the first bytes may
// stand anywhere inside a message: the start of the connection is not in the
// capture.
func New(handler Handler, limits timeline.Limits, seek bool) *Stream {
	s := &Stream{limits: limits.WithDefaults()}
	s.Reset(handler, seek)
	return s
}

// Reset makes s the layer of another connection, as New would, with the limits
// that it has. The one that it was the layer of must have passed it, see Passed.
func (s *Stream) Reset(handler Handler, seek bool) {
	pending := s.pending[:0]
	if clear(pending[:cap(pending)]); cap(pending) > 4 {
		pending = nil
	}
	*s = Stream{handler: handler, limits: s.limits, pending: pending}
	if seek {
		s.half[0].state, s.half[1].state = seeking, seeking
	}
}

// Data implements [timeline.Stream].
func (s *Stream) Data(dir timeline.Direction, at timeline.Stamp, b []byte) {
	for len(b) > 0 {
		if s.next != nil {
			s.next.Data(dir, at, b)
			return
		}
		b = s.step(dir, &s.half[dir], at, b)
	}
}

// Settled implements [timeline.Settled].
func (s *Stream) Settled() timeline.Stream {
	if further, is := s.next.(timeline.Settled); is {
		return further.Settled()
	}
	return s.next
}

// step consumes some of b and returns the rest.
func (s *Stream) step(dir timeline.Direction, h *half, at timeline.Stamp, b []byte) []byte {
	switch h.state {
	case seeking:
		if !startsMessage(dir, b) {
			return nil
		}
		h.state = atHead
	case atHead:
		if s.ahead != nil && len(h.head) == 0 && ProbeRequest(b) == timeline.NotMine { // frames: there is no request
			s.takeAhead()
			return b
		}
		return s.readHead(dir, h, at, b)
	case inLength, inChunk:
		n := min(h.left, uint64(len(b)))
		h.left -= n
		if h.left == 0 {
			if h.state == inChunk {
				h.state = inChunkSize
			} else {
				h.state = h.then
			}
		}
		return b[n:]
	case inChunkSize, inTrailer:
		return s.readChunkLine(dir, h, at, b)
	case holding:
		return s.hold(dir, at, b)
	case waiting:
		if s.ahead.log.Len()+len(b) > s.limits.Held {
			s.takeAhead()
			return b
		}
		s.ahead.log.Data(dir, at, b)
		return nil
	default:
		return nil
	}
	return b
}

// readHead takes lines up to the empty one that ends a head.
func (s *Stream) readHead(dir timeline.Direction, h *half, at timeline.Stamp, b []byte) []byte {
	if len(h.head) == 0 {
		h.first = at
		if n, lines := wholeHead(b); n > 0 && n <= s.limits.Head && startsMessage(dir, b) {
			return s.message(dir, h, at, b[:n], lines, b[n:])
		}
	}
	begins := h.line == 0
	line, rest, whole := s.readLine(dir, h, at, b)
	switch {
	case !whole:
		return rest
	case begins && len(line) == 0: // an empty line before the first (RFC 9112 2.2)
		h.reset(atHead)
		return rest
	case begins && !startsMessage(dir, line):
		s.sawAlien(dir, h)
		h.reset(seeking)
		return rest
	case len(line) > 0:
		return rest
	}
	return s.message(dir, h, at, h.head, bytes.Count(h.head, []byte{'\n'}), rest)
}

// mostAlien is how many bytes are kept of what is no HTTP.
const mostAlien = 32

// sawAlien keeps the beginning of what the server sends and is no HTTP.
func (s *Stream) sawAlien(dir timeline.Direction, h *half) {
	if dir == timeline.ServerToClient && s.alien == nil && len(h.head) > 0 && !startsMessage(dir, h.head) {
		s.alien, s.alienAt = bytes.Clone(h.head[:min(len(h.head), mostAlien)]), h.first
	}
}

// message takes a whole head, of so many lines, and returns what is left of the bytes
// behind it.
func (s *Stream) message(dir timeline.Direction, h *half, at timeline.Stamp, head []byte, lines int, rest []byte) []byte {
	h.reset(atHead)
	start, headers := splitHead(head, lines)
	if dir == timeline.ClientToServer {
		s.request(h, start, headers)
		return rest
	}
	return s.response(h, at, start, headers, rest)
}

// wholeHead returns how long the head is that b begins with, and how many lines it
// has, its empty line included; 0 when it is not all there, or begins with an empty
// line.
func wholeHead(b []byte) (length, lines int) {
	for start := 0; ; lines++ {
		n := bytes.IndexByte(b[start:], '\n')
		if n < 0 {
			return 0, 0
		}
		line := b[start : start+n]
		for len(line) > 0 && line[len(line)-1] == '\r' {
			line = line[:len(line)-1]
		}
		if len(line) == 0 {
			if start == 0 {
				return 0, 0
			}
			return start + n + 1, lines + 1
		}
		start += n + 1
	}
}

// readLine moves bytes up to the next LF to h.head and returns the line
// without its end, borrowed. whole is false when more bytes are needed.
func (s *Stream) readLine(dir timeline.Direction, h *half, at timeline.Stamp, b []byte) (line, rest []byte, whole bool) {
	n := bytes.IndexByte(b, '\n') + 1
	if n == 0 {
		n = len(b)
	} else {
		whole = true
	}
	if len(h.head)+n > s.limits.Head {
		s.handler.Limit(dir, at, "head of an HTTP message", s.limits.Head)
		h.reset(untilEnd)
		return nil, nil, false
	}
	h.head = append(h.head, b[:n]...)
	if whole {
		line = bytes.TrimRight(h.head[h.line:], "\r\n")
		h.line = len(h.head)
	}
	return line, b[n:], whole
}

func (h *half) reset(to state) {
	h.state, h.head, h.line = to, h.head[:0], 0
}

// readChunkLine takes the line with a chunk's size, the empty line behind a
// chunk, or a trailer (RFC 9112 7.1).
func (s *Stream) readChunkLine(dir timeline.Direction, h *half, at timeline.Stamp, b []byte) []byte {
	line, rest, whole := s.readLine(dir, h, at, b)
	if !whole {
		return rest
	}
	h.reset(h.state)
	switch size, ok := chunkSize(line); {
	case h.state == inTrailer && len(line) == 0:
		h.state = h.then
	case h.state == inTrailer || len(line) == 0:
	case !ok:
		h.state = seeking
	case size == 0:
		h.state = inTrailer
	default:
		h.state, h.left = inChunk, size
	}
	return rest
}

func chunkSize(line []byte) (n uint64, ok bool) {
	for i, c := range line {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return n, i > 0 && (c == ';' || c == ' ' || c == '\t')
		}
		if n>>56 != 0 {
			return 0, false
		}
		n = n<<4 | uint64(c)
	}
	return n, true
}

// hold keeps client bytes until the response to the request before them.
func (s *Stream) hold(dir timeline.Direction, at timeline.Stamp, b []byte) []byte {
	if s.held.Empty() {
		s.heldAt = at
	}
	if s.held.Len()+len(b) > s.limits.Held {
		if !s.overfull {
			s.handler.Limit(dir, at, "bytes behind an upgrade request", s.limits.Held)
		}
		s.overfull = true
		s.held.Gap(dir, at, uint64(len(b)))
		return nil
	}
	s.held.Data(dir, at, b)
	return nil
}

// Gap implements [timeline.Stream].
func (s *Stream) Gap(dir timeline.Direction, at timeline.Stamp, n uint64) {
	if s.ahead != nil {
		s.takeAhead()
	}
	if s.next != nil {
		s.next.Gap(dir, at, n)
		return
	}
	h := &s.half[dir]
	switch {
	case h.state == holding:
		s.held.Gap(dir, at, n)
	case (h.state == inLength || h.state == inChunk) && n < h.left:
		h.left -= n
	case h.state == inLength && n == h.left:
		h.state = h.then
	case h.state != untilEnd:
		h.reset(seeking)
	}
}

// Lost reports whether bytes are missing where a head stood, so that nobody knows
// what the connection carries until the next head is found.
func (s *Stream) Lost() bool {
	return s.next == nil && (s.half[0].state == seeking || s.half[1].state == seeking)
}

// Asked returns the handshake that waits for its response, nil for none.
func (s *Stream) Asked() *timeline.Handshake {
	if n := len(s.pending); n > 0 {
		return s.pending[n-1].handshake
	}
	return nil
}

// Passed returns the layer that the connection was handed to, and the handler of
// findings; nil while it is HTTP. Who feeds that layer from then on may
// Reset s.
func (s *Stream) Passed() (next timeline.Stream, handler Handler) { return s.next, s.handler }

// Held returns what waits behind a request that may switch protocols. Its bytes
// are borrowed.
func (s *Stream) Held() timeline.Backlog { return s.held }

// Finding implements [timeline.Stream].
func (s *Stream) Finding(f *timeline.Finding) { s.handler.Finding(f) }

// End implements [timeline.Stream].
func (s *Stream) End(dir timeline.Direction, at timeline.Stamp, why timeline.End) {
	if s.ahead != nil {
		s.takeAhead()
	}
	if s.next != nil {
		s.next.End(dir, at, why)
		return
	}
	s.ends.End(dir, at, why)
	s.ended[dir] = true
	if s.refused != nil {
		s.refused.End(dir, at, why)
	}
	if !s.ended[0] || !s.ended[1] {
		return
	}
	s.sawAlien(timeline.ServerToClient, &s.half[timeline.ServerToClient])
	for _, r := range s.pending {
		if r.handshake != nil {
			unanswered := s.handler.Handshake(r.handshake)
			if s.alien != nil {
				s.handler.NotHTTP(s.alienAt, s.alien)
			}
			if unanswered != nil {
				ends := s.ends
				ends.Replay(unanswered)
			}
		}
	}
	s.pending = nil
}

// takeAhead takes the response that came before its request.
func (s *Stream) takeAhead() {
	a, h := s.ahead, &s.half[timeline.ServerToClient]
	s.ahead, s.late = nil, true
	h.reset(atHead)
	h.first = a.at
	s.response(h, a.at, a.start, a.headers, nil)
	a.log.Replay(s)
}

// startsMessage reports whether b can be the beginning of a request line
// (client) or a status line (server).
func startsMessage(dir timeline.Direction, b []byte) bool {
	if dir == timeline.ServerToClient {
		return ProbeResponse(b) != timeline.NotMine
	}
	return ProbeRequest(b) != timeline.NotMine
}

// methods are those of RFC 9110, RFC 5789 and of WebDAV that are seen in
// practice. Other words (EHLO, USER, HELP) are other protocols.
var methods = [...]string{
	"GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "CONNECT ", "OPTIONS ", "TRACE ", "PATCH ",
	"PROPFIND ", "PROPPATCH ", "MKCOL ", "COPY ", "MOVE ", "LOCK ", "UNLOCK ", "REPORT ", "SEARCH ",
}

// ProbeRequest decides whether b begins an HTTP/1 request.
func ProbeRequest(b []byte) timeline.Verdict {
	for len(b) > 0 && (b[0] == '\r' || b[0] == '\n') {
		b = b[1:]
	}
	return probe(b, methods[:])
}

// ProbeResponse decides whether b begins an HTTP/1 response.
func ProbeResponse(b []byte) timeline.Verdict { return probe(b, []string{"HTTP/1."}) }

func probe(b []byte, prefixes []string) timeline.Verdict {
	v := timeline.NotMine
	for _, p := range prefixes {
		n := min(len(p), len(b))
		if string(b[:n]) != p[:n] {
			continue
		}
		if n == len(p) {
			return timeline.Mine
		}
		v = timeline.NeedMore
	}
	return v
}

// hasToken reports whether the comma-separated lists in all fields of that
// name hold token, in any case.
func hasToken(headers []timeline.Header, name, token string) bool {
	for i := range headers {
		if !headers[i].Is(name) {
			continue
		}
		if strings.EqualFold(headers[i].Value, token) {
			return true
		}
		for item := range strings.SplitSeq(headers[i].Value, ",") {
			item, _, _ = strings.Cut(item, "/") // a protocol may carry a version
			if strings.EqualFold(strings.TrimSpace(item), token) {
				return true
			}
		}
	}
	return false
}

// What a Stream, and a request that waits, take by measurement.
const (
	streamWeight  = 700
	requestWeight = 1500
)

// Weight implements [timeline.Weighed].
func (s *Stream) Weight() int {
	n := 0
	if s.ahead != nil {
		n = s.ahead.log.Weight() + requestWeight
	}
	return n + streamWeight + cap(s.half[0].head) + cap(s.half[1].head) + s.held.Weight() + s.ends.Weight() +
		len(s.pending)*requestWeight + timeline.Weight(s.next)
}
