package stats

import (
	"net/netip"
	"time"

	"github.com/wsdump/wsdump/timeline"
)

// Report is what a timeline came to: plain values that whoever prints them may
// keep. Strings are raw, as they were on the wire.
type Report struct {
	First, Last int64 // capture times of the first and last packet, ns
	Totals      timeline.Totals

	Conns    Conns
	StandOut StandOut

	Rates       Rates
	Messages    [2]Messages
	Handshakes  Histogram // ns, from the request's first byte to the response's last
	Lifetimes   Histogram // ns, of connections whose beginning and end are in the capture
	Waits       Histogram // ns, from the handshake's end to the first message
	PingRTT     [2]Histogram
	PingEvery   [2]Histogram // ns, between two pings of one connection and direction
	Compression [2]Compression
	Sequences   *[2]Sequence // nil when no id was named
	Replies     *Replies     // nil when no key was named
	CloseCodes  []CloseCode  // the most frequent first
	Rules       []Rule       // errors first, then the most frequent
	Busiest     []Talker     // connections, by bytes
	Clients     []Talker     // addresses, by bytes
	TCP         TCP

	Bounds []Bound // that were reached
}

// Conns counts connections.
type Conns struct {
	N          uint64
	Refused    uint64
	Unanswered uint64 // no response to the handshake
	Midstream  uint64
	Ended      uint64 // in the capture
	Open       uint64 // when the capture ended
	Lost       uint64 // given up: nobody saw the end
	Clients    uint64 // addresses
	Legs       uint64 // on the other side of a proxy from another one
}

// Messages are those of one direction.
type Messages struct {
	N          uint64
	Text       uint64
	Bytes      uint64    // payload, inflated where known
	WireBytes  uint64    // payload on the wire
	Sizes      Histogram // bytes, inflated where known
	Incomplete uint64
	Unknown    uint64 // compressed, and nobody inflated them: Bytes has what was on the wire
}

// Compression is what permessage-deflate did to the messages of a direction
// that were compressed, and could be inflated.
type Compression struct {
	Messages  uint64
	Bytes     uint64
	WireBytes uint64
}

// CloseCode counts the connections that a first close frame of one code ended.
type CloseCode struct {
	Code uint16 // 0: a close frame without a code
	By   [3]uint64
	N    uint64
}

// Rule counts the findings of a rule.
type Rule struct {
	Rule     *timeline.Rule
	Severity timeline.Severity // the gravest
	N        uint64
	Conns    uint64
	First    uint64 // packet
	Conn     uint64 // of the first; 0 for none
	last     uint64 // conn of the latest
}

// Talker is a connection, or a client's address with all its connections.
type Talker struct {
	Conn     uint64 // 0 for a client
	Client   string
	Server   string
	URL      string
	Conns    uint64
	Messages [2]uint64
	Bytes    [2]uint64
}

// TCP is how the transports below fared. Those whose packets were captured more
// than once are counted in Copied and nowhere else.
type TCP struct {
	Transports  uint64
	Copied      uint64
	Segments    [2]uint64 // with payload
	Resent      [2]uint64
	Reordered   [2]uint64
	Bytes       [2]uint64
	Missing     [2]uint64   // bytes that are not in the capture
	WithResent  uint64      // transports
	WithMissing uint64      // transports
	Worst       []Transport // by missing bytes, then segments sent again, then reordered
}

// Transport is one of the worst.
type Transport struct {
	ID             uint64
	Conn           uint64 // the last one on it
	Client, Server netip.AddrPort
	Segments       [2]uint64
	Resent         [2]uint64
	Reordered      [2]uint64
	Bytes          [2]uint64
	Missing        [2]uint64
	FirstResent    uint64 // packet
}

// Bound is a limit of this package that was reached, and what it left out.
type Bound struct {
	What    string
	Limit   uint64
	Omitted uint64
}

// StandOut is what somebody who watches over a service wants to be told first.
// Nothing in it is for well-behaved traffic.
type StandOut struct {
	Silence        []Cluster
	Lifetime       []Cluster
	Broken         []Ended // what ended badly and is in no cluster
	Reconnects     []Reconnects
	MoreReconnects uint64 // clients with reconnects that are not listed
	Refused        []Refused
	Unanswered     Examples // handshakes without a response
}

// Examples counts something and has the first few packets.
type Examples struct {
	N       uint64
	Packets []uint64
}

func (e *Examples) add(packet uint64) {
	if e.N++; len(e.Packets) < maxExamples {
		e.Packets = append(e.Packets, packet)
	}
}

// Ended counts connections that ended in one manner.
type Ended struct {
	Manner
	Examples
}

// Refused counts the handshakes that one status answered.
type Refused struct {
	Status int
	Reason string
	Examples
}

// Duration is the time that the capture spans.
func (r *Report) Duration() time.Duration { return time.Duration(r.Last - r.First) }
