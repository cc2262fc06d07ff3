//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/wsdump/wsdump/internal/long"
)

// TestBombMemory runs the built program on a capture in which 140 KB inflate to
// 128 MiB, and prints its peak memory.
func TestBombMemory(t *testing.T) {
	long.Test(t)
	// A process begins with the peak of the one that starts it, which is that of
	// other tests; so a process that did nothing else starts it.
	if os.Getenv("WSDUMP_BOMB") == "" {
		fresh := exec.Command(os.Args[0], "-test.run", "^TestBombMemory$", "-test.v")
		fresh.Env = append(os.Environ(), "WSDUMP_BOMB=1")
		out, err := fresh.CombinedOutput()
		t.Logf("%s", out)
		if err != nil {
			t.Error(err)
		}
		return
	}
	program := filepath.Join(t.TempDir(), "wsdump")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, args := range [][]string{{"list"}, {"-T", "ndjson"}, {"-T", "table"}} {
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
