package report

import (
	"bytes"
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/wsdump/wsdump/internal/terminal"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/timeline"
)

// csvColumns are the columns of CSV: the keys of NDJSON. A key inside an object has
// the name of the object before it. Their order is a contract; new columns go to the
// end.
var csvColumns = []string{
	"type", "time", "packet", "file", "file_packet", "conn", "n", "dir", "kind", "op", "length", "wire_length", "text", "base64",
	"truncated", "incomplete", "guessed", "compressed", "frames", "end_time", "end_packet", "rtt_ms", "code", "reason",
	"rule", "severity", "title", "detail", "ref", "got", "want", "offset", "count",
	"url", "scheme", "host", "path", "client", "server", "peer", "transport", "http_version", "status", "accept", "subprotocol",
	"subprotocols_offered", "extensions", "extensions_offered", "origin", "user_agent", "request_headers", "response_headers", "handshake_ms",
	"sni", "community_id", "midstream", "leg_of", "leg_guessed", "engineio", "engineio_sid",
	"by", "clean", "tcp", "duration_ms", "idle_ms", "first_message_ms", "last_dir",
	"sent_messages", "sent_frames", "sent_bytes", "sent_wire_bytes", "received_messages", "received_frames", "received_bytes", "received_wire_bytes",
	"findings_error", "findings_warning", "findings_note",
	"opcode", "fin", "rsv1", "rsv2", "rsv3", "masked", "mask_key", "header_length",
	"alpn", "tls_version", "cipher", "certificate_names", "websocket_guess", "requests", "fallback", "redacted", "reply_to", "reply_ms",
}

// CSV prints a timeline or a list as comma-separated values (RFC 4180): a header
// record, then one record for each row. It is made from the lines of [NDJSON], so
// both always agree. It leaves the start and summary lines out.
type CSV struct {
	*NDJSON
	lines *csvLines
}

// csvLines is the writer of an NDJSON output. It turns lines of JSON into records.
type csvLines struct {
	w       *csv.Writer
	rest    []byte // the beginning of a line whose end has not come
	columns map[string]int
	record  []string
	unknown []string // keys without a column; a test checks that there are none
}

// NewCSV returns a CSV output of rows.
func NewCSV(w io.Writer, opt Options) *CSV { return newCSV(w, opt, NewNDJSON) }

// NewListCSV returns a CSV output with one record a connection.
func NewListCSV(w io.Writer, opt Options) *CSV { return newCSV(w, opt, NewListNDJSON) }

func newCSV(w io.Writer, opt Options, rows func(io.Writer, Options) *NDJSON) *CSV {
	lines := &csvLines{w: csv.NewWriter(w), columns: make(map[string]int), record: make([]string, len(csvColumns))}
	for i, name := range csvColumns {
		lines.columns[name] = i
	}
	_ = lines.w.Write(csvColumns) // w keeps the error, and Flush returns it
	return &CSV{NDJSON: rows(lines, opt), lines: lines}
}

// Select implements [query.Selective].
func (c *CSV) Select(m query.Match) { c.NDJSON.Select(m) }

// Done prints the last rows and flushes.
func (c *CSV) Done(t *timeline.Totals) {
	c.NDJSON.Done(t)
	_ = c.Flush() // Err returns the error
}

// Flush hands all rows so far to the writer.
func (c *CSV) Flush() error {
	err := c.NDJSON.Flush()
	c.lines.w.Flush()
	if err == nil {
		err = c.lines.w.Error()
	}
	if err != nil && c.err == nil {
		c.err = err
	}
	return err
}

// Write takes lines of JSON.
func (l *csvLines) Write(b []byte) (int, error) {
	l.rest = append(l.rest, b...)
	for {
		line, rest, ok := bytes.Cut(l.rest, []byte{'\n'})
		if !ok {
			l.rest = append(l.rest[:0], line...)
			return len(b), l.w.Error()
		}
		l.line(line)
		l.rest = rest
	}
}

// line writes the record of one line of JSON.
func (l *csvLines) line(line []byte) {
	if bytes.HasPrefix(line, []byte(`{"type":"start"`)) || bytes.HasPrefix(line, []byte(`{"type":"summary"`)) {
		return
	}
	clear(l.record)
	l.flatten("", line)
	_ = l.w.Write(l.record)
}

