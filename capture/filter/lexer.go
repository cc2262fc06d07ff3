package filter

import (
	"net/netip"
	"strings"
	"unicode/utf8"
)

// kind is what a token is.
type kind uint8

const (
	endOfText  kind = iota
	symbol          // an operator or a bracket; "not", "and" and "or" are "!", "&&" and "||"
	word            // a keyword
	name            // any other word, or one behind a backslash
	number          // with its value
	dotted          // 2 to 4 numbers with dots: an IPv4 address or the front of one
	colons          // an IPv6 address
	hardware        // an Ethernet address
	unreadable      // a byte that begins nothing
)

// token is one word of an expression.
type token struct {
	kind  kind
	text  string // without the backslash
	value uint32 // of a number
	at    int    // bytes into the expression
	end   int
}

// maxText bounds an expression, in bytes.
const maxText = 64 << 10

// scan splits an expression. As in the language's own scanner, the longest
// token wins, so that "len-4" is a name; of equal ones a keyword, then an
// address, then a number.
func scan(text string) (tokens []token) {
	if len(text) > maxText {
		fail(0, "", "the expression has more than %d bytes", maxText)
	}
	for at := 0; ; {
		for at < len(text) && strings.IndexByte(" \t\r\n", text[at]) >= 0 {
			at++
		}
		if at == len(text) {
			return append(tokens, token{kind: endOfText, at: at, end: at})
		}
		t := next(text[at:], at)
		t.at, t.end = at, at+t.end
		tokens = append(tokens, t)
		at = t.end
	}
}

// next returns the first token of text, whose length is its end.
func next(text string, at int) token {
	for _, s := range []string{">=", "<=", "!=", "==", "<<", ">>", "&&", "||"} {
		if strings.HasPrefix(text, s) {
			if s == "==" {
				return token{kind: symbol, text: "=", end: 2}
			}
			return token{kind: symbol, text: s, end: 2}
		}
	}
	c := text[0]
	switch {
	case c == '\\':
		if n := strings.IndexAny(text[1:], " !()\n\t"); n > 0 || n < 0 && len(text) > 1 {
			if n < 0 {
				n = len(text) - 1
			}
			return token{kind: name, text: text[1 : 1+n], end: 1 + n}
		}
		return token{kind: unreadable, text: text[:1], end: 1}
	case c == ':' || hexadecimal(c):
		if n := colonsIn(text); n > 0 {
			return token{kind: colons, text: text[:n], end: n}
		}
	}
	switch {
	case alphanumeric(c):
		return wordIn(text, at)
	case strings.IndexByte("+-*/%:[]!<>()&|^=", c) >= 0:
		return token{kind: symbol, text: text[:1], end: 1}
	}
	_, n := utf8.DecodeRuneInString(text)
	return token{kind: unreadable, text: text[:n], end: n}
}

// wordIn reads a token that begins with a letter or a digit and is no IPv6
// address.
func wordIn(text string, at int) token {
	n := 0 // letters, digits, and between them also dashes and underscores
	for i := 0; i < len(text) && (alphanumeric(text[i]) || strings.IndexByte("-_.", text[i]) >= 0); i++ {
		if text[i] != '-' && text[i] != '_' {
			n = i + 1
		}
	}
	if m := hardwareIn(text); m >= n {
		return token{kind: hardware, text: text[:m], end: m}
	}
	w := text[:n]
	parts := strings.Split(w, ".")
	digits := len(parts) <= 4
	for _, part := range parts {
		digits = digits && numeric(part)
	}
	switch {
	case digits && len(parts) == 1:
		return token{kind: number, text: w, value: valueOf(w, at), end: n}
	case digits:
		return token{kind: dotted, text: w, end: n}
	}
	switch w {
	case "not":
		return token{kind: symbol, text: "!", end: n}
	case "and":
		return token{kind: symbol, text: "&&", end: n}
	case "or":
		return token{kind: symbol, text: "||", end: n}
	}
	if v, ok := numbers[w]; ok {
		return token{kind: number, text: w, value: v, end: n}
	}
	if keyword(w) {
		return token{kind: word, text: w, end: n}
	}
	return token{kind: name, text: w, end: n}
}

