package record

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wsdump/wsdump/internal/console"
)

// Rotation says when one file is followed by the next, as tcpdump does it. The
// zero value writes one file.
type Rotation struct {
	Megabytes uint32 // -C: after this many million bytes
	Seconds   uint32 // -G: after this many seconds
	Files     uint32 // -W: after this many files, start over (-C) or end (-G)
}

// Given reports whether files follow each other.
func (r *Rotation) Given() bool { return r.Megabytes > 0 || r.Seconds > 0 || r.Files > 0 }

// Check returns an error for a rotation that does not fit the name of the files.
func (r *Rotation) Check(pattern string) error {
	switch {
	case pattern == "" && r.Given():
		return console.Usage("-C, -G and -W rotate the files of -w, and there is no -w", "")
	case r.Files > 0 && r.Megabytes == 0 && r.Seconds == 0:
		return console.Usage("-W needs -C or -G, or there is only one file", "")
	case pattern == "-" && (r.Megabytes > 0 || r.Seconds > 0):
		return console.Usage("standard output cannot be rotated", "name a file, -w copy.pcapng")
	case r.Seconds > 0 && r.Megabytes == 0 && !strings.Contains(pattern, "%"):
		return console.Usage("with -G each file would overwrite the one before", "put the time into its name: -w 'copy-%H%M%S.pcapng'")
	case r.Seconds == 0:
		return nil
	}
	_, err := r.name(pattern, 0, time.Now())
	return err
}

// name returns the name of file number n, which begins at t.
func (r *Rotation) name(pattern string, n uint32, t time.Time) (string, error) {
	name := pattern
	if r.Seconds > 0 {
		var err error
		if name, err = strftime(pattern, t); err != nil {
			return "", err
		}
	}
	switch {
	case r.Megabytes == 0:
	case r.Files > 0:
		name += fmt.Sprintf("%0*d", len(strconv.Itoa(int(r.Files-1))), n%r.Files)
	case n > 0:
		name += strconv.FormatUint(uint64(n), 10)
	}
	return name, nil
}

// strftime formats a time by the conversions of strftime(3) that names of files
// need. The error names a conversion that it does not know.
func strftime(pattern string, t time.Time) (string, error) {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		if pattern[i] != '%' {
			b.WriteByte(pattern[i])
			continue
		}
		i++
		if i == len(pattern) {
			return "", console.Usage("the name of -w ends in %", "%% is a per cent sign")
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
				return "", console.Usage("the name of -w has %"+string(rune(c))+", which is not known", "%Y %m %d %H %M %S, for instance; %% is a per cent sign")
			}
			b.WriteString(t.Format(layout))
		}
	}
	return b.String(), nil
}

// timeLayouts are the layouts of package time by conversion.
var timeLayouts = map[byte]string{
	'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'H': "15", 'M': "04", 'S': "05", 'I': "03", 'p': "PM", 'e': "_2",
	'F': "2006-01-02", 'T': "15:04:05", 'R': "15:04", 'D': "01/02/06",
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'h': "Jan", 'Z': "MST", 'z': "-0700",
}
