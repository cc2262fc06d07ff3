package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/wsdump/wsdump/timeline"
)

func lines(t *testing.T, out string) (rows []map[string]any) {
	t.Helper()
	for line := range strings.Lines(out) {
		var row map[string]any
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		rows = append(rows, row)
	}
	return rows
}

func TestNDJSONStory(t *testing.T) {
	var out strings.Builder
	story(NewNDJSON(&out, Options{Version: "1.2.3", Files: []string{"chat.pcap"}}))
	const want = `{"type":"start","schema":1,"version":"1.2.3","files":["chat.pcap"]}
{"type":"open","time":"2023-11-14T22:13:20.000700000Z","packet":4,"conn":1,"url":"ws://server.example.com/chat","scheme":"ws","host":"server.example.com","path":"/chat","client":"10.0.0.1:51234","server":"10.0.0.2:80","transport":"tcp","http_version":"1.1","status":101,"accept":"ok","subprotocol":"chat","subprotocols_offered":["chat","superchat"],"extensions":[],"extensions_offered":[],"request_headers":[["Host","server.example.com"],["Upgrade","websocket"]],"response_headers":[["Upgrade","websocket"]],"handshake_ms":12.4,"community_id":"1:QLxQqYtupV5k5diZC6nSoE5E7bY="}
{"type":"message","time":"2023-11-14T22:13:20.013100000Z","packet":8,"conn":1,"n":1,"dir":"send","kind":"text","end_time":"2023-11-14T22:13:20.013100000Z","end_packet":8,"frames":1,"length":5,"wire_length":5,"compressed":false,"text":"hello"}
{"type":"message","time":"2023-11-14T22:13:20.013500000Z","packet":9,"conn":1,"n":2,"dir":"receive","kind":"text","end_time":"2023-11-14T22:13:20.013500000Z","end_packet":9,"frames":1,"length":5,"wire_length":5,"compressed":false,"text":"world"}
{"type":"control","time":"2023-11-14T22:13:25.000200000Z","packet":12,"conn":1,"n":3,"dir":"receive","op":"ping","length":3,"text":"png"}
{"type":"control","time":"2023-11-14T22:13:25.000400000Z","packet":13,"conn":1,"n":4,"dir":"send","op":"pong","length":3,"text":"png","rtt_ms":0.2}
{"type":"control","time":"2023-11-14T22:13:29.100000000Z","packet":15,"conn":1,"n":5,"dir":"send","op":"close","length":5,"code":1000,"reason":"bye"}
{"type":"control","time":"2023-11-14T22:13:29.100300000Z","packet":16,"conn":1,"n":6,"dir":"receive","op":"close","length":2,"code":1000,"reason":""}
{"type":"close","time":"2023-11-14T22:13:29.100500000Z","packet":18,"conn":1,"by":"client","code":1000,"reason":"bye","clean":true,"tcp":"fin","duration_ms":9099.8,"idle_ms":4100,"last_dir":"send","sent":{"messages":1,"frames":3,"bytes":13,"wire_bytes":13},"received":{"messages":1,"frames":3,"bytes":10,"wire_bytes":10}}
{"type":"summary","packets":20,"bytes":1400,"tcp_connections":1,"tls_without_keys":0,"connections":1,"messages":2,"frames":6,"findings":{"error":0,"warning":0,"note":0},"gaps":0,"dropped":0,"skipped":{},"duration_ms":9100.8,"judged":"payload"}
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestNDJSONPayload(t *testing.T) {
	c := chat(1, 0)
	short := Options{Payload: 4}
	for _, test := range []struct {
		name string
		opt  Options
		m    *timeline.Message
		want map[string]any // nil: the key is absent
	}{
		{"text", Options{}, text(c, 0, 1, 1, "h\u00e9llo"), map[string]any{"text": "h\u00e9llo", "base64": nil, "truncated": nil, "length": 6.0}},
		{"cut on a rune", Options{Payload: 2}, text(c, 0, 1, 1, "h\u00e9llo"), map[string]any{"text": "h", "truncated": true, "length": 6.0}},
		{"binary", Options{}, blob(c, 0, 1, 1, "\x00\xff"), map[string]any{"base64": "AP8=", "text": nil}},
		{"binary cut", short, blob(c, 0, 1, 1, "\x00\xff\x00\xff\x00\xff"), map[string]any{"base64": "AP8A/w==", "truncated": true}},
		{"empty binary", Options{}, blob(c, 0, 1, 1, ""), map[string]any{"text": "", "base64": nil}},
		{"text that is not", Options{}, text(c, 0, 1, 1, "\xff"), map[string]any{"base64": "/w==", "text": nil, "kind": "text"}},
		{"none", Options{Payload: PayloadNone}, text(c, 0, 1, 1, "hello"), map[string]any{"text": nil, "base64": nil, "truncated": nil}},
	} {
		var out strings.Builder
		n := NewNDJSON(&out, test.opt)
		n.Message(test.m)
		n.Flush()
		row := lines(t, out.String())[1]
		for key, want := range test.want {
			if got, ok := row[key]; got != want || ok != (want != nil) {
				t.Errorf("%s: %s is %v, want %v", test.name, key, got, want)
			}
		}
	}

	m := text(c, 0, 1, 1, "half \xe2\x82")
	m.Text, m.Incomplete, m.Guessed = true, true, true
	o := blob(c, 1, 1, 1, "\x4a\x00")
	o.Opaque, o.Compressed, o.HasLength, o.Text, o.Kind = true, true, false, true, timeline.OpText
	var out strings.Builder
	n := NewNDJSON(&out, Options{})
	n.Message(m)
	n.Message(o)
	n.Flush()
	rows := lines(t, out.String())
	if r := rows[1]; r["text"] != "half " || r["incomplete"] != true || r["guessed"] != true {
		t.Errorf("a text with a hole: %v", r)
	}
	if _, ok := rows[2]["length"]; ok || rows[2]["base64"] != "SgA=" || rows[2]["text"] != nil {
		t.Errorf("a message that was not inflated: %v", rows[2])
	}
}

func TestNDJSONFrames(t *testing.T) {
	c := chat(1, 0)
	var out strings.Builder
	n := NewNDJSON(&out, Options{Frames: true})
	if needs := n.Needs(c); !needs.Frames || !needs.Payload {
		t.Errorf("needs %+v", needs)
	}
	f := timeline.Frame{
		Conn: c, First: at(3, 1), Last: at(4, 2), Opcode: timeline.OpText, Masked: true,
		MaskKey: [4]byte{0x37, 0xfa, 0x21, 0x3d}, HeaderLength: 6, Length: 3, Payload: []byte("Hel"),
	}
	n.Frame(&f)
	f.Opcode, f.Fin, f.Payload = timeline.OpContinuation, true, []byte("lo!")
	n.Frame(&f)
	n.Frame(&f) // continues nothing, so it may not be text
	n.Frame(control(c, timeline.OpPing, 1, 9, 9, "p"))
	n.Flush()
	rows := lines(t, out.String())[1:]
	if len(rows) != 5 || rows[3]["type"] != "frame" || rows[4]["type"] != "control" {
		t.Fatalf("rows: %v", rows)
	}
	if rows[0]["text"] != "Hel" || rows[1]["text"] != "lo!" || rows[2]["base64"] != "bG8h" {
		t.Errorf("payloads: %v", rows)
	}
	if rows[0]["mask_key"] != "37fa213d" || rows[0]["op"] != "text" || rows[1]["op"] != "continuation" || rows[0]["end_packet"] != 4.0 {
		t.Errorf("header: %v", rows[0])
	}
	if len(n.textual.openTexts) != 0 {
		t.Error("a finished message leaves no state")
	}
}

func TestNDJSONFindingAndFiles(t *testing.T) {
	c := chat(7, 0)
	var out strings.Builder
	n := NewNDJSON(&out, Options{Files: []string{"a.pcap", "b \xff.pcap"}})
	stamp := timeline.Stamp{Packet: 12, FilePacket: 3, File: 1, Time: epoch}
	n.Finding(&timeline.Finding{
		Rule: aRule, Severity: timeline.Warning, Conn: c, N: 2, Dir: 1, HasDir: true, At: stamp,
		Got: "\x1b]0;x\x07", HasOffset: true, Count: 5,
	})
	n.Finding(&timeline.Finding{Rule: aRule, Severity: timeline.Note, At: stamp})
	n.Done(&timeline.Totals{Packets: 3, Skipped: []timeline.Count{{What: "UDP", N: 3}}})
	rows := lines(t, out.String())
	want := map[string]any{
		"type": "finding", "time": "2023-11-14T22:13:20.000000000Z", "packet": 12.0, "file": "b \uFFFD.pcap", "file_packet": 3.0, "conn": 7.0,
		"rule": "ws/mask-missing", "severity": "warning", "n": 2.0, "dir": "receive", "title": aRule.Title, "ref": "RFC 6455 5.1",
		"got": "\x1b]0;x\x07", "offset": 0.0, "count": 5.0,
	}
	for key, value := range want {
		if rows[1][key] != value {
			t.Errorf("%s is %v, want %v", key, rows[1][key], value)
		}
	}
	if len(rows[1]) != len(want) {
		t.Errorf("keys: %v", rows[1])
	}
	if _, ok := rows[2]["conn"]; ok {
		t.Error("a finding without a connection names one")
	}
	if rows[3]["skipped"].(map[string]any)["UDP"] != 3.0 || !strings.HasPrefix(rows[3]["hint"].(string), "0 WebSockets in 3 packets") {
		t.Errorf("summary: %v", rows[3])
	}
	if bytes.ContainsAny([]byte(out.String()), "\x1b\x07") {
		t.Error("a control byte came through")
	}
}

func TestNDJSONMidstreamHasNoHandshakeKeys(t *testing.T) {
	c := chat(1, 0)
	c.Handshake, c.Midstream, c.Guessed = nil, true, true
	var out strings.Builder
	n := NewNDJSON(&out, Options{})
	n.Open(c)
	n.Flush()
	row := lines(t, out.String())[1]
	for _, key := range []string{"url", "status", "accept", "extensions", "request_headers", "handshake_ms", "path", "host"} {
		if _, ok := row[key]; ok {
			t.Errorf("%s is there", key)
		}
	}
	if row["midstream"] != true || row["guessed"] != true || row["client"] != "10.0.0.1:51234" {
		t.Errorf("row: %v", row)
	}
}

func TestNDJSONHideAndCount(t *testing.T) {
	kinds := func(opt Options, list bool) string {
		var out strings.Builder
		n := NewNDJSON(&out, opt)
		n.list = list
		story(n)
		var words []string
		for _, row := range lines(t, out.String()) {
			words = append(words, row["type"].(string))
		}
		return strings.Join(words, " ")
	}
	stops := 0
	for _, test := range []struct {
		opt  Options
		list bool
		want string
	}{
		{Options{Hide: HideControl | HideOpen}, false, "start message message close summary"},
		{Options{Hide: HideMessage | HideClose | HideControl}, false, "start open summary"},
		{Options{Count: 2, Stop: func() { stops++ }}, false, "start open message summary"},
		{Options{}, true, "start connection summary"},
	} {
		if got := kinds(test.opt, test.list); got != test.want {
			t.Errorf("%+v: got %s, want %s", test.opt, got, test.want)
		}
	}
	if stops != 1 {
		t.Errorf("Stop was called %d times", stops)
	}
}

type fullDisk struct{ room int }

var errFull = errors.New("no space left on device")

func (d *fullDisk) Write(b []byte) (int, error) {
	if d.room -= len(b); d.room < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestWriteErrorSticks(t *testing.T) {
	c := chat(1, 0)
	for name, make := range map[string]func(io.Writer, Options) Output{
		"ndjson": func(w io.Writer, o Options) Output { return NewNDJSON(w, o) },
		"table":  func(w io.Writer, o Options) Output { return NewTable(w, o) },
		"list":   func(w io.Writer, o Options) Output { return NewList(w, o) },
	} {
		stops := 0
		out := make(&fullDisk{room: flushAt}, Options{Stop: func() { stops++ }})
		out.Open(c)
		for range 5000 {
			out.Message(text(c, 0, 1, 1, "some words that fill the disk in the end"))
			out.Close(chat(2, 0), at(9, 9))
		}
		out.Done(&timeline.Totals{})
		if !errors.Is(out.Err(), errFull) || !errors.Is(out.Flush(), errFull) || stops != 1 {
			t.Errorf("%s: error %v, %d stops", name, out.Err(), stops)
		}
	}
}

func TestRowsDoNotAllocate(t *testing.T) {
	c := chat(1, 0)
	m := text(c, 0, 8, 13.1, strings.Repeat(`{"a":"b \" c"}`, 20))
	b := blob(c, 0, 8, 13.1, "\x00\x01\x02\x03")
	ping := control(c, timeline.OpPing, 1, 12, 5000.2, "png")
	bye := control(c, timeline.OpClose, 1, 12, 5000.2, "\x03\xe8bye")
	for name, out := range map[string]Output{
		"ndjson":        NewNDJSON(io.Discard, Options{}),
		"ndjson frames": NewNDJSON(io.Discard, Options{Frames: true, Files: []string{"a", "b"}}),
		"table":         NewTable(io.Discard, Options{Width: 100, Color: true}),
	} {
		out.Open(c)
		out.Flush()
		rows := func() {
			out.Message(m)
			out.Message(b)
			out.Frame(ping)
			out.Frame(bye)
		}
		for range 2000 {
			rows()
		}
		if n := testing.AllocsPerRun(2000, rows); n != 0 {
			t.Errorf("%s: %v allocations for four rows", name, n)
		}
	}
}

func benchmarkRows(b *testing.B, out Output) {
	c := chat(1, 0)
	m := text(c, 0, 8, 13.1, `{"channel":"prices","symbol":"ACME","bid":101.25,"ask":101.27,"seq":1234567}`)
	out.Open(c)
	b.ReportAllocs()
	for b.Loop() {
		m.N++
		m.First.Time += 1e6
		out.Message(m)
	}
}

func BenchmarkNDJSON(b *testing.B) { benchmarkRows(b, NewNDJSON(io.Discard, Options{})) }
func BenchmarkTable(b *testing.B)  { benchmarkRows(b, NewTable(io.Discard, Options{Width: 120})) }
func BenchmarkTableUTC(b *testing.B) {
	benchmarkRows(b, NewTable(io.Discard, Options{Time: TimeUTC}))
}
