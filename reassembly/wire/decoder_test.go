package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
)

func equal(a, b *Segment) bool {
	return a.Src == b.Src && a.Dst == b.Dst && a.Seq == b.Seq && a.Ack == b.Ack && a.Flags == b.Flags &&
		a.Window == b.Window && a.Length == b.Length && bytes.Equal(a.Payload, b.Payload)
}

// TestEveryShape decodes random stacks of layers, whole, padded, and cut at
// every byte, and compares with what they were made of.
func TestEveryShape(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	var d Decoder
	seen := map[string]bool{}
	for range 20_000 {
		p, headers := newPacket(rnd, 2)
		for _, s := range p.shape[1:] {
			seen[s] = true
		}
		var seg Segment
		padding := random(rnd, rnd.IntN(2)*rnd.IntN(20))
		padded := slices.Concat(p.b, padding)
		if skip := d.Decode(p.link, padded, uint32(len(padded)), &seg); skip != SkipNone {
			t.Fatalf("%v: %v", p.shape, skip)
		}
		if !equal(&seg, &p.expected) {
			t.Fatalf("%v:\n got %+v\nwant %+v", p.shape, seg, p.expected)
		}
		cut := rnd.IntN(len(p.b))
		want := p.expected
		skip := d.Decode(p.link, p.b[:cut:cut], uint32(len(padded)), &seg)
		options := headers - int(p.b[headersStart(p)+12]>>4)*4 + 20
		switch {
		case cut >= headers:
			want.Payload = want.Payload[:cut-headers]
		case cut >= options:
			want.Payload = nil
		default:
			if skip != SkipCut && skip != SkipUDP { // a port is only a hint
				t.Fatalf("%v cut at %d of %d: %v", p.shape, cut, headers, skip)
			}
			continue
		}
		if skip != SkipNone || !equal(&seg, &want) {
			t.Fatalf("%v cut at %d: %v\n got %+v\nwant %+v", p.shape, cut, skip, seg, want)
		}
	}
	for _, s := range []string{
		"ipv4+0", "ipv4+8", "ipv6", "hop-by-hop", "destination", "routing", "ah", "atomic fragment", "mobility",
		"vlan 8100", "vlan 88a8", "vlan 9100", "vlan 9200", "ethernet", "sll", "sll2", "raw", "raw ip", "null", "null, swapped",
		"ppp ff030021", "ppp 0021", "ppp 21", "ppp ff0357", "cisco hdlc", "pppoe", "pppoe link", "pflog", "nflog",
		"ip in ip", "gre", "gretap", "erspan 1", "erspan 2", "etherip", "vxlan", "geneve", "gtp", "mpls", "mpls pseudo-wire", "pptp",
	} {
		if !seen[s] {
			t.Errorf("%s was never made", s)
		}
	}
}

// headersStart returns where the TCP header begins.
func headersStart(p *packet) int {
	var options int
	fmt.Sscanf(p.shape[0], "tcp %d", &options)
	return len(p.b) - len(p.expected.Payload) - options - 20
}

func fixed(payload int) []byte {
	b := []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0}
	b = append(b, 0x45, 0, byte((40+payload)>>8), byte(40+payload), 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2)
	b = append(b, 0x9c, 0x40, 0x1f, 0x90, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18, 1, 0, 0, 0, 0, 0)
	return append(b, bytes.Repeat([]byte("x"), payload)...)
}

// edit returns a copy of b with bytes overwritten at an offset.
func edit(b []byte, at int, with ...byte) []byte {
	b = bytes.Clone(b)
	copy(b[at:], with)
	return b
}

func fixed6(extension ...byte) []byte {
	tcp := fixed(10)[34:]
	b := []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd, 0x60, 0, 0, 0}
	b = binary.BigEndian.AppendUint16(b, uint16(len(extension)+len(tcp)))
	b = append(b, 6, 64)
	b = append(b, netip.MustParseAddr("2001:db8::1").AsSlice()...)
	b = append(b, netip.MustParseAddr("2001:db8::2").AsSlice()...)
	return slices.Concat(b, extension, tcp)
}

