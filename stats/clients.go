package stats

import (
	"hash/maphash"
	"net/netip"
	"slices"
	"time"

	"github.com/wsdump/wsdump/timeline"
)

// Reconnects counts how often one client opened a URL again soon after a connection
// to it had broken. A client is an address without a port.
type Reconnects struct {
	Client      netip.Addr
	URL         string // without the query, at most 256 bytes, as on the wire
	N           uint64
	Least, Most time.Duration // from a break to the next opening
	Mean        time.Duration
	Packets     []uint64 // packets of the first few openings
}

// reconnectWithin is the longest time from a break to an opening that counts as a
// reconnect.
const reconnectWithin = 30 * time.Second

// maxClients bounds the pairs of client and URL that are kept. At the bound, pairs
// that can no longer reconnect are evicted. If none can be evicted, new pairs are
// omitted and counted.
const maxClients = 1 << 16

const maxURL = 256

type clientKey struct {
	addr netip.Addr
	url  uint64 // hash of the whole URL without its query
}

type client struct {
	Reconnects
	sum      time.Duration
	broken   int64  // time of the latest break, ns; 0 for none
	opened   int64  // time of the latest opening that followed no break, ns
	openedAt uint64 // packet of that opening
	last     int64  // time of the latest opening or end
	sequence [2]*sequence
}

type clients struct {
	seed      maphash.Seed
	of        map[clientKey]*client
	omitted   uint64 // connections that are not counted, for lack of room
	untilScan int    // so many more connections are omitted before evict runs again
}

func newClients() clients {
	return clients{seed: maphash.MakeSeed(), of: make(map[clientKey]*client)}
}

// get returns the client of c. It returns nil when c has no handshake, or when there
// is no room.
func (cs *clients) get(c *timeline.Conn) *client {
	h := c.Handshake
	if h == nil || !c.Client.IsValid() {
		return nil
	}
	without := *h
	without.Query = ""
	url := without.URL(c.Server.String())
	key := clientKey{c.Client.Addr(), maphash.String(cs.seed, url)}
	if known := cs.of[key]; known != nil {
		return known
	}
	if len(cs.of) >= maxClients {
		if cs.untilScan--; cs.untilScan < 0 {
			cs.evict(c.Opened.Time)
			cs.untilScan = maxClients / 8
		}
		if len(cs.of) >= maxClients {
			cs.omitted++
			return nil
		}
	}
	if len(url) > maxURL {
		url = url[:maxURL]
	}
	fresh := &client{Reconnects: Reconnects{Client: key.addr, URL: url}}
	cs.of[key] = fresh
	return fresh
}

// evict removes pairs that can no longer reconnect. It looks at all pairs.
func (cs *clients) evict(now int64) {
	for key, c := range cs.of {
		if c.N == 0 && c.sequence == [2]*sequence{} && now-c.last > int64(reconnectWithin) {
			delete(cs.of, key)
		}
	}
}

// open records an opening. Openings and ends may come out of order: one side may keep
// its half of the old connection for longer.
func (c *client) open(at timeline.Stamp) {
	c.last = max(c.last, at.Time)
	if wait := time.Duration(at.Time - c.broken); c.broken != 0 && wait >= 0 && wait <= reconnectWithin {
		c.reconnected(wait, at.Packet)
		c.broken = 0
		return
	}
	c.opened, c.openedAt = at.Time, at.Packet
}

// end records when a connection began to break.
func (c *client) end(at timeline.Stamp) {
	c.last = max(c.last, at.Time)
	if wait := time.Duration(c.opened - at.Time); c.opened != 0 && wait >= 0 && wait <= reconnectWithin {
		c.reconnected(wait, c.openedAt)
		c.opened = 0
		return
	}
	c.broken = at.Time
}

func (c *client) reconnected(wait time.Duration, packet uint64) {
	if c.N == 0 || wait < c.Least {
		c.Least = wait
	}
	c.Most = max(c.Most, wait)
	c.N++
	c.sum += wait
	c.Mean = c.sum / time.Duration(c.N)
	if len(c.Packets) < maxExamples {
		c.Packets = append(c.Packets, packet)
	}
}

// reconnecting returns clients with at least least reconnects, most of them first, at
// most most. more is how many clients are left out.
func (cs *clients) reconnecting(least uint64, most int) (all []Reconnects, more uint64) {
	for _, c := range cs.of {
		if c.N >= least {
			all = append(all, c.Reconnects)
		}
	}
	slices.SortFunc(all, func(a, b Reconnects) int {
		if a.N != b.N {
			return int(min(b.N, 1<<30)) - int(min(a.N, 1<<30))
		}
		if d := a.Client.Compare(b.Client); d != 0 {
			return d
		}
		return int(a.Packets[0]) - int(b.Packets[0])
	})
	if len(all) > most {
		return all[:most], uint64(len(all) - most)
	}
	return all, 0
}
