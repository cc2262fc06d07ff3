package http2

import (
	"github.com/wsdump/wsdump/timeline"
)

// mark is the stamp of the bytes of a buffer from an offset on.
type mark struct {
	offset int
	at     timeline.Stamp
}

const (
	// provenFrames is how many headers have to follow each other for a boundary
	// to be proven.
	provenFrames = 3
	// maxSought is the longest frame that a boundary is proven by; it bounds
	// what is kept while seeking to about twice as much.
	maxSought = 32 << 10
	// maxSpread is how far the streams of frames that prove a boundary may lie
	// from each other, and above those that are known.
	maxSpread = 1 << 17
)

// Probe decides whether b begins with the preface of a client (RFC 9113 3.4).
func Probe(b []byte) timeline.Verdict {
	n := min(len(b), len(preface))
	switch {
	case string(b[:n]) != preface[:n]:
		return timeline.NotMine
	case n == len(preface):
		return timeline.Mine
	}
	return timeline.NeedMore
}

// ProbeFrames decides whether b, from anywhere in a connection, begins with at
// least three HTTP/2 frames of that direction, one behind the other.
func ProbeFrames(dir timeline.Direction, b []byte) timeline.Verdict {
	c := chain{dir: dir, maxFrame: defaultMaxFrame}
	v, _, _ := c.follow(b)
	return v
}

// seek looks for the boundary of a frame in what came since the framing was
// lost. The first place from which frames follow each other is taken, so the
// pieces in which the bytes come do not matter.
func (s *Stream) seek(dir timeline.Direction, h *half, at timeline.Stamp, b []byte) {
	h.marks = append(h.marks, mark{len(h.sought), at})
	h.sought = append(h.sought, b...)
	c := chain{dir: dir, maxFrame: max(h.maxFrame, defaultMaxFrame), opened: s.opened}
	for i := range h.sought {
		begins := timeline.NotMine
		if dir == timeline.ClientToServer {
			begins = Probe(h.sought[i:])
		}
		proven, _, _ := c.follow(h.sought[i:])
		switch {
		case begins == timeline.Mine:
			s.beginAnew(h)
			s.found(dir, h, i+len(preface))
			return
		case proven == timeline.Mine:
			s.found(dir, h, h.trusted(i))
			return
		case begins == timeline.NeedMore || proven == timeline.NeedMore:
			h.drop(i)
			return
		}
	}
	h.drop(len(h.sought))
}

// seekLast settles for less at the end of a direction, as no more will come:
// two frames that end where the bytes end.
func (s *Stream) seekLast(dir timeline.Direction, h *half) {
	c := chain{dir: dir, maxFrame: max(h.maxFrame, defaultMaxFrame), opened: s.opened}
	for i := range h.sought {
		if _, n, end := c.follow(h.sought[i:]); n >= 2 && i+end == len(h.sought) {
			s.found(dir, h, h.trusted(i))
			return
		}
	}
}

// beginAnew resets c to the start of a connection.
func (s *Stream) beginAnew(h *half) {
	h.table = table{most: h.table.most}
	h.blind = false
	if s.opened == 0 {
		s.lo, s.hi = 0, 0
	}
}

// trusted returns where to go on when frames follow each other from offset i.
// Bytes that look like a header by chance may lead to a true frame by chance.
// Behind a gap a segment begins, and often a frame with it; for any other place
// the first frame is not believed.
func (h *half) trusted(i int) int {
	if i == 0 && !h.searched {
		return 0
	}
	f := parseFrame(h.sought[i:])
	return i + frameHeader + int(f.length)
}

// found goes on at the boundary that stands at offset from.
func (s *Stream) found(dir timeline.Direction, h *half, from int) {
	b, marks := h.sought, h.marks
	h.sought, h.marks, h.state = nil, nil, atHeader
	for i, m := range marks {
		end := len(b)
		if i+1 < len(marks) {
			end = marks[i+1].offset
		}
		if begin := max(m.offset, from); begin < end {
			s.Data(dir, m.at, b[begin:end])
		}
	}
}

