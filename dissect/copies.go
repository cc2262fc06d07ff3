package dissect

import (
	"bytes"
	"slices"
	"time"

	"github.com/wsdump/wsdump/dissect/ws"
	"github.com/wsdump/wsdump/timeline"
)

// One connection is often captured twice: before and after NAT, on a machine
// that forwards it. The packets are the same but for their addresses, and the
// connection is shown once, as it was first opened.
//
// What makes a copy is its handshake: the same key, the same initial sequence
// numbers both ways, and a place in time that only forwarding gives: the outer
// request comes before the inner one, the outer response after it. What keeps
// it hidden is that it says nothing else: a [shadow] holds every byte of the
// copy until the shown connection has said the same byte. From the first byte
// that it has not said, the copy is a connection of its own, so that nothing
// is lost to a captured program that reuses numbers, nor where only the copy
// holds bytes that the shown connection lost.

// copyWithin is how far apart the two captures of a handshake are at most.
const copyWithin = 5 * time.Millisecond

// copyMemory is how long connections are remembered for that: longer, since a
// segment may have to wait for the one before it.
const copyMemory = 50 * time.Millisecond

// mostAhead is how many bytes one of the two may be ahead of the other in a
// direction. It is the largest window that is in common use.
const mostAhead = 4 << 20

// shown is a connection that was told, and may be seen again.
type shown struct {
	handshake *timeline.Handshake
	transport uint64 // its ID
	isn       isn
	at        int64 // when the handshake was answered

	// nil where another Dissector shows it
	conn   *timeline.Conn
	by     *account
	stream *ws.Stream // and for a refused attempt

	copies []*timeline.Transport
	other  *shown // with the same initial sequence numbers, shown before
	before int    // how many others there are
	later  *shown // shown next, of all
}

// views are the connections that were shown of late, by their initial sequence
// numbers, and in the order in which they were.
type views struct {
	byISN         map[isn]*shown
	first, latest *shown
	free          *shown // to use again; later is the next one
}

// add remembers it, and forgets what is old or, where there is too much, was
// shown first. full says that there was too much.
func (v *views) add(it shown) (full bool) {
	if v.byISN == nil {
		v.byISN = make(map[isn]*shown)
	}
	for v.first != nil && (it.at-v.first.at > int64(copyMemory) || len(v.byISN) >= legMarks) {
		full = full || it.at-v.first.at <= int64(copyMemory)
		v.forget()
	}
	if it.other = v.byISN[it.isn]; it.other != nil {
		if it.before = it.other.before + 1; it.before >= legViews {
			return true // numbers are random: these are made up
		}
	}
	s := v.free
	if s == nil {
		s = &shown{}
	} else {
		v.free = s.later
	}
	*s = it
	if s.by != nil {
		s.by.shown = true
	}
	v.byISN[s.isn] = s
	if v.latest != nil {
		v.latest.later = s
	} else {
		v.first = s
	}
	v.latest = s
	return full
}

// remember keeps c for a while as what may be captured twice: by is nil where another
// Dissector tells of it, and then c is borrowed. full says that it may be forgotten
// before its time, or another one is.
func (v *views) remember(c *timeline.Conn, by *account, stream *ws.Stream) (full bool) {
	t, h := c.Transport, c.Handshake
	if t.HasISN != [2]bool{true, true} {
		return false
	}
	it := shown{handshake: h, transport: t.ID, isn: t.ISN, at: h.Response.Time}
	if by != nil {
		it.conn, it.by, it.stream = c, by, stream
	}
	return v.add(it)
}

// forget forgets the one that was shown first.
func (v *views) forget() {
	s := v.first
	if v.first, s.later = s.later, nil; v.first == nil {
		v.latest = nil
	}
	if v.byISN[s.isn] == s {
		delete(v.byISN, s.isn)
	} else {
		for o := v.byISN[s.isn]; o != nil; o = o.other {
			if o.other == s {
				o.other = nil // those before s are gone
			}
		}
	}
	by := s.by
	*s = shown{later: v.free}
	v.free = s
	if by != nil {
		by.shown = false
		by.recycle()
	}
}

// isn are the initial sequence numbers by which two captures of one transport
// are found; both directions together are 64 random bits.
type isn [2]uint32

// copyOf returns the connection that c is another capture of, nil for none.
func (v *views) copyOf(c *timeline.Conn) *shown {
	t := c.Transport
	if t.HasISN != [2]bool{true, true} {
		return nil
	}
	for s := v.byISN[t.ISN]; s != nil; s = s.other {
		if s.transport != t.ID && !slices.Contains(s.copies, t) && sameHandshake(s.handshake, c.Handshake) {
			return s
		}
	}
	return nil
}

