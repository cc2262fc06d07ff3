package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wsdump/wsdump/internal/long"
	"golang.org/x/net/websocket"
)

// planted is a secret of the conversation: it must be in no file that is passed
// on.
const planted = "planted-0f3a9c51e7"

// page is a server that a browser can use: a page that talks over a WebSocket
// and asks for /done afterwards.
func page(t *testing.T, done func()) string { return pageOf(t, sendBack, done) }

func pageOf(t *testing.T, chat websocket.Handler, done func()) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/chat", chat)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `<script>const ws = new WebSocket("wss://" + location.host + "/chat?token=%s");
			ws.onopen = () => ws.send("hello from a page");
			ws.onmessage = () => ws.close(1000);
			ws.onclose = () => fetch("/done");</script>`, planted)
	})
	mux.HandleFunc("/done", func(http.ResponseWriter, *http.Request) { done() })
	server := httptest.NewTLSServer(mux)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// nodeTalk is a program for node that does what the page does.
func nodeTalk(address string) string {
	return fmt.Sprintf(`
			const frame = (op, b) => Buffer.concat([Buffer.from([0x80 | op, 0x80 | b.length, 0, 0, 0, 0]), b]);
			require("https").get({ host: "%[1]s".split(":")[0], port: "%[1]s".split(":")[1], path: "/chat?token=%[2]s", rejectUnauthorized: false, headers: {
				Origin: "https://%[1]s", Upgrade: "websocket", Connection: "Upgrade", "Sec-WebSocket-Version": 13, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==" } })
				.on("upgrade", (_, socket) => {
					socket.write(frame(1, Buffer.from("hello from node")));
					socket.once("data", () => socket.end(frame(8, Buffer.from([3, 232]))));
					socket.resume();
				})
				.on("response", r => { console.error(r.statusCode); process.exit(9) })`, address, planted)
}

// TestRun: a command runs as who called sudo, its TLS keys are seen and thrown
// away, and what is passed on holds no secret.
func TestRun(t *testing.T) {
	namespace(t)
	program := static(t)
	for _, name := range []string{"node", "chromium"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Logf("no %s here", name)
			continue
		}
		folder := t.TempDir()
		open(t, folder)
		if err := os.Chown(folder, nobody, nobody); err != nil {
			t.Fatal(err)
		}
		done := filepath.Join(folder, "done")
		address := page(t, sync.OnceFunc(func() {
			if err := os.WriteFile(done, nil, 0o644); err != nil {
				t.Error(err)
			}
		}))
		script := fmt.Sprintf(`id -u >%[1]s/uid; ls -l "$SSLKEYLOGFILE" >%[1]s/keys; exec %[2]s --no-warnings -e '
%[3]s'`, folder, path, nodeTalk(address))
		if name == "chromium" {
			script = fmt.Sprintf(`id -u >%[1]s/uid; ls -l "$SSLKEYLOGFILE" >%[1]s/keys
				HOME=%[1]s %[2]s --headless --no-sandbox --disable-gpu --ignore-certificate-errors --no-first-run --user-data-dir=%[1]s/profile https://%[3]s/ >%[1]s/log 2>&1 & pid=$!
				for i in $(seq 600); do [ -e %[1]s/done ] && break; sleep 0.1; done
				sleep 0.3; kill $pid; wait $pid; [ -e %[1]s/done ]`, folder, path, address)
		}
		r := startWith(t, program, []string{"SUDO_UID=65534", "SUDO_GID=65534", "SUDO_USER=nobody"}, "wsdump", "run", "-i", "lo",
			"-T", "html", "-o", filepath.Join(folder, "run.html"), "--report", "junit="+filepath.Join(folder, "ws.xml"), "--report", "text",
			"--assert", `message some: text contains "hello from"`, "--assert", `message none: text contains "hello from"`, "--", "sh", "-c", script)
		code := r.wait()
		words := r.stderr.text()
		if code != exitFailed || !strings.Contains(r.stdout.text(), "hello from") {
			t.Errorf("%s: exit code %d: %s\n%s", name, code, r.stdout.text(), words)
		}
		if uid, _ := os.ReadFile(filepath.Join(folder, "uid")); strings.TrimSpace(string(uid)) != "65534" {
			t.Errorf("%s: the command ran as %q", name, uid)
		}
		keys, _ := os.ReadFile(filepath.Join(folder, "keys"))
		log := regexp.MustCompile(`/\S+$`).FindString(strings.TrimSpace(string(keys)))
		if !strings.HasPrefix(string(keys), "-rw-------") || log == "" {
			t.Errorf("%s: the key log: %q", name, keys)
		} else if _, err := os.Stat(filepath.Dir(log)); !os.IsNotExist(err) {
			t.Errorf("%s: the keys are still there: %v", name, err)
		}
		for _, file := range []string{"run.html", "ws.xml"} {
			b, err := os.ReadFile(filepath.Join(folder, file))
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if strings.Contains(string(b), planted) || file == "run.html" && !strings.Contains(string(b), "hello from") {
				t.Errorf("%s: %s holds what is secret, or nothing", name, file)
			}
			if info, err := os.Stat(filepath.Join(folder, file)); err != nil || info.Sys().(*syscall.Stat_t).Uid != nobody {
				t.Errorf("%s: %s: %v", name, file, err)
			}
		}
		if strings.Contains(r.stdout.text()+words, planted) {
			t.Errorf("%s: the secret was printed:\n%s", name, r.stdout.text())
		}
		t.Logf("%s:\n%s\n%s", name, r.stdout.text(), words)
	}
}

// TestRunCodes: the command's own exit code goes first, then the verdict.
func TestRunCodes(t *testing.T) {
	namespace(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args []string
		want int
	}{
		{[]string{"--protocol", "basic", "--", "sh", "-c", "exit 7"}, 7},
		{[]string{"--", "sh", "-c", "kill -9 $$"}, 137},
		{[]string{"--", "true"}, exitFailed}, // no WebSocket at all
		{[]string{"--", "no-such-command"}, exitUsage},
		{nil, exitUsage},
		{[]string{"-T", "html", "--", "true"}, exitUsage},
	} {
		r := start(t, self, append([]string{"wsdump", "run", "-i", "lo", "--linger", "1ms"}, test.args...)...)
		if code := r.wait(); code != test.want {
			t.Errorf("%q: exit code %d, want %d: %s", test.args, code, test.want, r.stderr.text())
		}
	}
}

// TestLiveSecure: wss of Node and of Chromium, seen as it happens with the keys
// that they write meanwhile. How long rows take is printed.
func TestLiveSecure(t *testing.T) {
	long.Test(t)
	namespace(t)
	for _, name := range []string{"node", "chromium"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Logf("no %s here", name)
			continue
		}
		folder := t.TempDir()
		keys := filepath.Join(folder, "keys.log")
		heard := make(chan time.Time, 1)
		address := pageOf(t, func(ws *websocket.Conn) {
			var text string
			if websocket.Message.Receive(ws, &text) == nil {
				heard <- time.Now()
				_ = websocket.Message.Send(ws, text)
			}
			_ = websocket.Message.Receive(ws, &text) // until it closes
		}, func() {})
		wsdump := watching(t, "-i", "lo", "-T", "ndjson", "-k", keys)
		args := []string{name, "--no-warnings", "--tls-keylog=" + keys, "-e", nodeTalk(address)}
		if name == "chromium" {
			args = []string{
				name, "--headless", "--no-sandbox", "--disable-gpu", "--ignore-certificate-errors", "--no-first-run", "--disable-quic",
				"--user-data-dir=" + filepath.Join(folder, "profile"), "https://" + address + "/",
			}
		}
		peer := startWith(t, path, []string{"SSLKEYLOGFILE=" + keys, "HOME=" + folder}, args...)
		_, seen := wsdump.stdout.await(t, `"type":"message".*"dir":"send".*hello from`)
		wsdump.stdout.await(t, `"type":"message".*"dir":"receive".*hello from`)
		t.Logf("%s: the row came %v after the server had the message", name, seen.Sub(<-heard).Round(time.Millisecond))
		if name == "chromium" {
			_ = peer.cmd.Process.Signal(os.Interrupt)
		}
		if code := wsdump.interrupt(); code != exitOK {
			t.Errorf("%s: exit code %d: %s", name, code, wsdump.stderr.text())
		}
	}
}
