package reassembly

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wsdump/wsdump/reassembly/wire"
	"github.com/wsdump/wsdump/timeline"
)

// recorder writes down what the streams of a Tracker hear.
type recorder struct {
	lines  []string
	opened uint64
}

type recorded struct {
	r  *recorder
	id uint64
}

func (r *recorder) open(t *timeline.Transport) timeline.Stream {
	r.opened++
	r.lines = append(r.lines, fmt.Sprintf("%d open %s -> %s", r.opened, t.Client, t.Server))
	return recorded{r, r.opened}
}

func name(d timeline.Direction) string { return string("CS"[d]) }

func (s recorded) say(format string, args ...any) {
	s.r.lines = append(s.r.lines, fmt.Sprintf("%d ", s.id)+fmt.Sprintf(format, args...))
}

func (s recorded) Data(d timeline.Direction, _ timeline.Stamp, b []byte) { s.say("%s %q", name(d), b) }

func (s recorded) Gap(d timeline.Direction, _ timeline.Stamp, n uint64) {
	s.say("%s gap %d", name(d), n)
}
func (s recorded) Finding(f *timeline.Finding) { s.say("finding %s", f.Rule.ID) }
func (s recorded) End(d timeline.Direction, _ timeline.Stamp, why timeline.End) {
	s.say("%s end %s", name(d), [...]string{"open", "fin", "rst", "timeout", "replaced", "limit"}[why])
}

var (
	client = netip.MustParseAddrPort("10.0.0.2:40000")
	server = netip.MustParseAddrPort("10.0.0.1:80")
)

// script plays lines such as "C 100 A5 hello" (client, sequence number 100,
// acknowledging 5), with the flags S, F, R for SYN, FIN, RST; "wait 1s"; "packets 9",
// of others; "cut 3" behind a line leaves out that many bytes of its payload.
func script(t *testing.T, limits timeline.Limits, text string) []string {
	t.Helper()
	r := &recorder{}
	tr := New(r.open, limits)
	at := timeline.Stamp{Time: 1e18}
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		words := strings.Fields(line)
		if words[0] == "wait" {
			d, err := time.ParseDuration(words[1])
			if err != nil {
				t.Fatal(err)
			}
			at.Time += int64(d)
			continue
		}
		if words[0] == "packets" {
			var n uint64
			if _, err := fmt.Sscan(words[1], &n); err != nil {
				t.Fatal(err)
			}
			at.Packet += n
			continue
		}
		at.Packet++
		at.Time += 1000
		seg := wire.Segment{Src: client, Dst: server}
		if words[0] == "S" {
			seg.Src, seg.Dst = server, client
		}
		var seq uint32
		if _, err := fmt.Sscan(words[1], &seq); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		seg.Seq = wire.Seq(seq)
		cut := 0
		for i := 2; i < len(words); i++ {
			switch w := words[i]; {
			case w == "SYN":
				seg.Flags |= wire.SYN
			case w == "FIN":
				seg.Flags |= wire.FIN
			case w == "RST":
				seg.Flags |= wire.RST
			case w == "cut":
				fmt.Sscan(words[i+1], &cut)
				i++
			case w[0] == 'A' && len(w) > 1 && w[1] >= '0' && w[1] <= '9':
				var ack uint32
				fmt.Sscan(w[1:], &ack)
				seg.Ack, seg.Flags = wire.Seq(ack), seg.Flags|wire.ACK
			default:
				seg.Payload = []byte(w)
			}
		}
		seg.Length = uint32(len(seg.Payload))
		seg.Payload = append([]byte(nil), seg.Payload[:len(seg.Payload)-cut]...)
		tr.Due()
		tr.Advance(at)
		checkDue(t, tr)
		tr.Segment(&seg, at)
		for i := range seg.Payload { // poison: it was borrowed
			seg.Payload[i] = '#'
		}
	}
	tr.Flush()
	return r.lines
}

const handshake = `
C 100 SYN
S 500 SYN A101
C 101 A501
`

const opened = "1 open 10.0.0.2:40000 -> 10.0.0.1:80\n"

