package normalize

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/wsdump/wsdump/internal/fill"
	"github.com/wsdump/wsdump/timeline"
)

// rules parses rules of the command line.
func rules(t testing.TB, texts ...string) (all []Rule) {
	t.Helper()
	for _, text := range texts {
		r, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if r.String() != text {
			t.Errorf("%s is written %s", text, r)
		}
		all = append(all, r)
	}
	return all
}

func TestPayload(t *testing.T) {
	for _, tc := range []struct {
		rules, in, want string
	}{
		{"json.id=<id>", `{"id": 7 ,"x":1.50}`, `{"id": "<id>" ,"x":1.50}`},
		{"id=<id>", `{"id":{"deep":[1]}}`, `{"id":"<id>"}`},
		{"json.id=<id>", `{"no":1}`, `{"no":1}`},
		{"json.id=<id>", `{"id":7`, `{"id":7`}, // cut: not JSON
		{"json.id=<id>", `id 7`, `id 7`},
		{"json.id=<id>", ``, ``},
		{"json=<all>", `[1]`, `"<all>"`},
		{`json.id=say "\`, `{"id":1}`, `{"id":"say \"\\"}`},
		{"json.id=", `{"id":1}`, `{"id":""}`},
		{"items[*].t=<t>", `{"items":[{"t":1},{},{"t":"x"}]}`, `{"items":[{"t":"<t>"},{},{"t":"<t>"}]}`},
		{"json.a.b=<b> & json.a=<a>", `{"a":{"b":1}}`, `{"a":"<a>"}`}, // the outer one, in any order
		{"json.a=<a> & json.a.b=<b>", `{"a":{"b":1}}`, `{"a":"<a>"}`},
		{"json.a=<1> & json.a=<2>", `{"a":0}`, `{"a":"<1>"}`}, // the first one
		{"match:[0-9a-f]{4}=<hex>", `x 00ff y dead`, `x <hex> y <hex>`},
		{"match:^a=<x>", `aaa`, `<x>aa`},  // anchored to the beginning, not to the last match
		{"match:a*=<x>", `baab`, `b<x>b`}, // a match of nothing stays
		{"match:a=$0", `a`, `$0`},
		{"match:a=b=<x>", `a=b`, `<x>`}, // the last equals sign counts
		{"match:a=b & match:b=c", `ab`, `cc`},
		{"match:<id>=<x> & json.id=<id>", `{"id":1}`, `{"id":"<x>"}`}, // paths come first
		{"match:t=<t> & json.t=<t>", `{"t":`, `{"<t>":`},
	} {
		all := rules(t, strings.Split(tc.rules, " & ")...)
		in := []byte(tc.in)
		if got := string(Payload([]byte("before "), in, all)); got != "before "+tc.want {
			t.Errorf("%s of %s: got %s, want %s", tc.rules, tc.in, got, tc.want)
		}
		if string(in) != tc.in {
			t.Errorf("%s: what was given is %s now", tc.rules, in)
		}
		n := NewNormalizer(all)
		if got, changed := n.Payload(in); changed != (tc.in != tc.want) || string(got) != tc.want {
			t.Errorf("%s of %s: %s, changed %v", tc.rules, tc.in, got, changed)
		}
	}
}

func TestText(t *testing.T) {
	n := NewNormalizer(rules(t, "match:localhost:[0-9]+=<host>", "json.id=<id>"))
	if got := n.Text("ws://localhost:4711/chat"); got != "ws://<host>/chat" {
		t.Error(got)
	}
}

func TestErrors(t *testing.T) {
	for text, want := range map[string]string{
		"json.id":                       "the word to put in place is missing",
		"json..id=<id>":                 "a name is missing in the path",
		"=<id>":                         "a name is missing in the path",
		"match:=<id>":                   "the pattern is empty",
		"match:[=<id>":                  "missing closing ]",
		"json.id=\xff":                  "is not UTF-8",
		"a=" + strings.Repeat("x", 257): "has 257 bytes; at most 256 are taken",
		"match:" + strings.Repeat("x", 99999) + "=": "bytes; at most",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %s", text, err, want)
		}
	}
}

// kept is a sink that keeps what tests look at.
type kept struct {
	timeline.Nop
	payloads []string
	reasons  []string
	given    *timeline.Message
	frame    *timeline.Frame
}

func (k *kept) Message(m *timeline.Message) {
	k.given = m
	k.payloads = append(k.payloads, string(m.Payload))
}

func (k *kept) Frame(f *timeline.Frame) {
	k.frame = f
	k.payloads = append(k.payloads, string(f.Payload))
	k.reasons = append(k.reasons, string(f.CloseReason))
}

// TestSink: text is changed in a copy. Binary payload, payload that is still compressed,
// and payload without a match pass as they are.
func TestSink(t *testing.T) {
	k := &kept{}
	if New(k, nil) != timeline.Sink(k) {
		t.Error("a sink without rules is one more")
	}
	s := New(k, rules(t, "json.id=<id>", `match:\d{4,}=<n>`))
	for _, m := range []timeline.Message{
		{Kind: timeline.OpText, Payload: []byte(`{"id":1}`)},
		{Kind: timeline.OpText, Payload: []byte(`at 12345`), Length: 8},
		{Kind: timeline.OpText, Payload: []byte(`fine`)},
		{Kind: timeline.OpBinary, Payload: []byte(`12345`)},
		{Kind: timeline.OpText, Payload: []byte(`12345`), Opaque: true},
	} {
		before := string(m.Payload)
		s.Message(&m)
		if string(m.Payload) != before || m.Length != k.given.Length {
			t.Errorf("%s became %s, length %d", before, m.Payload, k.given.Length)
		}
	}
	for _, f := range []timeline.Frame{
		{Opcode: timeline.OpPing, Payload: []byte("12345")},
		{Opcode: timeline.OpPong, Payload: []byte("12345\xff")},
		{Opcode: timeline.OpClose, Payload: []byte("\x03\xe8at 12345"), CloseCode: 1000, CloseReason: []byte("at 12345")},
		{Opcode: timeline.OpClose, Payload: []byte("\x03\xe8"), CloseCode: 1000},
		{Opcode: timeline.OpText, Payload: []byte("12345")},
	} {
		s.Frame(&f)
	}
	want := []string{`{"id":"<id>"}`, "at <n>", "fine", "12345", "12345", "<n>", "12345\xff", "\x03\xe8at <n>", "\x03\xe8", "12345"}
	if strings.Join(k.payloads, "|") != strings.Join(want, "|") || k.reasons[2] != "at <n>" {
		t.Errorf("got %q, reasons %q", k.payloads, k.reasons)
	}
}

// TestSinkDerived: no field that was derived from a payload outlives it. SetPayload
// knows these fields, also those that are added later.
func TestSinkDerived(t *testing.T) {
	skip := fill.Skip{"Message.Conn": true, "Frame.Conn": true}
	r := rules(t, `match:\d{4,}=<n>`)
	for _, payload := range []string{"at 12345", "at 12345\xff"} {
		var m timeline.Message
		fill.Fill(&m, skip)
		m.Kind, m.Opaque, m.Payload = timeline.OpText, false, []byte(payload)
		want := m
		want.SetPayload([]byte(strings.Replace(payload, "12345", "<n>", 1)))
		k := &kept{}
		New(k, r).Message(&m)
		if !reflect.DeepEqual(k.given, &want) {
			t.Errorf("got %+v, want %+v", k.given, want)
		}
	}
	for _, op := range []timeline.Opcode{timeline.OpPing, timeline.OpClose} {
		var f timeline.Frame
		fill.Fill(&f, skip)
		f.Opcode, f.Payload, f.CloseReason = op, []byte("..at 12345"), []byte("at 12345")
		want := f
		want.SetPayload([]byte("..at <n>"))
		k := &kept{}
		New(k, r).Frame(&f)
		if !reflect.DeepEqual(k.frame, &want) {
			t.Errorf("got %+v, want %+v", k.frame, want)
		}
	}
}

// TestNoAllocations: payload without a match costs none, also JSON that is parsed and
// has no such path.
func TestNoAllocations(t *testing.T) {
	s := New(timeline.Nop{}, rules(t, "json.id=<id>", "json.list[*].time=<t>", "match:[0-9a-f]{8}-[0-9a-f]{4}=<uuid>"))
	for _, text := range []string{`{"type":"next","payload":{"data":[1,2,3]}}`, "hello", ""} {
		m := &timeline.Message{Kind: timeline.OpText, Payload: []byte(text)}
		if n := testing.AllocsPerRun(100, func() { s.Message(m) }); n != 0 {
			t.Errorf("%s: %v allocations", text, n)
		}
	}
}

// FuzzPayload: any payload can be normalized, always with the same result. JSON stays
// JSON, UTF-8 stays UTF-8, and a second time changes nothing.
func FuzzPayload(f *testing.F) {
	f.Add([]byte(`{"id":7,"list":[{"t":1},{"t":[2]}],"at":"2026-11-25T10:00:00Z"}`))
	f.Add([]byte("at 1732530000 \xff"))
	f.Add([]byte(`{"id":1,"\u0069d":{"id":2}}`))
	all := rules(f, "json.id=<id>", "list[*].t=<t>", `match:\d{4}-\d\d=<date>`)
	n := NewNormalizer(all)
	f.Fuzz(func(t *testing.T, payload []byte) {
		before := bytes.Clone(payload)
		got, changed := n.Payload(payload)
		once := bytes.Clone(got)
		if !bytes.Equal(before, payload) {
			t.Fatal("what was given was changed")
		}
		if changed == bytes.Equal(before, once) || !bytes.Equal(once, Payload(nil, payload, all)) {
			t.Fatalf("changed %v, %q, %q", changed, once, Payload(nil, payload, all))
		}
		if utf8.Valid(before) && !utf8.Valid(once) || json.Valid(before) && !json.Valid(once) && !bytes.Contains(once, []byte("<date>")) {
			t.Fatalf("%q became %q", before, once)
		}
		if len(once) > len(before)*MaxWith+MaxWith {
			t.Fatalf("%d bytes became %d", len(before), len(once))
		}
		if again := Payload(nil, once, all); !bytes.Equal(again, once) && !bytes.Contains(once, []byte("<date>")) {
			t.Fatalf("%q, then %q", once, again)
		}
	})
}
