package terminal

import (
	"strings"
	"testing"

	"github.com/clipperhouse/displaywidth"

	"github.com/wsdump/wsdump/internal/terminal/terminaltest"
)

func TestAppendSafe(t *testing.T) {
	for _, test := range []struct {
		in    string
		width int
		want  string
	}{
		{"plain", 80, "plain"},
		{"exact", 5, "exact"},
		{"longer", 5, "long…"},
		{"x", 1, "x"},
		{"xy", 1, "…"},
		{"xy", 0, ""},
		{"\x1b[31mred\x1b]0;title\x07", 80, `\u001b[31mred\u001b]0;title\u0007`},
		{"a\tb\r\nc\x7f", 80, `a\tb\r\nc\u007f`},
		{"C1 \u009b31m \u0085", 80, `C1 \u009b31m \u0085`},
		{"\u202eevil\u202c \u2066x\u2069 \u200e\u200f\u061c", 80, `\u202eevil\u202c \u2066x\u2069 \u200e\u200f\u061c`},
		{"line\u2028par\u2029", 80, `line\u2028par\u2029`},
		{"zero\u200bwidth\ufeff", 80, `zero\u200bwidth\ufeff`},
		{"tag \U000E0041", 80, `tag \u{e0041}`},
		{"caf\u00e9 \xff\xc3(", 80, "caf\u00e9 \\xff\\xc3("},
		{"\u65e5\u672c\u8a9e", 6, "\u65e5\u672c\u8a9e"},
		{"\u65e5\u672c\u8a9e", 5, "\u65e5\u672c…"},
		{"\u65e5\u672c\u8a9e", 4, "\u65e5…"}, // half a character never stands
		{"\U0001F468\u200d\U0001F469\u200d\U0001F467 family", 80, "\U0001F468\u200d\U0001F469\u200d\U0001F467 family"},
		{"\x1bxyz", 5, "…"}, // an escape is not cut in two
	} {
		b, columns := AppendSafe(nil, []byte(test.in), test.width)
		if got := string(b); got != test.want {
			t.Errorf("%q in %d columns: got %q, want %q", test.in, test.width, got, test.want)
		}
		if want := displaywidth.String(test.want); columns != want {
			t.Errorf("%q in %d columns: says %d columns, is %d", test.in, test.width, columns, want)
		}
	}
}

func TestSafeBoundsCombiningMarks(t *testing.T) {
	zalgo := "a" + strings.Repeat("\u0301", 100_000) + "end"
	b, columns := AppendSafe(nil, []byte(zalgo), 40)
	if len(b) > 400 || columns > 40 || !strings.HasSuffix(string(b), "…") {
		t.Errorf("%d bytes in %d columns", len(b), columns)
	}
}

func FuzzSafe(f *testing.F) {
	f.Add([]byte("\x1b[31m\u202e \u65e5\u672c \xff\xfe e\u0301 \U0001F468\u200d\U0001F469"), 10)
	f.Add([]byte("\u200c\u200d\u200c\u1160\u034f"), 3)
	f.Fuzz(func(t *testing.T, in []byte, width int) {
		width %= 500
		out, columns := AppendSafe(nil, in, width)
		terminaltest.CheckHarmless(t, in, out)
		if width > 0 && columns > width || width <= 0 && len(out) > 0 {
			t.Fatalf("%q in %d columns gives %d", in, width, columns)
		}
		if max := (width + 1) * 64; width > 0 && len(out) > max {
			t.Fatalf("%q in %d columns gives %d bytes", in, width, len(out))
		}
		whole, _ := AppendSafe(nil, in, NoLimit)
		terminaltest.CheckHarmless(t, in, whole)
		if cut := len(out) != len(whole); cut && width > 0 && !strings.HasSuffix(string(out), Ellipsis) {
			t.Fatalf("%q in %d columns is cut without a word: %q", in, width, out)
		}
	})
}

func TestAppendCut(t *testing.T) {
	for _, s := range []string{"", "x", "ws://10.0.0.1/chat", "caf\u00e9 on the wire", "\u65e5\u672c\u8a9e", `\x1b[31m`} {
		for width := range Columns(s) + 2 {
			got, used := AppendCut(nil, []byte(s), width)
			if want := Cut(s, width); width > 0 && (string(got) != want || used != Columns(want)) {
				t.Errorf("%q cut to %d columns: %q of %d, want %q", s, width, got, used, want)
			}
		}
	}
}
