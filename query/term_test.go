package query

import (
	"errors"
	"testing"
)

func TestTerm(t *testing.T) {
	m := message(chat(), `{"id":7,"s":"a\nb","f":1.5,"n":null,"o":{"x":[10,-20]},"t":true}`)
	var r Row
	for text, want := range map[string]string{
		"json.id": "7", "json.s": "a\nb", "json.f": "1.5", "json.o.x[1]": "-20", "json.t": "true", "length": "66",
		"json.n": "", "json.o": "", "json.missing": "", "json.id.x": "",
	} {
		p, err := CompileTerm(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		m.Length, m.HasLength = uint64(len(m.Payload)), true
		if text == "length" {
			m.Length = 66
		}
		got, ok := p.Of(nil, &r, m)
		if string(got) != want || ok != (want != "") {
			t.Errorf("%s: %q %v, want %q", text, got, ok, want)
		}
	}
	m.Incomplete = true
	if p, _ := CompileTerm("json.id"); p != nil {
		if got, ok := p.Of(nil, &r, m); ok {
			t.Errorf("half a message has the id %q", got)
		}
	}
}

func TestTermErrors(t *testing.T) {
	for _, text := range []string{"", "json.", `dir == "send"`, `"id"`, "jsn.id", "extensions", "1"} {
		_, err := CompileTerm(text)
		if wrong := (*Error)(nil); !errors.As(err, &wrong) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
