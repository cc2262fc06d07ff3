package ndjson

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/wsdump/wsdump/internal/terminal/terminaltest"
)

func TestAppendString(t *testing.T) {
	for in, want := range map[string]string{
		"":                            `""`,
		"plain":                       `"plain"`,
		"a \"quoted\" \\ path":        `"a \"quoted\" \\ path"`,
		"line\nreturn\rtab\t":         `"line\nreturn\rtab\t"`,
		"\x00\x01\x1b[31m\x7f":        `"\u0000\u0001\u001b[31m\u007f"`,
		"<a href='x'>&amp;</a>":       `"<a href='x'>&amp;</a>"`,
		"caf\u00e9 \u20ac \U0001F600": "\"caf\u00e9 \u20ac \U0001F600\"",
		"\u0085\u009b31m":             `"\u0085\u009b31m"`,
		"\u202eevil\u2069\u2028":      `"\u202eevil\u2069\u2028"`,
		"bad \xff\xc3( \xe2\x82":      "\"bad \uFFFD\uFFFD( \uFFFD\uFFFD\"",
		"long enough for words: \x01": `"long enough for words: \u0001"`,
	} {
		if got := string(AppendString(nil, in)); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

// FuzzAppendBytes holds the fast escape to encoding/json: what it writes reads
// back as the same text, with nothing in it that a terminal obeys.
func FuzzAppendBytes(f *testing.F) {
	f.Add([]byte("hello \"world\" and more than eight bytes \x1b\xc2\x9b\xe2\x80\xae\xff"))
	f.Add([]byte("\xe2\x80"))
	f.Fuzz(func(t *testing.T, in []byte) {
		out := AppendBytes(nil, in)
		var got string
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("%q gives %s: %v", in, out, err)
		}
		if want := toValid(in); got != want {
			t.Fatalf("%q reads back as %q, want %q", in, got, want)
		}
		terminaltest.CheckHarmless(t, in, out)
		latin := AppendLatin1(nil, string(in))
		if err := json.Unmarshal(latin, &got); err != nil {
			t.Fatalf("%q gives %s: %v", in, latin, err)
		}
		if n := utf8.RuneCountInString(got); n != len(in) {
			t.Fatalf("%q as Latin-1 has %d characters, want %d", in, n, len(in))
		}
		terminaltest.CheckHarmless(t, in, latin)
	})
}

// checkEscape holds eight and sixteen bytes at a time to one at a time, and to the
// room that they are given.
func checkEscape(t *testing.T, in []byte) {
	t.Helper()
	want := make([]byte, 2*len(in)+1)
	wantN, size := escapeBytes(want, in)
	for _, vectors := range []bool{false, hasVectors} {
		room := 2*len(in) + wordSpace
		got := bytes.Repeat([]byte{'~'}, room+64)
		n, m := escapeWords(got[:room:room], in, vectors)
		if n != wantN || !bytes.Equal(got[:m], want[:size]) {
			t.Fatalf("%q, vectors %v: got %q of %d bytes, want %q of %d", in, vectors, got[:m], n, want[:size], wantN)
		}
		if bytes.Count(got[room:], []byte{'~'}) != 64 {
			t.Fatalf("%q, vectors %v: writes behind its room", in, vectors)
		}
	}
}

// TestEscape has every set of quotation marks and backslashes in eight bytes, and
// other characters among them.
func TestEscape(t *testing.T) {
	others := []string{"", "\n", "\x00", "\x1f", " ", "\x7f", "\u0080", "\u00e9", "\u061c", "\u20ac", "\u2028", "\U0001F600", "\x80", "\xff"}
	for marks := range 1 << 8 {
		var word [8]byte
		for i := range word {
			word[i] = "a!\"\\"[marks>>i&1*2+i&1]
		}
		for _, other := range others {
			for at := range 9 {
				in := append(append(bytes.Clone(word[:at]), other...), word[at:]...)
				checkEscape(t, in)
				checkEscape(t, append([]byte("eight by"), in...))
				checkEscape(t, append([]byte("a vector of text"), append(in, in...)...))
				checkEscape(t, append(in, `"seven"`...))
			}
		}
	}
	for c := range 256 {
		for n := range 35 {
			checkEscape(t, bytes.Repeat([]byte{byte(c)}, n))
		}
	}
}

func FuzzEscape(f *testing.F) {
	f.Add([]byte(`{"text":"a \\ and more than sixteen bytes","n":1}`))
	f.Add([]byte("\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\u20ac\n"))
	f.Fuzz(checkEscape)
}

// toValid replaces each byte that is not UTF-8 by U+FFFD.
func toValid(in []byte) string {
	var b strings.Builder
	for _, r := range string(in) {
		b.WriteRune(r)
	}
	return b.String()
}

func BenchmarkAppendBytes(b *testing.B) {
	text := bytes.Repeat([]byte(`{"channel":"prices","bid":101.25,"note":"plain text of some length, as chats have"}`), 12)
	b.SetBytes(int64(len(text)))
	var dst []byte
	for b.Loop() {
		dst = AppendBytes(dst[:0], text)
	}
}

// TestPlainASCII: eight bytes are found plain by the quick look exactly when they
// are ASCII and plain one by one.
func TestPlainASCII(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 3))
	interesting := []byte{0, 0x1f, 0x20, '!', '"', '#', '[', '\\', ']', 0x7e, 0x7f, 0x80, 0xc2, 0xff, 'a'}
	for range 300_000 {
		var x uint64
		want := true
		for range 8 {
			c := byte('a')
			if rnd.IntN(3) == 0 {
				c = interesting[rnd.IntN(len(interesting))]
			}
			x = x<<8 | uint64(c)
			want = want && plain[c] && c < 0x80
		}
		if (notPlainASCII(x)|quotes(x) == 0) != want {
			t.Fatalf("%016x: plain is %v", x, !want)
		}
	}
}
