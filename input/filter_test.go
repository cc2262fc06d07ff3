package input

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/capture/filter"
	"github.com/wsdump/wsdump/internal/long"
)

// TestCaptureFilterOnFixtures: on real captures of every link type -f lets as
// many packets through as tcpdump, with the numbers that they have without it.
func TestCaptureFilterOnFixtures(t *testing.T) {
	files, _ := filepath.Glob("../testdata/pcaps/*.pcap*")
	_, missing := exec.LookPath("tcpdump")
	passed := regexp.MustCompile(`(\d+) packets?`)
	compared := 0
	for i, file := range files {
		if !long.Wanted() && i%6 != 0 {
			continue
		}
		for _, text := range []string{"tcp port 80", "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0", "src net 10.0.0.0/24 and greater 100", "not ip6 and len - 60 < 40", "udp or arp or icmp6"} {
			expr, err := filter.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			packets := Filter{Expr: expr}
			all, err := capture.Open([]string{file}, capture.Options{})
			if err != nil {
				t.Fatal(err)
			}
			again, err := capture.Open([]string{file}, capture.Options{})
			if err != nil {
				t.Fatal(err)
			}
			src, left := packets.before(t.Context(), again, nil)
			count := 0
			var p, q capture.Packet
			for src.Next(&p) == nil {
				count++
				for q.Number < p.Number {
					if err := all.Next(&q); err != nil {
						t.Fatal(err)
					}
				}
				if q.Number != p.Number || q.Time != p.Time || string(q.Data) != string(p.Data) {
					t.Fatalf("%s: %q: packet %d is another one", file, text, p.Number)
				}
			}
			for all.Next(&q) == nil { // to the last one
			}
			if uint64(count)+left() != q.Number {
				t.Errorf("%s: %q: %d packets and %d left out are not %d", file, text, count, left(), q.Number)
			}
			_ = all.Close()
			_ = again.Close()
			if missing != nil {
				continue
			}
			out, err := exec.Command("tcpdump", "-n", "--count", "-r", file, text).Output()
			if err != nil {
				continue // such as a capture that is cut, or of two link types
			}
			compared++
			if m := passed.FindSubmatch(out); m == nil || string(m[1]) != strconv.Itoa(count) {
				t.Errorf("%s: %q: %d packets, tcpdump says %s", file, text, count, out)
			}
		}
	}
	if missing == nil && compared < len(files)/4 {
		t.Errorf("only %d comparisons with tcpdump", compared)
	}
}

// endless is a source whose packets match nothing.
type endless struct {
	capture.Source
	n    int
	stop context.CancelFunc
}

func (e *endless) Next(p *capture.Packet) error {
	if e.n++; e.n == 10_000 {
		e.stop()
	}
	*p = capture.Packet{Link: 1, Data: make([]byte, 60), Length: 60}
	return nil
}

// TestCaptureFilterEnds: Ctrl-C is heard while a filter lets nothing through.
func TestCaptureFilterEnds(t *testing.T) {
	expr, err := filter.Parse("tcp")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	src, left := (&Filter{Expr: expr}).before(ctx, &endless{stop: cancel}, nil)
	if err := src.Next(&capture.Packet{}); !errors.Is(err, context.Canceled) || left() < 10_000 {
		t.Errorf("%v after %d packets", err, left())
	}
}
