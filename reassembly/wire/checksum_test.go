package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// plainSum is RFC 1071 as it is told there.
func plainSum(b []byte) uint16 {
	n := uint32(0)
	for i := 0; i < len(b); i += 2 {
		v := uint32(b[i]) << 8
		if i+1 < len(b) {
			v |= uint32(b[i+1])
		}
		if n += v; n > 0xffff {
			n = n&0xffff + 1
		}
	}
	return uint16(n)
}

func TestSumAgainstPlain(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for range 20_000 {
		b := random(rnd, rnd.IntN(70))
		if rnd.IntN(3) == 0 {
			b = bytes.Repeat([]byte{0xff}, len(b))
		}
		cut := len(b) &^ 7 // parts but the last are whole words
		if want := plainSum(b) == 0xffff; whole(sum(sum(0, b[:cut]), b[cut:])) != want {
			t.Fatalf("%x: should be %v", b, want)
		}
		if len(b) < 2 || len(b)%2 == 1 {
			continue
		}
		binary.BigEndian.PutUint16(b[len(b)-2:], 0)
		binary.BigEndian.PutUint16(b[len(b)-2:], ^plainSum(b))
		if plainSum(b) == 0xffff && !whole(sum(0, b)) {
			t.Fatalf("%x is whole", b)
		}
	}
}

// intact writes a segment with right checksums over IPv4 or IPv6.
func intact(t testing.TB, rnd *rand.Rand, v6 bool) []byte {
	tcp := &layers.TCP{SrcPort: layers.TCPPort(rnd.Uint32()), DstPort: 80, Seq: rnd.Uint32(), ACK: true, Window: 9}
	var ip interface {
		gopacket.NetworkLayer
		gopacket.SerializableLayer
	}
	if v6 {
		ip = &layers.IPv6{Version: 6, NextHeader: layers.IPProtocolTCP, SrcIP: random(rnd, 16), DstIP: random(rnd, 16)}
	} else {
		ip = &layers.IPv4{Version: 4, Protocol: layers.IPProtocolTCP, SrcIP: random(rnd, 4), DstIP: random(rnd, 4), Options: []layers.IPv4Option{{OptionType: 1}, {OptionType: 1}, {OptionType: 1}, {OptionType: 0}}}
	}
	_ = tcp.SetNetworkLayerForChecksum(ip)
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ip, tcp, gopacket.Payload(random(rnd, rnd.IntN(100)))); err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(buf.Bytes())
}

// TestChecksums: right ones pass, and any byte that matters, changed, does not.
func TestChecksums(t *testing.T) {
	rnd := rand.New(rand.NewPCG(2, 2))
	d := Decoder{Checksums: true}
	var seg Segment
	for i := range 500 {
		b := intact(t, rnd, i%2 == 1)
		if skip := d.Decode(linkRaw, b, uint32(len(b)), &seg); skip != SkipNone {
			t.Fatalf("%v: %x", skip, b)
		}
		n := rnd.IntN(len(b))
		if i%2 == 1 && n < 8 || i%2 == 0 && n < 12 { // lengths, protocols, and what no checksum is over
			continue
		}
		b[n] ^= 1 << rnd.IntN(8)
		if i%2 == 1 && n == 40+12 || i%2 == 0 && n == 24+12 {
			continue // the length of the header
		}
		if skip := d.Decode(linkRaw, b, uint32(len(b)), &seg); skip != SkipChecksum {
			t.Fatalf("byte %d changed: %v", n, skip)
		}
		if skip := new(Decoder).Decode(linkRaw, b, uint32(len(b)), &seg); skip != SkipNone {
			t.Fatalf("not asked for: %v", skip)
		}
		if skip := d.Decode(linkRaw, b[:len(b)-1], uint32(len(b)), &seg); i%2 == 1 && len(b) > 60 && skip != SkipNone {
			t.Fatalf("cut: %v", skip)
		}
	}
	b := fixed(100)[14:]
	if n := testing.AllocsPerRun(100, func() { d.Decode(linkRaw, b, uint32(len(b)), &seg) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestChecksumsAgainstTshark: of the captures of real peers tshark calls the same
// segments wrong.
func TestChecksumsAgainstTshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed")
	}
	wrong := 0
	for _, name := range []string{"loopback.pcap", "loopback6.pcap", "raw.pcap", "any.pcap", "formats/gre.pcap", "formats/srv6.pcap", "formats/offload.pcap"} {
		out, err := exec.Command(tshark, "-r", "../../testdata/pcaps/"+name, "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-o", "tcp.desegment_tcp_streams:false",
			"-T", "fields", "-e", "frame.number", "-e", "tcp.checksum.status", "-e", "ip.checksum.status", "-e", "tcp.len").Output()
		if err != nil {
			t.Fatal(err)
		}
		want := strings.Count(string(out), "\n")
		bad := 0
		for line := range strings.Lines(string(out)) {
			fields := strings.Split(strings.TrimRight(line, "\n"), "\t")
			if slices.Contains(strings.Split(fields[1], ","), "0") || slices.Contains(strings.Split(fields[2], ","), "0") {
				bad++
			}
		}
		got, packets := countWrong(t, "../../testdata/pcaps/"+name)
		if packets != want || got != bad {
			t.Errorf("%s: %d of %d packets have a wrong checksum, and tshark says %d of %d", name, got, packets, bad, want)
		}
		wrong += bad
	}
	if wrong < 10 {
		t.Errorf("only %d packets are wrong in all captures", wrong)
	}
}

// countWrong has tcpdump give the bytes of packets, so that this package needs
// no reader.
func countWrong(t *testing.T, file string) (wrong, packets int) {
	t.Helper()
	dump, err := exec.Command("tcpdump", "-r", file, "-xx", "-t", "-n", "-q").Output()
	if err != nil {
		t.Skip("tcpdump cannot read it, or is not installed")
	}
	link := map[string]uint32{"raw.pcap": linkRaw, "any.pcap": linkSLL2}[file[strings.LastIndexByte(file, '/')+1:]]
	if link == 0 {
		link = linkEthernet
	}
	d := Decoder{Checksums: true}
	var data []byte
	flush := func() {
		if data == nil {
			return
		}
		var seg Segment
		packets++
		if d.Decode(link, data, uint32(len(data)), &seg) == SkipChecksum {
			wrong++
		}
		data = nil
	}
	for line := range strings.Lines(string(dump)) {
		text, ok := strings.CutPrefix(line, "\t0x")
		if !ok {
			flush()
			continue
		}
		_, digits, _ := strings.Cut(text, ":")
		for _, word := range strings.Fields(digits) {
			var v uint32
			_, _ = fmt.Sscanf(word, "%x", &v)
			if len(word) == 4 {
				data = append(data, byte(v>>8))
			}
			data = append(data, byte(v))
		}
	}
	flush()
	return wrong, packets
}
