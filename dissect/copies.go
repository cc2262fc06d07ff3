package dissect

import (
	"bytes"
	"slices"
	"time"

	"github.com/wsdump/wsdump/dissect/ws"
	"github.com/wsdump/wsdump/timeline"
)

// A machine that forwards a connection often captures it twice: before and after NAT.
// The packets differ only in their addresses. The connection is shown once, as it was
// first opened; the other capture is its copy and is hidden.
//
// A copy is identified by its handshake: the same key, the same initial sequence
// numbers in both directions, and nested times. The outer request comes before the
// inner one, and the outer response after the inner one.
//
// A copy stays hidden while its bytes are the same. A [hiddenCopy] holds each byte of
// the copy until the shown connection has had the same byte. From the first byte that
// differs, the copy becomes a connection of its own. So nothing is lost when a program
// reuses numbers, or when only the copy has bytes that the shown connection lost.

// copyWithin bounds the time between the two captures of a handshake.
const copyWithin = 5 * time.Millisecond

// copyMemory is how long a connection stays in views. It is longer than copyWithin,
// because a segment may wait for the one before it.
const copyMemory = 50 * time.Millisecond

// mostAhead bounds how many bytes one capture may be ahead of the other in a direction.
// It is the largest TCP window in common use.
const mostAhead = 4 << 20

// shown is a connection that was opened, and may be captured a second time.
type shown struct {
	handshake *timeline.Handshake
	transport uint64 // its ID
	isn       isn
	answered  int64 // time of the response, of the request where there is none

	// nil when another Dissector has the connection
	conn   *timeline.Conn
	by     *account
	stream *ws.Stream // also nil for a refused attempt

	copies []*timeline.Transport
	other  *shown // with the same initial sequence numbers, shown before
	before int    // how many others there are
	later  *shown // shown next, of all
}

// views are the connections that were opened in the last moments, by their initial
// sequence numbers, and as a list in the order in which they were opened.
type views struct {
	byISN         map[isn]*shown
	first, latest *shown
	free          *shown // to use again; later is the next one
}

