package report

import "github.com/wsdump/wsdump/timeline"

// Nearly every line of a timeline as NDJSON is an ordinary message, with its
// payload or, where nobody wants any, without. This file writes those in one go,
// and where several workers tell of connections, in their goroutines.
// [NDJSON.message] is the reference, and all give the same bytes, see TestQuickRow.

// quick writes m if it is ordinary, and reports whether it did.
func (n *NDJSON) quick(m *timeline.Message) bool {
	if !n.quickly.ordinary(m) {
		return false
	}
	b, _ := n.quickly.append(n.buf, m, true)
	n.buf = b
	n.row()
	return true
}

// Rows makes rows of ordinary messages for [NDJSON.Row], in a goroutine of its own.
type Rows struct {
	opt   Options
	clock clock
}

// Rows returns what makes rows for n, nil where they have to be made in order.
func (n *NDJSON) Rows() *Rows {
	if n.off(HideMessage) || n.filtered || n.count > 0 {
		return nil
	}
	return &Rows{opt: n.opt}
}

// Append appends the row of m to dst, without the number of the connection: it
// belongs before the byte of the row with the index hole. ok is false, and nothing
// appended, when m is not ordinary: then it is one for [NDJSON.Message].
func (r *Rows) Append(dst []byte, m *timeline.Message) (rows []byte, hole int, ok bool) {
	if !r.ordinary(m) {
		return dst, 0, false
	}
	rows, hole = r.append(dst, m, false)
	return rows, hole - len(dst), true
}

// Row prints a row of c that [Rows.Append] made.
func (n *NDJSON) Row(c *timeline.Conn, row []byte, hole int) {
	if n.stopped {
		return
	}
	n.buf = appendUint(append(n.buf, row[:hole]...), c.ID)
	if rest := row[hole:]; len(rest) > flushAt/4 { // it need not be copied once more
		n.write()
		n.put(rest)
	} else {
		n.buf = append(n.buf, rest...)
	}
	n.row()
}

// ordinary reports whether m is what append is for.
func (r *Rows) ordinary(m *timeline.Message) bool {
	size, shown := len(m.Payload), m.HasPayload && r.opt.Payload != PayloadNone
	return !(m.Conn.Recorded || !m.HasLength || m.Opaque || m.Truncated || m.Incomplete || m.Guessed || m.Redacted || m.Answers != 0 ||
		m.First.Packet == 0 || m.Last.Packet == 0 || len(r.opt.Files) > 1 ||
		shown && r.opt.Payload.bytes(size, ndjsonPayload) < size)
}

// append appends the row of m to b, with the number of the connection, or without
// it: then hole is where it is missing.
func (r *Rows) append(b []byte, m *timeline.Message, whole bool) (row []byte, hole int) {
	b = append(b, `{"type":"message","time":"`...)
	at := len(b)
	b = r.clock.appendRFC3339(b, m.First.Time)
	end := len(b)
	b = append(b, `","packet":`...)
	number := len(b)
	b = appendUint(b, m.First.Packet)
	numberEnd := len(b)
	b = append(b, `,"conn":`...)
	if hole = len(b); whole {
		b = appendUint(b, m.Conn.ID)
	}
	b = append(b, `,"n":`...)
	b = appendUint(b, m.N)
	b = append(b, `,"dir":"`...)
	b = append(b, m.Dir.String()...)
	b = append(b, `","kind":"`...)
	b = append(b, m.Kind.String()...)
	b = append(b, `","end_time":"`...)
	if m.Last.Time == m.First.Time {
		b = append(b, b[at:end]...)
	} else {
		b = r.clock.appendRFC3339(b, m.Last.Time)
	}
	b = append(b, `","end_packet":`...)
	if m.Last.Packet == m.First.Packet {
		b = append(b, b[number:numberEnd]...)
	} else {
		b = appendUint(b, m.Last.Packet)
	}
	b = append(b, `,"frames":`...)
	b = appendUint(b, m.Frames)
	b = append(b, `,"length":`...)
	b = appendUint(b, m.Length)
	b = append(b, `,"wire_length":`...)
	b = appendUint(b, m.WireLength)
	if m.Compressed {
		b = append(b, `,"compressed":true`...)
	} else {
		b = append(b, `,"compressed":false`...)
	}
	switch size := len(m.Payload); {
	case !m.HasPayload || r.opt.Payload == PayloadNone:
	case m.Text || size == 0:
		b = append(b, `,"text":`...)
		b = appendValidJSON(b, m.Payload)
	default:
		b = append(b, `,"base64":`...)
		b = appendBase64(b, m.Payload)
	}
	return append(b, '}', '\n'), hole
}
