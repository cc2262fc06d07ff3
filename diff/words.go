package diff

import "strconv"

// number returns a number with the singular or the plural of a word.
func number(n uint64, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.FormatUint(n, 10) + " " + more
}
