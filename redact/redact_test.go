package redact

import (
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/wsdump/wsdump/internal/fill"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/timeline"
)

// kept is a sink that keeps all values.
type kept struct {
	timeline.Nop
	messages []timeline.Message
	frames   []timeline.Frame
	findings []timeline.Finding
	conns    []timeline.Conn
}

func (k *kept) Open(c *timeline.Conn)                    { k.conns = append(k.conns, *c) }
func (k *kept) Close(c *timeline.Conn, _ timeline.Stamp) { k.conns = append(k.conns, *c) }
func (k *kept) Finding(f *timeline.Finding)              { k.findings = append(k.findings, *f) }
func (k *kept) Message(m *timeline.Message) {
	k.messages = append(k.messages, timeline.Message{})
	m.Clone(&k.messages[len(k.messages)-1], nil)
}

func (k *kept) Frame(f *timeline.Frame) {
	k.frames = append(k.frames, timeline.Frame{})
	f.Clone(&k.frames[len(k.frames)-1], nil)
}

// TestDerived: no field that was derived from a payload outlives it. SetPayload knows
// these fields, also those that are added later.
func TestDerived(t *testing.T) {
	skip := fill.Skip{"Message.Conn": true, "Frame.Conn": true}
	c := conn()
	k := &kept{}
	s := New(k, Options{Patterns: []*regexp.Regexp{regexp.MustCompile("hunter2")}})
	s.Open(c)
	for _, payload := range []string{"hunter2!", "hunter2\xff"} {
		var m timeline.Message
		fill.Fill(&m, skip)
		m.Conn, m.Kind, m.Opaque, m.Payload = c, timeline.OpText, false, []byte(payload)
		s.Message(&m)
		got := &k.messages[len(k.messages)-1]
		m.SetPayload([]byte(strings.Replace(payload, "hunter2", "[redacted]", 1)))
		if m.Redacted, m.Conn = true, got.Conn; !reflect.DeepEqual(got, &m) {
			t.Errorf("got %+v, want %+v", got, m)
		}
	}
	for _, tc := range []struct {
		op   timeline.Opcode
		want string // "" for nothing: a part of a message
	}{{timeline.OpPing, "..[redacted]"}, {timeline.OpClose, "..[redacted]"}, {timeline.OpText, ""}} {
		var f timeline.Frame
		fill.Fill(&f, skip)
		f.Conn, f.Opcode, f.Payload, f.CloseReason = c, tc.op, []byte("..hunter2"), []byte("hunter2")
		s.Frame(&f)
		got := &k.frames[len(k.frames)-1]
		if f.SetPayload([]byte(tc.want)); tc.want == "" {
			f.SetPayload(nil)
		}
		if f.Redacted, f.Conn = true, got.Conn; !reflect.DeepEqual(got, &f) {
			t.Errorf("got %+v, want %+v", got, f)
		}
	}
}

func conn() *timeline.Conn {
	return &timeline.Conn{
		ID: 1, Client: netip.MustParseAddrPort("192.0.2.7:4000"), Server: netip.MustParseAddrPort("[2001:db8::5]:443"),
		Transport: &timeline.Transport{Client: netip.MustParseAddrPort("192.0.2.7:4000"), Server: netip.MustParseAddrPort("[2001:db8::5]:443")},
		Handshake: &timeline.Handshake{
			Scheme: "wss", Host: "192.0.2.9", Path: "/chat", Query: "room=5&token=SECRETq&a=b&Access%5FToken=SECRETx", Target: "/chat?room=5&token=SECRETq&a=b&Access%5FToken=SECRETx",
			Subprotocol: "chat.v2", SubprotocolsOffered: []string{"chat.v2", "graphql-transport-ws", "base64url.bearer.authorization.k8s.io.SECRETsub123456"},
			RequestHeaders: []timeline.Header{
				{Name: "Host", Value: "192.0.2.9"},
				{Name: "cookie", Value: "sid=SECRETc"},
				{Name: "AUTHORIZATION", Value: "Bearer SECRETb"},
				{Name: "Sec-WebSocket-Protocol", Value: "chat.v2, graphql-transport-ws, base64url.bearer.authorization.k8s.io.SECRETsub123456"},
				{Name: "Referer", Value: "https://a/?code=SECRETr#access_token=SECRETf"},
				{Name: "X-Forwarded-For", Value: "192.0.2.7, 198.51.100.3"},
				{Name: "Accept", Value: "*/*"},
			},
			ResponseHeaders: []timeline.Header{{Name: "Set-Cookie", Value: "x=SECRETs; Path=/"}},
		},
	}
}

func everything(h *timeline.Handshake) string {
	var b strings.Builder
	for _, f := range append(h.RequestHeaders, h.ResponseHeaders...) {
		b.WriteString(f.Name + ": " + f.Value + "\n")
	}
	return b.String() + strings.Join(append([]string{h.URL(""), h.Target, h.Query, h.Subprotocol, h.Host}, h.SubprotocolsOffered...), "\n")
}

// TestHandshake: secrets go, the rest stays, and the real connection is as it
// was.
func TestHandshake(t *testing.T) {
	k := &kept{}
	opt := Options{}
	opt.Defaults()
	s := New(k, opt)
	c := conn()
	before := everything(c.Handshake)
	s.Open(c)
	s.Finding(&timeline.Finding{Conn: c, Rule: &timeline.Rule{}, Got: "token=SECRETq and SECRETb", Detail: "sid=SECRETc"})
	s.Close(c, timeline.Stamp{})
	if everything(c.Handshake) != before {
		t.Error("the connection itself was changed")
	}
	got := everything(k.conns[0].Handshake)
	if strings.Contains(got, "SECRET") {
		t.Errorf("secrets are left in\n%s", got)
	}
	for _, want := range []string{"room=5", "a=b", "Accept: */*", "chat.v2", "graphql-transport-ws", "token=[redacted]", "wss://192.0.2.9/chat?"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is gone from\n%s", want, got)
		}
	}
	if f := k.findings[0]; strings.Contains(f.Got+f.Detail, "SECRETq") || strings.Contains(f.Detail, "SECRETc") {
		t.Errorf("a finding quotes a secret: %+v", f)
	}
	if len(s.conns) != 0 {
		t.Error("a closed connection is remembered")
	}
}

