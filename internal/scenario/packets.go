package scenario

import (
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/timeline"
)

// Disguise is a way to put the same conversation on the wire. The zero value
// sends each step as one segment over Ethernet and IPv4.
type Disguise struct {
	Name     string
	Seed     uint64
	MaxPiece int  // split segments into random pieces of at most that many bytes; 1: every byte alone
	Shuffle  bool // reorder the segments that one side sends before the other answers
	Repeat   bool // send some segments twice
	Overlap  bool // resend bytes before a segment together with it
	Wrap     bool // sequence numbers pass zero inside the conversation
	IPv6     bool
	VLAN     bool
	Exchange bool // the client has the higher address
	SameIP   bool // both ends on one address
	Fragment int  // send IP packets in pieces of at most about that many bytes
	Mix      bool // the pieces of a packet in reverse order, some twice
}

// Disguises are those that must tell the same story as the plain conversation.
func Disguises() []Disguise {
	return []Disguise{
		{Name: "whole"},
		{Name: "one byte a segment", MaxPiece: 1},
		{Name: "random pieces", MaxPiece: 7, Seed: 1},
		{Name: "reordered", MaxPiece: 9, Shuffle: true, Seed: 2},
		{Name: "one byte, reordered", MaxPiece: 1, Shuffle: true, Seed: 3},
		{Name: "duplicated", MaxPiece: 12, Repeat: true, Seed: 4},
		{Name: "overlapped", MaxPiece: 12, Overlap: true, Seed: 5},
		{Name: "wrapped", MaxPiece: 5, Wrap: true, Seed: 6},
		{Name: "wrapped, reordered, duplicated, overlapped", MaxPiece: 6, Wrap: true, Shuffle: true, Repeat: true, Overlap: true, Seed: 7},
		{Name: "IPv6", IPv6: true},
		{Name: "VLAN", VLAN: true},
		{Name: "addresses exchanged", Exchange: true, MaxPiece: 20, Seed: 8},
		{Name: "one address", SameIP: true, MaxPiece: 20, Shuffle: true, Seed: 9},
		{Name: "IPv6, one address, wrapped", IPv6: true, SameIP: true, Wrap: true, MaxPiece: 3, Seed: 10},
		{Name: "fragmented", Fragment: 16},
		{Name: "fragmented, mixed", Fragment: 24, Mix: true, MaxPiece: 300, Seed: 11},
		{Name: "fragmented, IPv6", Fragment: 8, IPv6: true, MaxPiece: 100, Seed: 12},
		{Name: "fragmented, mixed, IPv6, VLAN", Fragment: 32, Mix: true, IPv6: true, VLAN: true, Repeat: true, MaxPiece: 500, Seed: 13},
	}
}

// segment is one on its way into a packet.
type segment struct {
	dir     timeline.Direction
	seq     uint32
	ack     uint32
	payload []byte
	syn     bool
	noAck   bool
	fin     bool
	rst     bool
	lost    bool
	at      time.Duration
}

// Packets puts s on the wire. Packets are owned by the caller; their times
// begin on 2026-01-01 UTC.
func (s *Scenario) Packets(d Disguise) []capture.Packet {
	segments := s.segments(d)
	packets := make([]capture.Packet, 0, len(segments))
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i, seg := range segments {
		if seg.lost {
			continue
		}
		for _, data := range d.fragments(d.encode(&seg), uint32(i)) {
			packets = append(packets, capture.Packet{
				Number: uint64(len(packets) + 1), FilePacket: uint64(len(packets) + 1),
				Time: start.Add(seg.at).UnixNano(), Data: data, Length: uint32(len(data)), Link: 1,
			})
		}
	}
	return packets
}

// shuffleWindow is within how many segments the order is changed.
const shuffleWindow = 64

