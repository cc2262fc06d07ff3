package diff

import "slices"

// align returns, for each symbol of a, the index in b that it is matched with, or -1.
// Matches are of equal symbols and never cross. What is left on both sides is in
// another place, or on one side only.
//
// It is the shortest edit script (Myers, "An O(ND) Difference Algorithm") if that has at
// most most edits. What both have in common at the beginning and at the end does not
// count, nor do symbols that only one side has, for these leave no choice. Where the
// script is longer, the k-th occurrence of a symbol is matched with the k-th, as far as
// matches do not cross. That is exact where no symbol occurs twice, and never more work
// than sorting.
func align(a, b []int32, most int) (match []int32) {
	match = make([]int32, len(a))
	for i := range match {
		match[i] = -1
	}
	begin := 0
	for begin < len(a) && begin < len(b) && a[begin] == b[begin] {
		match[begin] = int32(begin)
		begin++
	}
	endA, endB := len(a), len(b)
	for endA > begin && endB > begin && a[endA-1] == b[endB-1] {
		endA, endB = endA-1, endB-1
		match[endA] = int32(endB)
	}
	inA, inB := counts(a[begin:endA]), counts(b[begin:endB])
	placesA, placesB := shared(a, begin, endA, inB), shared(b, begin, endB, inA)
	if len(placesA) == 0 || len(placesB) == 0 {
		return match
	}
	pairs, ok := shortest(a, b, placesA, placesB, most)
	if !ok {
		pairs = byOccurrence(a, b, placesA, placesB)
	}
	for _, p := range pairs {
		match[p.a] = p.b
	}
	return match
}

// place is the indexes of a symbol of a and one of b that are the same message.
type place struct{ a, b int32 }

func counts(symbols []int32) map[int32]int32 {
	n := make(map[int32]int32)
	for _, s := range symbols {
		n[s]++
	}
	return n
}

// shared returns the indexes of symbols that the other side has, too.
func shared(symbols []int32, begin, end int, other map[int32]int32) (places []int32) {
	for i := begin; i < end; i++ {
		if other[symbols[i]] > 0 {
			places = append(places, int32(i))
		}
	}
	return places
}

// shortest returns the matches of a shortest edit script between the symbols at some
// indexes, unless it has more than most edits. It keeps how far it got with each number
// of edits: most²/2 numbers at worst.
func shortest(a, b, placesA, placesB []int32, most int) (pairs []place, ok bool) {
	n, m := len(placesA), len(placesB)
	// reach[d][k] is the largest index in a that a path with d edits reaches on diagonal
	// 2k-d, which is x-y.
	var reach [][]int32
	from := func(d, diagonal int) (x int, down bool) {
		last := reach[d-1]
		k := (diagonal + d) / 2 // index of diagonal+1 in last; that of diagonal-1 is one less
		if k == 0 || k < d && last[k] > last[k-1] {
			return int(last[k]), true
		}
		return int(last[k-1]) + 1, false
	}
	for d := 0; d <= min(most, n+m); d++ {
		row := make([]int32, d+1)
		reach = append(reach, row)
		for k := range row {
			diagonal := 2*k - d
			x := 0
			if d > 0 {
				x, _ = from(d, diagonal)
			}
			y := x - diagonal
			for x < n && y < m && x >= 0 && y >= 0 && a[placesA[x]] == b[placesB[y]] {
				x, y = x+1, y+1
			}
			row[k] = int32(x)
			if x < n || y < m || diagonal != n-m {
				continue
			}
			for ; d >= 0; d-- { // follow the path back
				begin, down := 0, false
				if d > 0 {
					begin, down = from(d, diagonal)
				}
				for end := int(reach[d][(diagonal+d)/2]); end > begin; end-- {
					pairs = append(pairs, place{placesA[end-1], placesB[end-1-diagonal]})
				}
				if down {
					diagonal++
				} else {
					diagonal--
				}
			}
			return pairs, true
		}
	}
	return nil, false
}

// byOccurrence matches the k-th occurrence of each symbol with the k-th. Of these
// matches it keeps as many as do not cross (a longest increasing subsequence).
func byOccurrence(a, b, placesA, placesB []int32) (pairs []place) {
	type occurrence struct{ symbol, k int32 }
	at := make(map[occurrence]int32, len(placesB))
	seen := make(map[int32]int32)
	for _, j := range placesB {
		at[occurrence{b[j], seen[b[j]]}] = j
		seen[b[j]]++
	}
	clear(seen)
	var all []place
	for _, i := range placesA {
		if j, ok := at[occurrence{a[i], seen[a[i]]}]; ok {
			all = append(all, place{i, j})
		}
		seen[a[i]]++
	}
	// ends[k] is the element of all with the least b that ends a sequence of k+1.
	var ends []int32
	before := make([]int32, len(all))
	for i := range all {
		k, _ := slices.BinarySearchFunc(ends, all[i].b, func(end, b int32) int { return int(all[end].b) - int(b) })
		before[i] = -1
		if k > 0 {
			before[i] = ends[k-1]
		}
		if k == len(ends) {
			ends = append(ends, 0)
		}
		ends[k] = int32(i)
	}
	if len(ends) == 0 {
		return nil
	}
	for i := ends[len(ends)-1]; i >= 0; i = before[i] {
		pairs = append(pairs, all[i])
	}
	return pairs
}
