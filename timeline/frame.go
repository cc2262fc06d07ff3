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

// Control reports whether o is the opcode of a control frame, assigned or not (RFC
// 6455 5.5).
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

// Frame is one WebSocket frame (RFC 6455 5.2). A Sink borrows it.
type Frame struct {
	Conn        *Conn
	Dir         Direction
	First, Last Stamp  // first byte of the header, last byte of the payload
	N           uint64 // of a control frame: its row number in the Conn; else 0

	Opcode                Opcode
	Fin, Rsv1, Rsv2, Rsv3 bool
	Masked                bool
	MaskKey               [4]byte // when Masked
	HeaderLength          int     // bytes, mask key included
	Length                uint64  // payload bytes on the wire, according to the header
	Payload               []byte  // borrowed; unmasked; still compressed
	Incomplete            bool    // bytes are missing; Payload ends at the first hole
	Truncated             bool    // a limit cut Payload
	Guessed               bool    // found by resynchronisation, or mid-stream
	CloseCode             uint16  // close: the code, 0 when there is none
	CloseReason           []byte  // close: borrowed, part of Payload
	RTT                   time.Duration
	HasRTT                bool // pong: it answers a ping that came RTT before
	PayloadUTF8           bool // control: Payload is valid UTF-8
	Redacted              bool // secrets were removed from Payload
}

// Message is one or more data frames joined (RFC 6455 5.4). A Sink borrows it.
type Message struct {
	Conn        *Conn
	Dir         Direction
	First, Last Stamp  // first byte of the first frame, last byte of the last
	N           uint64 // row number in the Conn

	Kind       Opcode // OpText or OpBinary: the opcode of the first frame
	Frames     uint64
	WireLength uint64 // payload bytes on the wire
	Length     uint64 // payload bytes, inflated; valid when HasLength
	HasLength  bool   // false for a compressed message that was not inflated
	Payload    []byte // borrowed; empty when no sink needs payload
	Text       bool   // Kind is OpText, and Payload is valid UTF-8
	Compressed bool   // permessage-deflate
	Opaque     bool   // Payload is still compressed: it could not be inflated
	Incomplete bool   // bytes are missing; Payload ends at the first hole
	Truncated  bool   // a limit cut Payload
	Guessed    bool   // found by resynchronisation, or mid-stream
	HasPayload bool   // Payload was collected: some sink needs it
	Redacted   bool   // secrets were removed from Payload

	// Set where the user named what an answer has in common with its request.
	Answers uint64        // N of the request in the same Conn; 0 for none
	Took    time.Duration // from the last byte of the request to the last byte of this message
}
