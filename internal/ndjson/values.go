package ndjson

import (
	"bytes"
	"slices"
	"time"

	"github.com/segmentio/asm/base64"

	"github.com/wsdump/wsdump/internal/decimal"
)

// AppendBase64 appends b as a JSON string in standard base64 with padding.
func AppendBase64(dst, b []byte) []byte {
	dst = append(dst, '"')
	at, n := len(dst), base64.StdEncoding.EncodedLen(len(b))
	dst = slices.Grow(dst, n+1)[:at+n]
	base64.StdEncoding.Encode(dst[at:], b)
	return append(dst, '"')
}

// AppendMillis appends d in milliseconds: a decimal number with at most six decimals
// and no trailing zeros.
func AppendMillis(dst []byte, d time.Duration) []byte {
	n := uint64(d)
	if d < 0 {
		dst = append(dst, '-')
		n = -n
	}
	dst = decimal.AppendUint(dst, n/1e6)
	rest := n % 1e6
	if rest == 0 {
		return dst
	}
	dst = decimal.AppendDigits(append(dst, '.'), rest, 6)
	return bytes.TrimRight(dst, "0") // one decimal is not zero
}

// Clock writes times and keeps the text of the latest second. The zero value is ready
// for use. A Clock serves one goroutine. An int64 of nanoseconds spans the years 1677
// to 2262, so every year has four digits.
type Clock struct {
	second int64
	text   []byte // text of second, without decimals
}

// AppendRFC3339 appends ns, nanoseconds since 1970, in UTC with nine decimals (RFC
// 3339).
func (c *Clock) AppendRFC3339(dst []byte, ns int64) []byte {
	second, rest := ns/1e9, ns%1e9
	if rest < 0 {
		second, rest = second-1, rest+1e9
	}
	if second != c.second || len(c.text) == 0 {
		c.second = second
		c.text = time.Unix(second, 0).UTC().AppendFormat(c.text[:0], "2006-01-02T15:04:05")
	}
	dst = append(dst, c.text...)
	dst = append(dst, '.')
	dst = decimal.AppendDigits(dst, uint64(rest), 9)
	return append(dst, 'Z')
}
