// Package reassembly turns packets into connections, and connections into ordered bytes
// (RFC 9293). It emits a gap for all bytes that are missing.
//
// Where segments overlap, the first bytes win. A hole becomes a gap when the peer
// acknowledges bytes after it, when a limit or timeout is reached, or at the end of the
// input. Bytes are delivered from the packet. They are copied only while they wait
// behind a hole. The only clock is the capture time, so a file always gives the same
// output.
package reassembly

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/reassembly/wire"
	"github.com/wsdump/wsdump/timeline"
)

// Tracker follows all TCP connections of an input. It is not safe for
// concurrent use.
type Tracker struct {
	open    func(*timeline.Transport) timeline.Stream
	limits  timeline.Limits
	decoder wire.Decoder
	segment wire.Segment
	conns   table
	pool    pool
	waiting []*connection // connections with bytes behind a hole, oldest first
	since   []int64       // for each of them the capture time since when
	timers  timers
	expired []*connection // of the tick at hand
	closed  []*connection // the latest closed ones, oldest first
	beyond  func()        // see Share; nil: this tracker follows all connections
	free    *connection   // list of free ones, linked by later
	nFree   int
	weight  int // of all connections
	given   given
	// evicting: a connection is being evicted.
	evicting bool
	plain    bool // process no segment by quick, for tests
	pieces   fragments
	differ   bool           // the IP fragments of the current segment contradict each other
	now      timeline.Stamp // the latest packet; Time never goes back
	due      int64          // the result of Due; unknown when it may have changed

	packets, bytes uint64
	fragments      uint64         // packets that were pieces of others
	wrongAt        timeline.Stamp // of the first wrong checksum
	first, last    int64          // times of packets
	transports     uint64
	empty          uint64
	gaps, gapBytes uint64
	held           int64 // see Hold
	stepped        bool  // see Step
	stepFrom       int64
	stepTo         int64
	skipped        [wire.NumSkips]uint64
	links          map[uint32]uint64 // packets of link types that are not read
}

// New returns a Tracker that calls open for every TCP connection that carries
// bytes and feeds the stream that it returns. Zero limits mean the defaults.
func New(open func(*timeline.Transport) timeline.Stream, limits timeline.Limits) *Tracker {
	limits = limits.WithDefaults()
	return &Tracker{
		open: open, limits: limits, conns: newTable(),
		pieces: newFragments(limits), due: unknown, held: math.MaxInt64,
	}
}

// unknown is a time before all others.
const unknown = math.MinInt64

// Packet takes the next packet. p is borrowed.
func (t *Tracker) Packet(p *capture.Packet) {
	t.packets++
	t.bytes += uint64(len(p.Data))
	if t.packets == 1 || t.now.IsZero() && p.Time < t.first { // the first, or before the first
		t.first = p.Time
	}
	at := timeline.Stamp{Packet: p.Number, Time: p.Time, FilePacket: p.FilePacket, File: p.File}
	t.Advance(at)
	if t.plainly(p, at) {
		return
	}
	skip := t.decoder.Decode(uint32(p.Link), p.Data, p.Length, &t.segment)
	if skip == wire.SkipFragment {
		t.fragment(at)
		return
	}
	if skip != wire.SkipNone {
		if t.skip(skip, 1, at); skip == wire.SkipLinkType {
			t.countLink(uint32(p.Link))
		}
		return
	}
	t.Segment(&t.segment, at)
}

// skip counts packets that are not used.
func (t *Tracker) skip(why wire.Skip, packets uint64, at timeline.Stamp) {
	if why == wire.SkipChecksum && t.skipped[why] == 0 {
		t.wrongAt = at
	}
	t.skipped[why] += packets
}

// maxLinks bounds the link types that are counted one by one.
const maxLinks = 32

// countLink counts a packet of a link type that is not read.
func (t *Tracker) countLink(link uint32) {
	if t.links == nil {
		t.links = make(map[uint32]uint64)
	}
	if _, known := t.links[link]; known || len(t.links) < maxLinks {
		t.links[link]++
	}
}

// VerifyChecksums drops what has a wrong checksum from now on.
func (t *Tracker) VerifyChecksums() { t.decoder.Checksums = true }

