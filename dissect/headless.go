package dissect

import (
	"github.com/wsdump/wsdump/dissect/http1"
	"github.com/wsdump/wsdump/timeline"
)

// headless is an HTTP/1 layer that lost a message head to a gap, as in a capture with a
// short snap length. The head may have been a handshake. So the HTTP layer looks for
// its next head while a recogniser looks for WebSocket frames, as on a connection whose
// start is not in the capture.
type headless struct {
	*http1.Stream
	s *Switch
}

// afterGap makes headless the current layer when HTTP/1 has lost a head.
func (s *Switch) afterGap() {
	if layer, ok := s.next.(*http1.Stream); ok && s.account.conns == 0 && layer.Lost() {
		s.frames = s.newRecogniser()
		s.next = &headless{layer, s}
		held := layer.Held() // bytes after a request whose response is missing
		held.Replay(&earlier{recogniser: s.frames, d: s.account.d})
	}
}

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
	d.looked += len(b)
	r.log.Data(dir, at, b)
	client, decided, done := r.add(dir, at, b)
	switch {
	case decided && client == timeline.ClientToServer: // HTTP has told client from server
		s.stopLooking()
		s.becomeWebSocket(r)
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
	h.Stream.End(dir, at, why)
	h.s.lookAtEnd(dir, at, why)
}
