package reassembly

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/internal/long"
	"github.com/wsdump/wsdump/reassembly/wire"
	"github.com/wsdump/wsdump/timeline"
)

// TestFormatsAgainstTshark lets tshark read the captures of all formats, links,
// tunnels and fragments: the same segments become known with the same packets.
func TestFormatsAgainstTshark(t *testing.T) {
	long.Test(t)
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed")
	}
	others := []string{ // what tshark does not read, or not so
		"vlan-stacks.pcap",       // 9200 is no tag to it
		"tcp-options.pcap",       // the same segments; an option of length 0 ends its reading of the header
		"blocks.pcapng",          // it numbers custom blocks and journals among the packets
		"mpls.pcap",              // it takes each beginning with a 0 for a control word
		"offload-ipv6.pcap",      // a jumbo payload may not be that small, and 0 without the option is malformed to it
		"skipped.pcap",           // it follows more tunnels
		"fragments-overlap.pcap", // it shows what it could not put together, too
	}
	files, err := filepath.Glob("../testdata/pcaps/formats/*.pcap*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures: %v", err)
	}
	compared := 0
	for _, file := range files {
		name := filepath.Base(file)
		if ext := filepath.Ext(name); slices.Contains(others, name) || ext != ".pcap" && ext != ".pcapng" {
			continue
		}
		out, err := exec.Command(tshark, "-r", file, "-Y", "tcp and not icmp", "-T", "fields", "-E", "occurrence=l", "-d", "udp.port==8472,vxlan",
			"-o", "tcp.desegment_tcp_streams:false", "-o", "tcp.analyze_sequence_numbers:false", "-o", "tcp.try_heuristic_first:false",
			"-e", "frame.number", "-e", "tcp.seq_raw", "-e", "tcp.len").Output()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := segments(t, file)
		if got != string(out) {
			t.Errorf("%s:\n%s\nand tshark says\n%s", name, got, out)
		}
		compared += strings.Count(got, "\n")
	}
	t.Logf("%d segments", compared)
	if compared < 1500 {
		t.Errorf("only %d segments were compared", compared)
	}
}

// segments lists the segments of a capture.
func segments(t *testing.T, file string) string {
	t.Helper()
	in, err := capture.Open([]string{file}, capture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var b strings.Builder
	s := newFragments(timeline.Limits{}.WithDefaults())
	var d wire.Decoder
	var seg wire.Segment
	for p := (capture.Packet{}); in.Next(&p) == nil; {
		skip := d.Decode(uint32(p.Link), p.Data, p.Length, &seg)
		if skip == wire.SkipFragment {
			_, skip = s.follow(&d, &seg, timeline.Stamp{Packet: p.Number, Time: p.Time})
		}
		if skip == wire.SkipNone {
			fmt.Fprintf(&b, "%d\t%d\t%d\n", p.Number, uint32(seg.Seq), seg.Length)
		}
	}
	return b.String()
}
