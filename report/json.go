package report

import (
	"bytes"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/segmentio/asm/base64"

	"github.com/wsdump/wsdump/timeline"
)

func appendBase64(dst, b []byte) []byte {
	dst = append(dst, '"')
	at, n := len(dst), base64.StdEncoding.EncodedLen(len(b))
	dst = slices.Grow(dst, n+1)[:at+n]
	base64.StdEncoding.Encode(dst[at:], b)
	return append(dst, '"')
}

// appendMillis appends d in milliseconds: a plain decimal number with as many
// of six decimals as it needs.
func appendMillis(dst []byte, d time.Duration) []byte {
	n := uint64(d)
	if d < 0 {
		dst = append(dst, '-')
		n = -n
	}
	dst = appendUint(dst, n/1e6)
	rest := n % 1e6
	if rest == 0 {
		return dst
	}
	dst = appendDigits(append(dst, '.'), rest, 6)
	return bytes.TrimRight(dst, "0") // there is another digit behind the point
}

// clock writes times and remembers the text of the latest second. An int64 of
// nanoseconds spans the years 1677 to 2262, so every time has four digits of
// year.
type clock struct {
	second int64
	text   []byte // of that second, up to the decimals
}

// appendRFC3339 appends ns in UTC with nine decimals.
func (c *clock) appendRFC3339(dst []byte, ns int64) []byte {
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
	dst = appendDigits(dst, uint64(rest), 9)
	return append(dst, 'Z')
}

// cutRune returns b[:n] without the bytes of a character that n cuts through.
func cutRune(b []byte, n int) []byte {
	if n >= len(b) {
		return wholeRunes(b)
	}
	return wholeRunes(b[:n])
}

// wholeRunes returns b without the unfinished character at its end, if any.
func wholeRunes(b []byte) []byte {
	for back := 1; back <= utf8.UTFMax && back <= len(b); back++ {
		tail := b[len(b)-back:]
		if utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				return b[:len(b)-back]
			}
			break
		}
	}
	return b
}

// textual tells which data frames of a connection belong to a text message, so
// that a continuation is shown as what it continues. It holds an entry only
// for connections with a fragmented text message under way.
type textual map[uint64][2]bool

// frame reports whether the payload of f can be text: part of an uncompressed
// text message and valid UTF-8, or a ping or pong that is.
func (t textual) frame(f *timeline.Frame) bool {
	switch f.Opcode {
	case timeline.OpPing, timeline.OpPong:
		return f.PayloadUTF8
	case timeline.OpText, timeline.OpBinary:
		is := f.Opcode == timeline.OpText && !f.Rsv1
		if !f.Fin && is || len(t) > 0 {
			t.set(f, is && !f.Fin)
		}
		return is && utf8.Valid(f.Payload)
	case timeline.OpContinuation:
		if len(t) == 0 || !t[f.Conn.ID][f.Dir&1] {
			return false
		}
		if f.Fin {
			t.set(f, false)
		}
		return utf8.Valid(f.Payload)
	}
	return false
}

func (t textual) set(f *timeline.Frame, is bool) {
	state := t[f.Conn.ID]
	state[f.Dir&1] = is
	if state == [2]bool{} {
		delete(t, f.Conn.ID)
		return
	}
	t[f.Conn.ID] = state
}
