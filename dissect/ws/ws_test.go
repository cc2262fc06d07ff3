package ws

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/wsdump/wsdump/timeline"
)

// sink counts what it is told and keeps a copy of the messages.
type sink struct {
	timeline.Nop
	needs    timeline.Needs
	frames   int
	messages int
	payload  []byte // of all messages
	events   []string
	keep     bool
	whole    bool // keep every field of a message
	inflated int
	closed   int
}

func (s *sink) Needs(*timeline.Conn) timeline.Needs { return s.needs }
func (s *sink) Frame(f *timeline.Frame) {
	s.frames++
	if s.keep {
		s.events = append(s.events, f.Opcode.String()+" "+f.Dir.String()+" "+string(f.Payload))
	}
}

func (s *sink) Message(m *timeline.Message) {
	s.messages++
	if s.keep {
		s.payload = append(s.payload, m.Payload...)
		if m.Compressed && !m.Opaque {
			s.inflated++
		}
		if s.whole {
			all := *m
			all.Conn = nil
			s.events = append(s.events, fmt.Sprintf("%+v", all))
			return
		}
		s.events = append(s.events, m.Kind.String()+" "+m.Dir.String()+" "+string(m.Payload))
	}
}

func (s *sink) Finding(f *timeline.Finding) {
	if s.keep && f.Rule != ruleFrameIncomplete {
		s.events = append(s.events, f.Rule.ID)
		if s.whole {
			s.events = append(s.events, fmt.Sprint(f.Dir, f.N, f.At, f.Offset, f.Got, f.Detail))
		}
	}
}
func (s *sink) Close(*timeline.Conn, timeline.Stamp) { s.closed++ }

func newStream(s *sink, limits timeline.Limits) (*Stream, *timeline.Conn) {
	c := &timeline.Conn{Transport: &timeline.Transport{}}
	return New(NewEnv(s, limits), c), c
}

// frame encodes for benchmarks and allocation tests; the scenarios are what
// holds the decoder to the RFC.
func frame(op byte, masked bool, payload []byte) []byte {
	b := []byte{0x80 | op}
	var bit byte
	if masked {
		bit = 0x80
	}
	switch n := len(payload); {
	case n > 0xffff:
		b = binary.BigEndian.AppendUint64(append(b, bit|127), uint64(n))
	case n > 125:
		b = binary.BigEndian.AppendUint16(append(b, bit|126), uint16(n))
	default:
		b = append(b, bit|byte(n))
	}
	if !masked {
		return append(b, payload...)
	}
	key := [4]byte{op + 1, byte(len(payload)), byte(len(payload) >> 8), 7}
	b = append(b, key[:]...)
	for i, c := range payload {
		b = append(b, c^key[i&3])
	}
	return b
}

func TestUnmask(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		src := make([]byte, rng.IntN(300))
		for i := range src {
			src[i] = byte(rng.Uint32())
		}
		key := [4]byte{byte(rng.Uint32()), byte(rng.Uint32()), byte(rng.Uint32()), byte(rng.Uint32())}
		offset := rng.Uint64()
		want := make([]byte, len(src))
		for i := range src { // RFC 6455 5.3, to the letter
			want[i] = src[i] ^ key[(offset+uint64(i))%4]
		}
		got := make([]byte, len(src))
		unmask(got, src, key, offset)
		if !bytes.Equal(got, want) {
			t.Fatalf("length %d, offset %d: got %x, want %x", len(src), offset, got, want)
		}
	}
}

