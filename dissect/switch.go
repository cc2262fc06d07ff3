package dissect

import (
	"bytes"

	"github.com/wsdump/wsdump/dissect/http1"
	"github.com/wsdump/wsdump/dissect/http2"
	"github.com/wsdump/wsdump/dissect/tls"
	"github.com/wsdump/wsdump/timeline"
)

// Switch is the stream of one transport, or of the bytes inside another layer (TLS, a
// CONNECT tunnel, the PROXY protocol). It identifies the protocol by the first bytes,
// and then passes all calls to the layer of that protocol.
type Switch struct {
	account *account
	layers  string          // what lies below: "tcp" or "tls"
	next    timeline.Stream // the current layer; nil while undecided
	flip    timeline.Direction
	first   timeline.Backlog // while undecided: all calls so far
	peek    [2][]byte        // while undecided: the bytes so far, by direction
	waiting []timeline.Finding
	// anywhere: the start is missing, so that the bytes may begin inside a message.
	anywhere bool
	forced   bool        // the operator named WebSocket, see DecodeAs
	frames   *recogniser // looks for WebSocket frames; nil when it has decided or given no result
}

// maxWaiting bounds the findings from lower layers that wait for a Conn.
const maxWaiting = 16

// Data implements [timeline.Stream].
func (s *Switch) Data(dir timeline.Direction, at timeline.Stamp, b []byte) {
	dir ^= s.flip
	if s.next != nil {
		s.next.Data(dir, at, b)
		s.pass()
		return
	}
	if dir == timeline.ClientToServer && s.undecided() && http1.ProbeRequest(b) == timeline.Mine {
		s.becomeHTTP1() // as decide would do, without a copy of b
		s.next.Data(dir, at, b)
		return
	}
	s.first.Data(dir, at, b)
	if s.frames != nil {
		s.frames.log.Data(dir, at, b)
	}
	s.peek[dir] = append(s.peek[dir], b...)
	s.decide(dir, at)
}

// Settled implements [timeline.Settled]. The caller asks until it gets a stream, so
// Settled returns nil for HTTP, which may still become another layer.
func (s *Switch) Settled() timeline.Stream {
	if s.next == nil || s.flip != 0 {
		return nil
	}
	if further, is := s.next.(timeline.Settled); is {
		return further.Settled()
	}
	if p, is := s.next.(*passed); is {
		return p.Stream // passed only changes where findings go
	}
	return s.next
}

// undecided reports whether no byte came so far on a connection whose start is in the
// capture.
func (s *Switch) undecided() bool { return !s.anywhere && !s.forced && s.first.Empty() }

// decide identifies the protocol by the first bytes of direction dir, if they suffice.
func (s *Switch) decide(dir timeline.Direction, at timeline.Stamp) {
	b := s.peek[dir]
	request, response := http1.ProbeRequest(b), http1.ProbeResponse(b)
	h2, proxy := http2.Probe(b), probeProxy(b)
	record, whole := tls.IsRecord(b)
	switch {
	case h2 == timeline.Mine:
		s.orient(dir == timeline.ServerToClient)
		s.becomeHTTP2(http2.Options{})
	case request == timeline.Mine:
		s.orient(dir == timeline.ServerToClient)
		s.becomeHTTP1()
	case response == timeline.Mine:
		s.orient(dir == timeline.ClientToServer)
		s.becomeHTTP1()
	case proxy == timeline.Mine && dir == timeline.ClientToServer:
		s.becomeProxied(b)
	case s.anywhere && isApplicationData(b):
		s.becomeTLS()
	case record && whole:
		s.orient((b[5] == serverHello) == (dir == timeline.ClientToServer))
		s.becomeTLS()
	case bytes.HasPrefix(b, []byte("SSH-")):
		s.become("ssh", timeline.Deaf{})
	case s.forced && !s.anywhere && len(b) >= 2 && request == timeline.NotMine && response == timeline.NotMine:
		s.becomeForced()
	case request == timeline.NeedMore || response == timeline.NeedMore || h2 == timeline.NeedMore || proxy == timeline.NeedMore || record:
	case dir == timeline.ServerToClient && isSettings(b):
		// An HTTP/2 server may send first (RFC 9113 3.4). The client's bytes will decide.
	case s.anywhere && http2.ProbeFrames(dir, b) == timeline.Mine:
		s.becomeHTTP2(http2.Options{Seek: true})
	case s.anywhere:
		// Not identified. The next piece may begin with a message.
		s.account.sawProtocol("other", s.layers == "tls")
		s.first.Drop(dir)
		s.peek[dir] = nil
		s.look(dir, at, b)
	default:
		s.become("other", timeline.Deaf{})
	}
}

// serverHello is the type of the first handshake message of a TLS server.
const serverHello = 2

// isApplicationData reports whether b begins like a TLS record in the middle of
// a connection (RFC 8446 5.1).
func isApplicationData(b []byte) bool {
	return len(b) >= 5 && b[0] == 23 && b[1] == 3 && b[2] >= 1 && b[2] <= 3 && b[3] <= 0x48
}

