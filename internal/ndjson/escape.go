package ndjson

import (
	"encoding/binary"
	"slices"
	"unicode/utf8"

	"github.com/wsdump/wsdump/internal/terminal"
)

// Escaping is most of what a row costs, so eight bytes are looked at, and copied, at
// once. JSON in JSON is full of quotation marks, and nobody can foretell where the
// next one stands: so eight bytes with any are spread without a branch, four and
// four, as a table says ([spreads]). Where the processor can do that with sixteen at
// once it does, in a routine of its own (escape_amd64.s, docs/adr/0006).
// escapeBytes is the plain way, which both are held to (FuzzEscape).

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

// AppendBytes appends s as a JSON string. Bytes that are not valid UTF-8 become
// U+FFFD. Besides what JSON demands, DEL, C1 controls, bidirectional overrides
// and line separators are escaped: NDJSON is looked at in terminals too.
func AppendBytes(dst, s []byte) []byte {
	if !utf8.Valid(s) {
		return append(appendInvalid(append(dst, '"'), s), '"')
	}
	return AppendValid(dst, s)
}

// AppendValid is [AppendBytes] for what is known to be valid UTF-8.
func AppendValid(dst, s []byte) []byte {
	dst = append(dst, '"')
	for len(s) > 0 {
		dst = slices.Grow(dst, 2*len(s)+wordSpace)
		read, written := escapeWords(dst[len(dst):cap(dst)], s, hasVectors)
		dst, s = dst[:len(dst)+written], s[read:]
		if len(s) > 0 {
			dst, read = appendEscape(dst, s)
			s = s[read:]
		}
	}
	return append(dst, '"')
}

// wordSpace is how many bytes behind the last one escapeWords may write to.
const wordSpace = 32

// escapeWords writes s to out, up to the first character that takes more than a
// backslash, and returns how much it read and wrote. out has room for 2*len(s)
// bytes and wordSpace. Plain ASCII is left to vectors where the processor has them.
func escapeWords(out, s []byte, vectors bool) (i, j int) {
	for len(s)-i >= 8 {
		x := binary.LittleEndian.Uint64(s[i:])
		read, written := 8, 8
		switch quoted := quotes(x); {
		case notPlainASCII(x) != 0:
			if x&highs != 0 && oddBytes(x) == 0 {
				binary.LittleEndian.PutUint64(out[j:], x)
			} else if read, written = escapeBytes(out[j:], s[i:i+8]); read < 8 {
				return i + read, j + written
			}
		case vectors && len(s)-i >= 16 && notPlainASCII(binary.LittleEndian.Uint64(s[i+8:])) == 0:
			read, written = escapeVectors(out[j:], s[i:])
		case quoted == 0:
			binary.LittleEndian.PutUint64(out[j:], x)
		default:
			written = spread(out[j:], x, quoted)
		}
		i, j = i+read, j+written
	}
	read, written := escapeBytes(out[j:], s[i:])
	return i + read, j + written
}

// escapeBytes is escapeWords in plain steps: every byte is written behind a
// backslash, which it overwrites if it needs none.
func escapeBytes(out, s []byte) (i, j int) {
	for i < len(s) && escapes[s[i]] < 2 {
		out[j] = '\\'
		j += int(escapes[s[i]])
		out[j] = s[i]
		i, j = i+1, j+1
	}
	return i, j
}

// quotes has the high bit of every byte of x set that is a quotation mark or a
// backslash. x is ASCII.
func quotes(x uint64) uint64 {
	return ^((x ^ lows*'"' + lows*0x7f) & (x ^ lows*'\\' + lows*0x7f)) & highs
}

// notPlainASCII is not zero if any byte of x is not ASCII, or one that JSON and
// terminals take for a control character.
func notPlainASCII(x uint64) uint64 { return (x | (x + lows) | ^(x + lows*0x60)) & highs }

// spread writes the eight bytes of x with a backslash before those that are marked
// in quoted, and returns how many bytes that are.
func spread(out []byte, x, quoted uint64) int {
	marks := quoted >> 7 * 0x0102040810204080 >> 56 // one bit a byte
	a, b := &spreads[marks&15], &spreads[marks>>4]
	binary.LittleEndian.PutUint64(out, a.of(x&0xffffffff))
	binary.LittleEndian.PutUint64(out[a.size:], b.of(x>>32))
	return int(a.size + b.size)
}

// spreading is what becomes of four bytes, some of which need a backslash: which
// of them move up by none to four bytes, the backslashes, and how many bytes that
// makes.
type spreading struct {
	by      [5]uint32
	size    uint32
	slashes uint64
}

func (p *spreading) of(x uint64) uint64 {
	return x&uint64(p.by[0]) | x&uint64(p.by[1])<<8 | x&uint64(p.by[2])<<16 | x&uint64(p.by[3])<<24 | x&uint64(p.by[4])<<32 | p.slashes
}

// spreads has the spreading of every four marks, that of the first byte lowest.
var spreads = func() (t [16]spreading) {
	for marks := range t {
		p, ahead := &t[marks], 0
		for i := range 4 {
			if marks>>i&1 != 0 {
				p.slashes |= '\\' << (8 * (i + ahead))
				ahead++
			}
			p.by[ahead] |= 0xff << (8 * i)
		}
		p.size = uint32(4 + ahead)
	}
	return t
}()

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

// appendInvalid is [AppendBytes], without the quotation marks, for what is not
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

// AppendString is [AppendBytes] of a string.
func AppendString(dst []byte, s string) []byte { return AppendBytes(dst, []byte(s)) }

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
		return terminal.AppendEscape(dst, rune(c)), 1
	}
	r, n := utf8.DecodeRune(s)
	switch {
	case r == utf8.RuneError && n <= 1:
		return append(dst, "\uFFFD"...), 1
	case r < 0xa0 || terminal.Reorders(r) || r == 0x2028 || r == 0x2029:
		return terminal.AppendEscape(dst, r), n
	}
	return append(dst, s[:n]...), n
}

// AppendLatin1 appends s as a JSON string in which every byte above 0x7f is
// the character of that number: what HTTP headers hold is not UTF-8 by any
// rule (RFC 9110 5.5), and this way nothing is lost.
func AppendLatin1(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c < utf8.RuneSelf && plain[c]:
			dst = append(dst, c)
		case c >= 0xa0:
			dst = utf8.AppendRune(dst, rune(c))
		case c >= utf8.RuneSelf:
			dst = terminal.AppendEscape(dst, rune(c))
		default:
			one := [1]byte{c}
			dst, _ = appendEscape(dst, one[:])
		}
	}
	return append(dst, '"')
}
