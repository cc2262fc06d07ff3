package http2

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/wsdump/wsdump/timeline"
)

// FuzzStream: no input makes the layer panic or hold more than it may, and the
// pieces in which bytes come do not change the story. gaps says, by bit, behind
// which quarter of a direction bytes are missing.
func FuzzStream(f *testing.F) {
	for seed := range uint64(4) {
		w, _ := traffic(rand.New(rand.NewPCG(seed, 1)), 40)
		f.Add(w.flat(client), w.flat(server), uint8(seed), seed%2 == 1, uint8(seed*37))
	}
	w := newWire().start()
	w.open(1, "/a")
	w.data(server, 1, true, []byte("x"))
	f.Add(w.flat(client), w.flat(server), uint8(0), false, uint8(0))
	f.Fuzz(func(t *testing.T, c, s []byte, size uint8, seek bool, gaps uint8) {
		tell := func(size int) []string {
			got := &witness{}
			x := New(got, timeline.Limits{Head: 4 << 10, Held: 1 << 30}, Options{Seek: seek})
			for i := range 4 {
				for dir, b := range [][]byte{c, s} {
					from, to := len(b)*i/4, len(b)*(i+1)/4
					play(x, []piece{{timeline.Direction(dir), b[from:to]}}, size)
					if gaps>>(2*i+dir)&1 == 1 {
						x.Gap(timeline.Direction(dir), timeline.Stamp{}, uint64(i)*20)
					}
				}
			}
			for dir := range x.half {
				if h := &x.half[dir]; len(h.sought) > 2*(maxSought+frameHeader)+len(c)+len(s) || len(h.buf) > 4<<10 || len(h.block.fragment) > 4<<10 {
					t.Fatalf("too much is held: %d %d %d", len(h.sought), len(h.buf), len(h.block.fragment))
				}
			}
			finish(x, timeline.EndFIN)
			for _, st := range x.streams {
				if !st.quiet {
					t.Fatalf("stream %d goes on behind the end", st.id)
				}
			}
			if x.held != 0 {
				t.Fatalf("%d bytes are held behind the end", x.held)
			}
			return got.lines()
		}
		diff(t, tell(int(size)+1), tell(0))
	})
}

// FuzzTable: a table that lost its beginning shows no field that the whole
// table does not show.
func FuzzTable(f *testing.F) {
	w := newWire()
	f.Add(w.encode(client, connect("/a", "x y")...), w.encode(client, connect("/b", "x y", "cookie c")...), w.encode(client, connect("/b", "x y", "cookie d")...))
	f.Add([]byte{0x3f, 0xe1, 0x1f, 0x82}, []byte{0x40, 1, 'a', 1, 'b', 0xbe}, []byte{0x20, 0x20, 0xbe, 0xbf})
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		whole := table{most: 4 << 10}
		part := table{most: 4 << 10}
		part.lose()
		if !whole.decode(a) {
			return
		}
		for _, block := range [][]byte{b, c} {
			if !whole.decode(block) {
				return
			}
			cut := whole.cut
			if !part.decode(block) {
				continue
			}
			if cut || part.cut || bytes.IndexByte(block, 0x40) >= 0 && whole.missing {
				continue
			}
			i := 0
			for _, field := range part.fields {
				for i < len(whole.fields) && whole.fields[i] != field {
					i++
				}
				if i == len(whole.fields) {
					t.Fatalf("%v is not among %v", field, whole.fields)
				}
				i++
			}
		}
	})
}
