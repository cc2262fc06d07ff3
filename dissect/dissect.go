// Package dissect joins the protocol layers: for each transport a [Switch]
// finds out which protocol speaks on it now, from the first bytes and not from
// ports, and hands the stream from layer to layer until WebSocket frames come
// out (RFC 6455, RFC 9112).
//
// It knows no packets. A reassembly, a test, or a log of a proxy can feed it.
package dissect

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/wsdump/wsdump/dissect/http1"
	"github.com/wsdump/wsdump/dissect/tls"
	"github.com/wsdump/wsdump/dissect/ws"
	"github.com/wsdump/wsdump/timeline"
)

// Dissector is what the transports of one goroutine share.
type Dissector struct {
	sink     timeline.Sink
	limits   timeline.Limits
	keys     *tls.Keys
	ws       *ws.Env
	live     map[*tls.Stream]*account // those that may wait for keys
	over     int                      // of them: TCP has ended, and nothing else is waited for
	legs     legs
	shown    views // what may be captured twice
	decodeAs []DecodeAs
	looked   int               // bytes in recognisers
	seen     map[string]uint64 // transports without a WebSocket, by kind
	names    map[string]uint64 // TLS without keys, by server name
	spare    *http1.Stream     // an HTTP/1 layer to use again
	free     []*account        // to use again
	conns    []*timeline.Conn  // likewise, zero
	forgets  bool              // see Options
	part     int               // of how many Dissectors this is one
	beyond   func()            // see Options; nil: this is the only one
	limited  *timeline.Finding // the first limit of a transport without a WebSocket; Count: how many had one
}

// Options sets up a Dissector. The zero value is useful.
type Options struct {
	Limits   timeline.Limits
	Keys     *tls.Keys  // nil: TLS is not decrypted
	DecodeAs []DecodeAs // the latest that fits wins
	// Forgets says that the sink keeps no Conn once Close has returned: it may then be
	// used again for another.
	Forgets bool

	// Parts says that this is one of so many Dissectors, each of which hears a part
	// of the transports; 0 or 1: it hears all. Connections are then not tied to each
	// other, see [Legs].
	Parts int
	// Beyond is called, with Parts, when something depends on what the others hear:
	// what is told from then on may not be what one Dissector would tell. So it is
	// where a limit that all share may be reached. [timeline.Limits.Part] divides
	// those in Limits.
	Beyond func()
}

// New returns a Dissector that tells sink.
func New(sink timeline.Sink, opt Options) *Dissector {
	d := &Dissector{
		sink: sink, limits: opt.Limits.WithDefaults(), keys: opt.Keys, decodeAs: opt.DecodeAs, ws: ws.NewEnv(sink, opt.Limits),
		live: make(map[*tls.Stream]*account), seen: make(map[string]uint64), names: make(map[string]uint64), part: 1, forgets: opt.Forgets,
	}
	if opt.Parts > 1 {
		d.part, d.beyond, d.ws.Beyond = opt.Parts, opt.Beyond, opt.Beyond
		if d.keys != nil {
			d.keys.Part(opt.Parts, opt.Beyond)
		}
	}
	return d
}

// Open returns the stream that hears t.
func (d *Dissector) Open(t *timeline.Transport) timeline.Stream {
	a := d.newAccount(t)
	if t.Midstream {
		a.root.seek()
	}
	if len(d.decodeAs) > 0 {
		a.root.force(d.told(t))
	}
	return &a.root
}

// follow remembers a TLS layer that may wait for keys.
func (d *Dissector) follow(s *tls.Stream, a *account) {
	if d.keys != nil {
		d.live[s] = a
	}
}

// Retry tries what waits for keys: some were added. Rows that this makes known
// have the stamps of their packets.
func (d *Dissector) Retry() {
	d.forWaiting(func(_ *account, s *tls.Stream) { s.Retry() })
}

// Due returns the capture time at which [Dissector.Advance] is wanted next.
func (d *Dissector) Due() int64 { return d.ws.Due() }

// Advance moves the clock without bytes, so that silence is heard. Give it all
// times that Due returned up to a packet's before that packet.
func (d *Dissector) Advance(now int64) { d.ws.Advance(now) }

// GiveUp ends the waiting for the keys of connections that ended long before now
// ([timeline.Limits.KeyWait]).
func (d *Dissector) GiveUp(now int64) {
	if d.over == 0 {
		return
	}
	d.forWaiting(func(a *account, s *tls.Stream) {
		if a.over && now-a.ended.Time > int64(d.limits.KeyWait) {
			s.GiveUp()
		}
	})
}

// forWaiting calls try for all connections that wait for keys, in their order.
func (d *Dissector) forWaiting(try func(*account, *tls.Stream)) {
	var waiting []*account
	for s, a := range d.live {
		if s.Waiting() {
			waiting = append(waiting, a)
		}
	}
	slices.SortFunc(waiting, func(a, b *account) int { return cmp.Compare(a.transport.ID, b.transport.ID) })
	for _, a := range waiting {
		try(a, a.secure)
		if a.over && !a.secure.Waiting() {
			a.conclude()
		}
	}
}

// count adds a transport without a WebSocket to the totals.
func (d *Dissector) count(o *timeline.Other) {
	if o.Idle {
		d.seen[idleTLS]++
		return
	}
	d.seen[o.Kind]++
	if o.Kind == "tls" && o.ServerName != "" {
		d.sawName(o.ServerName)
	}
}

// gaveUp counts a transport whose HTTP was given up at a limit before it could
// become a WebSocket, so that no connection can tell.
func (d *Dissector) gaveUp(f *timeline.Finding) {
	if d.beyond != nil {
		d.beyond()
	}
	if d.limited == nil {
		d.limited = f
		f.Detail = "there is no knowing whether a WebSocket would have come of it"
	}
	d.limited.Count++
}

// Judge tells what concerns no WebSocket, when the input is over.
func (d *Dissector) Judge(tell func(*timeline.Finding)) {
	if d.limited != nil {
		tell(d.limited)
	}
}

// maxNames bounds how many server names are counted.
const maxNames = 4096

func (d *Dissector) sawName(name string) {
	if _, ok := d.names[name]; ok || len(d.names)*d.part < maxNames {
		d.names[name]++
	} else if d.beyond != nil {
		d.beyond()
	}
}

// idleTLS stands for TLS that carried no application data.
const idleTLS = "tls, idle"

// kinds are the words for people of what a transport can be beside a WebSocket.
var kinds = map[string]string{idleTLS: "TLS without data", "http": "plain HTTP", "http2": "HTTP/2", "ssh": "SSH", "other": "other"}

// Report adds what was seen besides WebSockets to t.
func (d *Dissector) Report(t *timeline.Totals) {
	for _, c := range ranked(d.seen) {
		if c.What == "tls" {
			t.TLSNoKeys += c.N
			continue
		}
		t.Others = append(t.Others, timeline.Count{What: kinds[c.What], N: c.N})
	}
	t.ServerNames = append(t.ServerNames, ranked(d.names)...)
}

// ranked returns the counts, largest first.
func ranked(m map[string]uint64) []timeline.Count {
	out := make([]timeline.Count, 0, len(m))
	for what, n := range m {
		out = append(out, timeline.Count{What: what, N: n})
	}
	slices.SortFunc(out, func(a, b timeline.Count) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.What, b.What))
	})
	return out
}

func itoa(n int) string { return strconv.Itoa(n) }
