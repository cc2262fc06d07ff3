package dissect

import "github.com/wsdump/wsdump/timeline"

// Parts joins what several Dissectors tell, of which each hears a part of the
// transports ([Options.Parts]). It does what needs the connections of all of them.
// The zero value is ready.
type Parts struct {
	legs  legs
	shown views
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
		c.LegOf, c.LegGuessed = p.legs.tie(s)
		p.legs.number(s, c.ID)
	}
	return !p.shown.remember(c, nil, nil)
}
