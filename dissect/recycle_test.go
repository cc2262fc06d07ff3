package dissect

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wsdump/wsdump/timeline"
)

// ledger is a sink that writes down all that it is told, for each connection apart
// and without its number.
type ledger struct {
	lines map[uint64][]string // by the ID of the transport
	ids   uint64
	over  map[*timeline.Conn]string
}

func newLedger() *ledger {
	return &ledger{lines: make(map[uint64][]string), over: make(map[*timeline.Conn]string)}
}

// conn is all of c but its number.
func (l *ledger) conn(c *timeline.Conn) string {
	plain := *c
	plain.ID, plain.Transport, plain.Handshake = 0, nil, nil
	return fmt.Sprintf("%+v %+v %+v", plain, *c.Transport, *c.Handshake)
}

func (l *ledger) add(c *timeline.Conn, format string, a ...any) {
	id := c.Transport.ID
	l.lines[id] = append(l.lines[id], fmt.Sprintf(format, a...))
}

func (*ledger) Needs(*timeline.Conn) timeline.Needs {
	return timeline.Needs{Payload: true, Frames: true}
}
func (l *ledger) Begin(timeline.Stamp) {}
func (l *ledger) Open(c *timeline.Conn) {
	l.ids++
	c.ID = l.ids
	l.add(c, "open %s", l.conn(c))
}

func (l *ledger) Frame(f *timeline.Frame) {
	plain := *f
	plain.Conn = nil
	l.add(f.Conn, "frame %+v", plain)
}

func (l *ledger) Message(m *timeline.Message) {
	plain := *m
	plain.Conn = nil
	l.add(m.Conn, "message %+v", plain)
}

func (l *ledger) Finding(f *timeline.Finding) {
	if f.Conn != nil {
		plain := *f
		plain.Conn, plain.Rule = nil, nil
		l.add(f.Conn, "finding %s %+v", f.Rule.ID, plain)
	}
}

func (l *ledger) Close(c *timeline.Conn, at timeline.Stamp) {
	l.over[c] = l.conn(c)
	l.add(c, "close %v %s", at, l.over[c])
}

func (l *ledger) Other(o *timeline.Other) {
	plain := *o
	plain.Transport = nil
	l.lines[o.Transport.ID] = append(l.lines[o.Transport.ID], fmt.Sprintf("other %+v", plain))
}
func (l *ledger) Done(*timeline.Totals) {}

// step is what one transport does at one time.
type step struct {
	transport uint64
	at        timeline.Stamp
	dir       timeline.Direction
	data      string
	gap       uint64
	end       timeline.End
	ends      bool
}

