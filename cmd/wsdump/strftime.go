package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// strftime writes a time as the pattern says (strftime(3)), as far as names of
// files need it. The error names what it does not know.
func strftime(pattern string, t time.Time) (string, error) {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		if pattern[i] != '%' {
			b.WriteByte(pattern[i])
			continue
		}
		i++
		if i == len(pattern) {
			return "", &usageError{text: "the name of -w ends in %", hint: "%% is a per cent sign"}
		}
		switch c := pattern[i]; c {
		case '%':
			b.WriteByte('%')
		case 's':
			b.WriteString(strconv.FormatInt(t.Unix(), 10))
		case 'j':
			fmt.Fprintf(&b, "%03d", t.YearDay())
		default:
			layout, ok := timeLayouts[c]
			if !ok {
				return "", &usageError{text: "the name of -w has %" + string(rune(c)) + ", which is not known", hint: "%Y %m %d %H %M %S, for instance; %% is a per cent sign"}
			}
			b.WriteString(t.Format(layout))
		}
	}
	return b.String(), nil
}

// timeLayouts are those of package time, by conversion.
var timeLayouts = map[byte]string{
	'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'H': "15", 'M': "04", 'S': "05", 'I': "03", 'p': "PM", 'e': "_2",
	'F': "2006-01-02", 'T': "15:04:05", 'R': "15:04", 'D': "01/02/06",
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'h': "Jan", 'Z': "MST", 'z': "-0700",
}
