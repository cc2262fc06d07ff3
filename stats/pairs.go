package stats

import (
	"hash/maphash"
	"time"

	"github.com/wsdump/wsdump/timeline"
)

// pairs matches answers with requests by a key. On one connection, the first message
// with a key is the request. The first message with the same key in the other
// direction is its answer. Later messages with that key are neither.
type pairs struct {
	seed  maphash.Seed
	open  map[requestKey]request
	ring  []requestKey // keys in order of arrival
	added uint64
}

// maxRequests is how many keys are kept for all connections. The oldest is evicted
// first.
const maxRequests = 1 << 16

type requestKey struct {
	conn uint64
	key  uint64
}

type request struct {
	dir      timeline.Direction
	answered bool
	n        uint64 // row number of the request
	packet   uint64
	time     int64
	index    uint64 // the value of pairs.added when it came, which identifies its entry in the ring
}

// role is the part of a message among those with its key.
type role uint8

const (
	roleNone role = iota
	roleRequest
	roleAnswer
)

func newPairs() pairs {
	return pairs{seed: maphash.MakeSeed(), open: make(map[requestKey]request)}
}

// add matches a message by its key. For an answer, req is its request. evicted is an
// unanswered request that was removed for lack of room, or nil.
func (p *pairs) add(m *timeline.Message, key []byte) (as role, req request, given *evictedRequest) {
	k := requestKey{m.Conn.ID, maphash.Bytes(p.seed, key)}
	req, known := p.open[k]
	switch {
	case known && req.dir != m.Dir && !req.answered:
		req.answered = true
		p.open[k] = req
		return roleAnswer, req, nil
	case known && req.dir != m.Dir, known && !req.answered:
		return roleNone, req, nil // one more answer, or the request once more
	}
	p.added++
	if at := int(p.added-1) % maxRequests; at < len(p.ring) {
		oldest := p.ring[at]
		if was, ok := p.open[oldest]; ok && was.index == p.added-maxRequests {
			if !was.answered {
				given = &evictedRequest{oldest.conn, was}
			}
			delete(p.open, oldest)
		}
		p.ring[at] = k
	} else {
		p.ring = append(p.ring, k)
	}
	req = request{dir: m.Dir, n: m.N, packet: m.First.Packet, time: m.Last.Time, index: p.added}
	p.open[k] = req
	return roleRequest, req, given
}

type evictedRequest struct {
	conn    uint64
	request request
}

// took returns the time from the last byte of the request to the last byte of its
// answer.
func (r *request) took(m *timeline.Message) time.Duration {
	return time.Duration(max(0, m.Last.Time-r.time))
}

// Answers passes a timeline on and sets [timeline.Message.Answers] on messages that
// answer an earlier one. It changes a copy of the message. It uses the payload that
// the next sink asks for, and asks for none itself.
type Answers struct {
	timeline.Sink
	key     Extract
	pairs   pairs
	scratch []byte
	copy    timeline.Message
}

// NewAnswers returns an Answers that passes everything to next. key extracts what an
// answer shares with its request.
func NewAnswers(next timeline.Sink, key Extract) *Answers {
	return &Answers{Sink: next, key: key, pairs: newPairs()}
}

// Message passes m on.
func (a *Answers) Message(m *timeline.Message) {
	key, ok := a.key(a.scratch[:0], m)
	if !ok {
		a.Sink.Message(m)
		return
	}
	a.scratch = key
	as, req, _ := a.pairs.add(m, key)
	if as != roleAnswer {
		a.Sink.Message(m)
		return
	}
	a.copy = *m
	a.copy.Answers, a.copy.Took = req.n, req.took(m)
	a.Sink.Message(&a.copy)
	a.copy = timeline.Message{}
}
