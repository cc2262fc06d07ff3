package timeline

import (
	"encoding/binary"
	"unicode/utf8"
)

// Values that a Sink receives are borrowed: they change as soon as the call
// returns. The Clone methods make copies that last. Use them, and never a plain
// assignment, to keep a value: a borrowed field that is added later is then
// copied everywhere. Clones go into memory of the caller, who may use it again.
//
// What a clone shares with the original is listed at each method.

// Clone makes dst a copy of m that owns its bytes. It appends them to arena, and
// returns the arena as it is then. arena may be nil. Once arena has been cut
// shorter and appended to again, dst is invalid.
//
// Conn is shared: it goes on changing until it is closed (see [Conn.Clone]).
func (m *Message) Clone(dst *Message, arena []byte) []byte {
	*dst = *m
	dst.Payload, arena = keep(arena, m.Payload)
	return arena
}

// Clone makes dst a copy of f that owns its bytes, as [Message.Clone] does.
func (f *Frame) Clone(dst *Frame, arena []byte) []byte {
	*dst = *f
	dst.Payload, arena = keep(arena, f.Payload)
	dst.CloseReason, arena = keep(arena, f.CloseReason)
	return arena
}

// keep appends b to arena. It returns the copy, which further appends cannot
// reach, and the arena. nil stays nil.
func keep(arena, b []byte) (own, grown []byte) {
	switch {
	case b == nil:
		return nil, arena
	case len(b) == 0:
		return []byte{}, arena
	}
	at := len(arena)
	arena = append(arena, b...)
	return arena[at:len(arena):len(arena)], arena
}

// Clone makes dst a copy of f. Conn and Rule are shared; a Rule never changes.
func (f *Finding) Clone(dst *Finding) { *dst = *f }

// AppendClone appends a clone of f to list.
func (f *Finding) AppendClone(list []Finding) []Finding {
	list = append(list, Finding{})
	f.Clone(&list[len(list)-1])
	return list
}

// Clone makes dst what c is now, and transport what its Transport is now. dst
// points to transport, or to nothing where c has no Transport.
//
// The Handshake is shared: nothing changes it once the Conn is open. What
// [Conn.Tell] counts by stays with c, so dst is for reading only.
func (c *Conn) Clone(dst *Conn, transport *Transport) {
	*dst = *c
	dst.findingCounts, dst.findingOrder = nil, nil
	if c.Transport != nil {
		*transport = *c.Transport
		dst.Transport = transport
	}
}

// Clone makes dst what o is now, and transport what its Transport is now. dst
// points to transport, or to nothing where o has no Transport. Memory of
// dst.Names is used again.
func (o *Other) Clone(dst *Other, transport *Transport) {
	names := dst.Names[:0]
	*dst = *o
	dst.Names = nil
	if o.Names != nil {
		dst.Names = append(names, o.Names...)
	}
	if o.Transport != nil {
		*transport = *o.Transport
		dst.Transport = transport
	}
}

// SetPayload replaces the payload of m, as redaction and normalization do. It is
// for a copy that is handed on: m was borrowed.
//
// Everything derived from the old payload goes: Text is judged anew, and a field
// that is not named here becomes zero. What describes the message on the wire
// stays, such as its lengths. payload is borrowed from the caller.
func (m *Message) SetPayload(payload []byte) {
	*m = Message{
		Conn: m.Conn, Dir: m.Dir, First: m.First, Last: m.Last, N: m.N,
		Kind: m.Kind, Frames: m.Frames, WireLength: m.WireLength, Length: m.Length, HasLength: m.HasLength,
		Compressed: m.Compressed, Opaque: m.Opaque, Incomplete: m.Incomplete, Truncated: m.Truncated, Guessed: m.Guessed,
		HasPayload: m.HasPayload, Redacted: m.Redacted, Answers: m.Answers, Took: m.Took,

		Payload: payload,
		Text:    m.Kind == OpText && m.HasPayload && !m.Opaque && utf8.Valid(payload),
	}
}

// SetPayload replaces the payload of f, as [Message.SetPayload] does. For a
// control frame PayloadUTF8 is judged anew, and a close frame gets its code and
// reason from the new payload.
func (f *Frame) SetPayload(payload []byte) {
	*f = Frame{
		Conn: f.Conn, Dir: f.Dir, First: f.First, Last: f.Last, N: f.N,
		Opcode: f.Opcode, Fin: f.Fin, Rsv1: f.Rsv1, Rsv2: f.Rsv2, Rsv3: f.Rsv3, Masked: f.Masked, MaskKey: f.MaskKey,
		HeaderLength: f.HeaderLength, Length: f.Length, Incomplete: f.Incomplete, Truncated: f.Truncated, Guessed: f.Guessed,
		RTT: f.RTT, HasRTT: f.HasRTT, Redacted: f.Redacted,

		Payload:     payload,
		PayloadUTF8: f.Opcode.Control() && utf8.Valid(payload),
	}
	if f.Opcode == OpClose && len(payload) >= 2 {
		f.CloseCode, f.CloseReason = binary.BigEndian.Uint16(payload), payload[2:]
	}
}
