package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wsdump/wsdump/internal/long"
	"golang.org/x/net/websocket"
	"golang.org/x/sys/unix"
)

// namespace puts the test into a network namespace of its own, with a loopback
// and what the ip commands make. Its thread ends with it, and what it starts is
// in the namespace too.
func namespace(t *testing.T, commands ...string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("not root: no network namespace to capture in")
	}
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skip("no network namespaces here: ", err)
	}
	ip(t, append([]string{"link set lo up"}, commands...)...)
}

func ip(t *testing.T, commands ...string) {
	t.Helper()
	for _, c := range commands {
		if out, err := exec.Command("ip", strings.Fields(c)...).CombinedOutput(); err != nil {
			if errors.Is(err, exec.ErrNotFound) {
				t.Skip("no ip command here")
			}
			t.Fatalf("ip %s: %v\n%s", c, err, out)
		}
	}
}

// running is a program that was started.
type running struct {
	t      *testing.T
	cmd    *exec.Cmd
	stderr *lines
	stdout *lines
	ended  bool
}

// lines are those that a program has written so far.
type lines struct {
	mu  sync.Mutex
	all []string
	at  []time.Time
	end chan struct{}
}

func (l *lines) read(r io.Reader) {
	defer close(l.end)
	in := bufio.NewScanner(r)
	in.Buffer(nil, 64<<20)
	for in.Scan() {
		l.mu.Lock()
		l.all, l.at = append(l.all, in.Text()), append(l.at, time.Now())
		l.mu.Unlock()
	}
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.all, "\n")
}

// await waits for a line that matches and returns it with the time it came.
func (l *lines) await(t *testing.T, pattern string) (string, time.Time) {
	t.Helper()
	re := regexp.MustCompile(pattern)
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		l.mu.Lock()
		for i, line := range l.all {
			if re.MatchString(line) {
				defer l.mu.Unlock()
				return line, l.at[i]
			}
		}
		l.mu.Unlock()
	}
	t.Fatalf("nothing matches %q in\n%s", pattern, l.text())
	return "", time.Time{}
}

// start starts a program, in the namespace of the test.
func start(t *testing.T, path string, args ...string) *running {
	t.Helper()
	return startWith(t, path, nil, args...)
}

// startWith starts it with variables besides.
func startWith(t *testing.T, path string, env []string, args ...string) *running {
	t.Helper()
	r := &running{t: t, cmd: exec.Command(path, args[1:]...), stdout: &lines{end: make(chan struct{})}, stderr: &lines{end: make(chan struct{})}}
	r.cmd.Args = args
	r.cmd.Env = append(os.Environ(), "SUDO_UID=", "SUDO_USER=", "SSLKEYLOGFILE=")
	r.cmd.Env = append(r.cmd.Env, env...)
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	words, err := r.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go r.stdout.read(out)
	go r.stderr.read(words)
	t.Cleanup(func() {
		if !r.ended {
			r.cmd.Process.Kill()
			r.wait()
		}
	})
	return r
}

// watching starts wsdump, which is this test program by another name, and waits
// until it captures.
func watching(t *testing.T, args ...string) *running {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := start(t, self, append([]string{"wsdump"}, args...)...)
	r.stderr.await(t, "capturing on")
	return r
}

func (r *running) wait() int {
	<-r.stdout.end
	<-r.stderr.end
	_ = r.cmd.Wait()
	r.ended = true
	return r.cmd.ProcessState.ExitCode()
}

// interrupt ends a program with Ctrl-C.
func (r *running) interrupt() int {
	r.t.Helper()
	if err := r.cmd.Process.Signal(os.Interrupt); err != nil {
		r.t.Fatal(err)
	}
	return r.wait()
}

// echo is a WebSocket server that sends back what it gets.
func echo(t *testing.T, address string) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(websocket.Handler(sendBack))
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	return "ws://" + listener.Addr().String() + "/chat"
}

func sendBack(ws *websocket.Conn) {
	var text string
	for websocket.Message.Receive(ws, &text) == nil && websocket.Message.Send(ws, text) == nil {
	}
}

