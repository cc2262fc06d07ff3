package ws

import (
	"bytes"
	"compress/flate"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/wsdump/wsdump/timeline"
)

// TestOrdinary holds the short ways of messages, counted and told, to the one that
// all else takes: what is known of a connection in the end is the same, and so is
// what was told, in the same order and with every field.
func TestOrdinary(t *testing.T) {
	payloads := [][]byte{
		nil, []byte("a"), []byte("hello, world"), []byte("grüße"), []byte("caf\xc3"), slices.Repeat([]byte("0123456789abcdef"), 9),
		slices.Repeat([]byte("x"), 4000), append(slices.Repeat([]byte("y"), 39), 0x80),
		{0xff},
		{0x7f},
		slices.Repeat([]byte("é"), 100),
	}
	for _, needs := range []timeline.Needs{{Silent: true, Payload: true}, {Payload: true}, {}} {
		s, _ := newStream(&sink{needs: needs}, timeline.Limits{})
		if h := &s.half[0]; len(s.short(timeline.ClientToServer, h, timeline.Stamp{}, frame(1, true, []byte("hello")))) > 0 {
			t.Fatalf("%+v: an ordinary message does not go the short way, which is what is looked at here", needs)
		}
	}
	var short struct{ counted, told, inflated int }
	for seed := range uint64(6000) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		squeezes := rnd.IntN(2) == 0 // permessage-deflate was agreed
		var in [2][]byte
		for dir := range in {
			squeeze := squeezer()
			for range rnd.IntN(12) {
				payload, squeezed := payloads[rnd.IntN(len(payloads))], squeezes && rnd.IntN(2) == 0
				if squeezed {
					if payload = squeeze(payload); rnd.IntN(20) == 0 {
						payload = payloads[rnd.IntN(len(payloads))] // which it is not
					}
				}
				b := frame([]byte{1, 2, 1, 2, 0, 9, 8, 3}[min(rnd.IntN(8), rnd.IntN(8))], rnd.IntN(30) != 0 == (dir == 0), payload)
				if squeezed {
					b[0] |= 0x40
				}
				switch rnd.IntN(40) {
				case 0:
					b[0] &^= 0x80 // FIN
				case 1:
					b[0] |= 0x40 // RSV1
				case 2:
					b[1] ^= 1 // another length
				case 3:
					b = append(b, b...) // the same key again
				}
				in[dir] = append(in[dir], b...)
			}
		}
		needs := timeline.Needs{Silent: rnd.IntN(2) == 0, Payload: rnd.IntN(4) != 0}
		limits := timeline.Limits{Message: []int{0, 1000, 1 << 16}[rnd.IntN(3)]}
		play := func(short bool) (*timeline.Conn, *sink) {
			told := &sink{needs: needs, keep: true, whole: true}
			c := &timeline.Conn{Transport: &timeline.Transport{}}
			if squeezes {
				c.Handshake = &timeline.Handshake{Status: 101, Extensions: []timeline.Extension{{Name: "permessage-deflate"}}}
			}
			stream := New(NewEnv(told, limits), c)
			stream.brief = stream.brief && short
			var rest [2][]byte
			copy(rest[:], in[:])
			pieces := rand.New(rand.NewPCG(seed, 2))
			for at := int64(1); len(rest[0])+len(rest[1]) > 0; at++ {
				dir := pieces.IntN(2)
				n := min(len(rest[dir]), 1+pieces.IntN(300))
				stamp := timeline.Stamp{Packet: uint64(at), Time: at}
				stream.Data(timeline.Direction(dir), stamp, rest[dir][:n])
				rest[dir] = rest[dir][n:]
			}
			for dir := range in {
				stream.End(timeline.Direction(dir), timeline.Stamp{Packet: 1e6, Time: 1e6}, timeline.EndFIN)
			}
			return c, told
		}
		a, told := play(true)
		b, plain := play(false)
		if a.Counters != b.Counters || a.Rows != b.Rows || a.FirstMsg != b.FirstMsg || a.LastFrame != b.LastFrame || a.LastDir != b.LastDir ||
			a.FindingsBy != b.FindingsBy || !slices.Equal(told.events, plain.events) {
			t.Fatalf("seed %d, %+v: short %+v %v\nplain %+v %v\n%q\n%q", seed, needs, a.Counters, a.Rows, b.Counters, b.Rows, told.events, plain.events)
		}
		if needs.Silent {
			short.counted += int(a.Rows)
		}
		short.told += told.messages
		short.inflated += told.inflated
	}
	if short.counted < 10_000 || short.told < 10_000 || short.inflated < 3000 {
		t.Errorf("%+v messages: the test says little", short)
	}
}

// squeezer returns a function that deflates messages with context takeover (RFC 7692
// 7.2.1).
func squeezer() func([]byte) []byte {
	var out bytes.Buffer
	w, _ := flate.NewWriter(&out, 6)
	return func(p []byte) []byte {
		out.Reset()
		_, _ = w.Write(p)
		_ = w.Flush()
		return bytes.TrimSuffix(bytes.Clone(out.Bytes()), []byte{0, 0, 0xff, 0xff})
	}
}

// TestASCII has a byte above 127 at every place of texts of every small length,
// masked with every kind of key.
func TestASCII(t *testing.T) {
	for _, key := range [][4]byte{{}, {0x80}, {0, 0x80}, {0, 0, 0x80}, {0, 0, 0, 0x80}, {0xff, 0x7f, 0x80, 0x01}, {1, 2, 3, 4}} {
		for n := range 75 {
			for odd := -1; odd < n; odd++ {
				p := bytes.Repeat([]byte("a"), n)
				if odd >= 0 {
					p[odd] = 0xc3
				}
				for i := range p {
					p[i] ^= key[i&3]
				}
				if got := ascii(p, key); got != (odd < 0) {
					t.Fatalf("%d bytes, key %x, a byte above 127 at %d: got %v", n, key, odd, got)
				}
			}
		}
	}
}
