// Package dissect joins the protocol layers. For each transport a [Switch] identifies
// the protocol by the first bytes, not by ports. It passes the stream from layer to
// layer, up to WebSocket frames (RFC 6455, RFC 9112).
//
// The package does not depend on packets: a reassembly, a test, or the log of a proxy
// can feed it.
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

// Dissector is the state that the transports of one goroutine share.
type Dissector struct {
	sink     timeline.Sink
	limits   timeline.Limits
	keys     *tls.Keys
	ws       *ws.Env
	live     map[*tls.Stream]*account // transports with TLS that may wait for keys
	over     int                      // how many of live wait for keys although TCP has ended
	legs     legs
	shown    views // connections that may be captured a second time
	decodeAs []DecodeAs
	looked   int                 // bytes in recognisers
	seen     map[string]uint64   // transports without a WebSocket, by kind
	names    map[string]uint64   // TLS without keys, by server name
	spare    *http1.Stream       // a free HTTP/1 layer
	free     []*account          // free accounts
	conns    []*timeline.Conn    // free Conns, all zero
	forgets  bool                // Options.Forgets
	part     int                 // Options.Parts, at least 1
	beyond   func()              // Options.Beyond; nil when this is the only Dissector
	alone    []*timeline.Finding // about transports without a Conn, one of each rule; Count is the number of such transports
}

// Options sets up a Dissector. The zero value is useful.
type Options struct {
	Limits   timeline.Limits
	Keys     *tls.Keys  // nil: TLS is not decrypted
	DecodeAs []DecodeAs // the last that fits wins
	// Forgets promises that the sink keeps no Conn after Close returns, so that the
	// Dissector may use it for another connection.
	Forgets bool

	// Parts is the number of Dissectors that share the transports of one input; 0 or 1:
	// this is the only one. With more, the Dissector does not connect the two legs of a
	// proxy; [Parts] does.
	Parts int
	// Beyond is called, with Parts, when the output depends on transports of another
	// Dissector, or a limit that all share may be reached. From then on the output may
	// differ from that of a single Dissector. [timeline.Limits.Part] divides the limits.
	Beyond func()
}

// New returns a Dissector that emits to sink.
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

// Open returns the stream that the caller feeds with the bytes of t.
func (d *Dissector) Open(t *timeline.Transport) timeline.Stream {
	a := d.newAccount(t)
	if t.Midstream {
		a.root.seek()
	}
	if len(d.decodeAs) > 0 {
		a.root.force(d.protocolOf(t))
	}
	return &a.root
}

// follow registers a TLS layer that may wait for keys.
func (d *Dissector) follow(s *tls.Stream, a *account) {
	if d.keys != nil {
		d.live[s] = a
	}
}

// Retry decrypts the connections that wait for keys, after keys were added. The rows
// have the stamps of their packets.
func (d *Dissector) Retry() {
	d.forWaiting(func(_ *account, s *tls.Stream) { s.Retry() })
}

// Due returns the capture time in ns at which [Dissector.Advance] must be called next.
func (d *Dissector) Due() int64 { return d.ws.Due() }

// Advance moves the clock to now without a packet, so that timeouts are reported.
// Before each packet, call it with every time that Due returns up to the packet's.
func (d *Dissector) Advance(now int64) { d.ws.Advance(now) }

// GiveUp stops waiting for keys of connections that ended more than
// [timeline.Limits.KeyWait] before now.
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
	if o.Kind == "other" && o.Version != "" {
		d.seen[insideTLS]++
		return
	}
	d.seen[o.Kind]++
	if o.Kind == "tls" && o.ServerName != "" {
		d.countName(o.ServerName)
	}
}

// countAlone counts a finding about a transport without a Conn. Judge reports the first
// of each rule, with the number of such transports.
func (d *Dissector) countAlone(f *timeline.Finding) {
	if d.beyond != nil {
		d.beyond()
	}
	for _, other := range d.alone {
		if other.Rule == f.Rule {
			other.Count++
			return
		}
	}
	if f.Rule == ruleLimit {
		f.Detail = "there is no knowing whether a WebSocket would have come of it"
	}
	f.Count++
	d.alone = append(d.alone, f)
}

// Judge reports the findings that concern no Conn, at the end of the input.
func (d *Dissector) Judge(report func(*timeline.Finding)) {
	for _, f := range d.alone {
		report(f)
	}
}

// maxNames bounds how many server names are counted.
const maxNames = 4096

func (d *Dissector) countName(name string) {
	if _, ok := d.names[name]; ok || len(d.names)*d.part < maxNames {
		d.names[name]++
	} else if d.beyond != nil {
		d.beyond()
	}
}

// idleTLS stands for TLS that carried no application data.
const idleTLS = "tls, idle"

// insideTLS stands for TLS that was decrypted and carried neither HTTP nor frames.
const insideTLS = "tls, other"

// kinds are the names of protocols other than WebSocket for people.
var kinds = map[string]string{idleTLS: "TLS without data", "http": "plain HTTP", "http2": "HTTP/2", "ssh": "SSH", "other": "other", insideTLS: "other inside TLS"}

// Report adds the transports without a WebSocket to t.
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

// ranked returns the counts, the largest first.
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
