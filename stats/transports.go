package stats

import (
	"cmp"

	"github.com/wsdump/wsdump/timeline"
)

// transports counts TCP connections. One may carry several WebSockets: each Close
// reports the counters of the transport so far. So the latest counters of recent
// transports are kept, and only the difference is added.
type transports struct {
	total   TCP
	counted map[uint64]Transport
	ring    []uint64
	next    int
	worst   top[Transport]
}

const (
	maxWorst      = 10
	maxTransports = 1 << 16 // transports that are kept; an older one counts twice if another of its connections closes
)

func newTransports() transports {
	return transports{
		counted: make(map[uint64]Transport),
		worst: top[Transport]{size: maxWorst, key: func(t *Transport) uint64 { return t.ID }, less: func(a, b *Transport) bool {
			return cmp.Or(
				cmp.Compare(a.Missing[0]+a.Missing[1], b.Missing[0]+b.Missing[1]),
				cmp.Compare(a.Resent[0]+a.Resent[1], b.Resent[0]+b.Resent[1]),
				cmp.Compare(a.Reordered[0]+a.Reordered[1], b.Reordered[0]+b.Reordered[1]),
			) < 0
		}},
	}
}

// add counts the transport of a closed connection.
func (t *transports) add(c *timeline.Conn) {
	tr := c.Transport
	if tr == nil || c.Recorded {
		return
	}
	before, again := t.counted[tr.ID]
	if !again {
		t.remember(tr.ID)
		t.total.Transports++
		if tr.Copied {
			t.total.Copied++
		}
	}
	now := Transport{
		ID: tr.ID, Conn: c.ID, Client: tr.Client, Server: tr.Server, Segments: tr.Segments, Bytes: tr.Bytes, Missing: tr.Gaps,
	}
	if !tr.Copied {
		now.Resent, now.Reordered, now.FirstResent = tr.Resent, tr.Reordered, tr.FirstResent.Packet
	}
	t.counted[tr.ID] = now
	for dir := range now.Segments {
		t.total.Segments[dir] += now.Segments[dir] - before.Segments[dir]
		t.total.Bytes[dir] += now.Bytes[dir] - before.Bytes[dir]
		t.total.Missing[dir] += now.Missing[dir] - before.Missing[dir]
		if now.Resent[dir] >= before.Resent[dir] { // unless copies were found in between
			t.total.Resent[dir] += now.Resent[dir] - before.Resent[dir]
			t.total.Reordered[dir] += now.Reordered[dir] - before.Reordered[dir]
		}
	}
	if sum(now.Resent) > 0 && sum(before.Resent) == 0 {
		t.total.WithResent++
	}
	if sum(now.Missing) > 0 && sum(before.Missing) == 0 {
		t.total.WithMissing++
	}
	if sum(now.Resent)+sum(now.Missing)+sum(now.Reordered) > 0 {
		t.worst.add(now)
	}
}

func sum(n [2]uint64) uint64 { return n[0] + n[1] }

func (t *transports) remember(id uint64) {
	if len(t.ring) < maxTransports {
		t.ring = append(t.ring, id)
		return
	}
	delete(t.counted, t.ring[t.next])
	t.ring[t.next] = id
	t.next = (t.next + 1) % maxTransports
}

func (t *transports) report() TCP {
	t.total.Worst = t.worst.items
	return t.total
}