// talk opens a WebSocket from the goroutine, and so from the namespace, of the
// test.
func talk(t *testing.T, url string) *websocket.Conn {
	t.Helper()
	config, err := websocket.NewConfig(url, "http://localhost/")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", config.Location.Host)
	if err != nil {
		t.Fatal(err)
	}
	ws, err := websocket.NewClient(config, conn)
	if err != nil {
		t.Fatal(err)
	}
	return ws
}

func say(t *testing.T, ws *websocket.Conn, text string) {
	t.Helper()
	if err := websocket.Message.Send(ws, text); err != nil {
		t.Fatal(err)
	}
	var back string
	if err := websocket.Message.Receive(ws, &back); err != nil || back != text {
		t.Fatalf("%.40q came back as %.40q: %v", text, back, err)
	}
}

// rows returns the lines of a timeline without the first and the last, which
// tell of the source.
func rows(t *testing.T, ndjson string) (all []string) {
	t.Helper()
	for line := range strings.SplitSeq(strings.TrimSpace(ndjson), "\n") {
		var row struct{ Type string }
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if row.Type != "start" && row.Type != "summary" {
			all = append(all, line)
		}
	}
	return all
}

func timelineOf(t *testing.T, file string) []string {
	t.Helper()
	var out, words bytes.Buffer
	if code := Main([]string{"-T", "ndjson", "--payload", "all", file}, nil, &out, &words); code != exitOK {
		t.Fatalf("exit code %d for %s: %s", code, file, words.String())
	}
	return rows(t, out.String())
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Fatalf("%s: row %d is missing: %s", what, i, want[i])
		case i >= len(want):
			t.Fatalf("%s: row %d is more: %s", what, i, got[i])
		case got[i] != want[i]:
			t.Fatalf("%s: row %d is\n%s, want\n%s", what, i, got[i], want[i])
		}
	}
}

// TestLiveChat: what is seen live is what the file of -w shows, and the one that
// tcpdump wrote beside it, on loopback and on a cable.
func TestLiveChat(t *testing.T) {
	namespace(t, "link add wl0 type veth peer name wl1", "address add 10.99.0.1/24 dev wl0", "link set wl0 up")
	peer := elsewhere(t, "wl1", "10.99.0.2")
	for i, test := range []struct{ device, url string }{{"lo", echo(t, "127.0.0.1")}, {"wl0", peer}, {"any", peer}, {"any", echo(t, "127.0.0.1")}} {
		if i >= 2 && !long.Wanted() {
			break
		}
		folder := t.TempDir()
		ours, theirs := filepath.Join(folder, "ours.pcapng"), filepath.Join(folder, "theirs.pcap")
		wsdump := watching(t, "-i", test.device, "-T", "ndjson", "--payload", "all", "-w", ours)
		var tcpdump *running
		if path, err := exec.LookPath("tcpdump"); err == nil {
			tcpdump = start(t, path, "tcpdump", "-i", test.device, "--time-stamp-precision=nano", "--immediate-mode", "-B", "65536", "-U", "-w", theirs, "-Z", "root")
			tcpdump.stderr.await(t, "listening on")
		}
		ws := talk(t, test.url)
		var lag time.Duration
		const messages = 20
		for i := range messages {
			text := fmt.Sprintf("message %d %s", i, strings.Repeat("x", i*i*100))
			said := time.Now()
			say(t, ws, text)
			_, seen := wsdump.stdout.await(t, `"dir":"receive".*"message `+strconv.Itoa(i)+" ")
			lag = max(lag, seen.Sub(said))
		}
		if err := ws.Close(); err != nil {
			t.Fatal(err)
		}
		wsdump.stdout.await(t, `"type":"close"`)
		if tcpdump != nil {
			for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
				var out, words bytes.Buffer
				Main([]string{"-T", "ndjson", "--hide", "message", theirs}, nil, &out, &words)
				if strings.Contains(out.String(), `"tcp":"fin"`) {
					break // it has the last packet
				}
			}
			tcpdump.interrupt()
		}
		if code := wsdump.interrupt(); code != exitOK {
			t.Fatalf("%s: exit code %d: %s", test.device, code, wsdump.stderr.text())
		}
		t.Logf("%s: rows were seen %v after their messages at most; %s", test.device, lag.Round(time.Millisecond), wsdump.stderr.text())
		got := rows(t, wsdump.stdout.text())
		if len(got) < 2*messages+2 {
			t.Errorf("%s: %d rows for %d messages", test.device, len(got), 2*messages)
		}
		same(t, test.device+": what -w wrote", timelineOf(t, ours), got)
		if tcpdump != nil {
			same(t, test.device+": what tcpdump wrote", withoutStamps(timelineOf(t, theirs)), withoutStamps(got))
		}
	}
}

