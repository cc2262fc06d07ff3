package query

import (
	"errors"
	"strings"
	"testing"

	"github.com/wsdump/wsdump/internal/excerpt"
)

func TestErrors(t *testing.T) {
	long := `conn == 1 and path == "/a" and status == 101 and subprotocol == "graphql-transport-ws" and lenght > 3 and origin == "https://example.com" and t > 4`
	for _, tc := range []struct {
		scope         Scope
		text          string
		line, column  int
		message, hint string
	}{
		{Rows, ``, 1, 1, "the expression is empty", "for instance"},
		{Rows, `conn == 1 and lenght > 3`, 1, 15, `no field "lenght"`, "did you mean length?"},
		{Rows, long, 1, strings.Index(long, "lenght") + 1, "lenght", "length"},
		{Rows, "conn == 1 and\n  opp == \"ping\"", 2, 3, `no field "opp"`, "did you mean op?"},
		{Rows, `"Köln" == txt`, 1, 11, `no field "txt"`, "did you mean text?"},
		{Rows, `payload contains "x"`, 1, 1, "payload", "text or bytes"},
		{Rows, `subscribe == 1`, 1, 1, "subscribe", "json.subscribe"},
		{Rows, `sent == 1`, 1, 1, "sent", "sent.messages"},
		{Rows, `sent.mesages == 1`, 1, 1, "sent.mesages", "did you mean sent.messages?"},
		{Rows, `findings.error > 0`, 1, 1, "whole connections only", "list -Y"},
		{Connections, `text == "a"`, 1, 1, "belongs to single rows", ""},
		{Rows, `length > "3"`, 1, 8, "the field length, which is number cannot be compared with text", "without quotes"},
		{Rows, `length`, 1, 1, "a condition is needed here, and this is the field length, which is number", "has"},
		{Rows, `conn == 1 and length`, 1, 15, "a condition is needed", ""},
		{Rows, `dir == "sent"`, 1, 8, `dir is never "sent"`, "did you mean send? it is one of send, receive"},
		{Rows, `type in ["message", "mesage"]`, 1, 21, `type is never "mesage"`, "message"},
		{Rows, `"message" != kind`, 1, 1, "kind is never", "text, binary"},
		{Rows, `type == "connection"`, 1, 9, "type is never", "open, message"},
		{Connections, `type == "message"`, 1, 9, "type is never", "it is one of connection"},
		{Rows, strings.Repeat("(", MaxText-20) + "conn", 1, 0, "ends too early", ""},
		{Rows, `conn = 1`, 1, 6, "not expected here", "write =="},
		{Rows, `conn == `, 1, 9, "ends too early", ""},
		{Rows, `(conn == 1`, 1, 11, "ends too early", ""},
		{Rows, `conn == 1)`, 1, 10, "not expected here", ""},
		{Rows, `text matches "("`, 1, 14, "the pattern cannot be read", "RE2"},
		{Rows, `text matches text`, 1, 14, "must be text in quotes", ""},
		{Rows, `text matches "` + strings.Repeat("a", 2000) + `"`, 1, 14, "the pattern has 2000 bytes", ""},
		{Rows, `now() > 1`, 1, 1, `no function "now"`, "there are has"},
		{Rows, `date("2026-01-01") == 1`, 1, 1, `no function "date"`, ""},
		{Rows, `len(map(1..10000000, #)) > 1`, 1, 5, `no function "map"`, ""},
		{Rows, `all(1..10000000, # > 1)`, 1, 1, `no function "all"`, ""},
		{Rows, `hs(text)`, 1, 1, `no function "hs"`, "did you mean has?"},
		{Rows, `has()`, 1, 1, "takes one argument", ""},
		{Rows, `has(1)`, 1, 5, "has asks for", ""},
		{Rows, `bytes contains hex("0g")`, 1, 20, "not bytes in hex", ""},
		{Rows, `text contains hex("00")`, 1, 15, "cannot be looked for in text", "bytes"},
		{Rows, `text.lower() == "a"`, 1, 6, "no functions of their own", ""},
		{Rows, `text.a == "a"`, 1, 6, "has no members", ""},
		{Rows, `text[0] == "a"`, 1, 5, "has no elements", ""},
		{Rows, `text[0:1] == "a"`, 1, 5, "only bytes can be cut", ""},
		{Rows, `code in []`, 1, 9, "empty list", ""},
		{Rows, `[1] == [1]`, 1, 1, "to the right of in", ""},
		{Rows, `1..2`, 1, 2, "to the right of in", ""},
		{Rows, `"a" in text`, 1, 5, "in looks into lists", "text contains"},
		{Rows, `extensions contains "a"`, 1, 1, "looks into text", "x in extensions"},
		{Rows, `extensions == "a"`, 1, 12, "a list cannot be compared", ""},
		{Rows, `rtt_ms == null`, 1, 8, "only members of json can be null", "has"},
		{Rows, `clean > true`, 1, 7, "in order", ""},
		{Rows, `time > "yesterday"`, 1, 8, "not a time", "2026"},
		{Rows, `time > "0001-01-01T00:00:00Z"`, 1, 8, "not a time", ""},
		{Rows, `text + "a" == "b"`, 1, 1, "+ takes numbers", ""},
		{Rows, `-text == 1`, 1, 1, "- takes a number", ""},
		{Rows, `let x = 1; x == 1`, 1, 5, "without let", ""},
		{Rows, `conn == 1; conn == 2`, 1, 6, "without let and ;", ""},
		{Rows, `{a: 1}.a == 1`, 1, 1, "not part of this language", ""},
		{Rows, `(text ?? 1) == 1`, 1, 10, "both sides of ??", ""},
		{Rows, `(bytes ?? text) == "a"`, 1, 11, "both sides of ??", ""},
		{Rows, `(conn == 1 ? bytes : t) == 1`, 1, 22, "both outcomes", ""},
		{Rows, `conn == 99999999999999999999`, 1, 0, "invalid integer literal", ""},
		{Rows, "conn == 1 \xff", 1, 0, "nrecognized", ""},
		{Rows, strings.Repeat("not ", 3000) + "clean", 1, 0, "too large", ""},
		{Rows, strings.Repeat("a", MaxText+1), 1, 1, "at most", ""},
	} {
		_, err := Compile(tc.text, tc.scope)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%.60s: error is %v", tc.text, err)
			continue
		}
		if e.Line != tc.line || tc.column != 0 && e.Column != tc.column || !strings.Contains(e.Message, tc.message) || !strings.Contains(e.Hint, tc.hint) {
			t.Errorf("%.60s: got %d:%d %q, hint %q; want %d:%d %q, %q", tc.text, e.Line, e.Column, e.Message, e.Hint, tc.line, tc.column, tc.message, tc.hint)
		}
		lines := strings.Split(e.Excerpt(), "\n")
		if len(lines) != 2 || len([]rune(lines[0])) > excerpt.Width+6 {
			t.Errorf("%.60s: excerpt is %q", tc.text, e.Excerpt())
		}
	}
}

