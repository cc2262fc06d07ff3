package dissect

import (
	"fmt"

	"github.com/wsdump/wsdump/dissect/http2"
	"github.com/wsdump/wsdump/dissect/tls"
	"github.com/wsdump/wsdump/dissect/ws"
	"github.com/wsdump/wsdump/timeline"
)

// opener makes Conns from handshakes. It is the handler of one HTTP layer,
// [http1.Handler] and [http2.Handler].
type opener struct {
	account *account
	layers  string // for Conn.Layers
	http1   bool   // not HTTP/2
	conn    *timeline.Conn
	sink    timeline.Sink // of conn
	attempt *attempt      // over HTTP/1: the latest, while it is open
	waiting []timeline.Finding
}

// Handshake implements [http1.Handler] and [http2.Handler].
func (o *opener) Handshake(h *timeline.Handshake) timeline.Stream {
	a := o.account
	if o.attempt != nil {
		o.attempt.close(h.Request)
	}
	secure := o.layers == "tls" || o.layers == "h2+tls"
	Understand(h, secure)
	c := a.d.newConn()
	c.Transport, c.Client, c.Server = a.transport, a.transport.Client, a.transport.Server
	c.Handshake, c.Layers, c.Opened = h, o.layers, h.Request
	t := a.transport
	h.Unseen = h.Status == 0 && (t.Gaps[timeline.ServerToClient] > 0 || t.Midstream && t.Segments[timeline.ServerToClient] == 0)
	if a.client.IsValid() {
		c.Client, c.Peer = a.client, a.transport.Client
	}
	if a.tls != nil {
		c.ServerName = a.tls.ServerName
	}
	a.conns++
	if of := a.d.shown.copyOf(c); of != nil {
		g := &copySink{Sink: a.d.sink}
		o.conn, o.sink, o.waiting = c, g, nil
		next := o.hide(c, of, g)
		o.begun(next)
		return next
	}
	o.conn, o.sink = c, a.d.sink
	var next timeline.Stream
	var stream *ws.Stream
	var signs Signs
	if h.Accepted() && draftOf(h) == "" {
		if a.d.beyond == nil {
			signs = SignsOf(c)
			c.LegOf, c.LegGuessed = a.d.legs.tie(&signs)
		}
		stream = ws.New(a.d.ws, c)
		next = stream
	} else {
		next = &attempt{opener: o, conn: c, sink: a.d.sink}
	}
	a.d.shown.remember(c, a, stream)
	o.begun(next)
	a.d.sink.Open(c)
	if stream != nil && a.d.beyond == nil {
		a.d.legs.number(&signs, c.ID)
	}
	for i := range o.waiting {
		c.Tell(a.d.sink, &o.waiting[i])
	}
	o.waiting = nil
	for _, f := range judge(h, c.Server.Addr()) {
		c.Tell(a.d.sink, &f)
	}
	if stream != nil {
		return o.unframe(h, stream)
	}
	return next
}

// begun notes an attempt over HTTP/1, because the next request ends it.
func (o *opener) begun(next timeline.Stream) {
	if try, ok := next.(*attempt); ok && o.http1 {
		o.attempt = try
	}
}

// EarlyData implements [http1.Handler].
func (o *opener) EarlyData(at timeline.Stamp, n int) {
	if draftOf(o.conn.Handshake) != "" {
		return // a draft has a key behind the request
	}
	o.Finding(&timeline.Finding{Rule: ruleEarlyData, Dir: timeline.ClientToServer, HasDir: true, At: at})
}

// NotHTTP implements [http1.Handler].
func (o *opener) NotHTTP(at timeline.Stamp, b []byte) {
	f := timeline.Finding{Rule: ruleNotHTTP, Dir: timeline.ServerToClient, HasDir: true, At: at, Want: "HTTP/"}
	f.Got, f.Detail = describe(b)
	o.Finding(&f)
	if o.attempt != nil {
		o.attempt.answered = true
	}
}

