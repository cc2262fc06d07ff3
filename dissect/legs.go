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

// tie looks for a connection that c belongs to. copied says that it carries the
// very packets of c; otherwise c is the other side of a proxy.
func (l *legs) tie(c *timeline.Conn) (of *timeline.Conn, copied, guessed bool) {
	h := c.Handshake
	for i, m := range marks(h) {
		for _, known := range l.recent[m] {
			switch {
			case known.Transport == c.Transport:
			case copies(known, c):
				return known, true, false
			case of == nil && (nested(known.Handshake, h) || nested(h, known.Handshake)):
				of, guessed = known, i > 0 || h.Key == ""
			}
		}
	}
	return of, false, guessed
}

// copies reports whether two connections look like the same packets before and
// after NAT. Both are shown all the same: captures that a program made up give
// many connections the same numbers, and none may be lost for that.
func copies(a, b *timeline.Conn) bool {
	s, t := a.Transport, b.Transport
	return s.HasISN == [2]bool{true, true} && s.HasISN == t.HasISN && s.ISN == t.ISN && s.Client.Port() == t.Client.Port() &&
		within(a.Handshake.Request, b.Handshake.Request) && within(a.Handshake.Response, b.Handshake.Response)
}

func within(a, b timeline.Stamp) bool {
	d := time.Duration(b.Time - a.Time)
	return d.Abs() <= copyWithin
}

// copyWithin is how far apart the two captures of a packet are at most.
const copyWithin = 5 * time.Millisecond

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
