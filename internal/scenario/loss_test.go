package scenario_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/internal/scenario"
	"github.com/wsdump/wsdump/pipeline"
	"github.com/wsdump/wsdump/timeline"
)

// busy is a long conversation as applications have it: JSON both ways, some
// messages in one segment, binaries, pings.
func busy(messages int, rng *rand.Rand) string {
	var b strings.Builder
	b.WriteString("C> upgrade /busy\nS> 101\n")
	for i := range messages {
		who := "CS"[i&1 : i&1+1]
		join := ">"
		if rng.IntN(6) == 0 && i > 2 {
			who, join = lastLine(b.String())[:1], "+"
		}
		switch rng.IntN(20) {
		case 0:
			fmt.Fprintf(&b, "%s%s ping \"%d\"\n", who, join, i)
		case 1:
			fmt.Fprintf(&b, "%s%s binary fill=%d\n", who, join, rng.IntN(4000))
		default:
			fmt.Fprintf(&b, "%s%s text %q\n", who, join, fmt.Sprintf(`{"type":"update","id":%d,"value":"%s"}`, i, strings.Repeat("x", rng.IntN(120))))
		}
	}
	return b.String()
}

// survey is a Sink that counts messages by what they say.
type survey struct {
	timeline.Nop
	whole  map[string]int
	marked int
	conns  int
}

func (*survey) Needs(*timeline.Conn) timeline.Needs { return timeline.Needs{Payload: true} }
func (s *survey) Open(*timeline.Conn)               { s.conns++ }
func (s *survey) Message(m *timeline.Message) {
	if m.Incomplete || m.Truncated || m.Opaque {
		s.marked++
		return
	}
	s.whole[fmt.Sprintf("%s %s %d %s", m.Dir, m.Kind, m.Length, m.Payload)]++
}

func run(t *testing.T, packets []capture.Packet) *survey {
	t.Helper()
	s := &survey{whole: map[string]int{}}
	if err := pipeline.Run(context.Background(), &scenario.Source{Packets: packets}, s, pipeline.Options{}); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRecovery drops segments from a busy connection, at 0.1 % and more: every
// message shown as whole was sent just so, and those that the losses did not
// touch are shown. The share is printed.
func TestRecovery(t *testing.T) {
	for _, tc := range []struct {
		lose  float64
		piece int // of MaxPiece
		least float64
	}{{0.001, 0, 0.995}, {0.01, 0, 0.98}, {0.001, 1448, 0.995}, {0.01, 100, 0.95}} {
		t.Run(fmt.Sprintf("%g pieces of %d", tc.lose, tc.piece), func(t *testing.T) {
			var sentAll, shown, wrong, segments, lost int
			for seed := range uint64(6) {
				rng := rand.New(rand.NewPCG(seed, 7))
				s, err := scenario.Parse("busy", busy(2500, rng))
				if err != nil {
					t.Fatal(err)
				}
				packets := s.Packets(scenario.Disguise{MaxPiece: tc.piece, Seed: seed})
				sent := run(t, packets)
				var kept []capture.Packet
				for i, p := range packets {
					if i > 8 && len(p.Data) > 60 && rng.Float64() < tc.lose {
						lost++
						continue
					}
					kept = append(kept, p)
				}
				segments += len(packets)
				got := run(t, kept)
				for m, n := range got.whole {
					wrong += max(0, n-sent.whole[m])
					shown += min(n, sent.whole[m])
				}
				for _, n := range sent.whole {
					sentAll += n
				}
			}
			// A lost segment touches at least one message: the one whose bytes it
			// carried. At most those are beyond reach.
			possible := sentAll - lost
			share := float64(shown) / float64(possible)
			t.Logf("%d segments, %d lost; %d messages sent, %d shown as whole: %.3f %% of those that no loss touched", segments, lost, sentAll, shown, 100*share)
			if wrong > 0 {
				t.Errorf("%d messages are shown that were never sent", wrong)
			}
			if share < tc.least {
				t.Errorf("%.3f of the undamaged messages, want %.3f", share, tc.least)
			}
		})
	}
}

// TestMidstreamShows: the same conversations, entered at any packet.
func TestMidstreamShows(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	s, err := scenario.Parse("busy", busy(400, rng))
	if err != nil {
		t.Fatal(err)
	}
	packets := s.Packets(scenario.Disguise{MaxPiece: 700, Seed: 5})
	sent := run(t, packets)
	for start := 20; start < len(packets)-60; start += 17 {
		got := run(t, packets[start:])
		if got.conns != 1 {
			t.Fatalf("entered at packet %d: %d connections", start, got.conns)
		}
		shown := 0
		for m, n := range got.whole {
			if n > sent.whole[m] {
				t.Fatalf("entered at packet %d: %q was never sent", start, m)
			}
			shown += n
		}
		if least := (len(packets) - start) / 3; shown < least {
			t.Errorf("entered at packet %d of %d: %d messages shown, want at least %d", start, len(packets), shown, least)
		}
	}
}

// TestOneSided: only one direction was captured, with nothing but pings, or
// with text, from anywhere.
func TestOneSided(t *testing.T) {
	var pings strings.Builder
	for i := range 12 {
		fmt.Fprintf(&pings, "C> ping \"%d\"\nS> pong \"%d\"\nwait 5s\n", i, i)
	}
	rng := rand.New(rand.NewPCG(8, 8))
	for name, text := range map[string]string{"pings": "midstream\n" + pings.String(), "text": "midstream\n" + strings.SplitN(busy(300, rng), "\n", 3)[2]} {
		s, err := scenario.Parse(name, text)
		if err != nil {
			t.Fatal(err)
		}
		packets := s.Packets(scenario.Disguise{})
		for _, port := range []byte{80, 51234 >> 8} { // the low byte tells the server's port
			var kept []capture.Packet
			for _, p := range packets {
				if fromServer := p.Data[14+20] == 0; fromServer == (port == 80) {
					kept = append(kept, p)
				}
			}
			got := run(t, kept)
			if got.conns != 1 {
				t.Errorf("%s, one side of %d packets: %d connections, want 1", name, len(kept), got.conns)
			}
		}
	}
}

// TestCutAndReordered cuts packets by a snap length and swaps neighbours: what
// is shown as whole was sent just so.
func TestCutAndReordered(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 11))
		s, err := scenario.Parse("busy", busy(600, rng))
		if err != nil {
			t.Fatal(err)
		}
		packets := s.Packets(scenario.Disguise{MaxPiece: 900, Seed: seed})
		sent := run(t, packets)
		for i := 9; i+1 < len(packets); i++ {
			switch p := &packets[i]; rng.IntN(40) {
			case 0:
				if len(p.Data) > 80 {
					p.Data = p.Data[:60+rng.IntN(len(p.Data)-60)]
				}
			case 1:
				packets[i], packets[i+1] = packets[i+1], packets[i]
			}
		}
		got := run(t, packets)
		shown, all := 0, 0
		for m, n := range got.whole {
			if n > sent.whole[m] {
				t.Fatalf("seed %d: %q is shown and was never sent", seed, m)
			}
			shown += n
		}
		for _, n := range sent.whole {
			all += n
		}
		if shown < all*8/10 {
			t.Errorf("seed %d: %d of %d messages shown", seed, shown, all)
		}
	}
}

