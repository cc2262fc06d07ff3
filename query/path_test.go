package query

import (
	"strings"
	"testing"
)

func TestPath(t *testing.T) {
	const src = `{"id":7,"user":{"name":"A\u00e9","tokens":["x","y"]},"list":[{"id":1},{"id":[2]}],"odd.name":true,"id":8}`
	for path, want := range map[string]string{
		"json.id":             "8",
		"id":                  "8",
		"user.name":           `"A\u00e9"`,
		"json.user.tokens[1]": `"y"`,
		"user.tokens[-1]":     `"y"`,
		"user.tokens[*]":      `"x" "y"`,
		"user.tokens.*":       `"x" "y"`,
		"list[*].id":          "1 [2]",
		`json["odd.name"]`:    "true",
		"none.at.all":         "",
		"id.deeper":           "",
		"user.*":              `"A\u00e9" ["x","y"]`,
		"json":                src,
	} {
		p, err := ParsePath(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		var d Document
		if !d.Read([]byte(src)) {
			t.Fatal("not read")
		}
		var got []string
		for _, place := range d.Places(p) {
			got = append(got, src[place.Start:place.End])
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s: got %s, want %s", path, s, want)
		}
	}
	p, _ := ParsePath("user.name")
	var d Document
	d.Read([]byte(src))
	if text, ok := d.Text(p); !ok || string(text) != "Aé" {
		t.Errorf("text %q, %v", text, ok)
	}
	if d.Read([]byte(`{"user":`)) || d.Places(p) != nil {
		t.Error("what is no JSON has places")
	}
}

func TestPathErrors(t *testing.T) {
	for path, want := range map[string]string{
		"":         "a name is missing",
		"a..b":     "a name is missing",
		"a[1":      "a ] is missing",
		"a[x]":     "is no number",
		"json[0]x": "a . or [ is missing",
	} {
		if _, err := ParsePath(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", path, err, want)
		}
	}
}