// withoutStamps leaves out times and numbers of packets: the kernel gives each
// listener a time of its own, and two captures do not begin with the same packet.
func withoutStamps(rows []string) (all []string) {
	re := regexp.MustCompile(`"((end_)?(packet|time)|[a-z_]+_ms)":("[^"]*"|[\d.e-]+),?`)
	for _, row := range rows {
		if strings.Contains(row, "capture/clock-backwards") {
			continue // several processors give times, in another order to each listener
		}
		all = append(all, re.ReplaceAllString(row, ""))
	}
	return all
}

// elsewhere moves a device into another namespace and starts a server there.
func elsewhere(t *testing.T, device, address string) (url string) {
	t.Helper()
	ready, over := make(chan string), make(chan struct{})
	moved := make(chan struct{})
	threads := make(chan int)
	go func() {
		runtime.LockOSThread() // and the thread ends with the goroutine
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			close(threads)
			return
		}
		threads <- unix.Gettid()
		<-moved
		for _, c := range []string{"link set lo up", "address add " + address + "/24 dev " + device, "link set " + device + " up"} {
			if out, err := exec.Command("ip", strings.Fields(c)...).CombinedOutput(); err != nil {
				t.Errorf("ip %s: %v\n%s", c, err, out)
			}
		}
		listener, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
		if err != nil {
			t.Error(err)
			close(ready)
			return
		}
		server := &http.Server{Handler: websocket.Handler(sendBack)}
		go func() { _ = server.Serve(listener) }()
		ready <- "ws://" + listener.Addr().String() + "/chat"
		<-over
		server.Close()
	}()
	thread, ok := <-threads
	if !ok {
		t.Skip("no second network namespace here")
	}
	t.Cleanup(func() { close(over) })
	ip(t, "link set "+device+" netns "+strconv.Itoa(thread))
	close(moved)
	url, ok = <-ready
	if !ok {
		t.FailNow()
	}
	return url
}

// TestLiveInterrupts: the first Ctrl-C ends with the summary, a time ends so too,
// and enough rows end at once.
func TestLiveInterrupts(t *testing.T) {
	namespace(t)
	url := echo(t, "127.0.0.1")
	ws := talk(t, url)
	defer ws.Close()
	for _, args := range [][]string{{"--duration", "300ms"}, {"-c", "3"}, nil} {
		wsdump := watching(t, append([]string{"-i", "lo", "-T", "ndjson"}, args...)...)
		if args == nil || args[0] == "-c" {
			ws := talk(t, url)
			say(t, ws, "hello")
			wsdump.stdout.await(t, `"type":"message".*hello`)
			ws.Close()
		}
		code := 0
		if args == nil {
			code = wsdump.interrupt()
		} else {
			code = wsdump.wait()
		}
		if text := wsdump.stdout.text(); code != exitOK || !strings.Contains(text, `"type":"summary"`) {
			t.Errorf("%v: exit code %d\n%s\n%s", args, code, text, wsdump.stderr.text())
		}
	}
}

// TestLiveKill: a kill leaves a file that is readable to its end.
func TestLiveKill(t *testing.T) {
	namespace(t)
	file := filepath.Join(t.TempDir(), "killed.pcapng")
	wsdump := watching(t, "-i", "lo", "-T", "ndjson", "-w", file)
	ws := talk(t, echo(t, "127.0.0.1"))
	for i := range 50 {
		say(t, ws, strings.Repeat("x", 5000)+strconv.Itoa(i))
	}
	want := func() bool {
		b, _ := os.ReadFile(file)
		return bytes.Contains(b, []byte("x49"))
	}
	for deadline := time.Now().Add(30 * time.Second); !want(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the last message is not in the file")
		}
	}
	if err := wsdump.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	wsdump.wait()
	if got := strings.Join(timelineOf(t, file), "\n"); !strings.Contains(got, "x49") {
		t.Error("the last message is not read from the file")
	}
	ws.Close()
}

