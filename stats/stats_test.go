package stats

import (
	"fmt"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/wsdump/wsdump/timeline"
)

// story tells a Collector a timeline, step by step; its clock is in seconds.
type story struct {
	*Collector
	packet uint64
	conns  uint64
}

func newStory(opt Options) *story {
	s := &story{Collector: New(opt)}
	s.Begin(s.at(0))
	return s
}

func (s *story) at(seconds float64) timeline.Stamp {
	s.packet++
	return timeline.Stamp{Packet: s.packet, Time: 1_700_000_000_000_000_000 + int64(seconds*1e9)}
}

func (s *story) open(seconds float64, client string) *timeline.Conn {
	s.conns++
	at := s.at(seconds)
	c := &timeline.Conn{
		ID: s.conns, Opened: at, Layers: "tcp",
		Client: netip.AddrPortFrom(netip.MustParseAddr(client), uint16(40000+s.conns)), Server: netip.MustParseAddrPort("10.0.0.2:80"),
		Transport: &timeline.Transport{ID: s.conns},
		Handshake: &timeline.Handshake{Request: at, Response: at, Scheme: "ws", Host: "server.example.com", Path: "/chat", Query: fmt.Sprint("token=", s.conns), HTTPVersion: "1.1", Status: 101},
	}
	s.Open(c)
	return c
}

func (s *story) say(c *timeline.Conn, seconds float64, dir timeline.Direction, text string) {
	at := s.at(seconds)
	c.LastFrame, c.LastDir = at, dir
	s.Message(&timeline.Message{
		Conn: c, Dir: dir, First: at, Last: at, Kind: timeline.OpText, Length: uint64(len(text)), WireLength: uint64(len(text)), HasLength: true, HasPayload: true,
		Payload: []byte(text), Text: true,
	})
}

func (s *story) ping(c *timeline.Conn, seconds float64, dir timeline.Direction) {
	at := s.at(seconds)
	c.LastFrame, c.LastDir = at, dir
	s.Frame(&timeline.Frame{Conn: c, Dir: dir, First: at, Last: at, Opcode: timeline.OpPing, Fin: true})
	s.Frame(&timeline.Frame{Conn: c, Dir: dir.Reverse(), First: at, Last: at, Opcode: timeline.OpPong, Fin: true, HasRTT: true, RTT: 20 * time.Millisecond})
}

// drop ends c by a FIN of the server, without a close frame.
func (s *story) drop(c *timeline.Conn, seconds float64) {
	c.TCP, c.By, c.FirstFIN = timeline.TCPFIN, timeline.PartyServer, timeline.PartyServer
	c.EndBegan = s.at(seconds)
	c.Ended = s.at(seconds + .01)
	s.Close(c, c.Ended)
}

func (s *story) goodbye(c *timeline.Conn, seconds float64) {
	c.TCP, c.By, c.FirstFIN = timeline.TCPFIN, timeline.PartyClient, timeline.PartyServer
	c.CloseCode, c.ClosedBy = 1000, [2]bool{true, true}
	c.EndBegan = s.at(seconds)
	c.Ended = s.at(seconds + .01)
	s.Close(c, c.Ended)
}

func (s *story) end(seconds float64) *Report {
	last := s.at(seconds)
	s.Done(&timeline.Totals{First: 1_700_000_000_000_000_000, Last: last.Time, Packets: s.packet, Conns: s.conns})
	return s.Report()
}

// whole is an Extract that takes the payload for the id.
func whole(dst []byte, m *timeline.Message) ([]byte, bool) {
	return append(dst, m.Payload...), len(m.Payload) > 0
}

const (
	send    = timeline.ClientToServer
	receive = timeline.ServerToClient
)

// TestQuiet: well-behaved traffic stands out in nothing.
func TestQuiet(t *testing.T) {
	s := newStory(Options{Sequence: whole, ReplyKey: whole})
	for i := range 20 {
		begin := float64(i * 100)
		c := s.open(begin, "10.0.0.1")
		for k := range 10 {
			s.say(c, begin+float64(k), send, strconv.Itoa(k))
			s.say(c, begin+float64(k)+.01, receive, strconv.Itoa(k))
		}
		s.ping(c, begin+20, send)
		s.goodbye(c, begin+50)
	}
	r := s.end(3000)
	o := &r.StandOut
	if len(o.Silence)+len(o.Lifetime)+len(o.Broken)+len(o.Reconnects)+len(o.Refused) > 0 || o.Unanswered.N > 0 || len(r.Bounds) > 0 {
		t.Errorf("%+v, %v", o, r.Bounds)
	}
	for dir, q := range r.Sequences {
		if q.Missing+q.Doubled+q.OutOfOrder > 0 || q.Checked != 200 || !q.Countable() {
			t.Errorf("direction %d: %+v", dir, q)
		}
	}
	if n := r.Replies.Times[send].N; n != 200 || r.Replies.Unanswered != [2]uint64{} {
		t.Errorf("%d replies, %v without", n, r.Replies.Unanswered)
	}
	if p50 := time.Duration(r.Replies.Times[send].Quantile(.5)); p50 < 9900*time.Microsecond || p50 > 10100*time.Microsecond {
		t.Errorf("replies take %v", p50)
	}
	if r.Conns.Ended != 20 || r.Conns.Clients != 1 || r.Messages[send].N != 200 || r.PingRTT[send].N != 20 || r.PingRTT[receive].N != 0 {
		t.Errorf("%+v", r.Conns)
	}
}

