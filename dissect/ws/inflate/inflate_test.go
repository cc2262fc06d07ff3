package inflate

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestConversation reads messages of one direction in turn.
func TestConversation(t *testing.T) {
	type message struct{ hex, text string }
	for _, c := range []struct {
		name     string
		messages []message
	}{
		{"7.2.3.1, one block", []message{{"f2 48 cd c9 c9 07 00", "Hello"}}},
		{"7.2.3.2, the window is shared", []message{{"f2 48 cd c9 c9 07 00", "Hello"}, {"f2 00 11 00 00", "Hello"}}},
		{"7.2.3.3, a stored block", []message{{"00 05 00 fa ff 48 65 6c 6c 6f 00", "Hello"}}},
		{"7.2.3.4, BFINAL", []message{{"f3 48 cd c9 c9 07 00 00", "Hello"}}},
		{"7.2.3.5, two blocks", []message{{"f2 48 05 00 00 00 ff ff ca c9 c9 07 00", "Hello"}}},
		{"7.2.3.6, an empty message", []message{{"00", ""}}},
		{"no payload", []message{{"", ""}}},
		{"empty ones between", []message{{"f2 48 cd c9 c9 07 00", "Hello"}, {"00", ""}, {"", ""}, {"f2 00 11 00 00", "Hello"}}},
		{"BFINAL, then the window is still shared", []message{{"f3 48 cd c9 c9 07 00 00", "Hello"}, {"f2 00 11 00 00", "Hello"}, {"f2 00 11 00 00", "Hello"}}},
		{"BFINAL ends the message", []message{{"f3 48 cd c9 c9 07 00", "Hello"}, {"f2 00 11 00 00", "Hello"}}},
		{"BFINAL on every message", []message{{"f3 48 cd c9 c9 07 00", "Hello"}, {"f3 00 11 00 00", "Hello"}}},
		{"BFINAL inside a message", []message{{"f3 48 cd c9 c9 07 00 f2 00 11 00 00", "HelloHello"}}},
		{"BFINAL on an empty stored block, cut off with the tail", []message{{"f2 48 cd c9 c9 07 04", "Hello"}}},
		{"BFINAL on a stored block inside", []message{{"01 05 00 fa ff 48 65 6c 6c 6f f2 00 11 00 00", "HelloHello"}}},
		{"a stored block may take the tail for its content", []message{{"00 04 00 fb ff", tail}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var d Decoder
			var w Window
			var history []byte
			for i, m := range c.messages {
				src := unhex(t, m.hex)
				r := d.Message(&w, src, Options{})
				if r.Err != nil || string(r.Payload) != m.text || r.Length != uint64(len(m.text)) || r.Limited || r.Distance != 0 {
					t.Errorf("message %d: %+v, payload %q, want %q", i, r, r.Payload, m.text)
				}
				if out, ok := reference(history, src); !ok || string(out) != m.text {
					t.Errorf("message %d: compress/flate has %q, %v", i, out, ok)
				}
				history = append(history, m.text...)
			}
		})
	}
}

// bitsOf writes pairs of a value and its number of bits.
func bitsOf(pairs ...uint64) []byte {
	var w bitWriter
	for i := 0; i < len(pairs); i += 2 {
		w.put(pairs[i], uint(pairs[i+1]))
	}
	w.align()
	return w.out
}

