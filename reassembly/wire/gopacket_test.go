package wire

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// reference decodes with gopacket alone: the plain form of what Decoder does.
// When there is no segment, why is the error that gopacket met, if any.
func reference(link uint32, data []byte) (seg Segment, shape []gopacket.Layer, why string, ok bool) {
	var first gopacket.Decoder
	switch link {
	case linkIPv4, linkIPv6, linkRawOBSD: // gopacket has the last on OpenBSD only
		first = layers.LinkTypeRaw
	case linkPPPHDLC:
		first = layers.LinkTypePPP
	case linkPPPoE:
		first = layers.LayerTypePPPoE
	default:
		first = layers.LinkType(link)
	}
	p := gopacket.NewPacket(data, first, gopacket.DecodeOptions{NoCopy: true})
	if p.ErrorLayer() != nil {
		why = p.ErrorLayer().Error().Error()
	}
	var network gopacket.Layer
	for _, layer := range p.Layers() {
		shape = append(shape, layer)
		switch l := layer.(type) {
		case *layers.IPv4, *layers.IPv6:
			network = l
		case *layers.TCP:
			if strings.Contains(why, "TCP") {
				return seg, shape, why, false // the layer is there, but not its payload
			}
			seg.Seq, seg.Ack, seg.Window = Seq(l.Seq), Seq(l.Ack), l.Window
			seg.Flags, seg.Payload = Flags(l.Contents[13]), l.Payload
			src, dst := network.(gopacket.NetworkLayer).NetworkFlow().Endpoints()
			seg.Src = netip.AddrPortFrom(address(src.Raw()), uint16(l.SrcPort))
			seg.Dst = netip.AddrPortFrom(address(dst.Raw()), uint16(l.DstPort))
			return seg, shape, "", true
		}
	}
	return seg, shape, why, false
}

func address(b []byte) netip.Addr {
	a, _ := netip.AddrFromSlice(b)
	return a.Unmap()
}

// TestAgainstGopacket compares on whole packets of the shapes that gopacket can
// read. The others are marked where they are made (packet.ours).
func TestAgainstGopacket(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 7))
	var d Decoder
	compared := 0
	for range 40_000 {
		p, _ := newPacket(rnd, 2)
		if p.ours {
			continue
		}
		want, _, why, ok := reference(p.link, p.b)
		if !ok {
			t.Fatalf("gopacket cannot read %v: %s", p.shape, why)
		}
		want.Length = uint32(len(want.Payload))
		var seg Segment
		if skip := d.Decode(p.link, p.b, uint32(len(p.b)), &seg); skip != SkipNone || !equal(&seg, &want) {
			t.Fatalf("%v: %v\n got %+v\nwant %+v", p.shape, skip, seg, want)
		}
		compared++
	}
	if compared < 5000 {
		t.Fatalf("only %d packets compared", compared)
	}
}

// lenient are errors of gopacket on packets that we read, with the reason.
var lenient = []struct{ text, reason string }{
	{"TCP option", "a bad TCP option does not cost the payload"},
	{"IP option", "IP options are not read, so a bad one costs nothing"},
	{"ip4 option", "IP options are not read, so a bad one costs nothing"},
	{"IPv6 header TLV option", "options in extension headers are not read"},
	{"IPv6 routing header", "routing headers are stepped over, not read"},
	{"runtime error: slice bounds", "gopacket panics on the address length of Linux cooked captures"},
	{"TCP data offset greater", "a packet cut inside the TCP options still has a length"},
}

// found says why we find a segment where gopacket finds none.
func found(shape []gopacket.Layer, why string) string {
	for _, l := range lenient {
		if strings.Contains(why, l.text) {
			return l.reason
		}
	}
	for _, layer := range shape {
		switch l := layer.(type) {
		case *layers.Dot1Q:
			if l.Type == etherQinQ9100 || l.Type == etherQinQ9200 {
				return "two more EtherTypes of tags"
			}
		case *layers.Ethernet:
			if l.EthernetType == etherQinQ9100 || l.EthernetType == etherQinQ9200 {
				return "two more EtherTypes of tags"
			}
		case *layers.LinuxSLL:
			if l.EthernetType == etherQinQ9100 || l.EthernetType == etherQinQ9200 {
				return "two more EtherTypes of tags"
			}
		case *layers.IPv6Fragment:
			if l.FragmentOffset == 0 && !l.MoreFragments {
				return "atomic fragments"
			}
		}
	}
	return ""
}

// TestMutatedAgainstGopacket changes random bytes and cuts packets. Where
// gopacket finds a segment we must find the same, and where it finds none, we
// may find one only for a reason that is written here. Without tunnels: those
// are read by gopacket itself, or their shape is compared above.
func TestMutatedAgainstGopacket(t *testing.T) {
	rnd := rand.New(rand.NewPCG(9, 9))
	var d Decoder
	both, reasons := 0, map[string]int{}
	said := map[string]bool{}
	unexplained := func(text string) {
		if key := text[strings.Index(text, "gopacket sees"):strings.Index(text, "\n")]; !said[key] && len(said) < 60 {
			said[key] = true
			t.Error(text)
		}
	}
	for range 200_000 {
		p, headers := newPacket(rnd, 0)
		if p.ours {
			continue
		}
		data := p.b
		for range 1 + rnd.IntN(3) {
			data[rnd.IntN(headers)] = byte(rnd.Uint32())
		}
		length := uint32(len(data))
		if rnd.IntN(3) == 0 {
			data = data[:rnd.IntN(len(data)+1)]
		}
		data = data[:len(data):len(data)]
		seg, skip := check(t, &d, p.link, data, length)
		want, shape, why, ok := reference(p.link, data)
		describe := func() string {
			return fmt.Sprintf("link %d, made as %v, gopacket sees %v %s\n%x of %d\n got %+v %v\nwant %+v %v",
				p.link, p.shape, names(shape), why, data, length, seg, skip, want, ok)
		}
		switch {
		case ok && skip == SkipNone:
			both++
			want.Length = seg.Length // gopacket does not know it when the packet is cut
			if !equal(&seg, &want) {
				unexplained(describe())
			}
		case ok:
			if reason := refused(shape, skip); reason != "" {
				reasons[reason]++
				continue
			}
			unexplained(describe())
		case skip == SkipNone:
			reason := found(shape, why)
			if reason == "" {
				unexplained(describe())
				continue
			}
			reasons[reason]++
		}
	}
	t.Logf("%d segments equal; differences: %v", both, reasons)
	if both < 20_000 {
		t.Fatalf("only %d segments compared", both)
	}
}

func names(shape []gopacket.Layer) (names []string) {
	for _, layer := range shape {
		names = append(names, layer.LayerType().String())
	}
	return names
}

// refused says why we take no segment where gopacket does.
func refused(shape []gopacket.Layer, skip Skip) string {
	for _, layer := range shape {
		switch l := layer.(type) {
		case *layers.IPv4:
			if l.Version != 4 {
				return "gopacket does not look at the IP version"
			}
		case *layers.IPv6:
			if l.Version != 6 {
				return "gopacket does not look at the IP version"
			}
		}
	}
	return ""
}
