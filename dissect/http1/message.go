package http1

import (
	"strconv"
	"strings"

	"github.com/wsdump/wsdump/timeline"
)

// request takes a whole request head.
func (s *Stream) request(h *half, start string, headers []timeline.Header) {
	method, rest, _ := strings.Cut(start, " ")
	rest = strings.TrimLeft(rest, " ")
	target, version := rest, ""
	if i := strings.LastIndex(rest, " HTTP/"); i >= 0 {
		target, version = strings.TrimRight(rest[:i], " "), strings.TrimSpace(rest[i+len(" HTTP/"):])
	}
	r := request{method: method, at: h.first}
	s.facts.request(target, headers)
	if isWebSocket(headers) {
		r.handshake = &timeline.Handshake{Request: h.first, Method: method, Target: target, HTTPVersion: version, RequestHeaders: headers}
	}
	if len(s.pending) == maxPending {
		s.pending = s.pending[:copy(s.pending, s.pending[1:])]
	}
	s.pending = append(s.pending, r)
	h.then = atHead
	switch {
	case r.handshake != nil, method == "CONNECT", hasToken(headers, "Upgrade", "h2c"):
		h.then = holding
	}
	s.body(h, headers, 0)
	if s.ahead != nil {
		s.takeAhead()
	}
}

// maxPending is how many requests may wait for their responses; pipelines are
// short where they exist at all.
const maxPending = 256

// isWebSocket reports whether a request wants to open a WebSocket, well made
// or not.
func isWebSocket(headers []timeline.Header) bool {
	return hasToken(headers, "Upgrade", "websocket") || timeline.CountHeaders(headers, "Sec-WebSocket-Key") > 0 ||
		timeline.CountHeaders(headers, "Sec-WebSocket-Version") > 0
}

// response takes a whole response head; rest are the bytes behind it. It
// returns those that are left.
func (s *Stream) response(h *half, at timeline.Stamp, start string, headers []timeline.Header, rest []byte) []byte {
	_, after, _ := strings.Cut(start, " ")
	after = strings.TrimLeft(after, " ")
	word, reason, _ := strings.Cut(after, " ")
	status, err := strconv.Atoi(word)
	if err != nil || status < 100 || status > 999 {
		h.reset(seeking)
		return rest
	}
	if status < 200 && status != 101 {
		return rest
	}
	if c := &s.half[timeline.ClientToServer]; status == 101 && len(s.pending) == 0 && s.facts.Requests == 0 && c.state == atHead && !s.ended[0] && !s.late {
		s.ahead = &ahead{at: at, start: start, headers: headers}
		h.reset(waiting)
		return rest
	}
	r := s.answered(status)
	if r.handshake == nil && status == 101 && hasToken(headers, "Upgrade", "websocket") {
		r.handshake = &timeline.Handshake{Request: h.first, HTTPVersion: "1.1"} // the request is not in the capture
	}
	if r.handshake != nil {
		hs := r.handshake
		if at.Time < hs.Request.Time { // the response came before its request
			at.Time = hs.Request.Time
		}
		hs.Response, hs.Status, hs.Reason, hs.ResponseHeaders = at, status, strings.TrimSpace(reason), headers
	}
	switch {
	case status == 101 && r.handshake != nil && !switchesElsewhere(headers):
		s.next = s.handler.Handshake(r.handshake)
		if n := s.held.Len(); n > 0 {
			s.handler.EarlyData(s.heldAt, n)
		}
	case status == 101:
		protocol, _ := timeline.Get(headers, "Upgrade")
		s.next = s.handler.Tunnel(strings.ToLower(protocol))
	case r.method == "CONNECT" && status < 300:
		s.next = s.handler.Tunnel("")
	default:
		if r.handshake != nil {
			s.refused = s.handler.Handshake(r.handshake)
		}
		s.facts.response(&r, at, headers)
		if r.method == "HEAD" {
			status = 204
		}
		s.body(h, headers, status)
		s.release()
		return rest
	}
	s.half[0].head, s.half[1].head = nil, nil
	s.held.Replay(s.next)
	s.ends.Replay(s.next)
	return rest // Data gives it to next
}

// switchesElsewhere reports whether a 101 names a protocol other than
// WebSocket.
func switchesElsewhere(headers []timeline.Header) bool {
	return timeline.CountHeaders(headers, "Upgrade") > 0 && !hasToken(headers, "Upgrade", "websocket") &&
		timeline.CountHeaders(headers, "Sec-WebSocket-Accept") == 0
}

// answered takes the request that a response with this status answers. A 101
// answers the latest: nothing may be sent behind a request to switch.
func (s *Stream) answered(status int) (r request) {
	n := len(s.pending)
	switch {
	case n == 0:
	case status == 101:
		r = s.pending[n-1]
		s.pending = s.pending[:0]
	default:
		r = s.pending[0]
		s.pending = s.pending[:copy(s.pending, s.pending[1:])]
	}
	return r
}

// release lets the client's held bytes be what they are after a refusal: the
// next requests.
func (s *Stream) release() {
	c := &s.half[timeline.ClientToServer]
	if len(s.pending) > 0 {
		return
	}
	c.then = atHead
	if c.state != holding {
		return
	}
	c.reset(atHead)
	held := s.held
	s.held = timeline.Backlog{}
	held.Replay(s)
}

// body sets h up for the body of a message: status 0 is a request (RFC 9112 6.3).
func (s *Stream) body(h *half, headers []timeline.Header, status int) {
	h.state = h.then
	if status == 204 || status == 304 {
		return
	}
	if hasToken(headers, "Transfer-Encoding", "chunked") {
		h.state = inChunkSize
		return
	}
	if v, ok := timeline.Get(headers, "Content-Length"); ok {
		v, _, _ = strings.Cut(v, ",")
		if n, err := strconv.ParseUint(strings.TrimSpace(v), 10, 63); err == nil {
			if n > 0 {
				h.state, h.left = inLength, n
			}
			return
		}
	}
	if status != 0 {
		h.state = untilEnd
	}
}

// splitHead cuts a head of so many lines into its first line and its fields. Folded
// lines are joined by one space (RFC 9112 5.2). Strings are owned: they are parts of
// one.
func splitHead(head []byte, lines int) (start string, headers []timeline.Header) {
	text := string(head)
	headers = make([]timeline.Header, 0, max(lines-2, 0)) // but the first line and the empty one
	first := true
	for text != "" {
		line := text
		if n := strings.IndexByte(text, '\n'); n >= 0 { // Cut takes twice as long for one byte
			line, text = text[:n], text[n+1:]
		} else {
			text = ""
		}
		line = strings.TrimRight(line, "\r")
		switch {
		case len(line) == 0:
		case first:
			start, first = strings.TrimSpace(line), false
		case (line[0] == ' ' || line[0] == '\t') && len(headers) > 0:
			last := &headers[len(headers)-1]
			last.Value = strings.TrimSpace(last.Value + " " + strings.TrimSpace(line))
		default:
			if n := strings.IndexByte(line, ':'); n >= 0 {
				headers = append(headers, timeline.Header{Name: strings.TrimSpace(line[:n]), Value: strings.TrimSpace(line[n+1:])})
			}
		}
	}
	return start, headers
}
