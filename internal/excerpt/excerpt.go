// Package excerpt shows the place of an error in an expression. The filter language
// and the capture filter use it.
package excerpt

import (
	"strings"
	"unicode/utf8"
)

// Width is how many characters of a line are shown around the place.
const Width = 76

// At returns the line of text that has the byte with the given offset, and below it a
// line with a caret. Both are indented by two spaces. Control characters are replaced,
// so that a terminal can print the lines.
func At(text string, place int) string {
	from := strings.LastIndexByte(text[:place], '\n') + 1
	line, _, _ := strings.Cut(text[from:], "\n")
	shown := []rune(strings.Map(Harmless, strings.ToValidUTF8(line, "?")))
	at := min(utf8.RuneCountInString(strings.ToValidUTF8(text[from:place], "?")), len(shown))
	before, after := "", ""
	if skip := at - Width*3/4; skip > 0 {
		shown, at, before = shown[skip:], at-skip, "…"
	}
	if len(shown) > Width {
		shown, after = shown[:Width], "…"
	}
	indent := "  " + strings.Repeat(" ", utf8.RuneCountInString(before)+at)
	return "  " + before + string(shown) + after + "\n" + indent + "^"
}

// Harmless replaces a control character, which a terminal might obey. It is for
// [strings.Map].
func Harmless(r rune) rune {
	switch {
	case r == '\t':
		return ' '
	case r < 0x20, r >= 0x7f && r < 0xa0, r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2060 && r <= 0x206f:
		return '?'
	}
	return r
}
