package query

import (
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/wsdump/wsdump/timeline"
)

const epoch = int64(1_700_000_000_000_000_000) // 2023-11-14T22:13:20Z

func at(packet uint64, ms float64) timeline.Stamp {
	return timeline.Stamp{Packet: packet, FilePacket: packet, Time: epoch + int64(ms*1e6)}
}

// chat returns a connection as it is at Open.
func chat() *timeline.Conn {
	client, server := netip.MustParseAddrPort("10.0.0.1:51234"), netip.MustParseAddrPort("10.0.0.2:80")
	h := &timeline.Handshake{
		Request: at(4, 0), Response: at(6, 12.5), Method: "GET", Scheme: "ws", Host: "server.example.com", Path: "/chat", Query: "a=1",
		HTTPVersion: "1.1", Status: 101, Verdict: timeline.AcceptOK,
		RequestHeaders:      []timeline.Header{{Name: "Cookie", Value: "session=7"}},
		ResponseHeaders:     []timeline.Header{{Name: "Server", Value: "nginx"}},
		SubprotocolsOffered: []string{"chat", "superchat"}, Subprotocol: "chat",
		Extensions: []timeline.Extension{{Name: "permessage-deflate", Params: []timeline.Param{{Name: "client_no_context_takeover"}}}},
	}
	return &timeline.Conn{
		ID: 3, Handshake: h, Client: client, Server: server, Layers: "tcp", Opened: h.Request,
		Transport: &timeline.Transport{ID: 1, Client: client, Server: server, First: at(1, 0)},
	}
}

func midstream() *timeline.Conn {
	c := chat()
	c.Handshake, c.Midstream, c.Guessed = nil, true, true
	return c
}

func message(c *timeline.Conn, payload string) *timeline.Message {
	n := uint64(len(payload))
	return &timeline.Message{
		Conn: c, Dir: timeline.ServerToClient, First: at(8, 1000), Last: at(9, 1500), N: 5, Kind: timeline.OpText, Frames: 2,
		WireLength: n, Length: n, HasLength: true, HasPayload: true, Payload: []byte(payload), Text: utf8.ValidString(payload),
	}
}

func binary(c *timeline.Conn, payload string) *timeline.Message {
	m := message(c, payload)
	m.Kind, m.Text = timeline.OpBinary, false
	return m
}

func incomplete(m *timeline.Message) *timeline.Message {
	m.Incomplete = true
	return m
}

func opaque(m *timeline.Message) *timeline.Message {
	m.Opaque, m.HasLength, m.Compressed, m.Text = true, false, true, false
	return m
}

func pong(c *timeline.Conn, rtt time.Duration) *timeline.Frame {
	return &timeline.Frame{
		Conn: c, Dir: timeline.ClientToServer, First: at(12, 2000), Last: at(12, 2000), N: 6, Opcode: timeline.OpPong, Fin: true, Masked: true,
		MaskKey: [4]byte{0xde, 0xad, 0, 0x0f}, HeaderLength: 6, Length: 3, Payload: []byte("png"), PayloadUTF8: true, RTT: rtt, HasRTT: rtt > 0,
	}
}

func closeFrame(c *timeline.Conn, code uint16, reason string) *timeline.Frame {
	p := append([]byte{byte(code >> 8), byte(code)}, reason...)
	return &timeline.Frame{
		Conn: c, First: at(15, 9000), Last: at(15, 9000), N: 7, Opcode: timeline.OpClose, Fin: true, HeaderLength: 2,
		Length: uint64(len(p)), Payload: p, CloseCode: code, CloseReason: p[2:],
	}
}

// closed completes c as a clean close by the client would.
func closed(c *timeline.Conn) *timeline.Conn {
	c.By, c.CloseCode, c.CloseText = timeline.PartyClient, 1000, "bye"
	c.ClosedBy = [2]bool{true, true}
	c.TCP, c.FirstFIN = timeline.TCPFIN, timeline.PartyServer
	c.LastFrame, c.LastDir = at(14, 5000), timeline.ClientToServer
	c.EndBegan, c.Ended = at(15, 9000), at(18, 9001)
	c.Counters[0] = timeline.Counters{Messages: 3, Frames: 5, Bytes: 100, WireBytes: 80}
	c.Counters[1] = timeline.Counters{Messages: 9, Frames: 9, Bytes: 999, WireBytes: 999}
	c.FindingsBy = [3]uint64{2, 1, 0}
	return c
}

