package ws

import (
	"encoding/binary"
	"math/bits"

	"github.com/wsdump/wsdump/timeline"
)

// Most of what there is to read are ordinary messages: one frame each, whole in one
// piece, unfragmented and well made. They are counted and told here without the
// state that everything else goes through. A summary, where nobody is told of
// messages, does not even unmask them, where they are not compressed and of binary
// or ASCII.
//
// Whatever is not certain to be ordinary is left to the rest of [Stream.Data], which is
// the reference: all must leave the same [timeline.Conn] and tell the same, see
// TestOrdinary.

// mostOrdinary is above the longest message that is taken here, which has a length
// of 16 bits.
const mostOrdinary = 1 << 16

// short takes the ordinary messages from the front of b and returns the rest. The
// direction must be at a frame header.
func (s *Stream) short(dir timeline.Direction, h *half, at timeline.Stamp, b []byte) []byte {
	switch {
	case !s.brief, h.npartial != 0, h.msg.open, h.guessed, h.closed, s.conn.ClosedBy[0], s.conn.ClosedBy[1]:
		return b
	case s.needs.Silent:
		return s.countOrdinary(dir, h, at, b)
	}
	return s.tellOrdinary(dir, h, at, b)
}

// ordinary reads the frame at the front of b: its header has size bytes, its payload n.
// size is 0 when it is not an ordinary message. masked is that bit of the second
// byte, may are bits of the first that may be set.
func (h *half) ordinary(b []byte, masked, may byte) (size, n int) {
	if len(b) < 2 || b[1]&0x80 != masked {
		return 0, 0
	}
	if first := b[0] &^ may; first != 0x80|byte(timeline.OpText) && first != 0x80|byte(timeline.OpBinary) {
		return 0, 0
	}
	if n, size = int(b[1]&0x7f), 2; n >= 126 {
		if n == 127 || len(b) < 4 {
			return 0, 0
		}
		if n, size = int(binary.BigEndian.Uint16(b[2:])), 4; n < 126 {
			return 0, 0
		}
	}
	if masked != 0 {
		if len(b) < size+4 {
			return 0, 0
		}
		key := [4]byte(b[size:])
		if size += 4; n > 0 && (key == [4]byte{} || h.hasKey && key == h.lastKey) {
			return 0, 0
		}
	}
	if len(b)-size < n {
		return 0, 0
	}
	return size, n
}

// maskBit is that of the second byte of a frame of dir, if it is as it should be.
func maskBit(dir timeline.Direction) byte {
	if dir == timeline.ClientToServer {
		return 0x80
	}
	return 0
}

// countOrdinary takes them where nobody is told of messages.
func (s *Stream) countOrdinary(dir timeline.Direction, h *half, at timeline.Stamp, b []byte) []byte {
	masked := maskBit(dir)
	var messages, bytes uint64
	for {
		size, n := h.ordinary(b, masked, 0)
		if size == 0 {
			break
		}
		var key [4]byte
		if masked != 0 {
			key = [4]byte(b[size-4:])
		}
		if s.needs.Payload && b[0]&1 != 0 && !ascii(b[size:size+n], key) {
			break
		}
		if masked != 0 {
			h.lastKey, h.hasKey = key, n > 0
		}
		messages++
		bytes += uint64(n)
		b = b[size+n:]
	}
	if messages == 0 {
		return b
	}
	c := s.conn
	count := &c.Counters[dir]
	if count.Messages == 0 && c.FirstMsg.IsZero() {
		c.FirstMsg = at
	}
	c.LastFrame, c.LastDir = at, dir
	c.Rows += messages
	count.Frames += messages
	count.Messages += messages
	count.WireBytes += bytes
	count.Bytes += bytes
	count.MessageBytes += bytes
	return b
}

// tellOrdinary takes them where somebody is.
func (s *Stream) tellOrdinary(dir timeline.Direction, h *half, at timeline.Stamp, b []byte) []byte {
	masked := maskBit(dir)
	c, m := s.conn, &s.env.message
	count := &c.Counters[dir]
	for {
		size, n := h.ordinary(b, masked, s.agreed)
		if size == 0 {
			return b
		}
		p, compressed := b[size:size+n], b[0]&s.agreed != 0
		var key [4]byte
		if masked != 0 {
			key = [4]byte(b[size-4:])
			h.lastKey, h.hasKey = key, n > 0
		}
		h.first = at
		count.Frames++
		count.WireBytes += uint64(n)
		c.LastFrame, c.LastDir = at, dir
		if c.Rows++; c.FirstMsg.IsZero() {
			c.FirstMsg = at
		}
		*m = timeline.Message{
			Conn: c, Dir: dir, First: at, Last: at, N: c.Rows, Kind: timeline.Opcode(b[0] & 0x0f), Frames: 1,
			WireLength: uint64(n), Length: uint64(n), HasLength: !compressed, Compressed: compressed, Opaque: compressed, HasPayload: s.needs.Payload,
		}
		if masked != 0 && m.HasPayload {
			p = s.unmasked(p, key)
		}
		s.complete(dir, h, m, p)
		h.flush(s, dir, c.Rows)
		b = b[size+n:]
	}
}

// ascii reports whether p, unmasked with key, is ASCII alone.
func ascii(p []byte, key [4]byte) bool {
	const high = 0x8080808080808080
	var found uint64
	if len(p) < 8 {
		for i, c := range p {
			found |= uint64(c ^ key[i&3])
		}
		return found&0x80 == 0
	}
	k := uint64(binary.LittleEndian.Uint32(key[:]))
	k = (k<<32 | k) & high
	last := len(p) - 8 // the end, which words from the start may miss, with the key as it stands there
	found = binary.LittleEndian.Uint64(p[last:]) ^ bits.RotateLeft64(k, -8*(last&3))
	for ; len(p) >= 32; p = p[32:] {
		found |= binary.LittleEndian.Uint64(p) ^ k
		found |= binary.LittleEndian.Uint64(p[8:]) ^ k
		found |= binary.LittleEndian.Uint64(p[16:]) ^ k
		found |= binary.LittleEndian.Uint64(p[24:]) ^ k
		if found&high != 0 {
			return false
		}
	}
	for ; len(p) > 8; p = p[8:] {
		found |= binary.LittleEndian.Uint64(p) ^ k
	}
	return found&high == 0
}
