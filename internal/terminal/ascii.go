package terminal

import "unicode/utf8"

// symbols maps the characters of our own that are not ASCII to what a terminal
// without UTF-8 shows for them.
var symbols = map[rune]string{'↑': ">", '↓': "<", '…': "...", 'Δ': "D", 'µ': "u", '→': "->", '·': "."}

// AppendASCII appends text off the wire in ASCII, other characters as escapes. It
// takes no more of text than fills room columns. The result is not safe yet.
func AppendASCII(dst, text []byte, room int) []byte {
	for i := 0; i < len(text) && len(dst) <= room; {
		r, n := utf8.DecodeRune(text[i:])
		if r < utf8.RuneSelf || r == utf8.RuneError && n <= 1 {
			dst = append(dst, text[i])
		} else {
			dst = AppendEscape(dst, r)
		}
		i += n
	}
	return dst
}

// ToASCII replaces what is not ASCII in b[from:]: our own symbols by their ASCII
// forms, all else by escapes. It returns the longer b.
func ToASCII(b []byte, from int) []byte {
	for i := from; i < len(b); i++ {
		if b[i] < utf8.RuneSelf {
			continue
		}
		tail := append([]byte(nil), b[i:]...)
		b = b[:i]
		for k := 0; k < len(tail); {
			r, n := utf8.DecodeRune(tail[k:])
			switch s, ours := symbols[r]; {
			case r < utf8.RuneSelf || r == utf8.RuneError && n <= 1:
				b = append(b, tail[k])
			case ours:
				b = append(b, s...)
			default:
				b = AppendEscape(b, r)
			}
			k += n
		}
		return b
	}
	return b
}
