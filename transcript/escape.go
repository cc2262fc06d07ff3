package transcript

import (
	"strconv"
	"unicode"
	"unicode/utf8"
)

// appendText appends text, which must be valid UTF-8, on one line that hides nothing
// and can be read back. It doubles a backslash and writes characters that do not
// print as \n, \r, \t or \u{...}. With quoted it escapes quotation marks as well;
// with token, spaces.
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

// printed reports whether r is visible. Joiners count as visible: scripts and emoji
// need them.
func printed(r rune) bool { return unicode.IsPrint(r) || r == 0x200c || r == 0x200d }

// appendUnescaped appends what appendText was given when it wrote b. ok is false if b
// is not the result of appendText.
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

// unicodeEscape reads {1f44b} at the start of b. n is its length, 0 if b does not
// begin so.
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
