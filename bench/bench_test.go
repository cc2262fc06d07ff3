package main

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/wsdump/wsdump/internal/trafficgen"
)

// TestBench: the whole of it on little captures.
func TestBench(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds programs")
	}
	if _, err := exec.LookPath("tcpdump"); err != nil {
		t.Skip("tcpdump is not installed")
	}
	t.Chdir("..")
	var out bytes.Buffer
	b := newBench()
	b.out, b.rounds, b.kinds, b.profiles, b.folder = &out, 1, trafficgen.Kinds(), true, t.TempDir()
	if err := b.run("500KB", "200KB", "1MB"); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	for _, want := range []string{"# Speed and memory", "| `list`, times T |", "| `ndjson`, times faster than K |", "| wide, packets a second |", "| bulk | tcpdump |", "## Where the time goes"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for line := range strings.Lines(text) {
		if strings.Contains(line, "NaN") || strings.Contains(line, "Inf") {
			t.Errorf("not a figure: %s", line)
		}
	}
}

// TestCheckBites: a count that is wrong is an error.
func TestCheckBites(t *testing.T) {
	c := &capture{Manifest: trafficgen.Manifest{Packets: 9, Connections: 1, Sent: trafficgen.Count{Frames: 5}}}
	right := line{Packets: 9, Connections: 1, Frames: 5}
	if err := c.holds(&right, &line{Sent: c.Sent}); err != nil {
		t.Error(err)
	}
	if c.holds(&line{Packets: 8, Connections: 1}, &line{Sent: c.Sent}) == nil || c.holds(&right, &line{}) == nil {
		t.Error("a wrong count passes")
	}
	c.Kind, c.FramesTouched = "disorder", 1
	for frames, good := range map[uint64]bool{3: false, 4: true, 5: true, 6: false} {
		if err := c.holds(&line{Packets: 9, Connections: 1, Frames: frames}, &line{}); (err == nil) != good {
			t.Errorf("%d frames found: %v", frames, err)
		}
	}
}

func TestMedian(t *testing.T) {
	p := pairs{
		{run{wall: 3 * time.Second}, run{wall: time.Second}},
		{run{wall: 4 * time.Second}, run{wall: 4 * time.Second}},
		{run{wall: 2 * time.Second}, run{wall: time.Second}},
	}
	if got := p.wall(); got != 2 {
		t.Errorf("the median ratio is %v", got)
	}
	if got := p[:2].wall(); got != 2 {
		t.Errorf("of two ratios it is %v", got)
	}
	if got := (pairs{}).wall(); got != 0 {
		t.Errorf("of none it is %v", got)
	}
}