func sameHandshake(a, b *timeline.Handshake) bool {
	return a.Key == b.Key && a.Target == b.Target && a.Status == b.Status && (nested(a, b) || nested(b, a)) &&
		within(a.Request, b.Request) && within(a.Response, b.Response)
}

func within(a, b timeline.Stamp) bool {
	return time.Duration(b.Time-a.Time).Abs() <= copyWithin
}

// gate is the sink of a copy. It is shut while the copy is hidden.
type gate struct {
	timeline.Sink
	open bool
}

func (g *gate) Frame(f *timeline.Frame) {
	if g.open {
		g.Sink.Frame(f)
	}
}

func (g *gate) Message(m *timeline.Message) {
	if g.open {
		g.Sink.Message(m)
	}
}

func (g *gate) Finding(f *timeline.Finding) {
	if g.open {
		g.Sink.Finding(f)
	}
}

func (g *gate) Close(c *timeline.Conn, at timeline.Stamp) {
	if g.open {
		g.Sink.Close(c, at)
	}
}

// shadow is the stream of a copy. It hands bytes on to the copy's WebSocket
// layer, whose rows nobody hears, once the shown connection has said the same;
// what it hears of that comes through [echo].
type shadow struct {
	gate *gate
	conn *timeline.Conn
	next *ws.Stream // the layer of the copy
	of   *timeline.Conn
	half [2]shadowHalf

	beyond func() // of the Dissector
}

// shadowHalf is one direction. Of ahead and held, one at the least is empty.
type shadowHalf struct {
	skip  uint64  // bytes that the shown connection said before the copy was known
	ahead []byte  // said by the shown connection, not yet by the copy
	owed  uint64  // bytes missing from the copy that the shown one has yet to say
	held  []piece // said by the copy, not yet by the shown connection
	size  int     // bytes in held
	over  bool    // the shown direction has ended
}

// piece is what the copy said: bytes, missing bytes, or its end.
type piece struct {
	at  timeline.Stamp
	b   []byte // owned
	gap uint64
	end bool
	why timeline.End
}

// hide makes the stream of c, which is a copy of s.
func (o *opener) hide(c *timeline.Conn, s *shown, g *gate) timeline.Stream {
	s.copies = append(s.copies, c.Transport)
	d := o.account.d
	if s.conn.Ended.IsZero() {
		s.conn.Tell(d.sink, &timeline.Finding{
			Rule: timeline.RuleDuplicate, At: c.Handshake.Request,
			Got:    c.Client.String() + " -> " + c.Server.String(),
			Detail: "the same packets on the other side of NAT",
		})
	}
	if s.stream == nil {
		return &attempt{opener: o, conn: c, sink: g}
	}
	x := &shadow{gate: g, conn: c, of: s.conn, next: ws.New(ws.NewEnv(g, d.limits), c), beyond: d.beyond}
	for dir := range x.half {
		x.half[dir].skip = s.stream.Passed(timeline.Direction(dir))
	}
	s.stream.Tap(&echo{x, s.stream.Tapped()})
	return x
}

// Data implements [timeline.Stream].
func (x *shadow) Data(dir timeline.Direction, at timeline.Stamp, b []byte) {
	h := &x.half[dir]
	if n := min(h.skip, uint64(len(b))); n > 0 && !x.gate.open {
		x.next.Data(dir, at, b[:n])
		h.skip -= n
		b = b[n:]
	}
	if len(b) == 0 {
		return
	}
	if x.gate.open {
		x.next.Data(dir, at, b)
		return
	}
	n := min(len(b), len(h.ahead))
	if !bytes.Equal(b[:n], h.ahead[:n]) {
		x.reveal()
		x.next.Data(dir, at, b)
		return
	}
	if n > 0 {
		x.next.Data(dir, at, b[:n])
		h.ahead = h.ahead[:copy(h.ahead, h.ahead[n:])]
		b = b[n:]
	}
	if len(b) > 0 {
		h.size += len(b)
		x.hold(dir, piece{at: at, b: bytes.Clone(b)})
	}
}

// Gap implements [timeline.Stream]: what the copy lost, the shown connection
// need not have lost.
func (x *shadow) Gap(dir timeline.Direction, at timeline.Stamp, n uint64) {
	h := &x.half[dir]
	switch {
	case x.gate.open:
		x.next.Gap(dir, at, n)
	case len(h.held) > 0:
		x.hold(dir, piece{at: at, gap: n})
	default:
		x.missed(dir, at, n)
	}
}

// missed steps over n bytes that the copy lacks.
func (x *shadow) missed(dir timeline.Direction, at timeline.Stamp, n uint64) {
	h := &x.half[dir]
	x.next.Gap(dir, at, n)
	skipped := min(n, h.skip)
	h.skip -= skipped
	n -= skipped
	k := min(n, uint64(len(h.ahead)))
	h.ahead = h.ahead[:copy(h.ahead, h.ahead[k:])]
	h.owed += n - k
}

