package dissect

import (
	"bytes"

	"github.com/wsdump/wsdump/dissect/http1"
	"github.com/wsdump/wsdump/dissect/http2"
	"github.com/wsdump/wsdump/dissect/tls"
	"github.com/wsdump/wsdump/timeline"
)

// Switch is the stream of one transport, or of what another layer carries
// inside it (TLS, a CONNECT tunnel, the PROXY protocol). It waits for the first
// bytes, lets each protocol look at them, and points past itself from then on.
type Switch struct {
	account *account
	layers  string          // what lies below: "tcp" or "tls"
	next    timeline.Stream // the current layer; nil while undecided
	flip    timeline.Direction
	first   timeline.Backlog // while undecided
	peek    [2][]byte        // the same bytes, by direction
	waiting []timeline.Finding
}

// maxWaiting is how many findings from below wait for a Conn.
const maxWaiting = 16

// Data implements [timeline.Stream].
func (s *Switch) Data(dir timeline.Direction, at timeline.Stamp, b []byte) {
	dir ^= s.flip
	if s.next != nil {
		s.next.Data(dir, at, b)
		return
	}
	s.first.Data(dir, at, b)
	s.peek[dir] = append(s.peek[dir], b...)
	s.decide(dir)
}

// decide looks at the first bytes of a direction.
func (s *Switch) decide(dir timeline.Direction) {
	b := s.peek[dir]
	request, response := http1.ProbeRequest(b), http1.ProbeResponse(b)
	h2, proxy := probePreface(b), probeProxy(b)
	record, whole := tls.IsRecord(b)
	midstream := s.account.transport.Midstream && s.layers == "tcp"
	switch {
	case h2 == http1.Mine:
		s.orient(dir == timeline.ServerToClient)
		s.becomeHTTP2(http2.Options{})
	case request == http1.Mine:
		s.orient(dir == timeline.ServerToClient)
		s.becomeHTTP1()
	case response == http1.Mine:
		s.orient(dir == timeline.ClientToServer)
		s.becomeHTTP1()
	case proxy == http1.Mine && dir == timeline.ClientToServer:
		s.becomeProxied(b)
	case record && whole:
		s.orient((b[5] == serverHello) == (dir == timeline.ClientToServer))
		s.becomeTLS()
	case bytes.HasPrefix(b, []byte("SSH-")):
		s.become("ssh", timeline.Deaf{})
	case request == http1.NeedMore || response == http1.NeedMore || h2 == http1.NeedMore || proxy == http1.NeedMore || record:
	case midstream:
		// Anywhere inside anything: look again where the next piece begins.
		s.account.saw("other")
		s.first, s.peek[dir] = timeline.Backlog{}, nil
	default:
		s.become("other", timeline.Deaf{})
	}
}

// serverHello is the type of the first handshake message of a TLS server.
const serverHello = 2

// preface begins every HTTP/2 connection (RFC 9113 3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

func probePreface(b []byte) http1.Verdict {
	n := min(len(b), len(preface))
	switch {
	case string(b[:n]) != preface[:n]:
		return http1.NotMine
	case n < len(preface):
		return http1.NeedMore
	}
	return http1.Mine
}

func (s *Switch) becomeHTTP1() {
	o := s.account.newOpener(s.layers)
	o.http1 = http1.New(o, s.account.d.limits, s.account.transport.Midstream && s.layers == "tcp")
	if s.account.http == nil {
		s.account.http = o.http1
	}
	s.become("http", o.http1)
}

func (s *Switch) becomeHTTP2(opt http2.Options) {
	s.become("http2", s.account.newHTTP2(s.layers, opt))
}

// become makes next the current layer and lets it hear what was said so far.
func (s *Switch) become(saw string, next timeline.Stream) {
	s.account.saw(saw)
	s.next = next
	s.peek = [2][]byte{}
	for i := range s.waiting {
		next.Finding(&s.waiting[i])
	}
	s.waiting = nil
	s.first.Replay(next)
}

// orient swaps client and server when the bytes say that they are the other
// way round. A SYN knows better, and no row was told yet.
func (s *Switch) orient(swap bool) {
	if !swap || !s.account.transport.Midstream || s.layers != "tcp" {
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
		return
	}
	// What follows may begin anywhere; HTTP finds its own way.
	s.first.Gap(dir, at, n)
	s.peek[dir] = nil
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
		s.waiting = append(s.waiting, *f)
	}
}

// End implements [timeline.Stream].
func (s *Switch) End(dir timeline.Direction, at timeline.Stamp, why timeline.End) {
	dir ^= s.flip
	if s.next != nil {
		s.next.End(dir, at, why)
	} else {
		s.first.End(dir, at, why)
	}
	s.account.end(s, dir, at, why)
}
