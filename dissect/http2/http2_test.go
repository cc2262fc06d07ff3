package http2

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	h2 "golang.org/x/net/http2"

	"github.com/wsdump/wsdump/timeline"
)

func TestStory(t *testing.T) {
	for _, tc := range []struct {
		name string
		o    Options
		play func(*wire)
		why  timeline.End
		want []string
	}{
		{name: "one WebSocket, ended by both", play: func(w *wire) {
			w.start(enabled)
			w.open(1, "/chat?x=1")
			w.data(client, 1, false, []byte("hello"))
			w.data(server, 1, false, []byte("hi"))
			w.data(client, 1, true, nil)
			w.data(server, 1, true, []byte("bye"))
		}, why: timeline.EndFIN, want: []string{
			"/chat?x=1 CONNECT 200", `/chat?x=1 send "hello"`, `/chat?x=1 receive "hi"`,
			"/chat?x=1 send fin", `/chat?x=1 receive "bye"`, "/chat?x=1 receive fin",
		}},
		{name: "two at once, between plain requests, with a frame over two DATA frames", play: func(w *wire) {
			w.start(enabled)
			w.headers(client, 1, true, ":method GET", ":scheme http", ":path /", ":authority a.example", "cookie secret")
			w.headers(client, 3, false, connect("/a")...)
			w.headers(client, 5, false, connect("/b", "cookie secret")...)
			w.headers(server, 1, false, ":status 200", "content-type text/html")
			w.data(server, 1, false, []byte("<html>"))
			w.headers(server, 5, false, ":status 200")
			w.data(client, 5, false, []byte("b1"))
			w.headers(server, 3, false, ":status 201", "x y")
			w.data(client, 3, false, []byte("a1"))
			w.data(client, 5, false, []byte("b2"))
			w.data(server, 1, true, []byte("</html>"))
		}, why: timeline.EndTimeout, want: []string{
			"/b CONNECT 200", `/b send "b1"`, "/a CONNECT 201", `/a send "a1"`, `/b send "b2"`,
			"/a send timeout", "/b send timeout", "/a receive timeout", "/b receive timeout",
		}},
		{name: "padding, priority, CONTINUATION, interim responses, trailers, other frames", play: func(w *wire) {
			w.start(h2.Setting{ID: h2.SettingHeaderTableSize, Val: 0}, enabled)
			block := w.encode(client, connect("/p", "x-long "+strings.Repeat("y", 300))...)
			w.write(client, func(f *h2.Framer) error {
				return f.WriteHeaders(h2.HeadersFrameParam{
					StreamID: 1, BlockFragment: block[:7], PadLength: 30,
					Priority: h2.PriorityParam{StreamDep: 0, Weight: 10},
				})
			})
			w.write(client, func(f *h2.Framer) error { return f.WriteContinuation(1, false, block[7:9]) })
			w.write(client, func(f *h2.Framer) error { return f.WriteContinuation(1, false, nil) })
			w.write(client, func(f *h2.Framer) error { return f.WriteContinuation(1, true, block[9:]) })
			w.write(client, func(f *h2.Framer) error { return f.WritePriority(1, h2.PriorityParam{Weight: 3}) })
			w.write(client, func(f *h2.Framer) error { return f.WriteRawFrame(0xee, 0xff, 1, []byte("unknown type")) })
			w.headers(server, 1, false, ":status 103", "link </a.css>")
			promise := w.encode(server, ":method GET", ":scheme http", ":path /pushed", ":authority a.example")
			w.write(server, func(f *h2.Framer) error {
				return f.WritePushPromise(h2.PushPromiseParam{StreamID: 1, PromiseID: 2, BlockFragment: promise, EndHeaders: true, PadLength: 3})
			})
			w.headers(server, 1, false, ":status 200", "x-path /pushed")
			w.write(server, func(f *h2.Framer) error { return f.WritePing(false, [8]byte{1}) })
			w.write(server, func(f *h2.Framer) error { return f.WriteWindowUpdate(1, 1000) })
			w.padded(server, 1, []byte("padded"), 255)
			w.padded(server, 1, nil, 9)
			w.padded(client, 1, []byte("x"), 0)
			w.headers(server, 1, true, "trailer t")
		}, why: timeline.EndReset, want: []string{
			"/p CONNECT 200", `/p receive "padded"`, `/p send "x"`, "/p receive fin", "/p send reset",
		}},
		{name: "DATA behind END_STREAM and RST_STREAM", play: func(w *wire) {
			w.start(enabled)
			w.open(1, "/a")
			w.data(client, 1, true, []byte("last"))
			w.data(client, 1, true, []byte("more"))
			w.write(server, func(f *h2.Framer) error { return f.WriteRSTStream(1, h2.ErrCodeCancel) })
			w.data(server, 1, true, []byte("more"))
			w.write(server, func(f *h2.Framer) error { return f.WriteRSTStream(1, h2.ErrCodeCancel) })
		}, why: timeline.EndFIN, want: []string{"/a CONNECT 200", `/a send "last"`, "/a send fin", "/a receive reset"}},
		{name: "refused, reset, unanswered", play: func(w *wire) {
			w.start(enabled)
			w.headers(client, 1, false, connect("/no")...)
			w.headers(server, 1, false, ":status 403", "content-length 2")
			w.data(server, 1, true, []byte("no"))
			w.write(client, func(f *h2.Framer) error { return f.WriteRSTStream(1, h2.ErrCodeCancel) })
			w.headers(client, 3, false, connect("/gone")...)
			w.data(client, 3, false, []byte("early"))
			w.write(server, func(f *h2.Framer) error { return f.WriteRSTStream(3, h2.ErrCodeRefusedStream) })
			w.headers(client, 5, false, connect("/open")...)
		}, why: timeline.EndOpen, want: []string{
			"/no CONNECT 403", `/no receive "no"`, "/no receive fin", "/no send reset",
			"/gone CONNECT 0", "/gone finding h2/connect-reset", `/gone send "early"`, "/gone receive reset", "/gone send reset",
			"/open CONNECT 0", "/open send open", "/open receive open",
		}},
		{name: "early data", play: func(w *wire) {
			w.start(enabled)
			w.headers(client, 1, false, connect("/e")...)
			w.data(client, 1, false, []byte("one"))
			w.data(client, 1, true, []byte("two"))
			w.headers(server, 1, false, ":status 200")
			w.data(server, 1, false, []byte("three"))
		}, why: timeline.EndFIN, want: []string{
			"/e CONNECT 200", "early 6", `/e send "onetwo"`, "/e send fin", `/e receive "three"`, "/e receive fin",
		}},
		{name: "GOAWAY disowns what is above its stream", play: func(w *wire) {
			w.start(enabled)
			w.open(1, "/1")
			w.open(3, "/3")
			w.headers(client, 5, false, connect("/5")...)
			w.write(server, func(f *h2.Framer) error { return f.WriteGoAway(1<<31-1, h2.ErrCodeNo, nil) })
			w.write(server, func(f *h2.Framer) error { return f.WriteGoAway(1, h2.ErrCodeNo, []byte("debug data")) })
			w.data(server, 1, false, []byte("on"))
			w.data(client, 3, false, []byte("late"))
		}, why: timeline.EndFIN, want: []string{
			"/1 CONNECT 200", "/3 CONNECT 200", "/3 receive reset", "/3 send reset",
			"/5 CONNECT 0", "/5 finding h2/connect-reset", "/5 receive reset", "/5 send reset", `/1 receive "on"`, "/1 send fin", "/1 receive fin",
		}},
		{name: "extended CONNECT that the server does not allow", play: func(w *wire) {
			w.start()
			w.write(client, func(f *h2.Framer) error { return f.WriteSettings(enabled) }) // means nothing from a client
			w.open(1, "/a")
			w.headers(client, 3, false, connect("/b")...)
			w.headers(server, 3, true, ":status 400")
		}, why: timeline.EndFIN, want: []string{
			"/a CONNECT 200", "/a finding h2/connect-not-enabled", "/b CONNECT 400", "/b finding h2/connect-not-enabled",
			"/b receive fin", "/a send fin", "/b send fin", "/a receive fin",
		}},
		{name: "other protocols, plain CONNECT, even streams", play: func(w *wire) {
			w.start(enabled)
			w.headers(client, 1, false, ":method CONNECT", ":authority b.example:443")
			w.headers(client, 3, false, ":method CONNECT", ":protocol connect-udp", ":scheme https", ":path /u", ":authority a.example")
			w.headers(server, 1, false, ":status 200")
			w.headers(server, 3, false, ":status 200")
			w.data(client, 1, false, []byte("x"))
			w.data(client, 3, false, []byte("x"))
			w.data(client, 0, false, []byte("x"))
			w.data(server, 2, false, []byte("x"))
			w.headers(client, 4, false, connect("/even")...)
		}, why: timeline.EndFIN},
		{name: "after Upgrade: h2c", o: Options{Upgraded: true}, play: func(w *wire) {
			w.write(server, func(f *h2.Framer) error { return f.WriteSettings(enabled) })
			w.raw(client, []byte(preface))
			w.write(client, func(f *h2.Framer) error { return f.WriteSettings() })
			w.headers(server, 1, true, ":status 200")
			w.open(3, "/3")
		}, why: timeline.EndFIN, want: []string{"/3 CONNECT 200", "/3 send fin", "/3 receive fin"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWire()
			tc.play(w)
			for _, size := range []int{0, 1, 2, 3, 5, 8, 13, 100} {
				got := &witness{}
				s := New(got, timeline.Limits{}, tc.o)
				play(s, w.pieces, size)
				finish(s, tc.why)
				diff(t, got.lines(), tc.want)
				if len(s.streams) != 0 || s.held != 0 {
					t.Errorf("pieces of %d: %d streams and %d held bytes are left", size, len(s.streams), s.held)
				}
			}
		})
	}
}

