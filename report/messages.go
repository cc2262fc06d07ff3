package report

import (
	"strconv"

	"github.com/wsdump/wsdump/internal/decimal"
	"github.com/wsdump/wsdump/internal/ndjson"
	"github.com/wsdump/wsdump/timeline"
)

// Rows makes the message lines of an [NDJSON] output. Workers make lines at once,
// each goroutine with a Rows of its own, and [NDJSON.Row] prints them in order.
type Rows struct {
	opt   Options
	clock ndjson.Clock
}

// Rows returns a Rows that makes the message lines of n in another goroutine. It
// returns nil when n does not print all of them.
func (n *NDJSON) Rows() *Rows {
	if n.off(HideMessage) || n.filtered || n.count > 0 {
		return nil
	}
	return &Rows{opt: n.opt}
}

// Append appends the line of m to dst, without the number of the connection, which
// another goroutine assigns later. hole is the index in the line where that number
// belongs.
func (r *Rows) Append(dst []byte, m *timeline.Message) (rows []byte, hole int) {
	rows, hole = r.append(dst, m, false)
	return rows, hole - len(dst)
}

// Row prints a line of c that [Rows.Append] made.
func (n *NDJSON) Row(c *timeline.Conn, row []byte, hole int) {
	if n.stopped {
		return
	}
	n.buf = decimal.AppendUint(append(n.buf, row[:hole]...), c.ID)
	if rest := row[hole:]; len(rest) > flushAt/4 { // too large to copy it once more
		n.write()
		n.writeNow(rest)
	} else {
		n.buf = append(n.buf, rest...)
	}
	n.countRow()
}

// begin starts a line with its type, time, packet and file.
func (r *Rows) begin(b []byte, kind string, at timeline.Stamp) []byte {
	b = append(b, `{"type":"`...)
	b = append(b, kind...)
	b = append(b, '"')
	if at.IsZero() {
		return b
	}
	b = append(b, `,"time":"`...)
	b = r.clock.AppendRFC3339(b, at.Time)
	b = append(b, '"')
	if at.Packet != 0 {
		b = append(b, `,"packet":`...)
		b = decimal.AppendUint(b, at.Packet)
	}
	if len(r.opt.Files) > 1 && int(at.File) < len(r.opt.Files) {
		b = append(b, `,"file":`...)
		b = ndjson.AppendString(b, r.opt.Files[at.File])
		if at.Packet != 0 {
			b = append(b, `,"file_packet":`...)
			b = decimal.AppendUint(b, at.FilePacket)
		}
	}
	return b
}

// append appends the line of m to b, with the number of the connection if whole is
// true. hole is the index in row where that number belongs.
func (r *Rows) append(b []byte, m *timeline.Message, whole bool) (row []byte, hole int) {
	recorded := m.Conn.Recorded // a HAR holds no facts of the wire
	b = r.begin(b, "message", m.First)
	b = append(b, `,"conn":`...)
	if hole = len(b); whole {
		b = decimal.AppendUint(b, m.Conn.ID)
	}
	b = append(b, `,"n":`...)
	b = decimal.AppendUint(b, m.N)
	b = append(b, `,"dir":"`...)
	b = append(b, m.Dir.String()...)
	b = append(b, `","kind":"`...)
	b = append(b, m.Kind.String()...)
	b = append(b, `","end_time":"`...)
	b = r.clock.AppendRFC3339(b, m.Last.Time)
	b = append(b, '"')
	if m.Last.Packet != 0 {
		b = append(b, `,"end_packet":`...)
		b = decimal.AppendUint(b, m.Last.Packet)
	}
	if !recorded {
		b = append(b, `,"frames":`...)
		b = decimal.AppendUint(b, m.Frames)
	}
	if m.HasLength {
		b = append(b, `,"length":`...)
		b = decimal.AppendUint(b, m.Length)
	}
	if !recorded {
		b = append(b, `,"wire_length":`...)
		b = decimal.AppendUint(b, m.WireLength)
		b = append(b, `,"compressed":`...)
		b = strconv.AppendBool(b, m.Compressed)
	}
	truncated := m.Truncated
	if m.HasPayload && r.opt.Payload != PayloadNone {
		var cut bool
		b, cut = r.payload(b, m.Payload, m.Text && !m.Opaque)
		truncated = truncated || cut
	}
	b = appendMarkKey(b, `,"truncated":true`, truncated)
	b = appendMarkKey(b, `,"incomplete":true`, m.Incomplete)
	b = appendMarkKey(b, `,"guessed":true`, m.Guessed)
	b = appendMarkKey(b, `,"redacted":true`, m.Redacted)
	if m.Answers != 0 {
		b = append(b, `,"reply_to":`...)
		b = decimal.AppendUint(b, m.Answers)
		b = append(b, `,"reply_ms":`...)
		b = ndjson.AppendMillis(b, m.Took)
	}
	return append(b, '}', '\n'), hole
}

// appendMarkKey appends pair if is is true. The key of a mark that does not apply is
// absent.
func appendMarkKey(b []byte, pair string, is bool) []byte {
	if is {
		b = append(b, pair...)
	}
	return b
}

// payload appends payload as text, or in base64. With text set, payload must be valid
// UTF-8 but for a cut character at its end. cut reports whether the options shorten
// it.
func (r *Rows) payload(b, payload []byte, text bool) (_ []byte, cut bool) {
	size := r.opt.Payload.bytes(len(payload), ndjsonPayload)
	if text || len(payload) == 0 {
		b = append(b, `,"text":`...)
		return ndjson.AppendValid(b, cutRune(payload, size)), size < len(payload)
	}
	b = append(b, `,"base64":`...)
	return ndjson.AppendBase64(b, payload[:size]), size < len(payload)
}
