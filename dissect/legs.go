package dissect

import (
	"strings"
	"time"

	"github.com/wsdump/wsdump/timeline"
)

// legs finds connections that belong together: the same one captured twice
// (before and after NAT), and the two sides of a proxy. Handshakes are known by
// their key, which most proxies pass on, else by an identifier that a proxy
// adds; and in time the handshake behind a proxy lies inside that before it.
type legs struct {
	recent map[string][]*timeline.Conn
	oldest int64 // capture time of the last pruning
}

const (
	legMemory = 60 * time.Second // by capture time
	legMarks  = 10_000
	legViews  = 8 // connections with one mark
)

// marks returns what a handshake may be known by; the first is sure.
func marks(h *timeline.Handshake) (all []string) {
	if h.Key != "" {
		all = append(all, "key "+h.Key)
	}
	if v, ok := timeline.Get(h.RequestHeaders, "X-Request-Id"); ok && v != "" {
		all = append(all, "request "+v)
	}
	if v, ok := timeline.Get(h.RequestHeaders, "traceparent"); ok { // W3C Trace Context: the trace id stays
		if parts := strings.Split(v, "-"); len(parts) >= 3 {
			all = append(all, "trace "+parts[1])
		}
	}
	return all
}

// tie looks for a connection that c is another view of. same is one that
// carries the very packets of c; of is one of which c is a leg.
func (l *legs) tie(c *timeline.Conn) (same, of *timeline.Conn, guessed bool) {
	h := c.Handshake
	for i, m := range marks(h) {
		for _, known := range l.recent[m] {
			a, b := known.Transport, c.Transport
			switch {
			case a == b:
			case a.HasISN[0] && a.HasISN == b.HasISN && a.ISN == b.ISN:
				return known, nil, false
			case of == nil && (nested(known.Handshake, h) || nested(h, known.Handshake)):
				of, guessed = known, i > 0 || h.Key == ""
			}
		}
	}
	return nil, of, guessed
}

// nested reports whether the handshake b happened inside a.
func nested(a, b *timeline.Handshake) bool {
	return a.Request.Time <= b.Request.Time && b.Response.Time <= a.Response.Time
}

// remember keeps c for a while.
func (l *legs) remember(c *timeline.Conn) {
	now := c.Handshake.Response.Time
	if l.recent == nil {
		l.recent, l.oldest = make(map[string][]*timeline.Conn), now
	}
	if now-l.oldest > int64(legMemory) || len(l.recent) >= legMarks {
		for m, known := range l.recent {
			if now-known[len(known)-1].Handshake.Response.Time > int64(legMemory) {
				delete(l.recent, m)
			}
		}
		if len(l.recent) >= legMarks {
			clear(l.recent)
		}
		l.oldest = now
	}
	for _, m := range marks(c.Handshake) {
		if known := l.recent[m]; len(known) < legViews {
			l.recent[m] = append(known, c)
		}
	}
}
