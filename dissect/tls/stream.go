package tls

import (
	"slices"

	"github.com/wsdump/wsdump/timeline"
)

// Stream is the TLS layer of one connection. It implements [timeline.Stream].
//
// Records wait in queue while their keys or the peer's answer are missing. Both
// directions share the queue, so that the layer above receives a request before its
// response.
type Stream struct {
	handler Handler
	keys    *Keys
	info    Info
	shake   handshake
	half    [2]half
	next    timeline.Stream // set with the first application data
	refused bool            // Undecipherable was called
	over    [2]bool         // End was called
	final   bool            // nothing waits any more
	limited bool            // because of a limit
	queue   []event
	queued  int                // bytes of memory in queue
	changed bool               // something was learned that others may wait for
	version uint64             // of keys, when the queue was last tried
	effort  int                // bytes decrypted in vain, see resync.go
	latest  timeline.Direction // of the last record, and its time
	spoke   int64
}

// half is one direction.
type half struct {
	buf   []byte // a record that is cut, from Keys.buffer
	left  int    // bytes of a record that is passed over
	torn  byte   // its type, when bytes of it are missing
	head  [headerSize]byte
	headN int // dead: bytes of a header that is cut

	hs     []byte // a handshake message that is cut
	hsSkip int    // bytes of one that is too long to read

	epoch   epoch // TLS 1.3
	open    opener
	openers [4]opener // TLS 1.3, by epoch, once made
	update  secret    // TLS 1.3, of the key in use when it was updated
	seq     uint64
	proven  bool // a record opened under this key
	skipped int  // records that no known key opens
	fails   int

	blocked bool // its events wait in queue
	dead    bool // nothing more is read
	blind   bool // nor counted
	why     Reason

	loss    bool   // bytes are missing since the last record that opened
	lost    bool   // it is not known where the next record begins
	hunt    []byte // bytes received while lost
	kept    bool   // hunt begins with 16 bytes that were searched before
	missing uint64 // bytes since the last record that opened
	gap     uint64 // bytes of the gap to emit before the next data

	ended bool
	endAt timeline.Stamp
	end   timeline.End
}

// event is a record, gap or end that waits.
type event struct {
	kind eventKind
	dir  timeline.Direction
	end  timeline.End
	at   timeline.Stamp
	b    []byte // owned
	n    uint64
}

type eventKind uint8

const (
	eventData eventKind = iota
	eventGap
	eventEnd
	eventDone // was handled
)

const eventSize = 96 // bytes of memory

// Data implements [timeline.Stream].
func (s *Stream) Data(dir timeline.Direction, at timeline.Stamp, b []byte) {
	if s.over[dir] {
		return
	}
	s.info.Bytes[dir] += uint64(len(b))
	if dir == s.latest && at.Time-s.spoke > int64(Silence) && s.info.Records[dir] > 0 {
		s.info.Unprompted++
	}
	s.latest, s.spoke = dir, at.Time
	if h := &s.half[dir]; h.blocked {
		s.hold(event{kind: eventData, dir: dir, at: at, b: slices.Clone(b)})
	} else if rest := s.feed(dir, at, b); len(rest) > 0 {
		h.blocked = true
		s.hold(event{kind: eventData, dir: dir, at: at, b: slices.Clone(rest)})
	}
	s.wake()
}

// Gap implements [timeline.Stream].
func (s *Stream) Gap(dir timeline.Direction, at timeline.Stamp, n uint64) {
	if s.over[dir] {
		return
	}
	if s.half[dir].blocked {
		s.hold(event{kind: eventGap, dir: dir, at: at, n: n})
	} else {
		s.tear(dir, at, n)
	}
	s.wake()
}

// Finding implements [timeline.Stream].
func (s *Stream) Finding(f *timeline.Finding) { s.handler.Finding(f) }

// End implements [timeline.Stream].
func (s *Stream) End(dir timeline.Direction, at timeline.Stamp, why timeline.End) {
	if s.over[dir] {
		return
	}
	s.over[dir] = true
	if len(s.queue) > 0 || !s.finish(dir, at, why) {
		s.half[dir].blocked = true
		s.hold(event{kind: eventEnd, dir: dir, at: at, end: why})
	}
	s.conclusive()
	s.wake()
}

// GiveUp decides at once what waits for keys.
func (s *Stream) GiveUp() {
	s.final, s.limited = true, true
	s.pump()
}

// conclusive stops waiting when both directions are over and no more keys will
// come. Until then a connection that has ended may still be opened.
func (s *Stream) conclusive() {
	if s.over[0] && s.over[1] && s.keys.complete && len(s.queue) > 0 {
		s.final = true
		s.pump()
	}
}

// Retry tries again what waits for keys; call it when [Keys] grew and no Data
// comes. The rows that follow keep the stamps of their bytes.
func (s *Stream) Retry() {
	s.conclusive()
	s.wake()
}

// Waiting reports whether something waits for keys or for the other side.
func (s *Stream) Waiting() bool { return len(s.queue) > 0 }

