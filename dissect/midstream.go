package dissect

import (
	"github.com/wsdump/wsdump/dissect/ws"
	"github.com/wsdump/wsdump/timeline"
)

// recogniser decides by frames alone whether a transport is a WebSocket, when its start
// is not in the capture. One direction must be masked, the other not. It tries both
// orientations, with the evidence of [ws.Search].
type recogniser struct {
	log    timeline.Backlog
	bytes  [2]int
	search [2][2]*ws.Search // by who would be the client, and by direction
}

// The evidence that is enough, in tenths of a bit. Two directions that fit each other
// need less than one.
const (
	enoughEach    = 100
	enoughBoth    = 400
	enoughClient  = 480 // the other direction is not in the capture
	enoughServer  = 600
	enoughAgainst = 700       // the other direction gives no evidence
	lookedAt      = 128 << 10 // bytes of a transport
	lookedAtAll   = 64 << 20  // bytes of all transports at a time
)

func newRecogniser() *recogniser {
	r := &recogniser{}
	for client := range r.search {
		for dir := range r.search[client] {
			r.search[client][dir] = ws.NewSearch(dir == client, true)
		}
	}
	return r
}

// add adds the next bytes of a direction. decided is true when the transport is a
// WebSocket, and client is then the direction of the client. done is true when r gives
// up.
func (r *recogniser) add(dir timeline.Direction, at timeline.Stamp, b []byte) (client timeline.Direction, decided, done bool) {
	r.log.Data(dir, at, b)
	r.bytes[dir] += len(b)
	for client := range r.search {
		r.search[client][dir].Add(at, b)
		mine, theirs := r.search[client][client].Bits(), r.search[client][1-client].Bits()
		silent := r.bytes[1-client] == 0
		deaf := r.bytes[client] == 0
		switch {
		case mine >= enoughEach && theirs >= enoughEach && mine+theirs >= enoughBoth,
			silent && mine >= enoughClient, deaf && theirs >= enoughServer,
			mine >= enoughAgainst:
			return timeline.Direction(client), true, true
		}
	}
	return 0, false, r.bytes[0]+r.bytes[1] > lookedAt
}

// gap adds missing bytes.
func (r *recogniser) gap(dir timeline.Direction, at timeline.Stamp, n uint64) {
	r.log.Gap(dir, at, n)
	for client := range r.search {
		r.search[client][dir].Gap()
	}
}

// seek makes s look for protocols whose start is missing.
func (s *Switch) seek() {
	s.anywhere = true
	s.frames = newRecogniser()
}

// look passes a piece to the recogniser, when it is of no other protocol.
func (s *Switch) look(dir timeline.Direction, at timeline.Stamp, b []byte) {
	if s.frames == nil {
		return
	}
	r, d := s.frames, s.account.d
	d.looked += len(b)
	client, decided, done := r.add(dir, at, b)
	if decided || done || d.lookedEnough() {
		s.stopLooking()
	}
	if !decided {
		return
	}
	if client == timeline.ServerToClient {
		if !s.account.transport.Midstream {
			return // a SYN contradicts
		}
		s.orient(true)
		r.log.Exchange()
	}
	s.becomeWebSocket(r)
}

// lookedEnough reports whether all recognisers together have reached their limit.
func (d *Dissector) lookedEnough() bool {
	enough := d.looked*d.part > lookedAtAll
	if enough && d.beyond != nil {
		d.beyond()
	}
	return enough
}

// stopLooking drops the recogniser.
func (s *Switch) stopLooking() {
	if s.frames != nil {
		s.account.d.looked -= s.frames.bytes[0] + s.frames.bytes[1]
		s.frames = nil
	}
}

// becomeWebSocket opens a Conn without a handshake.
func (s *Switch) becomeWebSocket(r *recogniser) {
	a := s.account
	c := a.withoutHandshake(s.layers)
	stream := ws.NewMidstream(a.d.ws, c)
	a.d.sink.Open(c)
	s.first = r.log
	s.become("other", stream)
}

// withoutHandshake returns a Conn without a handshake, recognised by its frames.
func (a *account) withoutHandshake(layers string) *timeline.Conn {
	a.conns++
	return &timeline.Conn{
		Transport: a.transport, Client: a.transport.Client, Server: a.transport.Server, Layers: layers,
		Opened: a.transport.First, Midstream: true, Guessed: true,
	}
}
