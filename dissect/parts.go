package dissect

import "github.com/wsdump/wsdump/timeline"

// Parts joins what several Dissectors tell, of which each hears a part of the
// transports ([Options.Parts]). It does what needs the connections of all of them.
// The zero value is ready.
type Parts struct {
	legs  legs
	shown views
}

// Signs are what a connection may be known by. They are looked for in the goroutine of
// its Dissector, in whose cache the handshake is.
type Signs struct {
	leg      leg
	marks    marked
	captured bool // the handshake is known
	accepted bool
}

// SignsOf returns the signs of c, which may be without its number.
func SignsOf(c *timeline.Conn) (s Signs) {
	if c.Handshake == nil || c.Transport == nil {
		return s
	}
	s.captured, s.accepted, s.leg = true, c.Handshake.Accepted(), legOf(c)
	if s.accepted {
		s.marks = marks(c.Handshake)
	}
	return s
}

// Open ties c to the connection on the other side of a proxy, if there is one. Give it
// all that the Dissectors open, in the order of their packets and with their numbers,
// before the sink hears of it. It reports false when c may be another capture of a
// connection that another Dissector told: then one Dissector that hears both would
// tell less. c and s are borrowed; the handshake of c must stay as it is.
func (p *Parts) Open(c *timeline.Conn, s *Signs) (alone bool) {
	if !s.captured {
		return true
	}
	if p.shown.copyOf(c) != nil {
		return false
	}
	if s.accepted {
		s.leg.id = c.ID
		c.LegOf, c.LegGuessed = p.legs.tied(&s.leg, &s.marks)
		p.legs.add(&s.leg, &s.marks)
	}
	return !p.shown.remember(c, nil, nil)
}
