package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/websocket"
)

// TestDiffRelay: a relay between real peers drops 3 of 1,000 messages; captures
// of its two sides, made by tcpdump, tell which.
func TestDiffRelay(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("captures on the loopback interface need root")
	}
	if _, err := exec.LookPath("tcpdump"); err != nil {
		t.Skip("tcpdump is not installed")
	}
	const messages = 1000
	dropped := []string{"message 7", "message 500", "message 998"}
	server := httptest.NewServer(websocket.Handler(func(ws *websocket.Conn) {
		var text string
		for websocket.Message.Receive(ws, &text) == nil {
			if websocket.Message.Send(ws, "got "+text) != nil {
				return
			}
		}
	}))
	defer server.Close()
	relay := httptest.NewServer(websocket.Handler(func(ws *websocket.Conn) {
		up, err := websocket.Dial("ws"+strings.TrimPrefix(server.URL, "http")+"/relay", "", "http://localhost")
		if err != nil {
			t.Error(err)
			return
		}
		defer up.Close()
		var text, reply string
		for websocket.Message.Receive(ws, &text) == nil {
			if slices.Contains(dropped, text) {
				reply = "got " + text // as if nothing had happened
			} else if websocket.Message.Send(up, text) != nil || websocket.Message.Receive(up, &reply) != nil {
				return
			}
			if websocket.Message.Send(ws, reply) != nil {
				return
			}
		}
	}))
	defer relay.Close()

	folder := t.TempDir()
	files := [2]string{filepath.Join(folder, "client.pcap"), filepath.Join(folder, "server.pcap")}
	var stops [2]func()
	for i, at := range []net.Listener{relay.Listener, server.Listener} {
		stops[i] = dump(t, files[i], at.Addr().(*net.TCPAddr).Port)
	}
	ws, err := websocket.Dial("ws"+strings.TrimPrefix(relay.URL, "http")+"/relay", "", "http://localhost")
	if err != nil {
		t.Fatal(err)
	}
	for i := range messages {
		reply, text := "", fmt.Sprintf("message %d", i)
		if err := websocket.Message.Send(ws, text); err != nil {
			t.Fatal(err)
		}
		if err := websocket.Message.Receive(ws, &reply); err != nil || reply != "got "+text {
			t.Fatalf("answer %q, %v", reply, err)
		}
	}
	ws.Close()
	for i := range stops {
		ended(t, files[i])
		stops[i]()
	}

	var out, words bytes.Buffer
	if code := Main([]string{"diff", "-T", "json", files[0], files[1]}, nil, &out, &words); code != exitFailed {
		t.Fatalf("exit code %d: %s", code, words.String())
	}
	var report struct {
		Counts map[string]int
		Delay  struct{ Send, Receive struct{ Count int } }
		Pairs  []struct {
			Nearer      string `json:"nearer_client"`
			Differences []struct {
				Kind, Dir string
				A, B      *struct {
					Packet uint64
					Text   string
				}
			}
		}
	}
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	packets := packetsOfTexts(t, files[0])
	var got []string
	for _, d := range report.Pairs[0].Differences {
		if d.Kind != "lost" || d.B != nil || d.A == nil {
			t.Fatalf("%s", out.String())
		}
		got = append(got, d.Dir+" "+d.A.Text)
		if d.A.Packet != packets[d.A.Text] {
			t.Errorf("%s is in packet %d, not %d", d.A.Text, packets[d.A.Text], d.A.Packet)
		}
	}
	want := []string{"send message 7", "receive got message 7", "send message 500", "receive got message 500", "send message 998", "receive got message 998"}
	if !slices.Equal(got, want) || len(report.Pairs) != 1 || report.Counts["lost"] != len(want) {
		t.Errorf("got %q, %v", got, report.Counts)
	}
	if p := report.Pairs[0]; p.Nearer != "a" || report.Delay.Send.Count != messages-3 || report.Delay.Receive.Count != messages-3 {
		t.Errorf("nearer %q, %+v", p.Nearer, report.Delay)
	}
}

// dump captures what goes to and from a port until stop is called, which skips
// the test if not all of it could be captured.
func dump(t *testing.T, file string, port int) (stop func()) {
	t.Helper()
	// A slot of its buffer is as long as -s says: it has to hold all of the packets.
	c := exec.Command("tcpdump", "-i", "lo", "-U", "--immediate-mode", "-s", "4096", "-B", "32768", "-Z", "root", "-w", file, fmt.Sprintf("tcp port %d", port))
	said, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Skip("tcpdump does not start: ", err)
	}
	lines := bufio.NewScanner(said)
	for lines.Scan() && !strings.Contains(lines.Text(), "listening on") {
		if strings.Contains(lines.Text(), "permit") {
			_ = c.Wait()
			t.Skip("tcpdump may not capture here: ", lines.Text())
		}
	}
	var last string
	done := make(chan struct{})
	go func() {
		defer close(done)
		for lines.Scan() { // it must not wait for its words to be read
			last = lines.Text()
		}
	}()
	t.Cleanup(func() {
		_ = c.Process.Kill()
		<-done
		_ = c.Wait()
	})
	return func() {
		_ = c.Process.Signal(os.Interrupt)
		<-done
		if last != "0 packets dropped by kernel" {
			t.Skip("this machine is too busy to capture: ", last)
		}
	}
}

// ended waits until the end of the connection is in a capture.
func ended(t *testing.T, file string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var out bytes.Buffer
		Main([]string{"list", "-q", "-T", "ndjson", file}, nil, &out, &bytes.Buffer{})
		if strings.Contains(out.String(), `"tcp":"fin"`) || strings.Contains(out.String(), `"tcp":"rst"`) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the end of the connection was not captured: %s", out.String())
		}
	}
}

// packetsOfTexts returns the packet of each message of a capture, by NDJSON.
func packetsOfTexts(t *testing.T, file string) map[string]uint64 {
	t.Helper()
	var out bytes.Buffer
	if code := Main([]string{"-q", "-T", "ndjson", file}, nil, &out, &bytes.Buffer{}); code != exitOK {
		t.Fatalf("exit code %d", code)
	}
	packets := make(map[string]uint64)
	for line := range strings.Lines(out.String()) {
		var row struct {
			Type, Text string
			Packet     uint64
		}
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		if row.Type == "message" {
			packets[row.Text] = row.Packet
		}
	}
	return packets
}
