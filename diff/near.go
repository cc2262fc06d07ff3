package diff

import (
	"bytes"

	"github.com/wsdump/wsdump/timeline"
)

// alikeEnough is how much of two payloads must be equal, in parts of a thousand, so that
// one counts as a change of the other.
const alikeEnough = 400

// near joins messages that are alone, at the same place among those of their direction,
// and similar: one is a change of the other. Messages with different keys are different
// messages, so they are not joined. A message that the other side has elsewhere is a
// copy, so it is not joined either.
func near(a, b *half, dir timeline.Direction, atA, atB []int32) {
	var runA, runB []int32
	flush := func() {
		if len(runA) > 0 && len(runB) > 0 {
			resemble(a, b, runA, runB)
		}
		runA, runB = runA[:0], runB[:0]
	}
	may := func(h, other *half, i int32) bool {
		hash := h.conn.items[i].hash
		return h.fates[i] == alone && h.known(i) == hash && other.times[dir][hash] == 0
	}
	j := 0
	for _, i := range atA {
		switch {
		case may(a, b, i):
			runA = append(runA, i)
		case a.fates[i] == same: // the run ends here on both sides
			for j < len(atB) && atB[j] != a.other[i] {
				if may(b, a, atB[j]) {
					runB = append(runB, atB[j])
				}
				j++
			}
			j++
			flush()
		}
	}
	for ; j < len(atB); j++ {
		if may(b, a, atB[j]) {
			runB = append(runB, atB[j])
		}
	}
	flush()
}

// resemble joins the most similar messages of two runs, without crossings (Needleman and
// Wunsch). Where that would be too much work, it joins the k-th with the k-th.
func resemble(a, b *half, runA, runB []int32) {
	n, m := len(runA), len(runB)
	if n > maxGrid/m {
		for k := range min(n, m) {
			if alikeness(a, b, runA[k], runB[k]) >= alikeEnough {
				join(a, b, runA[k], runB[k], changed)
			}
		}
		return
	}
	// best[x][y] is the best sum for the first x of a and the first y of b.
	best := make([]int32, (n+1)*(m+1))
	like := make([]int32, n*m)
	for x := 1; x <= n; x++ {
		for y := 1; y <= m; y++ {
			score := max(best[(x-1)*(m+1)+y], best[x*(m+1)+y-1])
			if s := alikeness(a, b, runA[x-1], runB[y-1]); s >= alikeEnough {
				like[(x-1)*m+y-1] = s
				score = max(score, best[(x-1)*(m+1)+y-1]+s)
			}
			best[x*(m+1)+y] = score
		}
	}
	for x, y := n, m; x > 0 && y > 0; {
		switch here := best[x*(m+1)+y]; {
		case like[(x-1)*m+y-1] > 0 && here == best[(x-1)*(m+1)+y-1]+like[(x-1)*m+y-1]:
			join(a, b, runA[x-1], runB[y-1], changed)
			x, y = x-1, y-1
		case here == best[(x-1)*(m+1)+y]:
			x--
		default:
			y--
		}
	}
}

// alikeness returns how much of two payloads is equal at their beginnings and ends, in
// parts of a thousand. It sees only what was kept of them.
func alikeness(a, b *half, i, j int32) int32 {
	x, y := &a.conn.items[i], &b.conn.items[j]
	if x.control() != y.control() || x.control() && x.op != y.op {
		return 0
	}
	p, q := a.conn.payload(x), b.conn.payload(y)
	most := max(len(p), len(q))
	if most == 0 {
		return 0
	}
	if bytes.Equal(p, q) {
		return 1000
	}
	same := 0
	for same < len(p) && same < len(q) && p[same] == q[same] {
		same++
	}
	if (x.flags|y.flags)&itemCut == 0 {
		p, q = p[same:], q[same:]
		for k := 1; k <= len(p) && k <= len(q) && p[len(p)-k] == q[len(q)-k]; k++ {
			same++
		}
	}
	return int32(same * 1000 / most)
}
