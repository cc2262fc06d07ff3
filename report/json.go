package report

import (
	"bytes"
	"encoding/binary"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/segmentio/asm/base64"

	"github.com/wsdump/wsdump/timeline"
)

const hexDigits = "0123456789abcdef"

// plain marks the bytes that stand for themselves in a JSON string. Not plain
// are those that JSON forbids, DEL, and the first bytes of UTF-8 sequences that
// may be a C1 control (C2), the Arabic letter mark (D8), or a bidirectional
// override or line separator (E2).
var plain = func() (t [256]bool) {
	for i := range t {
		t[i] = i >= 0x20 && i != '"' && i != '\\' && i != 0x7f && i != 0xc2 && i != 0xd8 && i != 0xe2
	}
	return t
}()

const (
	lows  = 0x0101010101010101
	highs = 0x8080808080808080
)

// zeroByte has a bit set when one of the eight bytes of x is zero.
func zeroByte(x uint64) uint64 { return (x - lows) & ^x & highs }

// oddBytes has a bit set in every byte of x that is not plain; the lowest is
// exact, others may be false.
func oddBytes(x uint64) uint64 {
	return (x-lows*0x20) & ^x & highs | // below 0x20
		zeroByte(x^lows*'"') | zeroByte(x^lows*'\\') | zeroByte(x^lows*0x7f) |
		zeroByte(x^lows*0xc2) | zeroByte(x^lows*0xd8) | zeroByte(x^lows*0xe2)
}

// oddASCII is oddBytes for ASCII, at a third of the cost: no byte has its high
// bit to confuse the sums. With any that has, it is not zero.
func oddASCII(x uint64) uint64 {
	return (x | (x - lows*0x20) | (x ^ lows*'"' - lows) | (x ^ lows*'\\' - lows) | (x + lows)) & highs
}

// appendJSON appends s as a JSON string. Bytes that are not valid UTF-8 become
// U+FFFD. Besides what JSON demands, DEL, C1 controls, bidirectional overrides
// and line separators are escaped: NDJSON is looked at in terminals too.
//
// Escaping is most of the cost of a row, so eight bytes are looked at, and
// copied, at once.
func appendJSON(dst, s []byte) []byte {
	if !utf8.Valid(s) {
		return append(appendInvalid(append(dst, '"'), s), '"')
	}
	return appendValidJSON(dst, s)
}

// appendValidJSON is appendJSON for what is known to be valid UTF-8.
//
// JSON in JSON is full of quotation marks, and nobody can foretell where the next
// one stands: so a byte that may need a backslash is written without a branch,
// behind a backslash that every other byte overwrites.
func appendValidJSON(dst, s []byte) []byte {
	dst = append(dst, '"')
	for len(s) > 0 {
		dst = slices.Grow(dst, 2*len(s)+1)
		out := dst[len(dst):cap(dst)]
		i, j := 0, 0
		for i < len(s) {
			if len(s)-i >= 8 {
				x := binary.LittleEndian.Uint64(s[i:])
				if oddASCII(x) == 0 || x&highs != 0 && oddBytes(x) == 0 {
					binary.LittleEndian.PutUint64(out[j:], x)
					i, j = i+8, j+8
					continue
				}
			}
			end := min(i+8, len(s))
			for i < end {
				c := s[i]
				way := escapes[c]
				if way > 1 {
					break
				}
				out[j] = '\\'
				j += int(way)
				out[j] = c
				i, j = i+1, j+1
			}
			if i < end {
				break
			}
		}
		dst, s = dst[:len(dst)+j], s[i:]
		if len(s) > 0 {
			var size int
			dst, size = appendEscape(dst, s)
			s = s[size:]
		}
	}
	return append(dst, '"')
}

// escapes says how a byte is written: 0 as it is, 1 behind a backslash, 2
// otherwise.
var escapes = func() (t [256]uint8) {
	for i := range t {
		switch {
		case i == '"' || i == '\\':
			t[i] = 1
		case !plain[i]:
			t[i] = 2
		}
	}
	return t
}()

// appendInvalid is appendJSON, without the quotation marks, for what is not
// valid UTF-8.
func appendInvalid(dst, s []byte) []byte {
	for len(s) > 0 {
		r, size := utf8.DecodeRune(s)
		if plain[s[0]] && (r != utf8.RuneError || size > 1) {
			dst = append(dst, s[:size]...)
		} else {
			dst, size = appendEscape(dst, s)
		}
		s = s[size:]
	}
	return dst
}

func appendString(dst []byte, s string) []byte { return appendJSON(dst, []byte(s)) }

