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

// account is what all layers of one transport share: who speaks, and what came
// of it.
type account struct {
	d         *Dissector
	transport *timeline.Transport
	root      Switch         // the lowest layer, which hears the ends of TCP
	opener    opener         // the first
	passed    passed         // what root points to once its HTTP/1 has become a WebSocket
	client    netip.AddrPort // the true client behind a proxy; else zero
	tls       *tls.Info      // nil without TLS
	secure    *tls.Stream    // the same
	reason    string         // why TLS cannot be read
	conns     int            // WebSockets and attempts
	kind      string         // of Other.Kind: the latest protocol seen
	http      *http1.Stream  // the first HTTP/1 layer
	ending    timeline.Ending
	waits     bool              // TCP has ended, keys may come
	over      bool              // TCP has ended,
	ended     timeline.Stamp    // then
	limited   *timeline.Finding // the first limit that was reached over HTTP
	shown     bool              // stands in Dissector.shown
	released  bool              // nobody calls root any more
}

// mostFree is how many accounts, and how many Conns, are kept to be used again at most.
const mostFree = 1 << 10

// newAccount returns the account of t.
func (d *Dissector) newAccount(t *timeline.Transport) *account {
	var a *account
	if n := len(d.free); n > 0 {
		a, d.free = d.free[n-1], d.free[:n-1]
	} else {
		a = new(account)
	}
	// Field by field: a is zero, and to write all of it would be to read it first, where
	// its memory was never used, while garbage is collected.
	a.d, a.transport = d, t
	a.root.account, a.root.layers = a, "tcp"
	return a
}

// newConn returns a Conn, which is zero.
func (d *Dissector) newConn() (c *timeline.Conn) {
	n := len(d.conns)
	if n == 0 {
		return &timeline.Conn{}
	}
	c, d.conns = d.conns[n-1], d.conns[:n-1]
	return c
}

// recycle keeps a and its WebSocket layer to be used again, where nobody else can
// know them any more: one WebSocket came of it and nothing else, be it an attempt,
// which Dissector.shown would know, too. Short connections come by the thousand, and
// to make and collect those takes as long as to hear what was said.
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
	*a = account{} // lets go of all
	d.free = append(d.free, a)
}

func (a *account) saw(kind string) {
	if kind != "other" || a.kind == "" {
		a.kind = kind
	}
}

// inner returns a Switch for what a layer carries.
func (a *account) inner(layers string) *Switch { return &Switch{account: a, layers: layers} }

// newOpener returns an opener: the first one that is inside the account, which
// saves an object for each of very many WebSockets, then others.
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

// end hears the ends of every layer and minds those of TCP. It reports whether
// the transport is over.
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

// conclude tells what came of a transport that carried no WebSocket.
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
		a.d.gaveUp(a.limited)
	}
	a.d.count(&o)
	a.d.sink.Other(&o)
}
