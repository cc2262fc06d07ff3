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
	recent map[mark][]leg
	byISN  map[isn][]*shown
	oldest int64 // capture time of the last pruning of recent
	full   int   // how many byISN has before it is pruned
}

// leg is what is remembered of a connection: little, since connections may come
// by the thousand.
type leg struct {
	id                uint64
	transport         uint64 // its ID
	request, response int64  // when the handshake was
}

func (a *leg) around(b *leg) bool { return a.request <= b.request && b.response <= a.response }

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
func (l *legs) tie(c *timeline.Conn) (of uint64, guessed bool) {
	mine := legOf(c)
	for _, m := range marks(c.Handshake) {
		if m.kind == noMark {
			continue
		}
		for i := range l.recent[m] {
			known := &l.recent[m][i]
			if known.transport != mine.transport && (known.around(&mine) || mine.around(known)) {
				return known.id, m.kind != keyMark
			}
		}
	}
	return 0, false
}

func legOf(c *timeline.Conn) leg {
	return leg{c.ID, c.Transport.ID, c.Handshake.Request.Time, c.Handshake.Response.Time}
}

// nested reports whether the handshake b happened inside a.
func nested(a, b *timeline.Handshake) bool {
	return a.Request.Time <= b.Request.Time && b.Response.Time <= a.Response.Time
}

// remember keeps c for a while, with its stream, as what may be captured twice.
func (l *legs) remember(c *timeline.Conn, stream *ws.Stream) {
	t := c.Transport
	if t.HasISN != [2]bool{true, true} {
		return
	}
	if l.byISN == nil {
		l.byISN, l.full = make(map[isn][]*shown), leastFull
	}
	if len(l.byISN) >= l.full {
		prune(l.byISN, c.Handshake.Response.Time, copyMemory, func(s *shown) int64 { return s.conn.Handshake.Response.Time })
		l.full = max(leastFull, 2*len(l.byISN))
	}
	add(l.byISN, isn(t.ISN), &shown{conn: c, stream: stream})
}

// number remembers c, which has its number, by what it may be known by.
func (l *legs) number(c *timeline.Conn) {
	now := c.Handshake.Response.Time
	if l.recent == nil {
		l.recent, l.oldest = make(map[mark][]leg), now
	}
	if now-l.oldest > int64(legMemory) || len(l.recent) >= legMarks {
		prune(l.recent, now, legMemory, func(a leg) int64 { return a.response })
		l.oldest = now
	}
	for _, m := range marks(c.Handshake) {
		if m.kind != noMark {
			m.text = strings.Clone(m.text) // it is a part of the whole head
			add(l.recent, m, legOf(c))
		}
	}
}

// leastFull is how many transports are remembered by their sequence numbers
// before it is worth while to forget the old ones.
const leastFull = 256

func add[K comparable, V any](recent map[K][]V, key K, v V) {
	if known := recent[key]; len(known) < legViews {
		recent[key] = append(known, v)
	}
}

// prune forgets what is old, and all of it where too much is young.
func prune[K comparable, V any](recent map[K][]V, now int64, memory time.Duration, responded func(V) int64) {
	for key, known := range recent {
		if now-responded(known[len(known)-1]) > int64(memory) {
			delete(recent, key)
		}
	}
	if len(recent) >= legMarks {
		clear(recent)
	}
}
