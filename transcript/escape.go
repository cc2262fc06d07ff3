package transcript

import (
	"strconv"
	"unicode"
	"unicode/utf8"
)

// appendText appends text, which is valid UTF-8, so that it is one line, hides
// nothing, and can be read back: a backslash is doubled, and what is not printed
// is written \n, \r, \t or \u{...}. With quoted, quotation marks are escaped as
// well; with token, spaces are.
func appendText(dst, text []byte, quoted, token bool) []byte {
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		switch {
		case r == '\\' || r == '"' && quoted:
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\r':
			dst = append(dst, `\r`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case r == ' ' && token, !printed(r):
			dst = append(dst, `\u{`...)
			dst = append(strconv.AppendUint(dst, uint64(r), 16), '}')
		default:
			dst = append(dst, text[:n]...)
		}
		text = text[n:]
	}
	return dst
}

// printed reports whether r shows itself. Joiners stay: scripts and emoji need
// them.
func printed(r rune) bool { return unicode.IsPrint(r) || r == 0x200c || r == 0x200d }

// appendUnescaped is the way back. ok is false when b is not what appendText
// writes.
func appendUnescaped(dst, b []byte) (_ []byte, ok bool) {
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' {
			dst = append(dst, b[i])
			continue
		}
		if i++; i == len(b) {
			return dst, false
		}
		switch b[i] {
		case '\\', '"':
			dst = append(dst, b[i])
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r, n := unicodeEscape(b[i+1:])
			if n == 0 {
				return dst, false
			}
			dst = utf8.AppendRune(dst, r)
			i += n
		default:
			return dst, false
		}
	}
	return dst, true
}

// unicodeEscape reads {1f44b} and returns its length, 0 when it is none.
func unicodeEscape(b []byte) (r rune, n int) {
	if len(b) < 3 || b[0] != '{' {
		return 0, 0
	}
	for n = 1; n < len(b) && n < 8 && b[n] != '}'; n++ {
	}
	if n == len(b) || b[n] != '}' {
		return 0, 0
	}
	v, err := strconv.ParseUint(string(b[1:n]), 16, 32)
	if err != nil || !utf8.ValidRune(rune(v)) {
		return 0, 0
	}
	return rune(v), n + 1
}
