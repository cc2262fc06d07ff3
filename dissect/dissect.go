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

	"github.com/wsdump/wsdump/dissect/ws"
	"github.com/wsdump/wsdump/timeline"
)

// Dissector is what the transports of one goroutine share.
type Dissector struct {
	sink   timeline.Sink
	limits timeline.Limits
	ws     *ws.Env
	seen   map[string]uint64
	names  map[string]uint64
}

// New returns a Dissector that tells sink. Zero limits mean the defaults.
func New(sink timeline.Sink, limits timeline.Limits) *Dissector {
	return &Dissector{
		sink: sink, limits: limits.WithDefaults(), ws: ws.NewEnv(sink, limits),
		seen: make(map[string]uint64), names: make(map[string]uint64),
	}
}

// Open returns the stream that hears t.
func (d *Dissector) Open(t *timeline.Transport) timeline.Stream {
	return &Switch{d: d, transport: t, layers: "tcp"}
}

// maxNames bounds how many server names are counted.
const maxNames = 4096

func (d *Dissector) sawName(name string) {
	if _, ok := d.names[name]; ok || len(d.names) < maxNames {
		d.names[name]++
	}
}

// Report adds what was seen besides WebSockets to t.
func (d *Dissector) Report(t *timeline.Totals) {
	t.TLSNoKeys += d.seen[sawTLS]
	for _, c := range ranked(d.seen) {
		if c.What != sawTLS {
			t.Others = append(t.Others, c)
		}
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