// isSettings reports whether b can be the SETTINGS frame with which an HTTP/2
// server begins: whole settings of 6 bytes, type 4, no ACK, stream 0.
func isSettings(b []byte) bool {
	head := [...]byte{3: 4, 8: 0}
	if n := min(len(b), len(head)); n < 4 {
		return n > 0 && b[0] == 0
	} else if string(b[3:n]) != string(head[3:n]) {
		return false
	}
	length := int(b[0])<<16 | int(b[1])<<8 | int(b[2])
	return length%6 == 0 && length <= 6*32 && len(b) <= 4<<10
}

func (s *Switch) becomeHTTP1() {
	o := s.account.newOpener(s.layers)
	o.http1 = true
	layer := s.account.d.spare
	if s.account.d.spare = nil; layer != nil {
		layer.Reset(o, s.anywhere)
	} else {
		layer = http1.New(o, s.account.d.limits, s.anywhere)
	}
	if s.account.http == nil {
		s.account.http = layer
	}
	s.become("http", layer)
}

// passed replaces an HTTP/1 layer whose connection has become a WebSocket. Bytes go to
// the WebSocket layer, and findings to the handler of the HTTP layer.
type passed struct {
	timeline.Stream
	handler http1.Handler
}

// Finding implements [timeline.Stream].
func (p *passed) Finding(f *timeline.Finding) { p.handler.Finding(f) }

// Weight implements [timeline.Weighed].
func (p *passed) Weight() int { return timeline.Weight(p.Stream) }

// pass frees an HTTP/1 layer that is done. There may be many WebSockets, and they live
// long.
func (s *Switch) pass() {
	layer, ok := s.next.(*http1.Stream)
	if !ok || s.account.conns == 0 {
		return
	}
	next, handler := layer.Passed()
	if next == nil {
		return
	}
	p := &s.account.passed
	if p.Stream != nil {
		p = &passed{}
	}
	*p = passed{next, handler}
	s.next = p
	if s.account.http == layer {
		s.account.http = nil // used only when there is no WebSocket
	}
	s.account.d.spare = layer
}

func (s *Switch) becomeHTTP2(opt http2.Options) {
	s.become("http2", s.account.newHTTP2(s.layers, opt))
}

// become makes next the current layer and passes it all calls so far.
func (s *Switch) become(saw string, next timeline.Stream) {
	s.account.sawProtocol(saw, s.layers == "tls")
	s.stopLooking()
	s.next = next
	s.peek = [2][]byte{}
	for i := range s.waiting {
		next.Finding(&s.waiting[i])
	}
	s.waiting = nil
	s.first.Replay(next)
}

// orient swaps client and server when swap is true. It does nothing when a SYN was
// captured, because a SYN is sure. No row was emitted before.
func (s *Switch) orient(swap bool) {
	if !swap || !s.anywhere || s != &s.account.root || !s.account.transport.Midstream {
		return
	}
	s.flip ^= 1
	s.account.transport.Exchange()
	s.first.Exchange()
	s.peek[0], s.peek[1] = s.peek[1], s.peek[0]
}

// Gap implements [timeline.Stream].
func (s *Switch) Gap(dir timeline.Direction, at timeline.Stamp, n uint64) {
	dir ^= s.flip
	if s.next != nil {
		s.next.Gap(dir, at, n)
		s.afterGap()
		return
	}
	// The bytes after the gap may begin inside a message.
	if !s.anywhere {
		s.seek()
	}
	s.first.Gap(dir, at, n)
	s.peek[dir] = nil
	if s.frames != nil {
		s.frames.gap(dir, at, n)
	}
}

// Finding implements [timeline.Stream].
func (s *Switch) Finding(f *timeline.Finding) {
	if f.HasDir {
		f.Dir ^= s.flip
	}
	switch {
	case s.next != nil:
		s.next.Finding(f)
	case len(s.waiting) < maxWaiting:
		s.waiting = f.AppendClone(s.waiting)
	}
}

// End implements [timeline.Stream].
func (s *Switch) End(dir timeline.Direction, at timeline.Stamp, why timeline.End) {
	dir ^= s.flip
	if s.next != nil {
		s.unheard()
		s.next.End(dir, at, why)
	} else {
		s.first.End(dir, at, why)
		s.lookAtEnd(dir, at, why)
	}
	if s.account.end(s, dir, at, why) {
		s.stopLooking()
	}
}

// Released implements [timeline.Released].
func (s *Switch) Released() {
	s.account.released = true
	s.account.recycle()
}

// switchWeight is the memory of an account in bytes, by measurement.
const switchWeight = 580

// Weight implements [timeline.Weighed].
func (s *Switch) Weight() int {
	n := switchWeight + s.first.Weight() + cap(s.peek[0]) + cap(s.peek[1]) + timeline.Weight(s.next)
	if s.frames != nil {
		n += s.frames.bytes[0] + s.frames.bytes[1]
	}
	return n
}
