package report

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/wsdump/wsdump/timeline"
)

// TestQuickRow holds the lines of ordinary messages to the long way.
func TestQuickRow(t *testing.T) {
	quick := 0
	for seed := range uint64(20_000) {
		rnd := rand.New(rand.NewPCG(seed, 4))
		some := func(n int) bool { return rnd.IntN(n) == 0 }
		payload := make([]byte, rnd.IntN(60))
		for i := range payload {
			payload[i] = `ab "\{}:,c`[rnd.IntN(10)]
			if some(60) {
				payload[i] = byte(rnd.Uint32())
			}
		}
		m := timeline.Message{
			Conn:  &timeline.Conn{ID: 1 + rnd.Uint64()>>rnd.IntN(64), Recorded: some(20)},
			Dir:   timeline.Direction(rnd.IntN(2)),
			First: timeline.Stamp{Packet: rnd.Uint64() >> rnd.IntN(64), Time: rnd.Int64N(4e18) * int64(1-2*rnd.IntN(2))},
			N:     rnd.Uint64() >> rnd.IntN(64), Kind: timeline.Opcode(1 + rnd.IntN(2)), Frames: 1 + uint64(rnd.IntN(3)),
			Length: uint64(len(payload)), WireLength: rnd.Uint64() >> rnd.IntN(64), HasLength: !some(20),
			Compressed: some(3), Opaque: some(20), Incomplete: some(20), Truncated: some(20), Guessed: some(20), Redacted: some(20),
			HasPayload: !some(20), Payload: payload,
		}
		m.Text = m.Kind == timeline.OpText && utf8.Valid(payload)
		m.Last = m.First
		if some(3) {
			m.Last.Time += rnd.Int64N(1e10)
			m.Last.Packet++
		}
		if some(20) {
			m.Answers, m.Took = 7, time.Second
		}
		opt := Options{Payload: []Payload{PayloadDefault, PayloadNone, PayloadAll, 20}[rnd.IntN(4)], Files: []string{"a", "b"}[:1+rnd.IntN(2)]}
		var short, apart, long bytes.Buffer
		s, a, l := NewNDJSON(&short, opt), NewNDJSON(&apart, opt), NewNDJSON(&long, opt)
		rows := a.Rows()
		for range 2 {
			if s.quick(&m) {
				quick++
			} else {
				s.message(&m)
			}
			dst := []byte("before")
			if b, hole, ok := rows.Append(dst, &m); ok {
				a.Row(m.Conn, b[len(dst):], hole)
			} else if a.message(&m); !bytes.Equal(b, dst) {
				t.Fatalf("seed %d: appended and denied: %q", seed, b)
			}
			l.message(&m)
		}
		if s.Flush() != nil || l.Flush() != nil || !bytes.Equal(short.Bytes(), long.Bytes()) {
			t.Fatalf("seed %d:\n%s\nthe long way:\n%s", seed, &short, &long)
		}
		if a.Flush() != nil || !bytes.Equal(apart.Bytes(), long.Bytes()) {
			t.Fatalf("seed %d:\n%s\nthe long way:\n%s", seed, &apart, &long)
		}
	}
	if quick < 1000 {
		t.Errorf("only %d messages were ordinary: the test says little", quick)
	}
}
