package stats

import (
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
	Evicted    uint64       // requests that were forgotten since too many were open
	Slowest    Reply
}

// Reply is a request and its answer.
type Reply struct {
	Conn            uint64
	Dir             timeline.Direction // of the request
	Request, Answer uint64             // packets
	Took            time.Duration
}

type replies struct {
	Replies
	pairs   pairs
	waiting map[uint64][2]uint64 // unanswered requests of each connection, by direction
}

func newReplies() replies {
	return replies{pairs: newPairs(), waiting: make(map[uint64][2]uint64)}
}

// add takes the key of a message.
func (r *replies) add(m *timeline.Message, key []byte) {
	as, req, given := r.pairs.add(m, key)
	if given != nil && r.waiting[given.conn][given.request.dir] > 0 { // else its connection ended, and it was counted
		r.Evicted++
		r.addUnanswered(given.conn, given.request.dir, -1)
	}
	switch as {
	case roleRequest:
		r.addUnanswered(m.Conn.ID, m.Dir, 1)
	case roleAnswer:
		took := req.took(m)
		r.Times[req.dir].Add(uint64(took))
		if r.Slowest.Answer == 0 || took > r.Slowest.Took {
			r.Slowest = Reply{Conn: m.Conn.ID, Dir: req.dir, Request: req.packet, Answer: m.Last.Packet, Took: took}
		}
		r.addUnanswered(m.Conn.ID, req.dir, -1)
	}
}

func (r *replies) addUnanswered(conn uint64, dir timeline.Direction, by int) {
	n := r.waiting[conn]
	n[dir] = uint64(int(n[dir]) + by)
	if n == [2]uint64{} {
		delete(r.waiting, conn)
		return
	}
	r.waiting[conn] = n
}

// end counts what c leaves without an answer. Its keys leave with their turn.
func (r *replies) end(conn uint64) {
	n := r.waiting[conn]
	delete(r.waiting, conn)
	for dir := range n {
		r.Unanswered[dir] += n[dir]
	}
}
