package reassembly

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/wsdump/wsdump/reassembly/wire"
	"github.com/wsdump/wsdump/timeline"
)

// heavy is a stream that keeps all it hears.
type heavy struct {
	timeline.Deaf
	bytes int
	found []string
	ends  []timeline.End
}

func (h *heavy) Data(_ timeline.Direction, _ timeline.Stamp, b []byte) { h.bytes += len(b) }
func (h *heavy) Weight() int                                           { return h.bytes }
func (h *heavy) Finding(f *timeline.Finding)                           { h.found = append(h.found, f.Rule.ID+" "+f.Got) }

func (h *heavy) End(_ timeline.Direction, _ timeline.Stamp, why timeline.End) {
	h.ends = append(h.ends, why)
}

// TestMemoryIsBounded: of connections that hold much the one idle for longest
// goes first, those without data before it, and the busy one stays.
func TestMemoryIsBounded(t *testing.T) {
	const limit = 200_000
	var streams []*heavy
	tr := New(func(*timeline.Transport) timeline.Stream {
		streams = append(streams, &heavy{})
		return streams[len(streams)-1]
	}, timeline.Limits{Memory: limit})
	at := timeline.Stamp{Time: 1e18}
	send := func(port int, flags wire.Flags, seq uint32, payload int) {
		at.Packet++
		at.Time += int64(10 * time.Millisecond)
		seg := wire.Segment{Src: netip.AddrPortFrom(client.Addr(), uint16(port)), Dst: server, Seq: wire.Seq(seq), Flags: flags, Payload: make([]byte, payload), Length: uint32(payload)}
		tr.Segment(&seg, at)
		tr.Advance(at)
		if tr.weight > limit {
			t.Fatalf("packet %d: %d bytes, and %d are allowed", at.Packet, tr.weight, limit)
		}
	}
	const busy, idle = 10_000, 10_001
	for _, port := range []int{busy, idle} {
		send(port, wire.SYN, 100, 0)
		send(port, wire.ACK, 101, 5000)
	}
	for i := range 1000 { // SYNs push each other out, and nothing that has data
		send(20_000+i, wire.SYN, 1, 0)
		send(busy, wire.ACK, 5101+uint32(i), 1)
	}
	if len(streams) != 2 || len(streams[0].ends)+len(streams[1].ends) > 0 || tr.given.up < 500 || tr.given.limit != "Memory" {
		t.Fatalf("%d streams, %+v, given up: %+v", len(streams), streams, tr.given)
	}
	for i := range 45 { // these hold 5000 bytes each
		send(30_000+i, wire.SYN, 100, 0)
		send(30_000+i, wire.ACK, 101, 5000)
		send(busy, wire.ACK, 6101+uint32(i), 1)
	}
	if len(streams[0].ends) > 0 {
		t.Error("the busy connection was given up")
	}
	if fmt.Sprint(streams[1].found, streams[1].ends) != fmt.Sprint([]string{"tcp/limit Memory"}, []timeline.End{timeline.EndLimit, timeline.EndLimit}) {
		t.Errorf("the idle one: %v %v", streams[1].found, streams[1].ends)
	}
	up := tr.given.up
	var told []timeline.Finding
	tr.Judge(func(f *timeline.Finding) { told = append(told, *f) })
	var totals timeline.Totals
	tr.Flush()
	tr.Report(&totals)
	if len(told) != 1 || told[0].Rule != ruleLimit || told[0].Count != up || totals.GivenUp != up {
		t.Errorf("%+v, %d given up, the totals have %d", told, up, totals.GivenUp)
	}
	if tr.weight != 0 || len(tr.timers.ticks) != 0 {
		t.Errorf("%d bytes and %d ticks are left", tr.weight, len(tr.timers.ticks))
	}
}

// TestOneHeavyConnection: a connection that is alone is never given up for its
// weight: its layers bound what it holds.
func TestOneHeavyConnection(t *testing.T) {
	h := &heavy{}
	tr := New(func(*timeline.Transport) timeline.Stream { return h }, timeline.Limits{Memory: 1000})
	for i := range uint32(100) {
		seg := wire.Segment{Src: client, Dst: server, Seq: wire.Seq(101 + 1000*i), Flags: wire.ACK, Payload: make([]byte, 1000), Length: 1000}
		if i == 0 {
			syn := wire.Segment{Src: client, Dst: server, Seq: 100, Flags: wire.SYN}
			tr.Segment(&syn, timeline.Stamp{Packet: 1, Time: 1})
		}
		tr.Segment(&seg, timeline.Stamp{Packet: uint64(i + 2), Time: int64(i + 2)})
	}
	if h.bytes != 100_000 || len(h.ends) > 0 {
		t.Errorf("%d bytes heard, %v", h.bytes, h.ends)
	}
}

