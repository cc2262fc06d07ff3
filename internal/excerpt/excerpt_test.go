package excerpt

import (
	"strings"
	"testing"
)

func TestAt(t *testing.T) {
	for _, tc := range []struct {
		text  string
		place int
		want  string
	}{
		{"a and b", 6, "  a and b\n        ^"},
		{"one\ntwo three\nfour", 8, "  two three\n      ^"},
		{"\x1b[2J\u202e x", 8, "  ?[2J? x\n        ^"},
		{"", 0, "  \n  ^"},
	} {
		if got := At(tc.text, tc.place); got != tc.want {
			t.Errorf("%q: %q, want %q", tc.text, got, tc.want)
		}
	}
	if got := At(strings.Repeat("x", 500), 400); len([]rune(got)) > 3*Width || !strings.Contains(got, "…") {
		t.Errorf("a long line is not cut: %q", got)
	}
}