// describe says what bytes are that are no HTTP, and what to do.
func describe(b []byte) (what, advice string) {
	_, whole := tls.IsRecord(b)
	switch {
	case whole && b[0] == 22:
		return "a TLS handshake", "the server speaks TLS: use wss://"
	case len(b) >= 7 && b[0] == 21 && b[1] == 3 && b[3] == 0 && b[4] == 2:
		return fmt.Sprintf("a TLS alert %d", b[6]), "the server speaks TLS: use wss://"
	case len(b) >= 9 && isSettings(b):
		return "HTTP/2 SETTINGS", "the server speaks HTTP/2, and the client HTTP/1.1"
	}
	return fmt.Sprintf("% x", b[:min(len(b), 16)]), ""
}

// Tunnel implements [http1.Handler].
func (o *opener) Tunnel(protocol string) timeline.Stream {
	var next timeline.Stream = timeline.Deaf{}
	switch protocol {
	case "":
		next = o.account.inner(o.layers)
	case "h2c":
		next = o.account.newHTTP2(o.layers, http2.Options{Upgraded: true})
	}
	for i := range o.waiting {
		next.Finding(&o.waiting[i])
	}
	o.waiting = nil
	return next
}

// Midstream implements [http2.Handler]. A stream whose request is not in the capture may
// be a WebSocket, which a recogniser finds by its frames.
func (o *opener) Midstream(uint32, *timeline.Handshake) timeline.Stream {
	s := o.account.inner(o.layers)
	s.seek()
	return s
}

// Limit implements [http1.Handler] and [http2.Handler].
func (o *opener) Limit(dir timeline.Direction, at timeline.Stamp, what string, most int) {
	f := timeline.Finding{Rule: ruleLimit, At: at, Got: what, Want: fmt.Sprintf("%d at most", most)}
	if o.account.limited == nil {
		o.account.limited = &f
	}
	directed := f
	directed.Dir, directed.HasDir = dir, true
	o.Finding(&directed)
}

// Finding implements [http1.Handler] and [http2.Handler].
func (o *opener) Finding(f *timeline.Finding) {
	switch {
	case o.conn != nil:
		o.conn.Tell(o.sink, f)
	case len(o.waiting) < maxWaiting:
		o.waiting = f.AppendClone(o.waiting)
	}
}

// attempt is the stream of a handshake that opened no WebSocket. It closes the Conn at
// the end of the stream.
type attempt struct {
	timeline.Deaf
	opener *opener
	conn   *timeline.Conn
	sink   timeline.Sink
	ending timeline.Ending
	// answered: a finding says what the server did instead of a response.
	answered bool
}

// Finding implements [timeline.Stream].
func (t *attempt) Finding(f *timeline.Finding) {
	if t.conn != nil {
		t.answered = t.answered || f.HasDir && f.Dir == timeline.ServerToClient // it says what the server did
		t.conn.Tell(t.sink, f)
	}
}

// End implements [timeline.Stream].
func (t *attempt) End(dir timeline.Direction, at timeline.Stamp, why timeline.End) {
	if !t.ending.Add(dir, at, why) {
		return
	}
	if why == timeline.EndOpen { // the attempt ended with the response, not with the capture
		at = t.conn.Transport.Last
	}
	t.close(at)
}

// close closes the Conn, once.
func (t *attempt) close(at timeline.Stamp) {
	if t.opener.attempt == t {
		t.opener.attempt = nil
	}
	if t.conn == nil {
		return
	}
	c, sink := t.conn, t.sink
	t.conn = nil
	c.Finish(&t.ending, at)
	if h := c.Handshake; h.Status == 0 && !h.Unseen && !t.answered && (c.TCP == timeline.TCPFIN || c.TCP == timeline.TCPHalf || c.TCP == timeline.TCPReset) {
		f := timeline.Finding{Rule: ruleUnanswered, At: at}
		if c.By != timeline.PartyUnknown {
			f.Detail = "the " + c.By.String() + " ended the connection"
		}
		c.Tell(sink, &f)
	}
	ws.JudgeDirections(c, sink, at)
	c.Settle(sink, at)
	sink.Close(c, at)
}

// Weight implements [timeline.Weighed].
func (a *attempt) Weight() int { return a.conn.Weight() }