// fragment takes the piece of an IP packet that the decoder found. A packet
// that becomes whole may be a piece of another: that of a tunnel.
func (t *Tracker) fragment(at timeline.Stamp) {
	t.fragments++
	t.due = unknown
	whole, skip := t.pieces.follow(&t.decoder, &t.segment, at)
	switch {
	case whole == nil: // counted when it is given up
	case skip != wire.SkipNone:
		t.skip(skip, whole.packets, at)
	default:
		t.differ = whole.differs
		t.Segment(&t.segment, at)
		t.differ = false
	}
}

// Due returns the capture time at which [Tracker.Advance] is wanted next, and
// the largest there is when nothing waits.
func (t *Tracker) Due() int64 {
	if t.due == unknown {
		t.due = min(t.timers.due(), t.pieces.due())
		if len(t.waiting) > 0 {
			t.due = min(t.due, t.since[0]+int64(t.limits.ReorderTime)+1)
		}
	}
	return t.due
}

// Advance moves the clock without a packet, so that timeouts are handled. A packet moves
// it too. Before each packet, call Advance with every time that Due returns up to the
// packet's; then all events are emitted in order of time.
func (t *Tracker) Advance(at timeline.Stamp) {
	if at.Time < t.now.Time && !t.now.IsZero() {
		at.Time = t.now.Time
	}
	at.Time = min(at.Time, t.held)
	t.now = at
	if at.Time < t.due {
		return // nobody waits for it
	}
	t.due = unknown
	for len(t.waiting) > 0 && at.Time-t.since[0] > int64(t.limits.ReorderTime) {
		t.waited(at)
	}
	for t.timers.due() <= at.Time {
		t.expire()
	}
	t.pieces.expire(at)
}

// expire looks at the connections of the first tick, whose time has come.
func (t *Tracker) expire() {
	first := t.timers.due()
	for c, due := t.timers.next(); c != nil && due == first; c, due = t.timers.next() {
		switch deadline := t.deadline(c); {
		case deadline > due:
			t.timers.add(c, deadline)
		case c.closed:
			t.forget(c)
		default:
			t.timers.remove(c)
			t.expired = append(t.expired, c)
		}
	}
	inOrder(t.expired)
	for i, c := range t.expired {
		last := c.transport.Last
		last.Time = t.deadline(c)
		c.finishBoth(last, timeline.EndTimeout)
		t.forget(c)
		t.expired[i] = nil
	}
	t.expired = t.expired[:0]
}

// inOrder sorts connections by their first packet. Events of several connections at the
// same time are emitted in that order.
func inOrder(all []*connection) {
	slices.SortFunc(all, func(a, b *connection) int { return cmp.Compare(a.transport.ID, b.transport.ID) })
}

// Segment takes one segment. seg is borrowed.
func (t *Tracker) Segment(seg *wire.Segment, at timeline.Stamp) {
	k, from := keyOf(seg.Src, seg.Dst)
	hash := t.conns.hash(&k)
	if !t.conns.share.has(hash) {
		return
	}
	t.due = unknown
	t.take(t.conns.find(&k, hash), from, seg, at)
}

// take takes a segment that a side of c sent, which is nil for a new connection.
func (t *Tracker) take(c *connection, from uint8, seg *wire.Segment, at timeline.Stamp) {
	// First of all: when it is forgotten depends on how many others closed.
	if c != nil && c.closed && t.past(c) {
		t.forget(c)
		c = nil
	}
	if c != nil && (seg.Flags&wire.SYN != 0 || c.reborn != nil) {
		if c = c.reuse(seg, at); c == nil {
			return
		}
	}
	if c == nil {
		if seg.Flags&(wire.SYN|wire.RST) == 0 && seg.Length == 0 || seg.Flags&wire.RST != 0 {
			return // nothing to learn: the rest of a connection that we never saw
		}
		k, _ := keyOf(seg.Src, seg.Dst)
		c = t.add(k, seg, at)
	}
	if c.closed {
		c.transport.Last = at
		return
	}
	if t.differ && seg.Length > 0 {
		c.finding(&timeline.Finding{Rule: ruleFragments, Dir: c.direction(seg), HasDir: true, At: at})
	}
	dir := timeline.ClientToServer
	if from != c.client {
		dir = timeline.ServerToClient
	}
	if t.plain || !c.quick(dir, seg, at) {
		c.segment(dir, seg, at)
	}
}

