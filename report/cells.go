package report

import (
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/wsdump/wsdump/internal/decimal"
	"github.com/wsdump/wsdump/internal/quantity"
	"github.com/wsdump/wsdump/internal/terminal"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/timeline"
)

// Widths of the table's columns. A wider value moves the rest of its row to the
// right. Only DATA is ever cut, and a cut ends in an ellipsis.
const (
	connWidth   = 6
	numberWidth = 4
	deltaWidth  = 9
	lengthWidth = 9

	// pipedWidth is the width of DATA when the output is no terminal.
	pipedWidth = 400
	// leastWidth is the width of DATA on the narrowest terminal.
	leastWidth = 20
	// leastURL is the width of a URL on the narrowest terminal. The URL says which
	// connection this is: a line that wraps is better than a URL that is cut.
	leastURL = 60
	// hexBytes is how many bytes of a binary message a row shows.
	hexBytes = 16

	closingIndent = "      "
)

const hexDigits = "0123456789abcdef"

func (t *Table) paint(dst []byte, color string) []byte {
	if t.opt.Color {
		dst = append(dst, color...)
	}
	return dst
}

// painted appends text in a colour.
func (t *Table) painted(dst []byte, color, text string) []byte {
	dst = t.paint(dst, color)
	dst = append(dst, text...)
	return t.paint(dst, terminal.ColorReset)
}

// alignRight pads dst[at:] with spaces on its left, to width columns.
func alignRight(dst []byte, at, width int) []byte {
	missing := width - utf8.RuneCount(dst[at:])
	if missing <= 0 {
		return dst
	}
	end := len(dst)
	for range missing {
		dst = append(dst, ' ')
	}
	copy(dst[at+missing:], dst[at:end])
	for i := at; i < at+missing; i++ {
		dst[i] = ' '
	}
	return dst
}

// timeWidth is the width of the TIME column.
func (t *Table) timeWidth() int {
	switch t.opt.Time {
	case TimeLocal:
		return len("2006-01-02 15:04:05.000000")
	case TimeUTC:
		return len("2006-01-02 15:04:05.000000Z")
	case TimeEpoch:
		return len("1700000000.000000")
	}
	return 9
}

// appendColumns appends the column head.
func (t *Table) appendColumns(dst []byte) []byte {
	dst = t.paint(dst, terminal.ColorDim)
	right := func(text string, width int) {
		at := len(dst)
		dst = alignRight(append(dst, text...), at, width)
		dst = append(dst, ' ')
	}
	right("N", numberWidth)
	right("TIME", t.timeWidth())
	if t.opt.Time != TimeDelta {
		right("Δ", deltaWidth)
	}
	right("LENGTH", lengthWidth)
	dst = append(dst, "   DATA"...)
	return t.paint(dst, terminal.ColorReset)
}

// begin starts row n of conn with the cells N, TIME and Δ. n is 0 for a row without a
// number.
func (t *Table) begin(conn, n uint64, ns int64) {
	t.selectPrevious(conn)
	t.line = t.line[:0]
	if n == 0 {
		t.line = append(t.line, "   ·"...)
	} else {
		t.line = alignRight(strconv.AppendUint(t.line, n, 10), 0, numberWidth)
	}
	t.line = append(t.line, ' ')
	t.line = t.appendTime(t.line, ns)
	if t.opt.Time != TimeDelta {
		at := len(t.line)
		if t.hasPrev {
			d := time.Duration(ns - t.previous)
			if d >= 0 {
				t.line = append(t.line, '+')
			}
			t.line = quantity.AppendShortDuration(t.line, d)
		}
		t.line = append(alignRight(t.line, at, deltaWidth), ' ')
	}
	t.previous, t.hasPrev = ns, true
}

// appendTime appends the TIME cell and a space.
func (t *Table) appendTime(dst []byte, ns int64) []byte {
	at := len(dst)
	switch t.opt.Time {
	case TimeUTC:
		dst = time.Unix(0, ns).UTC().AppendFormat(dst, "2006-01-02 15:04:05.000000Z")
	case TimeLocal:
		zone := t.opt.Local
		if zone == nil {
			zone = time.UTC
		}
		dst = time.Unix(0, ns).In(zone).AppendFormat(dst, "2006-01-02 15:04:05.000000")
	case TimeEpoch:
		dst = appendSeconds(dst, ns, 6)
	case TimeDelta:
		if t.hasPrev {
			dst = appendSeconds(dst, ns-t.previous, 4)
		}
	default:
		dst = appendSeconds(dst, ns-t.start(ns), 4)
	}
	dst = alignRight(dst, at, t.timeWidth())
	return append(dst, ' ')
}

