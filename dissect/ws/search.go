package ws

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/wsdump/wsdump/timeline"
)

// Search finds where frames begin in a direction when that is not known: after a gap
// over a header, or in a connection whose start was not captured.
//
// An offset is a candidate when a plausible header is there: a defined opcode, no
// reserved bit that nothing explains, masked as the direction must be, the length in
// its shortest form. The length leads from a candidate to the next header. Each
// plausible header there adds evidence; any other bytes end the candidate.
//
// Evidence is counted in tenths of a bit: 10 more means that random bytes are half as
// likely to look the same. A candidate is a proven boundary when chance is negligible.
// Candidates inside a segment need more evidence than those at its beginning: there
// are many of them, and senders begin segments with frames.
type Search struct {
	masked     bool // frames of this direction must be masked
	compressed bool // the first frame of a message may have RSV1
	known      bool // the connection is a WebSocket for sure, so that less evidence is enough
	dropped    bool // buf does not begin with the first byte of the direction
	buf        []byte
	marks      []mark // where pieces begin in buf, ascending
	candidates []candidate
	seen       int // offsets of buf that were examined as candidates
	scratch    []byte
}

// mark is the offset in buf at which a piece begins, with the stamp of the piece.
type mark struct {
	at    timeline.Stamp
	start int
}

// candidate is an offset in buf at which a frame may begin.
type candidate struct {
	start   int
	next    int  // offset of the header that follow examines next
	bits    int  // evidence, tenths of a bit
	atPiece bool // a piece begins at start
	counted bool // bits includes the header at next
	solid   bool // one of the frames is not a continuation without FIN
	open    int8 // fragmented message: 1 open, 0 none, -1 unknown
}

const (
	searchBytes      = 256 << 10 // kept of a direction
	searchCandidates = 512
	enoughAtPiece    = 260 // 26 bits: one in 67 million
	enoughInside     = 400
	enoughAtEnd      = 200 // also: at the beginning of a segment of a known WebSocket
	enoughOnly       = 110 // a known WebSocket: a header, and a frame that ends where a segment ends

	bitsHeader  = 54 // reserved bits, opcode, mask bit: one byte pair in 43 passes
	bitsMedium  = 40 // the 16-bit form where it is needed
	bitsLong    = 300
	bitsAligned = 60 // a frame ends where a piece ends
	bitsClose   = 40
)

// NewSearch returns a search in a direction whose frames are masked, or not.
func NewSearch(masked, compressed bool) *Search {
	return &Search{masked: masked, compressed: compressed}
}

// NewKnownSearch returns a search in a direction of a connection that is a WebSocket for
// sure.
func NewKnownSearch(masked bool) *Search {
	return &Search{masked: masked, compressed: true, known: true}
}

// Add takes the next bytes of the direction and reports whether a boundary is
// proven. b is borrowed; up to 256 KiB are kept.
func (s *Search) Add(at timeline.Stamp, b []byte) bool {
	if len(s.buf)+len(b) > searchBytes {
		s.forget(len(s.buf) + len(b) - searchBytes/2)
		b = b[max(0, len(b)-searchBytes/2):]
	}
	s.marks = append(s.marks, mark{at, len(s.buf)})
	s.buf = append(s.buf, b...)
	s.extend()
	_, ok := s.first(false)
	return ok
}

// Bits returns the evidence of the best candidate, in tenths of a bit.
func (s *Search) Bits() (bits int) {
	for i := range s.candidates {
		if c := &s.candidates[i]; c.solid && (c.atPiece || c.bits >= enoughInside) {
			bits = max(bits, c.bits)
		}
	}
	return bits
}

// WholeBits returns the evidence, in tenths of a bit, that all bytes from the first to the
// last are frames.
func (s *Search) WholeBits() (bits int) {
	for i := range s.candidates {
		if c := &s.candidates[i]; c.start == 0 && !s.dropped && c.solid && c.next == len(s.buf) {
			bits = max(bits, c.bits)
		}
	}
	return bits
}

// Gap drops all bytes and candidates, because lengths do not lead across missing bytes.
func (s *Search) Gap() {
	s.dropped = true
	s.buf, s.marks, s.candidates, s.seen = s.buf[:0], s.marks[:0], s.candidates[:0], 0
}

