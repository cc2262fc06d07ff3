package query

import (
	"strings"
	"testing"

	"github.com/wsdump/wsdump/timeline"
)

var benchmarks = []struct{ name, text string }{
	{"three", `type == "message" and dir == "receive" and length > 10`},
	{"path", `path startsWith "/chat" and conn == 3`},
	{"contains", `text contains "subscribe"`},
	{"matches", `text matches "sub[a-z]+be"`},
	{"json", `json.type == "subscribe"`},
	{"json3", `dir == "receive" and json.type in ["next", "error", "subscribe"] and json.payload.id > 5`},
}

const benchPayload = `{"id":"1f0c","type":"subscribe","payload":{"query":"subscription { prices(symbol: \"ABC\") { bid ask } }","id":17}}`

func BenchmarkMatch(b *testing.B) {
	m := message(chat(), benchPayload)
	for _, bm := range benchmarks {
		b.Run(bm.name, func(b *testing.B) {
			p, err := Compile(bm.text, Rows)
			if err != nil {
				b.Fatal(err)
			}
			var r Row
			b.ReportAllocs()
			for b.Loop() {
				r.OfMessage(m)
				if p.Match(&r) != True {
					b.Fatal("no match")
				}
			}
		})
	}
}

func BenchmarkFilter(b *testing.B) {
	p, err := Compile(benchmarks[0].text, Rows)
	if err != nil {
		b.Fatal(err)
	}
	f := NewFilter(timeline.Nop{}, p)
	m := message(chat(), benchPayload)
	b.ReportAllocs()
	for b.Loop() {
		f.Message(m)
	}
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		if _, err := Compile(benchmarks[5].text, Rows); err != nil {
			b.Fatal(err)
		}
	}
}

// TestNoAllocations: judging a row costs none, JSON included.
func TestNoAllocations(t *testing.T) {
	c := chat()
	m, frame := message(c, benchPayload), pong(c, 1)
	more := []struct{ name, text string }{
		{"escaped", `json.payload.query contains "ABC"`},
		{"url", `url contains "zzz" or client == server`},
		{"frame", `op == "pong" and mask_key == "dead000f" or bytes contains hex("00")`},
		{"header", `request_header("cookie") contains "x" or origin == "a" or time < "2026-01-01T00:00:00Z"`},
	}
	for _, bm := range append(benchmarks, more...) {
		p, err := Compile(bm.text, Rows)
		if err != nil {
			t.Fatal(err)
		}
		var r Row
		n := testing.AllocsPerRun(100, func() {
			r.OfMessage(m)
			p.Match(&r)
			r.OfFrame(frame)
			p.Match(&r)
		})
		if n != 0 {
			t.Errorf("%s: %v allocations", bm.text, n)
		}
	}
}

// TestBounds: a payload that is made to cost much is unknown, not slow.
func TestBounds(t *testing.T) {
	for name, payload := range map[string]string{
		"deep": strings.Repeat("[", 1<<20) + strings.Repeat("]", 1<<20),
		"wide": "[" + strings.Repeat("0,", 3<<20) + "0]",
	} {
		var r Row
		check(t, Rows, func(*Row) {}, "false has(json)")
		fillWith(&r, payload)
		p, err := Compile("has(json)", Rows)
		if err != nil {
			t.Fatal(err)
		}
		if v := p.Match(&r); v != Unknown {
			t.Errorf("%s: %s", name, v)
		}
		fillWith(&r, "[]")
		if v := p.Match(&r); v != True || cap(r.json.nodes) > maxHeld {
			t.Errorf("after %s: %s, %d nodes held", name, v, cap(r.json.nodes))
		}
	}
	check(t, Rows, fill(message(chat(), strings.Repeat("a", maxMatched+1))), `unknown text matches "b"`)
	check(t, Rows, fill(message(chat(), strings.Repeat("a", maxMatched))), `false text matches "b"`)
}

func fillWith(r *Row, payload string) { r.OfMessage(message(chat(), payload)) }
