package diff

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
)

// couple is a connection of A and one of B that belong together.
type couple struct {
	a, b int // indexes into the recordings, -1 for none
	by   string
}

// stage is one way to find connections that belong together: they have the same mark. A
// connection without a mark is left to the next stage.
type stage struct {
	by   string
	mark func(*conn) string
}

func byKey(c *conn) string { return c.key }

func byURL(c *conn) string {
	if c.URL != "" {
		return "url " + c.URL
	}
	return "at " + c.Server // no handshake: only the address is known
}

func byTarget(c *conn) string {
	if c.path == "" {
		return ""
	}
	return c.path + "?" + c.query
}

func byPath(c *conn) string { return c.path }

func byMark(i int) func(*conn) string {
	return func(c *conn) string {
		if i < len(c.marks) {
			return c.marks[i]
		}
		return ""
	}
}

// couples pairs the connections of two recordings. It returns those of A in order, then
// those that only B has.
func couples(a, b []*conn, how Align) (all []couple) {
	partner, taken := make([]couple, len(a)), make([]bool, len(b))
	for i := range partner {
		partner[i] = couple{a: i, b: -1}
	}
	join := func(i, j int, by string) { partner[i].b, partner[i].by, taken[j] = j, by, true }
	var stages []stage
	switch how {
	case AlignAuto:
		stages = []stage{{"key", byKey}, {"url", byURL}, {"path", byTarget}, {"path", byPath}}
	case AlignURL:
		stages = []stage{{"url", byURL}}
	case AlignLeg:
		stages = []stage{{"key", byKey}, {"leg", byMark(0)}, {"leg", byMark(1)}}
	case AlignOrder:
		for i := range min(len(a), len(b)) {
			join(i, i, "order")
		}
	}
	for _, s := range stages {
		groups := make(map[string]*[2][]int)
		var order []string
		collect := func(side int, conns []*conn, done func(int) bool) {
			for i, c := range conns {
				mark := s.mark(c)
				if done(i) || mark == "" {
					continue
				}
				if groups[mark] == nil {
					groups[mark] = &[2][]int{}
					order = append(order, mark)
				}
				groups[mark][side] = append(groups[mark][side], i)
			}
		}
		collect(0, a, func(i int) bool { return partner[i].b >= 0 })
		collect(1, b, func(j int) bool { return taken[j] })
		for _, mark := range order {
			g := groups[mark]
			for _, p := range alike(a, b, g[0], g[1]) {
				join(p[0], p[1], s.by)
			}
		}
	}
	if how == AlignAuto && len(a) == 1 && len(b) == 1 && partner[0].b < 0 {
		join(0, 0, "order") // the only connection of each side
	}
	all = partner
	for j := range b {
		if !taken[j] {
			all = append(all, couple{a: -1, b: j})
		}
	}
	return all
}

// Bounds of the search for the most similar connections, see [alike].
const (
	maxAlike     = 64         // connections of a group, on each side
	maxAlikeWork = 20_000_000 // messages to look up
)

// alike pairs connections with the same mark: first those with all messages equal, then
// those with most messages in common, then the rest in the order of opening.
func alike(a, b []*conn, inA, inB []int) (pairs [][2]int) {
	if len(inA) == 0 || len(inB) == 0 {
		return nil
	}
	if len(inA) == 1 && len(inB) == 1 {
		return [][2]int{{inA[0], inB[0]}}
	}
	same := make(map[digest][]int)
	for _, j := range inB {
		f := b[j].fingerprint()
		same[f] = append(same[f], j)
	}
	gone := make(map[int]bool)
	var restA, restB []int
	for _, i := range inA {
		f := a[i].fingerprint()
		if left := same[f]; len(left) > 0 {
			pairs = append(pairs, [2]int{i, left[0]})
			gone[left[0]] = true
			same[f] = left[1:]
			continue
		}
		restA = append(restA, i)
	}
	for _, j := range inB {
		if !gone[j] {
			restB = append(restB, j)
		}
	}
	joined, restA, restB := resembling(a, b, restA, restB)
	pairs = append(pairs, joined...)
	for k := range min(len(restA), len(restB)) {
		pairs = append(pairs, [2]int{restA[k], restB[k]})
	}
	return pairs
}

// resembling pairs connections with messages in common, those with most first. It
// returns what is left.
func resembling(a, b []*conn, inA, inB []int) (pairs [][2]int, restA, restB []int) {
	work := 0
	for _, j := range inB {
		work += len(b[j].items)
	}
	if len(inA) > maxAlike || len(inB) > maxAlike || work > maxAlikeWork/max(len(inA), 1) {
		return nil, inA, inB
	}
	type score struct{ i, j, n int }
	var scores []score
	for _, i := range inA {
		has := make(map[digest]int)
		for k := range a[i].items {
			has[a[i].items[k].hash]++
		}
		for _, j := range inB {
			seen, n := make(map[digest]int), 0
			for k := range b[j].items {
				h := b[j].items[k].hash
				if seen[h]++; seen[h] <= has[h] {
					n++
				}
			}
			if n > 0 {
				scores = append(scores, score{i, j, n})
			}
		}
	}
	slices.SortFunc(scores, func(x, y score) int { return cmp.Or(y.n-x.n, x.i-y.i, x.j-y.j) })
	goneA, goneB := make(map[int]bool), make(map[int]bool)
	for _, s := range scores {
		if !goneA[s.i] && !goneB[s.j] {
			goneA[s.i], goneB[s.j] = true, true
			pairs = append(pairs, [2]int{s.i, s.j})
		}
	}
	left := func(all []int, gone map[int]bool) []int {
		return slices.DeleteFunc(slices.Clone(all), func(i int) bool { return gone[i] })
	}
	return pairs, left(inA, goneA), left(inB, goneB)
}

// fingerprint is equal for connections with equal messages in each direction.
func (c *conn) fingerprint() (d digest) {
	h := sha256.New()
	for dir := range uint8(2) {
		for i := range c.items {
			if c.items[i].flags&itemReceive == dir && !c.items[i].control() {
				h.Write(c.items[i].hash[:])
			}
		}
		fmt.Fprintf(h, "%d", c.Status)
	}
	copy(d[:], h.Sum(nil))
	return d
}
