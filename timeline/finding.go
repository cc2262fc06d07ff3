package timeline

import (
	"cmp"
	"slices"
	"time"
)

// Severity orders findings. An Error violates a MUST, a Warning means trouble, and a
// Note is worth knowing.
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

// Rule is one documented judgement. Help, docs and reports are made from rules. The
// meaning of an ID never changes.
type Rule struct {
	ID       string // "ws/mask-missing"
	Severity Severity
	Title    string // one line, no full stop
	Text     string // what it means and what to do, whole sentences
	Ref      string // "RFC 6455 5.1"; "" when no document has it
	Since    string // the first version that has it
	Reads    Reads  // the payload that it is judged from
}

// Reads is the payload that a [Rule] is judged from. A rule fires whatever a sink needs
// ([Needs]), except that one which reads payload cannot fire where no sink needs payload.
type Reads uint8

const (
	ReadsNone Reads = iota // lengths, headers and control frames suffice
	ReadsText              // the payload of messages that are text, or compressed
	ReadsAny               // the payload of all messages
)

// RuleDuplicate is the rule of two layers: reassembly sees the packets of one
// connection twice, and dissect sees one connection on two pairs of addresses.
var RuleDuplicate = &Rule{
	ID: "capture/duplicate", Severity: Note, Since: "0.1",
	Title: "packets were captured more than once",
	Text:  "The same packets were seen on several interfaces (any, a bridge, both sides of NAT). They are counted once.",
}

// Finding is something that the traffic did. A Sink borrows it.
type Finding struct {
	Rule      *Rule
	Severity  Severity // the rule's, unless this case is milder or graver
	Milder    bool     // a Note although the rule is graver
	Conn      *Conn    // nil when no connection is concerned
	N         uint64   // the row it judges, 0 for none
	Dir       Direction
	HasDir    bool
	At        Stamp
	Offset    uint64 // in bytes, into what the rule is about
	HasOffset bool
	Got       string // what was there, as raw bytes: escape it before printing
	Want      string // what should have been
	Detail    string // a sentence about this case
	Count     uint64 // how often or how many; 0 means once
}

// FindingsPerRule is how many findings of one rule are emitted for one direction of a
// Conn. The rest is emitted as a count when the Conn closes.
const FindingsPerRule = 20

// Count is a number, and what it counts.
type Count struct {
	What string
	N    uint64
}

// Totals are the numbers of a whole run.
type Totals struct {
	Files       []string // names, in argument order
	Packets     uint64
	Bytes       uint64 // captured bytes of packets
	Fragments   uint64 // packets that were pieces of larger ones
	First, Last int64  // capture times of the first and last packet, ns
	Transports  uint64 // TCP connections
	GivenUp     uint64 // of them: evicted to bound memory
	TLSNoKeys   uint64 // of them: TLS without keys
	Conns       uint64
	Messages    uint64
	Frames      uint64
	Findings    [3]uint64 // by Severity
	Gaps        uint64    // holes that were emitted as a gap
	GapBytes    uint64
	Dropped     uint64  // packets that were lost, according to the capture
	Filtered    uint64  // packets that a capture filter left out; Packets does not count them
	Duplicates  uint64  // packets that another file had, too; Packets does not count them
	Skipped     []Count // packets that were not used, and why
	Others      []Count // TCP connections without a WebSocket, by what they spoke
	ServerNames []Count // TLS without keys: server names, most frequent first
	HeadersOnly bool    // payload was not read
	Recorded    bool    // from a HAR: messages only
	Live        *Live   // nil: packets came from files
}

// Live describes a live capture.
type Live struct {
	Interface string
	Any       bool // Interface means all of them
	Filter    string
	Lasted    time.Duration
}

// Add adds the totals of another input. The inputs are independent of each other. The
// names of files stay those of t.
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

// Rank sorts Others: the largest first, equal ones by name.
func (t *Totals) Rank() { rank(t.Others) }

func rank(all []Count) {
	slices.SortStableFunc(all, func(a, b Count) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.What, b.What)) })
}

// maxCounts bounds a list of counts.
const maxCounts = 4096

// addCounts returns the sums of both lists, the largest first.
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
