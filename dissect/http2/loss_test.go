package http2

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	h2 "golang.org/x/net/http2"

	"github.com/wsdump/wsdump/timeline"
)

const maxData = 600

// traffic writes a connection with many WebSockets and other requests. It
// returns what each stream carried, by who and direction.
func traffic(r *rand.Rand, steps int) (*wire, map[string][2][]byte) {
	w := newWire().start(enabled)
	w.never = r.IntN(2) == 0 // so that a request can be read whatever the table holds
	truth := make(map[string][2][]byte)
	type live struct {
		id   uint32
		name string
	}
	var open []live
	next := uint32(1)
	for range steps {
		switch n := r.IntN(20); {
		case n == 0 || len(open) == 0:
			l := live{next, fmt.Sprintf("/ws?n=%d", next)}
			next += 2
			fields := connect(l.name, fmt.Sprintf("x-%d v%d", r.IntN(5), r.IntN(3)), "cookie c"+fmt.Sprint(r.IntN(4)), fmt.Sprintf("x-id %d", l.id))
			w.headers(client, l.id, false, fields...)
			w.headers(server, l.id, false, ":status 200", fmt.Sprintf("x-server s%d", r.IntN(3)), fmt.Sprintf("x-id %d", l.id))
			open = append(open, l)
			truth[l.name] = [2][]byte{}
		case n == 1:
			w.headers(client, next, true, ":method GET", ":scheme http", ":path /p", fmt.Sprintf("x-%d v%d", r.IntN(5), r.IntN(3)))
			w.headers(server, next, false, ":status 200", "content-type text/plain")
			w.data(server, next, true, []byte("a plain response"))
			next += 2
		case n == 2:
			w.write(timeline.Direction(r.IntN(2)), func(f *h2.Framer) error { return f.WritePing(r.IntN(2) == 0, [8]byte{1, 2, 3}) })
		case n == 3 && len(open) > 3:
			i := r.IntN(len(open))
			w.data(client, open[i].id, true, nil)
			w.data(server, open[i].id, true, nil)
			open = append(open[:i], open[i+1:]...)
		default:
			l := open[r.IntN(len(open))]
			dir := timeline.Direction(r.IntN(2))
			was := truth[l.name]
			size := 1 + r.IntN(maxData)
			p := content(l.id, dir, (len(was[dir])+size+7)&^7)[len(was[dir]):][:size]
			was[dir] = append(was[dir], p...)
			truth[l.name] = was
			if r.IntN(4) == 0 {
				w.padded(dir, l.id, p, r.IntN(50))
			} else {
				w.data(dir, l.id, false, p)
			}
		}
	}
	return w, truth
}

// lossy feeds pieces joined and cut into segments, without those that lose
// says, and returns how many were lost.
func lossy(s *Stream, pieces []piece, r *rand.Rand, rate float64) (lost int) {
	at := timeline.Stamp{Packet: 1}
	send := func(dir timeline.Direction, b []byte) {
		at.Packet++
		if r.Float64() < rate {
			lost++
			s.Gap(dir, at, uint64(len(b)))
			return
		}
		s.Data(dir, at, b)
	}
	for _, p := range pieces {
		b := p.b
		for len(b) > 0 {
			n := len(b)
			if r.IntN(3) == 0 {
				n = 1 + r.IntN(n)
			}
			send(p.dir, b[:n])
			b = b[n:]
		}
	}
	return lost
}

// verify holds what every stream heard to the truth: bytes are only at places
// where they were sent, and behind a gap of known length at the one place. It
// returns how many were heard.
func verify(t *testing.T, got *witness, truth map[string][2][]byte) (heard, sent int) {
	t.Helper()
	type where struct {
		who string
		dir timeline.Direction
	}
	place, known := map[where]int{}, map[where]bool{}
	for _, s := range got.story {
		k := where{s.who, s.dir}
		name := s.who
		if id, ok := strings.CutPrefix(name, "#"); ok {
			name = "/ws?n=" + id
		}
		switch {
		case s.what == "gap" && s.n >= timeline.GapUnknown:
			known[k] = false
		case s.what == "gap":
			place[k] += int(s.n)
		case s.what == "data":
			all, ok := truth[name]
			if !ok && name != s.who && strings.Contains("a plain response", string(s.b)) {
				continue // the request is not in the capture: it may be anything
			}
			if !ok {
				t.Fatalf("data of %s, which is no WebSocket: %q", s.who, s.b)
			}
			full, from := all[s.dir], place[k]
			isKnown, seen := known[k]
			if !seen {
				isKnown = !strings.HasPrefix(s.who, "#")
			}
			if !isKnown {
				i := bytes.Index(full[from:], s.b)
				if i < 0 {
					t.Fatalf("%s %s: %d bytes that were never sent: %x", s.who, s.dir, len(s.b), s.b)
				}
				from += i
				isKnown = len(s.b) >= 16 && !bytes.Contains(full[from+1:], s.b)
			} else if from+len(s.b) > len(full) || !bytes.Equal(full[from:from+len(s.b)], s.b) {
				t.Fatalf("%s %s: wrong bytes at %d", s.who, s.dir, from)
			}
			place[k] = from + len(s.b)
			known[k] = isKnown
			heard += len(s.b)
		}
	}
	for _, all := range truth {
		sent += len(all[0]) + len(all[1])
	}
	return heard, sent
}