func TestSkips(t *testing.T) {
	udp := func(src, dst uint16, payload ...byte) []byte {
		b := edit(fixed(0), 23, 17)
		binary.BigEndian.PutUint16(b[16:], uint16(28+len(payload)))
		b = be16(be16(b[:34], src), dst)
		b = be16(b, uint16(8+len(payload)))
		return append(append(b, 0, 0), payload...)
	}
	long := append([]byte{0xc3, 0, 0, 0, 1, 8}, make([]byte, 20)...)
	for _, test := range []struct {
		name string
		link uint32
		data []byte
		more uint32 // bytes that the capture cut
		want Skip
	}{
		{"udp", 1, udp(5000, 53, 1, 2, 3), 0, SkipUDP},
		{"quic v1", 1, udp(5000, 443, long...), 0, SkipQUIC},
		{"quic v2, from the server", 1, udp(443, 5000, edit(long, 1, 0x6b, 0x33, 0x43, 0xcf)...), 0, SkipQUIC},
		{"quic of another version", 1, udp(443, 5000, edit(long, 1, 9, 9)...), 0, SkipUDP},
		{"quic, another port", 1, udp(444, 5000, long...), 0, SkipUDP},
		{"quic, short header", 1, udp(5000, 443, edit(long, 0, 0x41)...), 0, SkipQUIC},
		{"too short for quic", 1, udp(5000, 443, edit(long[:20], 0, 0x41)...), 0, SkipUDP},
		{"dtls", 1, udp(5000, 443, edit(long, 0, 22, 254, 253)...), 0, SkipUDP},
		{"no vxlan", 1, udp(5000, 4789, edit(long, 0, 0)...), 0, SkipUDP},
		{"vxlan with arp", 1, udp(5000, 4789, append([]byte{8, 0, 0, 0, 0, 0, 0, 0}, edit(fixed(0), 12, 8, 6)...)...), 0, SkipARP},
		{"arp", 1, edit(fixed(0), 12, 8, 6), 0, SkipARP},
		{"lldp", 1, edit(fixed(0), 12, 0x88, 0xcc), 0, SkipNotIP},
		{"spanning tree", 1, edit(fixed(0), 12, 0, 38, 0x42, 0x42, 3), 0, SkipNotIP},
		{"icmp", 1, edit(fixed(0), 23, 1), 0, SkipICMP},
		{"icmpv6", 1, edit(fixed6(), 20, 58), 0, SkipICMP},
		{"sctp", 1, edit(fixed(0), 23, 132), 0, SkipProtocol},
		{"no next header", 1, edit(fixed6(), 20, 59), 0, SkipProtocol},
		{"first fragment", 1, edit(fixed(0), 20, 0x20, 0), 0, SkipFragment},
		{"last fragment", 1, edit(fixed(0), 20, 0, 1), 0, SkipFragment},
		{"ipv6 fragment", 1, edit(fixed6(6, 0, 0, 1, 0, 0, 0, 1), 20, 44), 0, SkipFragment},
		{"link type", 147, fixed(0), 0, SkipLinkType},
		{"nothing", 1, nil, 0, SkipMalformed},
		{"nothing captured", 1, nil, 60, SkipCut},
		{"cut in ip", 1, fixed(0)[:30], 24, SkipCut},
		{"cut in tcp", 1, fixed(0)[:50], 4, SkipCut},
		{"ip version", 1, edit(fixed(0), 14, 0x55), 0, SkipMalformed},
		{"ip header length", 1, edit(fixed(0), 14, 0x44), 0, SkipMalformed},
		{"ip total length", 1, edit(fixed(0), 16, 0, 19), 0, SkipMalformed},
		{"no room for tcp", 1, edit(fixed(0), 16, 0, 30), 0, SkipMalformed},
		{"tcp data offset too small", 1, edit(fixed(0), 46, 0x40), 0, SkipMalformed},
		{"tcp data offset too large", 1, edit(fixed(0), 46, 0x60), 0, SkipMalformed},
		{"unknown family", 0, edit(fixed(0), 0, 7, 0, 0, 0), 0, SkipNotIP},
		{"raw, no ip", 101, edit(fixed(0), 0, 0x90), 0, SkipNotIP},
	} {
		var d Decoder
		var seg Segment
		if got := d.Decode(test.link, test.data, uint32(len(test.data))+test.more, &seg); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestLengths(t *testing.T) {
	jumbo := fixed6(6, 0, 0xc2, 4, 0, 0, 0, 38)
	for _, test := range []struct {
		name            string
		data            []byte
		wire            uint32 // 0: len(data)
		payload, length int
	}{
		{"plain", fixed(10), 0, 10, 10},
		{"padding of Ethernet", append(fixed(0), 0, 0, 0, 0, 0, 0), 0, 0, 0},
		{"total length 0: offload", edit(fixed(10), 16, 0, 0), 0, 10, 10},
		{"total length 0, cut", edit(fixed(10), 16, 0, 0), 70000, 10, 70000 - 54},
		{"cut by the capture", fixed(100)[:80], 154, 26, 100},
		{"cut by the capture, which does not say so", fixed(100)[:80], 0, 26, 100},
		{"cut inside the TCP options", edit(fixed(100)[:56], 46, 0x80), 154, 0, 88},
		{"length below the data", fixed(10), 5, 10, 10},
		{"jumbogram with its option", edit(jumbo, 18, 0, 0, 0), 0, 10, 10},
		{"jumbogram without", edit(fixed6(), 18, 0, 0), 0, 10, 10},
		{"jumbogram without, cut", edit(fixed6(), 18, 0, 0), 100_000, 10, 100_000 - 74},
	} {
		var d Decoder
		var seg Segment
		wire := test.wire
		if wire == 0 {
			wire = uint32(len(test.data))
		}
		if skip := d.Decode(1, test.data, wire, &seg); skip != SkipNone {
			t.Errorf("%s: %v", test.name, skip)
		} else if len(seg.Payload) != test.payload || int(seg.Length) != test.length {
			t.Errorf("%s: %d bytes of %d, want %d of %d", test.name, len(seg.Payload), seg.Length, test.payload, test.length)
		}
	}
}

func TestNestingIsBounded(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for depth := range 30 {
		p := newTCP(rnd, 5)
		p.ours = false
		for range depth + 1 {
			p.ipv4(rnd)
		}
		var d Decoder
		var seg Segment
		want := SkipNone
		if depth > maxNested {
			want = SkipNested
		}
		if got := d.Decode(linkRaw, p.b, uint32(len(p.b)), &seg); got != want {
			t.Errorf("%d inside each other: %v, want %v", depth, got, want)
		}
	}
	tags := bytes.Repeat([]byte{0x81, 0, 0, 1}, 100)
	data := slices.Concat(fixed(0)[:12], tags, fixed(0)[12:])
	var d Decoder
	var seg Segment
	if got := d.Decode(1, data, uint32(len(data)), &seg); got != SkipNested {
		t.Errorf("100 tags: %v", got)
	}
	labels := slices.Concat(fixed(0)[:12], []byte{0x88, 0x47}, make([]byte, 60_000))
	if got := d.Decode(1, labels, uint32(len(labels)), &seg); got != SkipMalformed {
		t.Errorf("an endless stack of labels: %v", got)
	}
}

func TestSeq(t *testing.T) {
	for _, test := range []struct {
		a, b Seq
		want int32
	}{{0, 0, 0}, {5, 8, 3}, {8, 5, -3}, {0xffffffff, 1, 2}, {1, 0xffffffff, -2}, {0, 0x7fffffff, 0x7fffffff}} {
		if got := test.a.Diff(test.b); got != test.want {
			t.Errorf("%d to %d: %d, want %d", test.a, test.b, got, test.want)
		}
	}
	s := Segment{Seq: 0xfffffffe, Length: 10, Flags: SYN | FIN | ACK}
	if got := s.NextSeq(); got != 10 {
		t.Errorf("next after wrap: %d", got)
	}
	if got := Seq(0xffffffff).Add(2); got != 1 {
		t.Errorf("add: %d", got)
	}
	s = Segment{Seq: 7, Flags: RST | PSH}
	if got := s.NextSeq(); got != 7 {
		t.Errorf("RST counts nothing: %d", got)
	}
}

func TestWords(t *testing.T) {
	if got := (SYN | ACK).String(); got != "SYN ACK" {
		t.Error(got)
	}
	if got := Flags(0).String(); got != "none" {
		t.Error(got)
	}
	seen := map[string]bool{}
	for s := range NumSkips {
		if seen[s.String()] || s.String() == "" {
			t.Errorf("%d has no word of its own", s)
		}
		seen[s.String()] = true
	}
	if NumSkips.String() != "unknown" {
		t.Error(NumSkips)
	}
}

func TestDecodeAllocatesNothing(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 3))
	var d Decoder
	var seg Segment
	for range 300 {
		p, _ := newPacket(rnd, 2)
		if slices.Contains(p.shape, "geneve") { // gopacket copies each option
			continue
		}
		n := testing.AllocsPerRun(10, func() {
			if skip := d.Decode(p.link, p.b, uint32(len(p.b)), &seg); skip != SkipNone {
				t.Fatal(skip)
			}
		})
		if n != 0 {
			t.Errorf("%v: %v allocations", p.shape, n)
		}
	}
}