// start returns the time that TIME counts from: that of the first packet, or of the
// first row where no packet is known.
func (t *Table) start(ns int64) int64 {
	if !t.hasStartTime {
		t.startTime, t.hasStartTime = ns, true
	}
	return t.startTime
}

// appendSeconds appends ns in seconds, truncated to at most 9 decimals.
func appendSeconds(dst []byte, ns int64, decimals int) []byte {
	n := uint64(ns)
	if ns < 0 {
		dst = append(dst, '-')
		n = -n
	}
	dst = append(strconv.AppendUint(dst, n/1e9, 10), '.')
	rest := n % 1e9
	for i := decimals; i < 9; i++ {
		rest /= 10
	}
	return decimal.AppendDigits(dst, rest, decimals)
}

// appendArrow aligns the LENGTH cell, which begins at at, and appends the direction.
func (t *Table) appendArrow(dst []byte, at int, dir timeline.Direction) []byte {
	dst = append(alignRight(dst, at, lengthWidth), "  "...)
	if dir == timeline.ClientToServer {
		dst = t.painted(dst, terminal.ColorSent, "↑")
	} else {
		dst = t.painted(dst, terminal.ColorReceived, "↓")
	}
	return append(dst, ' ')
}

// room returns how many columns DATA may fill behind line, the row so far. The only
// escape sequences in line are those of one coloured arrow.
func (t *Table) room(line []byte) int {
	switch {
	case t.opt.Payload > 0 || t.opt.Payload == PayloadAll:
		return terminal.NoLimit
	case t.opt.Width <= 0:
		return pipedWidth
	}
	used := utf8.RuneCount(line) + connWidth
	if t.opt.Color {
		used -= len(terminal.ColorSent) + len(terminal.ColorReset)
	}
	return max(t.opt.Width-used, leastWidth)
}

func (t *Table) appendMessage(dst []byte, m *timeline.Message) []byte {
	at := len(dst)
	if m.Compressed {
		dst = append(quantity.AppendCount(dst, m.WireLength), "→"...)
	}
	if m.HasLength {
		dst = quantity.AppendCount(dst, m.Length)
	} else if m.Compressed {
		dst = append(dst, '?')
	} else {
		dst = quantity.AppendCount(dst, m.WireLength)
	}
	dst = t.appendArrow(dst, at, m.Dir)

	var store [96]byte
	marks := appendMarks(store[:0], m.Incomplete, m.Truncated, m.Guessed)
	if m.Frames > 1 {
		marks = append(strconv.AppendUint(appendMark(marks, ""), m.Frames, 10), " frames"...)
	}
	if m.Redacted {
		marks = appendMark(marks, "redacted")
	}
	if m.Answers != 0 {
		marks = append(strconv.AppendUint(append(appendMark(marks, ""), "answers "...), m.Answers, 10), " after "...)
		marks = quantity.AppendDuration(marks, m.Took)
	}
	switch {
	case m.Opaque && m.HasPayload:
		marks = appendMark(marks, "not inflated")
	case m.Kind == timeline.OpText && !m.Text && m.HasPayload && !m.Incomplete:
		marks = appendMark(marks, "not UTF-8")
	}
	if !m.HasPayload || t.opt.Payload == PayloadNone {
		dst = t.painted(dst, terminal.ColorDim, "("+m.Kind.String()+")")
	} else if t.dumps(m) {
		dst = t.painted(dst, terminal.ColorDim, "("+m.Kind.String()+")")
		t.hexDump(m.Payload, t.opt.Payload.bytes(len(m.Payload), hexDumpBytes))
	} else {
		text, room := m.Kind == timeline.OpText && !m.Opaque, t.room(dst)-marksWidth(marks)
		tree, ok := dst, false
		if t.opt.Pretty && text {
			tree, ok = t.tree(dst, m.Payload, room)
		}
		if ok {
			dst = tree
		} else {
			dst = t.appendPayload(dst, m.Payload, text, room)
		}
	}
	return t.closeMarks(dst, marks)
}

// appendPayload appends payload in at most room columns.
func (t *Table) appendPayload(dst, payload []byte, text bool, room int) []byte {
	room = max(room, 1)
	if len(payload) == 0 {
		return t.painted(dst, terminal.ColorDim, "(empty)")
	}
	n := t.opt.Payload.bytes(len(payload), len(payload))
	if !text {
		return appendHex(dst, payload, n, t.opt.Payload == PayloadDefault, room)
	}
	shown := payload[:n]
	if n < len(payload) {
		shown = cutRune(payload, n)
	}
	if t.opt.ASCII {
		t.ascii = terminal.AppendASCII(t.ascii[:0], shown, room)
		shown = t.ascii
	}
	if t.opt.Color && query.LooksJSON(shown) {
		t.safe, _ = terminal.AppendSafe(t.safe[:0], shown, room)
		dst = appendColored(dst, t.safe)
	} else {
		dst, _ = terminal.AppendSafe(dst, shown, room)
	}
	if n < len(payload) {
		dst = append(dst, terminal.Ellipsis...)
	}
	return dst
}