func TestTracker(t *testing.T) {
	for _, tc := range []struct{ name, script, want string }{
		{
			"in order", handshake + "C 101 A501 hello\nS 501 A106 world\nC 106 A506 FIN\nS 506 A107 FIN",
			opened + `1 C "hello"
1 S "world"
1 C end fin
1 S end fin`,
		},
		{
			"the SYN once more, after the end", handshake + "C 101 A501 hi\nC 103 A501 FIN\nS 501 A104 FIN\npackets 60000\nC 100 SYN\nC 101 A501 new",
			opened + `1 C "hi"
1 C end fin
1 S end fin`,
		},
		{
			"the SYN once more, so long after the end that it is another connection's",
			handshake + "C 101 A501 hi\nC 103 A501 FIN\nS 501 A104 FIN\npackets 70000\nC 100 SYN\nC 101 A501 new",
			opened + `1 C "hi"
1 C end fin
1 S end fin
2 open 10.0.0.2:40000 -> 10.0.0.1:80
2 C "new"
2 C end open
2 S end open`,
		},
		{
			"out of order", handshake + "C 104 A501 def\nC 101 A501 abc\nC 107 A501 g",
			opened + `1 C "abc"
1 C "def"
1 C "g"
1 C end open
1 S end open`,
		},
		{
			"retransmission and overlap: first bytes win", handshake + "C 104 A501 def\nC 106 A501 XYZ\nC 101 A501 abcDE\nC 101 A501 abc",
			`1 open 10.0.0.2:40000 -> 10.0.0.1:80
1 finding tcp/overlap-differs
1 finding tcp/overlap-differs
1 C "abc"
1 C "def"
1 C "YZ"
1 C end open
1 S end open`,
		},
		{
			"overlap around a block", handshake + "C 104 A501 de\nC 102 A501 bcdefg\nC 101 A501 a",
			opened + `1 C "a"
1 C "bc"
1 C "de"
1 C "fg"
1 C end open
1 S end open`,
		},
		{
			"hole, acknowledged", handshake + "C 101 A501 abc\nC 107 A501 ghi\nS 501 A110 ok",
			opened + `1 C "abc"
1 finding tcp/gap
1 C gap 3
1 C "ghi"
1 S "ok"
1 C end open
1 S end open`,
		},
		{
			"hole, acknowledged before the bytes behind it", handshake + "S 501 A110\nC 107 A501 ghi",
			opened + `1 finding tcp/gap
1 C gap 6
1 C "ghi"
1 C end open
1 S end open`,
		},
		{
			"hole, to the end", handshake + "C 101 A501 abc\nC 107 A501 ghi",
			opened + `1 C "abc"
1 finding tcp/gap
1 C gap 3
1 C "ghi"
1 C end open
1 S end open`,
		},
		{
			"tail that the peer has and the capture has not", handshake + "C 101 A501 abc\nS 501 A200",
			opened + `1 C "abc"
1 finding tcp/gap
1 C gap 96
1 C end open
1 S end open`,
		},
		{
			"the other direction captured first", handshake + "S 501 A106 world\nC 101 A501 hello",
			opened + `1 C "hello"
1 S "world"
1 C end open
1 S end open`,
		},
		{
			"the other direction lost", handshake + "S 501 A106 world\nwait 1s\nS 506 A106 again",
			opened + `1 finding tcp/gap
1 C gap 5
1 S "world"
1 S "again"
1 C end open
1 S end open`,
		},
		{
			"data on SYN", "C 100 SYN hi\nS 500 SYN A103\nC 103 A501 there\nS 501 A108 ok",
			opened + `1 C "hi"
1 C "there"
1 S "ok"
1 C end open
1 S end open`,
		},
		{
			"FIN before data", handshake + "C 106 A501 FIN\nC 101 A501 hello\nS 501 A107 FIN",
			opened + `1 C "hello"
1 C end fin
1 S end fin`,
		},
		{
			"stale FIN and RST", handshake + "C 101 A501 hello\nS 501 A106 x\nC 101 A501 FIN\nC 101 RST\nS 400 RST\nC 106 A502 more",
			opened + `1 C "hello"
1 S "x"
1 C "more"
1 C end open
1 S end open`,
		},
		{
			"RST", handshake + "C 101 A501 hello\nS 501 RST",
			opened + `1 C "hello"
1 S end rst
1 C end rst`,
		},
		{
			"RST behind a hole that fills", handshake + "C 106 RST\nC 101 A501 hello",
			opened + `1 C "hello"
1 C end rst
1 S end rst`,
		},
		{
			"RST behind a hole that stays", handshake + "C 101 A501 hello\nC 110 RST\nwait 1s\nS 501 A106",
			opened + `1 C "hello"
1 finding tcp/gap
1 C gap 4
1 C end rst
1 S end rst`,
		},
		{
			"FIN one way, RST the other", handshake + "C 101 A501 hello\nC 106 A501 FIN\nS 501 RST",
			opened + `1 C "hello"
1 C end fin
1 S end rst`,
		},
		{
			"keep-alives", handshake + "C 101 A501 hello\nC 105 A501 ?\nC 105 A501\nS 500 A106\nS 500 A106 ?\nS 501 A106 x",
			opened + `1 C "hello"
1 S "x"
1 C end open
1 S end open`,
		},
		{
			"reuse after FIN", handshake + "C 101 A501 one FIN\nS 501 A105 FIN\nC 9000 SYN\nS 700 SYN A9001\nC 9001 A701 two",
			opened + `1 C "one"
1 C end fin
1 S end fin
2 open 10.0.0.2:40000 -> 10.0.0.1:80
2 C "two"
2 C end open
2 S end open`,
		},
		{
			"reuse without FIN", handshake + "C 101 A501 one\nC 9000 SYN\nS 700 SYN A9001\nC 9001 A701 two",
			opened + `1 C "one"
1 C end replaced
1 S end replaced
2 open 10.0.0.2:40000 -> 10.0.0.1:80
2 C "two"
2 C end open
2 S end open`,
		},
		{
			"reuse without FIN, data on the SYN, no SYN-ACK captured", handshake + "C 101 A501 one\nC 9000 SYN two\nC 9004 A701 three",
			opened + `1 C "one"
1 C end replaced
1 S end replaced
2 open 10.0.0.2:40000 -> 10.0.0.1:80
2 C "two"
2 C "three"
2 C end open
2 S end open`,
		},
		{
			"a forged SYN ends nothing", handshake + "C 101 A501 one\nC 9000 SYN\nS 501 A104\nC 104 A501 two",
			opened + `1 C "one"
1 C "two"
1 C end open
1 S end open`,
		},
		{
			"SYN again", handshake + "C 100 SYN\nS 500 SYN A101\nC 101 A501 x",
			opened + `1 C "x"
1 C end open
1 S end open`,
		},
		{
			"stragglers of a closed connection", handshake + "C 101 A501 x FIN\nS 501 A103 FIN\nC 101 A501 x FIN\nS 501 A103 late",
			opened + `1 C "x"
1 C end fin
1 S end fin`,
		},
		{
			"SYN-ACK captured before the SYN", "S 500 SYN A101\nC 100 SYN\nC 101 A501 x",
			opened + `1 C "x"
1 C end open
1 S end open`,
		},
		{
			"SYN-ACK lost", "C 100 SYN\nC 101 A501 x\nS 501 A102 y",
			opened + `1 C "x"
1 S "y"
1 C end open
1 S end open`,
		},
		{
			"midstream", "C 101 A501 abc\nS 501 A104 ok",
			opened + `1 finding tcp/midstream
1 C "abc"
1 S "ok"
1 C end open
1 S end open`,
		},
		{
			"midstream, out of order", "C 104 A501 def\nC 101 A501 abc\nC 107 A501 g\nC 108 A501 h",
			opened + `1 finding tcp/midstream
1 C "abc"
1 C "def"
1 C "g"
1 C "h"
1 C end open
1 S end open`,
		},
		{
			"midstream, one segment and silence", "C 104 A501 def\nwait 1s\nC 107 A501 g",
			opened + `1 finding tcp/midstream
1 C "def"
1 C "g"
1 C end open
1 S end open`,
		},
		{
			"cut by the snap length", handshake + "C 101 A501 hello cut 2\nC 106 A501 x",
			opened + `1 C "hel"
1 finding tcp/gap
1 C gap 2
1 C "x"
1 C end open
1 S end open`,
		},
		{
			"wrap", "C 4294967290 SYN\nS 4294967294 SYN A4294967291\nC 4294967291 A4294967295 hello\nC 4 A4294967295 again\nC 0 A4294967295 four\nS 4294967295 A9 x",
			opened + `1 C "hello"
1 C "four"
1 C "again"
1 S "x"
1 C end open
1 S end open`,
		},
		{
			"a segment far ahead", handshake + "C 2000000000 A501 x\nC 101 A501 hello",
			opened + `1 C "hello"
1 C end open
1 S end open`,
		},
		{
			"bytes behind a FIN: it was not of this connection", handshake + "C 103 A501 FIN\nC 101 A501 hello\nC 106 A501 x",
			opened + `1 C "hello"
1 C "x"
1 C end open
1 S end open`,
		},
		{"no data", handshake + "C 101 A501 FIN\nS 501 A102 FIN", ""},
		{"refused", "C 100 SYN\nS 0 RST A101", ""},
		{
			"half-open, then silence", "C 100 SYN\nwait 1h\nC 9000 SYN\nS 1 SYN A9001\nC 9001 A2 x",
			`1 open 10.0.0.2:40000 -> 10.0.0.1:80
1 C "x"
1 C end open
1 S end open`,
		},
		{
			"idle for too long", handshake + "C 101 A501 x\nwait 25h\nC 102 A501 y",
			opened + `1 C "x"
1 C end timeout
1 S end timeout
2 open 10.0.0.2:40000 -> 10.0.0.1:80
2 finding tcp/midstream
2 C "y"
2 C end open
2 S end open`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := strings.Join(script(t, timeline.Limits{}, tc.script), "\n")
			if diff := cmp.Diff(strings.Split(strings.TrimSpace(tc.want), "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestLimits: what waits is bounded, and giving up is told.
func TestLimits(t *testing.T) {
	got := strings.Join(script(t, timeline.Limits{Reorder: 2 * (blockCost + 10)}, handshake+"C 111 A501 aaaaaaaaaa\nC 131 A501 bbbbbbbbbb\nC 151 A501 cccccccccc\nC 101 A501 zzzzz"), "\n")
	want := opened + `1 finding tcp/limit
1 finding tcp/gap
1 C gap 10
1 C "aaaaaaaaaa"
1 finding tcp/gap
1 C gap 10
1 C "bbbbbbbbbb"
1 finding tcp/gap
1 C gap 10
1 C "cccccccccc"
1 C end open
1 S end open`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestEvict: no more connections are followed than allowed, and the oldest
// goes first.
func TestEvict(t *testing.T) {
	r := &recorder{}
	tr := New(r.open, timeline.Limits{Transports: 2})
	for i := range 4 {
		src := netip.AddrPortFrom(client.Addr(), uint16(1000+i))
		at := timeline.Stamp{Packet: uint64(i + 1), Time: int64(i)}
		tr.Segment(&wire.Segment{Src: src, Dst: server, Seq: 1, Flags: wire.SYN, Payload: []byte{'0' + byte(i)}, Length: 1}, at)
	}
	if tr.conns.n != 2 {
		t.Errorf("%d connections are followed, want 2", tr.conns.n)
	}
	got := strings.Join(r.lines, "\n")
	for _, want := range []string{"1 finding tcp/limit\n1 C end limit\n1 S end limit", "2 finding tcp/limit", `4 C "3"`} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
}

// checkDue holds what Due remembers to what there is.
func checkDue(t *testing.T, tr *Tracker) {
	t.Helper()
	said := tr.Due()
	tr.due = unknown
	if is := tr.Due(); is != said {
		t.Fatalf("Due says %d, and it is %d", said, is)
	}
}

// ledger counts the bytes that a stream hears, and checks them.
type ledger struct {
	timeline.Deaf
	sent      [2][]byte
	pos       [2]uint64
	wrong     int
	data, gap uint64
}

func (l *ledger) Data(d timeline.Direction, _ timeline.Stamp, b []byte) {
	if string(l.sent[d][l.pos[d]:][:len(b)]) != string(b) {
		l.wrong++
	}
	l.pos[d] += uint64(len(b))
	l.data += uint64(len(b))
}

func (l *ledger) Gap(d timeline.Direction, _ timeline.Stamp, n uint64) {
	l.pos[d] += n
	l.gap += n
}

// TestRandomStreams sends random streams near the wrap of the sequence number
// with reordering, duplicates and overlaps, and loses some segments: what is
// delivered is what was sent, and bytes delivered and gaps are all there was.
func TestRandomStreams(t *testing.T) {
	for seed := range uint64(3000) {
		rng := rand.New(rand.NewPCG(seed, 1))
		stream := make([]byte, 200+rng.IntN(3000))
		for i := range stream {
			stream[i] = byte(rng.Uint32())
		}
		l := &ledger{sent: [2][]byte{stream, nil}}
		tr := New(func(*timeline.Transport) timeline.Stream { return l }, timeline.Limits{})
		isn := wire.Seq(^uint32(0) - uint32(rng.IntN(len(stream))))
		var segs []wire.Segment
		lose := seed%2 == 0
		for i := 0; i < len(stream); {
			n := min(1+rng.IntN(200), len(stream)-i)
			from, to := max(0, i-rng.IntN(50)), min(len(stream), i+n+rng.IntN(50))
			if !lose || rng.IntN(10) > 0 || i+n == len(stream) {
				segs = append(segs, wire.Segment{Src: client, Dst: server, Seq: isn.Add(1 + uint32(from)), Ack: 1, Flags: wire.ACK, Payload: stream[from:to], Length: uint32(to - from)})
			}
			i += n
		}
		for i := range segs {
			j := min(len(segs)-1, i+rng.IntN(6))
			segs[i], segs[j] = segs[j], segs[i]
		}
		at := timeline.Stamp{Time: 1}
		syn := wire.Segment{Src: client, Dst: server, Seq: isn, Flags: wire.SYN}
		tr.Segment(&syn, at)
		for i := range segs {
			for range 1 + rng.IntN(2) {
				at.Packet++
				tr.Segment(&segs[i], at)
				checkDue(t, tr)
			}
		}
		tr.Flush()
		if l.wrong > 0 {
			t.Fatalf("seed %d: %d pieces differ from what was sent", seed, l.wrong)
		}
		if l.data+l.gap != uint64(len(stream)) {
			t.Fatalf("seed %d: %d delivered + %d missing is not %d sent", seed, l.data, l.gap, len(stream))
		}
		if !lose && l.gap > 0 {
			t.Fatalf("seed %d: a gap of %d where nothing was lost", seed, l.gap)
		}
		if tr.pool.inUse != 0 {
			t.Fatalf("seed %d: %d bytes still wait after the end", seed, tr.pool.inUse)
		}
	}
}

// TestNoAllocations: in the steady state a segment costs no allocation, in
// order or not.
func TestNoAllocations(t *testing.T) {
	tr := New(func(*timeline.Transport) timeline.Stream { return timeline.Deaf{} }, timeline.Limits{})
	at := timeline.Stamp{Packet: 1, Time: 1}
	tr.Segment(&wire.Segment{Src: client, Dst: server, Seq: 0, Flags: wire.SYN}, at)
	payload := make([]byte, 100)
	next := wire.Seq(1)
	send := func(seq wire.Seq) {
		at.Packet++
		at.Time++
		tr.Advance(at)
		tr.Segment(&wire.Segment{Src: client, Dst: server, Seq: seq, Ack: 1, Flags: wire.ACK, Payload: payload, Length: 100}, at)
	}
	run := func() {
		send(next)
		send(next.Add(200))
		send(next.Add(100))
		next = next.Add(300)
	}
	for range 100 {
		run()
	}
	if n := testing.AllocsPerRun(1000, run); n != 0 {
		t.Errorf("%v allocations for three segments, want 0", n)
	}
}

func BenchmarkSegment(b *testing.B) {
	tr := New(func(*timeline.Transport) timeline.Stream { return timeline.Deaf{} }, timeline.Limits{})
	payload := make([]byte, 1448)
	const conns = 1000
	var segs [conns]wire.Segment
	at := timeline.Stamp{Packet: 1, Time: 1}
	for i := range segs {
		segs[i] = wire.Segment{Src: netip.AddrPortFrom(client.Addr(), uint16(1000+i)), Dst: server, Flags: wire.SYN}
		tr.Segment(&segs[i], at)
		segs[i].Seq, segs[i].Flags, segs[i].Payload, segs[i].Length = 1, wire.ACK, payload, 1448
	}
	b.ReportAllocs()
	b.SetBytes(1448)
	for i := 0; b.Loop(); i++ {
		s := &segs[i%conns]
		at.Packet++
		tr.Advance(at)
		tr.Segment(s, at)
		s.Seq = s.Seq.Add(1448)
	}
}
