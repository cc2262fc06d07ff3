package http1

import (
	"fmt"
	"testing"

	"github.com/wsdump/wsdump/timeline"
)

// handler writes down what it is told.
type handler struct {
	events []string
	next   *listener
}

type listener struct {
	timeline.Deaf
	got  [2][]byte
	gaps [2]uint64
}

func (l *listener) Data(d timeline.Direction, _ timeline.Stamp, b []byte) {
	l.got[d] = append(l.got[d], b...)
}
func (l *listener) Gap(d timeline.Direction, _ timeline.Stamp, n uint64) { l.gaps[d] += n }

func (h *handler) Handshake(hs *timeline.Handshake) timeline.Stream {
	h.events = append(h.events, fmt.Sprintf("%s %s %d", hs.Method, hs.Target, hs.Status))
	if hs.Status != 101 {
		return nil
	}
	h.next = &listener{}
	return h.next
}

func (h *handler) Tunnel(p string) timeline.Stream {
	h.events = append(h.events, "tunnel "+p)
	h.next = &listener{}
	return h.next
}
func (h *handler) NotHTTP(timeline.Stamp, []byte)    {}
func (h *handler) EarlyData(_ timeline.Stamp, n int) { h.events = append(h.events, "early") }
func (h *handler) Limit(_ timeline.Direction, _ timeline.Stamp, what string, _ int) {
	h.events = append(h.events, "limit "+what)
}
func (h *handler) Finding(*timeline.Finding) {}

const (
	upgrade = "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
	accept  = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)

func TestGapsAndLimits(t *testing.T) {
	const c, s = timeline.ClientToServer, timeline.ServerToClient
	var at timeline.Stamp
	for _, tc := range []struct {
		name string
		play func(*Stream)
		want []string
	}{
		{"a gap inside a body of known length", func(x *Stream) {
			x.Data(c, at, []byte("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nab"))
			x.Gap(c, at, 8)
			x.Data(c, at, []byte(upgrade))
			x.Data(s, at, []byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"+accept))
		}, []string{"GET /chat 101"}},
		{"a gap over heads: found again where a segment begins", func(x *Stream) {
			x.Data(c, at, []byte("GET /a HTT"))
			x.Gap(c, at, 100)
			x.Data(c, at, []byte("ery: x\r\n\r\n"))
			x.Data(c, at, []byte(upgrade))
			x.Gap(s, at, 1000)
			x.Data(s, at, []byte("some body"))
			x.Data(s, at, []byte(accept))
		}, []string{"GET /chat 101"}},
		{"a head without end", func(x *Stream) {
			for range 100 {
				x.Data(c, at, []byte("GET / HTTP/1.1\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"))
			}
		}, []string{"limit head of an HTTP message"}},
		{"other upgrades and CONNECT", func(x *Stream) {
			x.Data(c, at, []byte("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n"))
			x.Data(c, at, []byte("inside"))
			x.Data(s, at, []byte("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nanswer"))
		}, []string{"tunnel ", "early?"}},
		{"101 without its request", func(x *Stream) {
			x.Data(s, at, []byte(accept+"\x81\x01x"))
			x.End(c, at, timeline.EndOpen)
		}, []string{"  101"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := &handler{}
			tc.play(New(h, timeline.Limits{Head: 2000}, false))
			for i, want := range tc.want {
				if want == "early?" {
					if got := string(h.next.got[c]) + "|" + string(h.next.got[s]); got != "inside|answer" {
						t.Errorf("the tunnel heard %q", got)
					}
					continue
				}
				if i >= len(h.events) || h.events[i] != want {
					t.Fatalf("got %q, want %q", h.events, tc.want)
				}
			}
		})
	}
}

// TestHeldLimit: a client that floods behind its upgrade request costs a
// bounded amount, and the frames behind the hole are not passed off as known.
func TestHeldLimit(t *testing.T) {
	h := &handler{}
	x := New(h, timeline.Limits{Held: 1000}, false)
	x.Data(timeline.ClientToServer, timeline.Stamp{}, []byte(upgrade))
	for range 100 {
		x.Data(timeline.ClientToServer, timeline.Stamp{}, make([]byte, 300))
	}
	x.Data(timeline.ServerToClient, timeline.Stamp{}, []byte(accept))
	if got, gap := len(h.next.got[0]), h.next.gaps[0]; uint64(got)+gap != 30000 || got > 1000 {
		t.Errorf("%d bytes held and %d missing, want at most 1000 and 30000 in all", got, gap)
	}
}

// FuzzStream: no input makes the layer panic or tell another story in other
// pieces.
func FuzzStream(f *testing.F) {
	f.Add([]byte(upgrade+"\x81\x85\x01\x02\x03\x04abcde"), []byte(accept+"\x81\x01x"), uint8(5))
	f.Add([]byte("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"+upgrade), []byte("HTTP/1.1 404 No\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 401\r\n\r\n"), uint8(1))
	f.Fuzz(func(t *testing.T, client, server []byte, piece uint8) {
		play := func(n int) ([]string, string) {
			h := &handler{}
			x := New(h, timeline.Limits{Head: 4 << 10, Held: 1 << 20}, false)
			for dir, b := range [][]byte{client, server} {
				for len(b) > 0 {
					k := min(n, len(b))
					x.Data(timeline.Direction(dir), timeline.Stamp{}, b[:k])
					b = b[k:]
				}
			}
			x.End(timeline.ClientToServer, timeline.Stamp{}, timeline.EndFIN)
			x.End(timeline.ServerToClient, timeline.Stamp{}, timeline.EndFIN)
			if h.next == nil {
				return h.events, ""
			}
			return h.events, string(h.next.got[0]) + "|" + string(h.next.got[1])
		}
		// Behind a message that makes no sense, the next is looked for where a
		// segment begins: only there do pieces matter.
		if events, got := play(1 << 20); len(events) > 0 && events[0][0] != ' ' {
			split, same := play(int(piece) + 1)
			if len(split) > 0 && split[0] == events[0] && len(split) == len(events) && got != same {
				t.Fatalf("pieces of %d: the next layer heard %q, whole %q", int(piece)+1, same, got)
			}
		}
	})
}