// TestRandomIsNoWebSocket: random bytes, runs and patterns on connections whose
// start is missing are never taken for WebSocket. WSDUMP_STREAMS sets how many.
func TestRandomIsNoWebSocket(t *testing.T) {
	streams := 4_000
	if long {
		streams = 20_000
	}
	if n, err := strconv.Atoi(os.Getenv("WSDUMP_STREAMS")); err == nil {
		streams = n
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range streams {
		s := &scenario.Scenario{Midstream: true}
		for range 1 + rng.IntN(10) {
			b := make([]byte, 1+rng.IntN(300))
			switch kind := i % 5; kind {
			case 0: // random
				for j := range b {
					b[j] = byte(rng.Uint32())
				}
			case 1: // length-prefixed records of a byte and a type
				b[0] = byte(rng.Uint32())
				b = b[:min(len(b), 120)]
				if len(b) > 2 {
					b[1] = byte(len(b) - 2)
				}
				for j := 2; j < len(b); j++ {
					b[j] = byte(rng.Uint32())
				}
				if rng.IntN(2) == 0 { // of several types in a row, as protocols have them
					b[0] = byte(rng.IntN(16))
				}
			case 2: // a pattern
				p := []byte{byte(rng.Uint32()), byte(rng.Uint32()), byte(rng.Uint32()), byte(rng.Uint32())}
				for j := range b {
					b[j] = p[j%(1+i%4)]
				}
			case 3: // a text protocol
				copy(b, strings.Repeat(fmt.Sprintf("220 mail%d.example.com ready\r\n", rng.IntN(99)), 12))
			default: // big-endian words
				for j := range b {
					if j%4 == 3 {
						b[j] = byte(rng.IntN(4))
					}
				}
			}
			s.Steps = append(s.Steps, scenario.Step{Dir: timeline.Direction(rng.IntN(2)), Bytes: b})
		}
		if got := run(t, s.Packets(scenario.Disguise{Seed: uint64(i)})); got.conns != 0 {
			t.Fatalf("stream %d, kind %d, was taken for a WebSocket: %v", i, i%5, s.Steps)
		}
	}
	t.Logf("%d streams, none taken for a WebSocket", streams)
}