func (s *Scenario) segments(d Disguise) []segment {
	rng := rand.New(rand.NewPCG(d.Seed, 42))
	next := [2]uint32{0x10000000, 0x20000000}
	if d.Wrap {
		next = [2]uint32{^uint32(0) - 60, ^uint32(0) - 40}
	}
	var out []segment
	at := time.Duration(0)
	if !s.Midstream {
		out = append(out,
			segment{dir: timeline.ClientToServer, seq: next[0], syn: true, noAck: true, at: at},
			segment{dir: timeline.ServerToClient, seq: next[1], ack: next[0] + 1, syn: true, at: at + time.Microsecond},
			segment{dir: timeline.ClientToServer, seq: next[0] + 1, ack: next[1] + 1, at: at + 2*time.Microsecond})
		next[0]++
		next[1]++
	}
	var run []segment
	var runStart uint32
	flush := func() {
		window := shuffleWindow
		if s.Midstream {
			window = 3 // more cannot be told apart from bytes before the capture
		}
		for w := run; d.Shuffle && len(w) > 0; w = w[min(len(w), window):] {
			w := w[:min(len(w), window)]
			rng.Shuffle(len(w), func(i, j int) {
				w[i], w[j] = w[j], w[i]
				w[i].at, w[j].at = w[j].at, w[i].at
			})
		}
		out = append(out, run...)
		run = nil
	}
	for i, step := range s.Steps {
		at += time.Millisecond + step.Wait
		if i > 0 && s.Steps[i-1].Dir != step.Dir {
			flush()
		}
		if len(run) == 0 {
			runStart = next[step.Dir]
		}
		me, peer := step.Dir, step.Dir.Reverse()
		base := segment{dir: me, ack: next[peer], lost: step.Lost}
		var mine []segment
		for b := step.Bytes; len(b) > 0; {
			n := min(len(b), 60000) // what an IP packet can hold
			if d.MaxPiece > 0 {
				n = min(n, 1+rng.IntN(d.MaxPiece))
			}
			seg := base
			seg.seq, seg.payload = next[me], b[:n]
			if d.Overlap && !step.Lost && rng.IntN(2) == 0 {
				back := min(int(next[me]-runStart), rng.IntN(8))
				if back > 0 && len(mine) > 0 { // within this step, of which we have the bytes
					back = min(back, len(step.Bytes)-len(b))
					seg.seq -= uint32(back)
					seg.payload = step.Bytes[len(step.Bytes)-len(b)-back:][:n+back]
				}
			}
			next[me] += uint32(n)
			b = b[n:]
			mine = append(mine, seg)
			if d.Repeat && rng.IntN(3) == 0 {
				mine = append(mine, seg)
			}
		}
		if step.FIN || step.RST {
			seg := base
			seg.seq, seg.fin, seg.rst = next[me], step.FIN, step.RST
			if step.FIN {
				next[me]++
			}
			mine = append(mine, seg)
		}
		for j := range mine {
			at += time.Microsecond
			mine[j].at = at
		}
		run = append(run, mine...)
	}
	flush()
	return out
}

// encode writes a segment with gopacket's layers, which know nothing of ours.
func (d Disguise) encode(seg *segment) []byte {
	addr := [2]netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")}
	if d.IPv6 {
		addr = [2]netip.Addr{netip.MustParseAddr("fd00::1"), netip.MustParseAddr("fd00::2")}
	}
	if d.Exchange {
		addr[0], addr[1] = addr[1], addr[0]
	}
	if d.SameIP {
		addr[1] = addr[0]
	}
	port := [2]layers.TCPPort{51234, 80}
	from, to := seg.dir, seg.dir.Reverse()
	tcp := &layers.TCP{
		SrcPort: port[from], DstPort: port[to], Seq: seg.seq, Ack: seg.ack, ACK: !seg.noAck, SYN: seg.syn, FIN: seg.fin, RST: seg.rst,
		PSH: len(seg.payload) > 0, Window: 65535,
	}
	eth := &layers.Ethernet{SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, byte(from) + 1}, DstMAC: net.HardwareAddr{2, 0, 0, 0, 0, byte(to) + 1}}
	var ip gopacket.SerializableLayer
	var kind layers.EthernetType
	if d.IPv6 {
		v6 := &layers.IPv6{Version: 6, NextHeader: layers.IPProtocolTCP, HopLimit: 64, SrcIP: addr[from].AsSlice(), DstIP: addr[to].AsSlice()}
		_ = tcp.SetNetworkLayerForChecksum(v6)
		ip, kind = v6, layers.EthernetTypeIPv6
	} else {
		v4 := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: addr[from].AsSlice(), DstIP: addr[to].AsSlice()}
		_ = tcp.SetNetworkLayerForChecksum(v4)
		ip, kind = v4, layers.EthernetTypeIPv4
	}
	stack := []gopacket.SerializableLayer{eth, ip, tcp, gopacket.Payload(seg.payload)}
	eth.EthernetType = kind
	if d.VLAN {
		eth.EthernetType = layers.EthernetTypeDot1Q
		stack = append(stack[:1], append([]gopacket.SerializableLayer{&layers.Dot1Q{VLANIdentifier: 5, Type: kind}}, stack[1:]...)...)
	}
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, stack...); err != nil {
		panic(err) // a fault of the test language itself
	}
	return append([]byte(nil), buf.Bytes()...)
}

// Source gives packets one by one and overwrites each when the next is asked
// for, so that nobody may rely on borrowed bytes.
type Source struct {
	Packets []capture.Packet
	scratch []byte
	next    int
}

// Next implements [capture.Source].
func (s *Source) Next(p *capture.Packet) error {
	for i := range s.scratch {
		s.scratch[i] = 0xdb
	}
	if s.next == len(s.Packets) {
		return io.EOF
	}
	*p = s.Packets[s.next]
	s.next++
	s.scratch = append(s.scratch[:0], p.Data...)
	p.Data = s.scratch
	return nil
}

// Close implements [capture.Source].
func (s *Source) Close() error { return nil }
