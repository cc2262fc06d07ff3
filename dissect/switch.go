package dissect

import (
	"bytes"
	"fmt"

	"github.com/wsdump/wsdump/dissect/http1"
	"github.com/wsdump/wsdump/dissect/tls"
	"github.com/wsdump/wsdump/dissect/ws"
	"github.com/wsdump/wsdump/timeline"
)

// What a transport turned out to speak, when it was no WebSocket.
const (
	sawTLS   = "TLS"
	sawHTTP  = "plain HTTP"
	sawHTTP2 = "HTTP/2"
	sawSSH   = "SSH"
	sawOther = "other"
	sawEmpty = "without data"
)

// Switch is the stream of one transport. It holds the current layer and is the
// [http1.Handler] of its HTTP layer.
type Switch struct {
	d         *Dissector
	transport *timeline.Transport
	layers    string          // what lies below, for Conn.Layers
	next      timeline.Stream // the current layer; nil while undecided
	flip      timeline.Direction
	first     timeline.Backlog // while undecided
	peek      [2][]byte        // the same bytes, by direction
	ending    timeline.Ending
	saw       string
	hello     []byte         // of a TLS client, until it is read
	attempt   *timeline.Conn // refused or unanswered, not closed yet
	conn      *timeline.Conn // the latest
	waiting   []timeline.Finding
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
	record, whole := tls.IsRecord(b)
	switch {
	case bytes.HasPrefix(b, []byte("PRI * HTTP/2.0\r\n")):
		s.become(sawHTTP2, timeline.Deaf{})
	case request == http1.Mine:
		if dir == timeline.ServerToClient && s.transport.Midstream {
			s.exchange()
		}
		s.becomeHTTP()
	case response == http1.Mine:
		if dir == timeline.ClientToServer && s.transport.Midstream {
			s.exchange()
		}
		s.becomeHTTP()
	case record && whole:
		s.become(sawTLS, helloReader{s})
	case bytes.HasPrefix(b, []byte("SSH-")):
		s.become(sawSSH, timeline.Deaf{})
	case request == http1.NeedMore || response == http1.NeedMore || record:
	case s.transport.Midstream:
		// Anywhere inside anything: look again where the next piece begins.
		s.saw = sawOther
		s.first, s.peek[dir] = timeline.Backlog{}, nil
	default:
		s.become(sawOther, timeline.Deaf{})
	}
}

func (s *Switch) becomeHTTP() {
	s.become(sawHTTP, http1.New(s, s.d.limits, s.transport.Midstream))
}

// become makes next the current layer and lets it hear what was said so far.
func (s *Switch) become(saw string, next timeline.Stream) {
	s.saw, s.next = saw, next
	s.peek = [2][]byte{}
	s.first.Replay(next)
}

// exchange swaps client and server. No row was told yet.
func (s *Switch) exchange() {
	s.flip ^= 1
	s.transport.Exchange()
	s.first.Exchange()
	s.ending.Exchange()
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

// Finding implements [timeline.Stream] and [http1.Handler].
func (s *Switch) Finding(f *timeline.Finding) {
	if f.HasDir {
		f.Dir ^= s.flip
	}
	switch {
	case s.conn != nil:
		s.conn.Tell(s.d.sink, f)
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
	if !s.ending.Add(dir, at, why) {
		return
	}
	if s.attempt != nil {
		if why == timeline.EndOpen { // it was over with the answer, not with the capture
			at = s.transport.Last
		}
		s.closeAttempt(at)
	}
	if s.conn == nil {
		if s.saw == "" {
			s.saw = sawEmpty
			if !s.first.Empty() && s.transport.Bytes != [2]uint64{} {
				s.saw = sawOther
			}
		}
		s.d.seen[s.saw]++
	}
}

// Handshake implements [http1.Handler].
func (s *Switch) Handshake(h *timeline.Handshake) timeline.Stream {
	if s.attempt != nil {
		s.closeAttempt(h.Request)
	}
	understand(h, false)
	c := &timeline.Conn{
		Transport: s.transport, Handshake: h, Client: s.transport.Client, Server: s.transport.Server,
		Layers: s.layers, Opened: h.Request,
	}
	s.conn = c
	var next timeline.Stream
	if h.Accepted() {
		next = ws.New(s.d.ws, c)
	} else {
		s.attempt = c
	}
	s.d.sink.Open(c)
	for i := range s.waiting {
		c.Tell(s.d.sink, &s.waiting[i])
	}
	s.waiting = nil
	for _, f := range judge(h, c.Server.Addr()) {
		c.Tell(s.d.sink, &f)
	}
	return next
}

// EarlyData implements [http1.Handler].
func (s *Switch) EarlyData(at timeline.Stamp, n int) {
	s.Finding(&timeline.Finding{Rule: ruleEarlyData, Dir: s.flip, HasDir: true, At: at})
}

// Tunnel implements [http1.Handler].
func (s *Switch) Tunnel(protocol string) timeline.Stream {
	return timeline.Deaf{}
}

// Limit implements [http1.Handler].
func (s *Switch) Limit(dir timeline.Direction, at timeline.Stamp, what string, most int) {
	s.Finding(&timeline.Finding{Rule: ruleLimit, Dir: dir ^ s.flip, HasDir: true, At: at, Got: what, Want: fmt.Sprintf("%d bytes at most", most)})
}

// closeAttempt closes the Conn of a handshake that opened no WebSocket.
func (s *Switch) closeAttempt(at timeline.Stamp) {
	c := s.attempt
	s.attempt = nil
	c.Finish(&s.ending, at)
	c.Settle(s.d.sink, at)
	s.d.sink.Close(c, at)
}

// helloReader is the layer of TLS without keys: it reads the ClientHello for
// the server's name and is deaf from then on.
type helloReader struct{ *Switch }

func (r helloReader) Data(dir timeline.Direction, _ timeline.Stamp, b []byte) {
	if dir != timeline.ClientToServer || r.saw != sawTLS || len(r.hello) > tls.MaxHello {
		return
	}
	r.hello = append(r.hello, b[:min(len(b), tls.MaxHello+1-len(r.hello))]...)
	if h, ok := tls.ParseHello(r.hello); ok || len(r.hello) > tls.MaxHello {
		if ok && h.ServerName != "" {
			r.d.sawName(h.ServerName)
		}
		r.hello = make([]byte, 0)
		r.next = timeline.Deaf{}
	}
}

func (r helloReader) Gap(timeline.Direction, timeline.Stamp, uint64)       { r.next = timeline.Deaf{} }
func (r helloReader) Finding(*timeline.Finding)                            {}
func (r helloReader) End(timeline.Direction, timeline.Stamp, timeline.End) {}
