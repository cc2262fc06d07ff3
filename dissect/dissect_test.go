package dissect

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wsdump/wsdump/timeline"
)

// TestAccept: the values of RFC 6455 1.3 and of a textbook.
func TestAccept(t *testing.T) {
	for key, want := range map[string]string{
		"dGhlIHNhbXBsZSBub25jZQ==": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
		"x3JJHMbDL1EzLkh9GBhXDw==": "HSmrc0sMlYUkAGmm5OPpG2HaGWk=",
	} {
		if got := acceptFor(key); got != want {
			t.Errorf("accept for %s: got %s, want %s", key, got, want)
		}
	}
}

func TestExtensions(t *testing.T) {
	got := extensions([]timeline.Header{
		{Name: "Sec-WebSocket-Extensions", Value: `permessage-deflate; client_max_window_bits; server_max_window_bits="10", foo;a="x, y; z\"q"`},
		{Name: "sec-websocket-extensions", Value: `X-Webkit-Deflate-Frame`},
	})
	want := []timeline.Extension{
		{Name: "permessage-deflate", Params: []timeline.Param{{Name: "client_max_window_bits"}, {Name: "server_max_window_bits", Value: "10", HasValue: true}}},
		{Name: "foo", Params: []timeline.Param{{Name: "a", Value: `x, y; z"q`, HasValue: true}}},
		{Name: "x-webkit-deflate-frame"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestUnderstand(t *testing.T) {
	for _, tc := range []struct{ target, host, url, wantHost, wantPath string }{
		{"/chat?a=b#c", "example.com:8080", "ws://example.com:8080/chat?a=b", "example.com", "/chat"},
		{"/", "[::1]:81", "ws://[::1]:81/", "[::1]", "/"},
		{"/", "[::1]", "ws://[::1]/", "[::1]", "/"},
		{"http://other.example:1/x", "example.com", "ws://other.example:1/x", "other.example", "/x"},
		{"http://other.example", "example.com", "ws://other.example/", "other.example", "/"},
		{"/x", "", "ws://10.0.0.1:80/x", "", "/x"},
	} {
		h := &timeline.Handshake{Method: "GET", Target: tc.target, RequestHeaders: []timeline.Header{{Name: "host", Value: tc.host}}}
		Understand(h, false)
		if got := h.URL("10.0.0.1:80"); got != tc.url || h.Host != tc.wantHost || h.Path != tc.wantPath {
			t.Errorf("%s on %s: got %s, %s, %s; want %+v", tc.target, tc.host, got, h.Host, h.Path, tc)
		}
	}
}

func TestCleartextCredentials(t *testing.T) {
	for _, tc := range []struct {
		server, query string
		headers       []timeline.Header
		want          bool
	}{
		{"93.184.216.34", "", []timeline.Header{{Name: "cookie", Value: "a=b"}}, true},
		{"93.184.216.34", "access_token=x", nil, true},
		{"93.184.216.34", "room=5", nil, false},
		{"10.0.0.1", "", []timeline.Header{{Name: "Cookie", Value: "a=b"}}, false},
		{"127.0.0.1", "token=x", nil, false},
		{"fd00::1", "token=x", nil, false},
		{"100.64.3.4", "token=x", nil, false},
		{"2606:2800:220:1::1", "token=x", nil, true},
	} {
		h := &timeline.Handshake{Scheme: "ws", Status: 101, HTTPVersion: "2", Host: "a", Query: tc.query, RequestHeaders: tc.headers}
		h.Status = 200
		found := false
		for _, f := range judge(h, netip.MustParseAddr(tc.server)) {
			found = found || f.Rule.ID == "http/cleartext-credentials"
		}
		if found != tc.want {
			t.Errorf("%+v: found %v", tc, found)
		}
	}
}

// TestProxyHeader: the true client is named, and the TCP peer beside it.
func TestProxyHeader(t *testing.T) {
	v2 := "\r\n\r\n\x00\r\nQUIT\n\x21\x21\x00\x24" + "\x20\x01\x0d\xb8" + strings.Repeat("\x00", 11) + "\x07" + "\x20\x01\x0d\xb8" + strings.Repeat("\x00", 11) + "\x01" + "\xc7\x38\x00\x50"
	for header, want := range map[string]string{
		"PROXY TCP4 203.0.113.7 198.51.100.1 51000 80\r\n": "203.0.113.7:51000 via 10.0.0.9:4000",
		"PROXY UNKNOWN\r\n": "10.0.0.9:4000 via invalid AddrPort",
		v2:                  "[2001:db8::7]:51000 via 10.0.0.9:4000",
	} {
		s := &balance{}
		d := New(s, Options{})
		stream := d.Open(&timeline.Transport{Client: netip.MustParseAddrPort("10.0.0.9:4000"), Server: netip.MustParseAddrPort("10.0.0.1:80")})
		stream.Data(timeline.ClientToServer, timeline.Stamp{}, []byte(header+"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n"))
		stream.Data(timeline.ServerToClient, timeline.Stamp{}, []byte("HTTP/1.1 101 x\r\nUpgrade: websocket\r\n\r\n"))
		if s.conn == nil {
			t.Errorf("%q: no connection", header)
			continue
		}
		if got := s.conn.Client.String() + " via " + s.conn.Peer.String(); got != want {
			t.Errorf("%q: got %s, want %s", header, got, want)
		}
	}
}

// TestLimitIsTold: a client that floods behind its upgrade request is told
// once, when the connection exists.
func TestLimitIsTold(t *testing.T) {
	s := &balance{}
	d := New(s, Options{Limits: timeline.Limits{Held: 1000}})
	stream := d.Open(&timeline.Transport{})
	stream.Data(timeline.ClientToServer, timeline.Stamp{}, []byte("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n"))
	for range 10 {
		stream.Data(timeline.ClientToServer, timeline.Stamp{}, make([]byte, 500))
	}
	stream.Data(timeline.ServerToClient, timeline.Stamp{}, []byte("HTTP/1.1 101 x\r\nUpgrade: websocket\r\n\r\n"))
	if got := s.rules["http/limit"]; got != 1 {
		t.Errorf("http/limit was told %d times, want once; all: %v", got, s.rules)
	}
}

// TestLimitWithoutWebSocket: heads that are given up before anything came of them
// are told in the end, together.
func TestLimitWithoutWebSocket(t *testing.T) {
	s := &balance{}
	d := New(s, Options{Limits: timeline.Limits{Head: 1000}})
	for i := range 4 {
		stream := d.Open(&timeline.Transport{ID: uint64(i)})
		stream.Data(timeline.ClientToServer, timeline.Stamp{Packet: uint64(i + 1)}, []byte("GET / HTTP/1.1\r\nHost: a\r\n"))
		if i > 0 {
			stream.Data(timeline.ClientToServer, timeline.Stamp{Packet: uint64(i + 10)}, []byte("X: "+strings.Repeat("x", 2000)))
		}
		stream.End(timeline.ClientToServer, timeline.Stamp{}, timeline.EndFIN)
		stream.End(timeline.ServerToClient, timeline.Stamp{}, timeline.EndFIN)
	}
	var told []timeline.Finding
	d.Judge(func(f *timeline.Finding) { told = append(told, *f) })
	if len(told) != 1 || told[0].Rule.ID != "http/limit" || told[0].Count != 3 || told[0].At.Packet != 11 || told[0].Conn != nil {
		t.Errorf("told %+v, want http/limit once, of 3, at packet 11", told)
	}
	if len(s.rules) != 0 {
		t.Errorf("told on a connection, where there is none: %v", s.rules)
	}
}

// FuzzSwitch: whatever two sides say, nothing panics and every Conn that opens
// is closed.
func FuzzSwitch(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n\x81\x80abcd"), []byte("HTTP/1.1 101\r\n\r\n\x81\x01x"), true)
	f.Add([]byte("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"), []byte("SSH-2.0-x\r\n"), false)
	f.Fuzz(func(t *testing.T, client, server []byte, midstream bool) {
		s := &balance{}
		d := New(s, Options{Limits: timeline.Limits{Head: 4 << 10, Held: 4 << 10, Message: 1 << 10}})
		stream := d.Open(&timeline.Transport{Midstream: midstream})
		var at timeline.Stamp
		for len(client)+len(server) > 0 {
			if n := min(len(client), 11); n > 0 {
				stream.Data(timeline.ClientToServer, at, client[:n])
				client = client[n:]
			}
			if n := min(len(server), 13); n > 0 {
				stream.Data(timeline.ServerToClient, at, server[:n])
				server = server[n:]
			}
		}
		stream.End(timeline.ServerToClient, at, timeline.EndFIN)
		stream.End(timeline.ClientToServer, at, timeline.EndReset)
		if s.open != 0 {
			t.Fatalf("%d connections were opened and not closed", s.open)
		}
	})
}

type balance struct {
	timeline.Nop
	open  int
	conn  *timeline.Conn
	id    uint64 // that the next connection gets
	rules map[string]int
}

func (b *balance) Finding(f *timeline.Finding) {
	if b.rules == nil {
		b.rules = map[string]int{}
	}
	b.rules[f.Rule.ID]++
}

func (*balance) Needs(*timeline.Conn) timeline.Needs { return timeline.Needs{Payload: true} }

func (b *balance) Open(c *timeline.Conn) {
	b.open++
	b.conn, c.ID = c, b.id
}
func (b *balance) Close(*timeline.Conn, timeline.Stamp) { b.open-- }

// TestDecodeAs: frames from the first byte on, without a handshake, are read
// when the operator says so; a handshake that is there is read as well.
func TestDecodeAs(t *testing.T) {
	as, err := ParseDecodeAs("tcp.port==9000-9010,ws")
	if err != nil {
		t.Fatal(err)
	}
	s := &balance{}
	d := New(s, Options{DecodeAs: []DecodeAs{as}})
	stream := d.Open(&timeline.Transport{Client: netip.MustParseAddrPort("10.0.0.9:4000"), Server: netip.MustParseAddrPort("10.0.0.1:9005")})
	stream.Data(timeline.ServerToClient, timeline.Stamp{}, []byte("\x81\x05hello"))
	stream.Data(timeline.ClientToServer, timeline.Stamp{}, []byte("\x81\x81abcd\x19"))
	if s.conn == nil || s.conn.Counters[0].Messages != 1 || s.conn.Counters[1].Messages != 1 || s.conn.Guessed || !s.conn.Midstream {
		t.Errorf("got %+v", s.conn)
	}
	other := d.Open(&timeline.Transport{Client: netip.MustParseAddrPort("10.0.0.9:4000"), Server: netip.MustParseAddrPort("10.0.0.1:80")})
	s.conn = nil
	other.Data(timeline.ServerToClient, timeline.Stamp{}, []byte("\x81\x05hello"))
	if s.conn != nil {
		t.Error("another port was taken for a WebSocket")
	}
	for _, bad := range []string{"80,ws", "tcp.port==x,ws", "tcp.port==80", "tcp.port==9-1,ws", "tcp.port==80,wss", "tcp.port==70000,ws"} {
		if _, err := ParseDecodeAs(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
