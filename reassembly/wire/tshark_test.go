package wire

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// notInTshark are the layers that tshark does not read, or not so.
var notInTshark = []string{
	"mobility",              // it stops there
	"vlan 9200",             // no tag to it
	"cisco hdlc",            // no VLAN tags and no PPPoE in it
	"null", "null, swapped", // other families, one order
}

func (p *packet) inTshark() bool {
	return !slices.ContainsFunc(p.shape, func(s string) bool { return slices.Contains(notInTshark, s) })
}

// TestAgainstTshark lets tshark read random packets of all shapes: the second
// reference, for what gopacket cannot read.
func TestAgainstTshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed")
	}
	rnd := rand.New(rand.NewPCG(11, 11))
	var packets []*packet
	for len(packets) < 3000 {
		p, _ := newPacket(rnd, 2)
		if p.inTshark() {
			packets = append(packets, p)
		}
	}
	compareWithTshark(t, tshark, packets)
}

// TestWrappedAgainstTshark does the same for the link types of links.go.
func TestWrappedAgainstTshark(t *testing.T) {
	rnd := rand.New(rand.NewPCG(12, 12))
	var packets []*packet
	for len(packets) < 2000 {
		if p := newWrapped(rnd); p.inTshark() {
			packets = append(packets, p)
		}
	}
	for _, p := range packets {
		var seg Segment
		if skip := new(Decoder).Decode(p.link, p.b, uint32(len(p.b)), &seg); skip != SkipNone || !equal(&seg, &p.expected) {
			t.Fatalf("link %d, %v: %v\n got %+v\nwant %+v", p.link, p.shape, skip, seg, p.expected)
		}
	}
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed")
	}
	compareWithTshark(t, tshark, packets)
}

func compareWithTshark(t *testing.T, tshark string, packets []*packet) {
	t.Helper()
	le16, le32 := binary.LittleEndian.AppendUint16, binary.LittleEndian.AppendUint32
	block := func(file []byte, kind uint32, body []byte) []byte {
		body = append(body, make([]byte, -len(body)&3)...)
		file = le32(le32(file, kind), uint32(len(body)+12))
		return le32(append(file, body...), uint32(len(body)+12))
	}
	file := block(nil, 0x0a0d0d0a, append(le32(nil, 0x1a2b3c4d), 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255))
	interfaces := map[uint32]uint32{}
	for _, p := range packets {
		id, ok := interfaces[p.link]
		if !ok {
			id = uint32(len(interfaces))
			interfaces[p.link] = id
			file = block(file, 1, append(le16(nil, uint16(p.link)), make([]byte, 6)...))
		}
		b := append(le32(nil, id), make([]byte, 8)...)
		b = le32(le32(b, uint32(len(p.b))), uint32(len(p.b)))
		file = block(file, 6, append(b, p.b...))
	}
	path := filepath.Join(t.TempDir(), "shapes.pcapng")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tshark, "-r", path, "-T", "fields", "-E", "occurrence=l",
		"-d", "udp.port==8472,vxlan", "-o", "tcp.desegment_tcp_streams:false", "-o", "tcp.try_heuristic_first:false",
		"-e", "tcp.srcport", "-e", "tcp.dstport", "-e", "tcp.seq_raw", "-e", "tcp.window_size_value", "-e", "tcp.len").Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != len(packets) {
		t.Fatalf("%d lines for %d packets", len(lines), len(packets))
	}
	var d Decoder
	for i, p := range packets {
		var seg Segment
		skip := d.Decode(p.link, p.b, uint32(len(p.b)), &seg)
		got := fmt.Sprintf("%d\t%d\t%d\t%d\t%d", seg.Src.Port(), seg.Dst.Port(), uint32(seg.Seq), seg.Window, seg.Length)
		if skip != SkipNone || got != lines[i] {
			t.Errorf("packet %d, link %d, %v: %v\n got %s\nwant %s\n%x", i+1, p.link, p.shape, skip, got, lines[i], p.b)
		}
	}
}
