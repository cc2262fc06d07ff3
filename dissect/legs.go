package dissect

import (
	"hash/maphash"
	"strings"
	"time"

	"github.com/wsdump/wsdump/timeline"
)

// legs finds connections that belong together: the two sides of a proxy. Handshakes are known by their
// key, which most proxies pass on, else by an identifier that a proxy adds; and
// in time the handshake behind a proxy lies inside that before it.
type legs struct {
	first  map[mark]leg   // the first connection of a mark; most have one
	others map[mark][]leg // those after it, in the order of their handshakes
	oldest int64          // capture time of the last pruning
}

// leg is what is remembered of a connection: little, since connections may come
// by the thousand.
type leg struct {
	id                uint64
	transport         uint64 // its ID
	request, response int64  // when the handshake was
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

// mark is something that a handshake may be known by: two hashes of its text, with
// random seeds that each kind has of its own. So what is remembered takes the same
// little room whatever was sent, and points to nothing.
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

// marks returns what a handshake may be known by, by kind; those it does not have are
// zero.
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

// Signs are what a connection may be known by. They are looked for in the goroutine of
// its Dissector, in whose cache the handshake is, and once.
type Signs struct {
	leg      leg
	marks    marked
	captured bool // the handshake is known
	accepted bool
}

// SignsOf returns the signs of c, which may be without its number.
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

// tie looks for the connection on the other side of a proxy from that of s. guessed
// says that it is not known by the handshake's key.
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

// number remembers the connection of s, which has its number now, by what it may be
// known by.
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

// prune forgets the marks of connections that are old, and all of them where too
// many are young.
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
