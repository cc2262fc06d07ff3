package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"
	"strings"

	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/timeline"
)

// csvColumns are the columns of CSV: the keys of NDJSON, with those of objects
// joined to theirs. Their order is part of the contract; new ones come last.
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

// CSV prints a timeline or a list as comma-separated values (RFC 4180), with a
// head and one record a row. It is made from the lines of [NDJSON], so that both
// always say the same; start and summary are left out.
type CSV struct {
	*NDJSON
	lines *csvLines
}

// csvLines takes lines of JSON and writes records.
type csvLines struct {
	w       *csv.Writer
	rest    []byte // a line that is not whole
	columns map[string]int
	record  []string
	unknown []string // keys without a column; a test holds that there is none
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
	_ = lines.w.Write(csvColumns) // the error stays, and Flush tells it
	return &CSV{NDJSON: rows(lines, opt), lines: lines}
}

// Select implements [query.Selective].
func (c *CSV) Select(m query.Match) { c.NDJSON.Select(m) }

// Done prints what is left.
func (c *CSV) Done(t *timeline.Totals) {
	c.NDJSON.Done(t)
	_ = c.Flush() // the error is kept
}

// Flush prints all rows that are known.
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

// line writes the record of one line.
func (l *csvLines) line(line []byte) {
	var row map[string]json.RawMessage
	if err := json.Unmarshal(line, &row); err != nil {
		return // it is ours, and valid
	}
	if kind := string(row["type"]); kind == `"start"` || kind == `"summary"` {
		return
	}
	clear(l.record)
	l.flatten("", row)
	_ = l.w.Write(l.record)
}

// flatten puts values into their columns.
func (l *csvLines) flatten(prefix string, row map[string]json.RawMessage) {
	for name, value := range row {
		name = prefix + name
		if value[0] == '{' {
			var inner map[string]json.RawMessage
			if json.Unmarshal(value, &inner) == nil {
				l.flatten(name+"_", inner)
			}
			continue
		}
		if i, ok := l.columns[name]; ok {
			l.record[i] = csvValue(value)
		} else {
			l.unknown = append(l.unknown, name)
		}
	}
}

// csvValue returns a cell.
func csvValue(value []byte) string {
	switch value[0] {
	case '"':
		var s string
		_ = json.Unmarshal(value, &s) // our own
		return csvText(s)
	case '[':
		var list []json.RawMessage
		_ = json.Unmarshal(value, &list)
		texts := make([]string, len(list))
		for i, item := range list {
			if item[0] == '[' { // a header
				var pair []string
				_ = json.Unmarshal(item, &pair)
				texts[i] = strings.Join(pair, ": ")
			} else {
				_ = json.Unmarshal(item, &texts[i])
			}
		}
		return csvText(strings.Join(texts, "; "))
	}
	return string(value)
}

// csvText returns text that neither a terminal nor a spreadsheet obeys. Line
// breaks and tabs stay, control and bidirectional characters are written as
// \u00XX, and what a spreadsheet would take for a formula gets a ' before it.
func csvText(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return obeyed(r) }) {
		var b []byte
		for _, r := range s {
			if obeyed(r) {
				b = appendRuneEscape(b, r)
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

func obeyed(r rune) bool { return r != '\n' && r != '\t' && r != '\r' && formats(r) }
