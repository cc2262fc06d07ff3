package stats

import (
	"net/netip"
	"time"

	"github.com/wsdump/wsdump/timeline"
)

// Report has all figures of a timeline: plain values that the caller may keep.
// Strings are as they were on the wire, not safe to show.
type Report struct {
	First, Last int64 // capture times of the first and last packet, ns
	Totals      timeline.Totals

	Conns    Conns
	StandOut StandOut

	Rates       Rates
	Messages    [2]Messages
	Handshakes  Histogram // ns, from the first byte of the request to the last byte of the response
	Lifetimes   Histogram // ns, of connections that the capture holds from beginning to end
	Waits       Histogram // ns, from the end of the handshake to the first message
	PingRTT     [2]Histogram
	PingEvery   [2]Histogram // ns, between two pings of one connection and direction
	Compression [2]Compression
	Sequences   *[2]Sequence // nil without Options.Sequence
	Replies     *Replies     // nil without Options.ReplyKey
	CloseCodes  []CloseCode  // the most frequent first
	Rules       []Rule       // errors first, then the most frequent
	Busiest     []Talker     // connections, by bytes
	Clients     []Talker     // addresses, by bytes
	TCP         TCP

	Bounds []Bound // bounds that were reached
}

// Conns counts connections.
type Conns struct {
	N          uint64
	Refused    uint64
	Unanswered uint64 // no response to the handshake
	Midstream  uint64
	Ended      uint64 // ended within the capture
	Open       uint64 // still open at the end of the capture
	Lost       uint64 // evicted or timed out: the end is not in the capture
	Clients    uint64 // distinct client addresses
	Legs       uint64 // the other leg of a connection through a proxy
}

// Messages counts the messages of one direction.
type Messages struct {
	N          uint64
	Text       uint64
	Bytes      uint64    // payload, inflated if known
	WireBytes  uint64    // payload on the wire
	Sizes      Histogram // bytes, inflated if known
	Incomplete uint64
	Unknown    uint64 // compressed and not inflated: Bytes counts them as on the wire
}

// Compression counts the compressed messages of one direction that could be inflated.
type Compression struct {
	Messages  uint64
	Bytes     uint64
	WireBytes uint64
}

// CloseCode counts the connections whose first close frame had one code.
type CloseCode struct {
	Code uint16 // 0: a close frame without a code
	By   [3]uint64
	N    uint64
}

// Rule counts the findings of a rule.
type Rule struct {
	Rule     *timeline.Rule
	Severity timeline.Severity // the highest
	N        uint64
	Conns    uint64
	First    uint64 // packet of the first finding
	Conn     uint64 // connection of the first finding; 0 for none
	last     uint64 // connection of the latest finding
}

// Talker is a connection, or a client address with all its connections.
type Talker struct {
	Conn     uint64 // 0 for a client
	Client   string
	Server   string
	URL      string
	Conns    uint64
	Messages [2]uint64
	Bytes    [2]uint64
}

// TCP has the figures of the transports. Those whose packets were captured more than
// once count in Copied and Transports, but their Resent and Reordered are zero.
type TCP struct {
	Transports  uint64
	Copied      uint64
	Segments    [2]uint64 // segments with payload
	Resent      [2]uint64
	Reordered   [2]uint64
	Bytes       [2]uint64
	Missing     [2]uint64   // bytes that the capture does not hold
	WithResent  uint64      // transports with retransmissions
	WithMissing uint64      // transports with missing bytes
	Worst       []Transport // by missing bytes, then retransmissions, then reordered segments
}

// Transport is one of [TCP.Worst].
type Transport struct {
	ID             uint64
	Conn           uint64 // the last connection on it
	Client, Server netip.AddrPort
	Segments       [2]uint64
	Resent         [2]uint64
	Reordered      [2]uint64
	Bytes          [2]uint64
	Missing        [2]uint64
	FirstResent    uint64 // packet of the first retransmission
}

// Bound is a bound of this package that was reached.
type Bound struct {
	What    string
	Limit   uint64
	Omitted uint64
}

// StandOut is what people who run a service want to know first. It is empty for
// well-behaved traffic.
type StandOut struct {
	Silence        []Cluster
	Lifetime       []Cluster
	Broken         []Ended // bad ends that are in no cluster
	Reconnects     []Reconnects
	MoreReconnects uint64 // number of clients with reconnects that Reconnects omits
	Refused        []Refused
	Unanswered     Examples // handshakes without a response
}

// Examples counts something and keeps its first few packets.
type Examples struct {
	N       uint64
	Packets []uint64
}

func (e *Examples) add(packet uint64) {
	if e.N++; len(e.Packets) < maxExamples {
		e.Packets = append(e.Packets, packet)
	}
}

// Ended counts the connections that ended in one manner.
type Ended struct {
	Manner
	Examples
}

// Refused counts the handshakes with one status.
type Refused struct {
	Status int
	Reason string
	Examples
}

// Duration returns the time that the capture spans.
func (r *Report) Duration() time.Duration { return time.Duration(r.Last - r.First) }
