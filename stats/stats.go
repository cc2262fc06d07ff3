// Package stats computes figures over a timeline: what stands out, rates, sizes,
// times, how connections ended. A [Collector] is a [timeline.Sink], and its result is
// a [Report].
//
// Memory is bounded by the number of open connections and by the constants of this
// package that begin with max, whatever the size of the input. Report.Bounds counts
// what a bound left out. docs/STATS.md describes each figure and its error.
package stats

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/wsdump/wsdump/timeline"
)

// Extract appends to dst the id or key of a message. ok is false if the message has
// none. m is borrowed.
type Extract func(dst []byte, m *timeline.Message) (_ []byte, ok bool)

// Options select figures beside the common ones.
type Options struct {
	Sequence Extract // returns the id of a message; nil for no sequences
	ReplyKey Extract // returns what an answer shares with its request; nil for no replies
}

// Collector computes the figures of one timeline. It is used once.
type Collector struct {
	timeline.Nop
	opt            Options
	r              Report
	conns          map[uint64]*state
	clients        clients
	talkers        map[netip.Addr]*Talker
	omittedTalkers uint64 // connections of clients beyond maxTalkers
	ends           reservoir
	codes          map[uint16]*CloseCode
	refused        map[int]*Refused
	rules          map[*timeline.Rule]*Rule
	order          []*timeline.Rule
	busiest        top[Talker]
	tcp            transports
	replies        replies
	sequence       sequences
	scratch        []byte
}

// state is the state of an open connection.
type state struct {
	talker   Talker
	client   *client
	pings    [2]pings
	sequence [2]*sequence
	leg      bool // the other leg of an open connection through a proxy
}

// pings are the pings of one direction.
type pings struct {
	n           uint64
	first, last int64
	packet      uint64 // packet of the last ping
}

const (
	maxBusiest = 10
	maxTalkers = 1 << 16 // client addresses
	maxListed  = 10      // clients with reconnects that are listed
	maxRefused = 1000    // statuses; all valid ones
)

// New returns a Collector.
func New(opt Options) *Collector {
	c := &Collector{
		opt: opt, conns: make(map[uint64]*state), clients: newClients(), talkers: make(map[netip.Addr]*Talker),
		codes: make(map[uint16]*CloseCode), refused: make(map[int]*Refused), rules: make(map[*timeline.Rule]*Rule),
		replies: newReplies(), sequence: newSequences(), tcp: newTransports(),
	}
	c.busiest = top[Talker]{size: maxBusiest, key: func(t *Talker) uint64 { return t.Conn }, less: quieter}
	return c
}

func quieter(a, b *Talker) bool {
	if d := cmp.Compare(a.Bytes[0]+a.Bytes[1], b.Bytes[0]+b.Bytes[1]); d != 0 {
		return d < 0
	}
	return a.Messages[0]+a.Messages[1] < b.Messages[0]+b.Messages[1]
}

// Needs asks for payload, since sizes are made from it.
func (c *Collector) Needs(*timeline.Conn) timeline.Needs { return timeline.Needs{Payload: true} }

// Begin starts the first slot of the rates.
func (c *Collector) Begin(at timeline.Stamp) { c.r.Rates.begin(at.Time) }

// Open counts a connection, and a reconnect of its client.
func (c *Collector) Open(conn *timeline.Conn) {
	c.r.Conns.N++
	c.r.Rates.at(conn.Opened.Time).Opened++
	s := &state{talker: Talker{Conn: conn.ID, Conns: 1}}
	if conn.LegOf != 0 && c.conns[conn.LegOf] != nil {
		c.r.Conns.Legs++
		s.leg = true
	}
	c.conns[conn.ID] = s
	if conn.Midstream {
		c.r.Conns.Midstream++
		return
	}
	if h := conn.Handshake; h != nil && !h.Response.IsZero() && !h.Request.IsZero() {
		c.r.Handshakes.Add(uint64(max(0, h.Response.Time-h.Request.Time)))
	}
	if s.client = c.clients.get(conn); s.client != nil {
		s.client.open(conn.Opened)
		s.sequence, s.client.sequence = s.client.sequence, [2]*sequence{}
	}
}