func TestHandshake(t *testing.T) {
	w := newWire().start(enabled)
	w.headers(client, 1, true, ":method GET", ":scheme http", ":path /x", ":authority a.example", "cookie c")
	w.headers(client, 3, false, connect("/chat?a=b", "origin http://a.example", "cookie c")...)
	w.headers(server, 3, false, ":status 100")
	w.headers(server, 3, false, ":status 200", "sec-websocket-protocol p")
	got := &witness{}
	s := New(got, timeline.Limits{}, Options{})
	play(s, w.pieces, 0)
	if len(got.handshakes) != 1 || s.Plain() != 1 {
		t.Fatalf("%d handshakes, %d plain requests", len(got.handshakes), s.Plain())
	}
	h := got.handshakes[0]
	if !h.Accepted() || h.HTTPVersion != "2" || h.Target != "/chat?a=b" || h.Method != "CONNECT" {
		t.Errorf("got %+v", h)
	}
	if h.Request.Packet != 6 || h.Response.Packet != 8 {
		t.Errorf("request in packet %d, response in packet %d, want 6 and 8", h.Request.Packet, h.Response.Packet)
	}
	var names []string
	for _, f := range h.RequestHeaders {
		names = append(names, f.Name)
	}
	if got, want := strings.Join(names, " "), ":method :protocol :scheme :path :authority sec-websocket-version origin cookie"; got != want {
		t.Errorf("fields %q, want %q", got, want)
	}
	if v, _ := timeline.Get(h.ResponseHeaders, "Sec-WebSocket-Protocol"); v != "p" {
		t.Errorf("subprotocol %q", v)
	}
}

