package ws

import (
	"bytes"
	"strconv"

	"github.com/wsdump/wsdump/timeline"
)

// httpInside is an HTTP/1 message that stands where a frame is due. A second handler of
// the upgrade writes such a response into the WebSocket, or a proxy does that lost its
// backend. The first bytes are no header that a receiver may accept: every capital letter
// has RSV1, and those of HTTP a reserved opcode, a control frame without FIN or a
// continuation.
type httpInside struct {
	at    timeline.Stamp // of its first byte
	head  []byte
	known bool   // head begins an HTTP message
	body  uint64 // bytes of the body that are still to come
}

// mostHTTPHead bounds what is kept of a head.
const mostHTTPHead = 8 << 10

// beginsLikeHTTP reports whether b can be the first byte of an HTTP message.
func beginsLikeHTTP(b byte) bool { return b-'A' <= 'Z'-'A' }

// httpStarts are the beginnings of HTTP/1 messages, by direction.
var httpStarts = [2][]string{
	timeline.ClientToServer: {"GET ", "POST ", "PUT ", "HEAD ", "OPTIONS ", "DELETE ", "PATCH ", "CONNECT "},
	timeline.ServerToClient: {"HTTP/1."},
}

// probeHTTP decides whether b begins an HTTP/1 message.
func probeHTTP(dir timeline.Direction, b []byte) timeline.Verdict {
	v := timeline.NotMine
	for _, start := range httpStarts[dir] {
		n := min(len(start), len(b))
		if string(b[:n]) != start[:n] {
			continue
		}
		if n == len(start) {
			return timeline.Mine
		}
		v = timeline.NeedMore
	}
	return v
}

// readHTTP takes the next bytes of a direction that may be in an HTTP message, and
// returns the rest.
func (s *Stream) readHTTP(dir timeline.Direction, h *half, at timeline.Stamp, b []byte) []byte {
	m := h.http
	if m == nil {
		m = &httpInside{at: at}
		h.http, h.state = m, inHTTP
	}
	if m.body > 0 {
		n := min(m.body, uint64(len(b)))
		if m.body -= n; m.body == 0 {
			s.afterHTTP(dir, h)
		}
		return b[n:]
	}
	before := len(m.head)
	b = b[:len(b):len(b)]
	m.head = append(m.head, b[:min(len(b), mostHTTPHead-before)]...)
	if !m.known {
		switch probeHTTP(dir, m.head) {
		case timeline.NeedMore:
			return nil
		case timeline.NotMine:
			s.noHTTP(dir, h, m.head[:before])
			return b
		}
		m.known = true
	}
	end := bytes.Index(m.head[max(0, before-3):], []byte("\r\n\r\n"))
	switch {
	case end >= 0:
		end += max(0, before-3) + 4
	case len(m.head) < mostHTTPHead:
		return nil
	default:
		end = len(m.head)
	}
	m.head = m.head[:end]
	s.reportHTTP(dir, h)
	if m.body = contentLength(m.head); m.body == 0 {
		s.afterHTTP(dir, h)
	}
	return b[end-before:]
}

// noHTTP makes the bytes so far the beginning of a frame.
func (s *Stream) noHTTP(dir timeline.Direction, h *half, b []byte) {
	at := h.http.at
	h.http, h.state, h.plain = nil, atHeader, true
	if len(b) > 0 {
		h.passed -= uint64(len(b)) // Data adds them again
		s.Data(dir, at, b)
	}
}

// afterHTTP looks for frames behind an HTTP message: usually there are none.
func (s *Stream) afterHTTP(dir timeline.Direction, h *half) {
	h.http, h.search = nil, nil
	s.lose(dir, h)
	h.search.known = true
}

// reportHTTP reports an HTTP message, once.
func (s *Stream) reportHTTP(dir timeline.Direction, h *half) {
	line, _, _ := bytes.Cut(h.http.head, []byte("\r\n"))
	what := "the client sent an HTTP request into the WebSocket"
	if dir == timeline.ServerToClient {
		what = "the server wrote an HTTP response into the WebSocket: a second handler answers the upgrade, or a proxy speaks for it"
	}
	s.emit(dir, &timeline.Finding{Rule: ruleHTTPInside, At: h.http.at, Got: string(line[:min(len(line), 200)]), Want: "a frame", Detail: what})
}

// endHTTP reports an HTTP message whose head is not complete, when no more bytes of it
// will come.
func (s *Stream) endHTTP(dir timeline.Direction, h *half) {
	switch {
	case h.http == nil:
	case !h.http.known:
		s.noHTTP(dir, h, h.http.head)
	default:
		if h.http.body == 0 { // else it was reported
			s.reportHTTP(dir, h)
		}
		s.afterHTTP(dir, h)
	}
}

// contentLength returns the length of the body that head announces.
func contentLength(head []byte) uint64 {
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		name, value, ok := bytes.Cut(line, []byte(":"))
		if ok && bytes.EqualFold(bytes.TrimSpace(name), []byte("Content-Length")) {
			n, _ := strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 40)
			return n
		}
	}
	return 0
}
