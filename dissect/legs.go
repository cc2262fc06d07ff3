package dissect

import (
	"strings"
	"time"

	"github.com/wsdump/wsdump/timeline"
)

// legs finds connections that belong together: the two sides of a proxy. Handshakes are known by their
// key, which most proxies pass on, else by an identifier that a proxy adds; and
// in time the handshake behind a proxy lies inside that before it.
type legs struct {
	recent map[mark]legsOf
	oldest int64 // capture time of the last pruning of recent
}

// leg is what is remembered of a connection: little, since connections may come
// by the thousand.
type leg struct {
	id                uint64
	transport         uint64 // its ID
	request, response int64  // when the handshake was
}

func (a *leg) around(b *leg) bool { return a.request <= b.request && b.response <= a.response }

// legsOf are the connections of one mark, in the order of their handshakes. Most
// have one.
type legsOf struct {
	first leg
	more  []leg
}

// latest returns the one with the latest handshake.
func (k *legsOf) latest() *leg {
	if n := len(k.more); n > 0 {
		return &k.more[n-1]
	}
	return &k.first
}

// find returns the one that lies around mine or inside it, nil for none.
func (k *legsOf) find(mine *leg) *leg {
	for i := range len(k.more) + 1 {
		known := &k.first
		if i > 0 {
			known = &k.more[i-1]
		}
		if known.transport != mine.transport && (known.around(mine) || mine.around(known)) {
			return known
		}
	}
	return nil
}

const (
	legMemory = 60 * time.Second // by capture time
	legMarks  = 10_000
	legViews  = 8 // connections with one mark
)

// mark is something that a handshake may be known by: a text, of which the map
// holds what is short itself.
type mark struct {
	kind  markKind
	size  uint8
	short [40]byte // a key has 24 bytes, a UUID 36, a trace id 32
	long  string   // the whole text, where it is longer
}

// newMark returns the mark of a text, which it borrows where it is long.
func newMark(kind markKind, text string) mark {
	m := mark{kind: kind}
	if n := copy(m.short[:], text); n < len(text) {
		m.long = text
	} else {
		m.size = uint8(n)
	}
	return m
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
		all[0] = newMark(keyMark, h.Key)
	}
	if v, ok := timeline.Get(h.RequestHeaders, "X-Request-Id"); ok && v != "" {
		all[1] = newMark(requestMark, v)
	}
	if v, ok := timeline.Get(h.RequestHeaders, "traceparent"); ok {
		if parts := strings.Split(v, "-"); len(parts) >= 3 {
			all[2] = newMark(traceMark, parts[1])
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
		if known, is := l.recent[m]; is {
			if other := known.find(&mine); other != nil {
				return other.id, m.kind != keyMark
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

// number remembers c, which has its number, by what it may be known by.
func (l *legs) number(c *timeline.Conn) {
	now := c.Handshake.Response.Time
	if l.recent == nil {
		l.recent, l.oldest = make(map[mark]legsOf), now
	}
	if now-l.oldest > int64(legMemory) || len(l.recent) >= legMarks {
		l.prune(now)
		l.oldest = now
	}
	for _, m := range marks(c.Handshake) {
		if m.kind == noMark {
			continue
		}
		known, is := l.recent[m]
		switch {
		case !is:
			m.long = strings.Clone(m.long) // it is a part of the whole head
			known.first = legOf(c)
		case len(known.more)+1 < legViews:
			known.more = append(known.more, legOf(c))
		default:
			continue
		}
		l.recent[m] = known
	}
}

// prune forgets the marks of connections that are old, and all of them where too
// many are young.
func (l *legs) prune(now int64) {
	for m, known := range l.recent {
		if now-known.latest().response > int64(legMemory) {
			delete(l.recent, m)
		}
	}
	if len(l.recent) >= legMarks {
		clear(l.recent)
	}
}