func TestCorrupt(t *testing.T) {
	lengths := func(pairs ...uint64) []byte { // a dynamic block: HLIT, HDIST, HCLEN, 3 bits each
		return bitsOf(append([]uint64{4, 3}, pairs...)...)
	}
	for _, c := range []struct {
		name    string
		src     []byte
		payload string
		offset  int
		what    string
	}{
		{"type 3", unhex(t, "06"), "", 0, "block type 3"},
		// The tail ends these blocks, with a literal before from the bits of both.
		{"cut in a block", unhex(t, "f2 48 cd c9"), "Helh", 4, "ends inside the header of a stored block"},
		{"cut in a later block", unhex(t, "f2 48 cd c9 c9"), "Hellh", 5, "ends inside the header of a stored block"},
		{"complement", unhex(t, "00 05 00 fa fe 48"), "", 5, "complement of its length"},
		{"stored, cut", unhex(t, "00 09 00 f6 ff 48 65"), "He\x00\x00\xff\xff", 7, "3 bytes before its end"},
		{"no last block", unhex(t, "00 00 00 ff ff"), "", 5, "ends inside the header of a stored block"},
		{"distance before the history", unhex(t, "f2 00 11 00 00"), "H", 1, "a distance of 5 with 1 bytes of history"},
		{"length code 286", bitsOf(2, 3, 0b01100011, 8), "", 0, "no literal or length code"},
		{"distance code 30", bitsOf(2, 3, 0b00001100, 8, 0b1000000, 7, 0b01111, 5, 0, 8, 0, 40), "\x00", 1, "no distance code"},
		{"287 literals", lengths(30, 5, 0, 5, 0, 4, 0, 64-22), "", 2, "287 literal"},
		{"31 distances", lengths(0, 5, 30, 5, 0, 4, 0, 64-22), "", 2, "31 distance"},
		{"too many codes of code lengths", lengths(0, 5, 0, 5, 0, 4, 1, 3, 1, 3, 1, 3, 0, 3, 0, 60), "", 3, "more codes than 1 bits"},
		{"code lengths incomplete", lengths(0, 5, 0, 5, 0, 4, 2, 3, 2, 3, 2, 3, 0, 3, 0, 60), "", 3, "not every sequence"},
		{"no codes of code lengths", lengths(0, 5, 0, 5, 0, 4, 0, 12, 0, 60), "", 3, "no code of a code length"},
		{"repeat before the first", lengths(0, 5, 0, 5, 0, 4, 1, 3, 1, 3, 0, 6, 0, 60), "", 3, "before the first"},
		{"only zeros, no end of block", lengths(0, 5, 0, 5, 0, 4, 0, 3, 0, 3, 1, 3, 1, 3, 1, 1, 127, 7, 1, 1, 109, 7, 0, 60), "", 5, "no code for the end"},
		{"more lengths than announced", lengths(0, 5, 0, 5, 0, 4, 0, 3, 0, 3, 1, 3, 1, 3, 1, 1, 127, 7, 1, 1, 127, 7, 0, 60), "", 5, "276 code lengths where 258"},
		{"cut in code lengths", lengths(29, 5, 29, 5, 0, 4, 0, 3, 0, 3, 1, 3, 1, 3), "", 4, "inside the code lengths"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var d Decoder
			var w Window
			r := d.Message(&w, c.src, Options{})
			var corrupt *CorruptError
			if !errors.As(r.Err, &corrupt) {
				t.Fatalf("no error: %+v", r)
			}
			if !strings.Contains(corrupt.What, c.what) || corrupt.Offset != c.offset {
				t.Errorf("%v (% x)", corrupt, c.src)
			}
			if string(r.Payload) != c.payload || r.Length != uint64(len(r.Payload)) {
				t.Errorf("payload %q, want %q", r.Payload, c.payload)
			}
			if out, ok := reference(nil, c.src); ok || string(out) != c.payload {
				t.Errorf("compress/flate has %q, %v", out, ok)
			}
			if r := d.Message(&w, unhex(t, "f2 00 11 00 00"), Options{}); r.Err == nil {
				t.Error("the history is still there")
			}
			if r := d.Message(&w, unhex(t, "f2 48 cd c9 c9 07 00"), Options{}); string(r.Payload) != "Hello" {
				t.Error("no new beginning")
			}
		})
	}
}

// TestWindows inflates random messages of every window size, and the generator
// says what must come out: more than a window slides.
func TestWindows(t *testing.T) {
	for bits := 8; bits <= 15; bits++ {
		g := &generator{rng: rand.New(rand.NewPCG(uint64(bits), 7)), most: 1 << bits}
		var d Decoder
		var w Window
		for i := range 400 {
			held := min(len(g.history), 2*history)
			before := bytes.Clone(g.history[len(g.history)-held:])
			src, text := g.message()
			if out, ok := reference(before, src); !ok || !bytes.Equal(out, text) {
				t.Fatalf("bits %d, message %d: the generator is wrong: %v, % x", bits, i, ok, src[:min(40, len(src))])
			}
			r := d.Message(&w, src, Options{Bits: bits})
			if r.Err != nil || !bytes.Equal(r.Payload, text) || r.Length != uint64(len(text)) {
				t.Fatalf("bits %d, message %d: %v, %d bytes of %d", bits, i, r.Err, len(r.Payload), len(text))
			}
			if r.Distance != 0 {
				t.Fatalf("bits %d, message %d: distance %d", bits, i, r.Distance)
			}
			if w.Size() > windowMost {
				t.Fatalf("window of %d bytes", w.Size())
			}
		}
		if len(g.history) < 2*windowMost {
			t.Fatalf("only %d bytes", len(g.history))
		}
	}
}

