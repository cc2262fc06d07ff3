package query

import (
	"encoding/json"
	"reflect"
	"testing"
	"unicode/utf8"

	"github.com/wsdump/wsdump/timeline"
)

var seeds = []string{
	`type == "message" and dir == "receive" and length > 1024`, `text matches "^4[0-9]"`, `json.type in ["a", null, 1] or json.list[-1].k ?? "x" == "x"`,
	`op == "close" and code in 1000..1001`, `bytes[0:2] == hex("0aff") or bytes[-1] not in [1, 2]`, `not (rtt_ms * 2 > 1) ? clean : has(json)`,
	`request_header("cookie") contains "a" && "chat" in subprotocols_offered`, `lower(text) | upper() | len() > 1`, `time < "2026-01-01T00:00:00Z"`,
	`sent.messages > 1 and findings.error == 0`, `"a" in json and json["a"] not in json.list`,
}

// FuzzCompile: any text compiles or has an error with a place inside it, and
// what compiles judges any row, the same each time.
func FuzzCompile(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	c := closed(chat())
	rows := []func(*Row){
		fill(message(chat(), `{"a":[1,{"b":null}],"type":"x"}`)), fill(opaque(message(midstream(), "x"))), fill(incomplete(message(chat(), "ab"))),
		fill(pong(chat(), 1)), asFrame(pong(chat(), 1)), fill(chat()), fill(c), fill(open(chat())), fill(&timeline.Finding{At: at(1, 1)}),
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, s := range []Scope{Rows, Connections} {
			p, err := Compile(text, s)
			if err != nil {
				e := err.(*Error)
				if e.Offset < 0 || e.Offset > len(text) || e.Line < 1 || e.Column < 1 || e.Message == "" || e.Error() == "" {
					t.Fatalf("place of the error: %+v", e)
				}
				continue
			}
			var r Row
			for _, fill := range append(rows, whole(c), func(*Row) {}) {
				fill(&r)
				if v := p.Match(&r); v > Unknown || p.Match(&r) != v {
					t.Fatalf("%q: verdict %d", text, v)
				}
			}
			p.CouldMatch(&r, chat())
		}
	})
}

// FuzzMatch: any payload can be judged, and JSON is read as encoding/json
// reads it.
func FuzzMatch(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":null}],"type":"x\u00e9\ud83d\ude00\ud800"}`), false)
	f.Add([]byte(` [ -0.5e+3 , [ ] , { } , "" , true ] `), true)
	f.Add([]byte("{\"\\u0061\":1e999}\xff"), false)
	var programs []*Program
	for _, s := range seeds {
		if p, err := Compile(s, Rows); err == nil {
			programs = append(programs, p)
		}
	}
	root, err := Compile(`has(json)`, Rows)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, payload []byte, part bool) {
		m := message(chat(), string(payload))
		m.Incomplete = part
		var r Row
		r.OfMessage(m)
		for _, p := range programs {
			p.Match(&r)
		}
		if part || len(payload) > 1000 {
			return
		}
		want := json.Valid(payload) && utf8.Valid(payload)
		if got := root.Match(&r) == True; got != want {
			t.Fatalf("%q is JSON: %v, want %v", payload, got, want)
		}
		if want {
			var v any
			if err := json.Unmarshal(payload, &v); err == nil { // not where a number is out of range
				if got := tree(&r.json, 0); !reflect.DeepEqual(got, v) {
					t.Fatalf("%q reads as %#v, want %#v", payload, got, v)
				}
			}
		}
	})
}

// tree builds what encoding/json builds.
func tree(d *document, i uint32) any {
	v := d.value(i)
	switch v.kind {
	case kindBool:
		return v.num != 0
	case kindNumber:
		return v.num
	case kindText:
		return string(v.raw)
	case kindArray:
		a := []any{}
		for k := range d.len(i) {
			e, _ := d.item(i, k)
			a = append(a, tree(d, e))
		}
		return a
	case kindObject:
		o := map[string]any{}
		for k := i + 1; k < d.nodes[i].next; k = d.nodes[k+1].next {
			key := string(d.text(&d.nodes[k]))
			e, _ := d.member(i, key)
			o[key] = tree(d, e)
		}
		return o
	}
	return nil
}