// Message counts a message.
func (c *Collector) Message(m *timeline.Message) {
	length := m.WireLength
	if m.HasLength {
		length = m.Length
	}
	of := &c.r.Messages[m.Dir]
	of.N++
	of.Bytes += length
	of.WireBytes += m.WireLength
	of.Sizes.Add(length)
	if m.Kind == timeline.OpText {
		of.Text++
	}
	if m.Incomplete {
		of.Incomplete++
	}
	switch {
	case m.Compressed && !m.HasLength:
		of.Unknown++
	case m.Compressed && !m.Incomplete && !m.Opaque:
		z := &c.r.Compression[m.Dir]
		z.Messages++
		z.Bytes += m.Length
		z.WireBytes += m.WireLength
	}
	slot := c.r.Rates.at(m.Last.Time)
	slot.Messages[m.Dir]++
	slot.Bytes[m.Dir] += length
	s := c.conns[m.Conn.ID]
	if s == nil {
		return
	}
	s.talker.Messages[m.Dir]++
	s.talker.Bytes[m.Dir] += length
	if c.opt.Sequence != nil {
		if id, ok := c.opt.Sequence(c.scratch[:0], m); ok {
			if s.sequence[m.Dir] == nil {
				s.sequence[m.Dir] = &sequence{conn: m.Conn.ID}
			}
			c.sequence.add(s.sequence[m.Dir], m, id)
			c.scratch = id
		} else {
			c.sequence.total[m.Dir].Without++
		}
	}
	if c.opt.ReplyKey != nil {
		if key, ok := c.opt.ReplyKey(c.scratch[:0], m); ok {
			c.replies.add(m, key)
			c.scratch = key
		} else {
			c.replies.Without++
		}
	}
}

// Frame measures pings and pongs.
func (c *Collector) Frame(f *timeline.Frame) {
	switch f.Opcode {
	case timeline.OpPong:
		if f.HasRTT {
			c.r.PingRTT[f.Dir.Reverse()].Add(uint64(max(0, f.RTT)))
		}
	case timeline.OpPing:
		s := c.conns[f.Conn.ID]
		if s == nil {
			return
		}
		p := &s.pings[f.Dir]
		if p.n == 0 {
			p.first = f.Last.Time
		} else {
			c.r.PingEvery[f.Dir].Add(uint64(max(0, f.Last.Time-p.last)))
		}
		p.n++
		p.last, p.packet = f.Last.Time, f.Last.Packet
	}
}

// Finding counts a finding.
func (c *Collector) Finding(f *timeline.Finding) {
	if f.Rule == nil {
		return
	}
	r := c.rules[f.Rule]
	if r == nil {
		r = &Rule{Rule: f.Rule, First: f.At.Packet}
		if f.Conn != nil {
			r.Conn = f.Conn.ID
		}
		c.rules[f.Rule] = r
		c.order = append(c.order, f.Rule)
	}
	r.N += max(1, f.Count)
	r.Severity = max(r.Severity, f.Severity)
	if f.Conn != nil && f.Conn.ID != r.last {
		r.Conns++ // findings of one connection mostly come together
		r.last = f.Conn.ID
	}
}

// Close counts the end of a connection and what it carried.
func (c *Collector) Close(conn *timeline.Conn, at timeline.Stamp) {
	s := c.conns[conn.ID]
	if s == nil {
		return
	}
	delete(c.conns, conn.ID)
	c.replies.end(conn.ID)
	c.tcp.add(conn)
	c.addTalker(conn, s)
	if conn.Refused() {
		c.refuse(conn)
		return
	}
	if h := conn.Handshake; h != nil && h.Status == 0 && !h.Unseen && !conn.Recorded {
		c.r.Conns.Unanswered++
		c.r.StandOut.Unanswered.add(conn.Opened.Packet)
		return
	}
	if wait, ok := conn.Wait(); ok {
		c.r.Waits.Add(uint64(max(0, wait)))
	}
	if s.client != nil {
		s.client.sequence = s.sequence
	} else {
		for dir, q := range s.sequence {
			if q != nil {
				c.sequence.finish(q, timeline.Direction(dir))
			}
		}
	}
	c.ended(conn, s)
}

