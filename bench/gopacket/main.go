// Command gopacket counts the bytes of TCP streams with gopacket's own reader,
// decoder and reassembly: the yardstick for what a Go program gets from the
// library as its documentation shows it.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
	"github.com/google/gopacket/reassembly"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "gopacket:", err)
		os.Exit(1)
	}
}

// counter counts what all streams have.
type counter struct{ bytes, streams int }

// New implements reassembly.StreamFactory.
func (c *counter) New(_, _ gopacket.Flow, _ *layers.TCP, _ reassembly.AssemblerContext) reassembly.Stream {
	c.streams++
	return stream{c}
}

type stream struct{ *counter }

func (stream) Accept(*layers.TCP, gopacket.CaptureInfo, reassembly.TCPFlowDirection, reassembly.Sequence, *bool, reassembly.AssemblerContext) bool {
	return true
}

func (s stream) ReassembledSG(sg reassembly.ScatterGather, _ reassembly.AssemblerContext) {
	n, _ := sg.Lengths()
	s.bytes += n
}

func (stream) ReassemblyComplete(reassembly.AssemblerContext) bool { return true }

type context gopacket.CaptureInfo

func (c context) GetCaptureInfo() gopacket.CaptureInfo { return gopacket.CaptureInfo(c) }

func run() error {
	if len(os.Args) != 2 {
		return errors.New("usage: gopacket FILE")
	}
	f, err := os.Open(os.Args[1])
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := pcapgo.NewReader(f)
	if err != nil {
		return err
	}
	count := &counter{}
	assembler := reassembly.NewAssembler(reassembly.NewStreamPool(count))
	var (
		ethernet layers.Ethernet
		ip       layers.IPv4
		tcp      layers.TCP
		udp      layers.UDP
		payload  gopacket.Payload
		decoded  []gopacket.LayerType
	)
	parser := gopacket.NewDecodingLayerParser(layers.LayerTypeEthernet, &ethernet, &ip, &tcp, &udp, &payload)
	parser.IgnoreUnsupported = true
	packets := 0
	for {
		data, info, err := r.ReadPacketData()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := parser.DecodeLayers(data, &decoded); err != nil {
			continue
		}
		for _, layer := range decoded {
			if layer == layers.LayerTypeTCP {
				c := context(info)
				assembler.AssembleWithContext(ip.NetworkFlow(), &tcp, &c)
			}
		}
		if packets++; packets%10_000 == 0 {
			assembler.FlushCloseOlderThan(info.Timestamp.Add(-2 * time.Minute))
		}
	}
	assembler.FlushAll()
	fmt.Println(count.streams, count.bytes)
	return nil
}
