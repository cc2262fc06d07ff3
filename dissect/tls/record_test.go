package tls

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/wsdump/wsdump/timeline"
)

// piece is what one read of a relay gave.
type piece struct {
	dir timeline.Direction
	b   []byte
}

// recording is a connection as an observer saw it, and what its ends said.
type recording struct {
	pieces []piece
	log    []byte    // key log
	want   [2][]byte // plaintext
}

// relay records one connection to a server at address. wait returns when it is
// over.
func relay(t testing.TB, address string) (at string, wait func() []piece) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var pieces []piece
	done := make(chan struct{})
	go func() {
		defer close(done)
		client, err := l.Accept()
		l.Close()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", address)
		if err != nil {
			client.Close()
			return
		}
		var both sync.WaitGroup
		pump := func(dir timeline.Direction, from, to net.Conn) {
			defer both.Done()
			b := make([]byte, 32<<10)
			for {
				n, err := from.Read(b)
				if n > 0 {
					mu.Lock()
					pieces = append(pieces, piece{dir, bytes.Clone(b[:n])})
					mu.Unlock()
					to.Write(b[:n])
				}
				if err != nil {
					to.(*net.TCPConn).CloseWrite()
					return
				}
			}
		}
		both.Add(2)
		go pump(timeline.ClientToServer, client, server)
		go pump(timeline.ServerToClient, server, client)
		both.Wait()
		client.Close()
		server.Close()
	}()
	t.Cleanup(func() { l.Close() })
	return l.Addr().String(), func() []piece { <-done; mu.Lock(); defer mu.Unlock(); return pieces }
}

// heard is the handler and the layer above: it notes what it is told.
type heard struct {
	idle     bool
	info     *Info
	b        [2][]byte
	parts    [2][]part // b with its gaps
	order    []timeline.Direction
	gaps     [2]uint64
	ends     [2]int
	started  int
	reason   *Reason
	findings []string
	details  []string
}

type part struct {
	gap  bool
	text []byte
}

func (h *heard) Plaintext(i *Info) timeline.Stream {
	h.started++
	h.info = i
	return h
}

func (h *heard) AnsweredPlain(timeline.Stamp, string) {}
func (h *heard) Undecipherable(i *Info, why Reason) {
	if h.reason != nil || h.started > 0 {
		panic("Undecipherable said twice, or after Plaintext")
	}
	h.info, h.reason = i, &why
}

func (h *heard) Finding(f *timeline.Finding) {
	h.findings = append(h.findings, f.Rule.ID)
	h.details = append(h.details, f.Detail)
}

func (h *heard) Data(dir timeline.Direction, _ timeline.Stamp, b []byte) {
	if h.ends[dir] > 0 || len(b) == 0 {
		panic("data after the end, or none")
	}
	h.b[dir] = append(h.b[dir], b...)
	h.order = append(h.order, dir)
	if n := len(h.parts[dir]); n > 0 && !h.parts[dir][n-1].gap {
		h.parts[dir][n-1].text = append(h.parts[dir][n-1].text, b...)
		return
	}
	h.parts[dir] = append(h.parts[dir], part{text: bytes.Clone(b)})
}

func (h *heard) Gap(dir timeline.Direction, _ timeline.Stamp, n uint64) {
	if n == 0 || h.ends[dir] > 0 {
		panic("empty gap, or after the end")
	}
	h.gaps[dir] += n
	h.parts[dir] = append(h.parts[dir], part{gap: true})
}

func (h *heard) End(dir timeline.Direction, _ timeline.Stamp, _ timeline.End) {
	if h.ends[dir]++; h.ends[dir] > 1 {
		panic("two ends")
	}
}

func keysOf(t testing.TB, log []byte) *Keys {
	t.Helper()
	k := new(Keys)
	n, problems := k.AddLog(log)
	if n != len(log) || len(problems) > 0 {
		t.Fatalf("key log: used %d of %d, problems %q", n, len(log), problems)
	}
	return k
}

// play feeds pieces to a new stream and ends it. The bytes are poisoned after
// use: the stream must not keep them.
func play(k *Keys, pieces []piece) *heard {
	h := new(heard)
	s := New(h, k)
	for i, p := range pieces {
		b := bytes.Clone(p.b)
		s.Data(p.dir, timeline.Stamp{Packet: uint64(i + 1)}, b)
		if !bytes.Equal(b, p.b) {
			panic("borrowed bytes were written to")
		}
		for i := range b {
			b[i] = 0xee
		}
	}
	finish(s)
	h.info, h.idle = s.Info(), s.Idle()
	return h
}

func finish(s *Stream) {
	at := timeline.Stamp{Packet: 1 << 30}
	s.End(0, at, timeline.EndFIN)
	s.End(1, at, timeline.EndFIN)
	before := s.keys.complete
	s.keys.complete = true // no more keys come
	s.Retry()
	s.keys.complete = before
	if len(s.queue) > 0 || s.queued != 0 {
		panic(fmt.Sprintf("%d events left, %d bytes", len(s.queue), s.queued))
	}
}

