package http2

import (
	"encoding/binary"

	"github.com/wsdump/wsdump/timeline"
)

// frameHeader is the length of a frame's header (RFC 9113 4.1).
const frameHeader = 9

// Frame types and flags (RFC 9113 6).
const (
	typeData         = 0x0
	typeHeaders      = 0x1
	typePriority     = 0x2
	typeReset        = 0x3
	typeSettings     = 0x4
	typePushPromise  = 0x5
	typePing         = 0x6
	typeGoAway       = 0x7
	typeWindowUpdate = 0x8
	typeContinuation = 0x9

	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20
)

// Settings (RFC 9113 6.5.2, RFC 8441 3).
const (
	settingMaxFrameSize  = 0x5
	settingEnableConnect = 0x8

	defaultMaxFrame = 16 << 10
	maxSettings     = 64 // of one frame that are looked at
)

// frame is the header of a frame.
type frame struct {
	length      uint32
	kind, flags uint8
	stream      uint32
	first       timeline.Stamp // first byte of the header
}

func parseFrame(b []byte) frame {
	return frame{
		length: uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]),
		kind:   b[3], flags: b[4],
		stream: binary.BigEndian.Uint32(b[5:]) & (1<<31 - 1), // the reserved bit is ignored (RFC 9113 4.1)
	}
}

func (f *frame) has(flag uint8) bool { return f.flags&flag != 0 }

// readHeader takes a frame header from the front of b and returns the rest.
func (s *Stream) readHeader(dir timeline.Direction, h *half, at timeline.Stamp, b []byte) []byte {
	if h.npartial == 0 {
		h.frame.first = at
	}
	first := h.frame.first
	if h.npartial == 0 && len(b) >= frameHeader {
		h.frame = parseFrame(b)
		b = b[frameHeader:]
	} else {
		n := copy(h.partial[h.npartial:], b)
		b = b[n:]
		if h.npartial += n; h.npartial < frameHeader {
			return nil
		}
		h.npartial = 0
		h.frame = parseFrame(h.partial[:])
	}
	h.frame.first = first
	s.begin(dir, h, at)
	return b
}

// begin looks at the header of a frame.
func (s *Stream) begin(dir timeline.Direction, h *half, at timeline.Stamp) {
	f := &h.frame
	h.state, h.left, h.broken, h.want = inPayload, f.length, false, 0
	h.buf = h.buf[:0]
	switch f.kind {
	case typeData:
		h.padded = f.has(flagPadded) && f.length > 0
		h.body = f.length
	case typeHeaders, typePushPromise, typeContinuation:
		h.want = int(f.length)
		size := h.want
		if f.kind == typeContinuation {
			size += len(h.block.fragment)
		}
		if size > s.limits.Head {
			h.broken = true
			s.handler.Limit(dir, at, "header block of an HTTP/2 message", s.limits.Head)
		}
	case typeSettings:
		h.want = 6 * maxSettings
	case typeGoAway:
		h.want = 8
	case typeReset:
		h.want = 4
	}
	if f.length == 0 {
		s.finish(dir, h, at, nil)
	}
}

// readPayload takes payload of the frame in progress from the front of b and
// returns the rest.
func (s *Stream) readPayload(dir timeline.Direction, h *half, at timeline.Stamp, b []byte) []byte {
	p := b[:min(uint32(len(b)), h.left)]
	rest := b[len(p):]
	if len(p) == int(h.frame.length) && h.frame.kind != typeData { // in one piece: no copy
		h.left = 0
		s.finish(dir, h, at, p)
		return rest
	}
	h.left -= uint32(len(p))
	if h.frame.kind == typeData {
		s.readData(dir, h, at, p)
	} else if room := h.want - len(h.buf); room > 0 && !h.broken {
		h.buf = append(h.buf, p[:min(room, len(p))]...)
	}
	if h.left == 0 {
		s.finish(dir, h, at, h.buf)
		if cap(h.buf) > 4<<10 {
			h.buf = nil
		}
	}
	return rest
}

// readData gives on what is data in p: padding is not.
func (s *Stream) readData(dir timeline.Direction, h *half, at timeline.Stamp, p []byte) {
	if h.padded {
		h.padded = false
		padding := uint32(p[0])
		p = p[1:]
		h.body = h.frame.length - 1
		h.body -= min(h.body, padding)
	}
	if n := min(h.body, uint32(len(p))); n > 0 {
		h.body -= n
		s.data(dir, at, h.frame.stream, p[:n])
	}
}

// skip passes n payload bytes of the frame in progress that are missing.
func (s *Stream) skip(dir timeline.Direction, h *half, at timeline.Stamp, n uint32) {
	h.broken = true
	h.left -= n
	if h.frame.kind == typeData {
		if h.padded { // how much of the frame is padding is not known
			h.padded, h.body = false, 0
			s.gap(dir, at, h.frame.stream, timeline.GapUnknown)
		} else if missing := min(h.body, n); missing > 0 {
			h.body -= missing
			s.gap(dir, at, h.frame.stream, uint64(missing))
		}
	}
	if h.left == 0 {
		s.finish(dir, h, at, nil)
	}
}

// finish ends a frame. p is its payload, as much of it as is wanted.
func (s *Stream) finish(dir timeline.Direction, h *half, at timeline.Stamp, p []byte) {
	h.state = atHeader
	f := &h.frame
	switch f.kind {
	case typeData:
		if f.has(flagEndStream) {
			s.end(dir, at, f.stream, timeline.EndFIN)
		}
	case typeHeaders, typePushPromise, typeContinuation:
		s.finishFragment(dir, h, at, p)
	case typeReset:
		if st := s.streams[f.stream]; st != nil && !h.broken && len(p) >= 4 {
			st.refused(dir, binary.BigEndian.Uint32(p))
		}
		s.reset(dir, at, f.stream)
	case typeSettings:
		s.readSettings(dir, h, p)
	case typeGoAway:
		if !h.broken && len(p) >= 4 && dir == timeline.ServerToClient {
			s.goAway(dir, at, p)
		}
	}
}

func (s *Stream) readSettings(dir timeline.Direction, h *half, p []byte) {
	switch {
	case h.frame.has(flagAck):
		return
	case h.broken:
		h.blind = true
		return
	}
	if dir == timeline.ServerToClient {
		s.settings = true
	}
	for ; len(p) >= 6; p = p[6:] {
		value := binary.BigEndian.Uint32(p[2:])
		switch binary.BigEndian.Uint16(p) {
		case settingMaxFrameSize:
			s.half[dir.Reverse()].maxFrame = value
		case settingEnableConnect:
			if dir == timeline.ServerToClient && value == 1 {
				s.enabled = true
			}
		}
	}
}

// goAway ends the streams that the server did not process (RFC 9113 6.8).
func (s *Stream) goAway(dir timeline.Direction, at timeline.Stamp, p []byte) {
	last := binary.BigEndian.Uint32(p) & (1<<31 - 1)
	for _, id := range s.ids() {
		if id > last {
			if len(p) >= 8 {
				s.streams[id].refused(dir, binary.BigEndian.Uint32(p[4:]))
			}
			s.reset(dir, at, id)
		}
	}
}
