package ndjson

import (
	"encoding/binary"
	"slices"
	"unicode/utf8"

	"github.com/wsdump/wsdump/internal/terminal"
)

// Escaping is most of the cost of a row, so this file copies eight bytes at once.
// JSON in JSON is full of quotation marks at places that no branch predictor
// foresees. So a word with any of them is spread without a branch: four bytes and
// four bytes, by a table ([spreads]). On processors with PSHUFB a routine does the
// same with sixteen bytes (escape_amd64.s, docs/adr/0006). escapeBytes is the plain
// reference for both (FuzzEscape).

// plain marks the bytes that stand for themselves in a JSON string. The others are
// what JSON forbids, DEL, and some first bytes of UTF-8 sequences. Those may begin a
// C1 control (C2), the Arabic letter mark (D8), or a bidirectional override or line
// separator (E2).
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

// zeroByte is not zero when one of the eight bytes of x is zero.
func zeroByte(x uint64) uint64 { return (x - lows) & ^x & highs }

// oddBytes sets a bit in every byte of x that is not plain. The lowest bit is exact;
// higher ones may be false.
func oddBytes(x uint64) uint64 {
	return (x-lows*0x20) & ^x & highs | // below 0x20
		zeroByte(x^lows*'"') | zeroByte(x^lows*'\\') | zeroByte(x^lows*0x7f) |
		zeroByte(x^lows*0xc2) | zeroByte(x^lows*0xd8) | zeroByte(x^lows*0xe2)
}

// AppendBytes appends s as a JSON string. Bytes that are not valid UTF-8 become
// U+FFFD. Beyond what JSON demands it escapes DEL, C1 controls, bidirectional
// overrides and line separators, since people read NDJSON in terminals too.
func AppendBytes(dst, s []byte) []byte {
	if !utf8.Valid(s) {
		return append(appendInvalid(append(dst, '"'), s), '"')
	}
	return AppendValid(dst, s)
}

// AppendValid is [AppendBytes] for s that is valid UTF-8.
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

// wordSpace is how many bytes beyond its result escapeWords may write.
const wordSpace = 32

// escapeWords writes s to out, up to the first character that takes more than a
// backslash. It returns how many bytes it read and wrote. out must have room for
// 2*len(s)+wordSpace bytes. With vectors it leaves plain ASCII to escapeVectors.
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

// escapeBytes is escapeWords byte by byte. It writes a backslash before each byte,
// and overwrites the backslash with the byte if none is needed.
func escapeBytes(out, s []byte) (i, j int) {
	for i < len(s) && escapes[s[i]] < 2 {
		out[j] = '\\'
		j += int(escapes[s[i]])
		out[j] = s[i]
		i, j = i+1, j+1
	}
	return i, j
}

// quotes sets the high bit of every byte of x that is a quotation mark or a
// backslash. x must be ASCII.
func quotes(x uint64) uint64 {
	return ^((x ^ lows*'"' + lows*0x7f) & (x ^ lows*'\\' + lows*0x7f)) & highs
}

// notPlainASCII is not zero if a byte of x is not ASCII, or is a control character
// for JSON or for terminals.
func notPlainASCII(x uint64) uint64 { return (x | (x + lows) | ^(x + lows*0x60)) & highs }

// spread writes the eight bytes of x, with a backslash before each byte that quoted
// marks. It returns how many bytes that makes.
func spread(out []byte, x, quoted uint64) int {
	marks := quoted >> 7 * 0x0102040810204080 >> 56 // one bit for each byte
	a, b := &spreads[marks&15], &spreads[marks>>4]
	binary.LittleEndian.PutUint64(out, a.of(x&0xffffffff))
	binary.LittleEndian.PutUint64(out[a.size:], b.of(x>>32))
	return int(a.size + b.size)
}

// spreading says how four bytes become up to eight when some of them take a
// backslash. Bytes in by[i] move up by i bytes; slashes has the backslashes; size is
// the length.
type spreading struct {
	by      [5]uint32
	size    uint32
	slashes uint64
}

func (p *spreading) of(x uint64) uint64 {
	return x&uint64(p.by[0]) | x&uint64(p.by[1])<<8 | x&uint64(p.by[2])<<16 | x&uint64(p.by[3])<<24 | x&uint64(p.by[4])<<32 | p.slashes
}

// spreads has the spreading of every set of four marks, the mark of the first byte
// lowest.
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

// escapes says how a byte is written: 0 as it is, 1 after a backslash, 2 in another
// way.
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

// appendInvalid is [AppendBytes] without the quotation marks, for text that is not
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

// appendEscape appends the first character of s, which is not plain, and returns its
// length in s.
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

// AppendLatin1 appends s as a JSON string. A byte above 0x7f becomes the character of
// that number: HTTP header values have no encoding (RFC 9110 section 5.5), and so no
// byte is lost.
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