// add adds it, and removes connections that are old. When there are too many, add
// removes the oldest ones or does not add it, and full is true.
func (v *views) add(it shown) (full bool) {
	if v.byISN == nil {
		v.byISN = make(map[isn]*shown)
	}
	for v.first != nil && (it.answered-v.first.answered > int64(copyMemory) || len(v.byISN) >= legMarks) {
		full = full || it.answered-v.first.answered <= int64(copyMemory)
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

// remember adds c, which may be captured a second time. by is nil when c belongs to
// another Dissector, and then c is borrowed. full reports that c, or another connection,
// was removed too early.
func (v *views) remember(c *timeline.Conn, by *account, stream *ws.Stream) (full bool) {
	t, h := c.Transport, c.Handshake
	if t.HasISN != [2]bool{true, true} {
		return false
	}
	it := shown{handshake: h, transport: t.ID, isn: t.ISN, answered: max(h.Response.Time, h.Request.Time)}
	if by != nil {
		it.conn, it.by, it.stream = c, by, stream
	}
	return v.add(it)
}

// forget removes the connection that was opened first.
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

// copySink is the sink of a copy. It drops all calls until open is set.
type copySink struct {
	timeline.Sink
	open bool
}

func (g *copySink) Frame(f *timeline.Frame) {
	if g.open {
		g.Sink.Frame(f)
	}
}

func (g *copySink) Message(m *timeline.Message) {
	if g.open {
		g.Sink.Message(m)
	}
}

func (g *copySink) Finding(f *timeline.Finding) {
	if g.open {
		g.Sink.Finding(f)
	}
}

func (g *copySink) Close(c *timeline.Conn, at timeline.Stamp) {
	if g.open {
		g.Sink.Close(c, at)
	}
}

// hiddenCopy is the stream of a copy. It passes a byte to the WebSocket layer of the copy
// once the shown connection has had the same byte, which it learns from [shownTap]. The
// sink of that layer drops all rows.
type hiddenCopy struct {
	sink *copySink
	conn *timeline.Conn
	next *ws.Stream // the layer of the copy
	of   *timeline.Conn
	half [2]copyHalf

	beyond func() // of the Dissector
}

// copyHalf is one direction. At least one of ahead and held is empty.
type copyHalf struct {
	skip  uint64  // bytes that the shown connection had before the copy was known
	ahead []byte  // bytes of the shown connection that the copy has not had yet
	owed  uint64  // bytes missing from the copy that the shown connection has not had yet
	held  []piece // what the copy had, and the shown connection has not had yet
	size  int     // bytes in held
	over  bool    // the shown direction has ended
}

// piece is a call that the copy received: Data, Gap or End.
type piece struct {
	at  timeline.Stamp
	b   []byte // owned
	gap uint64
	end bool
	why timeline.End
}

// hide returns the stream of c, which is a copy of s.
func (o *opener) hide(c *timeline.Conn, s *shown, g *copySink) timeline.Stream {
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
	x := &hiddenCopy{sink: g, conn: c, of: s.conn, next: ws.New(ws.NewEnv(g, d.limits), c), beyond: d.beyond}
	for dir := range x.half {
		x.half[dir].skip = s.stream.Passed(timeline.Direction(dir))
	}
	s.stream.Tap(&shownTap{x, s.stream.Tapped()})
	return x
}

// Data implements [timeline.Stream].
func (x *hiddenCopy) Data(dir timeline.Direction, at timeline.Stamp, b []byte) {
	h := &x.half[dir]
	if n := min(h.skip, uint64(len(b))); n > 0 && !x.sink.open {
		x.next.Data(dir, at, b[:n])
		h.skip -= n
		b = b[n:]
	}
	if len(b) == 0 {
		return
	}
	if x.sink.open {
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

// Gap implements [timeline.Stream]. The shown connection may have the missing bytes.
func (x *hiddenCopy) Gap(dir timeline.Direction, at timeline.Stamp, n uint64) {
	h := &x.half[dir]
	switch {
	case x.sink.open:
		x.next.Gap(dir, at, n)
	case len(h.held) > 0:
		x.hold(dir, piece{at: at, gap: n})
	default:
		x.missed(dir, at, n)
	}
}

// missed skips n bytes that are missing from the copy.
func (x *hiddenCopy) missed(dir timeline.Direction, at timeline.Stamp, n uint64) {
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
func (x *hiddenCopy) Finding(f *timeline.Finding) { x.next.Finding(f) }

// End implements [timeline.Stream].
func (x *hiddenCopy) End(dir timeline.Direction, at timeline.Stamp, why timeline.End) {
	if !x.sink.open && len(x.half[dir].held) > 0 {
		x.hold(dir, piece{at: at, end: true, why: why})
		return
	}
	x.next.End(dir, at, why)
}

// hold keeps a piece that the shown connection has not had yet.
func (x *hiddenCopy) hold(dir timeline.Direction, p piece) {
	h := &x.half[dir]
	h.held = append(h.held, p)
	if h.over || h.size > mostAhead {
		x.reveal()
	}
}

// reveal makes the copy a connection of its own, and emits what was held.
func (x *hiddenCopy) reveal() {
	if x.sink.open {
		return
	}
	if x.beyond != nil {
		x.beyond() // it is tied to the number of the shown one
	}
	x.sink.open = true
	c := x.conn
	c.LegOf = x.of.ID
	x.sink.Sink.Open(c)
	at := c.Transport.Last
	c.Tell(x.sink.Sink, &timeline.Finding{
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
		x.half[dir] = copyHalf{}
	}
}

// pass passes n bytes of the first held piece to the layer of the copy, and removes the
// piece when no bytes of it are left.
func (x *hiddenCopy) pass(dir timeline.Direction, n int) {
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
	case done.gap > 0 && x.sink.open:
		x.next.Gap(dir, done.at, done.gap)
	case done.gap > 0:
		x.missed(dir, done.at, done.gap)
	}
}

// shownTap is the tap on the shown connection, for the copy.
type shownTap struct {
	copied *hiddenCopy
	before timeline.Stream // the tap of another copy, nil for none
}

// Data implements [timeline.Stream].
func (e *shownTap) Data(dir timeline.Direction, at timeline.Stamp, b []byte) {
	if e.before != nil {
		e.before.Data(dir, at, b)
	}
	x := e.copied
	h := &x.half[dir]
	for len(b) > 0 && !x.sink.open {
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
	if x.sink.open || len(b) == 0 || x.next.Ended(dir) {
		return
	}
	if h.ahead = append(h.ahead, b...); len(h.ahead) > mostAhead {
		x.reveal()
	}
}

// Gap implements [timeline.Stream]. The copy may have the missing bytes.
func (e *shownTap) Gap(dir timeline.Direction, at timeline.Stamp, n uint64) {
	if e.before != nil {
		e.before.Gap(dir, at, n)
	}
	if !e.copied.next.Ended(dir) {
		e.copied.reveal()
	}
}

// Finding implements [timeline.Stream].
func (e *shownTap) Finding(*timeline.Finding) {}

// End implements [timeline.Stream].
func (e *shownTap) End(dir timeline.Direction, at timeline.Stamp, why timeline.End) {
	if e.before != nil {
		e.before.End(dir, at, why)
	}
	h := &e.copied.half[dir]
	h.over = true
	if h.size > 0 {
		e.copied.reveal()
	}
}

// Weight implements [timeline.Weighed].
func (x *hiddenCopy) Weight() int {
	n := x.next.Weight()
	for i := range x.half {
		n += cap(x.half[i].ahead) + x.half[i].size
	}
	return n
}
