// Package capture reads packets: from pcap and pcapng files, from standard
// input, and merged by time from several of them. It knows no TCP.
//
// A [Source] is pulled. Packets are borrowed until the next call. What a file
// says besides packets (secrets, drops, damage, a cut end) is told through the
// callback of [Options].
package capture

// LinkType is a LINKTYPE_ value of the pcap formats
// (https://www.tcpdump.org/linktypes.html).
type LinkType uint32

// Packet is one captured record. Data is borrowed until the next call of Next.
type Packet struct {
	Number     uint64 // 1-based in the merged input
	FilePacket uint64 // 1-based inside its file
	File       uint32 // index of the file in argument order
	Time       int64  // nanoseconds since the Unix epoch, by the capture's clock
	Data       []byte // borrowed; len(Data) <= Length
	Length     uint32 // bytes on the wire
	Link       LinkType
}

// Source gives packets until io.EOF. Any other error ends the source as well;
// what was read before it stands.
type Source interface {
	Next(p *Packet) error
	Close() error
}