// hold queues e, and stops waiting when the queue reaches its limit.
func (s *Stream) hold(e event) {
	s.queue = append(s.queue, e)
	size := len(e.b) + eventSize
	s.queued += size
	s.keys.held += size
	if s.queued > heldBytes || s.keys.full() {
		s.final, s.limited = true, true
		s.pump()
	}
}

// wake tries what waits, if anything changed.
func (s *Stream) wake() {
	if len(s.queue) > 0 && (s.changed || s.version != s.keys.version) {
		s.pump()
	}
	s.changed = false
}

// pump goes through the queue as long as that brings news.
func (s *Stream) pump() {
	for again := true; again && len(s.queue) > 0; {
		before := len(s.queue)
		s.changed = false
		s.version = s.keys.version
		s.half[0].blocked, s.half[1].blocked = false, false
		for i := range s.queue {
			s.try(&s.queue[i])
		}
		s.queue = slices.DeleteFunc(s.queue, func(e event) bool { return e.kind == eventDone })
		queued := 0
		for _, e := range s.queue {
			queued += len(e.b) + eventSize
		}
		s.keys.held += queued - s.queued
		s.queued = queued
		again = s.changed || s.final && len(s.queue) < before
	}
	if len(s.queue) == 0 {
		s.queue = nil
	}
}

// try handles a queued event, if its direction is not blocked by one before.
func (s *Stream) try(e *event) {
	h := &s.half[e.dir]
	if h.blocked {
		return
	}
	switch e.kind {
	case eventData:
		if rest := s.feed(e.dir, e.at, e.b); len(rest) > 0 {
			h.blocked = true
			e.b = slices.Clone(rest)
			return
		}
	case eventGap:
		s.tear(e.dir, e.at, e.n)
	case eventEnd:
		// The layer above must not receive an end before the bytes that precede it.
		if s.polite(e.dir) || !s.finish(e.dir, e.at, e.end) {
			h.blocked = true
			return
		}
	}
	*e = event{kind: eventDone}
}

// polite reports whether dir must wait for the other direction, which has an earlier
// event in the queue.
func (s *Stream) polite(dir timeline.Direction) bool {
	return s.half[dir.Reverse()].blocked && !s.final
}

// deliver gives plaintext to the layer above.
func (s *Stream) deliver(dir timeline.Direction, at timeline.Stamp, plain []byte) {
	if len(plain) == 0 {
		return
	}
	if s.next == nil {
		s.start()
	}
	s.tellGap(dir, at)
	s.next.Data(dir, at, plain)
}

func (s *Stream) start() {
	s.next = s.handler.Plaintext(&s.info)
	if s.next == nil {
		s.next = timeline.Deaf{}
	}
	for dir := range s.half {
		if s.half[dir].ended {
			s.tellEnd(timeline.Direction(dir))
		}
	}
}

func (s *Stream) tellGap(dir timeline.Direction, at timeline.Stamp) {
	if h := &s.half[dir]; h.gap > 0 {
		n := h.gap
		h.gap = 0
		s.next.Gap(dir, at, n)
	}
}

func (s *Stream) tellEnd(dir timeline.Direction) {
	h := &s.half[dir]
	s.tellGap(dir, h.endAt)
	s.next.End(dir, h.endAt, h.end)
}

// finish handles the end of a direction. done is false when it has to wait.
func (s *Stream) finish(dir timeline.Direction, at timeline.Stamp, why timeline.End) (done bool) {
	h := &s.half[dir]
	if len(h.hunt) > 0 && !h.dead {
		rest := h.hunt
		if h.lost {
			rest = s.search(dir, at, nil, true)
		}
		h.hunt = nil
		if rest = s.feed(dir, at, rest); len(rest) > 0 {
			h.hunt = slices.Clone(rest)
			return false
		}
	}
	if h.lost {
		h.gap += h.missing + uint64(len(h.hunt))
	}
	if len(h.buf) > 0 && h.buf[0] == typeData {
		h.gap += uint64(len(h.buf))
	}
	s.keys.release(h.buf)
	h.buf, h.hunt, h.hs = nil, nil, nil
	h.ended, h.endAt, h.end = true, at, why
	if s.next != nil {
		s.tellEnd(dir)
	}
	if other := &s.half[dir.Reverse()]; other.ended {
		s.conclude(h, other)
	}
	return true
}

// conclude is the end of both directions.
func (s *Stream) conclude(halves ...*half) {
	for _, h := range halves {
		if h.dead && s.next == nil {
			s.undecipherable(h.why)
		}
		h.open, h.openers, h.update = nil, [4]opener{}, secret{}
	}
	s.shake = handshake{suite: s.shake.suite}
}

func (s *Stream) undecipherable(why Reason) {
	if !s.refused {
		s.refused = true
		s.shake.transcript = nil
		s.handler.Undecipherable(&s.info, why)
	}
}

// streamWeight is what a Stream with its ciphers takes.
const streamWeight = 4 << 10

// Weight implements [timeline.Weighed].
func (s *Stream) Weight() int {
	n := streamWeight + s.queued + timeline.Weight(s.next)
	for i := range s.half {
		h := &s.half[i]
		n += cap(h.buf) + cap(h.hs) + cap(h.hunt)
	}
	return n
}