// drop forgets the first n bytes of what was sought in.
func (h *half) drop(n int) {
	if n == 0 {
		return
	}
	h.searched = true
	h.sought = h.sought[:copy(h.sought, h.sought[n:])]
	keep := 0
	for i := range h.marks {
		if i+1 < len(h.marks) && h.marks[i+1].offset <= n {
			continue
		}
		h.marks[keep] = mark{max(0, h.marks[i].offset-n), h.marks[i].at}
		keep++
	}
	h.marks = h.marks[:keep]
}

// chain is what is known about the frames of a direction.
type chain struct {
	dir      timeline.Direction
	maxFrame uint32
	opened   uint32 // highest stream seen; 0 when none was
}

// follow goes from frame to frame in b. It returns how many headers it passed
// and where the last frame that lies in b as a whole ends.
func (c *chain) follow(b []byte) (v timeline.Verdict, n, end int) {
	var before frame
	least, most := uint32(1<<31), uint32(0)
	for n < provenFrames {
		if len(b)-end < frameHeader {
			return timeline.NeedMore, n, end
		}
		f := parseFrame(b[end:])
		if b[end+5]&0x80 != 0 || !c.plausible(&f) || n > 0 && !succeeds(&before, &f) {
			return timeline.NotMine, n, end
		}
		if f.stream != 0 {
			least, most = min(least, f.stream), max(most, f.stream)
			if most > least+maxSpread {
				return timeline.NotMine, n, end
			}
		}
		n++
		if n == provenFrames {
			break
		}
		if len(b)-end-frameHeader < int(f.length) {
			return timeline.NeedMore, n - 1, end
		}
		end += frameHeader + int(f.length)
		before = f
	}
	return timeline.Mine, n, end
}

// succeeds reports whether frame f may stand behind before: nothing stands
// between the pieces of a header block (RFC 9113 4.3).
func succeeds(before, f *frame) bool {
	more := (before.kind == typeHeaders || before.kind == typePushPromise || before.kind == typeContinuation) && !before.has(flagEndHeaders)
	return more == (f.kind == typeContinuation) && (!more || before.stream == f.stream)
}

// plausible reports whether f is as the RFC wants it. It is stricter than the
// reading of frames at a known place: flags that have no meaning are never set
// by any known implementation, an empty DATA frame is there to end a stream, and
// servers do not push any more: streams are odd. So padding and tables of small
// numbers, which are full of zeros, do not look like frames.
func (c *chain) plausible(f *frame) bool {
	const typeOrigin, typePriorityUpdate = 0xc, 0x10 // RFC 8336, RFC 9218
	if f.length > min(c.maxFrame, maxSought) || c.opened > 0 && f.stream > c.opened+maxSpread || f.stream != 0 && f.stream&1 == 0 {
		return false
	}
	var flags uint8
	onStream, onConnection := false, false
	lengthOK := true
	least := uint32(0)
	switch f.kind {
	case typeData:
		flags, onStream, lengthOK = flagEndStream|flagPadded, true, f.length > 0 || f.has(flagEndStream)
	case typeHeaders:
		flags, onStream, least = flagEndStream|flagEndHeaders|flagPadded|flagPriority, true, 1
		if f.has(flagPriority) {
			least += 5
		}
	case typePriority:
		onStream, lengthOK = true, f.length == 5
	case typeReset:
		onStream, lengthOK = true, f.length == 4
	case typeSettings:
		flags, onConnection = flagAck, true
		lengthOK = f.length%6 == 0 && f.length <= 6*maxSettings && (f.flags == 0 || f.length == 0)
	case typePushPromise:
		flags, onStream, least = flagEndHeaders|flagPadded, true, 5
		if c.dir == timeline.ClientToServer {
			return false
		}
	case typePing:
		flags, onConnection, lengthOK = flagAck, true, f.length == 8
	case typeGoAway:
		onConnection, least = true, 8
	case typeWindowUpdate:
		lengthOK = f.length == 4
	case typeContinuation:
		flags, onStream = flagEndHeaders, true
	case typeOrigin:
		onConnection = true
	case typePriorityUpdate:
		onConnection, least = true, 4
	default:
		return false
	}
	if f.has(flagPadded) && flags&flagPadded != 0 {
		least++
	}
	return lengthOK && f.length >= least && f.flags&^flags == 0 && (!onStream || f.stream != 0) && (!onConnection || f.stream == 0)
}
