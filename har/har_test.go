package har

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wsdump/wsdump/timeline"
)

// story is a sink that records its calls.
type story struct {
	timeline.Nop
	lines []string
	ids   uint64
}

func (s *story) record(format string, a ...any) { s.lines = append(s.lines, fmt.Sprintf(format, a...)) }

func (s *story) Open(c *timeline.Conn) {
	s.ids++
	c.ID = s.ids
	s.record("open %d %s %d", c.ID, c.Handshake.Target, c.Handshake.Status)
}

func (s *story) Message(m *timeline.Message) {
	s.record("%d %d %s %s %q at %d", m.Conn.ID, m.N, m.Dir, m.Kind, m.Payload, m.First.Time/1e6)
}

func (s *story) Frame(f *timeline.Frame) {
	s.record("%d %d %s %s %d %q", f.Conn.ID, f.N, f.Dir, f.Opcode, f.CloseCode, f.Payload)
}

func (s *story) Finding(f *timeline.Finding) { s.record("%d %s %q", f.Conn.ID, f.Rule.ID, f.Got) }

func (s *story) Close(c *timeline.Conn, at timeline.Stamp) {
	s.record("close %d %d %q %v at %d", c.ID, c.CloseCode, c.CloseText, c.Aborted, at.Time/1e6)
}

func played(t *testing.T, archives ...*Archive) []string {
	t.Helper()
	s := &story{}
	if _, err := Play(context.Background(), archives, s, func(*timeline.Handshake, bool) {}); err != nil {
		t.Fatal(err)
	}
	return s.lines
}

// entryOf returns a HAR with one entry as Chrome writes it: the messages first.
func entryOf(messages, more string) string {
	return `{"log":{"version":"1.2","creator":{"name":"x","version":"1"},"pages":[{"id":"p","title":[{}]}],"entries":[
	{"startedDateTime":"2023-11-14T22:13:20.000Z","time":3,"request":{"method":"GET","url":"http://a/page","headers":[]},"response":{"status":200,"content":{"text":"x"}}},
	{"_resourceType":"websocket","_webSocketMessages":[` + messages + `],"startedDateTime":"2023-11-14T22:13:20.000Z","time":5000,
	"request":{"method":"GET","url":"wss://example.com:8443/chat?x=1","httpVersion":"HTTP/1.1","headers":[{"name":"Host","value":"example.com:8443"}],"headersSize":-1},
	"response":{"status":101,"statusText":"Switching Protocols","headers":[]},"serverIPAddress":"[::1]"` + more + `}]}}`
}

// TestDialects: every writer's way says the same.
func TestDialects(t *testing.T) {
	want := []string{
		"open 1 http://example.com:8443/chat?x=1 101",
		`1 1 send text "héllo" at 1700000000500`,
		`1 2 receive binary "\x00\xff" at 1700000001250`,
		`close 1 0 "" false at 1700000005000`,
	}
	chrome := entryOf(`{"type":"send","time":1700000000.5,"opcode":1,"data":"héllo"},{"type":"receive","time":1700000001.2500002,"opcode":2,"data":"AP8="}`, "")
	playwright := entryOf(`{"type":"send","time":1700000000500,"opcode":1,"data":"héllo"},{"type":"receive","time":1700000001250.4,"opcode":2,"data":"AP8="}`, "")
	mitmproxy := strings.Replace(strings.Replace(chrome, "wss://", "https://", 1), `"_resourceType":"websocket",`, "", 1)
	var squeezed bytes.Buffer
	z := zlib.NewWriter(&squeezed)
	_, _ = z.Write([]byte(mitmproxy))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"Chrome": chrome, "Playwright": playwright, "mitmproxy": mitmproxy, "zhar": squeezed.String(), "BOM": "\xef\xbb\xbf" + chrome,
	} {
		if !Is([]byte(text)[:min(len(text), SniffLength)]) {
			t.Errorf("%s: not recognised", name)
		}
		a, err := Read(strings.NewReader(text), name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, played(t, a)); diff != "" || a.Requests != 1 {
			t.Errorf("%s: %d other requests (-want +got):\n%s", name, a.Requests, diff)
		}
	}
}