// TestSilence: connections that end after one time of silence, with pings that
// are slower than that.
func TestSilence(t *testing.T) {
	s := newStory(Options{})
	for i := range 5 {
		begin := float64(i * 100)
		c := s.open(begin, fmt.Sprintf("10.0.1.%d", i))
		for k := range 8 {
			s.say(c, begin+float64(k)*2, receive, "tick")
			if k%4 == 0 {
				s.ping(c, begin+float64(k)*2+.5, send) // every 8 s
			}
		}
		s.drop(c, begin+14+4)
	}
	o := &s.end(1000).StandOut
	if len(o.Silence) != 1 || len(o.Lifetime)+len(o.Broken) > 0 {
		t.Fatalf("%+v", o)
	}
	c := &o.Silence[0]
	if c.N != 5 || c.Of != 5 || c.Median != 4*time.Second || c.Manner != fin || c.Pinged != 5 || c.SlowPings != 5 || c.PingEvery != 8*time.Second || c.SlowPingBy != "client" {
		t.Errorf("%+v", c)
	}
}

// TestLifetime: they end after one time since they opened, busy to the last.
func TestLifetime(t *testing.T) {
	s := newStory(Options{})
	for i := range 6 {
		begin := float64(i * 7)
		c := s.open(begin, "10.0.0.1")
		for k := range 20 {
			s.say(c, begin+float64(k)*.25+float64(i)*.01, send, "x")
		}
		s.drop(c, begin+5)
	}
	o := &s.end(100).StandOut
	if len(o.Lifetime) != 1 || len(o.Silence)+len(o.Broken) > 0 || o.Lifetime[0].N != 6 || o.Lifetime[0].Median != 5*time.Second {
		t.Fatalf("%+v", o)
	}
	if len(o.Reconnects) != 1 || o.Reconnects[0].N != 5 || o.Reconnects[0].Least != 2*time.Second || o.Reconnects[0].URL != "ws://server.example.com/chat" {
		t.Errorf("%+v", o.Reconnects)
	}
}

// TestReconnects: only soon after a break, by the same address; also when the
// end of the old connection comes after the new one opened.
func TestReconnects(t *testing.T) {
	s := newStory(Options{})
	c := s.open(0, "10.0.0.1")
	for i := range 4 {
		next := s.open(float64(i)*10+6, "10.0.0.1")
		s.drop(c, float64(i)*10+5)
		c = next
		other := s.open(float64(i)*10+7, "10.0.0.9")
		s.goodbye(other, float64(i)*10+8)
	}
	s.drop(c, 60)
	s.open(100, "10.0.0.1")
	o := &s.end(200).StandOut
	if len(o.Reconnects) != 1 || o.Reconnects[0].N != 4 || o.Reconnects[0].Mean != time.Second {
		t.Errorf("%+v", o.Reconnects)
	}
}

func TestSequences(t *testing.T) {
	for _, tc := range []struct {
		name, ids                                string // "|" is a reconnect
		missing, doubled, moved, across, checked uint64
		sparse                                   bool
	}{
		{name: "in order", ids: "5 6 7 8 9", checked: 5},
		{name: "missing", ids: "1 2 5 6", missing: 2, checked: 4},
		{name: "late", ids: "1 2 4 3 5", moved: 1, checked: 5},
		{name: "late, in the middle of a hole", ids: "1 2 8 5 9", moved: 1, missing: 4, checked: 5},
		{name: "doubled", ids: "1 2 2 3 1", doubled: 2, checked: 5},
		{name: "late and doubled", ids: "1 3 2 2 4 5", moved: 1, doubled: 1, checked: 6},
		{name: "goes on over a reconnect", ids: "1 2 3 | 4 5", checked: 5},
		{name: "missing over a reconnect", ids: "1 2 3 | 6 7", missing: 2, across: 2, checked: 5},
		{name: "said again after a reconnect", ids: "1 2 3 | 3 4", doubled: 1, across: 1, checked: 5},
		{name: "starts anew after a reconnect", ids: "7 8 9 | 7 8 9 | 0 1 2", checked: 9},
		{name: "negative", ids: "-2 -1 0 1", checked: 4},
		{name: "sparse", ids: "10 20 30 40 35", moved: 1, missing: 26, checked: 5, sparse: true},
		{name: "another sequence", ids: "1 2 99999999999 100000000000", checked: 4},
		{name: "texts", ids: "a b c a", doubled: 1, checked: 4},
		{name: "huge", ids: "9223372036854775806 9223372036854775807 -9223372036854775808", moved: 1, checked: 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newStory(Options{Sequence: whole})
			c := s.open(0, "10.0.0.1")
			now := 0.0
			word := ""
			for _, r := range tc.ids + " " {
				now += .01
				switch {
				case r == '|':
					s.drop(c, now)
					c = s.open(now+.5, "10.0.0.1")
				case r != ' ':
					word += string(r)
				case word != "":
					s.say(c, now, receive, word)
					word = ""
				}
			}
			q := s.end(100).Sequences[receive]
			if q.Missing != tc.missing || q.Doubled != tc.doubled || q.OutOfOrder != tc.moved || q.Across != tc.across || q.Checked != tc.checked || q.Countable() == tc.sparse {
				t.Errorf("%+v", q)
			}
		})
	}
}

