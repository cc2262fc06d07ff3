package check

import (
	"slices"

	"github.com/wsdump/wsdump/timeline"
)

// Result is the result of a check.
type Result struct {
	Check      *Check
	Outcome    Outcome
	Judged     uint64   // rows, connections or requests that were judged
	Violated   uint64   // of them: violations
	Unknown    uint64   // of them: not decided, since the capture lacks something
	Doubts     []string // other reasons why the check is inconclusive, each once
	Wanted     string   // what was wanted and not seen
	Violations []Violation
	Transcript []byte // of a golden check: the actual transcript

	settled   bool // a wanted thing was seen: doubts do not matter
	mayBeNone bool // having nothing to judge is right
	hidden    bool // there was TLS without keys that may have been judged
}

// Violation is what a check fails on. It owns its data. The strings come from the
// traffic: escape them before printing.
type Violation struct {
	Conn     uint64 // 0: it concerns no connection
	URL      string
	Expected string
	Actual   string // "" when the rows show it
	Rows     []Row
}

// Row is a row of the timeline, or a connection, in a violation.
type Row struct {
	N    uint64 // number in its connection, 0 for the connection itself
	At   timeline.Stamp
	Line string // one line, as in a transcript
}

// MaxViolations is how many violations a result keeps at most.
const MaxViolations = 5

// against counts a violation. It calls v only if the violation is kept.
func (r *Result) against(n uint64, v func() Violation) {
	r.Violated += n
	if len(r.Violations) < MaxViolations {
		r.Violations = append(r.Violations, v())
	}
}

// alsoAgainst counts n violations that were collected before it was known whether they
// count. all has the first of them.
func (r *Result) alsoAgainst(n uint64, all []Violation) {
	r.Violated += n
	room := max(0, MaxViolations-len(r.Violations))
	r.Violations = append(r.Violations, all[:min(len(all), room)]...)
}

// maxDoubts is how many doubts are kept.
const maxDoubts = 20

// doubt adds a doubt, unless it is there already.
func (r *Result) doubt(why string) {
	if !slices.Contains(r.Doubts, why) && len(r.Doubts) < maxDoubts {
		r.Doubts = append(r.Doubts, why)
	}
}

func (r *Result) decide() {
	switch {
	case r.Violated > 0:
		r.Outcome = Fail
	case r.settled:
		r.Outcome = Pass
	case r.Unknown > 0 || len(r.Doubts) > 0:
		r.Outcome = Inconclusive
	case r.Wanted != "":
		r.Outcome = Fail
	case r.Judged == 0 && !r.mayBeNone:
		r.Outcome = r.Check.ZeroMatch
	default:
		r.Outcome = Pass
	}
}
