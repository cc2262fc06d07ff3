package stats

import (
	"hash/maphash"
	"slices"
	"strconv"

	"github.com/wsdump/wsdump/timeline"
)

// Sequence is what the ids of the messages of one direction show about their order.
//
// Ids that are whole numbers should count up by one within a connection. They should
// go on in the next connection of the same client (address and URL), unless that one
// starts over. Other ids can only show that a message came twice.
type Sequence struct {
	Checked     uint64 // messages with an id
	Without     uint64 // messages without one
	Missing     uint64 // ids that never came
	Doubled     uint64 // ids that came twice
	OutOfOrder  uint64 // ids that came after a higher one
	Across      uint64 // of Missing and Doubled: between a connection and the next one of its client
	Steps       uint64 // ids one above the highest so far
	Jumps       uint64 // ids more than one above the highest so far
	MissingAt   []SequenceAt
	DoubledAt   []SequenceAt
	DisorderAt  []SequenceAt
	CaptureGaps uint64 // of Missing: on connections with bytes missing from the capture
}

// Countable reports whether the ids count by one, so that a missing one shows. Sparse
// ids, such as times, show only order.
func (s *Sequence) Countable() bool { return s.Steps >= s.Jumps }

// SequenceAt is a place where a message was missing, doubled or out of order. The
// first few of each kind are kept.
type SequenceAt struct {
	Conn     uint64
	Packet   uint64
	From, To int64 // first and last id
	Text     string
}

// sequence is the state of one direction of a connection, or of a client between two
// connections.
type sequence struct {
	started     bool
	first, high int64
	holes       []hole
	conn        uint64 // connection that used it last
}

// hole is a run of ids that have not come yet.
type hole struct {
	from, to int64
	conn     uint64
	packet   uint64
	across   bool
	gaps     bool
}

// maxHoles bounds the holes of one direction.
const maxHoles = 64

// maxTexts bounds the ids that are no numbers and are kept, for all connections, to
// recognise a double.
const maxTexts = 1 << 16

type sequences struct {
	total  [2]Sequence
	seed   maphash.Seed
	recent map[uint64]struct{}
	ring   []uint64
	next   int
}

func newSequences() sequences {
	return sequences{seed: maphash.MakeSeed(), recent: make(map[uint64]struct{})}
}

// maxJump is the most ids that can be missing at once. A larger jump begins another
// sequence.
const maxJump = 1 << 32

// add records the id of a message. s is the state of its direction, which may come
// from the previous connection of the client.
func (q *sequences) add(s *sequence, m *timeline.Message, id []byte) {
	t := &q.total[m.Dir]
	t.Checked++
	n, err := strconv.ParseInt(string(id), 10, 64)
	if err != nil {
		q.text(t, m, id)
		return
	}
	across := s.conn != m.Conn.ID
	s.conn = m.Conn.ID
	if across && s.started && (n == s.first || n == 0 || n == 1) { // the connection starts over
		q.finish(s, m.Dir)
	}
	here := SequenceAt{Conn: m.Conn.ID, Packet: m.First.Packet, From: n, To: n}
	switch {
	case !s.started:
		s.started, s.first, s.high = true, n, n
	case n == s.high+1 && s.high < n:
		s.high = n
		t.Steps++
	case n > s.high && uint64(n-s.high) > maxJump:
		q.finish(s, m.Dir)
		s.started, s.first, s.high = true, n, n
		t.Jumps++
	case n > s.high:
		h := hole{from: s.high + 1, to: n - 1, conn: m.Conn.ID, packet: m.First.Packet, across: across}
		if tr := m.Conn.Transport; tr != nil {
			h.gaps = tr.Gaps[m.Dir] > 0
		}
		s.holes = append(s.holes, h)
		if len(s.holes) > maxHoles {
			q.missing(t, &s.holes[0])
			s.holes = slices.Delete(s.holes, 0, 1)
		}
		s.high = n
		t.Jumps++
	case s.fill(n):
		t.OutOfOrder++
		t.DisorderAt = example(t.DisorderAt, here)
	case n < s.first:
		t.OutOfOrder++
		t.DisorderAt = example(t.DisorderAt, here)
	default:
		t.Doubled++
		t.DoubledAt = example(t.DoubledAt, here)
		if across {
			t.Across++
		}
	}
}

// fill removes n from the holes. It reports whether it was in one.
func (s *sequence) fill(n int64) bool {
	for i := range s.holes {
		h := &s.holes[i]
		if n < h.from || n > h.to {
			continue
		}
		switch {
		case h.from == h.to:
			s.holes = slices.Delete(s.holes, i, i+1)
		case n == h.from:
			h.from++
		case n == h.to:
			h.to--
		default:
			right := *h
			right.from, h.to = n+1, n-1
			s.holes = slices.Insert(s.holes, i+1, right)
		}
		return true
	}
	return false
}

// finish counts the ids that are still missing and resets s.
func (q *sequences) finish(s *sequence, dir timeline.Direction) {
	for i := range s.holes {
		q.missing(&q.total[dir], &s.holes[i])
	}
	*s = sequence{conn: s.conn}
}

func (q *sequences) missing(t *Sequence, h *hole) {
	n := uint64(h.to-h.from) + 1
	t.Missing += n
	if h.across {
		t.Across += n
	}
	if h.gaps {
		t.CaptureGaps += n
	}
	t.MissingAt = example(t.MissingAt, SequenceAt{Conn: h.conn, Packet: h.packet, From: h.from, To: h.to})
}

// example inserts e and keeps the earliest few.
func example(all []SequenceAt, e SequenceAt) []SequenceAt {
	i, _ := slices.BinarySearchFunc(all, e, func(a, b SequenceAt) int {
		if a.Packet <= b.Packet {
			return -1
		}
		return 1
	})
	if i >= maxExamples {
		return all
	}
	all = slices.Insert(all, i, e)
	return all[:min(len(all), maxExamples)]
}

// text records an id that is no whole number.
func (q *sequences) text(t *Sequence, m *timeline.Message, id []byte) {
	var h maphash.Hash
	h.SetSeed(q.seed)
	_ = h.WriteByte(byte(m.Dir)) // a hash never fails
	if m.Conn.Client.IsValid() {
		addr := m.Conn.Client.Addr().As16()
		_, _ = h.Write(addr[:])
	}
	_, _ = h.Write(id)
	sum := h.Sum64()
	if _, again := q.recent[sum]; again {
		t.Doubled++
		t.DoubledAt = example(t.DoubledAt, SequenceAt{Conn: m.Conn.ID, Packet: m.First.Packet, Text: string(id[:min(len(id), 64)])})
		return
	}
	q.recent[sum] = struct{}{}
	if len(q.ring) < maxTexts {
		q.ring = append(q.ring, sum)
		return
	}
	delete(q.recent, q.ring[q.next])
	q.ring[q.next] = sum
	q.next = (q.next + 1) % maxTexts
}
