package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"time"
)

// run is what a command took.
type run struct {
	wall, cpu time.Duration
	peak      int64 // bytes of memory, 0 where that cannot be told
}

// command runs a tool; what it prints goes nowhere, for that is not measured.
func command(input io.Reader, args ...string) (run, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return run{}, err
	}
	defer null.Close()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stdin = null, input
	var words tail
	cmd.Stderr = &words
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return run{}, fmt.Errorf("%v: %w\n%s", args, err, words.b)
	}
	r := run{wall: time.Since(began), cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	r.peak = peak(cmd.ProcessState)
	return r, nil
}

// tail keeps the end of what is written to it.
type tail struct{ b []byte }

func (t *tail) Write(b []byte) (int, error) {
	t.b = append(t.b, b...)
	t.b = t.b[max(0, len(t.b)-2000):]
	return len(b), nil
}

// series is the runs of one tool on one capture.
type series []run

func (s series) wall() time.Duration { return median(s, func(r run) time.Duration { return r.wall }) }

func (s series) cpu() time.Duration { return median(s, func(r run) time.Duration { return r.cpu }) }
func (s series) peak() int64        { return median(s, func(r run) int64 { return r.peak }) }

// median returns the one in the middle, the mean of two when there are two.
func median[E any, N int64 | float64 | time.Duration](all []E, of func(E) N) N {
	if len(all) == 0 {
		return 0
	}
	var values []N
	for _, one := range all {
		values = append(values, of(one))
	}
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

// pair is two tools, one right after the other.
type pair struct{ tool, yardstick run }

// pairs is what ratios are of.
type pairs []pair

func (p pairs) wall() float64 {
	return median(p, func(p pair) float64 { return float64(p.tool.wall) / float64(p.yardstick.wall) })
}

func (p pairs) cpu() float64 {
	return median(p, func(p pair) float64 { return float64(p.tool.cpu) / float64(p.yardstick.cpu) })
}