// forget drops the first n bytes of buf, and the candidates in them.
func (s *Search) forget(n int) {
	n = min(n, len(s.buf))
	s.dropped = true
	s.buf = s.buf[:copy(s.buf, s.buf[n:])]
	s.seen = max(0, s.seen-n)
	marks := s.marks[:0]
	for _, m := range s.marks {
		if m.start -= n; m.start >= 0 {
			marks = append(marks, m)
		}
	}
	s.marks = marks
	alive := s.candidates[:0]
	for _, c := range s.candidates {
		if c.start -= n; c.start >= 0 {
			c.next -= n
			alive = append(alive, c)
		}
	}
	s.candidates = alive
}

// extend adds the candidates of new bytes, and follows all candidates.
func (s *Search) extend() {
	piece := len(s.marks)
	for piece > 0 && s.marks[piece-1].start >= s.seen {
		piece--
	}
	for ; s.seen+1 < len(s.buf); s.seen++ {
		for piece < len(s.marks) && s.marks[piece].start < s.seen {
			piece++
		}
		atPiece := piece < len(s.marks) && s.marks[piece].start == s.seen
		if s.couldBegin(s.buf[s.seen], s.buf[s.seen+1]) && (atPiece || len(s.candidates) < searchCandidates) {
			s.candidates = append(s.candidates, candidate{start: s.seen, next: s.seen, atPiece: atPiece, open: -1})
		}
	}
	alive := s.candidates[:0]
	for _, c := range s.candidates {
		if s.follow(&c) {
			alive = append(alive, c)
		}
	}
	s.candidates = alive
}

// couldBegin reports whether a frame header can begin with these two bytes.
func (s *Search) couldBegin(b0, b1 byte) bool {
	op := timeline.Opcode(b0 & 0x0f)
	if op.Reserved() || (b1&0x80 != 0) != s.masked {
		return false
	}
	switch {
	case b0&(rsv2|rsv3) != 0:
		return false
	case b0&rsv1 != 0:
		return s.compressed && (op == timeline.OpText || op == timeline.OpBinary)
	case op.Control():
		return b0&0x80 != 0 && b1&0x7f <= 125
	}
	return true
}

// follow examines the frames from c.next on, and reports whether c stays a candidate.
func (s *Search) follow(c *candidate) bool {
	var h header
	for c.next < len(s.buf) {
		b := s.buf[c.next:]
		if len(b) >= 2 && !s.couldBegin(b[0], b[1]) {
			return false
		}
		if !h.parse(b) {
			return true
		}
		if !c.counted {
			if !s.plausible(c, &h) {
				return false
			}
			c.counted = true
		}
		if h.length > uint64(len(b)-int(h.size)) {
			return true
		}
		payload := b[h.size:][:h.length]
		before := c.bits
		if !s.payload(c, &h, payload) {
			return false
		}
		end := c.next + int(h.size) + len(payload)
		if h.length <= 125 {
			s.short(c, &h, end)
		}
		if end == len(s.buf) || s.beginsPiece(end) {
			if h.opcode() != timeline.OpContinuation || h.fin() {
				c.bits += bitsAligned
			}
		}
		if s.leads(c) {
			// A WebSocket for sure, whose frames may be all the same.
		} else if h.masked && s.repeats(c.next, end) || pattern(s.buf[max(0, min(c.next, end-patternLooked)):end]) {
			c.bits = before // masks differ from frame to frame: chance is no measure here
		}
		c.next = end
		c.counted = false
	}
	return true
}

// plausible reports whether h can follow in c, by its fields and by the order of
// fragments, and adds its evidence.
func (s *Search) plausible(c *candidate, h *header) bool {
	const most = 1 << 30 // larger frames are not looked for
	op := h.opcode()
	if h.wide || h.length > most || op == timeline.OpClose && h.length == 1 {
		return false
	}
	switch {
	case op.Control():
		c.solid = true
	case op == timeline.OpContinuation:
		if c.open == 0 {
			return false
		}
		c.solid = c.solid || h.fin() && h.length > 0
	default:
		if c.open == 1 {
			return false
		}
		c.solid = true
		c.open = 1
	}
	if !op.Control() && (c.open >= 0 || h.fin() || op != timeline.OpContinuation) {
		c.open = 1
		if h.fin() {
			c.open = 0
		}
	}
	switch {
	case h.length > 0xffff:
		c.bits += bitsHeader + bitsLong
	case h.length > 125:
		c.bits += bitsHeader + bitsMedium
	}
	return true
}