// TestLiveOverflow: when the reader cannot keep up, what was lost is counted, and
// told in its place; afterwards it goes on.
func TestLiveOverflow(t *testing.T) {
	namespace(t)
	file := filepath.Join(t.TempDir(), "lossy.pcapng")
	wsdump := watching(t, "-i", "lo", "-B", "64", "-T", "ndjson", "-w", file)
	url := echo(t, "127.0.0.1")
	ws := talk(t, url)
	say(t, ws, "before")
	wsdump.stdout.await(t, `"dir":"receive".*before`)
	if err := wsdump.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		say(t, ws, strings.Repeat("x", 10_000))
	}
	if err := wsdump.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	wsdump.stdout.await(t, `"rule":"capture/dropped"`)
	again := talk(t, url)
	say(t, again, "after")
	wsdump.stdout.await(t, `"dir":"receive".*after`)
	if err := wsdump.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	status, _ := wsdump.stderr.await(t, `packets, \d+/s, 2 connections \(2 open\), \d+ messages, \d+ findings?, [1-9]\d* dropped, \d+ MiB$`)
	ws.Close()
	again.Close()
	if code := wsdump.interrupt(); code != exitOK {
		t.Errorf("exit code %d: %s", code, wsdump.stderr.text())
	}
	wsdump.stdout.await(t, `"type":"summary".*"dropped":[1-9]`)
	farewell, _ := wsdump.stderr.await(t, `captured on lo, [1-9]\d* of them dropped by the kernel`)
	t.Log(status, farewell)
	// The file says the same, in the same place.
	where := func(rows []string) (all []string) {
		for _, row := range rows {
			if strings.Contains(row, "capture/dropped") {
				all = append(all, regexp.MustCompile(`"detail":"[^"]*",?`).ReplaceAllString(row, ""))
			}
		}
		return all
	}
	same(t, "losses in the file", where(timelineOf(t, file)), where(rows(t, wsdump.stdout.text())))
}

// TestLiveAway: an interface that goes away and comes back is captured from as
// before.
func TestLiveAway(t *testing.T) {
	namespace(t)
	url := echo(t, "127.0.0.1")
	strict := watching(t, "-i", "lo", "-T", "ndjson")
	patient := watching(t, "-i", "lo", "--retry", "-T", "ndjson")
	ip(t, "link set lo down")
	patient.stderr.await(t, "interface lo went down; waiting for it")
	if code := strict.wait(); code != exitInput || !strings.Contains(strict.stderr.text(), "error: interface lo went down") {
		t.Errorf("exit code %d: %s", code, strict.stderr.text())
	}
	ip(t, "link set lo up")
	patient.stderr.await(t, "interface lo is back")
	ws := talk(t, url)
	say(t, ws, "back")
	patient.stdout.await(t, `"dir":"receive".*back`)
	ws.Close()
	if code := patient.interrupt(); code != exitOK {
		t.Errorf("exit code %d: %s", code, patient.stderr.text())
	}
}

