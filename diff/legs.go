package diff

import "cmp"

// CompareLegs compares the two sides of a proxy in one recording. A is the leg of the
// client, whose handshake began first and was answered last. B is the leg of the
// server. Report.Alone counts connections without another leg.
func CompareLegs(both *Recording, opt Options) *Report {
	opt = opt.withDefaults()
	at := make(map[uint64]int, len(both.conns))
	for i, c := range both.conns {
		at[c.ID] = i
	}
	r := &Report{A: both.side(), B: both.side()}
	sides := [2]*Side{&r.A, &r.B}
	for _, s := range sides {
		s.Connections, s.Messages = 0, 0
	}
	var all []couple
	paired := make(map[int]bool)
	for i, c := range both.conns {
		j, ok := at[c.legOf]
		if !ok {
			continue
		}
		outer, inner := j, i
		if o, n := both.conns[j], c; cmp.Or(cmp.Compare(n.request, o.request), cmp.Compare(o.response, n.response)) < 0 {
			outer, inner = i, j
		}
		by := "leg"
		if c.key != "" && c.key == both.conns[j].key {
			by = "key"
		}
		all = append(all, couple{outer, inner, by})
		for k, i := range [2]int{outer, inner} {
			paired[i] = true
			m := &both.conns[i].Messages
			sides[k].Connections, sides[k].Messages = sides[k].Connections+1, sides[k].Messages+m[0]+m[1]
		}
	}
	r.Alone = uint64(len(both.conns) - len(paired))
	r.compare(both.conns, both.conns, all, &opt)
	return r
}
