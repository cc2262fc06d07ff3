package stats

import (
	"hash/maphash"
	"net/netip"
	"slices"
	"time"

	"github.com/wsdump/wsdump/timeline"
)

// Reconnects is one client, by its address without the port, that opened a URL
// again soon after a connection to it had broken.
type Reconnects struct {
	Client      netip.Addr
	URL         string // without the query, at most 256 bytes; raw
	N           uint64
	Least, Most time.Duration // from the end to the opening
	Mean        time.Duration
	Packets     []uint64 // of the first few openings
}

// soon is how long after a break an opening counts as a reconnect.
const reconnectWithin = 30 * time.Second

// maxClients is how many pairs of client and URL are remembered. When there are
// more, those that can be no reconnect any more are forgotten, then all new
// ones are left out, and counted.
const maxClients = 1 << 16

const maxURL = 256

type clientKey struct {
	addr netip.Addr
	url  uint64 // hash of what Reconnects.URL holds, uncut
}

type client struct {
	Reconnects
	sum      time.Duration
	broken   int64  // when the latest connection to break did, ns; 0 for none
	opened   int64  // when the latest opening that followed no break was, ns
	openedAt uint64 // its packet
	last     int64  // of the latest opening or end
	sequence [2]*sequence
}

type clients struct {
	seed      maphash.Seed
	of        map[clientKey]*client
	omitted   uint64 // connections that found no room
	untilScan int    // so many more find none before all are looked at again
}

func newClients() clients {
	return clients{seed: maphash.MakeSeed(), of: make(map[clientKey]*client)}
}

// get returns the client of c, nil when there is no handshake or no room.
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

// evict makes room. It looks at all of them.
func (cs *clients) evict(now int64) {
	for key, c := range cs.of {
		if c.N == 0 && c.sequence == [2]*sequence{} && now-c.last > int64(reconnectWithin) {
			delete(cs.of, key)
		}
	}
}

// open notes an opening. Openings and ends may be told out of order: a side may
// hold its half of the old connection for longer.
func (c *client) open(at timeline.Stamp) {
	c.last = max(c.last, at.Time)
	if wait := time.Duration(at.Time - c.broken); c.broken != 0 && wait >= 0 && wait <= reconnectWithin {
		c.reconnected(wait, at.Packet)
		c.broken = 0
		return
	}
	c.opened, c.openedAt = at.Time, at.Packet
}

// end notes where the ending of a connection began that broke.
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

// reconnecting returns the clients with at least least reconnects, the busiest
// first.
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