func keyword(w string) bool {
	if _, ok := protocols[w]; ok {
		return true
	}
	if _, ok := subjects[w]; ok {
		return true
	}
	if _, ok := outside[w]; ok {
		return true
	}
	switch w {
	case "src", "dst", "mask", "less", "greater", "broadcast", "multicast", "len", "length", "inbound", "outbound", "ifindex", "vlan", "mpls", "pppoed", "pppoes":
		return true
	}
	return false
}

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func hexadecimal(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// numeric reports whether s is a number as it is written, whatever its value.
func numeric(s string) bool {
	if len(s) > 2 && s[0] == '0' && s[1]|0x20 == 'x' {
		for i := 2; i < len(s); i++ {
			if !hexadecimal(s[i]) {
				return false
			}
		}
		return true
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// valueOf returns the value of a number: hexadecimal behind 0x, octal behind 0.
func valueOf(s string, at int) uint32 {
	base, digits := uint64(10), s
	switch {
	case len(s) > 2 && s[1]|0x20 == 'x':
		base, digits = 16, s[2:]
	case len(s) > 1 && s[0] == '0':
		base, digits = 8, s[1:]
	}
	v := uint64(0)
	for i := range len(digits) {
		d := uint64(digits[i] - '0')
		if d > 9 {
			d = uint64(digits[i]|0x20) - 'a' + 10
		}
		if d >= base {
			fail(at, "a number that begins with 0 is octal: leave the 0 out", "the number %s has a digit that is not octal", s)
		}
		if v = v*base + d; v > 0xffffffff {
			fail(at, "", "the number %s has more than 32 bits", s)
		}
	}
	return uint32(v)
}

// colonsIn returns how long an IPv6 address at the beginning of text is, 0 for
// none.
func colonsIn(text string) int {
	n := 0
	for n < len(text) && n < 64 && (hexadecimal(text[n]) || text[n] == ':' || text[n] == '.') {
		n++
	}
	for ; n > 1; n-- {
		if strings.Count(text[:n], ":") < 2 {
			return 0
		}
		if a, err := netip.ParseAddr(text[:n]); err == nil && a.Is6() {
			return n
		}
	}
	return 0
}

// hardwareIn returns how long an Ethernet address at the beginning of text is,
// 0 for none: six bytes between colons, dashes or dots, three pairs of bytes
// between dots, or twelve digits.
func hardwareIn(text string) int {
	best := 0
	for _, separator := range []byte(":-.") {
		if n := groups(text, separator, 6, 1, 2); n > best {
			best = n
		}
	}
	if n := groups(text, '.', 3, 4, 4); n > best {
		best = n
	}
	if n := groups(text, 0, 1, 12, 12); n > best {
		best = n
	}
	return best
}

// groups returns how long count groups of least to most hexadecimal digits
// between separators are, 0 when text does not begin so.
func groups(text string, separator byte, count, least, most int) int {
	n := 0
	for i := range count {
		if i > 0 {
			if n == len(text) || text[n] != separator {
				return 0
			}
			n++
		}
		digits := 0
		for digits < most && n < len(text) && hexadecimal(text[n]) {
			digits, n = digits+1, n+1
		}
		if digits < least {
			return 0
		}
	}
	return n
}

// hardwareBytes returns the six bytes of an Ethernet address.
func hardwareBytes(text string) (b [6]byte) {
	fields := strings.FieldsFunc(text, func(r rune) bool { return r == ':' || r == '-' || r == '.' })
	if len(fields) != 6 {
		joined := strings.Join(fields, "")
		fields = fields[:0]
		for i := 0; i+2 <= len(joined); i += 2 {
			fields = append(fields, joined[i:i+2])
		}
	}
	for i, f := range fields {
		b[i] = byte(valueOf("0x"+f, 0))
	}
	return b
}
