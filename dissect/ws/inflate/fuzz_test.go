package inflate

import (
	"bytes"
	"compress/flate"
	"math/rand/v2"
	"reflect"
	"testing"
)

// FuzzInflate holds arbitrary bytes, taken as messages of one direction, to
// compress/flate: both accept and refuse alike and have the same output, also
// before an error. One difference is wanted: a block that has no code for its
// own end is refused here at its header (as by zlib), while compress/flate
// decodes symbols until its input ends.
func FuzzInflate(f *testing.F) {
	for _, s := range []string{
		"f2 48 cd c9 c9 07 00", "00 05 00 fa ff 48 65 6c 6c 6f 00", "f3 48 cd c9 c9 07 00 00",
		"f2 48 05 00 00 00 ff ff ca c9 c9 07 00", "00", "f3 48 cd c9 c9 07 00 f2 00 11 00 00", "f2 00 11 00 00", "01",
	} {
		f.Add(unhex(f, s), []byte{}, false)
	}
	texts := tickers(4)
	for level := flate.HuffmanOnly; level <= 9; level++ {
		m := deflated(f, level, true, texts)
		f.Add(m[0], m[1], true)
		f.Add(m[2], m[3], true)
	}
	g := &generator{rng: rand.New(rand.NewPCG(1, 1)), most: history}
	for range 40 {
		a, _ := g.message()
		b, _ := g.message()
		f.Add(a, b, true)
	}
	nearly := bytes.Join(tickers(200), nil)[:windowMost-300]
	f.Fuzz(func(t *testing.T, a, b []byte, long bool) {
		if len(a)+len(b) > 4096 {
			return // output is up to 1032 times that
		}
		var d Decoder
		var w, same Window
		var held []byte
		step := Decoder{plain: true}
		if long { // a history that is about to slide
			held = nearly[len(nearly)-history:]
			for i := 0; i < len(nearly); i += 40000 {
				part := nearly[i:min(len(nearly), i+40000)]
				head := []byte{0, byte(len(part)), byte(len(part) >> 8), ^byte(len(part)), ^byte(len(part) >> 8)}
				block := append(append(head, part...), 0)
				if r := d.Message(&w, block, Options{}); r.Err != nil {
					t.Fatal(r.Err)
				}
				step.Message(&same, block, Options{})
			}
		}
		for _, src := range [][]byte{a, b, a} {
			want, ok := reference(held, src)
			r := d.Message(&w, src, Options{Limit: 1 << 30})
			if plain := step.Message(&same, src, Options{Limit: 1 << 30}); !reflect.DeepEqual(r, plain) {
				t.Fatalf("%v, %d bytes; step alone: %v, %d bytes (% x)", r.Err, r.Length, plain.Err, plain.Length, src)
			}
			if (r.Err == nil) != ok {
				t.Fatalf("%v, compress/flate accepts: %v (% x)", r.Err, ok, src)
			}
			if c, bad := r.Err.(*CorruptError); bad {
				if c.Offset < 0 || c.Offset > len(src) {
					t.Fatalf("offset %d of %d", c.Offset, len(src))
				}
				if c.What == "no code for the end of the block" {
					want = want[:min(len(want), len(r.Payload))]
				}
			}
			if !bytes.Equal(r.Payload, want) || r.Length != uint64(len(want)) {
				t.Fatalf("%v: %d bytes, compress/flate has %d (% x)", r.Err, len(r.Payload), len(want), src)
			}
			if r.Err != nil {
				return
			}
			held = append(bytes.Clone(held), want...)
			held = held[max(0, len(held)-history):]
		}
	})
}

// FuzzRoundTrip compresses texts made of pieces of the input and of what came
// before, with every level of compress/flate, with and without takeover, by one
// writer or by one for each message that has the history as its dictionary, and
// by the generator.
func FuzzRoundTrip(f *testing.F) {
	for i := range uint64(16) {
		f.Add([]byte(`{"type":"update","price":"60000.12","side":"buy"}`), i)
	}
	f.Fuzz(func(t *testing.T, piece []byte, seed uint64) {
		if len(piece) > 1<<14 {
			return
		}
		rng := rand.New(rand.NewPCG(seed, 3))
		level := rng.IntN(12) - 2
		dictionary, takeover := rng.IntN(2) == 0, rng.IntN(4) > 0
		g := &generator{rng: rng, most: 1 << (8 + rng.IntN(8))}
		mixed := dictionary && takeover && rng.IntN(2) == 0

		var d Decoder
		var w Window
		var out bytes.Buffer
		z, err := flate.NewWriter(&out, level)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 1 + rng.IntN(30) {
			var src, text []byte
			if !takeover {
				g.history = g.history[:0]
				w.Reset()
				z.Reset(&out)
			}
			if mixed && rng.IntN(2) == 0 {
				src, text = g.message()
			} else {
				text = makeText(rng, piece, g.history)
				out.Reset()
				if dictionary {
					if z, err = flate.NewWriterDict(&out, level, g.history); err != nil {
						t.Fatal(err)
					}
				}
				// Flushing inside a message makes several blocks of it.
				cut := rng.IntN(len(text) + 1)
				z.Write(text[:cut])
				if rng.IntN(3) == 0 {
					z.Flush()
				}
				z.Write(text[cut:])
				if dictionary && rng.IntN(3) == 0 {
					z.Close() // BFINAL=1
					src = out.Bytes()
				} else {
					z.Flush()
					src = bytes.TrimSuffix(out.Bytes(), []byte(tail))
				}
				g.history = append(g.history, text...)
			}
			r := d.Message(&w, src, Options{})
			if r.Err != nil || !bytes.Equal(r.Payload, text) || r.Length != uint64(len(text)) || r.Limited || r.Distance != 0 {
				t.Fatalf("level %d, message %d of %d bytes: %v, %d bytes", level, i, len(text), r.Err, len(r.Payload))
			}
			if w.Size() > windowMost {
				t.Fatalf("window of %d bytes", w.Size())
			}
		}
	})
}

// makeText is up to 100 KB, most often short.
func makeText(rng *rand.Rand, piece, history []byte) (text []byte) {
	size := rng.IntN(1000)
	if rng.IntN(8) == 0 {
		size = rng.IntN(100000)
	}
	for len(text) < size {
		from := piece
		switch rng.IntN(4) {
		case 0:
			from = history
		case 1:
			from = text
		}
		if len(from) == 0 || rng.IntN(20) == 0 {
			text = append(text, byte(rng.Uint32()))
			continue
		}
		at := rng.IntN(len(from))
		text = append(text, from[at:min(len(from), at+1+rng.IntN(300))]...)
	}
	return text[:size]
}