// check plays r whole and in many splits, and wants its plaintext.
func (r *recording) check(t *testing.T, keys func() *Keys) *heard {
	t.Helper()
	h := play(keys(), r.pieces)
	r.equal(t, "whole", h)
	rng := rand.New(rand.NewPCG(1, 2))
	for _, most := range []int{1, 7, 100, 5000} {
		var pieces []piece
		for _, p := range r.pieces {
			for b := p.b; len(b) > 0; {
				n := min(len(b), 1+rng.IntN(most))
				pieces = append(pieces, piece{p.dir, b[:n]})
				b = b[n:]
			}
		}
		r.equal(t, fmt.Sprintf("split to %d", most), play(keys(), pieces))
	}
	// Keys that come last.
	late := new(Keys)
	h2 := new(heard)
	s := New(h2, late)
	for _, p := range r.pieces {
		s.Data(p.dir, timeline.Stamp{}, p.b)
	}
	if total := len(r.want[0]) + len(r.want[1]); total < heldBytes/2 {
		if !s.Waiting() {
			t.Error("nothing waits for keys")
		}
		given := keys()
		late.sessions, late.order, late.private, late.resumed, late.bySession = given.sessions, given.order, given.private, given.resumed, given.bySession
		late.version++
		s.Retry()
		finish(s)
		r.equal(t, "late keys", h2)
		if late.held != 0 {
			t.Errorf("%d bytes held at the end", late.held)
		}
	}
	return h
}

func (r *recording) equal(t *testing.T, how string, h *heard) {
	t.Helper()
	if h.reason != nil {
		t.Fatalf("%s: %s", how, h.reason)
	}
	if len(h.findings) > 0 || h.gaps != [2]uint64{} {
		t.Errorf("%s: findings %q %q, gaps %d", how, h.findings, h.details, h.gaps)
	}
	for dir := range r.want {
		if !bytes.Equal(h.b[dir], r.want[dir]) {
			t.Fatalf("%s: direction %d: %d bytes, want %d\n got %.200q\nwant %.200q", how, dir, len(h.b[dir]), len(r.want[dir]), h.b[dir], r.want[dir])
		}
	}
	if len(r.want[0])+len(r.want[1]) > 0 && h.ends != [2]int{1, 1} {
		t.Errorf("%s: ends %d", how, h.ends)
	}
}

// lossy feeds r with holes: each is cut out of the bytes of one direction at a
// random place.
func (r *recording) lossy(k *Keys, rng *rand.Rand, holes, size int) (h *heard, lost int) {
	h = new(heard)
	s := New(h, k)
	type hole struct{ from, to int }
	var cut [2][]hole
	var total, pos [2]int
	for _, p := range r.pieces {
		total[p.dir] += len(p.b)
	}
	for range holes {
		dir := rng.IntN(2)
		from := rng.IntN(total[dir])
		cut[dir] = append(cut[dir], hole{from, min(total[dir], from+1+rng.IntN(size))})
	}
	for _, p := range r.pieces {
		gone := func(i int) bool {
			return slices.ContainsFunc(cut[p.dir], func(c hole) bool { return i >= c.from && i < c.to })
		}
		for i := 0; i < len(p.b); {
			j, is := i, gone(pos[p.dir]+i)
			for j < len(p.b) && gone(pos[p.dir]+j) == is {
				j++
			}
			if is {
				s.Gap(p.dir, timeline.Stamp{}, uint64(j-i))
				lost += j - i
			} else {
				s.Data(p.dir, timeline.Stamp{}, p.b[i:j])
			}
			i = j
		}
		pos[p.dir] += len(p.b)
	}
	finish(s)
	return h, lost
}

// within fails unless the parts of a direction stand in the plaintext in their
// order, without overlap, and each hole between them was told; so was one at the
// end, if the recording was played to its end (whole).
func (r *recording) within(t *testing.T, h *heard, whole bool) (delivered int) {
	t.Helper()
	for dir := range h.parts {
		rest := r.want[dir]
		afterGap := false
		for i, p := range h.parts[dir] {
			if p.gap {
				afterGap = true
				continue
			}
			at := bytes.Index(rest, p.text)
			if at < 0 || at > 0 && !afterGap {
				t.Fatalf("direction %d: part %d (%d bytes, %.60q) is not in the plaintext where it should be: %d; %q", dir, i, len(p.text), p.text, at, h.details)
			}
			rest = rest[at+len(p.text):]
			delivered += len(p.text)
			afterGap = false
		}
		if whole && len(rest) > 0 && !afterGap && len(h.parts[dir]) > 0 {
			t.Fatalf("direction %d: %d bytes missing at the end, and no gap told", dir, len(rest))
		}
	}
	return delivered
}

// text returns n bytes that do not repeat.
func text(seed uint64, n int) []byte {
	rng := rand.New(rand.NewPCG(seed, 0))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('!' + rng.IntN(90))
	}
	return b
}

// holes plays r with holes of all sizes and wants nothing wrong.
func (r *recording) holes(t *testing.T, keys func() *Keys, runs int) {
	t.Helper()
	rng := rand.New(rand.NewPCG(5, 6))
	delivered, some := 0, 0
	for i := range runs {
		h, _ := r.lossy(keys(), rng, 1+i%3, []int{3, 200, 3000, 30000}[i%4])
		n := r.within(t, h, true)
		if delivered += n; n > 0 {
			some++
		}
	}
	t.Logf("with holes: %d of %d runs gave text, %d bytes a run of %d", some, runs, delivered/runs, len(r.want[0])+len(r.want[1]))
}
