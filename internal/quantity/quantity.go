// Package quantity writes counts, sizes and durations as people read them.
package quantity

import (
	"strconv"
	"time"

	"github.com/wsdump/wsdump/internal/decimal"
)

// AppendCount appends n with a comma at every thousand.
func AppendCount(dst []byte, n uint64) []byte {
	if n < 1000 {
		return strconv.AppendUint(dst, n, 10)
	}
	dst = AppendCount(dst, n/1000)
	dst = append(dst, ',')
	return decimal.AppendDigits(dst, n%1000, 3)
}

// Count returns n with a comma at every thousand.
func Count(n uint64) string { return string(AppendCount(nil, n)) }

// Plural returns "1 message" or "2,000 messages".
func Plural(n uint64, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return Count(n) + " " + one + "s"
}

// Size returns n bytes as "5 B", "64.0 KiB" or "1.2 MiB".
func Size(n uint64) string { return string(AppendSize(nil, n)) }

// AppendSize appends what [Size] returns.
func AppendSize(dst []byte, n uint64) []byte {
	if n < 1024 {
		return append(strconv.AppendUint(dst, n, 10), " B"...)
	}
	unit := 0
	tenths := (n*10 + 512) / 1024
	if n > 1<<59 {
		tenths = n / 1024 * 10
	}
	for tenths >= 10240 && unit < 5 {
		tenths = (tenths + 512) / 1024
		unit++
	}
	dst = append(strconv.AppendUint(dst, tenths/10, 10), '.', byte('0'+tenths%10), ' ')
	return append(dst, "KMGTPE"[unit], 'i', 'B')
}

// AppendDuration appends what [Duration] returns.
func AppendDuration(dst []byte, d time.Duration) []byte {
	return appendLong(dst, d, [...]string{" d ", " h", " h ", " min", " min ", " s"})
}

// AppendShortDuration is [AppendDuration] for narrow cells: "3m20s", "2h5m", "4d3h".
func AppendShortDuration(dst []byte, d time.Duration) []byte {
	return appendLong(dst, d, [...]string{"d", "h", "h", "m", "m", "s"})
}

// appendLong appends d. From two minutes on it uses words as units.
func appendLong(dst []byte, d time.Duration, words [6]string) []byte {
	n := uint64(d)
	if d < 0 {
		dst = append(dst, '-')
		n = -n
	}
	tenths := func(n, unit uint64, word string) []byte {
		n = (n*10 + unit/2) / unit
		dst = strconv.AppendUint(dst, n/10, 10)
		dst = append(dst, '.', byte('0'+n%10), ' ')
		return append(dst, word...)
	}
	two := func(n, unit uint64, large, small string) []byte {
		dst = strconv.AppendUint(dst, n/unit, 10)
		dst = append(dst, large...)
		dst = strconv.AppendUint(dst, n%unit, 10)
		return append(dst, small...)
	}
	const us, ms, s = uint64(time.Microsecond), uint64(time.Millisecond), uint64(time.Second)
	switch {
	case n == 0:
		return append(dst, "0 ms"...)
	case n < us:
		dst = strconv.AppendUint(dst, n, 10)
		return append(dst, " ns"...)
	case n < 95*us:
		dst = strconv.AppendUint(dst, (n+us/2)/us, 10)
		return append(dst, " µs"...)
	case n < s-50*us:
		return tenths(n, ms, "ms")
	case n < 120*s:
		return tenths(n, s, "s")
	case n < 2*3600*s:
		return two((n+s/2)/s, 60, words[4], words[5])
	case n < 48*3600*s:
		return two((n/s+30)/60, 60, words[2], words[3])
	}
	return two((n/s+1800)/3600, 24, words[0], words[1])
}

// Duration returns d in the unit that fits: "23 µs", "0.4 ms", "12.4 ms", "9.1 s",
// "3 min 20 s", "2 h 5 min" or "4 d 3 h".
func Duration(d time.Duration) string { return string(AppendDuration(nil, d)) }
