package dissect

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/wsdump/wsdump/dissect/ws"
	"github.com/wsdump/wsdump/timeline"
)

// DecodeAs names the protocol on a range of TCP ports, for traffic that the first bytes
// do not identify.
type DecodeAs struct {
	From, To uint16
	Protocol string // "ws", "tls", "http" or "none"
}

// ParseDecodeAs reads "tcp.port==8080,ws" or "tcp.port==8000-8099,tls".
func ParseDecodeAs(spec string) (d DecodeAs, err error) {
	where, what, ok := strings.Cut(spec, ",")
	ports, isPort := strings.CutPrefix(strings.ReplaceAll(where, " ", ""), "tcp.port==")
	d.Protocol = strings.TrimSpace(what)
	if !ok || !isPort {
		return d, fmt.Errorf("want tcp.port==N,PROTOCOL or tcp.port==N-M,PROTOCOL")
	}
	first, last, isRange := strings.Cut(ports, "-")
	if !isRange {
		last = first
	}
	from, err1 := strconv.ParseUint(first, 10, 16)
	to, err2 := strconv.ParseUint(last, 10, 16)
	if err1 != nil || err2 != nil || from > to {
		return d, fmt.Errorf("%q is no port and no range of ports", ports)
	}
	d.From, d.To = uint16(from), uint16(to)
	switch d.Protocol {
	case "ws", "tls", "http", "none":
		return d, nil
	}
	return d, fmt.Errorf("%q is none of ws, tls, http, none", d.Protocol)
}

// protocolOf returns the protocol that the operator named for the ports of t, "" for
// none. The last entry that fits wins.
func (d *Dissector) protocolOf(t *timeline.Transport) (protocol string) {
	for _, r := range d.decodeAs {
		for _, port := range [...]uint16{t.Server.Port(), t.Client.Port()} {
			if r.From <= port && port <= r.To {
				protocol = r.Protocol
			}
		}
	}
	return protocol
}

// force makes s decode the protocol that the operator named, whatever the first bytes
// are. For "ws" s still looks for a handshake first.
func (s *Switch) force(protocol string) {
	switch protocol {
	case "none":
		s.become("other", timeline.Deaf{})
	case "tls":
		s.becomeTLS()
	case "http":
		s.becomeHTTP1()
	case "ws":
		s.forced = true
		if s.frames != nil {
			s.seek() // with what the operator said
		}
	}
}

// becomeForced opens a Conn without a handshake on a connection whose first bytes are in
// the capture: they begin a frame.
func (s *Switch) becomeForced() {
	a := s.account
	c := a.withoutHandshake(s.layers)
	stream := ws.NewMidstream(a.d.ws, c, true)
	stream.Aligned()
	a.d.sink.Open(c)
	s.become("other", stream)
}
