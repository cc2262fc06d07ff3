package trafficgen

import (
	"bufio"
	"encoding/binary"
	"io"
	"math/bits"
)

// pcap writes packets: Ethernet, IPv4, TCP with timestamps, and UDP, with right
// checksums.
type pcap struct {
	out     *bufio.Writer
	err     error
	written int64
	packets uint64
	bytes   uint64
	now     int64 // microseconds
	header  [16 + 66]byte
}

// start is the time of the first packet, in microseconds since the epoch.
const start = 1_700_000_000_000_000

// pace is the time between packets, in microseconds.
const pace = 7

func (p *pcap) begin(w io.Writer) {
	p.out = bufio.NewWriterSize(w, 1<<20)
	p.now = start
	var b []byte
	for _, v := range []uint32{0xa1b2c3d4, 0x00040002, 0, 0, 262144, 1} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	p.put(b)
}

func (p *pcap) put(b []byte) {
	if p.err == nil {
		_, p.err = p.out.Write(b)
	}
	p.written += int64(len(b))
}

func (g *generator) end() error {
	if g.err == nil {
		g.err = g.out.Flush()
	}
	g.manifest.FileBytes, g.manifest.Packets, g.manifest.Bytes = g.written, g.packets, g.bytes
	return g.err
}

// Flags of TCP.
const (
	flagFIN = 1
	flagSYN = 2
	flagPSH = 8
	flagACK = 16
)

// endpoint is an IPv4 address and a port.
type endpoint struct {
	address uint32
	port    uint16
}

// headersOf fills in the record, Ethernet and IPv4 headers of a packet with
// length bytes of IP payload, and returns the rest of what header is room for.
func (p *pcap) headersOf(src, dst endpoint, proto byte, length int) []byte {
	h := p.header[:]
	total := 14 + 20 + length
	binary.LittleEndian.PutUint32(h, uint32(p.now/1_000_000))
	binary.LittleEndian.PutUint32(h[4:], uint32(p.now%1_000_000))
	binary.LittleEndian.PutUint32(h[8:], uint32(total))
	binary.LittleEndian.PutUint32(h[12:], uint32(total))
	p.now += pace
	p.packets++
	p.bytes += uint64(total)
	copy(h[16:], []byte{2, 0, 0, 0, 0, byte(dst.address), 2, 0, 0, 0, 0, byte(src.address), 8, 0})
	ip := h[30:50]
	copy(ip, []byte{0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, proto, 0, 0})
	binary.BigEndian.PutUint16(ip[2:], uint16(20+length))
	binary.BigEndian.PutUint16(ip[4:], uint16(p.packets))
	binary.BigEndian.PutUint32(ip[12:], src.address)
	binary.BigEndian.PutUint32(ip[16:], dst.address)
	binary.BigEndian.PutUint16(ip[10:], ^fold(sum(0, ip)))
	return h[50:]
}

// tcp writes a segment.
func (p *pcap) tcp(src, dst endpoint, seq, ack uint32, flags byte, payload []byte) {
	now := uint32(p.now / 1000)
	t := p.headersOf(src, dst, 6, 32+len(payload))[:32]
	binary.BigEndian.PutUint16(t, src.port)
	binary.BigEndian.PutUint16(t[2:], dst.port)
	binary.BigEndian.PutUint32(t[4:], seq)
	binary.BigEndian.PutUint32(t[8:], ack)
	copy(t[12:], []byte{0x80, flags, 0xff, 0xff, 0, 0, 0, 0, 1, 1, 8, 10})
	binary.BigEndian.PutUint32(t[24:], now)
	binary.BigEndian.PutUint32(t[28:], now)
	binary.BigEndian.PutUint16(t[16:], ^fold(sum(sum(p.pseudo(6, 32+len(payload)), t), payload)))
	p.put(p.header[:16+66])
	p.put(payload)
}

// udp writes a datagram.
func (p *pcap) udp(src, dst endpoint, payload []byte) {
	u := p.headersOf(src, dst, 17, 8+len(payload))[:8]
	binary.BigEndian.PutUint16(u, src.port)
	binary.BigEndian.PutUint16(u[2:], dst.port)
	binary.BigEndian.PutUint16(u[4:], uint16(8+len(payload)))
	u[6], u[7] = 0, 0
	binary.BigEndian.PutUint16(u[6:], ^fold(sum(sum(p.pseudo(17, 8+len(payload)), u), payload)))
	p.put(p.header[:16+14+20+8])
	p.put(payload)
}

// pseudo is the sum of the addresses, the protocol and the length (RFC 9293
// section 3.1).
func (p *pcap) pseudo(proto byte, length int) uint64 {
	return sum(uint64(proto)+uint64(length), p.header[42:50])
}

// sum adds up 16-bit words in network order, eight bytes at a time. All but the
// last call of a packet's have an even number of bytes.
func sum(s uint64, b []byte) uint64 {
	s = uint64(fold(s))
	for ; len(b) >= 8; b = b[8:] {
		var carry uint64
		s, carry = bits.Add64(s, binary.BigEndian.Uint64(b), 0)
		s += carry
	}
	s = uint64(fold(s))
	for ; len(b) >= 2; b = b[2:] {
		s += uint64(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		s += uint64(b[0]) << 8
	}
	return s
}

func fold(s uint64) uint16 {
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}
