package ws

import (
	"fmt"
	"strings"

	"github.com/wsdump/wsdump/timeline"
)

// End implements [timeline.Stream]. With the second direction the connection
// is closed.
func (s *Stream) End(dir timeline.Direction, at timeline.Stamp, why timeline.End) {
	h := &s.half[dir]
	if h.ended {
		return
	}
	if s.gate != nil && !s.gate.passing {
		s.gate.end(dir, at, why)
		s.passOn()
		return
	}
	h.ended = true
	if s.tap != nil {
		s.tap.End(dir, at, why)
	}
	s.endHTTP(dir, h)
	if h.state == lost {
		if c, ok := h.search.first(true); ok {
			s.resume(dir, h, c)
		}
		s.judgeUnread(dir, h, at)
	}
	s.cutShort(dir, h, at)
	if !s.ending.Add(dir, at, why) {
		return
	}
	s.over = true
	s.conn.Finish(&s.ending, at)
	JudgeDirections(s.conn, s.env.sink, at)
	s.judgeEnd(at)
	s.endDeflate(at)
	s.conn.Settle(s.env.sink, at)
	s.env.sink.Close(s.conn, at)
}

// cutShort emits the frame and the message inside which a direction ended.
func (s *Stream) cutShort(dir timeline.Direction, h *half, at timeline.Stamp) {
	if h.state == inPayload || h.npartial > 0 {
		f := timeline.Finding{Rule: ruleFrameIncomplete, At: at, Got: "a header cut short"}
		if h.state == inPayload {
			f.Got, f.Want = fmt.Sprintf("%d payload bytes", h.done), fmt.Sprint(h.header.length)
			h.markHole()
			s.finish(dir, h, &at)
		}
		h.npartial = 0
		f.N = 0
		s.emit(dir, &f)
	}
	s.abandon(dir, h, &at)
}

// JudgeDirections reports on c, which ends, a side that sent data of which no packet was
// captured.
func JudgeDirections(c *timeline.Conn, sink timeline.Sink, at timeline.Stamp) {
	t := c.Transport
	if t == nil {
		return
	}
	for dir := range t.Segments {
		if other := 1 - dir; t.Segments[dir] == 0 && t.Gaps[dir] > 0 && t.Segments[other] > 0 {
			who := timeline.Direction(dir).Sender().String()
			c.Tell(sink, &timeline.Finding{
				Rule: ruleOneDirection, Dir: timeline.Direction(dir), HasDir: true, At: at, Got: fmt.Sprintf("%d bytes of the %s are missing", t.Gaps[dir], who),
				Detail: "no packet with data of the " + who + " is in the capture",
			})
		}
	}
}

// judgeEnd reports what was wrong with the end of the connection. It reports nothing
// that bytes missing from the capture may explain.
func (s *Stream) judgeEnd(at timeline.Stamp) {
	c := s.conn
	for dir := range s.half {
		s.judgePings(timeline.Direction(dir), at.Time)
	}
	over := c.TCP == timeline.TCPFIN || c.TCP == timeline.TCPReset
	if !over {
		return
	}
	both := c.ClosedBy[0] && c.ClosedBy[1]
	blind := s.half[0].blind && !c.ClosedBy[0] || s.half[1].blind && !c.ClosedBy[1]
	emit := func(f timeline.Finding) {
		f.At = at
		c.Tell(s.env.sink, &f)
	}
	if c.TCP == timeline.TCPReset && !both && !blind {
		emit(timeline.Finding{Rule: ruleReset})
	}
	switch {
	case both || blind:
	case !c.ClosedBy[0] && !c.ClosedBy[1]:
		emit(timeline.Finding{Rule: ruleCloseMissing})
	default:
		emit(timeline.Finding{Rule: ruleCloseUnanswered, Got: "close frame of the " + c.By.String()})
	}
	if c.FirstFIN == timeline.PartyClient && !strings.HasPrefix(c.Layers, "h2") { // a stream leaves no TIME_WAIT
		emit(timeline.Finding{Rule: ruleTCPClosedByClient})
	}
}
