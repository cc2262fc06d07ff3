package progress

import (
	"io"
	"testing"

	"github.com/wsdump/wsdump/capture"
)

// TestBarCounts: packets that are passed over are progress as well as those that
// are given.
func TestBarCounts(t *testing.T) {
	counted := func(next func(p *counting, packet *capture.Packet) error) int64 {
		in, err := capture.Open([]string{"../../testdata/pcaps/chat.pcap"}, capture.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		p := &counting{Source: in, bar: NewBar(io.Discard, 0)}
		for packet := (capture.Packet{}); err == nil; {
			err = next(p, &packet)
		}
		return p.bar.read
	}
	want := counted(func(p *counting, packet *capture.Packet) error { return p.Next(packet) })
	passed := uint64(0)
	sieve := capture.Sieve{Until: 1 << 62, Most: 5, Skip: func(_ capture.LinkType, data []byte) bool { return len(data)%3 > 0 }}
	got := counted(func(p *counting, packet *capture.Packet) error {
		err := p.Sift(packet, &sieve)
		passed += sieve.Passed.Packets
		return err
	})
	if passed < 5 || want < 1000 {
		t.Fatalf("%d packets were passed over of %d bytes", passed, want)
	}
	if got != want {
		t.Errorf("%d bytes when packets are passed over, %d when all are given", got, want)
	}
}
