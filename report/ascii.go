package report

import "unicode/utf8"

// symbols are the characters of our own that are not ASCII, and what stands for
// them on a terminal without UTF-8.
var symbols = map[rune]string{'↑': ">", '↓': "<", '…': "...", 'Δ': "D", 'µ': "u", '→': "->", '·': "."}

// appendASCII appends text of the wire in ASCII, other characters as escapes.
// It takes no more of text than fills room columns.
func appendASCII(dst, text []byte, room int) []byte {
	for i := 0; i < len(text) && len(dst) <= room; {
		r, n := utf8.DecodeRune(text[i:])
		if r < utf8.RuneSelf || r == utf8.RuneError && n <= 1 {
			dst = append(dst, text[i])
		} else {
			dst = appendRuneEscape(dst, r)
		}
		i += n
	}
	return dst
}

// plainSymbols replaces what is not ASCII in b behind from.
func plainSymbols(b []byte, from int) []byte {
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
				b = appendRuneEscape(b, r)
			}
			k += n
		}
		return b
	}
	return b
}
