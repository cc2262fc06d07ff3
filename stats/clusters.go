package stats

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Cluster is a set of connections that ended in the same manner after the same time:
// of silence, or since they opened.
type Cluster struct {
	Manner
	N             uint64 // connections in the cluster
	Of            uint64 // all connections that ended
	Sampled       bool   // N and Of count a sample
	Median        time.Duration
	Least, Most   time.Duration
	Simultaneous  bool // all ended at the same moment: a restart looks the same
	Candidates    []Default
	Packets       []uint64 // packets where the first few endings began
	Conns         []uint64 // connections of those packets
	Pinged        uint64   // of N: with a ping
	SlowPings     uint64   // of N: with pings at longer intervals than Median
	PingEvery     time.Duration
	SlowPingBy    string // "client" or "server": the sender of most of them
	SlowPingAt    uint64 // packet of the last ping on one of them
	SlowPingConns []uint64
}

const (
	leastTime     = time.Second // shorter silences are normal
	leastCluster  = 3           // connections; fewer only if a default fits
	maxClusters   = 5           // clusters of one manner
	maxExamples   = 5
	clusterSpread = 0.03 // width of a window, as a share of the time
	leastSpread   = 200 * time.Millisecond
	surroundings  = 2 // neighbours are ends between half and twice the time
)

// clusters finds times at which many ends agree, and returns the other ends as rest.
// It sorts the ends of each manner by time and takes the window with most of them.
// The window is a cluster if it holds far more ends than chance would put there,
// judged by its neighbours. Then it repeats that with what is left.
func clusters(ends []ending, of func(*ending) time.Duration, defaults []Default) (found []Cluster, rest []ending) {
	groups := make(map[Manner][]ending)
	var order []Manner
	for _, e := range ends {
		if e.manner.ordinary() || of(&e) < leastTime {
			rest = append(rest, e)
			continue
		}
		if groups[e.manner] == nil {
			order = append(order, e.manner)
		}
		groups[e.manner] = append(groups[e.manner], e)
	}
	for _, m := range order {
		group := groups[m]
		slices.SortStableFunc(group, func(a, b ending) int { return cmp.Compare(of(&a), of(&b)) })
		whole := len(group)
		for range maxClusters {
			from, to := densest(group, of)
			if !standsOut(group, from, to, whole, of, defaults) {
				break
			}
			c := newCluster(group[from:to], of, defaults)
			c.Of = uint64(len(ends))
			found = append(found, c)
			group = slices.Delete(group, from, to)
		}
		rest = append(rest, group...)
	}
	slices.SortStableFunc(found, func(a, b Cluster) int { return cmp.Compare(b.N, a.N) })
	return found, rest
}

func spread(d time.Duration) time.Duration {
	return max(time.Duration(clusterSpread*float64(d)), leastSpread)
}

// densest returns the window of sorted that holds most ends.
func densest(sorted []ending, of func(*ending) time.Duration) (from, to int) {
	for i, j := 0, 0; i < len(sorted); i++ {
		first := of(&sorted[i])
		for j < len(sorted) && of(&sorted[j])-first <= spread(first) {
			j++
		}
		if j-i > to-from {
			from, to = i, j
		}
	}
	return from, to
}

// standsOut reports whether the window is a cluster.
func standsOut(sorted []ending, from, to, whole int, of func(*ending) time.Duration, defaults []Default) bool {
	n := to - from
	if n == 0 {
		return false
	}
	first := of(&sorted[from])
	if n < leastCluster {
		return n == whole && sorted[from].manner.How != HowClose && len(candidates(first, defaults)) > 0
	}
	around := 0
	for i := range sorted {
		if d := of(&sorted[i]); (i < from || i >= to) && d >= first/surroundings && d/surroundings <= first {
			around++
		}
	}
	// On a logarithmic scale of time, the window is this share of its neighbourhood.
	window := math.Log1p(float64(spread(first)) / float64(first))
	share := window / (2*math.Log(surroundings) - window)
	chance := float64(around) * max(share, 0)
	return float64(n) >= leastCluster+8*chance && n*10 >= whole
}

func newCluster(members []ending, of func(*ending) time.Duration, defaults []Default) Cluster {
	c := Cluster{
		Manner: members[0].manner, N: uint64(len(members)),
		Median: of(&members[len(members)/2]), Least: of(&members[0]), Most: of(&members[len(members)-1]),
	}
	c.Candidates = candidates(c.Median, defaults)
	byPacket := slices.Clone(members)
	slices.SortStableFunc(byPacket, func(a, b ending) int { return cmp.Compare(a.at.Packet, b.at.Packet) })
	first, last := byPacket[0].at.Time, byPacket[0].at.Time
	var every []time.Duration
	byClient := 0
	for i := range byPacket {
		e := &byPacket[i]
		first, last = min(first, e.at.Time), max(last, e.at.Time)
		if i < maxExamples {
			c.Packets, c.Conns = append(c.Packets, e.at.Packet), append(c.Conns, e.conn)
		}
		if e.pinged {
			c.Pinged++
		}
		if e.pingEvery > c.Median {
			every = append(every, e.pingEvery)
			if e.pingBy.String() == "client" {
				byClient++
			}
			if c.SlowPingAt == 0 {
				c.SlowPingAt = e.lastPing
			}
			if len(c.SlowPingConns) < maxExamples {
				c.SlowPingConns = append(c.SlowPingConns, e.conn)
			}
		}
	}
	c.Simultaneous = len(members) > 1 && time.Duration(last-first) <= max(time.Second, spread(c.Median))
	if c.SlowPings = uint64(len(every)); c.SlowPings > 0 {
		slices.Sort(every)
		c.PingEvery = every[len(every)/2]
		c.SlowPingBy = "server"
		if 2*byClient >= len(every) {
			c.SlowPingBy = "client"
		}
	}
	return c
}
