package main

import (
	"strconv"

	"github.com/wsdump/wsdump/diff"
	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/report"
)

// diffResult is a report, and what was asked for.
type diffResult struct {
	*diff.Report
	names      []string // of A and B; one where both are in one file
	byOrder    bool     // connections are paired by their order
	normalized bool     // --normalize is given
	damaged    bool     // an input was not read to its end
}

// judge writes remarks beside the report, and returns the exit code.
func (r *diffResult) judge(words *console.Console) int {
	sides := [2]*diff.Side{&r.A, &r.B}
	for i, name := range r.names {
		remark(name, sides[i], r.Alone, words)
	}
	if r.Alone > 0 {
		words.Hint(console.CountWere(r.Alone, "connection") + " not compared: the capture lacks the other leg, or nothing ties the two legs")
	}
	doubtful := uint64(0)
	for _, p := range r.Pairs {
		if !p.Equal() && p.A != nil && p.B != nil && len(p.A.Damage)+len(p.B.Damage) > 0 {
			doubtful++
		}
	}
	if doubtful > 0 {
		words.Hint(console.CountWere(doubtful, "connection that differs") + " not whole in a capture (-T json tells why): what differs there may be the capture's fault")
	}
	if r.Only[0] > 0 && r.Only[1] > 0 && !r.byOrder {
		words.Hint("some connections of both sides have no match; --align order pairs them in their order")
	}
	if r.Counts[diff.Changed] > 2 && !r.normalized {
		words.Hint("--normalize ignores what changes from run to run: 'json.id=<id>', or --normalize 'match:REGEXP=<x>'")
	}
	switch {
	case !r.Compared():
		if len(r.names) == 1 {
			words.Error("nothing to compare: no connection has both legs in the capture")
		} else {
			words.Error("nothing to compare: neither side has a WebSocket")
		}
		return exitFailed
	case !r.Equal():
		return exitFailed
	case r.damaged, r.Bounded():
		return exitInput
	}
	words.Say("no difference: " + console.Count(r.A.Connections, "connection") + ", " + console.Count(r.A.Messages, "message") + " on both sides")
	return exitOK
}

// remark writes what of a side was not compared, or may be wrong.
func remark(name string, s *diff.Side, alone uint64, words *console.Console) {
	if s.Connections+alone == 0 {
		found, hint := report.Nothing(&s.Totals)
		words.Say(name + ": " + found)
		words.Hint(hint)
	} else if n := s.Totals.TLSNoKeys; n > 0 {
		words.Hint(name + ": " + console.CountWere(n, "TLS connection") + " not compared, because their TLS keys are missing; give them with -k FILE")
	}
	if n := s.Totals.Dropped; n > 0 {
		words.Hint(name + ": the capture lost " + strconv.FormatUint(n, 10) + " packets, which may explain differences")
	}
	for _, bound := range s.Bounds {
		words.Error(name + ": " + bound)
		words.Hint("compare a part: -f takes packets of some hosts and ports")
	}
}
