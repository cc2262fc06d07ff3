package stats

import (
	"hash/maphash"
	"time"

	"github.com/wsdump/wsdump/timeline"
)

// Replies is how long answers took that carry the key of their request: from
// the first message with a key to the first one with the same key the other
// way on the same connection.
type Replies struct {
	Times      [2]Histogram // ns, by the direction of the request
	Unanswered [2]uint64    // requests without an answer when their connection ended
	Without    uint64       // messages without a key
	GivenUp    uint64       // requests that were forgotten since too many were open
	Slowest    Reply
}

// Reply is a request and its answer.
type Reply struct {
	Conn            uint64
	Dir             timeline.Direction // of the request
	Request, Answer uint64             // packets
	Took            time.Duration
}

// maxRequests is how many keys are remembered for all connections; the oldest
// goes first.
const maxRequests = 1 << 16

type requestKey struct {
	conn uint64
	key  uint64
}

type request struct {
	dir      timeline.Direction
	answered bool
	packet   uint64
	time     int64
	turn     uint64 // of the entry in the ring that stands for it
}

type replies struct {
	Replies
	seed  maphash.Seed
	open  map[requestKey]request
	ring  []requestKey
	turns uint64
	count map[uint64][2]uint64 // unanswered requests of each connection, by direction
}

func newReplies() replies {
	return replies{seed: maphash.MakeSeed(), open: make(map[requestKey]request), count: make(map[uint64][2]uint64)}
}

// add takes the key of a message.
func (r *replies) add(m *timeline.Message, key []byte) {
	k := requestKey{m.Conn.ID, maphash.Bytes(r.seed, key)}
	req, known := r.open[k]
	switch {
	case known && req.dir != m.Dir && !req.answered:
		took := max(0, m.Last.Time-req.time)
		r.Times[req.dir].Add(uint64(took))
		if r.Slowest.Answer == 0 || time.Duration(took) > r.Slowest.Took {
			r.Slowest = Reply{Conn: k.conn, Dir: req.dir, Request: req.packet, Answer: m.Last.Packet, Took: time.Duration(took)}
		}
		req.answered = true
		r.open[k] = req
		r.unanswered(k.conn, req.dir, -1)
		return
	case known && req.dir != m.Dir, known && !req.answered:
		return // one more answer, or the request once more
	}
	r.turns++
	if at := int(r.turns-1) % maxRequests; at < len(r.ring) {
		oldest := r.ring[at]
		if req, ok := r.open[oldest]; ok && req.turn == r.turns-maxRequests {
			if !req.answered && r.count[oldest.conn][req.dir] > 0 { // else its connection ended, and it was counted
				r.GivenUp++
				r.unanswered(oldest.conn, req.dir, -1)
			}
			delete(r.open, oldest)
		}
		r.ring[at] = k
	} else {
		r.ring = append(r.ring, k)
	}
	r.open[k] = request{dir: m.Dir, packet: m.First.Packet, time: m.Last.Time, turn: r.turns}
	r.unanswered(k.conn, m.Dir, 1)
}

func (r *replies) unanswered(conn uint64, dir timeline.Direction, by int) {
	n := r.count[conn]
	n[dir] = uint64(int(n[dir]) + by)
	if n == [2]uint64{} {
		delete(r.count, conn)
		return
	}
	r.count[conn] = n
}

// end counts what c leaves without an answer. Its keys leave with their turn.
func (r *replies) end(conn uint64) {
	n := r.count[conn]
	delete(r.count, conn)
	for dir := range n {
		r.Unanswered[dir] += n[dir]
	}
}