// verifyHeaders: no field is shown that was not sent, and none in another order.
func verifyHeaders(t *testing.T, got *witness, w *wire) {
	t.Helper()
	for _, h := range got.handshakes {
		if h.Target == "" {
			continue // it cannot be said which one it is
		}
		sent := w.sent[h.Target]
		for dir, shown := range [][]timeline.Header{h.RequestHeaders, h.ResponseHeaders} {
			rest := sent[dir]
			for _, f := range shown {
				i := slices.Index(rest, f)
				if i < 0 {
					t.Fatalf("%s: %q: %q is not in its place in %q", h.Target, f.Name, f.Value, sent[dir])
				}
				rest = rest[i+1:]
			}
		}
	}
}

// TestLoss drops segments at random: never a wrong byte, never a wrong field,
// and most of what was not lost is heard.
func TestLoss(t *testing.T) {
	for _, rate := range []float64{0, 0.0001, 0.001, 0.01, 0.1, 0.5} {
		heard, sent, lost := 0, 0, 0
		for seed := range uint64(30) {
			r := rand.New(rand.NewPCG(seed, 8))
			w, truth := traffic(r, 800)
			got := &witness{}
			s := New(got, timeline.Limits{}, Options{})
			lost += lossy(s, w.pieces, r, rate)
			finish(s, timeline.EndFIN)
			h, n := verify(t, got, truth)
			verifyHeaders(t, got, w)
			heard, sent = heard+h, sent+n
		}
		share := float64(heard) / float64(sent)
		t.Logf("%7.2f %% of segments lost (%d): %.3f %% of the bytes heard", rate*100, lost, share*100)
		if least := 1 - 6*rate; share < least || rate == 0 && share != 1 {
			t.Errorf("too few: want %.3f", least)
		}
	}
}

// TestMidstream starts anywhere: never a wrong byte, and what goes on is heard.
func TestMidstream(t *testing.T) {
	heard, sent := 0, 0
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 9))
		w, truth := traffic(r, 400)
		skip := r.IntN(len(w.pieces) / 2)
		pieces := append([]piece(nil), w.pieces[skip:]...)
		var inside [2]bool
		for i := range pieces { // the first of each direction is cut
			if p := &pieces[i]; !inside[p.dir] {
				inside[p.dir] = true
				p.b = p.b[r.IntN(len(p.b)):]
			}
		}
		got := &witness{}
		s := New(got, timeline.Limits{}, Options{Seek: true})
		lossy(s, pieces, r, 0)
		finish(s, timeline.EndFIN)
		h, n := verify(t, got, truth)
		verifyHeaders(t, got, w)
		heard, sent = heard+h, sent+n*(len(w.pieces)-skip)/len(w.pieces)
	}
	share := float64(heard) / float64(sent)
	t.Logf("about %.1f %% of the bytes behind the start heard", share*100)
	if share < 0.9 {
		t.Error("too few")
	}
}