// TestTableSize: the table may shrink and grow with two size updates at the
// start of a block, and above its default.
func TestTableSize(t *testing.T) {
	w := newWire().start(enabled)
	e := w.enc[client]
	for i := range 200 {
		switch i {
		case 50:
			e.SetMaxDynamicTableSizeLimit(64 << 10)
			e.SetMaxDynamicTableSize(64 << 10)
		case 100:
			e.SetMaxDynamicTableSize(200) // the Encoder sends the least and the last
			e.SetMaxDynamicTableSize(4 << 10)
		}
		w.headers(client, uint32(2*i+1), false, connect(fmt.Sprintf("/%d", i), fmt.Sprintf("x-%d %d", i%70, i%70), fmt.Sprintf("x-%d %d", i%10, i%10))...)
	}
	got := &witness{}
	s := New(got, timeline.Limits{}, Options{})
	play(s, w.pieces, 0)
	finish(s, timeline.EndOpen)
	if len(got.handshakes) != 200 {
		t.Fatalf("%d handshakes, want 200", len(got.handshakes))
	}
	for i, h := range got.handshakes {
		if v, _ := timeline.Get(h.RequestHeaders, fmt.Sprintf("x-%d", i%70)); v != fmt.Sprint(i%70) || h.Target != fmt.Sprintf("/%d", i) {
			t.Fatalf("request %d: %+v", i, h.RequestHeaders)
		}
	}
}

