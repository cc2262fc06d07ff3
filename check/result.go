package check

import (
	"slices"

	"github.com/wsdump/wsdump/timeline"
)

// Result is what a check came to.
type Result struct {
	Check      *Check
	Outcome    Outcome
	Judged     uint64   // what was looked at: rows, connections, requests
	Violated   uint64   // of it: what is against the check
	Unknown    uint64   // of it: what the capture does not show enough of
	Doubts     []string // what else keeps the check from a verdict; each once
	Wanted     string   // what was wanted and not seen, in words
	Violations []Violation
	Transcript []byte // of a golden check: what was there

	settled   bool // a wanted thing was seen, which no doubt undoes
	mayBeNone bool // having nothing to judge is as it should be
	hidden    bool // TLS without keys was there, which may have been judged
}

// Violation is something that is against a check. It is owned. Its strings are
// the traffic's: escape them before showing.
type Violation struct {
	Conn     uint64 // 0: of no connection
	URL      string
	Expected string
	Actual   string // "" when the rows say it
	Rows     []Row
}

// Row is a row of the timeline, or a connection, that a violation shows.
type Row struct {
	N    uint64 // in its connection, 0 for the connection itself
	At   timeline.Stamp
	Line string // as a transcript has it, one line; a finding with what was there
}

// MaxViolations is how many violations a result keeps at most.
const MaxViolations = 5

// against counts a violation; v is only asked for when it will be kept.
func (r *Result) against(n uint64, v func() Violation) {
	r.Violated += n
	if len(r.Violations) < MaxViolations {
		r.Violations = append(r.Violations, v())
	}
}

// alsoAgainst counts n violations that were gathered before it was known that
// they count; all has the first of them.
func (r *Result) alsoAgainst(n uint64, all []Violation) {
	r.Violated += n
	room := max(0, MaxViolations-len(r.Violations))
	r.Violations = append(r.Violations, all[:min(len(all), room)]...)
}

// maxDoubts bounds the reasons that are kept.
const maxDoubts = 20

// doubt keeps a reason once.
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
