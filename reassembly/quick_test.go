package reassembly

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/reassembly/wire"
	"github.com/wsdump/wsdump/timeline"
)

// settled is a stream that is at its end, as a WebSocket is.
type settled struct{ recorded }

func (s settled) Settled() timeline.Stream { return s }

// conversation is what two peers send each other, as it may be captured: mostly
// in order, with losses, repetition, cut packets, lost acknowledgements and each
// kind of end.
func conversation(rnd *rand.Rand, from, to netip.AddrPort) []wire.Segment {
	ends := [2]netip.AddrPort{from, to}
	next := [2]wire.Seq{wire.Seq(rnd.Uint32()), wire.Seq(rnd.Uint32())}
	var segs []wire.Segment
	add := func(dir int, flags wire.Flags, n int) {
		s := wire.Segment{Src: ends[dir], Dst: ends[1-dir], Seq: next[dir], Ack: next[1-dir], Flags: flags, Length: uint32(n)}
		s.Payload = make([]byte, n)
		for i := range s.Payload {
			s.Payload[i] = byte('a' + rnd.IntN(26))
		}
		next[dir] = s.NextSeq()
		segs = append(segs, s)
	}
	if rnd.IntN(4) > 0 {
		add(0, wire.SYN, 0)
		add(1, wire.SYN|wire.ACK, 0)
	}
	for range 5 + rnd.IntN(60) {
		dir, flags := rnd.IntN(2), wire.ACK
		if rnd.IntN(40) == 0 {
			flags = 0
		}
		add(dir, flags, rnd.IntN(3)*rnd.IntN(20))
		switch last := &segs[len(segs)-1]; rnd.IntN(25) {
		case 0:
			segs = segs[:len(segs)-1]
		case 1:
			segs = append(segs, *last)
		case 2:
			last.Payload = last.Payload[:rnd.IntN(len(last.Payload)+1)]
		case 3:
			last.Ack = last.Ack.Add(uint32(rnd.IntN(100)))
		case 4:
			if n := len(segs); n > 1 {
				segs[n-1], segs[n-2] = segs[n-2], segs[n-1]
			}
		}
	}
	switch rnd.IntN(4) {
	case 0:
		add(0, wire.FIN|wire.ACK, 0)
		add(1, wire.FIN|wire.ACK, rnd.IntN(5))
		add(0, wire.ACK, 0)
	case 1:
		add(1, wire.RST, 0)
	case 2:
		add(1, wire.FIN|wire.ACK, 3)
		add(0, wire.ACK, 8)
	}
	return segs
}

// packet is a segment as gopacket writes it, as far as the capture has it.
func packet(t *testing.T, seg *wire.Segment, at timeline.Stamp) *capture.Packet {
	t.Helper()
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: seg.Src.Addr().AsSlice(), DstIP: seg.Dst.Addr().AsSlice()}
	tcp := &layers.TCP{SrcPort: layers.TCPPort(seg.Src.Port()), DstPort: layers.TCPPort(seg.Dst.Port()), Seq: uint32(seg.Seq), Ack: uint32(seg.Ack), Window: seg.Window}
	tcp.FIN, tcp.SYN, tcp.RST, tcp.ACK = seg.Flags.Has(wire.FIN), seg.Flags.Has(wire.SYN), seg.Flags.Has(wire.RST), seg.Flags.Has(wire.ACK)
	whole := append(slices.Clone(seg.Payload), make([]byte, int(seg.Length)-len(seg.Payload))...)
	b := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true},
		&layers.Ethernet{SrcMAC: make([]byte, 6), DstMAC: make([]byte, 6), EthernetType: layers.EthernetTypeIPv4}, ip, tcp, gopacket.Payload(whole))
	if err != nil {
		t.Fatal(err)
	}
	data := b.Bytes()
	return &capture.Packet{
		Number: at.Packet, Time: at.Time, Link: 1, Length: uint32(len(data)),
		Data: data[:len(data)-(len(whole)-len(seg.Payload))],
	}
}