// TestNoAllocations: whole frames and frames in pieces cost no allocation.
func TestNoAllocations(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789"), 1000)
	input := [2][]byte{}
	for _, dir := range []timeline.Direction{timeline.ClientToServer, timeline.ServerToClient} {
		masked := dir == timeline.ClientToServer
		input[dir] = append(frame(1, masked, []byte("hello")), frame(2, masked, big)...)
		fragment := frame(1, masked, []byte("one "))
		fragment[0] &= 0x7f
		input[dir] = append(append(input[dir], fragment...), frame(0, masked, []byte("two"))...)
	}
	ping, pong := frame(9, true, []byte("p")), frame(10, false, []byte("p"))
	for _, piece := range []int{1 << 20, 1448, 7} {
		for _, needs := range []timeline.Needs{{}, {Payload: true}, {Payload: true, Frames: true}} {
			s := &sink{needs: needs}
			stream, c := newStream(s, timeline.Limits{})
			run := func() {
				for dir, b := range input {
					for len(b) > 0 {
						n := min(piece, len(b))
						stream.Data(timeline.Direction(dir), timeline.Stamp{Packet: 1}, b[:n])
						b = b[n:]
					}
				}
				stream.Data(timeline.ClientToServer, timeline.Stamp{}, ping)
				stream.Data(timeline.ServerToClient, timeline.Stamp{}, pong)
			}
			for range 50 {
				run()
			}
			before := s.messages
			if n := testing.AllocsPerRun(100, run); n != 0 {
				t.Errorf("pieces of %d, %+v: %v allocations", piece, needs, n)
			}
			if got := s.messages - before; got != 101*6 {
				t.Errorf("pieces of %d: %d messages, want %d", piece, got, 101*6)
			}
			if c.FindingsBy[timeline.Error] != 0 {
				t.Errorf("pieces of %d: findings %v", piece, c.FindingsBy)
			}
		}
	}
}

// TestGap: a gap inside a payload keeps the framing and marks the message; one
// over a header loses it in that direction only.
func TestGap(t *testing.T) {
	s := &sink{needs: timeline.Needs{Payload: true}, keep: true}
	stream, c := newStream(s, timeline.Limits{})
	b := frame(1, false, []byte("hello world"))
	stream.Data(timeline.ServerToClient, timeline.Stamp{}, b[:6])
	stream.Gap(timeline.ServerToClient, timeline.Stamp{}, 3)
	stream.Data(timeline.ServerToClient, timeline.Stamp{}, b[9:])
	stream.Data(timeline.ServerToClient, timeline.Stamp{}, frame(1, false, []byte("next")))
	stream.Gap(timeline.ServerToClient, timeline.Stamp{}, 1)
	stream.Data(timeline.ServerToClient, timeline.Stamp{}, frame(1, false, []byte("unseen")))
	stream.Data(timeline.ClientToServer, timeline.Stamp{}, frame(1, true, []byte("mine")))
	want := []string{"text receive hell", "text receive next", "ws/sync-lost", "text send mine"}
	if len(s.events) != len(want) {
		t.Fatalf("got %q, want %q", s.events, want)
	}
	for i := range want {
		if s.events[i] != want[i] {
			t.Errorf("event %d: got %q, want %q", i, s.events[i], want[i])
		}
	}
	if got := c.Counters[timeline.ServerToClient].WireBytes; got != 15 {
		t.Errorf("%d payload bytes counted, want 15: missing ones count", got)
	}
}

// TestMessageLimit: what is kept of a message is bounded, what is counted is
// not.
func TestMessageLimit(t *testing.T) {
	s := &sink{needs: timeline.Needs{Payload: true}, keep: true}
	stream, c := newStream(s, timeline.Limits{Message: 100, Control: 10})
	b := frame(1, false, bytes.Repeat([]byte("x"), 70))
	b[0] &= 0x7f
	stream.Data(timeline.ServerToClient, timeline.Stamp{}, b)
	stream.Data(timeline.ServerToClient, timeline.Stamp{}, frame(0, false, bytes.Repeat([]byte("y"), 70)))
	if got := len(s.payload); got != 100 {
		t.Errorf("%d bytes kept, want 100", got)
	}
	if got := c.Counters[timeline.ServerToClient].Bytes; got != 140 {
		t.Errorf("%d bytes counted, want 140", got)
	}
	if s.events[len(s.events)-1] != "ws/limit" {
		t.Errorf("the limit was not told: %q", s.events)
	}
}