func (c *Collector) refuse(conn *timeline.Conn) {
	c.r.Conns.Refused++
	status := conn.Handshake.Status
	r := c.refused[status]
	if r == nil {
		if len(c.refused) >= maxRefused {
			return
		}
		r = &Refused{Status: status, Reason: conn.Handshake.Reason}
		c.refused[status] = r
	}
	r.add(conn.Opened.Packet)
}

// ended counts the end of a connection that was a WebSocket.
func (c *Collector) ended(conn *timeline.Conn, s *state) {
	manner, ok := mannerOf(conn)
	switch {
	case !ok && (conn.TCP == timeline.TCPOpen || conn.TCP == timeline.TCPUnknown):
		c.r.Conns.Open++
		return
	case !ok:
		c.r.Conns.Lost++
		return
	}
	c.r.Conns.Ended++
	if s.leg { // its other leg ended in the same manner
		return
	}
	c.r.Rates.at(conn.EndBegan.Time).Ended++
	e := ending{conn: conn.ID, manner: manner, at: conn.EndBegan, silence: -1, life: -1}
	if silence, ok := conn.Idle(); ok {
		e.silence = silence
	} else if h := conn.Handshake; h != nil && !h.Response.IsZero() { // no frame was ever sent
		e.silence = max(0, time.Duration(conn.EndBegan.Time-h.Response.Time))
	}
	if !conn.Midstream {
		e.life = max(0, time.Duration(conn.EndBegan.Time-conn.Opened.Time))
		c.r.Lifetimes.Add(uint64(e.life))
	}
	e.ping(s)
	c.ends.add(e)
	if manner.How == HowClose {
		code := c.codes[manner.Code]
		if code == nil {
			code = &CloseCode{Code: manner.Code}
			c.codes[manner.Code] = code
		}
		code.N++
		code.By[min(manner.By, timeline.PartyServer)]++
	}
	if s.client != nil && !manner.ordinary() {
		s.client.end(conn.EndBegan)
	}
}

// ping sets the ping interval of the side that pinged more often.
func (e *ending) ping(s *state) {
	for dir := range s.pings {
		p := &s.pings[dir]
		e.pinged = e.pinged || p.n > 0
		if p.n < 2 {
			continue
		}
		every := time.Duration((p.last - p.first) / int64(p.n-1))
		if e.pingEvery == 0 || every < e.pingEvery {
			e.pingEvery, e.pingBy, e.lastPing = every, timeline.Direction(dir).Sender(), p.packet
		}
	}
}

// addTalker adds what a connection carried to the busiest connections and to its
// client.
func (c *Collector) addTalker(conn *timeline.Conn, s *state) {
	t := s.talker
	t.URL, t.Client, t.Server = conn.URL(), addressOf(conn.Client), addressOf(conn.Server)
	if t.Messages != [2]uint64{} {
		if len(t.URL) > maxURL {
			t.URL = t.URL[:maxURL]
		}
		c.busiest.add(t)
	}
	if !conn.Client.IsValid() {
		return
	}
	addr := conn.Client.Addr()
	known := c.talkers[addr]
	if known == nil {
		if len(c.talkers) >= maxTalkers {
			c.omittedTalkers++
			return
		}
		known = &Talker{Client: addr.String()}
		c.talkers[addr] = known
	}
	known.Conns++
	for dir := range t.Messages {
		known.Messages[dir] += t.Messages[dir]
		known.Bytes[dir] += t.Bytes[dir]
	}
}

