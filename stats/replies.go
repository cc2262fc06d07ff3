package stats

import (
	"time"

	"github.com/wsdump/wsdump/timeline"
)

// Replies counts requests and the time until their answers, which carry the same key.
// The request is the first message with a key. The answer is the first message with
// that key in the other direction of the same connection.
type Replies struct {
	Times      [2]Histogram // ns, by the direction of the request
	Unanswered [2]uint64    // requests without an answer at the end of their connection
	Without    uint64       // messages without a key
	Evicted    uint64       // unanswered requests that were removed for lack of room
	Slowest    Reply
}

// Reply is a request and its answer.
type Reply struct {
	Conn            uint64
	Dir             timeline.Direction // of the request
	Request, Answer uint64             // numbers of their packets
	Took            time.Duration
}

type replies struct {
	Replies
	pairs   pairs
	waiting map[uint64][2]uint64 // unanswered requests by connection and direction
}

func newReplies() replies {
	return replies{pairs: newPairs(), waiting: make(map[uint64][2]uint64)}
}

// add counts a message by its key.
func (r *replies) add(m *timeline.Message, key []byte) {
	as, req, given := r.pairs.add(m, key)
	if given != nil && r.waiting[given.conn][given.request.dir] > 0 { // otherwise its connection has ended and end has counted it
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

// end counts the requests that stay without an answer when a connection ends. Their
// keys remain in pairs until they are evicted.
func (r *replies) end(conn uint64) {
	n := r.waiting[conn]
	delete(r.waiting, conn)
	for dir := range n {
		r.Unanswered[dir] += n[dir]
	}
}
