package ws

import (
	"fmt"
	"math"

	"github.com/wsdump/wsdump/timeline"
)

// gate holds the calls of both directions of a connection whose handshake is not in the
// capture, until it is known where the frames of each begin. Then it passes them on in
// the order of their packets. So an answer never comes before its question, whichever
// direction is understood first.
//
// That the connection is a WebSocket is known. So a direction needs less evidence than
// one of an unknown connection: its only frame suffices, see [Search.known].
type gate struct {
	log     timeline.Backlog
	half    [2]gateHalf
	passing bool // passOn makes the calls of log
}

// gateHalf is one direction of a gate.
type gateHalf struct {
	search [2]*Search // frames masked as they must be; the other way, nil unless both are possible
	ended  bool
	bytes  uint64
	found  bool
	begin  uint64 // found: bytes before the first frame
	other  bool   // found: by search[1]
	live   bool   // found, and its first frame was passed on
	held   bool   // live, and waits for the other direction
	state  state  // held: what the state of the direction was
}

// gateMost bounds the memory of what a gate holds. It is below searchBytes, so that no
// Search of it forgets bytes.
const gateMost = searchBytes - 1

// NewMidstream returns the WebSocket layer of a connection whose handshake is not in the
// capture. Both directions search for their first frame boundary. RSV1 on a frame means
// that the message is compressed. anyMask allows a client that does not mask its frames,
// and a server that does. Feed what came so far with [Stream.Play].
func NewMidstream(env *Env, conn *timeline.Conn, anyMask bool) *Stream {
	s := New(env, conn)
	s.midstream = true
	s.agreed = rsv1
	s.deflate = &deflate{}
	g := &gate{}
	s.gate = g
	for dir := range s.half {
		c := &s.deflate.half[dir]
		c.takeover, c.lost = true, true
		h := &s.half[dir]
		h.blind, h.guessed = true, true
		s.lose(timeline.Direction(dir), h)
		h.search.known = true
		g.half[dir].search[0] = h.search
		if anyMask {
			g.half[dir].search[1] = NewSearch(!h.search.masked, true)
			g.half[dir].search[1].known = true
		}
	}
	return s
}

// Aligned states that both directions begin with a frame header, so that there is no
// need to search: only the handshake is missing from the capture.
func (s *Stream) Aligned() {
	s.gate = nil
	for dir := range s.half {
		h := &s.half[dir]
		h.state, h.search, h.blind = atHeader, nil, false
	}
}

// Play makes all calls of log to s, which is new. s decides where frames begin by all of
// them together.
func (s *Stream) Play(log *timeline.Backlog) {
	if s.gate == nil {
		log.Replay(s)
		return
	}
	log.Replay(loading{s})
	s.passOn()
}

// loading is the stream of a gate that does not decide yet.
type loading struct{ *Stream }

// Data implements [timeline.Stream].
func (l loading) Data(dir timeline.Direction, at timeline.Stamp, b []byte) {
	l.half[dir].passed += uint64(len(b))
	l.half[dir].unread += uint64(len(b))
	l.gate.data(dir, at, b)
}

// Gap implements [timeline.Stream].
func (l loading) Gap(dir timeline.Direction, at timeline.Stamp, n uint64) { l.gate.gap(dir, at, n) }

// End implements [timeline.Stream].
func (l loading) End(dir timeline.Direction, at timeline.Stamp, why timeline.End) {
	l.gate.end(dir, at, why)
}

func (g *gate) data(dir timeline.Direction, at timeline.Stamp, b []byte) {
	g.log.Data(dir, at, b)
	h := &g.half[dir]
	h.bytes += uint64(len(b))
	for _, search := range h.search {
		if search != nil && !h.found {
			search.Add(at, b)
		}
	}
}

func (g *gate) gap(dir timeline.Direction, at timeline.Stamp, n uint64) {
	g.log.Gap(dir, at, n)
	for _, search := range g.half[dir].search {
		if search != nil && !g.half[dir].found {
			search.Gap()
		}
	}
}

func (g *gate) end(dir timeline.Direction, at timeline.Stamp, why timeline.End) {
	g.log.End(dir, at, why)
	g.half[dir].ended = true
}

// find looks for the first frame of a direction, unless it is known.
func (h *gateHalf) find() {
	for i, search := range h.search {
		if search == nil || h.found {
			continue
		}
		if c, ok := search.first(h.ended); ok {
			h.found, h.other = true, i == 1
			h.begin = h.bytes - uint64(len(search.buf)) + uint64(c.start)
		}
	}
}

// passOn passes on what the gate of s holds, unless a direction has sent something that
// is not understood yet. It removes the gate when it is of no more use.
func (s *Stream) passOn() {
	g := s.gate
	waits, done := false, true
	for dir := range g.half {
		h := &g.half[dir]
		h.find()
		waits = waits || h.bytes > 0 && !h.found && !h.ended
		done = done && (h.found || h.ended)
	}
	if full := g.log.Len() >= gateMost; full {
		done = true
	} else if waits && !(g.half[0].ended && g.half[1].ended) {
		s.hold()
		return
	}
	out := opening{Stream: s}
	for dir := range g.half {
		from, h := &g.half[dir], &s.half[dir]
		out.live[dir] = from.live
		switch {
		case from.held:
			h.state, from.held = from.state, false
		case from.found && !from.live:
			out.skip[dir] = from.begin
			h.state, h.search, h.flipped, from.live = atHeader, nil, from.other, true
		case !from.found: // h.search has the bytes
			out.skip[dir] = math.MaxUint64
		}
	}
	if g.passing = true; done {
		s.gate = nil
	}
	g.log.Replay(&out)
	g.passing = false
}

// gated reports whether the bytes of a direction go to the gate.
func (s *Stream) gated(dir timeline.Direction) bool {
	return s.gate != nil && (!s.gate.half[dir].live || s.gate.half[dir].held)
}

// hold makes the directions that are understood wait for the other.
func (s *Stream) hold() {
	for dir := range s.gate.half {
		if from, h := &s.gate.half[dir], &s.half[dir]; from.live && !from.held {
			from.held, from.state, h.state = true, h.state, lost
		}
	}
}

// opening is a stream that skips the bytes before the first frame of each direction.
type opening struct {
	*Stream
	skip [2]uint64 // MaxUint64: all
	live [2]bool   // a frame was passed on
}

// Data implements [timeline.Stream].
func (o *opening) Data(dir timeline.Direction, at timeline.Stamp, b []byte) {
	if o.skip[dir] == math.MaxUint64 {
		return
	}
	n := min(o.skip[dir], uint64(len(b)))
	o.skip[dir] -= n
	if b = b[n:]; len(b) > 0 {
		o.live[dir] = true
		o.half[dir].passed -= uint64(len(b)) // Data adds them again
		o.Stream.Data(dir, at, b)
	}
}

// Gap implements [timeline.Stream].
func (o *opening) Gap(dir timeline.Direction, at timeline.Stamp, n uint64) {
	if o.live[dir] {
		o.half[dir].passed -= n
		o.Stream.Gap(dir, at, n)
	}
}

// judgeUnread reports a direction that sent bytes of which none was understood.
func (s *Stream) judgeUnread(dir timeline.Direction, h *half, at timeline.Stamp) {
	if s.midstream && h.unread > 0 && s.conn.Counters[dir].Frames == 0 {
		s.emit(dir, &timeline.Finding{
			Rule: ruleUnread, At: at, Got: fmt.Sprintf("%d bytes", h.unread), Detail: "the " + dir.Sender().String() + " did send; its messages are not known",
		})
	}
}
