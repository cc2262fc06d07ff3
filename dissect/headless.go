package dissect

import (
	"github.com/wsdump/wsdump/dissect/http1"
	"github.com/wsdump/wsdump/timeline"
)

// headless is an HTTP/1 layer that lost a message head to a gap, as in a capture with a
// short snap length. The head may have been a handshake. So the HTTP layer looks for
// its next head while a recogniser looks for WebSocket frames, as on a connection whose
// start is not in the capture. Where the request of a handshake is known, its response is
// what was lost: one frame of the client behind it is enough.
type headless struct {
	*http1.Stream
	s *Switch
}

// afterGap makes headless the current layer when HTTP/1 has lost a head.
func (s *Switch) afterGap() {
	if layer, ok := s.next.(*http1.Stream); ok && s.account.conns == 0 && layer.Lost() {
		s.lookBehind(layer)
	}
}

// lookBehind makes headless the current layer, and looks at the bytes behind a request
// whose response is missing.
func (s *Switch) lookBehind(layer *http1.Stream) {
	h := &headless{layer, s}
	s.next = h
	h.expect()
}

// expect looks for frames behind the request that HTTP has read.
func (h *headless) expect() {
	s := h.s
	s.stopLooking()
	s.frames = s.newRecogniser(h.Asked() != nil)
	held := h.Held()
	held.Replay(&earlier{recogniser: s.frames, d: s.account.d})
	if s.frames.answered() {
		h.become()
	}
}

// unheard looks at the bytes behind a request before its connection ends, when no packet
// of the server was captured, so that no gap shows that it did answer.
func (s *Switch) unheard() {
	t := s.account.transport
	layer, ok := s.next.(*http1.Stream)
	if !ok || s.account.conns > 0 || !t.Midstream || t.Segments[timeline.ServerToClient] > 0 || layer.Asked() == nil {
		return
	}
	if held := layer.Held(); !held.Empty() {
		s.lookBehind(layer)
	}
}

// become makes the connection a WebSocket, with the request that HTTP has read.
func (h *headless) become() {
	s, r := h.s, h.s.frames
	s.stopLooking()
	if _, handler := h.Passed(); handler != nil {
		if o, is := handler.(*opener); is { // what it could tell of no Conn
			s.waiting, o.waiting = append(s.waiting, o.waiting...), nil
		}
	}
	s.becomeWebSocket(r, h.Asked())
}

// heldLookedAt is how many of the bytes behind a request are searched. When frames follow
// it, they begin there.
const heldLookedAt = 16 << 10

// earlier is a stream that adds earlier bytes to a recogniser.
type earlier struct {
	timeline.Deaf
	*recogniser
	d *Dissector
}

// Data implements [timeline.Stream].
func (e *earlier) Data(dir timeline.Direction, at timeline.Stamp, b []byte) {
	e.d.looked += len(b)
	e.log.Data(dir, at, b)
	if e.bytes[0]+e.bytes[1] > heldLookedAt {
		e.bytes[dir] += len(b)
		return
	}
	e.add(dir, at, b)
}

// Gap implements [timeline.Stream].
func (e *earlier) Gap(dir timeline.Direction, at timeline.Stamp, n uint64) { e.gap(dir, at, n) }

// Data implements [timeline.Stream].
func (h *headless) Data(dir timeline.Direction, at timeline.Stamp, b []byte) {
	s := h.s
	h.Stream.Data(dir, at, b)
	if s.account.conns > 0 || !h.Lost() || s.frames == nil { // HTTP found a head, or the recogniser has given no result
		s.stopLooking()
		s.next = h.Stream
		return
	}
	r, d := s.frames, s.account.d
	if !r.asked && h.Asked() != nil {
		h.expect() // b is, or is behind, the request
		return
	}
	d.looked += len(b)
	r.log.Data(dir, at, b)
	client, decided, done := r.add(dir, at, b)
	switch {
	case decided && client == timeline.ClientToServer: // HTTP has told client from server
		h.become()
	case decided, done, d.lookedEnough():
		s.stopLooking()
		s.next = h.Stream
	}
}

// Gap implements [timeline.Stream].
func (h *headless) Gap(dir timeline.Direction, at timeline.Stamp, n uint64) {
	h.Stream.Gap(dir, at, n)
	if h.s.frames != nil {
		h.s.frames.gap(dir, at, n)
	}
}

// End implements [timeline.Stream].
func (h *headless) End(dir timeline.Direction, at timeline.Stamp, why timeline.End) {
	if h.s.lookAtEnd(dir, at, why); h.s.next == timeline.Stream(h) {
		h.Stream.End(dir, at, why)
	}
}
