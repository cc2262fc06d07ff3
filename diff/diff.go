// Package diff finds what differs between two recordings of WebSocket traffic: of one
// test on two days, or of one conversation on two sides of a relay.
//
// A [Recording] is a Sink that keeps what is needed to recognize each message: a hash,
// and the beginning of its payload. [Compare] pairs the connections of two recordings and
// aligns their messages direction by direction. It returns the messages that were lost,
// added, doubled, reordered and changed, and the delays.
//
// The package has no goroutine, no clock and no IO. The same recordings give the same
// report.
package diff

import (
	"github.com/wsdump/wsdump/normalize"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/stats"
	"github.com/wsdump/wsdump/timeline"
)

// Align is how the connections of two recordings are paired.
type Align uint8

const (
	// AlignAuto pairs by the first of these that matches: the handshake's key, the URL,
	// its path and query, its path. It also pairs the only connections of both sides.
	AlignAuto  Align = iota
	AlignURL         // by the URL only
	AlignOrder       // the k-th of A with the k-th of B
	AlignLeg         // across a proxy: by the handshake's key, or an identifier that proxies add
)

// Options say how to compare two recordings. The zero value compares payloads.
type Options struct {
	Match    *query.Term      // the key of a message; nil: its payload
	Rules    []normalize.Rule // applied before anything is compared
	Align    Align
	Messages bool   // compare messages only, no pings and pongs
	Context  int    // messages around a difference in [Pair.Lines]; negative: no lines
	Text     int    // bytes of each payload to keep for the output; 0: 200
	Limits   Limits // those that were reached are in [Side.Bounds]
}

// Limits bound memory and work. Zero means the default.
type Limits struct {
	Connections int // of a recording (100,000)
	Messages    int // of a recording; each takes some 300 bytes, its text included (2,000,000)
	Text        int // bytes of payload that a recording keeps for the output (64 MiB)
	Differences int // that are listed; more are only counted (100,000)
}

// Other bounds.
const (
	defaultText = 200
	maxText     = 64<<10 - 1
	maxEdits    = 1024   // that [align] looks for before it matches by occurrence
	maxGrid     = 40_000 // messages lost times messages added, where the most similar are looked for
)

// withDefaults sets zero fields to their defaults.
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

// Kind is how a message differs.
type Kind uint8

const (
	Lost      Kind = iota // in A and not in B, or less often there
	Added                 // in B and not in A
	Doubled               // in B once more than in A
	Reordered             // in both, but in another place among those of its direction
	Changed               // in both, but not the same
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
	Cut     bool            // Payload is only the beginning
	Valid   bool            // Payload is UTF-8

	Incomplete, Truncated, Opaque, Guessed bool // see [timeline.Message]
}

// Difference is a message that differs. A is nil where only B has it, B is nil where only
// A has it.
type Difference struct {
	Kind Kind
	A, B *Message
	// Times is how often each side has the payload (with Match: the key) in that
	// direction of the connection.
	Times [2]uint64
	// Moved is set for a Changed message that is in another place, too.
	Moved bool
}

// Dir returns the direction of the message.
func (d *Difference) Dir() timeline.Direction {
	if d.A != nil {
		return d.A.Dir
	}
	return d.B.Dir
}

// Property is a property of two connections that differs.
type Property struct{ Name, A, B string }

// Delay is how much later the messages of one direction are on the side that is further
// from their sender. The offset of the two clocks is subtracted, if it is known.
type Delay struct {
	N             uint64 // messages in both
	P50, P95, Max int64  // nanoseconds
}

// Line is one line of the listing, like those of diff -u: both sides have the message
// there, or only A, or only B.
type Line struct {
	Op         byte // ' ', '-', '+'
	Message    Message
	Other      uint64 // where both have the message: its row in B
	Difference int    // index into Pair.Differences, -1 for none
	Skipped    int    // rows that were left out before it, on both sides
}

// Connection is one side of a pair.
type Connection struct {
	ID             uint64
	URL            string // after the rules
	Client, Server string // address and port; "" in a HAR
	Status         int    // 0 without a handshake
	Subprotocol    string
	Packet         uint64 // the first
	Time           int64
	Messages       [2]uint64 // by direction
	Recorded       bool      // from a HAR
	// Damage is why the recording lacks parts of the connection, in words. Differences
	// may come from that.
	Damage []string
}

// Pair is a connection on both sides, or on one side with nil for the other.
type Pair struct {
	A, B        *Connection
	By          string // how they were paired: "key", "url", "path", "order", "leg"
	Properties  []Property
	Differences []Difference
	More        uint64         // differences that are counted, but not listed
	Counts      [kinds]uint64  // by Kind
	Compared    [2]uint64      // messages that both have, by direction
	Controls    bool           // pings and pongs were compared
	Lines       []Line         // the differences, with Options.Context messages around
	Delay       [2]Delay       // by direction
	Offset      int64          // of B's clock over A's, nanoseconds; see HasOffset
	HasOffset   bool           // Offset is known; if not, delays count from the fastest message
	Nearer      timeline.Party // the party that A is nearer to, if HasOffset
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
	Pairs    []*Pair       // in the order of opening in A, then those that only B has
	Counts   [kinds]uint64 // messages by Kind; pings and pongs too, if they were compared
	Pings    uint64        // how many of Counts are pings and pongs
	Only     [2]uint64     // connections on one side only
	Property uint64        // properties that differ
	Alone    uint64        // of [CompareLegs]: connections without another leg
	Delay    [2]Delay      // of all pairs
	delays   [2]stats.Histogram
	listed   int
}

// Equal reports whether nothing differs of what was compared.
func (r *Report) Equal() bool {
	for _, p := range r.Pairs {
		if !p.Equal() {
			return false
		}
	}
	return true
}

// Compared reports whether any connection was compared.
func (r *Report) Compared() bool { return len(r.Pairs) > 0 }

// Bounded reports whether a limit kept anything from being compared.
func (r *Report) Bounded() bool { return len(r.A.Bounds)+len(r.B.Bounds) > 0 }

// Count returns how many differences there are.
func (r *Report) Count() (n uint64) {
	for _, k := range r.Counts {
		n += k
	}
	return n + r.Only[0] + r.Only[1] + r.Property
}
