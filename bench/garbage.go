package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// collected is the line that the runtime prints for a collection of garbage
// (GODEBUG=gctrace=1), up to the processor time of its phases in milliseconds:
// "gc 1 @0.019s 6%: 0.19+6.1+0.004 ms clock, 0.38+2.7/0.36/5.2+0.008 ms cpu, ...".
var collected = regexp.MustCompile(`(?m)^gc \d+ @.* ms clock, (\S+) ms cpu`)

// garbage returns which part of the processor time of a command goes into
// collecting garbage. The work of idle processors is counted, too.
func garbage(args ...string) (float64, error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "GODEBUG=gctrace=1")
	var words bytes.Buffer
	cmd.Stderr = &words
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("%v: %w", args, err)
	}
	spent, err := garbageTime(words.String())
	if err != nil {
		return 0, err
	}
	all := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return spent / 1000 / all.Seconds(), nil
}

// garbageTime adds up the milliseconds of what the runtime printed.
func garbageTime(trace string) (ms float64, err error) {
	for _, line := range collected.FindAllStringSubmatch(trace, -1) {
		for part := range strings.FieldsFuncSeq(line[1], func(c rune) bool { return c == '+' || c == '/' }) {
			n, err := strconv.ParseFloat(part, 64)
			if err != nil {
				return 0, fmt.Errorf("in %q: %w", line[0], err)
			}
			ms += n
		}
	}
	return ms, nil
}
