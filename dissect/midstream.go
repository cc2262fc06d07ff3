package dissect

import (
	"github.com/wsdump/wsdump/dissect/ws"
	"github.com/wsdump/wsdump/timeline"
)

// recogniser decides by frames alone whether a transport is a WebSocket, when its start
// is not in the capture. One direction must be masked, the other not. It tries both
// orientations, with the evidence of [ws.Search].
//
// When the operator said that it is a WebSocket, only who is the client is in doubt: who
// masks, see [recogniser.told].
type recogniser struct {
	sure   bool // the operator named WebSocket
	asked  bool // the request of a handshake came before, and its response is missing
	swaps  bool // client and server may be exchanged
	log    timeline.Backlog
	bytes  [2]int
	ended  [2]bool
	search [2][2]*ws.Search // by who would be the client, and by direction
}

// The evidence that is enough, in tenths of a bit. Two directions that fit each other
// need less than one.
const (
	enoughEach    = 100
	enoughBoth    = 400
	enoughClient  = 480 // the other direction is not in the capture
	enoughServer  = 600
	enoughAtEnd   = 300       // no more bytes will come, and all of both directions are frames
	enoughAgainst = 700       // the other direction gives no evidence
	lookedAt      = 128 << 10 // bytes of a transport
	lookedAtAll   = 64 << 20  // bytes of all transports at a time
)

// newRecogniser returns a recogniser for s. asked states that the request of a handshake
// came before.
func (s *Switch) newRecogniser(asked bool) *recogniser {
	r := &recogniser{sure: s.forced, asked: asked, swaps: s.account.transport.Midstream}
	for client := range r.search {
		for dir := range r.search[client] {
			if r.sure || asked {
				r.search[client][dir] = ws.NewKnownSearch(dir == client)
			} else {
				r.search[client][dir] = ws.NewSearch(dir == client, true)
			}
		}
	}
	return r
}

// add adds the next bytes of a direction, which log has. decided is true when the
// transport is a WebSocket, and client is then the direction of the client. done is true
// when r gives up.
func (r *recogniser) add(dir timeline.Direction, at timeline.Stamp, b []byte) (client timeline.Direction, decided, done bool) {
	r.bytes[dir] += len(b)
	for client := range r.search {
		r.search[client][dir].Add(at, b)
	}
	done = r.bytes[0]+r.bytes[1] > lookedAt
	switch {
	case r.sure:
		client, decided = r.told(done)
		return client, decided, decided
	case r.answered():
		return timeline.ClientToServer, true, true
	}
	for client := range r.search {
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
	return 0, false, done
}

// answered reports whether a frame shows that the handshake was accepted whose response
// is missing.
func (r *recogniser) answered() bool {
	const c, s = timeline.ClientToServer, timeline.ServerToClient
	return r.asked && (r.search[c][c].Found(r.ended[c]) || r.search[c][s].Found(r.ended[s]))
}

// told returns the direction of the client of a connection that is a WebSocket because
// the operator said so. The side that masks its frames is the client. When nobody does,
// it is who the transport says. over states that r must decide now.
func (r *recogniser) told(over bool) (client timeline.Direction, decided bool) {
	const c, s = timeline.ClientToServer, timeline.ServerToClient
	found := func(dir timeline.Direction, masked bool) bool {
		who := dir
		if !masked {
			who = dir.Reverse()
		}
		return r.search[who][dir].Found(over || r.ended[dir])
	}
	switch {
	case !r.swaps, found(c, true):
		return c, true
	case found(s, true):
		return s, true
	case found(s, false):
		return c, true
	case !found(c, false):
		return c, over
	case r.bytes[s] == 0 && (over || r.search[s][c].Bits() >= enoughServer):
		return s, true // no mask, and nobody else: a server
	}
	return c, over
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
	s.frames = s.newRecogniser(false)
}

// look passes a piece to the recogniser, when it is of no other protocol.
func (s *Switch) look(dir timeline.Direction, at timeline.Stamp, b []byte) {
	if s.frames == nil {
		return
	}
	r, d := s.frames, s.account.d
	d.looked += len(b)
	client, decided, done := r.add(dir, at, b)
	if !decided && d.lookedEnough() {
		client, decided = r.giveUp()
		done = true
	}
	if decided || done {
		s.stopLooking()
	}
	if decided {
		s.recognised(r, client)
	}
}

// giveUp decides when no more bytes are looked at.
func (r *recogniser) giveUp() (client timeline.Direction, decided bool) {
	switch {
	case r.bytes[0]+r.bytes[1] == 0:
		return 0, false
	case r.sure:
		return r.told(true)
	}
	if r.ended[0] && r.ended[1] {
		for client := range r.search {
			mine, theirs := r.search[client][client].WholeBits(), r.search[client][1-client].WholeBits()
			if mine >= enoughEach && theirs >= enoughEach && mine+theirs >= enoughAtEnd {
				return timeline.Direction(client), true
			}
		}
	}
	return timeline.ClientToServer, r.answered()
}

// lookAtEnd decides when no more bytes will come.
func (s *Switch) lookAtEnd(dir timeline.Direction, at timeline.Stamp, why timeline.End) {
	r := s.frames
	if r == nil {
		return
	}
	r.log.End(dir, at, why)
	r.ended[dir] = true
	if !r.ended[0] || !r.ended[1] {
		return
	}
	if client, decided := r.giveUp(); decided {
		s.stopLooking()
		s.recognised(r, client)
	}
}

// recognised opens a Conn for the connection of r.
func (s *Switch) recognised(r *recogniser, client timeline.Direction) {
	if client == timeline.ServerToClient {
		if !s.account.transport.Midstream {
			return // a SYN contradicts
		}
		s.orient(true)
		r.log.Exchange()
	}
	var request *timeline.Handshake
	if h, is := s.next.(*headless); is {
		request = h.Asked()
	}
	s.becomeWebSocket(r, request)
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

// becomeWebSocket opens a Conn whose handshake is not in the capture, or of which only
// the request is.
func (s *Switch) becomeWebSocket(r *recogniser, request *timeline.Handshake) {
	a := s.account
	c := a.withoutHandshake(s.layers)
	c.Guessed = !r.sure
	if request != nil {
		Understand(request, s.layers == "tls")
		request.Unseen = true
		c.Handshake, c.Opened = request, request.Request
	}
	stream := ws.NewMidstream(a.d.ws, c, r.sure)
	a.d.sink.Open(c)
	s.first = timeline.Backlog{}
	s.become("other", stream)
	if request != nil {
		for _, f := range judge(request, c.Server.Addr()) {
			c.Tell(a.d.sink, &f)
		}
	}
	stream.Play(&r.log)
}

// withoutHandshake returns a Conn without a handshake.
func (a *account) withoutHandshake(layers string) *timeline.Conn {
	a.conns++
	return &timeline.Conn{
		Transport: a.transport, Client: a.transport.Client, Server: a.transport.Server, Layers: layers,
		Opened: a.transport.First, Midstream: true,
	}
}
