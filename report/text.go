package report

import (
	"unicode/utf8"

	"github.com/wsdump/wsdump/timeline"
)

// cutRune returns b[:n] without an incomplete character at its end.
func cutRune(b []byte, n int) []byte {
	if n >= len(b) {
		return wholeRunes(b)
	}
	return wholeRunes(b[:n])
}

// wholeRunes returns b without an incomplete character at its end.
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

// openTexts has an entry for each connection with a fragmented text message under
// way, by direction. So a continuation frame is shown as what it continues.
type openTexts map[uint64][2]bool

// frame reports whether the payload of f can be shown as text. That is valid UTF-8 in
// an uncompressed text message, in a ping or in a pong.
func (t openTexts) frame(f *timeline.Frame) bool {
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

func (t openTexts) set(f *timeline.Frame, is bool) {
	state := t[f.Conn.ID]
	state[f.Dir&1] = is
	if state == [2]bool{} {
		delete(t, f.Conn.ID)
		return
	}
	t[f.Conn.ID] = state
}
