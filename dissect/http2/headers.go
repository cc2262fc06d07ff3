package http2

import (
	"slices"
	"strconv"
	"strings"

	"github.com/wsdump/wsdump/timeline"
)

// block is a header block that CONTINUATION frames go on with (RFC 9113 4.3).
type block struct {
	open     bool
	broken   bool   // some of it is missing, or it is too large
	head     frame  // the HEADERS or PUSH_PROMISE that began it
	fragment []byte // so far; owned
}

// finishFragment takes the payload p of a HEADERS, PUSH_PROMISE or CONTINUATION
// frame.
func (s *Stream) finishFragment(dir timeline.Direction, h *half, at timeline.Stamp, p []byte) {
	f, b := &h.frame, &h.block
	if f.kind == typeContinuation {
		if !b.open || b.head.stream != f.stream { // of a block that was not captured
			h.block = block{}
			h.table.lose()
			return
		}
	} else {
		if b.open { // never ended
			h.table.lose()
		}
		*b = block{open: true, head: *f}
		var ok bool
		if p, ok = fragment(f, p); !ok {
			h.broken = true
		}
	}
	b.broken = b.broken || h.broken
	switch {
	case b.broken:
		b.fragment = nil
	case len(b.fragment) > 0 || !f.has(flagEndHeaders):
		b.fragment = append(b.fragment, p...)
		p = b.fragment
	}
	if !f.has(flagEndHeaders) {
		return
	}
	head, broken := b.head, b.broken
	*b = block{}
	s.finishBlock(dir, h, at, &head, p, !broken)
}

// fragment takes padding, priority and the promised stream off a payload.
func fragment(f *frame, p []byte) (rest []byte, ok bool) {
	padding, front := 0, 0
	if f.has(flagPadded) {
		if len(p) == 0 {
			return nil, false
		}
		padding, p = int(p[0]), p[1:]
	}
	switch {
	case f.kind == typePushPromise:
		front = 4
	case f.has(flagPriority):
		front = 5
	}
	if len(p) < front+padding {
		return nil, false
	}
	return p[front : len(p)-padding], true
}

// finishBlock decodes a header block; whole reports that no byte of it is missing. Every
// block must be decoded, because it changes the header table.
func (s *Stream) finishBlock(dir timeline.Direction, h *half, at timeline.Stamp, head *frame, p []byte, whole bool) {
	t := &h.table
	if whole {
		whole = t.decode(p)
	} else {
		t.lose()
	}
	if head.kind == typePushPromise {
		return
	}
	if whole && t.cut {
		s.handler.Limit(dir, at, "header fields of an HTTP/2 message", t.most)
	}
	if dir == timeline.ClientToServer {
		s.request(at, head, t, whole)
	} else {
		s.response(at, head, t, whole)
	}
	if head.has(flagEndStream) {
		s.end(dir, at, head.stream, timeline.EndFIN)
	}
}

// request takes a header block of the client. readable is false when nothing
// of it is known.
func (s *Stream) request(at timeline.Stamp, head *frame, t *table, readable bool) {
	id := head.stream
	if id <= s.opened || id&1 == 0 {
		return // trailers
	}
	s.opened = id
	s.hi = min(s.hi, id)
	if st := s.streams[id]; st != nil {
		if st.next != nil || st.handshake != nil {
			return
		}
		delete(s.streams, id)
	}
	var method, target, protocol string
	if readable {
		method, target, protocol = field(t.fields, ":method"), field(t.fields, ":path"), field(t.fields, ":protocol")
	}
	switch {
	case strings.EqualFold(protocol, "websocket") && (method == "CONNECT" || method == "" && t.missing):
		st := s.follow(timeline.ClientToServer, at, id)
		if st == nil {
			return
		}
		st.handshake = &timeline.Handshake{
			Request: head.first, Method: "CONNECT", Target: target, HTTPVersion: "2",
			RequestHeaders: slices.Clone(t.fields),
		}
		st.unreadable = t.missing
	case !readable || t.missing && (method == "" || method == "CONNECT" && protocol == ""):
		s.unreadable(timeline.ClientToServer, at)
		if st := s.follow(timeline.ClientToServer, at, id); st != nil {
			st.unsure = true
		}
	default:
		s.plain++
	}
}

// response takes a header block of the server.
func (s *Stream) response(at timeline.Stamp, head *frame, t *table, readable bool) {
	id := head.stream
	st := s.streams[id]
	if st == nil && !s.mayBeOpen(id) {
		return
	}
	status := 0
	if readable {
		status, _ = strconv.Atoi(field(t.fields, ":status"))
	}
	switch {
	case status >= 100 && status < 200: // interim (RFC 9110 15.2)
	case st == nil || st.unsure:
		s.lateResponse(at, head, t, status)
	case st.handshake == nil || st.next != nil || st.quiet: // trailers
	case status < 200 || status > 999:
		st.answered = true
		s.unreadable(timeline.ServerToClient, at)
	default:
		st.unreadable = st.unreadable || t.missing
		s.answer(at, st, t, status)
	}
}

// answer completes the handshake of st.
func (s *Stream) answer(at timeline.Stamp, st *stream, t *table, status int) {
	hs := st.handshake
	st.answered = true
	hs.Response, hs.Status, hs.ResponseHeaders = at, status, slices.Clone(t.fields)
	s.conclude(at, st)
}

// lateResponse takes the response to a request that was not captured or not
// understood. Its fields may show what the request was.
func (s *Stream) lateResponse(at timeline.Stamp, head *frame, t *table, status int) {
	if status == 0 {
		return
	}
	webSocket := false
	for i := range t.fields {
		name := t.fields[i].Name
		webSocket = webSocket || len(name) > len(fieldPrefix) && strings.EqualFold(name[:len(fieldPrefix)], fieldPrefix)
	}
	body := timeline.CountHeaders(t.fields, "content-type") > 0 || timeline.CountHeaders(t.fields, "content-length") > 0
	success := status < 300
	switch {
	case success && webSocket:
		if st := s.follow(timeline.ServerToClient, at, head.stream); st != nil {
			st.unsure, st.quiet = false, false
			st.handshake = &timeline.Handshake{Request: head.first, HTTPVersion: "2"}
			st.unreadable = true
			// The bytes of the client so far were dropped.
			st.held.Gap(timeline.ClientToServer, at, timeline.GapUnknown)
			s.answer(at, st, t, status)
		}
	case !success || body:
		if st := s.follow(timeline.ServerToClient, at, head.stream); st != nil {
			st.unsure, st.quiet = false, true
		}
	}
}

// fieldPrefix begins the fields of RFC 6455 11.3.
const fieldPrefix = "Sec-WebSocket-"

// unreadable reports, once a connection, that header fields are unknown.
func (s *Stream) unreadable(dir timeline.Direction, at timeline.Stamp) {
	if !s.headersLost {
		s.headersLost = true
		s.handler.Finding(&timeline.Finding{
			Rule: ruleHeadersUnknown, Dir: dir, HasDir: true, At: at,
			Detail: "what a stream was opened for cannot be known",
		})
	}
}

// field returns the value of a pseudo-header field. Names are in lower case
// (RFC 9113 8.2).
func field(fields []timeline.Header, name string) string {
	for i := range fields {
		if fields[i].Name == name {
			return fields[i].Value
		}
	}
	return ""
}