// TestKey: equal values have equal hashes, others have others, and another key
// has others.
func TestKey(t *testing.T) {
	hash := func(key, value string) string { return (&Sink{opt: Options{Key: []byte(key)}}).blank(value) }
	if first, again := hash("k", "a"), hash("k", "a"); first != again || first == hash("k", "b") || hash("k", "a") == hash("l", "a") || hash("", "a") != "[redacted]" {
		t.Errorf("%s %s %s", hash("k", "a"), hash("k", "b"), hash("l", "a"))
	}
}

func TestPayload(t *testing.T) {
	password, _ := query.ParsePath("user.password")
	tokens, _ := query.ParsePath("json.list[*].token")
	k := &kept{}
	s := New(k, Options{JSON: []query.Path{password, tokens}, Patterns: []*regexp.Regexp{regexp.MustCompile(`\b\d{16}\b`)}})
	c := conn()
	for _, tc := range []struct {
		in, want string
		kind     timeline.Opcode
		redacted bool
	}{
		{`{"user": {"name":"x","password":"SECRET"} , "n":1.50}`, `{"user": {"name":"x","password":"[redacted]"} , "n":1.50}`, timeline.OpText, true},
		{`{"list":[{"token":[1,2]},{"token":null},{}]}`, `{"list":[{"token":"[redacted]"},{"token":"[redacted]"},{}]}`, timeline.OpText, true},
		{`{"user":{"password":"SECR`, `[redacted]`, timeline.OpText, true}, // cut: nobody knows
		{`pay 4111111111111111 now`, `pay [redacted] now`, timeline.OpText, true},
		{"\x00 4111111111111111", "\x00 [redacted]", timeline.OpBinary, true},
		{`{"fine":true}`, `{"fine":true}`, timeline.OpText, false},
		{`hello`, `hello`, timeline.OpText, false},
	} {
		in := []byte(tc.in)
		s.Message(&timeline.Message{Conn: c, Kind: tc.kind, Payload: in, HasPayload: true, Text: tc.kind == timeline.OpText, Length: uint64(len(in)), HasLength: true})
		m := k.messages[len(k.messages)-1]
		if string(m.Payload) != tc.want || m.Redacted != tc.redacted || m.Length != uint64(len(tc.in)) {
			t.Errorf("%s: got %s, redacted %v, length %d", tc.in, m.Payload, m.Redacted, m.Length)
		}
		if string(in) != tc.in {
			t.Error("the payload itself was changed")
		}
	}
	s.Frame(&timeline.Frame{Conn: c, Opcode: timeline.OpText, Payload: []byte(`{"user":`)})
	s.Frame(&timeline.Frame{Conn: c, Opcode: timeline.OpText, Fin: true, Rsv1: true, Payload: []byte(`zip`)})
	s.Frame(&timeline.Frame{Conn: c, Opcode: timeline.OpText, Fin: true, Payload: []byte(`{"user":{"password":1}}`)})
	s.Frame(&timeline.Frame{Conn: c, Opcode: timeline.OpClose, Fin: true, Payload: []byte("\x03\xe84111111111111111"), CloseCode: 1000, CloseReason: []byte("4111111111111111")})
	for i, want := range []string{"", "", `{"user":{"password":"[redacted]"}}`, "\x03\xe8[redacted]"} {
		if f := k.frames[i]; string(f.Payload) != want || !f.Redacted {
			t.Errorf("frame %d: %q, redacted %v", i, f.Payload, f.Redacted)
		}
	}
	if string(k.frames[3].CloseReason) != "[redacted]" {
		t.Errorf("reason %q", k.frames[3].CloseReason)
	}
}

// TestAnonymize: no address is left, and equal prefixes are equal.
func TestAnonymize(t *testing.T) {
	k := &kept{}
	s := New(k, Options{Anonymize: true, Key: []byte("k")})
	s.Open(conn())
	got := k.conns[0]
	text := everything(got.Handshake) + got.Client.String() + got.Server.String() + got.Transport.Client.String()
	for _, address := range []string{"192.0.2.7", "192.0.2.9", "2001:db8::5", "198.51.100.3"} {
		if strings.Contains(text, address) {
			t.Errorf("%s is left in\n%s", address, text)
		}
	}
	if got.Client.Port() != 4000 || got.Client.Addr() != got.Transport.Client.Addr() {
		t.Errorf("client %s, transport %s", got.Client, got.Transport.Client)
	}
	a := newAddresses([]byte("k"))
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		x := random.Uint32()
		y := x ^ 1<<random.IntN(32)
		if random.IntN(2) == 0 {
			y = random.Uint32()
		}
		at := func(v uint32) netip.Addr {
			return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
		}
		value := func(ip netip.Addr) uint32 {
			b := ip.As4()
			return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
		}
		if want, got := bits.LeadingZeros32(x^y), bits.LeadingZeros32(value(a.addr(at(x)))^value(a.addr(at(y)))); want != got {
			t.Fatalf("%s and %s share %d bits, their replacements %d", at(x), at(y), want, got)
		}
	}
}
