//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"testing"
)

// TestBombMemory runs the built program on a capture in which 140 KB inflate to
// 128 MiB, and prints its peak memory.
func TestBombMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	program := filepath.Join(t.TempDir(), "wsdump")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, args := range [][]string{{"list"}, {"-T", "ndjson"}, {"-T", "table"}} {
		// A child begins with the peak of the process that starts it, which is
		// that of other tests: give back what they used, and forget their peak.
		debug.FreeOSMemory()
		if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
			t.Logf("the peak may be that of other tests: %v", err)
		}
		cmd := exec.Command(program, append(args, pcaps+"deflate-bomb.pcap")...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		peak := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
		t.Logf("%v: peak of %d MiB", args, peak>>20)
		if peak > 80<<20 {
			t.Errorf("%v: peak of %d MiB for a bomb; 64 is what is promised", args, peak>>20)
		}
	}
}