func FuzzDecode(f *testing.F) {
	rnd := rand.New(rand.NewPCG(5, 5))
	for range 200 {
		p, _ := newPacket(rnd, 2)
		f.Add(p.link, p.b, uint32(rnd.IntN(20)))
	}
	var d Decoder
	f.Fuzz(func(t *testing.T, link uint32, data []byte, more uint32) {
		length := uint32(len(data)) + more%100_000
		data = data[:len(data):len(data)]
		check(t, &d, link, data, length)
	})
}

// TestPlain holds the short way to the decoder, for whole and cut packets.
func TestPlain(t *testing.T) {
	rnd := rand.New(rand.NewPCG(8, 8))
	var d Decoder
	plain := 0
	for range 50_000 {
		p, _ := newPacket(rnd, 0)
		padded := slices.Concat(p.b, random(rnd, rnd.IntN(2)*rnd.IntN(20)))
		check(t, &d, p.link, slices.Clip(padded), uint32(len(padded)))
		check(t, &d, p.link, slices.Clip(p.b[:rnd.IntN(len(p.b))]), uint32(len(p.b)))
		p.b = slices.Clip(p.b)
		p.b[rnd.IntN(min(len(p.b), 60))] = byte(rnd.Uint32())
		check(t, &d, p.link, p.b, uint32(len(p.b)))
		var seg Segment
		if _, ok := Plain(p.link, p.b, uint32(len(p.b)), &seg); ok {
			plain++
		}
	}
	if plain < 500 {
		t.Errorf("only %d packets were plain: the test says little", plain)
	}
}

