package timeline

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// calls keeps a line for each call of a stream.
type calls struct {
	Nop
	lines []string
}

func (h *calls) Data(d Direction, at Stamp, b []byte) {
	h.lines = append(h.lines, fmt.Sprintf("%s %d %s", d, at.Packet, b))
}

func (h *calls) Gap(d Direction, at Stamp, n uint64) {
	h.lines = append(h.lines, fmt.Sprintf("%s %d gap %d", d, at.Packet, n))
}

func (h *calls) End(d Direction, at Stamp, why End) {
	h.lines = append(h.lines, fmt.Sprintf("%s %d end %d", d, at.Packet, why))
}

type findings struct {
	Nop
	findings []Finding
}

func (s *findings) Finding(f *Finding) { s.findings = append(s.findings, *f) }

// streamCalls joins the two, since a Sink and a Stream both take findings.
type streamCalls struct{ *calls }

func (streamCalls) Finding(*Finding) {}

func TestBacklog(t *testing.T) {
	var b Backlog
	if !b.Empty() || b.Len() != 0 {
		t.Error("the zero value is not empty")
	}
	piece := []byte("hello")
	b.Data(ClientToServer, Stamp{Packet: 1}, piece)
	copy(piece, "#####") // it was borrowed
	b.Gap(ServerToClient, Stamp{Packet: 2}, 3)
	b.Gap(ServerToClient, Stamp{Packet: 3}, 4)
	b.Gap(ClientToServer, Stamp{Packet: 4}, 5)
	b.Data(ServerToClient, Stamp{Packet: 5}, []byte("x"))
	b.End(ClientToServer, Stamp{Packet: 6}, EndFIN)
	b.Exchange()
	h := &calls{}
	b.Replay(streamCalls{h})
	want := "[receive 1 hello send 2 gap 7 receive 4 gap 5 send 5 x receive 6 end 1]"
	if got := fmt.Sprint(h.lines); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !b.Empty() {
		t.Error("it is not empty after the replay")
	}
}

func TestEnding(t *testing.T) {
	const c, s = ClientToServer, ServerToClient
	type end struct {
		dir Direction
		why End
	}
	for _, tc := range []struct {
		ends []end
		tcp  TCPEnd
		by   Party
		fin  Party
	}{
		{nil, TCPOpen, PartyUnknown, PartyUnknown},
		{[]end{{c, EndFIN}, {s, EndFIN}}, TCPFIN, PartyClient, PartyClient},
		{[]end{{s, EndFIN}, {c, EndReset}}, TCPReset, PartyServer, PartyServer},
		{[]end{{s, EndReset}, {c, EndReset}}, TCPReset, PartyServer, PartyUnknown},
		{[]end{{s, EndFIN}, {c, EndOpen}}, TCPHalf, PartyServer, PartyServer},
		{[]end{{c, EndOpen}, {s, EndOpen}}, TCPOpen, PartyUnknown, PartyUnknown},
		{[]end{{c, EndTimeout}, {s, EndTimeout}}, TCPTimeout, PartyUnknown, PartyUnknown},
		{[]end{{c, EndReplaced}, {s, EndReplaced}}, TCPTimeout, PartyUnknown, PartyUnknown},
		{[]end{{c, EndFIN}, {c, EndReset}, {s, EndFIN}}, TCPFIN, PartyClient, PartyClient}, // a direction ends once
	} {
		var e Ending
		both := false
		for i, x := range tc.ends {
			both = e.Add(x.dir, Stamp{Packet: uint64(i + 1)}, x.why)
		}
		if e.TCP() != tc.tcp || e.By != tc.by || e.FIN != tc.fin || both != (len(tc.ends) >= 2) {
			t.Errorf("%v: got %s by %s, FIN %s, both %v", tc.ends, e.TCP(), e.By, e.FIN, both)
		}
	}
}

// TestFindingsAreBounded: the first of a rule and direction are emitted one by
// one, the rest as a count.
func TestFindingsAreBounded(t *testing.T) {
	s := &findings{}
	c := &Conn{}
	rule := &Rule{ID: "x/y", Severity: Error}
	for range FindingsPerRule + 5 {
		c.Tell(s, &Finding{Rule: rule, Dir: ServerToClient, HasDir: true})
	}
	c.Tell(s, &Finding{Rule: rule, Dir: ClientToServer, HasDir: true, Milder: true})
	c.Settle(s, Stamp{Packet: 9})
	if len(s.findings) != FindingsPerRule+2 {
		t.Fatalf("%d findings, want %d", len(s.findings), FindingsPerRule+2)
	}
	if last := s.findings[len(s.findings)-1]; last.Count != 5 || last.Dir != ServerToClient {
		t.Errorf("the rest: %+v", last)
	}
	if s.findings[0].Severity != Error || s.findings[FindingsPerRule].Severity != Note {
		t.Error("the rule's severity holds unless the case is milder")
	}
	if c.FindingsBy != [3]uint64{1, 0, FindingsPerRule + 5} {
		t.Errorf("counted %v", c.FindingsBy)
	}
}

func TestTransportExchange(t *testing.T) {
	a, b := netip.MustParseAddrPort("10.0.0.1:1"), netip.MustParseAddrPort("10.0.0.2:2")
	x := &Transport{Client: a, Server: b, Bytes: [2]uint64{1, 2}, ISN: [2]uint32{3, 4}}
	x.Exchange()
	if x.Client != b || x.Server != a || x.Bytes != [2]uint64{2, 1} || x.ISN != [2]uint32{4, 3} || !x.Exchanged {
		t.Errorf("got %+v", x)
	}
}

func TestConnTimes(t *testing.T) {
	c := &Conn{Opened: Stamp{Time: 100}, Ended: Stamp{Time: 600}, EndBegan: Stamp{Time: 500, Packet: 2}}
	if _, ok := c.Idle(); ok {
		t.Error("idle without a frame")
	}
	c.LastFrame = Stamp{Time: 200, Packet: 1}
	if d, ok := c.Idle(); !ok || d != 300*time.Nanosecond {
		t.Errorf("idle %v, %v", d, ok)
	}
	if c.Duration() != 500 {
		t.Errorf("duration %v", c.Duration())
	}
	if l := (Limits{Head: 5}).WithDefaults(); l.Head != 5 || l.Message == 0 || l.Idle == 0 || l.Windows == 0 {
		t.Errorf("limits %+v", l)
	}
}