// appendEscape appends the first character of s, which is not a plain one, and
// returns how many bytes of s it took.
func appendEscape(dst, s []byte) ([]byte, int) {
	switch c := s[0]; {
	case c == '"' || c == '\\':
		return append(dst, '\\', c), 1
	case c == '\n':
		return append(dst, `\n`...), 1
	case c == '\r':
		return append(dst, `\r`...), 1
	case c == '\t':
		return append(dst, `\t`...), 1
	case c < utf8.RuneSelf:
		return appendU(dst, rune(c)), 1
	}
	r, n := utf8.DecodeRune(s)
	switch {
	case r == utf8.RuneError && n <= 1:
		return append(dst, "\uFFFD"...), 1
	case r < 0xa0 || reorders(r) || r == 0x2028 || r == 0x2029:
		return appendU(dst, r), n
	}
	return append(dst, s[:n]...), n
}

// appendU appends r, which is in the first plane, as \uXXXX.
func appendU(dst []byte, r rune) []byte {
	return append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

// appendLatin1 appends s as a JSON string in which every byte above 0x7f is
// the character of that number: what HTTP headers hold is not UTF-8 by any
// rule (RFC 9110 5.5), and this way nothing is lost.
func appendLatin1(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c < utf8.RuneSelf && plain[c]:
			dst = append(dst, c)
		case c >= 0xa0:
			dst = utf8.AppendRune(dst, rune(c))
		case c >= utf8.RuneSelf:
			dst = appendU(dst, rune(c))
		default:
			one := [1]byte{c}
			dst, _ = appendEscape(dst, one[:])
		}
	}
	return append(dst, '"')
}

func appendBase64(dst, b []byte) []byte {
	dst = append(dst, '"')
	at, n := len(dst), base64.StdEncoding.EncodedLen(len(b))
	dst = slices.Grow(dst, n+1)[:at+n]
	base64.StdEncoding.Encode(dst[at:], b)
	return append(dst, '"')
}

// appendMillis appends d in milliseconds: a plain decimal number with as many
// of six decimals as it needs.
func appendMillis(dst []byte, d time.Duration) []byte {
	n := uint64(d)
	if d < 0 {
		dst = append(dst, '-')
		n = -n
	}
	dst = appendUint(dst, n/1e6)
	rest := n % 1e6
	if rest == 0 {
		return dst
	}
	dst = appendDigits(append(dst, '.'), rest, 6)
	return bytes.TrimRight(dst, "0") // there is another digit behind the point
}

// clock writes times and remembers the text of the latest second. An int64 of
// nanoseconds spans the years 1677 to 2262, so every time has four digits of
// year.
type clock struct {
	second int64
	text   []byte // of that second, up to the decimals
}

// appendRFC3339 appends ns in UTC with nine decimals.
func (c *clock) appendRFC3339(dst []byte, ns int64) []byte {
	second, rest := ns/1e9, ns%1e9
	if rest < 0 {
		second, rest = second-1, rest+1e9
	}
	if second != c.second || len(c.text) == 0 {
		c.second = second
		c.text = time.Unix(second, 0).UTC().AppendFormat(c.text[:0], "2006-01-02T15:04:05")
	}
	dst = append(dst, c.text...)
	dst = append(dst, '.')
	dst = appendDigits(dst, uint64(rest), 9)
	return append(dst, 'Z')
}

// cutRune returns b[:n] without the bytes of a character that n cuts through.
func cutRune(b []byte, n int) []byte {
	if n >= len(b) {
		return wholeRunes(b)
	}
	return wholeRunes(b[:n])
}

// wholeRunes returns b without the unfinished character at its end, if any.
func wholeRunes(b []byte) []byte {
	for back := 1; back <= utf8.UTFMax && back <= len(b); back++ {
		tail := b[len(b)-back:]
		if utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				return b[:len(b)-back]
			}
			break
		}
	}
	return b
}

// textual tells which data frames of a connection belong to a text message, so
// that a continuation is shown as what it continues. It holds an entry only
// for connections with a fragmented text message under way.
type textual map[uint64][2]bool

// frame reports whether the payload of f can be text: part of an uncompressed
// text message and valid UTF-8, or a ping or pong that is.
func (t textual) frame(f *timeline.Frame) bool {
	switch f.Opcode {
	case timeline.OpPing, timeline.OpPong:
		return f.PayloadUTF8
	case timeline.OpText, timeline.OpBinary:
		is := f.Opcode == timeline.OpText && !f.Rsv1
		if !f.Fin && is || len(t) > 0 {
			t.set(f, is && !f.Fin)
		}
		return is && utf8.Valid(f.Payload)
	case timeline.OpContinuation:
		if len(t) == 0 || !t[f.Conn.ID][f.Dir&1] {
			return false
		}
		if f.Fin {
			t.set(f, false)
		}
		return utf8.Valid(f.Payload)
	}
	return false
}

func (t textual) set(f *timeline.Frame, is bool) {
	state := t[f.Conn.ID]
	state[f.Dir&1] = is
	if state == [2]bool{} {
		delete(t, f.Conn.ID)
		return
	}
	t[f.Conn.ID] = state
}