// check decodes and holds what is true of any result.
func check(t *testing.T, d *Decoder, link uint32, data []byte, length uint32) (Segment, Skip) {
	t.Helper()
	var seg Segment
	before := bytes.Clone(data)
	skip := d.Decode(link, data, length, &seg)
	if !bytes.Equal(before, data) {
		t.Fatal("the packet was written to")
	}
	if skip >= NumSkips {
		t.Fatal(skip)
	}
	var plain Segment
	if flow, ok := Plain(link, data, length, &plain); ok {
		plain.Src, plain.Dst = flow.Endpoints()
		if skip != SkipNone || !equal(&plain, &seg) || cap(plain.Payload) != cap(seg.Payload) && len(plain.Payload) > 0 {
			t.Fatalf("plain: %+v\nby the decoder: %v %+v", plain, skip, seg)
		}
		if back, _ := flow.Reverse().Endpoints(); back != plain.Dst {
			t.Fatalf("%v reversed comes from %v", flow, back)
		}
	}
	if skip != SkipNone {
		return seg, skip
	}
	if uint64(len(seg.Payload)) > uint64(seg.Length) || seg.Length > max(length, 1<<16) {
		t.Fatalf("%d bytes of %d in a packet of %d", len(seg.Payload), seg.Length, length)
	}
	if len(seg.Payload) > 0 {
		end := len(data) - cap(seg.Payload) // both end at the packet's end
		if end < 0 || &data[end] != &seg.Payload[0] {
			t.Fatal("the payload is no part of the packet")
		}
	}
	if seg.Src.Addr().Is4In6() || seg.Dst.Addr().Is4In6() || !seg.Src.IsValid() || !seg.Dst.IsValid() {
		t.Fatalf("%v %v", seg.Src, seg.Dst)
	}
	return seg, skip
}

func benchmark(b *testing.B, link uint32, data []byte) {
	var d Decoder
	var seg Segment
	b.ReportAllocs()
	for b.Loop() {
		if skip := d.Decode(link, data, uint32(len(data)), &seg); skip != SkipNone {
			b.Fatal(skip)
		}
	}
}

func BenchmarkEthernetIPv4(b *testing.B) { benchmark(b, 1, fixed(100)) }
func BenchmarkEthernetIPv6(b *testing.B) { benchmark(b, 1, fixed6()) }
func BenchmarkVLAN(b *testing.B) {
	benchmark(b, 1, slices.Concat(fixed(0)[:12], []byte{0x81, 0, 0, 1}, fixed(0)[12:]))
}

func BenchmarkSLL2(b *testing.B) {
	benchmark(b, linkSLL2, slices.Concat([]byte{8, 0}, make([]byte, 18), fixed(0)[14:]))
}

func BenchmarkGRE(b *testing.B) {
	inner := fixed(0)[14:]
	outer := edit(fixed(0)[:34], 23, protoGRE)
	binary.BigEndian.PutUint16(outer[16:], uint16(20+4+len(inner)))
	benchmark(b, 1, slices.Concat(outer, []byte{0, 0, 8, 0}, inner))
}