// TestLiveRotation: files follow each other as tcpdump has it, and together hold
// what passed.
func TestLiveRotation(t *testing.T) {
	namespace(t)
	url := echo(t, "127.0.0.1")
	for _, test := range []struct {
		name string
		args []string
		want string
	}{
		{"a", []string{"-C", "1"}, "a a1 a2"},
		{"b", []string{"-C", "1", "-W", "12"}, "b00 b01 b02"},
		{"c", []string{"-C", "1", "-W", "2"}, "c0 c1"},
	} {
		folder := t.TempDir()
		wsdump := watching(t, append([]string{"-i", "lo", "--no-timeline", "-w", filepath.Join(folder, test.name)}, test.args...)...)
		ws := talk(t, url)
		for i := range 13 {
			say(t, ws, strings.Repeat("x", 100_000)+strconv.Itoa(i))
		}
		ws.Close()
		if code := wsdump.interrupt(); code != exitOK || wsdump.stdout.text() != "" {
			t.Errorf("%s: exit code %d: %s", test.name, code, wsdump.stderr.text())
		}
		var names []string
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			names = append(names, e.Name())
		}
		if got := strings.Join(names, " "); got != test.want {
			t.Errorf("%s: files %s, want %s", test.name, got, test.want)
			continue
		}
		got := strings.Join(timelineOf(t, folder), "\n")
		if n := strings.Count(got, `"type":"message"`); test.name != "c" && n != 26 {
			t.Errorf("%s: %d messages in all files", test.name, n)
		}
		if !strings.Contains(got, "x12") {
			t.Errorf("%s: the last message is missing", test.name)
		}
	}
}

// TestLiveFilter: the capture filter rules in the kernel, with and without link
// headers there.
func TestLiveFilter(t *testing.T) {
	namespace(t)
	wanted, other := echo(t, "127.0.0.1"), echo(t, "127.0.0.1")
	port := regexp.MustCompile(`:(\d+)/`).FindStringSubmatch(wanted)[1]
	for _, device := range []string{"lo", "any"} {
		wsdump := watching(t, "-i", device, "-T", "ndjson", "-f", "ip and tcp port "+port+" and host 127.0.0.1")
		for i, url := range []string{other, wanted} {
			ws := talk(t, url)
			say(t, ws, fmt.Sprint("to server ", i))
			ws.Close()
		}
		wsdump.stdout.await(t, `"type":"close"`)
		if code := wsdump.interrupt(); code != exitOK {
			t.Errorf("%s: exit code %d: %s", device, code, wsdump.stderr.text())
		}
		if text := wsdump.stdout.text(); strings.Contains(text, "to server 0") || strings.Count(text, "to server 1") != 2 || !strings.Contains(text, `"tcp_connections":1,`) {
			t.Errorf("%s:\n%s", device, text)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	wrong := start(t, self, "wsdump", "-i", "lo", "-f", "tcp prot 80")
	if code := wrong.wait(); code != exitUsage || !strings.Contains(wrong.stderr.text(), "column 5") {
		t.Errorf("exit code %d: %s", code, wrong.stderr.text())
	}
}

// TestLiveCalm: a row when a connection ends, a line of figures again and again,
// and counts for Prometheus.
func TestLiveCalm(t *testing.T) {
	long.Test(t)
	namespace(t)
	url := echo(t, "127.0.0.1")
	list := watching(t, "list", "-i", "lo")
	figures := watching(t, "stats", "-i", "lo", "--every", "100ms")
	ndjson := watching(t, "stats", "-i", "lo", "--every", "100ms", "-T", "ndjson")
	counts := watching(t, "-i", "lo", "--no-timeline", "--metrics", "127.0.0.1:0", "-f", "port "+regexp.MustCompile(`:(\d+)/`).FindStringSubmatch(url)[1])
	for range 2 {
		ws := talk(t, url)
		say(t, ws, "hello")
		ws.Close()
		list.stdout.await(t, `^\d+ +ws://127.0.0.1:\d+/chat +127.0.0.1:\d+ +127.0.0.1:\d+ +101 .* 1 \(5 B\) +1 \(5 B\) +1000 client`)
	}
	figures.stdout.await(t, `^\d\d:\d\d:\d\d +\d+ +[1-9]`)
	line, _ := ndjson.stdout.await(t, `"type":"stat_interval".*"opened":[1-9],`)
	if first := strings.SplitN(ndjson.stdout.text(), "\n", 2)[0]; !strings.HasPrefix(first, `{"type":"start"`) {
		t.Errorf("begins with %s", first)
	}
	var row any
	if err := json.Unmarshal([]byte(line), &row); err != nil {
		t.Fatal(err)
	}
	if err := schema(t).Validate(row); err != nil {
		t.Errorf("%v: %s", err, line)
	}

	where, _ := counts.stderr.await(t, "counts at ")
	at := regexp.MustCompile(`http://\S+`).FindString(where)
	want := []string{
		"wsdump_connections_opened_total 2", "wsdump_connections_open 0", `wsdump_messages_total{direction="send"} 2`,
		`wsdump_closes_total{code="1000"} 2`, "wsdump_dropped_packets_total 0",
	}
	var text string
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		text = get(t, at)
		if strings.Contains(text, want[3]) {
			break
		}
	}
	for _, w := range want {
		if !strings.Contains(text, w+"\n") {
			t.Errorf("no %q in\n%s", w, text)
		}
	}
	for _, r := range []*running{list, figures, ndjson, counts} {
		if code := r.interrupt(); code != exitOK {
			t.Errorf("exit code %d: %s", code, r.stderr.text())
		}
	}
	list.stdout.await(t, `^2 connections: 2 messages sent`)
	figures.stdout.await(t, "What stands out|WHAT STANDS OUT")
}

// get asks from the namespace of the test.
func get(t *testing.T, url string) string {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/metrics"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET /metrics HTTP/1.0\r\n\r\n")
	b, err := io.ReadAll(c)
	if err != nil || !bytes.HasPrefix(b, []byte("HTTP/1.0 200 OK\r\n")) {
		t.Fatalf("%v: %.300s", err, b)
	}
	return string(b)
}

