package stats

import (
	"hash/maphash"
	"time"

	"github.com/wsdump/wsdump/timeline"
)

// pairs ties answers to requests by what they have in common: the first message
// with a key is the request, the first one with the same key the other way on
// the same connection is its answer. What comes with that key later is neither.
type pairs struct {
	seed  maphash.Seed
	open  map[requestKey]request
	ring  []requestKey // in the order they came
	added uint64
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
	n        uint64 // number of its row
	packet   uint64
	time     int64
	index    uint64 // of the entry in the ring that stands for it
}

// role is what a message is among those with its key.
type role uint8

const (
	roleNone role = iota
	roleRequest
	roleAnswer
)

func newPairs() pairs {
	return pairs{seed: maphash.MakeSeed(), open: make(map[requestKey]request)}
}

// add takes the key of a message. For an answer, req is its request. given is
// the connection and the request without an answer that had to be forgotten for
// this one, if any.
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

// took is how long an answer took: from its request's last byte to its own.
func (r *request) took(m *timeline.Message) time.Duration {
	return time.Duration(max(0, m.Last.Time-r.time))
}

// Answers hands a timeline on and marks the messages in it that answer an
// earlier one: [timeline.Message.Answers]. What it was given stays as it was. It
// looks into the payload that next asks for, and asks for none itself.
type Answers struct {
	timeline.Sink
	key     Extract
	pairs   pairs
	scratch []byte
	copy    timeline.Message
}

// NewAnswers returns such a Sink before next. key is what an answer has in
// common with its request.
func NewAnswers(next timeline.Sink, key Extract) *Answers {
	return &Answers{Sink: next, key: key, pairs: newPairs()}
}

// Message hands m on.
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
