package privilege

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestDropThreads: after Drop no thread has a capability, and none can gain any, in a
// program with cgo and in one without.
func TestDropThreads(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("not root: there are no capabilities to drop")
	}
	if os.Getenv("WSDUMP_DROP") != "" {
		dropAndPrint(t)
		return
	}
	for _, cgo := range []string{"0", "1"} {
		if _, err := exec.LookPath("gcc"); err != nil && cgo == "1" {
			t.Log("no gcc: not tried with cgo")
			continue
		}
		program := filepath.Join(t.TempDir(), "drop.test")
		build := exec.Command("go", "test", "-c", "-o", program, ".")
		build.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("cgo %s: %v\n%s", cgo, err, out)
		}
		run := exec.Command(program, "-test.run", "^TestDropThreads$", "-test.v")
		run.Env = append(os.Environ(), "WSDUMP_DROP=1")
		out, err := run.CombinedOutput()
		if err != nil {
			t.Fatalf("cgo %s: %v\n%s", cgo, err, out)
		}
		threads := regexp.MustCompile(`thread: (\S+) (\S+)`).FindAllStringSubmatch(string(out), -1)
		if len(threads) < 3 {
			t.Errorf("cgo %s: only %d threads\n%s", cgo, len(threads), out)
		}
		for _, thread := range threads {
			if thread[1] != "0000000000000000" || thread[2] != "1" {
				t.Errorf("cgo %s: a thread has capabilities %s, no new privileges: %s", cgo, thread[1], thread[2])
			}
		}
	}
}

// dropAndPrint drops, and prints what each thread has left.
func dropAndPrint(t *testing.T) {
	for range 4 { // threads that wait in a system call
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		go func() { _, _ = exec.Command("sleep", "1").Output(); _, _ = r.Read(make([]byte, 1)) }()
	}
	time.Sleep(100 * time.Millisecond)
	if err := Drop(nil, false); err != nil {
		t.Fatal(err)
	}
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		b, err := os.ReadFile("/proc/self/task/" + task.Name() + "/status")
		if err != nil {
			continue // the thread has ended
		}
		field := func(name string) string {
			_, rest, _ := strings.Cut(string(b), name+":\t")
			value, _, _ := strings.Cut(rest, "\n")
			return value
		}
		t.Logf("thread: %s %s", field("CapEff"), field("NoNewPrivs"))
	}
}