// TestLiveKeep: of a flight recorder only what matched when it ended is kept,
// from its first packet to its last; with less room than that, what was held.
func TestLiveKeep(t *testing.T) {
	long.Test(t)
	namespace(t)
	url := echo(t, "127.0.0.1")
	for _, test := range []struct {
		args []string
		cut  bool
	}{{nil, false}, {[]string{"--keep-buffer", "1"}, true}} {
		file := filepath.Join(t.TempDir(), "kept.pcapng")
		shown := watching(t, append([]string{"-i", "lo", "-T", "ndjson", "-w", file, "--keep", "not has(code)"}, test.args...)...)
		for i := range 3 {
			config, err := websocket.NewConfig(url, "http://localhost/")
			if err != nil {
				t.Fatal(err)
			}
			conn, err := net.Dial("tcp", config.Location.Host)
			if err != nil {
				t.Fatal(err)
			}
			ws, err := websocket.NewClient(config, conn)
			if err != nil {
				t.Fatal(err)
			}
			for range 20 {
				say(t, ws, fmt.Sprint("connection ", i, strings.Repeat(" ", 100_000)))
			}
			if i == 1 {
				conn.Close() // without a close frame
			} else {
				ws.Close()
			}
			shown.stdout.await(t, fmt.Sprintf(`"type":"close".*"conn":%d,`, i+1))
		}
		if code := shown.interrupt(); code != exitOK {
			t.Errorf("exit code %d: %s", code, shown.stderr.text())
		}
		got := strings.Join(timelineOf(t, file), "\n")
		if strings.Contains(got, "connection 0") || strings.Contains(got, "connection 2") {
			t.Error("a connection that does not match was kept")
		}
		n := strings.Count(got, "connection 1")
		whole := strings.Contains(got, `"status":101`) && strings.Contains(got, `"tcp":"fin"`) && n == 40
		if whole == test.cut || n == 0 && !test.cut {
			t.Errorf("%v: %d messages of the connection were kept; %s", test.args, n, shown.stderr.text())
		}
		if told := strings.Contains(shown.stderr.text(), "without the beginning"); told != test.cut {
			t.Errorf("%v: %s", test.args, shown.stderr.text())
		}
	}
}