// open leaves c open at the end of the capture.
func open(c *timeline.Conn) *timeline.Conn {
	closed(c)
	c.By, c.CloseCode, c.CloseText, c.ClosedBy = timeline.PartyUnknown, 0, "", [2]bool{}
	c.TCP, c.FirstFIN = timeline.TCPOpen, timeline.PartyUnknown
	c.EndBegan = c.Ended
	return c
}

var rule = &timeline.Rule{ID: "ws/mask-missing", Severity: timeline.Error, Title: "A frame from the client is not masked", Ref: "RFC 6455 5.1"}

// fill makes a filler of a row.
func fill(of any) func(*Row) {
	return func(r *Row) {
		r.Begin(at(1, 0))
		switch v := of.(type) {
		case *timeline.Message:
			r.OfMessage(v)
		case *timeline.Frame:
			r.OfControl(v)
		case *timeline.Finding:
			r.OfFinding(v)
		case *timeline.Conn:
			if v.Ended.IsZero() {
				r.OfOpen(v)
			} else {
				r.OfClose(v, v.Ended)
			}
		}
	}
}

func asFrame(f *timeline.Frame) func(*Row) { return func(r *Row) { r.OfFrame(f) } }

func whole(c *timeline.Conn) func(*Row) { return func(r *Row) { r.OfConnection(c) } }

