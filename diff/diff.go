// Package diff tells what differs between two recordings of WebSocket traffic:
// of one test on two days, or of one conversation on two sides of a relay.
//
// A [Recording] is a Sink that keeps of each message what is needed to know it
// again, and no payload. [Compare] pairs the connections of two recordings,
// aligns their messages direction by direction, and returns what was lost,
// added, doubled, reordered and changed, and by how much times differ.
//
// The package has no goroutine, no clock and does no IO; the same recordings
// give the same report.
package diff

import (
	"github.com/wsdump/wsdump/normalize"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/stats"
	"github.com/wsdump/wsdump/timeline"
)

// Align is how connections of two recordings find each other.
type Align uint8

const (
	// AlignAuto pairs by the first of these that leads somewhere: the
	// handshake's key, the URL, its path and query, its path; and what is alone
	// on both sides.
	AlignAuto  Align = iota
	AlignURL         // the URL and nothing else
	AlignOrder       // the k-th with the k-th
	AlignLeg         // across a proxy: the handshake's key, or an identifier that proxies add
)

// Options say how two recordings are compared. The zero value compares
// payloads.
type Options struct {
	Match    *query.Term      // what a message is known by; nil: its payload
	Rules    []normalize.Rule // what is made equal before anything is compared
	Align    Align
	Messages bool   // messages alone: no pings and pongs
	Context  int    // messages around a difference in [Pair.Lines]; negative: no lines
	Text     int    // bytes of a payload that are kept to be shown; 0: 200
	Limits   Limits // what is beyond is said in [Side.Bounds]
}

// Limits bound memory and work. Zero means the default.
type Limits struct {
	Connections int // of a recording (100,000)
	Messages    int // of a recording; each takes some 300 bytes, its text included (2,000,000)
	Text        int // bytes of payload that a recording keeps to be shown (64 MiB)
	Differences int // that are told; more are counted (100,000)
}

// Other bounds.
const (
	defaultText = 200
	maxText     = 64<<10 - 1
	maxEdits    = 1024   // that [align] looks for before it takes what comes
	maxGrid     = 40_000 // messages lost times messages added, where the most similar are looked for
)

// withDefaults fills in what is zero.
func (o Options) withDefaults() Options {
	or := func(n *int, otherwise int) {
		if *n <= 0 {
			*n = otherwise
		}
	}
	or(&o.Text, defaultText)
	o.Text = min(o.Text, maxText)
	or(&o.Limits.Connections, 100_000)
	or(&o.Limits.Messages, 2_000_000)
	or(&o.Limits.Text, 64<<20)
	or(&o.Limits.Differences, 100_000)
	return o
}

// Kind says how a message differs.
type Kind uint8

const (
	Lost      Kind = iota // in A and not in B, or less often
	Added                 // in B and not in A
	Doubled               // in B once more than in A
	Reordered             // in both, in another place among those of its direction
	Changed               // in both, and not the same
	kinds
)

// String returns the word that outputs use.
func (k Kind) String() string {
	return [...]string{"lost", "added", "doubled", "reordered", "changed"}[min(k, Changed)]
}

// Message is one side of a difference.
type Message struct {
	N       uint64 // row in its connection
	Packet  uint64 // 0 in a HAR
	Time    int64  // nanoseconds since 1970, of the last byte
	Dir     timeline.Direction
	Op      timeline.Opcode // text, binary, ping or pong
	Length  uint64          // bytes of payload, before rules
	Payload []byte          // as the rules make it; at most Options.Text bytes
	Cut     bool            // Payload is less than there is to compare
	Valid   bool            // Payload is UTF-8

	Incomplete, Truncated, Opaque, Guessed bool // see [timeline.Message]
}

// Difference is a message that differs. A is nil where B alone has it, B where
// A alone has it.
type Difference struct {
	Kind Kind
	A, B *Message
	// Times is how often the payload (Match: the key) is there on each side, in
	// that direction of the connection.
	Times [2]uint64
	// Moved: Changed, and in another place as well.
	Moved bool
}