// flatten puts the values of the object at the start of b into their columns. It
// returns what follows the object. It reads only what [NDJSON] writes: JSON without
// spaces, whose keys need no escape.
func (l *csvLines) flatten(prefix string, b []byte) (rest []byte) {
	for b = b[1:]; b[0] != '}'; {
		if b[0] == ',' {
			b = b[1:]
		}
		key := jsonSpan(b)
		name := prefix + string(b[1:key-1])
		b = b[key+1:]
		if b[0] == '{' {
			b = l.flatten(name+"_", b)
			continue
		}
		end := jsonSpan(b)
		if i, ok := l.columns[name]; ok {
			l.record[i] = csvValue(b[:end])
		} else {
			l.unknown = append(l.unknown, name)
		}
		b = b[end:]
	}
	return b[1:]
}

// jsonSpan returns the length in bytes of the JSON value at the start of b.
func jsonSpan(b []byte) int {
	depth := 0
	for i := 0; ; i++ {
		switch b[i] {
		case '"':
			for i++; b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		case '[', '{':
			depth++
			continue
		case ']', '}':
			depth--
		default:
			if depth > 0 {
				continue
			}
			for i+1 < len(b) && b[i+1] != ',' && b[i+1] != '}' && b[i+1] != ']' {
				i++ // a number or a word
			}
		}
		if depth == 0 {
			return i + 1
		}
	}
}

// csvValue returns the cell for a JSON value.
func csvValue(value []byte) string {
	switch value[0] {
	case '"':
		return csvText(string(appendUnquoted(nil, value)))
	case '[':
		return csvText(string(appendList(nil, value, "; ")))
	}
	return string(value)
}

// appendList appends the texts of a JSON list with between between them. A list
// inside is a header field; a colon joins its name and value.
func appendList(dst, list []byte, between string) []byte {
	list = list[1:]
	for first := true; list[0] != ']'; first = false {
		if list[0] == ',' {
			list = list[1:]
		}
		if !first {
			dst = append(dst, between...)
		}
		end := jsonSpan(list)
		if list[0] == '[' {
			dst = appendList(dst, list[:end], ": ")
		} else {
			dst = appendUnquoted(dst, list[:end])
		}
		list = list[end:]
	}
	return dst
}

// appendUnquoted appends the text that a JSON string stands for.
func appendUnquoted(dst, quoted []byte) []byte {
	text := quoted[1 : len(quoted)-1]
	for {
		i := bytes.IndexByte(text, '\\')
		if i < 0 {
			return append(dst, text...)
		}
		dst = append(dst, text[:i]...)
		c := text[i+1]
		text = text[i+2:]
		switch c {
		case 'u':
			r, n := unescape(text)
			dst = utf8.AppendRune(dst, r)
			text = text[n:]
			continue
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		}
		dst = append(dst, c)
	}
}

// unescape reads what follows \u: four hex digits, or a surrogate pair. It returns
// the bytes it read.
func unescape(text []byte) (r rune, n int) {
	v, _ := strconv.ParseUint(string(text[:4]), 16, 16)
	if r = rune(v); utf16.IsSurrogate(r) && len(text) >= 10 {
		low, _ := strconv.ParseUint(string(text[6:10]), 16, 16)
		return utf16.DecodeRune(r, rune(low)), 10
	}
	return r, 4
}

// csvText returns text that neither a terminal nor a spreadsheet obeys. Line breaks
// and tabs stay. Control and bidirectional characters become \u00XX. A ' precedes
// what a spreadsheet would take for a formula.
func csvText(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return obeyed(r) }) {
		var b []byte
		for _, r := range s {
			if obeyed(r) {
				b = terminal.AppendEscape(b, r)
			} else {
				b = append(b, string(r)...)
			}
		}
		s = string(b)
	}
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		if _, err := strconv.ParseFloat(s, 64); err != nil {
			return "'" + s
		}
	}
	return s
}

func obeyed(r rune) bool { return r != '\n' && r != '\t' && r != '\r' && terminal.IsControl(r) }
