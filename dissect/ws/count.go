package ws

import (
	"encoding/binary"
	"math/bits"

	"github.com/wsdump/wsdump/timeline"
)

// Most of what a summary reads are ordinary messages: one frame each, whole in
// one piece, unfragmented and not compressed, of binary or ASCII. Where nobody
// is told of messages all that is left to do is to look and to count, and this
// file does it without the state that everything else goes through.
//
// Whatever is not certain to be ordinary is left to [Stream.Data], which is the
// reference: both must leave the same [timeline.Conn], see TestCount.

// mostCounted is above the longest message that is counted here, which has a length
// of 16 bits.
const mostCounted = 1 << 16

// countable reports whether messages of h may be counted here.
func (s *Stream) countable(h *half) bool {
	return s.counts && h.npartial == 0 && !h.msg.open && !h.guessed && !h.closed &&
		!s.conn.ClosedBy[0] && !s.conn.ClosedBy[1]
}

// count takes the ordinary messages from the front of b and returns the rest.
// The direction must be at a frame header and countable.
func (s *Stream) count(dir timeline.Direction, h *half, at timeline.Stamp, b []byte) []byte {
	masked := byte(0)
	if dir == timeline.ClientToServer {
		masked = 0x80
	}
	var messages, bytes uint64
	for len(b) >= 2 && (b[0] == 0x80|byte(timeline.OpText) || b[0] == 0x80|byte(timeline.OpBinary)) && b[1]&0x80 == masked {
		n, size := int(b[1]&0x7f), 2
		if n >= 126 {
			if n == 127 || len(b) < 4 {
				break
			}
			if n, size = int(binary.BigEndian.Uint16(b[2:])), 4; n < 126 {
				break
			}
		}
		var key [4]byte
		if masked != 0 {
			if len(b) < size+4 {
				break
			}
			key = [4]byte(b[size:])
			if size += 4; n > 0 && (key == [4]byte{} || h.hasKey && key == h.lastKey) {
				break
			}
		}
		if len(b)-size < n || s.needs.Payload && b[0]&1 != 0 && !ascii(b[size:size+n], key) {
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