// Dir is the direction of the message.
func (d *Difference) Dir() timeline.Direction {
	if d.A != nil {
		return d.A.Dir
	}
	return d.B.Dir
}

// Property is what differs between two connections as such.
type Property struct{ Name, A, B string }

// Delay is how much later messages of one direction are on the side that is
// further from their sender. The difference of the two clocks is taken off,
// as far as it can be known.
type Delay struct {
	N             uint64 // messages in both
	P50, P95, Max int64  // nanoseconds
}

// Line is a line of a picture of the differences: both sides have it, or A or B
// has it there.
type Line struct {
	Op         byte // ' ', '-', '+'
	Message    Message
	Other      uint64 // of a line that both have: the row in B
	Difference int    // index into Pair.Differences, -1 for none
	Skipped    int    // rows of both sides that were left out before it
}

// Connection is one side of a pair.
type Connection struct {
	ID             uint64
	URL            string // as the rules make it
	Client, Server string // address and port; "" in a HAR
	Status         int    // 0 without a handshake
	Subprotocol    string
	Packet         uint64 // the first
	Time           int64
	Messages       [2]uint64 // by direction
	Recorded       bool      // from a HAR
	// Damage is what keeps the recording from knowing all of it, in words: a
	// difference may be its fault.
	Damage []string
}

// Pair is a connection on both sides, or, with nil on the other, on one side.
type Pair struct {
	A, B        *Connection
	By          string // how they were paired: "key", "url", "path", "order", "leg"
	Properties  []Property
	Differences []Difference
	More        uint64         // differences that are counted and not told
	Counts      [kinds]uint64  // by Kind
	Compared    [2]uint64      // messages that are in both, by direction
	Controls    bool           // pings and pongs were compared
	Lines       []Line         // what differs, with Options.Context messages around
	Delay       [2]Delay       // by direction
	Offset      int64          // of B's clock over A's, nanoseconds; see HasOffset
	HasOffset   bool           // both directions tell; else delays are over the fastest
	Nearer      timeline.Party // whom A is nearer to, where HasOffset
}

// Equal reports whether nothing differs.
func (p *Pair) Equal() bool {
	if p.A == nil || p.B == nil || len(p.Properties) > 0 {
		return false
	}
	for _, n := range p.Counts {
		if n > 0 {
			return false
		}
	}
	return true
}

// Side is one recording as a whole.
type Side struct {
	Totals      timeline.Totals
	Connections uint64
	Messages    uint64
	Bounds      []string // limits that were reached, in words
}

// Report is what differs between two recordings.
type Report struct {
	A, B     Side
	Pairs    []*Pair       // in order of opening in A, then what only B has
	Counts   [kinds]uint64 // messages by Kind, pings and pongs among them where they were compared
	Pings    uint64        // of all Counts: pings and pongs
	Only     [2]uint64     // connections on one side only
	Property uint64        // properties that differ
	Alone    uint64        // of [CompareLegs]: connections that have no other leg
	Delay    [2]Delay      // of all pairs
	delays   [2]stats.Histogram
	told     int
}

// Equal reports whether nothing differs, as far as was compared.
func (r *Report) Equal() bool {
	for _, p := range r.Pairs {
		if !p.Equal() {
			return false
		}
	}
	return true
}

// Compared reports whether there was a connection to compare at all.
func (r *Report) Compared() bool { return len(r.Pairs) > 0 }

// Bounded reports whether a limit kept some of it from being compared.
func (r *Report) Bounded() bool { return len(r.A.Bounds)+len(r.B.Bounds) > 0 }

// Count returns how many differences there are.
func (r *Report) Count() (n uint64) {
	for _, k := range r.Counts {
		n += k
	}
	return n + r.Only[0] + r.Only[1] + r.Property
}
