package inflate

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
)

// deflated compresses texts as one direction of permessage-deflate: with
// context takeover, and each without its tail.
func deflated(t testing.TB, level int, takeover bool, texts [][]byte) [][]byte {
	t.Helper()
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, level)
	if err != nil {
		t.Fatal(err)
	}
	var messages [][]byte
	for _, text := range texts {
		out.Reset()
		if !takeover {
			w.Reset(&out)
		}
		w.Write(text)
		w.Flush()
		message, ok := bytes.CutSuffix(bytes.Clone(out.Bytes()), []byte(tail))
		if !ok {
			t.Fatalf("flushed without the tail: % x", out.Bytes())
		}
		messages = append(messages, message)
	}
	return messages
}

// tickers are texts of about 590 bytes as a market feed sends them.
func tickers(n int) [][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	words := []string{"bid", "ask", "filled", "partial", "cancelled", "BTC-USD", "ETH-USD", "SOL-EUR", "limit", "market"}
	texts := make([][]byte, n)
	for i := range texts {
		var b bytes.Buffer
		fmt.Fprintf(&b, `{"type":"update","sequence":%d,"time":"2026-10-12T10:%02d:%02d.%06dZ","events":[`, 1000000+i, i/60%60, i%60, rng.IntN(1000000))
		for j := range 4 {
			if j > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"product_id":"%s","side":"%s","price_level":"%d.%02d","new_quantity":"%d.%d","status":"%s","order":"%08x"}`,
				words[5+rng.IntN(3)], words[rng.IntN(2)], 60000+rng.IntN(99), rng.IntN(100), rng.IntN(10), rng.IntN(1000), words[2+rng.IntN(3)], rng.Uint32()>>16)
		}
		b.WriteString(`]}`)
		texts[i] = b.Bytes()
	}
	return texts
}

func sizes(messages [][]byte) (total int) {
	for _, m := range messages {
		total += len(m)
	}
	return total
}

func BenchmarkMessage(b *testing.B) {
	texts := tickers(20000)
	big := [][]byte{bytes.Join(texts[:2000], nil)}
	for _, c := range []struct {
		name     string
		takeover bool
		texts    [][]byte
	}{
		{"takeover", true, texts},
		{"no takeover", false, texts},
		{"1 MB", false, big},
	} {
		messages := deflated(b, 6, c.takeover, c.texts)
		b.Run(c.name+"/own", func(b *testing.B) {
			var d Decoder
			var w Window
			b.SetBytes(int64(sizes(c.texts) / len(c.texts)))
			b.ReportMetric(float64(sizes(messages))/float64(len(messages)), "B-in/op")
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				k := i % len(messages)
				if k == 0 || !c.takeover {
					w.Reset()
				}
				if r := d.Message(&w, messages[k], Options{}); r.Err != nil || len(r.Payload) != len(c.texts[k]) {
					b.Fatal(i, r.Err)
				}
			}
		})
		b.Run(c.name+"/flate", func(b *testing.B) {
			s := newStd()
			b.SetBytes(int64(sizes(c.texts) / len(c.texts)))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				k := i % len(messages)
				if k == 0 || !c.takeover {
					s.history = s.history[:0]
				}
				if out, err := s.message(messages[k]); err != nil || len(out) != len(c.texts[k]) {
					b.Fatal(i, err)
				}
			}
		})
	}
}

// std inflates with compress/flate as programs do: the reader is reset with the
// history as its dictionary.
type std struct {
	r       io.ReadCloser
	in      bytes.Reader
	src     []byte
	out     bytes.Buffer
	history []byte
}

func newStd() *std { return &std{r: flate.NewReader(bytes.NewReader(nil))} }

func (s *std) message(src []byte) ([]byte, error) {
	s.src = append(append(s.src[:0], src...), tail+"\x01\x00\x00\xff\xff"...)
	s.in.Reset(s.src)
	s.r.(flate.Resetter).Reset(&s.in, s.history)
	s.out.Reset()
	_, err := s.out.ReadFrom(s.r)
	s.history = append(s.history, s.out.Bytes()...)
	if n := len(s.history); n > 4*history {
		s.history = append(s.history[:0], s.history[n-history:]...)
	}
	return s.out.Bytes(), err
}
