package report

import (
	"encoding/json"
	"strconv"

	"github.com/wsdump/wsdump/internal/quantity"
	"github.com/wsdump/wsdump/internal/terminal"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/timeline"
)

// Colours of JSON. Keys and values differ in brightness too.
const (
	colorKey   = "\x1b[94m"
	colorValue = "\x1b[95m" // numbers, true, false, null
)

// appendColored appends JSON in colours. text is safe already and may be cut
// anywhere, so it is coloured token by token without a check of its grammar.
func appendColored(dst, text []byte) []byte {
	for i := 0; i < len(text); {
		end, color := jsonToken(text, i)
		if color == "" {
			dst = append(dst, text[i:end]...)
		} else {
			dst = append(append(append(dst, color...), text[i:end]...), terminal.ColorReset...)
		}
		i = end
	}
	return dst
}

// jsonToken returns the end and the colour of the token that begins at i.
func jsonToken(text []byte, i int) (end int, color string) {
	switch c := text[i]; {
	case c == '"':
		for end = i + 1; end < len(text) && text[end] != '"'; end++ {
			if text[end] == '\\' {
				end++
			}
		}
		end = min(end+1, len(text))
		for k := end; k < len(text); k++ {
			if text[k] == ':' {
				return end, colorKey
			}
			if text[k] != ' ' {
				break
			}
		}
		return end, ""
	case wordByte(c):
		for end = i + 1; end < len(text) && wordByte(text[end]); end++ {
		}
		return end, colorValue
	}
	return i + 1, ""
}

func wordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '+' || c == '.'
}

const (
	// treeLines is the most lines that the tree of one message has.
	treeLines = 10_000
	// treeDepth is the most levels that are indented. Deeper levels have the same
	// indent.
	treeDepth = 40
	// treeBytes is the largest JSON, in bytes, that is shown as a tree.
	treeBytes = 16 << 20
)

// tree lays a JSON text out in lines of at most room columns. It appends the first
// line to dst, for the row itself, and the others to t.below. Keys keep their order
// and numbers their spelling. ok is false when payload is no JSON object or array.
func (t *Table) tree(dst, text []byte, room int) (_ []byte, ok bool) {
	if len(text) > treeBytes || !query.LooksJSON(text) || !json.Valid(text) {
		return dst, false
	}
	if t.opt.ASCII {
		text = terminal.AppendASCII(nil, text, terminal.NoLimit)
	}
	w := treeWriter{table: t, dst: dst, room: room}
	depth := 0
	for i := 0; i < len(text) && w.lines < treeLines; {
		switch c := text[i]; c {
		case ' ', '\t', '\r', '\n':
			i++
		case '{', '[':
			i++
			w.line = append(w.line, c)
			next := i
			for text[next] == ' ' || text[next] == '\t' || text[next] == '\r' || text[next] == '\n' {
				next++
			}
			if text[next] == c+2 { // empty: '}' is '{'+2 and ']' is '['+2
				w.line, i = append(w.line, c+2), next+1
				continue
			}
			depth++
			w.end(depth)
		case '}', ']':
			i++
			depth--
			w.end(depth)
			w.line = append(w.line, c)
		case ',':
			i++
			w.line = append(w.line, c)
			w.end(depth)
		case ':':
			i++
			w.line = append(w.line, ": "...)
		default:
			end, _ := jsonToken(text, i)
			w.line = append(w.line, text[i:end]...)
			i = end
		}
	}
	w.end(0)
	if w.lines >= treeLines {
		t.addBelow([]byte(terminal.Ellipsis + " more than " + strconv.Itoa(treeLines) + " lines"))
	}
	return w.dst, true
}

// treeWriter collects the lines of a tree.
type treeWriter struct {
	table *Table
	dst   []byte // first line
	line  []byte
	depth int // of line
	lines int
	room  int
	safe  []byte
}

// end finishes a line. The next one is indented by depth levels.
func (w *treeWriter) end(depth int) {
	w.safe = w.safe[:0]
	for range 2 * min(w.depth, treeDepth) {
		w.safe = append(w.safe, ' ')
	}
	w.safe, _ = terminal.AppendSafe(w.safe, w.line, max(w.room-len(w.safe), leastWidth))
	if w.lines == 0 {
		w.dst = w.table.colored(w.dst, w.safe)
	} else {
		w.table.addBelow(w.safe)
	}
	w.lines++
	w.line, w.depth = w.line[:0], depth
}

// colored appends safe JSON, in colours if the options ask for them.
func (t *Table) colored(dst, safe []byte) []byte {
	if t.opt.Color {
		return appendColored(dst, safe)
	}
	return append(dst, safe...)
}

// addBelow adds a line below the current row, in its DATA column.
func (t *Table) addBelow(safe []byte) {
	for range t.dataColumn() {
		t.below = append(t.below, ' ')
	}
	t.below = t.colored(t.below, safe)
	t.belowEnds = append(t.belowEnds, len(t.below))
}

// dataColumn returns the number of columns left of DATA.
func (t *Table) dataColumn() int {
	n := numberWidth + 1 + t.timeWidth() + 1 + lengthWidth + len("  ↑ ") - len("↑") + 1
	if t.opt.Time != TimeDelta {
		n += deltaWidth + 1
	}
	return n
}

// hexDump adds the first n bytes of payload below the current row: 16 bytes a line,
// with their offset.
func (t *Table) hexDump(payload []byte, n int) {
	var line []byte
	for i := 0; i < n; i += hexBytes {
		row := payload[i:min(i+hexBytes, n)]
		line = line[:0]
		for shift := 28; shift >= 0; shift -= 4 {
			if shift >= 16 && i>>16 == 0 {
				continue
			}
			line = append(line, hexDigits[i>>shift&15])
		}
		line = append(line, ' ')
		for k := range hexBytes {
			if k%8 == 0 {
				line = append(line, ' ')
			}
			if k < len(row) {
				line = append(line, hexDigits[row[k]>>4], hexDigits[row[k]&15], ' ')
			} else {
				line = append(line, "   "...)
			}
		}
		line = appendPlain(append(line, " |"...), row)
		t.addBelowPlain(append(line, '|'))
	}
	if n < len(payload) {
		t.addBelowPlain([]byte(terminal.Ellipsis + " " + quantity.Plural(uint64(len(payload)-n), "byte") + " more (--payload all)"))
	}
}

func (t *Table) addBelowPlain(safe []byte) {
	for range t.dataColumn() {
		t.below = append(t.below, ' ')
	}
	t.below = append(t.below, safe...)
	t.belowEnds = append(t.belowEnds, len(t.below))
}

// hexDumpBytes is how many bytes of a message a dump shows by default.
const hexDumpBytes = 1 << 10

// dumps reports whether a dump below the row shows the payload of m.
func (t *Table) dumps(m *timeline.Message) bool {
	return t.opt.Hex && len(m.Payload) > 0 && (m.Kind != timeline.OpText || m.Opaque || !m.Text)
}
