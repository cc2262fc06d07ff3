package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/websocket"
)

// TestLiveLoad prints what is captured and shown of a load, and how much memory
// that takes, beside what tcpdump writes to /dev/null of the same. WSDUMP_LOAD
// is how long it takes, such as 90s; rates and lengths are too much of the
// machine's to be held to anything but this: where tcpdump drops nothing at half
// the load that it bears, nothing is dropped here.
func TestLiveLoad(t *testing.T) {
	whole, err := time.ParseDuration(os.Getenv("WSDUMP_LOAD"))
	if err != nil {
		t.Skip("WSDUMP_LOAD is not set")
	}
	namespace(t)
	program := static(t)
	url := echo(t, "127.0.0.1")
	levels := []int{500, 2000, 8000, 0} // messages a second each way; 0: as many as there can be
	each := whole / time.Duration(len(levels))
	t.Logf("%10s %10s | %12s %9s %9s %8s | %12s %9s | %s", "messages/s", "packets/s", "wsdump", "dropped", "shown/s", "MiB", "tcpdump", "dropped", "shown as a ratio to tcpdump")
	for _, rate := range levels {
		var words strings.Builder
		wsdump := exec.Command(program, "-i", "lo", "-T", "ndjson", "-o", "/dev/null")
		wsdump.Env = append(os.Environ(), "SUDO_UID=", "SSLKEYLOGFILE=")
		ours, err := wsdump.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := wsdump.Start(); err != nil {
			t.Fatal(err)
		}
		ready := make(chan struct{})
		over := make(chan struct{})
		go func() {
			defer close(over)
			b, once := make([]byte, 4096), sync.OnceFunc(func() { close(ready) })
			for {
				n, err := ours.Read(b)
				words.Write(b[:n])
				if strings.Contains(words.String(), "capturing on") {
					once()
				}
				if err != nil {
					return
				}
			}
		}()
		<-ready
		var tcpdump *running
		if path, err := exec.LookPath("tcpdump"); err == nil {
			tcpdump = start(t, path, "tcpdump", "-i", "lo", "-B", "32768", "-w", "/dev/null", "-Z", "root")
			tcpdump.stderr.await(t, "listening on")
		}
		sent, memory := load(t, url, rate, each, wsdump.Process.Pid)
		theirs := ""
		if tcpdump != nil {
			tcpdump.interrupt()
			theirs = tcpdump.stderr.text()
		}
		if err := wsdump.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		<-over
		if err := wsdump.Wait(); err != nil {
			t.Errorf("%v: %s", err, words.String())
		}
		of := func(text, pattern string) float64 {
			m := regexp.MustCompile(pattern).FindStringSubmatch(text)
			if m == nil {
				return 0
			}
			v, _ := strconv.ParseFloat(m[1], 64)
			return v
		}
		captured, dropped := of(words.String(), `(\d+) packets? captured`), of(words.String(), `(\d+) of them dropped`)
		got, lost := of(theirs, `(\d+) packets captured`), of(theirs, `(\d+) packets dropped by kernel`)
		seconds := each.Seconds()
		ratio := "no tcpdump here"
		if got > 0 {
			ratio = fmt.Sprintf("%.2f", (captured-dropped)/got)
		}
		t.Logf("%10.0f %10.0f | %12.0f %9.0f %9.0f %8d | %12.0f %9.0f | %s", float64(sent)/seconds, captured/seconds, captured, dropped,
			(captured-dropped)/seconds, memory, got, lost, ratio)
		if rate > 0 && rate <= 2000 && got > 0 && lost == 0 && dropped > 0 {
			t.Errorf("at %d messages a second tcpdump dropped nothing, and wsdump %.0f packets", rate, dropped)
		}
	}
}

// load talks for a while and returns how many messages were sent, and the most
// memory that a process had, in MiB.
func load(t *testing.T, url string, rate int, d time.Duration, pid int) (sent uint64, memory int) {
	t.Helper()
	const conns = 4
	payload := strings.Repeat("load ", 40)
	var all sync.WaitGroup
	var n atomic.Uint64
	stop := make(chan struct{})
	for range conns {
		ws := talk(t, url)
		all.Add(1)
		go func() {
			_, _ = io.Copy(io.Discard, ws) // what comes back
		}()
		go func() {
			defer all.Done()
			defer ws.Close()
			began, mine := time.Now(), 0
			for {
				select {
				case <-stop:
					return
				default:
				}
				if rate > 0 && float64(mine) > time.Since(began).Seconds()*float64(rate)/conns {
					time.Sleep(time.Millisecond)
					continue
				}
				if websocket.Message.Send(ws, payload) != nil {
					return
				}
				mine++
				n.Add(1)
			}
		}()
	}
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
		if err != nil {
			t.Error(err)
			break
		}
		if m := regexp.MustCompile(`RssAnon:\s+(\d+) kB`).FindSubmatch(status); m != nil {
			kb, _ := strconv.Atoi(string(m[1]))
			memory = max(memory, kb>>10)
		}
	}
	close(stop)
	all.Wait()
	return n.Load(), memory
}
