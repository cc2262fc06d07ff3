// Package wire turns the bytes of one packet into one TCP segment. It is
// stateless: link layer, VLAN tags, tunnels, IPv4 or IPv6, TCP. A [Skip] is the reason why
// a packet carries no segment.
//
// The package parses the common layers itself, without an allocation. gopacket parses
// GRE, VXLAN, Geneve, ERSPAN and EtherIP headers, and is the reference in tests.
//
// Checksums are verified only with [Decoder.Checksums]. A capture made on the sending
// host has wrong ones (offload), and an acknowledgement proves that a segment was right.
package wire

import (
	"net/netip"
	"strings"
)

// Seq is a TCP sequence number (RFC 9293 section 3.4). Numbers wrap, so they
// have no order of their own: compare them with [Seq.Diff] only.
type Seq uint32

// Add returns the number n bytes ahead of a.
func (a Seq) Add(n uint32) Seq { return a + Seq(n) }

// Diff returns how far b is ahead of a: negative when b is behind. It is right
// as long as the two are less than 2 GiB apart. No other code compares sequence
// numbers.
func (a Seq) Diff(b Seq) int32 { return int32(b - a) }

// Flags are the control bits of a TCP header (RFC 9293 section 3.1).
type Flags uint8

const (
	FIN Flags = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
	ECE
	CWR
)

// Has reports whether all of the bits in want are set.
func (f Flags) Has(want Flags) bool { return f&want == want }

// String returns the set bits as words, such as "SYN ACK", or "none".
func (f Flags) String() string {
	if f == 0 {
		return "none"
	}
	var words []string
	for i, word := range [...]string{"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"} {
		if f&(1<<i) != 0 {
			words = append(words, word)
		}
	}
	return strings.Join(words, " ")
}

// Segment is one TCP segment: the facts of its header and its payload.
type Segment struct {
	Src, Dst netip.AddrPort // IPv4 as a plain 4-byte address; no zones
	Seq, Ack Seq            // Ack means something only with the flag ACK
	Flags    Flags
	Window   uint16 // as on the wire, not scaled
	Payload  []byte // borrowed: a slice of the packet, or of what was put together from several
	Length   uint32 // payload bytes on the wire; more than len(Payload) when the capture cut the packet
}

// NextSeq returns the sequence number that follows the segment. SYN and FIN
// count one each (RFC 9293 section 3.4). No other code adds them.
func (s *Segment) NextSeq() Seq {
	next := s.Seq.Add(s.Length)
	if s.Flags&SYN != 0 {
		next++
	}
	if s.Flags&FIN != 0 {
		next++
	}
	return next
}

// Skip is the reason why a packet carries no segment. The zero value, SkipNone, means
// that it carries one.
type Skip uint8

const (
	SkipNone      Skip = iota
	SkipUDP            // UDP, and no tunnel that we know
	SkipQUIC           // UDP that looks like QUIC: HTTP/3 may be inside
	SkipICMP           // ICMP or ICMPv6
	SkipProtocol       // IP, with another protocol than the above
	SkipFragment       // part of a fragmented IP packet, see [Decoder.Fragment]
	SkipARP            // ARP or RARP
	SkipNotIP          // another network protocol
	SkipLinkType       // a link type that we cannot read
	SkipCut            // the capture cut the packet before the end of its headers
	SkipMalformed      // headers that contradict themselves
	SkipChecksum       // a wrong checksum, where they are looked at
	SkipNested         // more tunnels or tags inside each other than we follow
	SkipEncrypted      // 802.11 that is encrypted
	SkipAggregate      // several frames in one of 802.11, of which we would read only the first

	// NumSkips is the number of Skip values, for arrays of counters.
	NumSkips
)

// String returns a few words for a summary, such as "UDP" or "IP fragment".
func (s Skip) String() string {
	if s >= NumSkips {
		return "unknown"
	}
	return [NumSkips]string{
		SkipNone:      "none",
		SkipUDP:       "UDP",
		SkipQUIC:      "QUIC",
		SkipICMP:      "ICMP",
		SkipProtocol:  "other IP protocol",
		SkipFragment:  "IP fragment",
		SkipARP:       "ARP",
		SkipNotIP:     "not IP",
		SkipLinkType:  "link type",
		SkipCut:       "cut short",
		SkipMalformed: "malformed",
		SkipChecksum:  "wrong checksum",
		SkipNested:    "nested too deep",
		SkipEncrypted: "encrypted 802.11",
		SkipAggregate: "aggregated 802.11",
	}[s]
}
