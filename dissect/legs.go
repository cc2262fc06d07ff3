package dissect

import (
	"hash/maphash"
	"strings"
	"time"

	"github.com/wsdump/wsdump/timeline"
)

// legs finds the two connections of a proxy: its legs. Both handshakes have the same key,
// which most proxies pass on, or the same identifier in a header. The handshake on one
// side of the proxy happens during the handshake on the other side.
type legs struct {
	first  map[mark]leg   // the first connection of a mark; most have one
	others map[mark][]leg // those after it, in the order of their handshakes
	oldest int64          // capture time of the last pruning
}

// leg is what legs keeps of a connection. It is small, because there may be thousands.
type leg struct {
	id                uint64
	transport         uint64 // its ID
	request, response int64  // times of the handshake
}

func (a *leg) around(b *leg) bool { return a.request <= b.request && b.response <= a.response }

// beside reports whether a and b can be the two sides of a proxy.
func (a *leg) beside(b *leg) bool { return a.transport != b.transport && (a.around(b) || b.around(a)) }

// latest returns the connection of m with the latest handshake.
func (l *legs) latest(m mark) leg {
	if others := l.others[m]; len(others) > 0 {
		return others[len(others)-1]
	}
	return l.first[m]
}

// find returns the number of the connection of m that lies around mine or inside it.
func (l *legs) find(m mark, mine *leg) (id uint64, ok bool) {
	first, is := l.first[m]
	if !is {
		return 0, false
	}
	if mine.beside(&first) {
		return first.id, true
	}
	for _, other := range l.others[m] {
		if mine.beside(&other) {
			return other.id, true
		}
	}
	return 0, false
}

const (
	legMemory = 60 * time.Second // by capture time
	legMarks  = 10_000
	legViews  = 8 // connections with one mark
)

// mark is an identifier of a handshake: two hashes of its text, with random seeds for
// each kind. So it has a small fixed size, and no pointers.
type mark [2]uint64

var markSeeds = func() (seeds [traceMark + 1][2]maphash.Seed) {
	for kind := range seeds {
		seeds[kind] = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}
	}
	return seeds
}()

func newMark(kind markKind, text string) mark {
	seeds := &markSeeds[kind]
	return mark{maphash.String(seeds[0], text), maphash.String(seeds[1], text)}
}

type markKind uint8

const (
	keyMark     markKind = iota // Sec-WebSocket-Key: sure
	requestMark                 // X-Request-Id
	traceMark                   // W3C Trace Context: the trace id stays
)

// marked are the marks of a connection, by kind.
type marked [traceMark + 1]mark

// marks returns the marks of a handshake, by kind. Those that it does not have are zero.
func marks(h *timeline.Handshake) (all marked) {
	if h.Key != "" {
		all[keyMark] = newMark(keyMark, h.Key)
	}
	if v, ok := timeline.Get(h.RequestHeaders, "X-Request-Id"); ok && v != "" {
		all[requestMark] = newMark(requestMark, v)
	}
	if v, ok := timeline.Get(h.RequestHeaders, "traceparent"); ok {
		if parts := strings.Split(v, "-"); len(parts) >= 3 {
			all[traceMark] = newMark(traceMark, parts[1])
		}
	}
	return all
}

// Signs identify the legs of a connection. They are computed once, in the goroutine of
// its Dissector, because the handshake is in the cache there.
type Signs struct {
	leg      leg
	marks    marked
	captured bool // the handshake is known
	accepted bool
}

// SignsOf returns the signs of c. The ID of c may be zero.
func SignsOf(c *timeline.Conn) (s Signs) {
	h := c.Handshake
	if h == nil || c.Transport == nil {
		return s
	}
	s.captured, s.accepted = true, h.Accepted()
	s.leg = leg{c.ID, c.Transport.ID, h.Request.Time, h.Response.Time}
	if s.accepted {
		s.marks = marks(h)
	}
	return s
}

// tie returns the ID of the other leg of the connection of s, 0 for none. guessed reports
// that the key of the handshake is not the same.
func (l *legs) tie(s *Signs) (of uint64, guessed bool) {
	for kind, m := range s.marks {
		if m == (mark{}) {
			continue
		}
		if id, ok := l.find(m, &s.leg); ok {
			return id, markKind(kind) != keyMark
		}
	}
	return 0, false
}

// nested reports whether the handshake b happened inside a.
func nested(a, b *timeline.Handshake) bool {
	return a.Request.Time <= b.Request.Time && b.Response.Time <= a.Response.Time
}

// number adds the connection of s, which now has the ID id, under all its marks.
func (l *legs) number(s *Signs, id uint64) {
	s.leg.id = id
	now := s.leg.response
	if l.first == nil {
		l.first, l.others, l.oldest = make(map[mark]leg), make(map[mark][]leg), now
	}
	if now-l.oldest > int64(legMemory) || len(l.first) >= legMarks {
		l.prune(now)
		l.oldest = now
	}
	for _, m := range s.marks {
		if m == (mark{}) {
			continue
		}
		if _, is := l.first[m]; !is {
			l.first[m] = s.leg
		} else if others := l.others[m]; len(others)+1 < legViews {
			l.others[m] = append(others, s.leg)
		}
	}
}

// prune removes the marks of old connections. When too many are left, it removes all.
func (l *legs) prune(now int64) {
	for m := range l.first {
		if now-l.latest(m).response > int64(legMemory) {
			delete(l.first, m)
			delete(l.others, m)
		}
	}
	if len(l.first) >= legMarks {
		clear(l.first)
		clear(l.others)
	}
}