// transportSteps makes up what one transport does from a time on: most are one
// WebSocket, others are something else, are cut, or end in odd ways.
func transportSteps(r *rand.Rand, id uint64, now int64) (steps []step) {
	add := func(s step) {
		now += r.Int64N(int64(3 * time.Millisecond))
		if r.IntN(40) == 0 {
			now += int64(12 * time.Second) // pings get their deadline
		}
		s.transport, s.at = id, timeline.Stamp{Time: now}
		steps = append(steps, s)
	}
	say := func(dir timeline.Direction, text string) { add(step{dir: dir, data: text}) }
	extension, status := "", "101 Switching Protocols"
	if r.IntN(4) == 0 {
		extension = "Sec-WebSocket-Extensions: permessage-deflate\r\n"
	}
	if r.IntN(8) == 0 {
		say(send, "GET /page HTTP/1.1\r\nHost: a\r\n\r\n")
		say(receive, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	}
	if r.IntN(10) == 0 {
		say(send, "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n")
		say(receive, "HTTP/1.1 200 OK\r\n\r\n")
	}
	if r.IntN(10) == 0 {
		status = "401 Unauthorized"
	}
	for again := true; again; {
		say(send, fmt.Sprintf("GET /%d HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n%sSec-WebSocket-Key: %d\r\n\r\n", id, extension, id))
		say(receive, "HTTP/1.1 "+status+"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n"+extension+"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
		again = strings.HasPrefix(status, "4") && r.IntN(2) == 0
		status = "101 Switching Protocols"
	}
	for range r.IntN(8) {
		dir, frame := send, clientText(strings.Repeat("m", 1+r.IntN(100)))
		if r.IntN(2) == 0 {
			dir, frame = receive, serverText(strings.Repeat("s", 1+r.IntN(100)))
		}
		switch r.IntN(12) {
		case 0:
			frame = frame[:len(frame)/2]
		case 1:
			frame = string([]byte{0x89, 1, byte(id)}) // a ping, of the server if it is well made
			dir = receive
		case 2:
			add(step{dir: dir, gap: uint64(1 + r.IntN(50))})
		case 3:
			frame = string([]byte{0xc1, 5, 0xf2, 0x48, 0xcd, 0xc9, 0x07}) // "Hello" deflated, but for its end
			dir = receive
		}
		say(dir, frame)
	}
	why := []timeline.End{timeline.EndFIN, timeline.EndReset, timeline.EndOpen, timeline.EndTimeout}[r.IntN(4)]
	add(step{dir: send, ends: true, end: why})
	add(step{dir: receive, ends: true, end: why})
	return steps
}

// play lets a Dissector hear the steps, which are in the order of their times.
func play(to *ledger, steps []step, opt Options) *Dissector {
	d := New(to, opt)
	streams := make(map[uint64]timeline.Stream)
	ended := make(map[uint64]int)
	for _, s := range steps {
		for d.Due() <= s.at.Time {
			d.Advance(d.Due())
		}
		stream := streams[s.transport]
		if stream == nil {
			n := uint32(s.transport)
			stream = d.Open(&timeline.Transport{
				ID: s.transport, Client: netip.MustParseAddrPort("10.0.0.1:5"), Server: netip.MustParseAddrPort("10.0.0.2:80"),
				ISN: [2]uint32{n, n}, HasISN: [2]bool{true, n%3 > 0},
			})
			streams[s.transport] = stream
		}
		switch {
		case s.gap > 0:
			stream.Gap(s.dir, s.at, s.gap)
		case !s.ends:
			stream.Data(s.dir, s.at, []byte(s.data))
		default:
			stream.End(s.dir, s.at, s.end)
			if ended[s.transport]++; ended[s.transport] == 2 {
				stream.(timeline.Released).Released()
			}
		}
	}
	return d
}

// TestRecycle: what is used again for another transport has nothing left of the one
// before. Many that overlap are told as each is alone, by a Dissector of its own.
func TestRecycle(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var all []step
	alone := newLedger()
	for id := range uint64(3000) {
		steps := transportSteps(r, id+1, int64(id)*int64(5*time.Millisecond))
		play(alone, steps, Options{})
		all = append(all, steps...)
	}
	slices.SortStableFunc(all, func(a, b step) int { return int(a.at.Time - b.at.Time) })
	for _, forgets := range []bool{false, true} {
		together := newLedger()
		d := play(together, all, Options{Forgets: forgets})
		for id, want := range alone.lines {
			if got := together.lines[id]; !slices.Equal(got, want) {
				t.Fatalf("transport %d, %v:\n%s\nalone:\n%s", id, forgets, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
		if len(d.free) < 10 || len(d.conns) < 10 == forgets {
			t.Errorf("%v: %d accounts and %d connections to be used again", forgets, len(d.free), len(d.conns))
		}
		for c, then := range together.over {
			if forgets {
				break
			}
			if now := together.conn(c); now != then {
				t.Fatalf("a connection changed after its end\n%s\nwas\n%s", now, then)
			}
		}
	}
}

// TestRecycleShown: a connection that was shown may still be seen as a copy for a
// while, also when it has ended. Until then, and while a copy listens to it, nothing of
// it is used again.
func TestRecycleShown(t *testing.T) {
	to := newLedger()
	d := New(to, Options{})
	now := timeline.Stamp{Time: 1}
	open := func(id uint64, isn uint32) timeline.Stream {
		return d.Open(&timeline.Transport{
			ID: id, Client: netip.MustParseAddrPort("10.0.0.1:5"), Server: netip.MustParseAddrPort("10.0.0.2:80"),
			ISN: [2]uint32{isn, isn}, HasISN: [2]bool{true, true},
		})
	}
	request := func(s timeline.Stream) {
		s.Data(send, now, []byte("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\n\r\n"))
	}
	accept := func(s timeline.Stream, more string) {
		s.Data(receive, now, []byte("HTTP/1.1 101 Switching Protocols\r\n\r\n"+more))
	}
	ends := func(s timeline.Stream) {
		s.End(send, now, timeline.EndFIN)
		s.End(receive, now, timeline.EndFIN)
		s.(timeline.Released).Released()
	}
	said := serverText("hi")
	copied, shown := open(1, 7), open(2, 7)
	request(copied)
	request(shown)
	accept(shown, said)
	ends(shown)
	other := open(3, 8) // in the account of the shown one, if that were free
	request(other)
	accept(other, serverText("of another"))
	accept(copied, said)
	other.Data(receive, now, []byte(serverText("more of another")))
	ends(copied)
	ends(other)
	if len(to.lines[1]) != 0 {
		t.Errorf("the copy is shown: %q", to.lines[1])
	}
	if len(d.free) != 0 {
		t.Errorf("%d accounts are used again at once", len(d.free))
	}
	now.Time += 2 * int64(copyMemory)
	last := open(4, 9)
	request(last)
	accept(last, "")
	if len(d.free) != 1 {
		t.Errorf("%d accounts may be used again, want that of the one that no copy listens to", len(d.free))
	}
}

// TestRecycleAfterAttempt: what was an attempt before it became a WebSocket may be seen
// again as either; it is not used again when the first of the two is forgotten.
func TestRecycleAfterAttempt(t *testing.T) {
	d := New(newLedger(), Options{})
	now := timeline.Stamp{Time: 1}
	open := func(id uint64) timeline.Stream {
		return d.Open(&timeline.Transport{
			ID: id, Client: netip.MustParseAddrPort("10.0.0.1:5"), Server: netip.MustParseAddrPort("10.0.0.2:80"),
			ISN: [2]uint32{uint32(id), 1}, HasISN: [2]bool{true, true},
		})
	}
	try := func(s timeline.Stream, status string) {
		s.Data(send, now, []byte("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\n\r\n"))
		s.Data(receive, now, []byte("HTTP/1.1 "+status+"\r\nContent-Length: 0\r\n\r\n"))
	}
	first := open(1)
	try(first, "401 Unauthorized")
	now.Time += int64(copyMemory) * 3 / 4
	try(first, "101 Switching Protocols")
	first.End(send, now, timeline.EndFIN)
	first.End(receive, now, timeline.EndFIN)
	first.(timeline.Released).Released()
	now.Time += int64(copyMemory) / 2
	try(open(2), "101 Switching Protocols")
	if n := len(d.shown.byISN); n != 2 {
		t.Fatalf("%d connections may be seen again, want the latest two", n)
	}
	if len(d.free) != 0 {
		t.Error("an account is used again that is known by its second handshake")
	}
}
