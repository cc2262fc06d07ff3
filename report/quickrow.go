package report

import (
	"github.com/wsdump/wsdump/timeline"
)

// Nearly every line of a timeline as NDJSON is an ordinary message, with its
// payload or, where nobody wants any, without. This file writes those in one go; [NDJSON.message] is the reference,
// and both give the same bytes, see TestQuickRow.

// quick writes m if it is ordinary, and reports whether it did.
func (n *NDJSON) quick(m *timeline.Message) bool {
	size, shown := len(m.Payload), m.HasPayload && n.opt.Payload != PayloadNone
	if m.Conn.Recorded || !m.HasLength || m.Opaque || m.Truncated || m.Incomplete || m.Guessed || m.Redacted || m.Answers != 0 ||
		m.First.Packet == 0 || m.Last.Packet == 0 || len(n.opt.Files) > 1 ||
		shown && n.opt.Payload.bytes(size, ndjsonPayload) < size {
		return false
	}
	b := append(n.buf, `{"type":"message","time":"`...)
	at := len(b)
	b = n.clock.appendRFC3339(b, m.First.Time)
	end := len(b)
	b = append(b, `","packet":`...)
	b = appendUint(b, m.First.Packet)
	b = append(b, `,"conn":`...)
	b = appendUint(b, m.Conn.ID)
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
		b = n.clock.appendRFC3339(b, m.Last.Time)
	}
	b = append(b, `","end_packet":`...)
	b = appendUint(b, m.Last.Packet)
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
	switch {
	case !shown:
	case m.Text || size == 0:
		b = append(b, `,"text":`...)
		b = appendValidJSON(b, m.Payload)
	default:
		b = append(b, `,"base64":`...)
		b = appendBase64(b, m.Payload)
	}
	n.buf = append(b, '}', '\n')
	n.row()
	return true
}
