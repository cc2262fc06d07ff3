package report

import (
	"bytes"
	"encoding/json"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestAppendJSON(t *testing.T) {
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
		if got := string(appendString(nil, in)); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

// FuzzAppendJSON holds the fast escape to encoding/json: what it writes reads
// back as the same text, with nothing in it that a terminal obeys.
func FuzzAppendJSON(f *testing.F) {
	f.Add([]byte("hello \"world\" and more than eight bytes \x1b\xc2\x9b\xe2\x80\xae\xff"))
	f.Add([]byte("\xe2\x80"))
	f.Fuzz(func(t *testing.T, in []byte) {
		out := appendJSON(nil, in)
		var got string
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("%q gives %s: %v", in, out, err)
		}
		if want := toValid(in); got != want {
			t.Fatalf("%q reads back as %q, want %q", in, got, want)
		}
		checkHarmless(t, in, out)
		latin := appendLatin1(nil, string(in))
		if err := json.Unmarshal(latin, &got); err != nil {
			t.Fatalf("%q gives %s: %v", in, latin, err)
		}
		if n := utf8.RuneCountInString(got); n != len(in) {
			t.Fatalf("%q as Latin-1 has %d characters, want %d", in, n, len(in))
		}
		checkHarmless(t, in, latin)
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

// checkHarmless fails when out holds what a terminal obeys.
func checkHarmless(t *testing.T, in, out []byte) {
	t.Helper()
	if !utf8.Valid(out) {
		t.Fatalf("%q gives %q: not UTF-8", in, out)
	}
	for _, r := range string(out) {
		if r < 0x20 || r >= 0x7f && r < 0xa0 || reorders(r) || r == 0x2028 || r == 0x2029 {
			t.Fatalf("%q gives %q: holds %U", in, out, r)
		}
	}
}

func TestAppendMillis(t *testing.T) {
	for in, want := range map[time.Duration]string{
		0: "0", 1: "0.000001", 1e6: "1", 12_400_000: "12.4", -1_500_000: "-1.5", 100: "0.0001",
		math.MaxInt64: "9223372036854.775807", math.MinInt64: "-9223372036854.775808", 9_100_000_000: "9100",
	} {
		if got := string(appendMillis(nil, in)); got != want {
			t.Errorf("%d ns: got %s, want %s", in, got, want)
		}
	}
}

func TestAppendRFC3339(t *testing.T) {
	var c clock
	for _, ns := range []int64{0, 1, -1, -1e9, -1e9 - 1, 1e9, epoch, epoch + 1, epoch + 999_999_999, math.MaxInt64, math.MinInt64} {
		want := time.Unix(0, ns).UTC().Format("2006-01-02T15:04:05.000000000Z")
		for range 2 { // the second time from the cache
			if got := string(c.appendRFC3339(nil, ns)); got != want {
				t.Errorf("%d: got %s, want %s", ns, got, want)
			}
		}
	}
}

func TestCutRune(t *testing.T) {
	const s = "a\u00e9\u20ac\U0001F600"
	for n, want := range []string{"", "a", "a", "a\u00e9", "a\u00e9", "a\u00e9", "a\u00e9\u20ac", "a\u00e9\u20ac", "a\u00e9\u20ac", "a\u00e9\u20ac", s, s} {
		if got := string(cutRune([]byte(s), n)); got != want {
			t.Errorf("%d bytes: got %q, want %q", n, got, want)
		}
	}
	if got := string(cutRune([]byte("half \xe2\x82"), 100)); got != "half " {
		t.Errorf("a text that ends inside a character: got %q", got)
	}
}

// The vectors are those of the specification's baseline files.
func TestCommunityID(t *testing.T) {
	for _, v := range []struct{ a, b, want string }{
		{"128.232.110.120:34855", "66.35.250.204:80", "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
		{"66.35.250.204:80", "128.232.110.120:34855", "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
	} {
		if got := communityID(netip.MustParseAddrPort(v.a), netip.MustParseAddrPort(v.b)); got != v.want {
			t.Errorf("%s -> %s: got %s, want %s", v.a, v.b, got, v.want)
		}
	}
	v4, v6 := netip.MustParseAddrPort("1.2.3.4:5"), netip.MustParseAddrPort("[::1]:5")
	if communityID(v4, v6) != "" || communityID(v4, netip.AddrPort{}) != "" {
		t.Error("addresses of two families, or none, have no Community ID")
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	text := bytes.Repeat([]byte(`{"channel":"prices","bid":101.25,"note":"plain text of some length, as chats have"}`), 12)
	b.SetBytes(int64(len(text)))
	var dst []byte
	for b.Loop() {
		dst = appendJSON(dst[:0], text)
	}
}
