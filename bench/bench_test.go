package main

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/wsdump/wsdump/internal/long"
	"github.com/wsdump/wsdump/internal/trafficgen"
)

// TestBench: the whole of it on little captures.
func TestBench(t *testing.T) {
	long.Test(t)
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
	for _, want := range []string{"# Speed and memory", "| `list`, times T |", "| `ndjson`, times faster than K |", "| wide, packets a second |", "| `list`: one worker, times two | 1.6 |", "| garbage collection, of the cpu of `list` | 2 % |", "| tcpdump | ", "## Where the time goes"} {
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

func TestGarbageTime(t *testing.T) {
	ms, err := garbageTime(`gc 1 @0.019s 6%: 0.19+6.1+0.004 ms clock, 0.38+2.7/0.36/5.2+0.008 ms cpu, 5->6->3 MB, 5 MB goal, 0 MB stacks, 5 MB globals, 2 P
wsdump: warning: gc
gc 2 @1.035s 4%: 2.4+10+0.17 ms clock, 4.8+0/2.1/3.1+0.35 ms cpu, 21->23->10 MB, 26 MB goal, 0 MB stacks, 5 MB globals, 2 P (forced)
`)
	if want := 0.38 + 2.7 + 0.36 + 5.2 + 0.008 + 4.8 + 2.1 + 3.1 + 0.35; err != nil || ms < want-1e-9 || ms > want+1e-9 {
		t.Errorf("%v ms, %v, want %v", ms, err, want)
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