// Finding implements [timeline.Stream].
func (x *shadow) Finding(f *timeline.Finding) { x.next.Finding(f) }

// End implements [timeline.Stream].
func (x *shadow) End(dir timeline.Direction, at timeline.Stamp, why timeline.End) {
	if !x.gate.open && len(x.half[dir].held) > 0 {
		x.hold(dir, piece{at: at, end: true, why: why})
		return
	}
	x.next.End(dir, at, why)
}

// hold keeps what the shown connection has not said yet.
func (x *shadow) hold(dir timeline.Direction, p piece) {
	h := &x.half[dir]
	h.held = append(h.held, p)
	if h.over || h.size > mostAhead {
		x.reveal()
	}
}

// reveal makes the copy a connection of its own and tells what was held.
func (x *shadow) reveal() {
	if x.gate.open {
		return
	}
	if x.beyond != nil {
		x.beyond() // it is tied to the number of the shown one
	}
	x.gate.open = true
	c := x.conn
	c.LegOf = x.of.ID
	x.gate.Sink.Open(c)
	at := c.Transport.Last
	c.Tell(x.gate.Sink, &timeline.Finding{
		Rule: timeline.RuleDuplicate, At: at,
		Detail: "until here it said the same as the connection that it is a leg of, and is told from where it says something else",
	})
	for x.half[0].held != nil || x.half[1].held != nil {
		dir := timeline.ClientToServer
		if a, b := x.half[0].held, x.half[1].held; len(a) == 0 || len(b) > 0 && b[0].at.Packet < a[0].at.Packet {
			dir = timeline.ServerToClient
		}
		x.pass(dir, len(x.half[dir].held[0].b))
	}
	for dir := range x.half {
		x.half[dir] = shadowHalf{}
	}
}

// pass hands n bytes of the first piece held to the layer of the copy, and the
// piece itself when nothing is left of it.
func (x *shadow) pass(dir timeline.Direction, n int) {
	h := &x.half[dir]
	p := &h.held[0]
	if n > 0 {
		x.next.Data(dir, p.at, p.b[:n])
		p.b = p.b[n:]
		h.size -= n
	}
	if len(p.b) > 0 {
		return
	}
	done := *p
	if h.held = h.held[1:]; len(h.held) == 0 {
		h.held = nil
	}
	switch {
	case done.end:
		x.next.End(dir, done.at, done.why)
	case done.gap > 0 && x.gate.open:
		x.next.Gap(dir, done.at, done.gap)
	case done.gap > 0:
		x.missed(dir, done.at, done.gap)
	}
}

// echo is what a shadow hears of the connection that is shown.
type echo struct {
	shadow *shadow
	before timeline.Stream // the tap of another copy, nil for none
}

// Data implements [timeline.Stream].
func (e *echo) Data(dir timeline.Direction, at timeline.Stamp, b []byte) {
	if e.before != nil {
		e.before.Data(dir, at, b)
	}
	x := e.shadow
	h := &x.half[dir]
	for len(b) > 0 && !x.gate.open {
		if h.owed > 0 {
			n := min(h.owed, uint64(len(b)))
			h.owed -= n
			b = b[n:]
			continue
		}
		if len(h.held) == 0 {
			break
		}
		p := &h.held[0]
		n := min(len(b), len(p.b))
		if !bytes.Equal(b[:n], p.b[:n]) {
			x.reveal()
			return
		}
		b = b[n:]
		x.pass(dir, n)
	}
	if x.gate.open || len(b) == 0 || x.next.Ended(dir) {
		return
	}
	if h.ahead = append(h.ahead, b...); len(h.ahead) > mostAhead {
		x.reveal()
	}
}

// Gap implements [timeline.Stream]: the copy may hold what is missing here.
func (e *echo) Gap(dir timeline.Direction, at timeline.Stamp, n uint64) {
	if e.before != nil {
		e.before.Gap(dir, at, n)
	}
	if !e.shadow.next.Ended(dir) {
		e.shadow.reveal()
	}
}

// Finding implements [timeline.Stream].
func (e *echo) Finding(*timeline.Finding) {}

// End implements [timeline.Stream].
func (e *echo) End(dir timeline.Direction, at timeline.Stamp, why timeline.End) {
	if e.before != nil {
		e.before.End(dir, at, why)
	}
	h := &e.shadow.half[dir]
	h.over = true
	if h.size > 0 {
		e.shadow.reveal()
	}
}

// Weight implements [timeline.Weighed].
func (x *shadow) Weight() int {
	n := x.next.Weight()
	for i := range x.half {
		n += cap(x.half[i].ahead) + x.half[i].size
	}
	return n
}
