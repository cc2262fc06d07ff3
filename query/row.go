package query

import (
	"unicode/utf8"

	"github.com/wsdump/wsdump/timeline"
)

// Row is what a [Program] judges: one row of the timeline, or one connection. The zero
// value is empty and ready. One of the Of methods fills it, and borrows its argument.
// A Row is used again for the next row; filling it allocates nothing. It is for one
// goroutine.
type Row struct {
	// Files are the names of the inputs by Stamp.File, for the field file. With one
	// input, the field is absent.
	Files []string

	kind    rowKind
	conn    *timeline.Conn // nil for a finding about no connection
	at      timeline.Stamp
	message *timeline.Message
	frame   *timeline.Frame
	finding *timeline.Finding

	zero    int64 // capture time of the first packet
	hasZero bool
	key     [8]byte // the mask key in hex digits
	hosts   [3][64]byte
	urls    [urlsKept]urlOf
	json    document
	decoded document
	hasDeco bool
	deco    []byte
}

// urlOf caches the URL of a connection for its rows.
type urlOf struct {
	conn *timeline.Conn
	id   uint64
	url  string
}

// urlsKept is how many URLs are cached.
const urlsKept = 16

// rowKind is what a Row is filled with.
type rowKind uint8

const (
	rowNone rowKind = iota
	rowAny          // any row of a connection: only the keys of all rows are known
	rowOpen
	rowMessage
	rowControl
	rowFrame
	rowFinding
	rowClose
	rowConnection
)

// words are the values of the field type.
var rowWords = [...]string{
	rowOpen: "open", rowMessage: "message", rowControl: "control", rowFrame: "frame",
	rowFinding: "finding", rowClose: "close", rowConnection: "connection",
}

// Begin notes the first packet of the input: the field t counts from there.
func (r *Row) Begin(at timeline.Stamp) { r.zero, r.hasZero = at.Time, true }

func (r *Row) begin(k rowKind, c *timeline.Conn, at timeline.Stamp) {
	r.kind, r.conn, r.at = k, c, at
	r.json.reset()
	if r.hasDeco {
		r.decoded.reset()
		r.hasDeco, r.deco = false, nil
	}
}

// OfOpen fills r with the open row of c.
func (r *Row) OfOpen(c *timeline.Conn) { r.begin(rowOpen, c, c.Opened) }

// OfMessage fills r with a message.
func (r *Row) OfMessage(m *timeline.Message) {
	r.begin(rowMessage, m.Conn, m.First)
	r.message = m
}

// OfControl fills r with the control row of a control frame.
func (r *Row) OfControl(f *timeline.Frame) {
	r.begin(rowControl, f.Conn, f.First)
	r.frame = f
}

// OfFrame fills r with the frame row of a frame, data or control.
func (r *Row) OfFrame(f *timeline.Frame) {
	r.begin(rowFrame, f.Conn, f.First)
	r.frame = f
}

// OfFinding fills r with a finding.
func (r *Row) OfFinding(f *timeline.Finding) {
	r.begin(rowFinding, f.Conn, f.At)
	r.finding = f
}

// OfClose fills r with the close row of c, which is over.
func (r *Row) OfClose(c *timeline.Conn, at timeline.Stamp) { r.begin(rowClose, c, at) }

// OfConnection fills r with all of c, which is over. It is for programs of the scope
// [Connections].
func (r *Row) OfConnection(c *timeline.Conn) { r.begin(rowConnection, c, c.Opened) }

// Decoded sets the field decoded of the message that r is filled with: what a decoder
// made of it, as JSON. The bytes are borrowed.
func (r *Row) Decoded(json []byte) { r.hasDeco, r.deco = true, json }

// payload returns the payload of the row as text or bytes, all of it or its first part.
func (r *Row) payload(make func([]byte) value) value {
	switch r.kind {
	case rowAny:
		return unknown
	case rowMessage:
		m := r.message
		switch {
		case !m.HasPayload || m.Opaque:
			return unknown
		}
		return make(m.Payload).partly(m.Incomplete || m.Truncated)
	case rowControl, rowFrame:
		f := r.frame
		return make(f.Payload).partly(f.Incomplete || f.Truncated || uint64(len(f.Payload)) < f.Length)
	}
	return absent
}

func getBytes(r *Row) value { return r.payload(blob) }

// getText returns the text where NDJSON has one: of a text message, ping or pong that is
// valid UTF-8, and of the frame of such a message if that is its only frame and not
// compressed.
func getText(r *Row) value {
	switch r.kind {
	case rowMessage:
		m := r.message
		if m.Kind != timeline.OpText || m.HasPayload && !m.Opaque && !m.Text {
			return absent
		}
	case rowControl:
		if r.frame.Opcode == timeline.OpClose || !r.frame.PayloadUTF8 {
			return absent
		}
	case rowFrame:
		f := r.frame
		switch {
		case f.Opcode == timeline.OpPing || f.Opcode == timeline.OpPong:
			if !f.PayloadUTF8 {
				return absent
			}
		case f.Opcode != timeline.OpText || f.Rsv1 || !f.Fin || !utf8.Valid(f.Payload):
			return absent
		}
	}
	return r.payload(rawText)
}

// getJSON returns the payload of a message as JSON. The message may be binary: many
// applications send JSON so.
func getJSON(r *Row) value {
	if r.kind != rowMessage {
		if r.kind == rowAny {
			return unknown
		}
		return absent
	}
	if r.json.status == docUnread {
		m := r.message
		switch {
		case !m.HasPayload || m.Opaque || m.Incomplete || m.Truncated:
			return unknown
		case !m.Text && (m.Kind == timeline.OpText || !utf8.Valid(m.Payload)):
			r.json.status = docNone
		default:
			r.json.read(m.Payload)
		}
	}
	return r.json.root()
}

func getDecoded(r *Row) value {
	switch {
	case r.kind == rowAny:
		return unknown
	case r.kind != rowMessage:
		return absent
	case !r.hasDeco:
		m := r.message
		if !m.HasPayload || m.Opaque || m.Incomplete || m.Truncated {
			return unknown
		}
		return absent
	}
	if r.decoded.status == docUnread {
		if utf8.Valid(r.deco) {
			r.decoded.read(r.deco)
		} else {
			r.decoded.status = docNone
		}
	}
	return r.decoded.root()
}