// TestHTTPToolkit: its close, and the end that it calls aborted.
func TestHTTPToolkit(t *testing.T) {
	a, err := Read(strings.NewReader(entryOf("", `,"_webSocketClose":{"code":4001,"reason":"gone","timestamp":1700000002.5}`)), "x")
	if err != nil {
		t.Fatal(err)
	}
	b, err := Read(strings.NewReader(entryOf("", `,"_webSocketClose":"aborted"`)), "x")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"open 1 http://example.com:8443/chat?x=1 101", "open 2 http://example.com:8443/chat?x=1 101",
		`close 1 4001 "gone" false at 1700000002500`, `close 2 0 "" true at 1700000005000`,
	}
	if diff := cmp.Diff(want, played(t, a, b)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestAttached: messages in a file beside the archive, and no other file.
func TestAttached(t *testing.T) {
	dir := t.TempDir()
	lines := `{"type":"send","time":1700000000500,"opcode":1,"data":"one"}` + "\n" + `{"type":"receive","time":-1,"opcode":1,"data":"two"}` + "\n"
	if err := os.WriteFile(filepath.Join(dir, "m.jsonl"), []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, messages := range map[string]int{"m.jsonl": 2, "../m.jsonl": 0, filepath.Join(dir, "m.jsonl"): 0, "none.jsonl": 0} {
		text := strings.Replace(entryOf("", ""), `"response":{"status":101,`, `"response":{"status":101,"content":{"_file":`+string(appendJSON(nil, file))+`},`, 1)
		path := filepath.Join(dir, "x.har")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		a, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := played(t, a); len(got) != 2+messages || (a.Dropped == 0) != (messages == 2) {
			t.Errorf("%s: %q, %d dropped", file, got, a.Dropped)
		} else if messages == 2 && got[2] != `1 2 receive text "two" at 1700000000500` {
			t.Errorf("a message without a time: %s", got[2])
		}
	}
}

// TestOdd: messages that cannot be read are counted, errors of the browser become
// findings, and the other messages are read.
func TestOdd(t *testing.T) {
	a, err := Read(strings.NewReader(entryOf(`{"type":"huh","time":1,"opcode":1,"data":"x"},{"type":"send","time":1700000001,"opcode":99,"data":"x"},
		{"type":"error","time":1700000001,"opcode":-1,"data":"net::ERR"},{"type":"send","time":"late","opcode":1,"data":"y"},
		{"type":"receive","time":1700000002,"opcode":2,"data":"not base64!"},{"type":"send","time":1700000003,"opcode":8,"data":"A+hieWU="}`, "")), "x")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"open 1 http://example.com:8443/chat?x=1 101", `1 har/error "net::ERR"`, `1 1 send text "y" at 1700000001000`,
		`1 2 receive binary "not base64!" at 1700000002000`, `1 3 send close 1000 "\x03\xe8bye"`, `close 1 1000 "bye" false at 1700000005000`,
	}
	if diff := cmp.Diff(want, played(t, a)); diff != "" || a.Dropped != 2 {
		t.Errorf("%d dropped, -want +got:\n%s", a.Dropped, diff)
	}
}

// TestNotAHAR: a word for what is none, and what was read of one that is cut.
// TestTimesStay: messages that stand in another order than their times keep the times, and
// come in their order.
func TestTimesStay(t *testing.T) {
	a, err := Read(strings.NewReader(entryOf(`{"type":"send","time":1700000010,"opcode":1,"data":"question"},
		{"type":"receive","time":1700000001,"opcode":1,"data":"Welcome"},{"type":"receive","time":1700000020,"opcode":1,"data":"answer"}`, "")), "x")
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(played(t, a), "\n")
	for _, want := range []string{`1 1 receive text "Welcome" at 1700000001000`, `1 2 send text "question" at 1700000010000`, `1 3 receive text "answer" at 1700000020000`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}

func TestNotAHAR(t *testing.T) {
	for _, text := range []string{"", "hello", "{}", "[1]", `{"log":5}`, `{"log":{"version":"1.2"}}`, `{"x":{"entries":[]}}`, "\x1f\x8bxx"} {
		if _, err := Read(strings.NewReader(text), "x"); !errors.Is(err, ErrFormat) {
			t.Errorf("%q: %v", text, err)
		}
	}
	whole := entryOf(`{"type":"send","time":1700000000.5,"opcode":1,"data":"one"},{"type":"send","time":1700000000.6,"opcode":1,"data":"two"}`, "")
	for cut := range len(whole) - 1 {
		a, err := Read(strings.NewReader(whole[:cut]), "x")
		if err == nil {
			t.Fatalf("cut at %d: no error", cut)
		}
		if at := strings.Index(whole, `,"data":"two"`); cut > at+14 {
			if got := played(t, a); len(got) < 3 || !strings.Contains(got[1], "one") {
				t.Fatalf("cut at %d: %q", cut, got)
			}
		}
	}
}

// TestWriter holds what is written to what Chrome's importer asks for, as
// facts of its source: these types, or the entry is not shown.
func TestWriter(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out, Options{Version: "1", Control: true})
	at := func(ms int64) timeline.Stamp {
		return timeline.Stamp{Packet: 1, Time: 1_700_000_000_000_000_000 + ms*1e6}
	}
	for id := range uint64(3) {
		c := &timeline.Conn{
			ID: id + 1, Opened: at(0), Ended: at(100), Layers: "tcp",
			Handshake: &timeline.Handshake{
				Request: at(0), Response: at(5), Method: "GET", Scheme: "ws", Host: "a", Path: "/p", Query: "x=1&y=\xff", HTTPVersion: "1.1", Status: 101,
				RequestHeaders: []timeline.Header{{Name: "Cookie", Value: "a=b; c=d"}, {Name: "X", Value: "caf\xe9"}},
			},
		}
		if id == 1 {
			c.Handshake, c.Midstream = nil, true
		}
		w.Open(c)
		w.Message(&timeline.Message{Conn: c, First: at(10), N: 1, Kind: timeline.OpText, Payload: []byte("<b>\u202e\x1b\u0085</b>"), HasPayload: true, Text: true})
		w.Message(&timeline.Message{Conn: c, First: at(11), N: 2, Dir: 1, Kind: timeline.OpText, Payload: []byte("cut"), HasPayload: true, Text: true, Incomplete: true})
		w.Frame(&timeline.Frame{Conn: c, First: at(12), N: 3, Opcode: timeline.OpClose, CloseCode: 1000, Payload: []byte("\x03\xe8bye"), CloseReason: []byte("bye")})
		w.Finding(&timeline.Finding{Conn: c, Rule: &timeline.Rule{ID: "a/b"}, At: at(12), Got: "\xff"})
		c.ClosedBy[0], c.CloseCode, c.CloseText = true, 1000, "bye"
		w.Close(c, at(100))
	}
	w.Done(&timeline.Totals{})
	if w.Err() != nil {
		t.Fatal(w.Err())
	}
	for _, b := range out.Bytes() {
		if b < 0x20 && b != '\n' || b == 0x7f {
			t.Fatalf("byte %#x is in the output", b)
		}
	}
	if strings.ContainsAny(out.String(), "\u202e\u0085") {
		t.Error("a character that terminals obey is in the output")
	}
	var doc any
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	entries := importable(t, doc)
	if len(entries) != 3 {
		t.Fatalf("%d entries", len(entries))
	}
	messages := entries[0].(map[string]any)["_webSocketMessages"].([]any)
	first, second := messages[0].(map[string]any), messages[1].(map[string]any)
	if first["opcode"] != 1.0 || first["data"] != "<b>\u202e\x1b\u0085</b>" || first["time"] != 1700000000.01 {
		t.Errorf("text: %v", first)
	}
	if second["opcode"] != 2.0 || second["_wsdump"].(map[string]any)["incomplete"] != true {
		t.Errorf("incomplete text is bytes: %v", second)
	}
	a, err := Read(bytes.NewReader(out.Bytes()), "x")
	if err != nil {
		t.Fatal(err)
	}
	if got := played(t, a); len(got) != 3*5 {
		t.Errorf("read back: %q", got)
	}
}

// importable checks doc as Chrome's importer does (HAR Importer of DevTools) and
// returns the entries.
func importable(t *testing.T, doc any) []any {
	t.Helper()
	object := func(v any, path string) map[string]any {
		m, ok := v.(map[string]any)
		if !ok {
			t.Fatalf("%s is no object", path)
		}
		return m
	}
	number := func(m map[string]any, keys ...string) {
		for _, k := range keys {
			if _, ok := m[k].(float64); !ok {
				t.Errorf("%s is no number: %v", k, m[k])
			}
		}
	}
	log := object(object(doc, "document")["log"], "log")
	object(log["creator"], "creator")
	entries, ok := log["entries"].([]any)
	if !ok {
		t.Fatal("log.entries is no array")
	}
	for _, e := range entries {
		entry := object(e, "entry")
		number(entry, "time")
		number(object(entry["request"], "request"), "headersSize", "bodySize")
		res := object(entry["response"], "response")
		number(res, "status", "headersSize", "bodySize")
		number(object(res["content"], "content"), "size")
		number(object(entry["timings"], "timings"), "send", "wait", "receive")
		if _, err := time.Parse(time.RFC3339, entry["startedDateTime"].(string)); err != nil {
			t.Error(err)
		}
		if url := object(entry["request"], "request")["url"].(string); !strings.HasPrefix(url, "ws://") && !strings.HasPrefix(url, "wss://") {
			t.Errorf("URL %s", url)
		}
		if entry["_resourceType"] != "websocket" || entry["_webSocketClose"] == nil || entry["_connectionId"] == "" {
			t.Errorf("entry %v", entry)
		}
		for _, m := range entry["_webSocketMessages"].([]any) {
			message := object(m, "message")
			number(message, "time", "opcode")
			if kind := message["type"]; kind != "send" && kind != "receive" {
				t.Errorf("type %v", kind)
			}
			if _, ok := message["data"].(string); !ok {
				t.Errorf("data %v", message["data"])
			}
		}
	}
	return entries
}

// FuzzRead: whatever the file, it ends, and what was read can be played.
func FuzzRead(f *testing.F) {
	f.Add([]byte(entryOf(`{"type":"send","time":1700000000.5,"opcode":1,"data":"x"}`, `,"_webSocketClose":{"code":1}`)))
	f.Add([]byte(`{"log":{"entries":[{"_webSocketMessages":[{"time":1e308,"opcode":1e9,"type":"send"}],"startedDateTime":7,"time":"x"}]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := Read(bytes.NewReader(text), filepath.Join(t.TempDir(), "x"))
		if a == nil {
			if err == nil {
				t.Fatal("neither archive nor error")
			}
			return
		}
		s := &story{}
		if _, err := Play(context.Background(), []*Archive{a}, s, func(*timeline.Handshake, bool) {}); err != nil {
			t.Fatal(err)
		}
	})
}

// TestUnrecorded: an entry without a list of messages is not one without messages.
func TestUnrecorded(t *testing.T) {
	for text, want := range map[string]bool{
		`{"_resourceType":"websocket","request":{"url":"wss://a.example/x"},"response":{"status":101}}`:                                 true,
		`{"request":{"url":"wss://a.example/x"},"response":{"status":101}}`:                                                             true,
		`{"_resourceType":"websocket","_webSocketMessages":[],"request":{"url":"wss://a.example/x"},"response":{"status":101}}`:         false,
		`{"_resourceType":"websocket","request":{"url":"wss://a.example/x"},"response":{"status":403}}`:                                 false,
		`{"_webSocketMessages":[{"type":"send","time":1,"opcode":1,"data":"x"}],"request":{"url":"wss://a"},"response":{"status":101}}`: false,
	} {
		a, err := Read(strings.NewReader(`{"log":{"entries":[`+text+`]}}`), "x")
		if err != nil || len(a.conns) != 1 {
			t.Fatalf("%s: %v", text, err)
		}
		if got := a.conns[0].unrecorded; got != want {
			t.Errorf("%s: unrecorded %v", text, got)
		}
	}
}
