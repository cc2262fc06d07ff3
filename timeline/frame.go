package timeline

import "time"

// Opcode is the 4-bit opcode of a frame (RFC 6455 5.2).
type Opcode uint8

const (
	OpContinuation Opcode = 0x0
	OpText         Opcode = 0x1
	OpBinary       Opcode = 0x2
	OpClose        Opcode = 0x8
	OpPing         Opcode = 0x9
	OpPong         Opcode = 0xA
)

// Control reports whether o is a control opcode, assigned or not (RFC 6455 5.5).
func (o Opcode) Control() bool { return o&8 != 0 }

// Reserved reports whether RFC 6455 leaves o unassigned.
func (o Opcode) Reserved() bool { return o > OpBinary && o < OpClose || o > OpPong }

// String returns the word of the NDJSON contract.
func (o Opcode) String() string {
	switch o {
	case OpContinuation:
		return "continuation"
	case OpText:
		return "text"
	case OpBinary:
		return "binary"
	case OpClose:
		return "close"
	case OpPing:
		return "ping"
	case OpPong:
		return "pong"
	}
	return "reserved"
}

// Frame is one WebSocket frame (RFC 6455 5.2). It is borrowed by the Sink.
type Frame struct {
	Conn        *Conn
	Dir         Direction
	First, Last Stamp  // first byte of the header, last byte of the payload
	N           uint64 // row number in the Conn of a control frame, else 0

	Opcode                Opcode
	Fin, Rsv1, Rsv2, Rsv3 bool
	Masked                bool
	MaskKey               [4]byte // when Masked
	HeaderLength          int     // bytes, mask key included
	Length                uint64  // payload bytes on the wire, as the header says
	Payload               []byte  // borrowed; unmasked; still compressed
	Incomplete            bool    // bytes are missing; Payload ends at the first hole
	Truncated             bool    // a limit cut Payload
	Guessed               bool    // after a resynchronisation, or mid-stream
	CloseCode             uint16  // close: the code, 0 when there is none
	CloseReason           []byte  // close: borrowed, part of Payload
	RTT                   time.Duration
	HasRTT                bool // pong: it answers a ping, RTT after it
	PayloadUTF8           bool // control: Payload is valid UTF-8
	Redacted              bool // Payload is not all that was there: secrets were taken out
}

// Message is one or more data frames joined (RFC 6455 5.4). It is borrowed by
// the Sink.
type Message struct {
	Conn        *Conn
	Dir         Direction
	First, Last Stamp  // first byte of the first frame, last byte of the last
	N           uint64 // row number in the Conn

	Kind       Opcode // OpText or OpBinary: the opcode of the first frame
	Frames     uint64
	WireLength uint64 // payload bytes on the wire
	Length     uint64 // payload bytes, inflated; valid when HasLength
	HasLength  bool   // false for a compressed message that nobody inflated
	Payload    []byte // borrowed; empty when no sink needs payload
	Text       bool   // text, and Payload is valid UTF-8 (but for a cut end)
	Compressed bool   // permessage-deflate
	Opaque     bool   // Payload is not what the application sent (not inflated)
	Incomplete bool   // bytes are missing; Payload ends at the first hole
	Truncated  bool   // a limit cut Payload
	Guessed    bool   // after a resynchronisation, or mid-stream
	HasPayload bool   // Payload was collected; false under Needs.Payload == false
	Redacted   bool   // secrets were taken out of Payload

	// Known where somebody named what answers have in common with requests.
	Answers uint64        // N of the request in the same Conn; 0 for none
	Took    time.Duration // from the request's last byte to this one's
}