// TestQuick holds the short ways of a packet and of a segment to the long ones.
func TestQuick(t *testing.T) {
	orderly := New(func(*timeline.Transport) timeline.Stream { return settled{recorded{&recorder{}, 1}} }, timeline.Limits{})
	for i, seg := range []wire.Segment{
		{Src: client, Dst: server, Seq: 9, Flags: wire.SYN},
		{Src: server, Dst: client, Seq: 4, Ack: 10, Flags: wire.SYN | wire.ACK},
		{Src: client, Dst: server, Seq: 10, Ack: 5, Flags: wire.ACK, Payload: []byte("a"), Length: 1},
		{Src: server, Dst: client, Seq: 5, Ack: 11, Flags: wire.ACK, Payload: []byte("b"), Length: 1},
	} {
		orderly.Segment(&seg, timeline.Stamp{Packet: uint64(i + 1), Time: 1e18})
	}
	next := wire.Segment{Src: client, Dst: server, Seq: 11, Ack: 6, Flags: wire.ACK, Payload: []byte("c"), Length: 1}
	if c := orderly.find(client, server); !c.quick(timeline.ClientToServer, &next, timeline.Stamp{Time: 1e18}) || c.quick(timeline.ClientToServer, &next, timeline.Stamp{Time: 1e18}) {
		t.Fatal("of a segment that comes twice the first should go the short way and the second should not")
	}
	d := wire.Segment{Src: server, Dst: client, Seq: 6, Ack: 12, Flags: wire.ACK, Payload: []byte("d"), Length: 1}
	orderly.plain = true
	if orderly.plainly(packet(t, &d, timeline.Stamp{}), timeline.Stamp{Time: 1e18}) {
		t.Fatal("a short way that is closed was taken")
	}
	orderly.plain = false
	if !orderly.plainly(packet(t, &d, timeline.Stamp{}), timeline.Stamp{Time: 1e18}) {
		t.Fatal("a plain packet does not go the short way")
	}
	quick := 0
	for seed := range uint64(2000) {
		play := func(plain bool) (lines []string, transports []timeline.Transport, totals timeline.Totals) {
			rnd := rand.New(rand.NewPCG(seed, 3))
			conns := make([][]wire.Segment, 1+rnd.IntN(4))
			for i := range conns {
				port := uint16(40000 + i%2) // the second of a port replaces the first
				conns[i] = conversation(rnd, netip.AddrPortFrom(client.Addr(), port), server)
			}
			r := &recorder{}
			var opened []*timeline.Transport
			tr := New(func(tp *timeline.Transport) timeline.Stream {
				opened = append(opened, tp)
				return settled{r.open(tp).(recorded)}
			}, timeline.Limits{})
			tr.plain = plain
			at := timeline.Stamp{Time: 1e18}
			for len(conns) > 0 {
				i := rnd.IntN(min(2, len(conns)))
				at.Packet++
				at.Time += int64(rnd.IntN(3e6))
				seg := conns[i][0]
				p := packet(t, &seg, at)
				before, c := len(r.lines), tr.find(seg.Src, seg.Dst)
				known := c != nil && c.direct != nil
				tr.Packet(p)
				checkDue(t, tr)
				if !plain && known && len(r.lines) == before+1 {
					quick++
				}
				if conns[i] = conns[i][1:]; len(conns[i]) == 0 {
					conns = slices.Delete(conns, i, i+1)
				}
			}
			tr.Flush()
			tr.Report(&totals)
			for _, tp := range opened {
				transports = append(transports, *tp)
			}
			return r.lines, transports, totals
		}
		lines, transports, totals := play(false)
		plainLines, plainTransports, plainTotals := play(true)
		if !slices.Equal(lines, plainLines) {
			t.Fatalf("seed %d:\n%q\nthe long way:\n%q", seed, lines, plainLines)
		}
		if !slices.Equal(transports, plainTransports) || fmt.Sprint(totals) != fmt.Sprint(plainTotals) {
			t.Fatalf("seed %d:\n%+v %+v\nthe long way:\n%+v %+v", seed, transports, totals, plainTransports, plainTotals)
		}
	}
	if quick < 10000 {
		t.Errorf("only %d segments can have gone the short way: the test says little", quick)
	}
}

func (t *Tracker) find(a, b netip.AddrPort) *connection {
	k, _ := keyOf(a, b)
	return t.conns.find(&k, t.conns.hash(&k))
}
