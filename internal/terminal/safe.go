// Package terminal makes text safe and fit for a terminal: bytes off the wire never
// act on it, and cells have the width that a person sees. It has the colours and the
// borderless tables of all outputs for people as well.
package terminal

import (
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/displaywidth"
)

// Ellipsis ends every cell that was cut.
const Ellipsis = "…"

// NoLimit is a width in columns that cuts nothing.
const NoLimit = int(^uint(0) >> 1)

// marksPerCharacter is how many combining marks one character may have. Further ones
// are escaped. It is enough for every script and too few to flood a row.
const marksPerCharacter = 6

// Safe returns s at full length in the form that [AppendSafe] has.
func Safe(s string) string {
	if IsPlain(s) {
		return s
	}
	b, _ := AppendSafe(nil, []byte(s), NoLimit)
	return string(b)
}

// IsPlain reports whether s is printable ASCII: safe, and as wide as it is long.
func IsPlain[T string | []byte](s T) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// Columns returns how many columns s fills. s must be safe.
func Columns[T string | []byte](s T) int {
	if IsPlain(s) {
		return len(s)
	}
	return displaywidth.String(string(s))
}

// Cut cuts s to width columns. A cut ends in an ellipsis. s must be safe.
func Cut(s string, width int) string {
	if Columns(s) <= width {
		return s
	}
	return displaywidth.TruncateString(s, width, Ellipsis)
}

// AppendCut appends s as [Cut] returns it, and returns how many columns it fills.
func AppendCut(dst, s []byte, width int) (_ []byte, used int) {
	switch {
	case !IsPlain(s):
		text := Cut(string(s), width)
		return append(dst, text...), Columns(text)
	case len(s) <= width:
		return append(dst, s...), len(s)
	}
	width = max(width, 1)
	return append(append(dst, s[:width-1]...), Ellipsis...), width
}

// AppendSafe appends s so that a terminal shows it and never obeys it, in at
// most width columns. A cut ends in an ellipsis, which counts. It returns the
// columns used. Characters of [IsControl] become escapes, and bytes that are not
// UTF-8 become \xNN. All text off the wire that people read goes through here.
func AppendSafe(dst, s []byte, width int) (_ []byte, columns int) {
	if width <= 0 {
		return dst, 0
	}
	start := len(dst)
	// keep is the last place that leaves a column for the ellipsis: a cut goes there.
	keep, keepColumns := start, 0
	marks := 0
	for i := 0; i < len(s); {
		mark, cells := len(dst), 0
		if c := s[i]; c >= 0x20 && c < 0x7f {
			dst = append(dst, c)
			i, cells, marks = i+1, 1, 0
		} else if c < utf8.RuneSelf {
			dst = appendControl(dst, c)
			i, cells, marks = i+1, len(dst)-mark, 0
		} else {
			var size int
			dst, size, cells = appendCluster(dst, s[i:], &marks)
			i += size
		}
		if columns+cells > width {
			dst = append(dst[:keep], Ellipsis...)
			return dst, keepColumns + 1
		}
		columns += cells
		if columns < width {
			keep, keepColumns = len(dst), columns
		}
	}
	return dst, columns
}

// appendControl appends a C0 control or DEL as an escape.
func appendControl(dst []byte, c byte) []byte {
	switch c {
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	return appendU(dst, rune(c))
}

// appendCluster appends the grapheme cluster at the start of s, whose first byte is
// not ASCII: what looks like one character. It returns how many bytes of s it read
// and how many columns it fills. A cluster that needs an escape is taken character by
// character.
func appendCluster(dst, s []byte, marks *int) (_ []byte, size, cells int) {
	// Only hostile clusters are long. The window keeps them cheap.
	window := s[:min(len(s), 64)]
	if g := displaywidth.BytesGraphemes(window); g.Next() {
		if cluster := g.Value(); len(cluster) < 64 && g.Width() > 0 && harmless(cluster) {
			*marks = 0
			return append(dst, cluster...), len(cluster), g.Width()
		}
	}
	mark := len(dst)
	r, n := utf8.DecodeRune(s)
	switch {
	case r == utf8.RuneError && n <= 1:
		dst = append(dst, '\\', 'x', hexDigits[s[0]>>4], hexDigits[s[0]&15])
		*marks = 0
		return dst, 1, len(dst) - mark
	case IsControl(r):
		*marks = 0
		dst = AppendEscape(dst, r)
		return dst, n, len(dst) - mark
	}
	cells = displaywidth.Rune(r)
	if cells == 0 {
		if *marks++; *marks > marksPerCharacter {
			dst = AppendEscape(dst, r)
			return dst, n, len(dst) - mark
		}
	} else {
		*marks = 0
	}
	return append(dst, s[:n]...), n, cells
}

// harmless reports whether b is valid UTF-8 that needs no escape and has few
// combining marks.
func harmless(b []byte) bool {
	count := 0
	for i := 0; i < len(b); count++ {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n <= 1 || IsControl(r) {
			return false
		}
		i += n
	}
	return count <= 2*marksPerCharacter
}

// IsControl reports whether r is a character that a terminal obeys or hides
// instead of showing. Joiners stay: scripts and emoji need them.
func IsControl(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r < 0xa0:
		return true
	case r < 0xa0, r == 0x200c, r == 0x200d:
		return false
	case Reorders(r), r == 0x2028, r == 0x2029:
		return true
	}
	return unicode.Is(unicode.Cf, r) || r&0xfffe == 0xfffe
}

// Reorders reports whether r changes the order in which text is shown
// (Unicode Bidirectional Algorithm, UAX #9, explicit marks).
func Reorders(r rune) bool {
	return r == 0x200e || r == 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x061c
}

// AppendEscape appends r as \uXXXX, or as \u{XXXXX} beyond the first plane.
func AppendEscape(dst []byte, r rune) []byte {
	if r <= 0xffff {
		return appendU(dst, r)
	}
	dst = append(dst, '\\', 'u', '{')
	for shift := 20; shift >= 0; shift -= 4 {
		if r>>shift != 0 {
			dst = append(dst, hexDigits[r>>shift&15])
		}
	}
	return append(dst, '}')
}

const hexDigits = "0123456789abcdef"

// appendU appends r, which is in the first plane, as \uXXXX.
func appendU(dst []byte, r rune) []byte {
	return append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}