// TestHeadersUnknown: behind a start in the middle, fields that need the table
// are left out, the others are there.
func TestHeadersUnknown(t *testing.T) {
	w := newWire().start(enabled)
	w.open(1, "/one")
	w.headers(client, 3, false, connect("/x", "origin http://o", "cookie c")...)
	w.headers(server, 3, false, ":status 200")
	w.pieces = nil
	for _, text := range []string{"one", "two"} { // the first only proves the boundary
		w.data(client, 3, false, []byte(text))
		w.data(server, 3, false, []byte(text))
	}
	w.headers(client, 5, false, connect("/new", "origin http://o", "x-new n")...) // :method and :protocol are in the table
	w.headers(server, 5, false, ":status 200")
	w.data(server, 5, false, []byte("five"))
	// An Encoder that was reset: all literal again, but for the scheme.
	w.headers(client, 7, false, append(connect("/seven"), "cookie c")...)
	w.headers(server, 7, false, ":status 404")
	w.data(server, 7, true, []byte("not found"))
	w.data(client, 3, false, []byte("old"))

	got := &witness{}
	s := New(got, timeline.Limits{}, Options{Seek: true})
	play(s, w.pieces, 0)
	finish(s, timeline.EndFIN)
	diff(t, got.lines(), []string{
		"midstream 3 false", `#3 send "two"`, "finding h2/headers-unknown", `#3 receive "two"`,
		"midstream 5 false", `#5 receive "five"`, `#3 send "old"`, "#3 send fin", "#5 send fin", "#3 receive fin", "#5 receive fin",
	})
}

// TestResponseLost: the request is known, its response is not; the first DATA
// of the server asks who wants to hear it.
func TestResponseLost(t *testing.T) {
	build := func() *wire {
		w := newWire().start(enabled)
		w.headers(client, 1, false, connect("/a")...)
		w.headers(server, 1, false, ":status 200", "x y")
		w.data(client, 1, false, []byte("up"))
		w.data(server, 1, false, []byte("s1"))
		w.data(server, 1, false, []byte("s2"))
		w.data(server, 1, false, []byte("s3"))
		w.data(server, 1, false, []byte("s4"))
		return w
	}
	feed := func(got *witness) {
		s := New(got, timeline.Limits{}, Options{})
		w := build()
		n := 0
		for _, p := range w.pieces {
			if p.dir == server {
				if n++; n == 2 { // behind SETTINGS
					s.Gap(p.dir, timeline.Stamp{}, uint64(len(p.b)))
					continue
				}
			}
			s.Data(p.dir, timeline.Stamp{}, p.b)
		}
		finish(s, timeline.EndFIN)
	}
	got := &witness{}
	feed(got)
	diff(t, got.lines(), []string{"midstream 1 true", `/a send "up"`, "/a receive gap ?", `/a receive "s1s2s3s4"`, "/a send fin", "/a receive fin"})

	got = &witness{deaf: true}
	feed(got)
	diff(t, got.lines(), []string{"midstream 1 true", "/a CONNECT 0", "/a send gap ?", "/a receive gap ?", "/a send fin", "/a receive fin"})
}

// TestGapInFrames: where the framing is known, a gap costs only what it hit.
func TestGapInFrames(t *testing.T) {
	w := newWire().start(enabled)
	w.open(1, "/a")
	w.open(3, "/b")
	got := &witness{}
	s := New(got, timeline.Limits{}, Options{})
	play(s, w.pieces, 0)
	w.pieces = nil
	at := timeline.Stamp{}
	w.data(client, 1, false, []byte("0123456789"))
	w.padded(client, 1, []byte("abcdef"), 10)
	w.padded(client, 1, []byte("padded"), 10)
	w.headers(client, 1, true, "trailer t")
	w.data(client, 3, false, []byte("go on"))
	w.headers(client, 5, false, connect("/c")...)
	p := w.pieces
	s.Data(client, at, p[0].b[:12]) // 3 bytes of data
	s.Gap(client, at, 5)
	s.Data(client, at, p[0].b[17:])
	s.Data(client, at, p[1].b[:13]) // padding length and 3 bytes
	s.Gap(client, at, uint64(len(p[1].b)-13))
	s.Data(client, at, p[2].b[:9]) // padding length is lost
	s.Gap(client, at, 2)
	s.Data(client, at, p[2].b[11:])
	s.Data(client, at, p[3].b[:9]) // a header block is lost
	s.Gap(client, at, uint64(len(p[3].b)-9))
	s.Data(client, at, p[4].b)
	s.Data(client, at, p[5].b)
	diff(t, got.lines(), []string{
		"/a CONNECT 200", "/b CONNECT 200",
		`/a send "012"`, "/a send gap 5", `/a send "89abc"`, "/a send gap 3", "/a send gap ?", "/a send fin", `/b send "go on"`,
		"finding h2/headers-unknown",
	})
}