// short adds the evidence of a complete frame of at most 125 bytes. Runs of one byte and
// patterns look like frames too. So an empty frame, and one that repeats the frame
// before, count only when a piece holds exactly that frame.
func (s *Search) short(c *candidate, h *header, end int) {
	alone := s.beginsPiece(c.next) && (end == len(s.buf) || s.beginsPiece(end))
	switch {
	case !h.fin() && h.opcode() == timeline.OpContinuation:
	case (h.length == 0 || s.repeats(c.next, end)) && !alone:
	default:
		c.bits += bitsHeader
	}
}

// repeats reports whether the bytes from..to are the same as those before them.
func (s *Search) repeats(from, to int) bool {
	size := to - from
	return from >= size && string(s.buf[from-size:from]) == string(s.buf[from:to])
}

// payload reports whether p can be the payload of a frame with header h, and adds its
// evidence.
func (s *Search) payload(c *candidate, h *header, p []byte) bool {
	switch op := h.opcode(); {
	case op == timeline.OpText && h.fin() && h.rsv() == 0:
		const looked = 4 << 10
		whole := len(p) <= looked
		p = s.plain(h, p[:min(len(p), looked)])
		bad := invalidUTF8(p)
		if bad >= 0 && (whole || utf8.FullRune(p[bad:])) {
			return false
		}
		if h.masked { // under a wrong key, text is text by chance only
			c.bits += min(len(p), 33) * 9
		}
	case op == timeline.OpClose && len(p) >= 2:
		p = s.plain(h, p)
		if code := binary.BigEndian.Uint16(p); code < 1000 || code > 4999 || code > 1015 && code < 3000 || invalidUTF8(p[2:]) >= 0 {
			return false
		}
		c.bits += bitsClose
	}
	return true
}

// patternLooked is how many bytes before the end of a short frame are examined for a
// pattern.
const patternLooked = 32

// pattern reports whether b repeats a pattern of at most 16 bytes.
func pattern(b []byte) bool {
	for period := 1; period <= 16 && len(b) >= 8+period; period++ {
		if string(b[period:]) == string(b[:len(b)-period]) {
			return true
		}
	}
	return false
}

func (s *Search) plain(h *header, p []byte) []byte {
	if !h.masked {
		return p
	}
	s.scratch = append(s.scratch[:0], p...)
	unmask(s.scratch, s.scratch, h.key, 0)
	return s.scratch
}

func (s *Search) beginsPiece(at int) bool {
	for i := len(s.marks) - 1; i >= 0 && s.marks[i].start >= at; i-- {
		if s.marks[i].start == at {
			return true
		}
	}
	return false
}

// best returns the earliest candidate with enough evidence.
func (s *Search) best(atPiece, inside int) (c candidate, ok bool) {
	for _, x := range s.candidates {
		enough := inside
		if x.atPiece {
			enough = atPiece
		}
		if x.solid && x.bits >= enough && (!ok || x.start < c.start) {
			c, ok = x, true
		}
	}
	return c, ok
}

// leads reports whether c begins with the first byte of a direction of a connection that
// is a WebSocket for sure. Senders begin segments with frames, so that is the likeliest
// place by far.
func (s *Search) leads(c *candidate) bool { return s.known && c.start == 0 && !s.dropped }

// first returns the earliest candidate with enough evidence. over states that no more
// bytes will come; then less is enough for one whose frames end exactly where the bytes
// end.
func (s *Search) first(over bool) (c candidate, ok bool) {
	atPiece, atEnd := enoughAtPiece, enoughAtEnd
	if s.known {
		atPiece, atEnd = enoughAtEnd, enoughOnly
	}
	c, ok = s.best(atPiece, enoughInside)
	for _, x := range s.candidates {
		if x.atPiece && x.solid && x.next == len(s.buf) && (!ok || x.start < c.start) && (over && x.bits >= atEnd || s.leads(&x) && x.bits >= enoughOnly) {
			c, ok = x, true
		}
	}
	return c, ok
}

// Found reports whether a boundary is proven; over states that no more bytes will come.
func (s *Search) Found(over bool) bool {
	_, ok := s.first(over)
	return ok
}

// replay calls yield with the bytes from start on, in the pieces that Add received.
func (s *Search) replay(start int, yield func(at timeline.Stamp, b []byte)) {
	for i, m := range s.marks {
		end := len(s.buf)
		if i+1 < len(s.marks) {
			end = s.marks[i+1].start
		}
		if from := max(m.start, start); from < end {
			yield(m.at, s.buf[from:end])
		}
	}
}