// TestDistance agrees on a smaller window than is used: all is inflated and told.
func TestDistance(t *testing.T) {
	for bits := 8; bits < 15; bits++ {
		g := &generator{rng: rand.New(rand.NewPCG(uint64(bits), 9)), most: history}
		var d Decoder
		var w Window
		told := 0
		for i := range 100 {
			src, text := g.message()
			want := 0
			if g.largest > 1<<bits {
				want = g.largest
				told++
			}
			if r := d.Message(&w, src, Options{Bits: bits}); r.Err != nil || !bytes.Equal(r.Payload, text) || r.Distance != want {
				t.Fatalf("bits %d, message %d: %v, distance %d, want %d", bits, i, r.Err, r.Distance, want)
			}
		}
		if told == 0 {
			t.Errorf("bits %d: never exceeded", bits)
		}
	}
}

func TestNoTakeover(t *testing.T) {
	texts := tickers(50)
	var d Decoder
	var w Window
	for i, m := range deflated(t, 6, false, texts) {
		w.Reset()
		if r := d.Message(&w, m, Options{}); r.Err != nil || !bytes.Equal(r.Payload, texts[i]) {
			t.Fatal(i, r.Err)
		}
	}
	if w.Size() != windowFirst {
		t.Errorf("short messages hold %d bytes", w.Size())
	}
	w.Drop()
	if w.Size() != 0 {
		t.Errorf("dropped, %d bytes", w.Size())
	}
	if r := d.Message(&w, nil, Options{}); r.Err != nil || w.Size() != 0 {
		t.Errorf("an empty message took %d bytes, %v", w.Size(), r.Err)
	}
}

func TestNoAllocations(t *testing.T) {
	texts := tickers(500)
	for _, takeover := range []bool{true, false} {
		messages := deflated(t, 6, takeover, texts)
		var d Decoder
		var w Window
		run := func() {
			w.Reset()
			for _, m := range messages {
				if !takeover {
					w.Reset()
				}
				if r := d.Message(&w, m, Options{Limit: 1 << 20, Ratio: 100}); r.Err != nil {
					t.Fatal(r.Err)
				}
			}
		}
		run()
		if n := testing.AllocsPerRun(5, run); n != 0 {
			t.Errorf("takeover %v: %v allocations", takeover, n)
		}
	}
}

// TestDamaged flips bits of random messages and cuts them, so that each loop
// meets what is not DEFLATE in its midst and at its end.
func TestDamaged(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	met := map[string]int{}
	for range 3000 {
		g := &generator{rng: rng, most: history}
		src, _ := g.message()
		if len(src) == 0 {
			continue
		}
		for range rng.IntN(3) {
			src[rng.IntN(min(len(src), 400))] ^= 1 << rng.IntN(8)
		}
		if rng.IntN(2) == 0 {
			src = src[:rng.IntN(len(src)+1)]
		}
		var d Decoder
		var w Window
		r := d.Message(&w, src, Options{})
		step := Decoder{plain: true}
		if plain := step.Message(new(Window), src, Options{}); !reflect.DeepEqual(r, plain) {
			t.Fatalf("%v, %d bytes; step alone: %v, %d bytes (% x)", r.Err, r.Length, plain.Err, plain.Length, src)
		}
		want, ok := reference(nil, src)
		what := ""
		if c, bad := r.Err.(*CorruptError); bad {
			what = c.What
			met[strings.Map(func(r rune) rune {
				if r >= '0' && r <= '9' {
					return -1
				}
				return r
			}, what)]++
		}
		if what == "no code for the end of the block" {
			want = want[:min(len(want), len(r.Payload))]
		}
		if ok != (r.Err == nil) || !bytes.Equal(want, r.Payload) {
			t.Fatalf("%v, compress/flate accepts: %v; %d bytes of %d (% x)", r.Err, ok, len(r.Payload), len(want), src)
		}
	}
	for _, what := range []string{
		"ends inside a block", "ends inside the code lengths of a block", "ends inside a stored block,  bytes before its end",
		"bits that are no distance code", "bits that are no literal or length code", "a distance of  with  bytes of history",
		"the distance codes: not every sequence of bits is a code", "the literal and length codes: not every sequence of bits is a code",
	} {
		if met[what] == 0 {
			t.Errorf("never met: %s", what)
		}
	}
	if t.Failed() {
		t.Log(met)
	}
}

func TestErrorTellsWhere(t *testing.T) {
	var d Decoder
	r := d.Message(new(Window), unhex(t, "f2 48 cd c9 c9 07 18"), Options{})
	if r.Err == nil || !strings.HasPrefix(r.Err.Error(), "deflate, byte 6: ") {
		t.Errorf("%v", r.Err)
	}
}
