package ws

import (
	"fmt"

	"github.com/wsdump/wsdump/timeline"
)

// lose starts the search for the next frame boundary of a direction.
func (s *Stream) lose(dir timeline.Direction, h *half) {
	h.state, h.npartial = lost, 0
	if h.search == nil {
		h.search = NewSearch((dir == timeline.ClientToServer) != h.flipped, s.deflate != nil)
		h.search.known = s.midstream
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
	h.unread += uint64(len(b))
	if s.gated(dir) {
		s.gate.data(dir, at, b)
		s.passOn()
		return
	}
	if h.search.Add(at, b) {
		c, _ := h.search.first(false)
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
	search.replay(c.start, func(at timeline.Stamp, b []byte) {
		h.passed -= uint64(len(b)) // Data adds them again
		s.Data(dir, at, b)
	})
}
