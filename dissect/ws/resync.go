package ws

import (
	"fmt"

	"github.com/wsdump/wsdump/timeline"
)

// lose starts the search for the next frame boundary of a direction.
func (s *Stream) lose(dir timeline.Direction, h *half) {
	h.state, h.npartial = lost, 0
	if h.search == nil {
		h.search = NewSearch(dir == timeline.ClientToServer, s.deflate != nil)
	} else {
		h.search.Gap()
	}
	if s.deflate != nil {
		s.deflate.half[dir].lose(s.env)
	}
}

// seek searches the next bytes of a direction for a frame boundary, and resumes there
// when the boundary is proven.
func (s *Stream) seek(dir timeline.Direction, h *half, at timeline.Stamp, b []byte) {
	if h.search.Add(at, b) {
		c, _ := h.search.best(enoughAtPiece, enoughInside)
		s.resume(dir, h, c)
	}
}

// resume parses frames from the boundary c on.
func (s *Stream) resume(dir timeline.Direction, h *half, c candidate) {
	search := h.search
	h.search, h.state, h.guessed = nil, atHeader, true
	if !s.midstream {
		at := timeline.Stamp{}
		search.replay(c.start, func(t timeline.Stamp, _ []byte) {
			if at.IsZero() {
				at = t
			}
		})
		s.emit(dir, &timeline.Finding{
			Rule: ruleSyncRegained, At: at,
			Got: fmt.Sprintf("%d bytes were passed over", c.start), Detail: "rows from here on are marked as guessed",
		})
	}
	search.replay(c.start, func(at timeline.Stamp, b []byte) { s.Data(dir, at, b) })
}

// NewMidstream returns the WebSocket layer of a connection whose handshake is
// not in the capture. Both directions search for their first frame boundary. RSV1 on a
// frame means that the message is compressed.
func NewMidstream(env *Env, conn *timeline.Conn) *Stream {
	s := New(env, conn)
	s.midstream = true
	s.agreed = rsv1
	s.deflate = &deflate{}
	for dir := range s.half {
		c := &s.deflate.half[dir]
		c.takeover, c.lost = true, true
		s.half[dir].blind = true
		s.lose(timeline.Direction(dir), &s.half[dir])
	}
	return s
}

// Aligned states that both directions begin with a frame header, so that there is no
// need to search: only the handshake is missing from the capture.
func (s *Stream) Aligned() {
	for dir := range s.half {
		h := &s.half[dir]
		h.state, h.search, h.guessed, h.blind = atHeader, nil, true, false
	}
}