func TestExcerpt(t *testing.T) {
	_, err := Compile("conn == 1 and\n\t\"Köln\x1b[31m\" == txt and n > 1", Rows)
	want := "there is no field \"txt\" (line 2, column 17); did you mean text?\n" +
		"   \"Köln?[31m\" == txt and n > 1\n" +
		"                  ^"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	var e *Error
	if errors.As(err, &e) && e.Expr[e.Offset:e.Offset+3] != "txt" {
		t.Errorf("offset is %d", e.Offset)
	}
}

func TestNearest(t *testing.T) {
	names := []string{"length", "wire_length", "text", "dir", "op"}
	for word, want := range map[string]string{"lenght": "length", "LENGTH": "length", "wirelength": "wire_length", "tetx": "text", "dri": "dir", "zzzz": "", "": "", "o": "op"} {
		if got := Nearest(word, names); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
}

// TestFields: every field compiles in its scopes, and nowhere else.
func TestFields(t *testing.T) {
	seen := map[string]bool{}
	for i := range allFields {
		f := &allFields[i]
		if seen[f.Name] || f.Text == "" || f.Rows == "" || f.get == nil {
			t.Errorf("%s: doubled or without a word on it", f.Name)
		}
		seen[f.Name] = true
		for _, s := range []Scope{Rows, Connections} {
			p, err := Compile("has("+f.Name+")", s)
			if (err == nil) != f.in(s) {
				t.Errorf("%s in scope %d: %v", f.Name, s, err)
			}
			if err == nil && (len(p.Fields()) != 1 || p.Fields()[0] != f || !p.Uses(f.Name)) {
				t.Errorf("%s: fields are %v", f.Name, p.Fields())
			}
		}
	}
	var r Row // a row filled with nothing, and one of any kind, has everything absent or unknown
	for i := range allFields {
		if f := &allFields[i]; f.get(&r).state != stateAbsent {
			t.Errorf("%s of an empty row is there", f.Name)
		}
	}
}
