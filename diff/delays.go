package diff

import (
	"math"

	"github.com/wsdump/wsdump/stats"
	"github.com/wsdump/wsdump/timeline"
)

// spread is the smallest and the largest difference between stamps of B and of A.
type spread struct {
	least, most int64
	n           uint64
}

func (s *spread) add(d int64) {
	if s.n == 0 || d < s.least {
		s.least = d
	}
	if s.n == 0 || d > s.most {
		s.most = d
	}
	s.n++
}

// later returns by how much the stamp b is later than a. ok is false where one of them is
// not known, or where the difference is too large for any clock.
func later(a, b int64) (d int64, ok bool) {
	if a <= 0 || b <= 0 {
		return 0, false
	}
	return b - a, true
}

// delays measures how much later messages are on the side that is further from their
// sender. If A is nearer to the client, the clock of B is o ahead of that of A, and a
// message takes s from A to B and r from B to A, then
//
//	sent       later = s + o
//	received   later = o - r
//
// The fastest messages are taken to be equally fast in both directions, as NTP (RFC 5905)
// does. Then o is half the sum of the least of the first and the most of the second, and
// the time on the way is half of their difference. That cannot be negative. If it is,
// then B is nearer to the client, with least and most exchanged. If both are negative,
// these are not two views of one conversation, and delays count from the fastest message.
func (p *Pair) delays(r *Report, a, b *half) {
	var seen [2]spread
	each := func(call func(dir timeline.Direction, d int64)) {
		for i, f := range a.fates {
			if f != same && f != changed {
				continue
			}
			x := &a.conn.items[i]
			if d, ok := later(x.time, b.conn.items[a.other[i]].time); ok {
				call(x.dir(), d)
			}
		}
	}
	each(func(dir timeline.Direction, d int64) { seen[dir].add(d) })
	counts := [2]uint64{seen[0].n, seen[1].n}
	if a.conn.key != "" && a.conn.key == b.conn.key { // the same handshake gives one more sample; a relay with two handshakes may answer before it asks
		if d, ok := later(a.conn.request, b.conn.request); ok {
			seen[timeline.ClientToServer].add(d)
		}
		if d, ok := later(a.conn.response, b.conn.response); ok {
			seen[timeline.ServerToClient].add(d)
		}
	}
	sent, received := seen[0], seen[1]
	base, sign := [2]int64{sent.least, received.least}, [2]int64{1, 1}
	if sent.n > 0 && received.n > 0 && p.oneConversation(a.conn, b.conn) {
		switch {
		case sent.least >= received.most:
			p.HasOffset, p.Nearer, p.Offset = true, timeline.PartyClient, half2(sent.least, received.most)
			sign[1] = -1
		case received.least >= sent.most:
			p.HasOffset, p.Nearer, p.Offset = true, timeline.PartyServer, half2(received.least, sent.most)
			sign[0] = -1
		}
		if p.HasOffset {
			base = [2]int64{p.Offset, p.Offset}
		}
	}
	var times [2]stats.Histogram
	each(func(dir timeline.Direction, d int64) { times[dir].Add(uint64(max(0, sign[dir]*(d-base[dir])))) })
	for dir := range times {
		if counts[dir] > 0 {
			p.Delay[dir] = delayOf(&times[dir])
			r.delays[dir].Merge(&times[dir])
		}
	}
}

// oneConversation reports whether a and b may be two views of one conversation. Clients
// make a new key for each handshake, so another key means another conversation.
func (p *Pair) oneConversation(a, b *conn) bool {
	return a.key == b.key || a.key == "" || b.key == "" || p.By != "url"
}

// half2 returns the mean of two numbers without overflow.
func half2(x, y int64) int64 { return x/2 + y/2 + (x%2+y%2)/2 }

func delayOf(h *stats.Histogram) Delay {
	at := func(v uint64) int64 { return int64(min(v, math.MaxInt64)) }
	return Delay{N: h.N, P50: at(h.Quantile(0.5)), P95: at(h.Quantile(0.95)), Max: at(h.Max)}
}
