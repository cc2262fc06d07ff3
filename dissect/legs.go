package dissect

import (
	"strings"
	"time"

	"github.com/wsdump/wsdump/dissect/ws"
	"github.com/wsdump/wsdump/timeline"
)

// legs finds connections that belong together: the two sides of a proxy, and
// the same one captured twice (see copies.go). Handshakes are known by their
// key, which most proxies pass on, else by an identifier that a proxy adds; and
// in time the handshake behind a proxy lies inside that before it.
type legs struct {
	recent map[mark][]*timeline.Conn
	byISN  map[isn][]*shown
	oldest int64 // capture time of the last pruning
}

const (
	legMemory = 60 * time.Second // by capture time
	legMarks  = 10_000
	legViews  = 8 // connections with one mark
)

// mark is something that a handshake may be known by.
type mark struct {
	kind markKind
	text string
}

type markKind uint8

const (
	noMark      markKind = iota
	keyMark              // Sec-WebSocket-Key: sure
	requestMark          // X-Request-Id
	traceMark            // W3C Trace Context: the trace id stays
)

// marks returns what a handshake may be known by; those it does not have are
// noMark.
func marks(h *timeline.Handshake) (all [3]mark) {
	if h.Key != "" {
		all[0] = mark{keyMark, h.Key}
	}
	if v, ok := timeline.Get(h.RequestHeaders, "X-Request-Id"); ok && v != "" {
		all[1] = mark{requestMark, v}
	}
	if v, ok := timeline.Get(h.RequestHeaders, "traceparent"); ok {
		if parts := strings.Split(v, "-"); len(parts) >= 3 {
			all[2] = mark{traceMark, parts[1]}
		}
	}
	return all
}

// tie looks for the connection on the other side of a proxy from c. guessed says
// that it is not known by the handshake's key.
func (l *legs) tie(c *timeline.Conn) (of *timeline.Conn, guessed bool) {
	h := c.Handshake
	for _, m := range marks(h) {
		if m.kind == noMark {
			continue
		}
		for _, known := range l.recent[m] {
			if known.Transport != c.Transport && (nested(known.Handshake, h) || nested(h, known.Handshake)) {
				return known, m.kind != keyMark
			}
		}
	}
	return nil, false
}

// nested reports whether the handshake b happened inside a.
func nested(a, b *timeline.Handshake) bool {
	return a.Request.Time <= b.Request.Time && b.Response.Time <= a.Response.Time
}

// remember keeps c for a while, with its stream.
func (l *legs) remember(c *timeline.Conn, stream *ws.Stream) {
	now := c.Handshake.Response.Time
	if l.recent == nil {
		l.recent, l.byISN, l.oldest = make(map[mark][]*timeline.Conn), make(map[isn][]*shown), now
	}
	if now-l.oldest > int64(legMemory) || len(l.recent) >= legMarks || len(l.byISN) >= legMarks {
		prune(l.recent, now, func(c *timeline.Conn) *timeline.Handshake { return c.Handshake })
		prune(l.byISN, now, func(s *shown) *timeline.Handshake { return s.conn.Handshake })
		l.oldest = now
	}
	if stream != nil {
		for _, m := range marks(c.Handshake) {
			if m.kind != noMark {
				add(l.recent, m, c)
			}
		}
	}
	if t := c.Transport; t.HasISN == [2]bool{true, true} {
		add(l.byISN, isn(t.ISN), &shown{conn: c, stream: stream})
	}
}

func add[K comparable, V any](recent map[K][]V, key K, v V) {
	if known := recent[key]; len(known) < legViews {
		recent[key] = append(known, v)
	}
}

// prune forgets what is old, and all of it where too much is young.
func prune[K comparable, V any](recent map[K][]V, now int64, handshake func(V) *timeline.Handshake) {
	for key, known := range recent {
		if now-handshake(known[len(known)-1]).Response.Time > int64(legMemory) {
			delete(recent, key)
		}
	}
	if len(recent) >= legMarks {
		clear(recent)
	}
}
