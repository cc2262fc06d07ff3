package dissect

import (
	"net/netip"
	"strings"
	"time"

	"github.com/wsdump/wsdump/dissect/http1"
	"github.com/wsdump/wsdump/dissect/http2"
	"github.com/wsdump/wsdump/dissect/tls"
	"github.com/wsdump/wsdump/dissect/ws"
	"github.com/wsdump/wsdump/timeline"
)

// account is the state that all layers of one transport share: the protocols seen, the
// connections opened, and how TCP ended.
type account struct {
	d         *Dissector
	transport *timeline.Transport
	root      Switch         // the lowest layer, which receives the ends of TCP
	opener    opener         // the first one; see newOpener
	passed    passed         // the layer of root once HTTP/1 has become a WebSocket
	client    netip.AddrPort // the true client behind a proxy; else zero
	tls       *tls.Info      // nil without TLS
	secure    *tls.Stream    // nil without TLS
	reason    string         // why TLS is not decrypted
	conns     int            // Conns opened: WebSockets and refused attempts
	kind      string         // for Other.Kind: the latest protocol seen
	http      *http1.Stream  // the first HTTP/1 layer
	ending    timeline.Ending
	waits     bool              // TCP has ended, and keys may still come
	over      bool              // TCP has ended
	ended     timeline.Stamp    // over: when TCP ended
	limited   *timeline.Finding // what matters where no WebSocket comes of it: a limit, TLS that was answered in plain HTTP
	shown     bool              // Dissector.shown refers to the account
	released  bool              // the caller uses root no more; see Switch.Released
}

// mostFree bounds the free accounts, and the free Conns, of a Dissector.
const mostFree = 1 << 10

// newAccount returns an account for t: a free one, or a new one.
func (d *Dissector) newAccount(t *timeline.Transport) *account {
	var a *account
	if n := len(d.free); n > 0 {
		a, d.free = d.free[n-1], d.free[:n-1]
	} else {
		a = new(account)
	}
	// a is zero, so only these fields are set. To assign a whole struct would touch memory
	// that is not used yet, and cost a write barrier for each pointer.
	a.d, a.transport = d, t
	a.root.account, a.root.layers = a, "tcp"
	return a
}

// newConn returns a zero Conn: a free one, or a new one.
func (d *Dissector) newConn() (c *timeline.Conn) {
	n := len(d.conns)
	if n == 0 {
		return &timeline.Conn{}
	}
	c, d.conns = d.conns[n-1], d.conns[:n-1]
	return c
}

// recycle puts a and its WebSocket layer in the lists of free ones. It does so only when
// nothing else can refer to them: a carried exactly one WebSocket, no attempt and no
// TLS, and Dissector.shown does not refer to it. With thousands of short connections,
// to allocate and collect accounts takes as long as to parse the connections.
func (a *account) recycle() {
	d := a.d
	if !a.released || a.shown || a.secure != nil || a.conns != 1 || a.root.next != timeline.Stream(&a.passed) || len(d.free) == mostFree {
		return
	}
	stream, is := a.passed.Stream.(*ws.Stream)
	if !is || !stream.Release() {
		return
	}
	if d.forgets && len(d.conns) < mostFree {
		*a.opener.conn = timeline.Conn{}
		d.conns = append(d.conns, a.opener.conn)
	}
	*a = account{} // so that the garbage collector can free what a pointed to
	d.free = append(d.free, a)
}

// sawProtocol notes the protocol of a layer. "other" replaces no protocol but TLS, where
// that was decrypted: inside says so.
func (a *account) sawProtocol(kind string, inside bool) {
	if kind != "other" || a.kind == "" || inside && a.kind == "tls" {
		a.kind = kind
	}
}

// inner returns a Switch for the protocol inside a layer, such as TLS.
func (a *account) inner(layers string) *Switch { return &Switch{account: a, layers: layers} }

// newOpener returns an opener. The first one is a field of the account, which saves an
// allocation for each WebSocket.
func (a *account) newOpener(layers string) *opener {
	o := &a.opener
	if o.account != nil {
		o = &opener{}
	}
	o.account, o.layers = a, layers
	return o
}

func (a *account) newHTTP2(layers string, opt http2.Options) timeline.Stream {
	o := a.newOpener("h2")
	if layers == "tls" {
		o.layers = "h2+tls"
	}
	return http2.New(o, a.d.limits, opt)
}

// end notes the end of a direction, when s is the lowest layer. It reports whether both
// directions of TCP have ended.
func (a *account) end(s *Switch, dir timeline.Direction, at timeline.Stamp, why timeline.End) (over bool) {
	if s != &a.root || !a.ending.Add(dir, at, why) {
		return false
	}
	a.over, a.ended = true, at
	if a.secure == nil || !a.secure.Waiting() { // else keys may still come
		a.conclude()
	} else {
		a.d.over++
		a.waits = true
	}
	return true
}

// conclude emits [timeline.Other] for a transport that carried no WebSocket.
func (a *account) conclude() {
	if a.secure != nil {
		delete(a.d.live, a.secure)
	}
	if a.waits {
		a.d.over--
		a.waits = false
	}
	if a.conns > 0 {
		return
	}
	if a.kind == "" {
		a.kind = "other"
	}
	o := timeline.Other{Transport: a.transport, Kind: a.kind, TCP: a.ending.TCP(), Ended: a.ended, Reason: a.reason}
	if a.http != nil {
		f := a.http.Facts()
		o.Host, o.Requests, o.Fallback, o.SessionID = f.Host, f.Requests, f.Fallback(), f.Session
		o.Path, _, _ = strings.Cut(f.Target, "?")
	}
	if a.tls != nil {
		o.Guess = a.kind == "tls" && a.tls.LikeWebSocket(time.Duration(a.ended.Time-a.transport.First.Time))
		t := a.transport
		o.Idle = a.kind == "tls" && a.secure.Idle() && !t.Midstream && t.Gaps[timeline.ClientToServer] == 0
		o.ServerName, o.ALPN, o.Version, o.Cipher, o.Names = a.tls.ServerName, a.tls.ALPN, a.tls.VersionName(), a.tls.CipherName(), a.tls.Certificate
	}
	if a.limited != nil {
		a.d.countAlone(a.limited)
	}
	a.d.count(&o)
	a.d.sink.Other(&o)
}
