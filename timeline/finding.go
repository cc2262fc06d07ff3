package timeline

import (
	"cmp"
	"slices"
	"time"
)

// Severity orders findings. Errors are violations of a MUST, warnings are
// trouble, notes are worth knowing.
type Severity uint8

const (
	Note Severity = iota
	Warning
	Error
)

// String returns "note", "warning" or "error".
func (s Severity) String() string {
	return [...]string{"note", "warning", "error"}[min(s, Error)]
}

// Rule is one documented judgement. Rules are data: help, docs and reports are
// made from them. An ID never changes its meaning.
type Rule struct {
	ID       string // "ws/mask-missing"
	Severity Severity
	Title    string // one line, no full stop
	Text     string // what it means and what to do, whole sentences
	Ref      string // "RFC 6455 5.1"; "" when no document says so
	Since    string // version that brought it
}

// RuleDuplicate is judged by two layers that do not know each other: packets of
// one connection seen twice, and one connection seen on two pairs of addresses.
var RuleDuplicate = &Rule{
	ID: "capture/duplicate", Severity: Note, Since: "0.1",
	Title: "packets were captured more than once",
	Text:  "The same packets were seen on several interfaces (any, a bridge, both sides of NAT). They are counted once.",
}

// Finding is something the traffic did. It is borrowed by the Sink.
type Finding struct {
	Rule      *Rule
	Severity  Severity // the rule's, unless the case is milder or graver
	Milder    bool     // a Note although the rule is graver
	Conn      *Conn    // nil when no connection is concerned
	N         uint64   // the row it judges, 0 for none
	Dir       Direction
	HasDir    bool
	At        Stamp
	Offset    uint64 // bytes into what the rule speaks of
	HasOffset bool
	Got       string // what was there; raw bytes, escape before showing
	Want      string // what should have been
	Detail    string // a sentence for this case
	Count     uint64 // how often or how many; 0 means once
}

// FindingsPerRule is how many findings of one rule are told for one direction
// of a Conn; the rest is told as a count at its close.
const FindingsPerRule = 20

// Count is a number with the word for what was counted.
type Count struct {
	What string
	N    uint64
}

// Totals is what a whole run came to.
type Totals struct {
	Files       []string // names, in argument order
	Packets     uint64
	Bytes       uint64 // captured bytes of packets
	Fragments   uint64 // packets that were pieces of larger ones
	First, Last int64  // capture times of the first and last packet, ns
	Transports  uint64 // TCP connections
	GivenUp     uint64 // of them: given up to keep memory bounded
	TLSNoKeys   uint64 // of them: TLS, and nothing to decrypt it with
	Conns       uint64
	Messages    uint64
	Frames      uint64
	Findings    [3]uint64 // by Severity
	Gaps        uint64    // holes told
	GapBytes    uint64
	Dropped     uint64  // packets that the capture says were lost
	Filtered    uint64  // packets that a capture filter left out, which are not among Packets
	Duplicates  uint64  // packets that another file had too, which are not among Packets
	Skipped     []Count // packets that were not used, and why
	Others      []Count // TCP connections without a WebSocket, by what they spoke
	ServerNames []Count // TLS without keys: server names, most frequent first
	HeadersOnly bool    // payload was not looked at
	Recorded    bool    // from a HAR: messages only
	Live        *Live   // nil: packets came from files
}

// Live says how packets were captured that did not come from files.
type Live struct {
	Interface string
	Any       bool // it stands for all of them
	Filter    string
	Lasted    time.Duration
}

// Add adds what another input came to, which has nothing to do with that of t.
// The names of files stay.
func (t *Totals) Add(o *Totals) {
	if o.Packets > 0 {
		if t.Packets == 0 {
			t.First, t.Last = o.First, o.Last
		}
		t.First, t.Last = min(t.First, o.First), max(t.Last, o.Last)
	}
	for _, n := range []struct{ to, more *uint64 }{
		{&t.Packets, &o.Packets},
		{&t.Bytes, &o.Bytes},
		{&t.Fragments, &o.Fragments},
		{&t.Transports, &o.Transports},
		{&t.GivenUp, &o.GivenUp},
		{&t.TLSNoKeys, &o.TLSNoKeys},
		{&t.Conns, &o.Conns},
		{&t.Messages, &o.Messages},
		{&t.Frames, &o.Frames},
		{&t.Gaps, &o.Gaps},
		{&t.GapBytes, &o.GapBytes},
		{&t.Dropped, &o.Dropped},
		{&t.Filtered, &o.Filtered},
		{&t.Duplicates, &o.Duplicates},
	} {
		*n.to += *n.more
	}
	for i := range t.Findings {
		t.Findings[i] += o.Findings[i]
	}
	t.Skipped, t.Others, t.ServerNames = addCounts(t.Skipped, o.Skipped), addCounts(t.Others, o.Others), addCounts(t.ServerNames, o.ServerNames)
	t.HeadersOnly = t.HeadersOnly || o.HeadersOnly
	t.Recorded = t.Recorded || o.Recorded
}

// Rank puts Others in order: the largest first, of equal ones by name.
func (t *Totals) Rank() { rank(t.Others) }

func rank(all []Count) {
	slices.SortStableFunc(all, func(a, b Count) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.What, b.What)) })
}

// maxCounts bounds a list of counts.
const maxCounts = 4096

// addCounts returns the counts of both, the largest first.
func addCounts(a, b []Count) []Count {
	if len(b) == 0 {
		return a
	}
	at := make(map[string]int, len(a)+len(b))
	for i, c := range a {
		at[c.What] = i
	}
	for _, c := range b {
		if i, ok := at[c.What]; ok {
			a[i].N += c.N
		} else if len(a) < maxCounts {
			at[c.What] = len(a)
			a = append(a, c)
		}
	}
	rank(a)
	return a
}