// TestReplies: more answers to one request, a request said twice, a key used
// again, an answer that never came.
func TestReplies(t *testing.T) {
	s := newStory(Options{ReplyKey: whole})
	c := s.open(0, "10.0.0.1")
	for i, step := range []struct {
		dir timeline.Direction
		key string
	}{
		{send, "a"}, {send, "a"}, {receive, "a"}, {receive, "a"}, // the second of each is ignored
		{send, "a"}, {receive, "a"}, // used again
		{receive, "b"}, {send, "b"}, // the server asks
		{send, "c"},
	} {
		s.say(c, float64(i), step.dir, step.key)
	}
	other := s.open(20, "10.0.0.1")
	s.say(other, 21, receive, "c") // of another connection: no answer
	s.goodbye(other, 22)
	s.goodbye(c, 30)
	p := s.end(40).Replies
	if p.Times[send].N != 2 || p.Times[receive].N != 1 || p.Unanswered != [2]uint64{1, 1} || p.Slowest.Took != 2*time.Second || p.Evicted != 0 {
		t.Errorf("%+v", p)
	}
}

// TestRequestsBounded: more requests at once than are remembered.
func TestRequestsBounded(t *testing.T) {
	s := newStory(Options{ReplyKey: whole})
	c := s.open(0, "10.0.0.1")
	for i := range maxRequests + 100 {
		s.say(c, 1, send, strconv.Itoa(i))
	}
	s.goodbye(c, 2)
	r := s.end(3)
	if len(s.replies.pairs.open) > maxRequests || r.Replies.Evicted != 100 || r.Replies.Unanswered[send] != maxRequests || len(r.Bounds) != 1 {
		t.Errorf("%d remembered, %d given up, %d unanswered, %v", len(s.replies.pairs.open), r.Replies.Evicted, r.Replies.Unanswered[send], r.Bounds)
	}
}

// TestClientsBounded: more clients than are remembered.
func TestClientsBounded(t *testing.T) {
	s := newStory(Options{})
	for i := range maxClients + 1000 {
		c := s.open(1, netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}).String())
		s.goodbye(c, 2)
	}
	r := s.end(3)
	if len(s.clients.of) > maxClients || len(s.talkers) > maxTalkers || len(r.Bounds) == 0 || len(s.Collector.conns) > 0 {
		t.Errorf("%d and %d remembered, %v", len(s.clients.of), len(s.talkers), r.Bounds)
	}
}

// TestTransports: one TCP connection with several WebSockets counts once.
func TestTransports(t *testing.T) {
	s := newStory(Options{})
	shared := &timeline.Transport{ID: 77, Segments: [2]uint64{10, 20}, Resent: [2]uint64{0, 2}, Bytes: [2]uint64{100, 200}}
	one, two := s.open(0, "10.0.0.1"), s.open(0, "10.0.0.1")
	one.Transport, two.Transport = shared, shared
	s.goodbye(one, 1)
	shared.Segments[0], shared.Resent[1], shared.Gaps[0] = 15, 5, 7
	s.goodbye(two, 2)
	copied := s.open(0, "10.0.0.1")
	copied.Transport = &timeline.Transport{ID: 78, Segments: [2]uint64{4, 4}, Resent: [2]uint64{2, 2}, Copied: true}
	s.goodbye(copied, 3)
	got := s.end(4).TCP
	if got.Transports != 2 || got.Copied != 1 || got.Segments != [2]uint64{19, 24} || got.Resent != [2]uint64{0, 5} || got.Missing[0] != 7 ||
		got.WithResent != 1 || got.WithMissing != 1 || len(got.Worst) != 1 || got.Worst[0].Resent[1] != 5 {
		t.Errorf("%+v", got)
	}
}

// TestTop keeps the largest, each key once.
func TestTop(t *testing.T) {
	top := top[Talker]{size: 3, key: func(t *Talker) uint64 { return t.Conn }, less: quieter}
	for i, bytes := range []uint64{5, 1, 9, 7, 3, 9} {
		top.add(Talker{Conn: uint64(i % 5), Bytes: [2]uint64{bytes, 0}}) // the last is the first again
	}
	var got []uint64
	for _, item := range top.items {
		got = append(got, item.Conn)
	}
	if fmt.Sprint(got) != "[2 0 3]" && fmt.Sprint(got) != "[0 2 3]" {
		t.Errorf("%v", got)
	}
}