// TestTableAfterBrokenBlock: a block that was not read may have changed the
// table, whatever it was that kept it from being read.
func TestTableAfterBrokenBlock(t *testing.T) {
	for _, tc := range []struct {
		name string
		play func(s *Stream, b []byte)
	}{
		{"a gap", func(s *Stream, b []byte) {
			s.Data(client, timeline.Stamp{}, b[:20])
			s.Gap(client, timeline.Stamp{}, 5)
			s.Data(client, timeline.Stamp{}, b[25:])
		}},
		{"a limit", func(s *Stream, b []byte) {
			s.limits.Head = 20
			s.Data(client, timeline.Stamp{}, b)
			s.limits.Head = 10000
		}},
		{"no end, and the next", func(s *Stream, b []byte) {
			b[4] &^= flagEndHeaders
			s.Data(client, timeline.Stamp{}, b)
		}},
		{"the end only", func(s *Stream, b []byte) {
			b[3], b[4] = typeContinuation, flagEndHeaders
			s.Data(client, timeline.Stamp{}, b)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWire().start(enabled)
			w.never = true
			w.headers(client, 1, true, ":method GET", ":path /", "a 1", "b 2")
			got := &witness{}
			s := New(got, timeline.Limits{}, Options{})
			play(s, w.pieces, 0)
			w.pieces = nil
			w.headers(client, 3, true, ":method GET", ":path /", "c 3", "d 4")
			tc.play(s, bytes.Clone(w.pieces[0].b))
			w.pieces = nil
			w.headers(client, 5, false, connect("/a", "a 1", "e 5")...)
			w.headers(client, 7, false, connect("/b", "b 2", "e 5")...)
			play(s, w.pieces, 0)
			finish(s, timeline.EndOpen)
			verifyHeaders(t, got, w)
			if len(got.handshakes) != 2 {
				t.Fatalf("%d handshakes", len(got.handshakes))
			}
			if v, _ := timeline.Get(got.handshakes[1].RequestHeaders, "e"); v != "5" {
				t.Errorf("what came into the table behind it is not known")
			}
		})
	}
}

// TestPlainAfterLoss: nobody is asked about requests that were seen.
func TestPlainAfterLoss(t *testing.T) {
	w := newWire().start(enabled)
	w.open(1, "/a")
	w.headers(client, 3, true, ":method GET", ":scheme http", ":path /old", ":authority a")
	got := &witness{}
	s := New(got, timeline.Limits{}, Options{})
	play(s, w.pieces, 0)
	s.Gap(client, timeline.Stamp{}, 10)
	w.pieces = nil
	for id := uint32(7); id < 13; id += 2 {
		w.headers(client, id, true, ":method GET", ":scheme http", ":path /new", ":authority a")
	}
	for id := uint32(3); id < 13; id += 2 { // 5 was opened in the gap
		w.data(server, id, true, []byte("body"))
	}
	play(s, w.pieces, 0)
	diff(t, got.lines(), []string{"/a CONNECT 200", "/a send gap ?", "midstream 5 false", `#5 receive "body"`, "#5 receive fin"})
}

// TestGapBehindUnreadableResponse: the place of the server's DATA is known
// until some of it is missing.
func TestGapBehindUnreadableResponse(t *testing.T) {
	for _, gap := range []bool{false, true} {
		w := newWire().start(enabled)
		w.headers(client, 1, false, connect("/a")...)
		got := &witness{}
		s := New(got, timeline.Limits{}, Options{})
		play(s, w.pieces, 0)
		w.pieces = nil
		w.headers(server, 1, false, ":status 200")
		w.data(server, 1, false, []byte("0123"))
		w.data(server, 1, false, []byte("4567"))
		p := w.pieces
		s.Data(server, timeline.Stamp{}, p[0].b[:9])
		s.Gap(server, timeline.Stamp{}, uint64(len(p[0].b)-9))
		want := []string{"finding h2/headers-unknown", "midstream 1 true", `/a receive "01234567"`}
		if gap {
			s.Data(server, timeline.Stamp{}, p[1].b[:9])
			s.Gap(server, timeline.Stamp{}, 4)
			want = []string{want[0], want[1], "/a receive gap ?", `/a receive "4567"`}
		} else {
			s.Data(server, timeline.Stamp{}, p[1].b)
		}
		s.Data(server, timeline.Stamp{}, p[2].b)
		diff(t, got.lines(), want)
	}
}