// TestLiveSlowView: a view that nobody reads keeps neither the ring nor the file
// waiting.
func TestLiveSlowView(t *testing.T) {
	long.Test(t)
	namespace(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "all.pcapng")
	url := echo(t, "127.0.0.1")
	cmd := exec.Command(self)
	cmd.Args = []string{"wsdump", "-i", "lo", "-B", "8MiB", "-T", "ndjson", "-w", file}
	cmd.Env = append(os.Environ(), "SUDO_UID=", "SSLKEYLOGFILE=")
	out, err := cmd.StdoutPipe() // and it is not read
	if err != nil {
		t.Fatal(err)
	}
	words, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := &lines{end: make(chan struct{})}
	go said.read(words)
	said.await(t, "capturing on")
	ws := talk(t, url)
	const n = 150 // 15 MB each way: more than the pipe and the ring hold together
	for i := range n {
		say(t, ws, strings.Repeat("x", 100_000)+strconv.Itoa(i))
		time.Sleep(10 * time.Millisecond) // the writer has to come by now and then
	}
	ws.Close()
	if err := cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	said.await(t, ` 0 dropped, \d+ MiB, the view is [\d.]+s behind$`)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	rest := &lines{end: make(chan struct{})}
	go rest.read(out) // now somebody reads
	<-rest.end
	<-said.end
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, said.text())
	}
	if got := strings.Join(timelineOf(t, file), "\n"); strings.Count(got, `"type":"message"`) != 2*n || !strings.Contains(got, `"tcp":"fin"`) {
		t.Errorf("%d messages in the file: %s", strings.Count(got, `"type":"message"`), said.text())
	}
	if got := rest.text(); strings.Count(got, `"type":"message"`) != 2*n {
		t.Errorf("%d messages shown: %s", strings.Count(got, `"type":"message"`), said.text())
	}
}

// TestLiveSilence: what is missing is told while nothing happens, and the file
// says the same, although its last packet came before.
func TestLiveSilence(t *testing.T) {
	long.Test(t)
	namespace(t)
	over := make(chan struct{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: websocket.Handler(func(*websocket.Conn) { <-over })} // which hears nothing
	go func() { _ = server.Serve(listener) }()
	defer server.Close()
	defer close(over)
	file := filepath.Join(t.TempDir(), "quiet.pcapng")
	wsdump := watching(t, "-i", "lo", "-T", "ndjson", "--payload", "all", "-w", file)
	ws := talk(t, "ws://"+listener.Addr().String()+"/")
	ws.PayloadType = websocket.PingFrame
	if _, err := ws.Write([]byte("are you there")); err != nil {
		t.Fatal(err)
	}
	_, asked := wsdump.stdout.await(t, `"op":"ping"`)
	_, told := wsdump.stdout.await(t, `"rule":"ws/pong-missing"`)
	if code := wsdump.interrupt(); code != exitOK {
		t.Errorf("exit code %d: %s", code, wsdump.stderr.text())
	}
	t.Logf("told %v after the ping", told.Sub(asked).Round(time.Millisecond))
	same(t, "the file", timelineOf(t, file), rows(t, wsdump.stdout.text()))
}

// TestLiveUnread: when nobody reads the rows any more the capture ends.
func TestLiveUnread(t *testing.T) {
	namespace(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Args = []string{"wsdump", "-i", "lo", "-T", "ndjson"}
	cmd.Env = append(os.Environ(), "SUDO_UID=", "SSLKEYLOGFILE=")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	words, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := &lines{end: make(chan struct{})}
	go said.read(words)
	said.await(t, "capturing on")
	ws := talk(t, echo(t, "127.0.0.1"))
	defer ws.Close()
	say(t, ws, "hello")
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	out.Close()
	for ended := false; !ended; time.Sleep(10 * time.Millisecond) {
		say(t, ws, "is anybody there")
		select {
		case <-said.end:
			ended = true
		default:
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, said.text())
	}
}

// TestLiveStdout: packets for another program.
func TestLiveStdout(t *testing.T) {
	namespace(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "piped.pcapng"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd := exec.Command(self)
	cmd.Args = []string{"wsdump", "-i", "lo", "--no-timeline", "-w", "-"}
	cmd.Env = append(os.Environ(), "SUDO_UID=")
	cmd.Stdout = file
	words, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := &lines{end: make(chan struct{})}
	go said.read(words)
	said.await(t, "capturing on")
	ws := talk(t, echo(t, "127.0.0.1"))
	say(t, ws, "hello")
	ws.Close()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	<-said.end
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, said.text())
	}
	if got := strings.Join(timelineOf(t, file.Name()), "\n"); strings.Count(got, `"text":"hello"`) != 2 {
		t.Errorf("%s", got)
	}
}