// FuzzStream: no input makes the layer panic, hold more than its limits, or
// tell another story when it comes in other pieces; all bytes are accounted.
func FuzzStream(f *testing.F) {
	f.Add(append(frame(1, true, []byte("hello")), frame(9, true, nil)...), uint8(3), uint16(0))
	f.Add(append(frame(2, false, bytes.Repeat([]byte("x"), 200)), 0x88, 2, 3, 232), uint8(1), uint16(9))
	f.Add([]byte{0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5}, uint8(2), uint16(0))
	f.Fuzz(func(t *testing.T, b []byte, piece uint8, gap uint16) {
		play := func(piece int) *sink {
			s := &sink{needs: timeline.Needs{Payload: true, Frames: true}, keep: true}
			stream, c := newStream(s, timeline.Limits{Message: 1 << 10, Control: 200})
			rest := b
			at := int(gap) % (len(b) + 1)
			for len(rest) > 0 {
				n := min(piece, len(rest))
				if done := len(b) - len(rest); gap != 0 && done < at {
					n = min(n, at-done)
				} else if gap != 0 && done == at {
					stream.Gap(timeline.ClientToServer, timeline.Stamp{}, uint64(gap))
				}
				stream.Data(timeline.ClientToServer, timeline.Stamp{}, rest[:n])
				rest = rest[n:]
			}
			if held := cap(stream.half[0].data) + cap(stream.half[0].control); held > 16<<10 {
				t.Fatalf("%d bytes are held, more than the limits allow", held)
			}
			stream.End(timeline.ClientToServer, timeline.Stamp{}, timeline.EndFIN)
			stream.End(timeline.ServerToClient, timeline.Stamp{}, timeline.EndFIN)
			if s.closed != 1 {
				t.Fatalf("closed %d times", s.closed)
			}
			if c.Counters[0].Messages != uint64(s.messages) {
				t.Fatalf("%d messages counted, %d told", c.Counters[0].Messages, s.messages)
			}
			return s
		}
		whole, split := play(len(b)+1), play(int(piece)+1)
		if gap != 0 {
			return // where pieces begin and end is evidence when a boundary is looked for
		}
		if len(whole.events) != len(split.events) {
			t.Fatalf("pieces of %d tell another story:\n%q\n%q", int(piece)+1, whole.events, split.events)
		}
		for i := range whole.events {
			if whole.events[i] != split.events[i] {
				t.Fatalf("event %d differs: %q, in pieces %q", i, whole.events[i], split.events[i])
			}
		}
	})
}

func BenchmarkFrames(b *testing.B) {
	for _, bench := range []struct {
		name   string
		size   int
		masked bool
		needs  timeline.Needs
	}{
		{"headers 100 B", 100, true, timeline.Needs{}},
		{"payload 100 B masked", 100, true, timeline.Needs{Payload: true}},
		{"payload 100 B", 100, false, timeline.Needs{Payload: true}},
		{"payload 64 KiB masked", 64 << 10, true, timeline.Needs{Payload: true}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			s := &sink{needs: bench.needs}
			stream, _ := newStream(s, timeline.Limits{})
			dir := timeline.ServerToClient
			if bench.masked {
				dir = timeline.ClientToServer
			}
			in := frame(2, bench.masked, make([]byte, bench.size))
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				stream.half[dir].hasKey = false
				for p := in; len(p) > 0; {
					n := min(1448, len(p))
					stream.Data(dir, timeline.Stamp{}, p[:n])
					p = p[n:]
				}
			}
		})
	}
}

// TestPromised: bytes that a header promises and that do not come are not counted, and a
// length with its top bit set is named.
func TestPromised(t *testing.T) {
	for _, header := range []string{"\x82\x7f\x00\x00\x00\x00\x80\x00\x00\x00", "\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x05"} {
		e := &events{needs: timeline.Needs{Payload: true, Frames: true}}
		c := &timeline.Conn{}
		s := New(NewEnv(e, timeline.Limits{}), c)
		s.Data(timeline.ServerToClient, timeline.Stamp{}, append([]byte(header), make([]byte, 1000)...))
		s.End(timeline.ServerToClient, timeline.Stamp{}, timeline.EndFIN)
		s.End(timeline.ClientToServer, timeline.Stamp{}, timeline.EndFIN)
		if n := c.Counters[timeline.ServerToClient]; n.Bytes != 1000 || n.WireBytes != 1000 || n.MessageBytes != 1000 {
			t.Errorf("%x: counted %+v, want 1000 bytes", header, n)
		}
		top := header[2] == 0x80
		for _, f := range e.findings {
			if f.Rule == ruleLengthNotMinimal && top {
				top = !strings.Contains(f.Detail, "top bit")
			}
		}
		if top {
			t.Errorf("%x: no word of the top bit: %v", header, e.findings)
		}
	}
}
