package inflate

import (
	"bytes"
	"fmt"
	"math"
	"testing"
)

// TestLimit bounds output by size and by ratio, whatever the message.
func TestLimit(t *testing.T) {
	zeros := make([]byte, 8<<20)
	bomb := deflated(t, 9, true, [][]byte{zeros})[0]
	text := bytes.Join(tickers(300), nil)
	prose := deflated(t, 6, true, [][]byte{text})[0]
	stored := deflated(t, 0, true, [][]byte{text})[0]
	for _, c := range []struct {
		name    string
		src     []byte
		text    []byte
		opt     Options
		length  int
		kept    int
		limited bool
	}{
		{"all of it", bomb, zeros, Options{}, 8 << 20, 8 << 20, false},
		{"exactly the limit", bomb, zeros, Options{Limit: 8 << 20}, 8 << 20, 8 << 20, false},
		{"one less", bomb, zeros, Options{Limit: 8<<20 - 1}, 8<<20 - 1, 8<<20 - 1, true},
		{"small", bomb, zeros, Options{Limit: 100}, 100, 100, true},
		{"a window", bomb, zeros, Options{Limit: windowMost}, windowMost, windowMost, true},
		{"ratio, the floor", bomb, zeros, Options{Ratio: 10}, ratioFloor, ratioFloor, true},
		{"ratio", bomb, zeros, Options{Ratio: 500}, 500 * len(bomb), 500 * len(bomb), true},
		{"ratio not reached", bomb, zeros, Options{Ratio: 1100}, 8 << 20, 8 << 20, false},
		{"ratio beyond numbers", bomb, zeros, Options{Ratio: math.MaxInt}, 8 << 20, 8 << 20, false},
		{"keep some", bomb, zeros, Options{Keep: 1000}, 8 << 20, 1000, false},
		{"keep none", bomb, zeros, Options{Keep: -1}, 8 << 20, 0, false},
		{"keep some, limited", bomb, zeros, Options{Keep: 1000, Limit: 70000}, 70000, 1000, true},
		{"prose", prose, text, Options{}, len(text), len(text), false},
		{"prose, keep", prose, text, Options{Keep: 40000}, len(text), 40000, false},
		{"prose, keep more than there is", prose, text, Options{Keep: 1 << 30}, len(text), len(text), false},
		{"stored", stored, text, Options{}, len(text), len(text), false},
		{"stored, limit", stored, text, Options{Limit: 80000, Keep: 70000}, 80000, 70000, true},
		{"prose, limit", prose, text, Options{Limit: 100001}, 100001, 100001, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var d Decoder
			var w Window
			r := d.Message(&w, c.src, c.opt)
			if r.Err != nil || r.Length != uint64(c.length) || r.Limited != c.limited || !bytes.Equal(r.Payload, c.text[:c.kept]) {
				t.Errorf("length %d (want %d), %d kept (want %d), limited %v, %v", r.Length, c.length, len(r.Payload), c.kept, r.Limited, r.Err)
			}
			if w.Size() > windowMost || cap(d.scratch) > 2*c.kept+scratchKeep {
				t.Errorf("window %d, scratch %d bytes for %d kept", w.Size(), cap(d.scratch), c.kept)
			}
			next := d.Message(&w, unhex(t, "02 11 00 00"), Options{}) // 5 bytes back
			if (next.Err != nil) != c.limited {
				t.Errorf("the next message: %v", next.Err)
			}
		})
	}
}

// TestLimitIsExact cuts a message at every length around what the window holds.
func TestLimitIsExact(t *testing.T) {
	text := bytes.Join(tickers(300), nil)[:windowMost+1000]
	src := deflated(t, 6, true, [][]byte{text})[0]
	var d Decoder
	for _, base := range []int{1, 300, windowFirst, history, windowMost - slack, windowMost, len(text)} {
		for limit := max(1, base-3); limit <= base+3; limit++ {
			var w Window
			r := d.Message(&w, src, Options{Limit: limit})
			want := min(limit, len(text))
			if r.Length != uint64(want) || !bytes.Equal(r.Payload, text[:want]) || r.Limited != (limit < len(text)) || r.Err != nil {
				t.Errorf("limit %d: length %d, limited %v, %v", limit, r.Length, r.Limited, r.Err)
			}
		}
	}
}

// TestScratch gives the memory of a giant back when small messages follow, and
// keeps it while giants come.
func TestScratch(t *testing.T) {
	giant := deflated(t, 6, true, [][]byte{make([]byte, 1<<20)})[0]
	var d Decoder
	var w Window
	for range 3 {
		d.Message(&w, giant, Options{})
		for range scratchIdle - 1 {
			d.Message(&w, unhex(t, "f2 48 cd c9 c9 07 00"), Options{})
		}
		if cap(d.scratch) < 1<<20 {
			t.Fatalf("scratch %d", cap(d.scratch))
		}
	}
	d.Message(&w, giant, Options{})
	for range scratchIdle {
		d.Message(&w, unhex(t, "f2 48 cd c9 c9 07 00"), Options{})
	}
	if cap(d.scratch) != 0 {
		t.Errorf("scratch %d", cap(d.scratch))
	}
}

func ExampleDecoder() {
	var d Decoder
	var w Window
	for _, payload := range []string{"\xf2\x48\xcd\xc9\xc9\x07\x00", "\xf2\x00\x11\x00\x00"} {
		r := d.Message(&w, []byte(payload), Options{})
		fmt.Printf("%s %d\n", r.Payload, r.Length)
	}
	// Output:
	// Hello 5
	// Hello 5
}