func TestLimits(t *testing.T) {
	limits := timeline.Limits{Head: 1000, Held: 1000}
	for _, tc := range []struct {
		name string
		play func(*wire)
		want []string
	}{
		{"a flood of CONTINUATION frames", func(w *wire) {
			block := w.encode(client, connect("/x", "a "+strings.Repeat("@", 3000))...)
			w.write(client, func(f *h2.Framer) error {
				return f.WriteHeaders(h2.HeadersFrameParam{StreamID: 1, BlockFragment: block[:10]})
			})
			for range 100 {
				w.write(client, func(f *h2.Framer) error { return f.WriteContinuation(1, false, block[10:110]) })
			}
			w.write(client, func(f *h2.Framer) error { return f.WriteContinuation(1, true, nil) })
		}, []string{"limit header block of an HTTP/2 message", "finding h2/headers-unknown"}},
		{"a small block of large fields", func(w *wire) {
			fields := connect("/bomb", "a "+strings.Repeat("a", 400))
			for range 500 {
				fields = append(fields, "a "+strings.Repeat("a", 400))
			}
			w.headers(client, 1, false, fields...)
		}, []string{"limit header fields of an HTTP/2 message", "/bomb CONNECT 0", "/bomb send fin", "/bomb receive fin"}},
		{"early data", func(w *wire) {
			w.headers(client, 1, false, connect("/e")...)
			w.data(client, 1, false, make([]byte, 2000))
			w.headers(server, 1, false, ":status 200")
		}, []string{"limit bytes of a stream before its response", "/e CONNECT 200", "early 2000", "/e send gap 2000", "/e send fin", "/e receive fin"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWire().start(enabled)
			tc.play(w)
			got := &witness{}
			s := New(got, limits, Options{})
			for i := range w.pieces {
				play(s, w.pieces[i:i+1], 0)
				if h := &s.half[client]; cap(h.block.fragment) > 3*limits.Head || s.held > limits.Held {
					t.Fatalf("%d bytes of a header block and %d of streams are held", cap(h.block.fragment), s.held)
				}
			}
			finish(s, timeline.EndFIN)
			diff(t, got.lines(), tc.want)
		})
	}
}

// TestManyStreams: a connection cannot make the layer hold more than it says.
func TestManyStreams(t *testing.T) {
	w := newWire().start(enabled)
	for i := range maxStreams + 500 {
		w.headers(client, uint32(2*i+1), false, connect("/")...)
	}
	got := &witness{}
	s := New(got, timeline.Limits{}, Options{})
	play(s, w.pieces, 0)
	if len(s.streams) != maxStreams || len(got.story) != 1 || !strings.HasPrefix(got.story[0].what, "limit") {
		t.Errorf("%d streams, story %v", len(s.streams), got.lines())
	}
}

func TestFindingsFromBelow(t *testing.T) {
	rule := &timeline.Rule{ID: "tcp/x"}
	w := newWire().start(enabled)
	got := &witness{}
	s := New(got, timeline.Limits{}, Options{})
	play(s, w.pieces, 0)
	s.Finding(&timeline.Finding{Rule: rule})
	w.pieces = nil
	w.open(1, "/1")
	w.open(3, "/3")
	play(s, w.pieces, 0)
	s.Finding(&timeline.Finding{Rule: rule})
	diff(t, got.lines(), []string{"finding tcp/x", "/1 CONNECT 200", "/3 CONNECT 200", "/1 finding tcp/x", "/3 finding tcp/x"})
}

// TestDataAllocatesNothing: DATA goes through without a copy and without
// memory, whole or in pieces.
func TestDataAllocatesNothing(t *testing.T) {
	w := newWire().start(enabled)
	w.open(1, "/a")
	s := New(mute{}, timeline.Limits{}, Options{})
	play(s, w.pieces, 0)
	w.pieces = nil
	w.data(server, 1, false, make([]byte, 1200))
	w.padded(client, 1, make([]byte, 100), 20)
	for _, size := range []int{0, 7, 500} {
		if n := testing.AllocsPerRun(100, func() { play(s, w.pieces, size) }); n != 0 {
			t.Errorf("pieces of %d: %v allocations", size, n)
		}
	}
}

// mute is a Handler for measuring.
type mute struct{}

func (mute) Handshake(*timeline.Handshake) timeline.Stream         { return timeline.Deaf{} }
func (mute) Midstream(uint32, *timeline.Handshake) timeline.Stream { return nil }
func (mute) EarlyData(timeline.Stamp, int)                         {}
func (mute) Limit(timeline.Direction, timeline.Stamp, string, int) {}
func (mute) Finding(*timeline.Finding)                             {}

func BenchmarkData(b *testing.B) {
	w := newWire().start(enabled)
	w.open(1, "/a")
	s := New(mute{}, timeline.Limits{}, Options{})
	play(s, w.pieces, 0)
	frame := make([]byte, frameHeader+200)
	frame[2] = 200
	binary.BigEndian.PutUint32(frame[5:], 1)
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for b.Loop() {
		s.Data(server, timeline.Stamp{}, frame)
	}
}