func (t *Tracker) add(k key, seg *wire.Segment, at timeline.Stamp) *connection {
	for t.conns.n >= t.limits.Transports && t.evict(nil, "Transports", at) {
	}
	t.transports++
	fromClient := seg.Src.Port() >= seg.Dst.Port()
	if seg.Flags&wire.SYN != 0 {
		fromClient = seg.Flags&wire.ACK == 0
	}
	tr := &timeline.Transport{ID: at.Packet, Client: seg.Src, Server: seg.Dst, First: at, Last: at, Midstream: seg.Flags&wire.SYN == 0}
	if !fromClient {
		tr.Client, tr.Server = tr.Server, tr.Client
	}
	c := t.free
	if c != nil {
		t.free = c.later
		t.nFree--
	} else {
		c = &connection{}
	}
	c.t, c.key, c.transport, c.client, c.later = t, k, tr, side(k, tr.Client), nil // the rest is zero
	t.conns.put(c)
	t.schedule(c, t.limits.HalfOpen)
	t.weigh(c, 0)
	for t.weight > t.limits.Memory && t.evict(c, "Memory", at) {
	}
	return c
}

// replace puts a new connection, which begins with seg, in the place of c.
func (t *Tracker) replace(c *connection, seg *wire.Segment, at timeline.Stamp) *connection {
	t.forget(c)
	return t.add(c.key, seg, at)
}

// given counts the connections that were evicted to bound memory.
type given struct {
	up    uint64
	at    timeline.Stamp
	limit string // the first that was reached
}

// evict makes room: of all connections but spared the one whose time is up
// first goes. It reports false when there is none.
func (t *Tracker) evict(spared *connection, limit string, at timeline.Stamp) bool {
	if t.beyond != nil {
		t.beyond()
		return false
	}
	t.due = unknown
	if spared != nil {
		due := t.deadline(spared)
		t.timers.remove(spared)
		defer t.timers.add(spared, due)
	}
	c, due := t.timers.next()
	for c != nil && t.deadline(c) > due { // it was busy since
		t.timers.add(c, t.deadline(c))
		c, due = t.timers.next()
	}
	if c == nil {
		return false
	}
	if !c.closed {
		if t.given.up == 0 {
			t.given.at, t.given.limit = at, limit
		}
		t.given.up++
		if c.stream != nil {
			c.finding(&timeline.Finding{Rule: ruleLimit, At: at, Got: limit, Want: "fewer connections at once"})
		}
		t.evicting = true
		c.finishBoth(at, timeline.EndLimit)
		t.evicting = false
	}
	t.forget(c)
	return true
}

// bareWeight is what a connection without a stream takes, its place in the
// tables included: 660 bytes by measurement, and more because a flood of them
// leaves garbage faster than it is collected.
const bareWeight = 900

// weigh counts that c takes n bytes beside what every connection does.
func (t *Tracker) weigh(c *connection, n int) {
	n += bareWeight
	t.weight += n - c.weight
	c.weight = n
	c.unweighed = 0
}

// weighEvery is how many bytes a stream receives before its weight is computed again. So
// many bytes may be held that are not counted.
const weighEvery = 2 << 10

// received counts n bytes that the stream received, and computes its weight again when it
// may have changed much.
func (c *connection) received(n uint32) {
	if c.unweighed += n; int(c.unweighed) < max(c.weight/4, weighEvery) && c.weight > bareWeight {
		return
	}
	c.t.weigh(c, timeline.Weight(c.stream))
	if c.t.evicting {
		return // the connection being evicted emits what waited; its caller goes on evicting
	}
	for c.t.weight > c.t.limits.Memory && c.t.evict(c, "Memory", c.t.now) {
	}
}

func (t *Tracker) forget(c *connection) {
	if t.conns.remove(c) {
		t.weight -= c.weight
		c.weight = 0
		t.timers.remove(c)
	}
}

// strayPackets is for how many packets a closed connection stays known, so that its late
// segments are not taken for a new connection.
const strayPackets = 1 << 16

// keepClosed keeps c for a while, and drops connections that closed long ago.
func (t *Tracker) keepClosed(c *connection) {
	c.closedAt = t.now.Packet
	n := 0
	for n < len(t.closed) && t.past(t.closed[n]) {
		old := t.closed[n]
		t.forget(old)
		t.reuse(old)
		n++
	}
	t.closed = append(t.closed[n:], c)
}

// past reports whether c closed so long ago that it is not known any more.
func (t *Tracker) past(c *connection) bool { return t.now.Packet-c.closedAt > strayPackets }

