package dissect

import "github.com/wsdump/wsdump/timeline"

// Parts does what needs the connections of all Dissectors that share the transports of
// one input ([Options.Parts]). The zero value is ready.
type Parts struct {
	legs  legs
	shown views
}

// Open sets Conn.LegOf of c when the connection on the other side of a proxy is known.
// Call it for every Conn that a Dissector opens, in the order of their packets, with
// its ID set, before Open of the sink. It returns false when c may be a second capture
// of a connection of another Dissector. A single Dissector would hide such a c. Open
// borrows c and s; the handshake of c must not change later.
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