// check checks lines of the form "verdict expression" against a row.
func check(t *testing.T, scope Scope, fill func(*Row), lines string) {
	t.Helper()
	var r Row
	for _, line := range strings.Split(strings.TrimSpace(lines), "\n") {
		want, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		p, err := Compile(text, scope)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		fill(&r)
		if got := p.Match(&r).String(); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestMatchMessage(t *testing.T) {
	check(t, Rows, fill(message(chat(), "hello Köln")), `
		true type == "message" and dir == "receive" and length > 10
		false type == "control" or dir == "send"
		true conn == 3 and n == 5 and packet == 8 and end_packet == 9
		true t == 1 and t < 1.5
		true time == "2023-11-14T22:13:21Z" and time < "2023-11-14T22:13:21.000000001Z" and end_time > time
		true time >= "2023-11-14T23:13:20+01:00"
		true url == "ws://server.example.com/chat?a=1" and host endsWith ".com" and path startsWith "/chat"
		true client == "10.0.0.1:51234" and transport == "tcp" and http_version == "1.1" and accept == "ok"
		true status == 101 and subprotocol in ["chat", "x"] and handshake_ms == 12.5
		true "superchat" in subprotocols_offered and not ("x" in subprotocols_offered) and len(subprotocols_offered) == 2
		true "permessage-deflate" in extensions
		true "permessage-deflate; client_no_context_takeover" in extensions
		false "x" in extensions
		true request_header("cookie") contains "session=" and response_header("SERVER") == "nginx"
		false has(request_header("x")) or has(peer) or has(origin)
		true kind == "text" and frames == 2 and not compressed and wire_length == length
		true text == "hello Köln" and text != "x" and text contains "Köln"
		true text matches "^hello" and text not matches "^x" and text matches "K.ln$"
		true bytes contains hex("c3b6") and bytes startsWith hex("68:65 6c") and bytes contains "Köln"
		true bytes[0] == 0x68 and bytes[-1] == 0x6e and bytes[0:2] == hex("6865") and bytes[9:] == hex("6c6e")
		false bytes[99] == 0
		true len(text) == 10 and len(bytes) == 11
		true lower(text) contains "köln" and upper(text) startsWith "HELLO"
		true 100 in 99..101 and length in 1..11 and not (length in 12..13) and length not in 12..13
		true length * 2 == 22 and length <= 64 * 1024 and -length == -11 and length % 2 == 1 and 10 < length < 12
		true length > 5 ? text contains "h" : false
		true (rtt_ms ?? 7) == 7 and (rtt_ms ?? 7) > 1
		true text contains "e" == true
		false truncated or incomplete or guessed or midstream
		false length / 0 == 1 or length / 0 != 1
		true text | lower() | len() == 10
		false json.a == 1 or has(json) or has(json.a.b.c)
	`)
}

func TestMatchJSON(t *testing.T) {
	check(t, Rows, fill(message(chat(), ` {"type":"sub\"x","id":7,"ok":true,"no":null,"f":-1.5e3,"list":[1,"two",{"k":[]}],"a":{"b":{"c":"d"}},"type":"last","\u0041":"\ud83d\ude00"} `)), `
		true json.type == "last" and json.id == 7 and json.ok and json.ok == true and json.f == -1500
		true json.a.b.c == "d" and json["a"]["b"].c == "d" and json?.a?.b?.c == "d"
		true json.list[0] == 1 and json.list[1] == "two" and json.list[-1].k == json.list[2].k or len(json.list) == 3
		false json.list[3] == 1 or json.list[3] != 1 or has(json.list[3])
		true "two" in json.list and 1 in json.list and "id" in json and "x" not in json
		true json.type in ["first", "last"] and json.id in [7] and json.id in 1..9
		false json.none == 1 or json.none != 1 or json.none.deeper > 1
		true json.id != "7" and json.no == null and json.no == nil and has(json.no) and json.id != null
		true not has(json.none) and not has(json.no.x) and has(json)
		true json.A == "😀" and len(json.A) == 1 and json.type contains "as" and json.type matches "^l"
		false json.id contains "7" or json.id > "7" or json.id not contains "x"
		true json.id + 1 == 8 and (json.none ?? 5) == 5 and (json.none ?? "x") == "x"
		false json.id
		true not json.id
		true len(json) == 9 or len(json) == 10
	`)
	check(t, Rows, fill(binary(chat(), `{"a":1}`)), `
		true json.a == 1 and kind == "binary"
		false has(text) or text contains "a"
	`)
	check(t, Rows, fill(message(chat(), `[1,2`)), `
		false has(json)
		true not has(json[0])
	`)
	check(t, Rows, func(r *Row) {
		r.OfMessage(binary(chat(), "\x81\x01"))
		r.Decoded([]byte(`{"op":"add"}`))
	}, `
		true decoded.op == "add" and not has(json)
	`)
	check(t, Rows, fill(binary(chat(), "\xff")), `
		false has(decoded) or has(json)
	`)
}

// TestStates is the truth table of docs/FILTERS.md: rtt_ms is absent on a
// message, text is unknown on one that could not be inflated.
func TestStates(t *testing.T) {
	check(t, Rows, fill(opaque(message(chat(), "??"))), `
		false rtt_ms == 1
		false rtt_ms != 1
		false rtt_ms < 1
		false rtt_ms in [1]
		false rtt_ms not in [1]
		false reason not contains "x"
		false clean
		false clean == false
		true not clean
		true not (rtt_ms == 1)
		false has(rtt_ms)
		true not has(rtt_ms)
		false rtt_ms + 1 == 2
		unknown text == "a"
		unknown text != "a"
		unknown text contains "a"
		unknown text not contains "a"
		unknown text matches "a"
		unknown not (text == "a")
		unknown has(text)
		unknown json.a == 1
		unknown has(json.a)
		unknown length > 1
		unknown length + 1 > 1
		unknown len(text) > 1
		unknown text in ["a"]
		false rtt_ms == length
		false false and text == "a"
		false text == "a" and false
		unknown true and text == "a"
		unknown text == "a" and text == "b"
		true true or text == "a"
		true text == "a" or true
		unknown false or text == "a"
		true wire_length == 2 and compressed
		unknown text == "a" ? true : true
	`)
	for _, a := range []Verdict{False, True, Unknown} {
		if a.Not().Not() != a {
			t.Errorf("not not %s", a)
		}
	}
}

// TestPartial: what the first bytes decide is decided.
func TestPartial(t *testing.T) {
	check(t, Rows, fill(incomplete(message(chat(), "hello wo"))), `
		true text contains "hello" and text startsWith "hell" and bytes[0] == 0x68 and bytes[0:2] == hex("6865")
		unknown text contains "world"
		unknown text startsWith "hello world"
		false text startsWith "x"
		unknown text endsWith "wo"
		false text == "x" or text == "hello"
		true text != "hello"
		unknown text == "hello world"
		unknown text matches "^hello"
		unknown json.a == 1
		true length >= 8 and length > 7 and len(text) > 7
		unknown length == 8
		unknown length < 100
		false length < 8 or length <= 7
		unknown bytes[-1] == 0
		unknown bytes[8] == 0
		true incomplete and 7 < length
	`)
}

func TestMatchOthers(t *testing.T) {
	check(t, Rows, fill(pong(chat(), 250*time.Millisecond)), `
		true type == "control" and op == "pong" and rtt_ms > 200 and text == "png" and length == 3
		false has(code) or has(opcode) or has(kind) or has(json)
	`)
	check(t, Rows, fill(pong(midstream(), 0)), "unknown rtt_ms > 200")
	check(t, Rows, fill(pong(chat(), 0)), "false rtt_ms > 200")
	check(t, Rows, asFrame(pong(chat(), 0)), `
		true type == "frame" and op == "pong" and opcode == 10 and fin and masked and not rsv1 and mask_key == "dead000f" and header_length == 6
		false has(rtt_ms) or has(n)
	`)
	check(t, Rows, fill(closeFrame(chat(), 1001, "going")), `
		true op == "close" and code in [1000, 1001] and reason == "going"
		false has(text)
		true bytes startsWith hex("03e9")
	`)
	check(t, Rows, fill(&timeline.Finding{Rule: rule, Severity: timeline.Error, Conn: chat(), N: 4, At: at(9, 5), HasDir: true, Got: "0"}), `
		true type == "finding" and rule == "ws/mask-missing" and severity == "error" and path == "/chat" and n == 4 and dir == "send"
		true title contains "masked" and ref == "RFC 6455 5.1" and got == "0" and not has(want) and not has(offset) and not has(count)
	`)
	check(t, Rows, fill(&timeline.Finding{Rule: rule, At: at(9, 5)}), `
		false has(conn) or has(path) or has(dir) or has(status) or has(guessed) or has(request_header("a"))
		true rule startsWith "ws/"
	`)
	check(t, Rows, fill(chat()), `
		true type == "open" and path == "/chat"
		false has(clean) or has(length) or has(code)
	`)
	check(t, Rows, fill(midstream()), `
		unknown path == "/chat"
		unknown has(subprotocol)
		unknown status == 101
		unknown "x" in extensions
		unknown request_header("cookie") == "a"
		true midstream and guessed and conn == 3 and client startsWith "10."
	`)
	refused := chat()
	refused.Handshake.Status, refused.Handshake.Subprotocol = 0, ""
	check(t, Rows, fill(refused), `
		unknown status == 101
		unknown has(subprotocol)
		true path == "/chat"
	`)
}

func TestMatchClose(t *testing.T) {
	lines := `
		true by == "client" and code == 1000 and reason == "bye" and clean and tcp == "fin" and duration_ms == 9001 and idle_ms == 4000
		true sent.messages == 3 and sent.bytes == 100 and sent.wire_bytes == 80 and received.frames == 9 and last_dir == "send"
	`
	check(t, Rows, fill(closed(chat())), lines+"true type == \"close\"")
	check(t, Connections, whole(closed(chat())), lines+`
		true type == "connection" and path == "/chat" and findings.error == 0 and findings.warning == 1 and findings.note == 2
	`)
	check(t, Connections, whole(open(chat())), `
		true tcp == "open" and by == "unknown"
		unknown code == 1000
		unknown has(reason)
		unknown clean
		unknown not clean
		true sent.messages > 2 and duration_ms > 9000 and idle_ms >= 4000
		unknown sent.messages == 3
		false sent.messages < 3
		unknown findings.error == 0
		true findings.warning > 0
	`)
	refused := open(chat()) // and the transport stays open for another attempt
	refused.Handshake.Status = 401
	check(t, Connections, whole(refused), `
		false has(code) or clean
		true not clean and sent.messages == 3 and status in 400..499
	`)
	reset := closed(chat())
	reset.TCP, reset.FirstFIN, reset.ClosedBy, reset.CloseCode = timeline.TCPReset, timeline.PartyUnknown, [2]bool{}, 0
	check(t, Connections, whole(reset), `
		true not clean and clean == false and tcp == "rst"
		false has(code) or code != 1000
	`)
	reset.Transport.Gaps[1] = 100
	check(t, Connections, whole(reset), `
		true clean == false
		unknown has(code)
	`)
}

func TestNeeds(t *testing.T) {
	for text, want := range map[string]timeline.Needs{
		`conn == 1 and path == "/a" and dir == "send"`: {},
		`op == "close" and code == 1000`:               {},
		`wire_length > 5`:                              {},
		`length > 5`:                                   {Payload: true},
		`has(json.a)`:                                  {Payload: true},
		`fin and rsv1`:                                 {Frames: true},
	} {
		p, err := Compile(text, Rows)
		if err != nil {
			t.Fatal(err)
		}
		if p.Needs() != want {
			t.Errorf("%s: %+v, want %+v", text, p.Needs(), want)
		}
	}
	var r Row
	for text, want := range map[string]bool{
		`conn == 3 and json.a == 1`:          true,
		`conn == 4 and json.a == 1`:          false,
		`path == "/other" and dir == "send"`: false,
		`path == "/other" or dir == "send"`:  true,
		`not (path == "/chat")`:              false,
		`clean and path == "/chat"`:          true,
	} {
		p, _ := Compile(text, Rows)
		if p.CouldMatch(&r, chat()) != want {
			t.Errorf("%s: could match should be %v", text, want)
		}
	}
	p, _ := Compile(`path == "/other"`, Rows)
	if !p.CouldMatch(&r, midstream()) {
		t.Error("a path that is not in the capture could be any")
	}
}
