package diff

import (
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// common returns how long the longest common subsequence is: the plain way.
func common(a, b []int32) int {
	row := make([]int, len(b)+1)
	for i := range a {
		diagonal := 0
		for j := range b {
			above := row[j+1]
			if a[i] == b[j] {
				row[j+1] = diagonal + 1
			} else {
				row[j+1] = max(row[j], above)
			}
			diagonal = above
		}
	}
	return row[len(b)]
}

// matched checks that matches are of equal symbols and do not cross, and
// returns how many there are.
func matched(t interface{ Fatalf(string, ...any) }, a, b, match []int32) (n int) {
	if len(match) != len(a) {
		t.Fatalf("%d places for %d symbols", len(match), len(a))
	}
	last := int32(-1)
	for i, j := range match {
		if j < 0 {
			continue
		}
		if j <= last || int(j) >= len(b) || a[i] != b[j] {
			t.Fatalf("%v and %v: %v crosses or matches what differs", a, b, match)
		}
		last = j
		n++
	}
	return n
}

// TestAlign: the alignment is a longest one, and without room for edits still
// one that does not cross.
func TestAlign(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		symbols := rapid.SliceOfN(rapid.Int32Range(0, int32(rapid.IntRange(0, 30).Draw(t, "symbols"))), 0, 60)
		a, b := symbols.Draw(t, "a"), symbols.Draw(t, "b")
		if got, want := matched(t, a, b, align(a, b, 1000)), common(a, b); got != want {
			t.Fatalf("%v and %v: %d matched, %d can be", a, b, got, want)
		}
		matched(t, a, b, align(a, b, rapid.IntRange(0, 5).Draw(t, "most")))
	})
}

// TestByOccurrence: where no symbol is there twice, what takes more edits than
// are looked for is aligned as well as can be.
func TestByOccurrence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 60).Draw(t, "n")
		a := rapid.Permutation(sequence(n)).Draw(t, "a")
		b := rapid.Permutation(sequence(n+5)).Draw(t, "b")
		if got, want := matched(t, a, b, align(a, b, 0)), common(a, b); got != want {
			t.Fatalf("%v and %v: %d matched, %d can be", a, b, got, want)
		}
	})
}

func sequence(n int) (all []int32) {
	for i := range n {
		all = append(all, int32(i))
	}
	return all
}

// TestAlignLarge: many symbols, few of them different or all of them, and all
// of them the same.
func TestAlignLarge(t *testing.T) {
	const n = 100_000
	a := sequence(n)
	b := append([]int32(nil), a...)
	b = append(b[:50_000], b[50_003:]...) // three lost
	if got := matched(t, a, b, align(a, b, maxEdits)); got != n-3 {
		t.Errorf("%d matched", got)
	}
	random := rand.New(rand.NewPCG(1, 2))
	random.Shuffle(len(b), func(i, j int) { b[i], b[j] = b[j], b[i] })
	matched(t, a, b, align(a, b, maxEdits))
	two := make([]int32, n)
	for i := range two {
		two[i] = int32(random.IntN(2))
	}
	for i := range b {
		b[i] = int32(random.IntN(2))
	}
	matched(t, two, b, align(two, b, maxEdits))
}

func BenchmarkAlign(b *testing.B) {
	const n = 100_000
	x, y := sequence(n), sequence(n)
	for i := 0; i < n; i += 1000 {
		y[i] = -1
	}
	z := make([]int32, n)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range z {
		z[i] = int32(random.IntN(3))
	}
	for name, other := range map[string][]int32{"few": y, "random": z} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				align(x, other, maxEdits)
			}
		})
	}
}