// reuse keeps c, which was closed and forgotten, for another connection: nobody
// knows it any more but the list of those that wait.
func (t *Tracker) reuse(c *connection) {
	if c.waiting || t.nFree == maxFree {
		return
	}
	*c = connection{later: t.free}
	t.free = c
	t.nFree++
}

// maxFree is how many connections are kept to be used again at most.
const maxFree = 1 << 10

// schedule sets the timer of c to d from now.
func (t *Tracker) schedule(c *connection, d time.Duration) { t.timers.add(c, t.now.Time+int64(d)) }

// deadline returns the capture time at which c times out.
func (t *Tracker) deadline(c *connection) int64 {
	last := c.transport.Last.Time
	if t.stepped && last <= t.stepFrom {
		last = t.stepTo // the clock was set meanwhile: that was no silence
	}
	if c.closed || c.stream == nil {
		return last + int64(t.limits.HalfOpen)
	}
	return last + int64(t.limits.Idle)
}

// Hold keeps the clock from passing a time until the next call, whatever times packets
// have.
func (t *Tracker) Hold(now int64) { t.held = now }

// Step says that the clock was set, from one time to another. Connections that were open
// at from are silent since to.
func (t *Tracker) Step(from, to int64) { t.stepped, t.stepFrom, t.stepTo = true, from, to }

// Flush ends every connection: the input is over.
func (t *Tracker) Flush() {
	rest := make([]*connection, 0, t.conns.n)
	for _, s := range t.conns.slots {
		if s.c != nil && !s.c.closed {
			rest = append(rest, s.c)
		}
	}
	inOrder(rest)
	for _, c := range rest {
		c.finishBoth(t.now, timeline.EndOpen)
	}
	t.conns.clear()
	t.weight, t.timers = 0, timers{}
	t.pieces.flush()
}

// Weight returns about how many bytes the state of all connections takes; see
// [timeline.Limits.Memory].
func (t *Tracker) Weight() int { return t.weight }

// Judge reports the findings that concern no connection, at the end of the input.
func (t *Tracker) Judge(report func(*timeline.Finding)) {
	if t.given.up > 0 {
		report(&timeline.Finding{
			Rule: ruleLimit, At: t.given.at, Count: t.given.up, Got: t.given.limit, Want: "fewer connections at once",
			Detail: "TCP connections were given up, those idle for longest first; a larger --max-memory keeps more of them",
		})
	}
	if n := t.skipped[wire.SkipChecksum]; n > 0 {
		report(&timeline.Finding{Rule: ruleChecksum, At: t.wrongAt, Count: n})
	}
	if lost := &t.pieces.lost; lost.datagrams > 0 {
		f := timeline.Finding{Rule: ruleFragmentLost, At: lost.at, Count: lost.datagrams}
		if lost.full > 0 {
			f.Detail = fmt.Sprintf("%d of them were given up to keep memory bounded (Fragments)", lost.full)
		}
		report(&f)
	}
}

// Report adds what was counted to totals.
func (t *Tracker) Report(totals *timeline.Totals) {
	totals.Packets += t.packets
	totals.Bytes += t.bytes
	totals.Fragments += t.fragments
	totals.First, totals.Last = t.first, max(t.last, t.now.Time)
	totals.Transports += t.transports
	totals.GivenUp += t.given.up
	totals.Gaps += t.gaps
	totals.GapBytes += t.gapBytes
	if t.empty > 0 {
		totals.Others = append(totals.Others, timeline.Count{What: "without data", N: t.empty})
	}
	t.skipped[wire.SkipFragment] = t.pieces.lost.packets
	for skip, n := range t.skipped {
		if wire.Skip(skip) == wire.SkipLinkType {
			for _, link := range slices.Sorted(maps.Keys(t.links)) {
				totals.Skipped = append(totals.Skipped, timeline.Count{What: wire.LinkName(link), N: t.links[link]})
				n -= t.links[link]
			}
		}
		if n > 0 {
			totals.Skipped = append(totals.Skipped, timeline.Count{What: wire.Skip(skip).String(), N: n})
		}
	}
}

func (c *connection) direction(seg *wire.Segment) timeline.Direction {
	if side(c.key, seg.Src) == c.client {
		return timeline.ClientToServer
	}
	return timeline.ServerToClient
}