func addressOf(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// Done computes what needs the whole timeline.
func (c *Collector) Done(t *timeline.Totals) {
	r := &c.r
	r.Totals, r.First, r.Last = *t, t.First, t.Last
	if t.Last > t.First || len(r.Rates.Slots) > 0 {
		r.Rates.at(t.Last)
	}
	for _, s := range c.conns { // an output that stops early gets no Close
		if s.client != nil {
			s.client.sequence = s.sequence
		}
	}
	r.StandOut.Silence, r.StandOut.Lifetime, r.StandOut.Broken = c.endings()
	r.StandOut.Reconnects, r.StandOut.MoreReconnects = c.clients.reconnecting(leastReconnects, maxListed)
	r.StandOut.Refused = sorted(c.refused, func(a, b *Refused) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Status, b.Status)) })
	r.CloseCodes = sorted(c.codes, func(a, b *CloseCode) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Code, b.Code)) })
	for _, id := range c.order {
		r.Rules = append(r.Rules, *c.rules[id])
	}
	slices.SortStableFunc(r.Rules, func(a, b Rule) int { return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(b.N, a.N)) })
	r.Busiest = c.busiest.items
	r.Conns.Clients = uint64(len(c.talkers))
	r.Clients = sorted(c.talkers, func(a, b *Talker) int {
		switch {
		case quieter(b, a):
			return -1
		case quieter(a, b):
			return 1
		}
		return cmp.Compare(a.Client, b.Client)
	})
	r.Clients = r.Clients[:min(len(r.Clients), maxBusiest)]
	r.TCP = c.tcp.report()
	if c.opt.Sequence != nil {
		for _, client := range c.clients.of {
			for dir, q := range client.sequence {
				if q != nil {
					c.sequence.finish(q, timeline.Direction(dir))
				}
			}
		}
		r.Sequences = &c.sequence.total
	}
	if c.opt.ReplyKey != nil {
		r.Replies = &c.replies.Replies
	}
	c.bound("ended connections, of which a sample was compared", maxEnds, c.ends.seen-uint64(len(c.ends.ends)))
	c.bound("clients and URLs, watched for reconnects and for ids that go on", maxClients, c.clients.omitted)
	c.bound("clients, for who talked most", maxTalkers, c.omittedTalkers)
	c.bound("requests waiting for an answer", maxRequests, c.replies.Evicted)
}

// leastReconnects is how many reconnects of a client stand out.
const leastReconnects = 3

// Report returns the figures. They are complete after Done.
func (c *Collector) Report() *Report { return &c.r }

func (c *Collector) bound(what string, limit, left uint64) {
	if left > 0 {
		c.r.Bounds = append(c.r.Bounds, Bound{what, limit, left})
	}
}

// endings finds clusters of ends, and bad ends outside of them.
func (c *Collector) endings() (silence, lifetime []Cluster, broken []Ended) {
	silence, rest := clusters(c.ends.ends, func(e *ending) time.Duration { return e.silence }, silenceDefaults())
	lifetime, rest = clusters(rest, func(e *ending) time.Duration { return e.life }, lifetimeDefaults())
	sampled := c.ends.seen > uint64(len(c.ends.ends))
	for _, found := range [][]Cluster{silence, lifetime} {
		for i := range found {
			found[i].Of, found[i].Sampled = uint64(len(c.ends.ends)), sampled
		}
	}
	slices.SortStableFunc(rest, func(a, b ending) int { return cmp.Compare(a.at.Packet, b.at.Packet) })
	by := make(map[Manner]*Ended)
	for i := range rest {
		e := &rest[i]
		if !e.manner.bad() {
			continue
		}
		if by[e.manner] == nil {
			by[e.manner] = &Ended{Manner: e.manner}
		}
		by[e.manner].add(e.at.Packet)
	}
	broken = sorted(by, func(a, b *Ended) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.How, b.How), cmp.Compare(a.By, b.By), cmp.Compare(a.Code, b.Code))
	})
	return silence, lifetime, broken
}

// bad reports whether such an end is a sign of trouble by itself: without a close
// frame, or with a code that says so, like the rule ws/close-abnormal.
func (m Manner) bad() bool {
	return m.How != HowClose || m.Code == 1002 || m.Code == 1003 || m.Code >= 1007 && m.Code <= 1014
}

// sorted returns copies of the values of m in order.
func sorted[K comparable, V any](m map[K]*V, order func(a, b *V) int) []V {
	all := make([]*V, 0, len(m))
	for _, v := range m {
		all = append(all, v)
	}
	slices.SortFunc(all, order)
	out := make([]V, len(all))
	for i, v := range all {
		out[i] = *v
	}
	return out
}