// appendHex appends up to n bytes in hex, then the same bytes as characters.
func appendHex(dst, payload []byte, n int, short bool, room int) []byte {
	if short {
		n = min(n, hexBytes)
	}
	n = max(1, min(n, (room-5)/4)) // each byte takes "xx " and a character; "…  ||" takes 5
	n = min(n, len(payload))
	for i, c := range payload[:n] {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = append(dst, hexDigits[c>>4], hexDigits[c&15])
	}
	if n < len(payload) {
		dst = append(dst, terminal.Ellipsis...)
	}
	return append(appendPlain(append(dst, "  |"...), payload[:n]), '|')
}

// appendPlain appends bytes as ASCII characters. A byte that does not print becomes a
// dot.
func appendPlain(dst, b []byte) []byte {
	for _, c := range b {
		if c < 0x20 || c > 0x7e {
			c = '.'
		}
		dst = append(dst, c)
	}
	return dst
}

func (t *Table) appendControl(dst []byte, f *timeline.Frame) []byte {
	at := len(dst)
	dst = quantity.AppendCount(dst, f.Length)
	dst = t.appendArrow(dst, at, f.Dir)
	room := t.room(dst)
	dst = t.painted(dst, terminal.ColorBold, f.Opcode.String())
	switch {
	case f.Opcode == timeline.OpClose:
		dst = appendClose(dst, f.CloseCode, f.CloseReason, f.Length, room-5)
	case len(f.Payload) > 0 && t.opt.Payload != PayloadNone:
		dst = append(dst, ' ')
		if f.PayloadUTF8 {
			dst = append(dst, '"')
			dst = t.appendPayload(dst, f.Payload, true, room-20)
			dst = append(dst, '"')
		} else {
			dst = t.appendPayload(dst, f.Payload, false, room-20)
		}
	}
	if f.HasRTT {
		dst = t.paint(append(dst, "  "...), terminal.ColorDim)
		dst = append(quantity.AppendDuration(append(dst, '('), f.RTT), ')')
		dst = t.paint(dst, terminal.ColorReset)
	}
	var store [64]byte
	return t.closeMarks(dst, appendMarks(store[:0], f.Incomplete, f.Truncated, f.Guessed))
}

// appendClose appends ` 1000 normal "bye"`.
func appendClose(dst []byte, code uint16, reason []byte, length uint64, room int) []byte {
	switch {
	case code == 0 && length == 0:
		return append(dst, " without a code"...)
	case code == 0:
		return append(dst, " without a whole code"...)
	}
	dst = strconv.AppendUint(append(dst, ' '), uint64(code), 10)
	if name := CloseName(code); name != "" {
		dst = append(append(dst, ' '), name...)
		room -= len(name)
	}
	if len(reason) > 0 {
		dst = append(dst, ` "`...)
		dst, _ = terminal.AppendSafe(dst, reason, max(room-9, leastWidth))
		dst = append(dst, '"')
	}
	return dst
}

func (t *Table) appendFrame(dst []byte, f *timeline.Frame) []byte {
	at := len(dst)
	dst = quantity.AppendCount(dst, f.Length)
	dst = t.appendArrow(dst, at, f.Dir)
	room := t.room(dst)
	from := len(dst)
	dst = append(append(dst, "frame "...), f.Opcode.String()...)
	if f.Opcode.Reserved() {
		dst = append(dst, " 0x"...)
		dst = append(dst, hexDigits[f.Opcode&15])
	}
	for _, bit := range [...]struct {
		set  bool
		word string
	}{{f.Fin, " fin"}, {f.Rsv1, " rsv1"}, {f.Rsv2, " rsv2"}, {f.Rsv3, " rsv3"}, {f.Masked, " mask="}} {
		if bit.set {
			dst = append(dst, bit.word...)
		}
	}
	if f.Masked {
		for _, c := range f.MaskKey {
			dst = append(dst, hexDigits[c>>4], hexDigits[c&15])
		}
	}
	room -= len(dst) - from + 2
	text := t.textual.frame(f)
	if len(f.Payload) > 0 && t.opt.Payload != PayloadNone {
		dst = t.appendPayload(append(dst, "  "...), f.Payload, text, max(room, leastWidth))
	}
	var store [64]byte
	return t.closeMarks(dst, appendMarks(store[:0], f.Incomplete, f.Truncated, f.Guessed))
}