// TestNoRoomToWait: where nothing may wait, the first segments of connections
// whose start is missing are told at once.
func TestNoRoomToWait(t *testing.T) {
	got := script(t, timeline.Limits{ReorderTotal: 1}, `
S 500 A150 x
C 100 A501 hello
C 105 A501 later
`)
	for _, want := range []string{`1 C "hello"`, `1 C "later"`} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is missing: %q", want, got)
		}
	}
}

// settledHeavy is one that hears all its Data itself.
type settledHeavy struct{ *heavy }

func (h settledHeavy) Settled() timeline.Stream { return h }

// TestDueAfterEviction: a segment that takes the short way may push out another
// connection, and with it what was due next.
func TestDueAfterEviction(t *testing.T) {
	tr := New(func(*timeline.Transport) timeline.Stream { return settledHeavy{&heavy{}} }, timeline.Limits{Memory: 100_000})
	at := timeline.Stamp{Time: 1e18}
	send := func(port uint16, seg wire.Segment, payload int) {
		at.Packet++
		at.Time += int64(time.Second)
		seg.Payload, seg.Length = make([]byte, payload), uint32(payload)
		if mine := netip.AddrPortFrom(client.Addr(), port); seg.Flags == wire.SYN|wire.ACK {
			seg.Src, seg.Dst = server, mine
		} else {
			seg.Src, seg.Dst = mine, server
		}
		tr.Packet(packet(t, &seg, at))
		checkDue(t, tr)
	}
	for port := range uint16(2) {
		send(port+1, wire.Segment{Seq: 100, Flags: wire.SYN}, 0)
		send(port+1, wire.Segment{Seq: 200, Ack: 101, Flags: wire.SYN | wire.ACK}, 0)
		send(port+1, wire.Segment{Seq: 101, Ack: 201, Flags: wire.ACK}, 1000)
	}
	busy := tr.find(netip.AddrPortFrom(client.Addr(), 2), server)
	for i := range uint32(200) {
		if tr.given.up == 0 && busy.direct == nil {
			t.Fatal("the segments do not take the short way")
		}
		send(2, wire.Segment{Seq: wire.Seq(1101 + 1000*i), Ack: 201, Flags: wire.ACK}, 1000)
	}
	if tr.given.up != 1 {
		t.Errorf("%d connections were given up", tr.given.up)
	}
}

// released is a stream that must not be called once it was released.
type released struct {
	*heavy
	t  *testing.T
	n  int
	on int // calls
}

func (r *released) Released() { r.n++ }
func (r *released) called() {
	if r.on++; r.n > 0 {
		r.t.Error("called after it was released")
	}
}
func (r *released) Data(timeline.Direction, timeline.Stamp, []byte)      { r.called() }
func (r *released) Gap(timeline.Direction, timeline.Stamp, uint64)       { r.called() }
func (r *released) Finding(*timeline.Finding)                            { r.called() }
func (r *released) End(timeline.Direction, timeline.Stamp, timeline.End) { r.called() }

// TestReleased: a stream is released once, whichever way its connection ends, and
// nobody calls it from then on.
func TestReleased(t *testing.T) {
	for name, end := range map[string][]wire.Segment{
		"FIN":   {{Src: client, Dst: server, Seq: 102, Ack: 201, Flags: wire.FIN | wire.ACK}, {Src: server, Dst: client, Seq: 201, Ack: 103, Flags: wire.FIN | wire.ACK}},
		"RST":   {{Src: server, Dst: client, Seq: 201, Flags: wire.RST}},
		"reuse": {{Src: client, Dst: server, Seq: 9000, Flags: wire.SYN}, {Src: server, Dst: client, Seq: 500, Ack: 9001, Flags: wire.SYN | wire.ACK}},
		"flush": {},
	} {
		r := &released{heavy: &heavy{}, t: t}
		tr := New(func(*timeline.Transport) timeline.Stream { return r }, timeline.Limits{})
		begin := []wire.Segment{
			{Src: client, Dst: server, Seq: 100, Flags: wire.SYN},
			{Src: server, Dst: client, Seq: 200, Ack: 101, Flags: wire.SYN | wire.ACK},
			{Src: client, Dst: server, Seq: 101, Ack: 201, Flags: wire.ACK, Payload: []byte("a"), Length: 1},
		}
		again := []wire.Segment{begin[2], {Src: client, Dst: server, Seq: 102, Flags: wire.RST}}
		for i, seg := range slices.Concat(begin, end, again) {
			tr.Segment(&seg, timeline.Stamp{Packet: uint64(i + 1), Time: int64(i)})
		}
		tr.Flush()
		if r.n != 1 || r.on == 0 {
			t.Errorf("%s: released %d times after %d calls", name, r.n, r.on)
		}
	}
}
