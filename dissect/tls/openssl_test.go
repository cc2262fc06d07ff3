package tls

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wsdump/wsdump/timeline"
)

// openssl runs s_server and s_client against each other.
type openssl struct {
	t      *testing.T
	dir    string
	server []string // arguments
	client []string
	echo   bool // the server answers each line reversed

	typed   io.Writer // of the server that runs
	heard   *output
	stop    func()
	address string
}

func newOpenSSL(t *testing.T) *openssl {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed")
	}
	o := &openssl{t: t, dir: t.TempDir(), echo: true}
	ids := identities()
	for i, name := range []string{"rsa", "ec"} {
		os.WriteFile(o.path(name+".crt"), ids[i].certPEM, 0o600)
		os.WriteFile(o.path(name+".key"), ids[i].pemK, 0o600)
	}
	o.server = []string{"-cert", o.path("rsa.crt"), "-key", o.path("rsa.key"), "-dcert", o.path("ec.crt"), "-dkey", o.path("ec.key")}
	return o
}

func (o *openssl) path(name string) string { return filepath.Join(o.dir, name) }

// output collects what a process writes, to be waited for.
type output struct {
	all   bytes.Buffer
	lines chan string
}

func (o *openssl) start(args ...string) (in io.WriteCloser, out *output, stop func()) {
	t := o.t
	t.Helper()
	cmd := exec.Command("openssl", args...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out = &output{lines: make(chan string, 10000)}
	go func() {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			out.lines <- lines.Text()
		}
		close(out.lines)
		io.Copy(io.Discard, r)
	}()
	gone := make(chan struct{})
	go func() { cmd.Wait(); w.Close(); close(gone) }()
	stop = func() {
		in.Close()
		select {
		case <-gone:
		case <-time.After(3 * time.Second):
			cmd.Process.Kill()
			<-gone
		}
	}
	t.Cleanup(func() { cmd.Process.Kill(); <-gone })
	return in, out, stop
}

// until reads lines up to one that holds text.
func (out *output) until(t *testing.T, text string) (line string) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		select {
		case line, ok := <-out.lines:
			out.all.WriteString(line + "\n")
			if !ok {
				t.Fatalf("ended before %q:\n%s", text, &out.all)
			}
			if strings.Contains(line, text) {
				return line
			}
		case <-deadline:
			t.Fatalf("no %q in:\n%s", text, &out.all)
		}
	}
}

// serve starts the server for n connections.
func (o *openssl) serve(n string) {
	o.t.Helper()
	server := append([]string{"s_server", "-accept", "127.0.0.1:0", "-naccept", n}, o.server...)
	if o.echo {
		server = append(server, "-rev")
	}
	o.typed, o.heard, o.stop = o.start(server...)
	o.address = strings.TrimPrefix(o.heard.until(o.t, "ACCEPT"), "ACCEPT ")
}

// talk is one connection to a server of its own.
func (o *openssl) talk(lines ...string) *recording {
	o.t.Helper()
	o.serve("1")
	return o.connect("", lines...)
}

// twice is a connection and one that resumes it, with early data.
func (o *openssl) twice(early string) (first, second *recording) {
	o.t.Helper()
	o.serve("2")
	base := o.client
	o.client = append(slices.Clone(base), "-sess_out", o.path("session"))
	first = o.connect("", "hello one", "hello two")
	o.client = append(slices.Clone(base), "-sess_in", o.path("session"))
	second = o.connect(early, "hello three", "hello four")
	return first, second
}

// connect records a connection in which the client types lines. One of a single
// letter is a command to s_client: K updates both keys, k its own, R
// renegotiates. early is what it sends as early data.
func (o *openssl) connect(early string, lines ...string) *recording {
	t := o.t
	t.Helper()
	at, wait := relay(t, o.address)
	os.Remove(o.path("keys.log"))
	client := append([]string{"s_client", "-connect", at, "-keylogfile", o.path("keys.log"), "-servername", "ws.example"}, o.client...)
	r := new(recording)
	if early != "" {
		os.WriteFile(o.path("early"), []byte(early), 0o600)
		client = append(client, "-early_data", o.path("early"))
		r.want[0] = []byte(early)
	}
	in, out, stop := o.start(client...)
	say := func(line string) {
		r.want[0] = append(r.want[0], line+"\n"...)
		io.WriteString(in, line+"\n")
		if o.echo {
			back := []byte(line)
			slices.Reverse(back)
			out.until(t, string(back))
			r.want[1] = append(append(r.want[1], back...), '\n')
			return
		}
		o.heard.until(t, line)
		back := "answer to " + line
		io.WriteString(o.typed, back+"\n")
		out.until(t, back)
		r.want[1] = append(r.want[1], back+"\n"...)
	}
	for _, line := range lines {
		if len(line) == 1 {
			// The next line must not come in the same read: it would be lost.
			io.WriteString(in, line+"\n")
			out.until(t, map[string]string{"K": "KEYUPDATE", "k": "KEYUPDATE", "R": "RENEGOTIATING"}[line])
			continue
		}
		say(line)
	}
	io.WriteString(in, "Q\n")
	stop()
	r.pieces = wait()
	log, err := os.ReadFile(o.path("keys.log"))
	if err != nil {
		t.Fatal(err)
	}
	r.log = log
	return r
}

func conversation() []string {
	return []string{"hello there", string(text(7, 3000)), "ab", string(text(8, 500))}
}

func TestOpenSSLSuites(t *testing.T) {
	t.Parallel()
	for _, x := range []struct{ version, suites string }{
		{"tls1_3", "TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256 TLS_AES_128_CCM_SHA256 TLS_AES_128_CCM_8_SHA256"},
		{"tls1_2", "ECDHE-RSA-AES128-GCM-SHA256 ECDHE-RSA-AES256-GCM-SHA384 ECDHE-RSA-CHACHA20-POLY1305 DHE-RSA-CHACHA20-POLY1305 DHE-RSA-AES256-GCM-SHA384 " +
			"ECDHE-ECDSA-AES128-CCM ECDHE-ECDSA-AES256-CCM ECDHE-ECDSA-AES128-CCM8 ECDHE-ECDSA-AES256-CCM8 AES128-CCM AES256-CCM8 DHE-RSA-AES256-CCM " +
			"AES128-GCM-SHA256 AES256-GCM-SHA384 AES128-SHA AES256-SHA AES128-SHA256 AES256-SHA256 ECDHE-RSA-AES256-SHA384 ECDHE-ECDSA-AES256-SHA384 " +
			"ECDHE-RSA-AES128-SHA256 DHE-RSA-AES256-SHA256 ADH-AES128-SHA ADH-AES256-GCM-SHA384 PSK-AES128-GCM-SHA256 PSK-CHACHA20-POLY1305 PSK-AES128-CCM8 PSK-AES256-CBC-SHA384 " +
			"ECDHE-PSK-AES128-CBC-SHA256 DHE-PSK-AES256-CBC-SHA384 RSA-PSK-AES128-CBC-SHA"},
		{"tls1_1", "AES128-SHA ECDHE-RSA-AES256-SHA"},
		{"tls1", "AES128-SHA AES256-SHA ECDHE-ECDSA-AES128-SHA"},
	} {
		for _, name := range strings.Fields(x.suites) {
			for _, mode := range []string{"", "-no_etm"} {
				cbc := strings.Contains(name, "-SHA") && !strings.Contains(name, "GCM")
				if mode != "" && !cbc {
					continue
				}
				t.Run(x.version+"/"+name+mode, func(t *testing.T) {
					t.Parallel()
					o := newOpenSSL(t)
					o.suite(x.version, name)
					if mode != "" {
						o.client = append(o.client, mode)
					}
					r := o.talk(conversation()...)
					h := r.check(t, func() *Keys { return keysOf(t, r.log) })
					if h.info.ServerName != "ws.example" || !h.info.Agreed {
						t.Errorf("info %+v", *h.info)
					}
					if s := suiteOf(h.info.Cipher); s.rsa {
						r.check(t, o.private)
					}
				})
			}
		}
	}
}

func (o *openssl) suite(version, name string) {
	args := []string{"-" + version}
	if version == "tls1_3" {
		args = append(args, "-ciphersuites", name)
	} else {
		args = append(args, "-cipher", name+":@SECLEVEL=0")
	}
	if strings.Contains(name, "PSK") {
		args = append(args, "-psk", "0102030405060708090a0b0c0d0e0f10")
	}
	o.server, o.client = append(o.server, args...), append(o.client, args...)
}

func (o *openssl) private() *Keys {
	k := new(Keys)
	if err := k.AddPEM(identities()[0].pemK); err != nil {
		o.t.Fatal(err)
	}
	return k
}

func TestOpenSSLUnsupported(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ECDHE-ARIA128-GCM-SHA256", "CAMELLIA128-SHA256", "NULL-SHA256", "ECDHE-RSA-CAMELLIA256-SHA384"} {
		o := newOpenSSL(t)
		o.suite("tls1_2", name)
		r := o.talk("hello there")
		h := play(keysOf(t, r.log), r.pieces)
		if h.reason == nil || h.reason.Kind != Unsupported || !strings.Contains(h.reason.Text, h.info.CipherName()) || !slices.Equal(h.findings, []string{"tls/unsupported"}) {
			t.Errorf("%s: reason %v, findings %q", name, h.reason, h.findings)
		}
		t.Log(h.reason)
	}
}

func TestOpenSSLKeyUpdate(t *testing.T) {
	t.Parallel()
	o := newOpenSSL(t)
	o.suite("tls1_3", "TLS_AES_256_GCM_SHA384")
	o.client = append(o.client, "-record_padding", "128")
	lines := []string{"hello one", "k", "hello two", "K", "hello three", "K", "K", string(text(9, 2000)), "hello four"}
	r := o.talk(lines...)
	r.check(t, func() *Keys { return keysOf(t, r.log) })
	r.holes(t, func() *Keys { return keysOf(t, r.log) }, 300)
}

func TestOpenSSLRenegotiation(t *testing.T) {
	t.Parallel()
	for _, x := range []struct{ version, suite string }{
		{"tls1_2", "ECDHE-RSA-AES128-GCM-SHA256"}, {"tls1_2", "AES128-SHA"}, {"tls1", "AES128-SHA"},
	} {
		o := newOpenSSL(t)
		o.suite(x.version, x.suite)
		o.server = append(o.server, "-client_renegotiation")
		r := o.talk("hello one", "R", "hello two", "R", "hello three")
		if n := bytes.Count(r.log, []byte("CLIENT_RANDOM")); n != 3 {
			t.Errorf("%d sessions in the key log, want 3", n)
		}
		r.check(t, func() *Keys { return keysOf(t, r.log) })
		if x.suite == "AES128-SHA" {
			r.check(t, o.private)
		}
	}
}

// TestOpenSSLResumption resumes by ticket and by session id.
func TestOpenSSLResumption(t *testing.T) {
	t.Parallel()
	for _, x := range []struct{ version, suite, option string }{
		{"tls1_3", "TLS_AES_128_GCM_SHA256", ""},
		{"tls1_2", "AES256-SHA256", ""},
		{"tls1_2", "AES256-SHA256", "-no_ticket"},
		{"tls1", "AES256-SHA", ""},
		{"tls1_1", "AES128-SHA", "-no_ticket"},
	} {
		o := newOpenSSL(t)
		o.suite(x.version, x.suite)
		if x.option != "" {
			o.server = append(o.server, x.option)
		}
		first, second := o.twice("")
		h := second.check(t, func() *Keys { return keysOf(t, second.log) })
		if x.version == "tls1_3" {
			continue
		}
		if !h.info.Resumed {
			t.Errorf("%v: not resumed", x)
		}
		second.check(t, func() *Keys {
			k := o.private()
			first.equal(t, "first", play(k, first.pieces))
			return k
		})
	}
}

// TestOpenSSLSessionID opens TLS 1.2 by the line that tools for Java write: the session ID
// of the ServerHello with the master secret.
func TestOpenSSLSessionID(t *testing.T) {
	t.Parallel()
	o := newOpenSSL(t)
	o.suite("tls1_2", "ECDHE-RSA-AES128-GCM-SHA256")
	o.server = append(o.server, "-no_ticket")
	r := o.talk(conversation()...)
	master := regexp.MustCompile(`CLIENT_RANDOM \S+ (\S+)`).FindSubmatch(r.log)
	var hello []byte // the first record of the server: its body begins behind 5 bytes
	for _, piece := range r.pieces {
		if piece.dir == timeline.ServerToClient && len(hello) < 100 {
			hello = append(hello, piece.b...)
		}
	}
	if master == nil || len(hello) < 100 || hello[5] != 2 || hello[43] != 32 {
		t.Fatalf("no session ID in %x", hello)
	}
	line := fmt.Sprintf("RSA Session-ID:%X Master-Key:%s\n", hello[44:44+32], bytes.ToUpper(master[1]))
	r.check(t, func() *Keys { return keysOf(t, []byte(line)) })
	r.check(t, func() *Keys { return keysOf(t, []byte(line)).Clone() })
}

// TestOpenSSLEarlyData sends early data that the server takes.
func TestOpenSSLEarlyData(t *testing.T) {
	t.Parallel()
	for _, suite := range []string{"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"} {
		o := newOpenSSL(t)
		o.suite("tls1_3", suite)
		o.echo = false
		o.server = append(o.server, "-early_data", "-no_anti_replay")
		first, second := o.twice("early data\n")
		first.check(t, func() *Keys { return keysOf(t, first.log) })
		if !bytes.Contains(second.log, []byte("CLIENT_EARLY_TRAFFIC_SECRET")) {
			t.Fatalf("no early data was sent: %d lines of log", bytes.Count(second.log, []byte("\n")))
		}
		h := second.check(t, func() *Keys { return keysOf(t, second.log) })
		if h.order[0] != timeline.ClientToServer {
			t.Error("early data was not told first")
		}
	}
}

// TestOpenSSLEarlyDataRefused sends early data that the server passes over: to
// another server, and to one that asks for another key share.
func TestOpenSSLEarlyDataRefused(t *testing.T) {
	t.Parallel()
	for _, retry := range []bool{false, true} {
		o := newOpenSSL(t)
		o.suite("tls1_3", "TLS_AES_128_GCM_SHA256")
		o.echo = false
		o.server = append(o.server, "-early_data", "-no_anti_replay")
		o.serve("2")
		if retry {
			o.client = append(o.client, "-groups", "X25519:P-384")
			o.server = append(o.server, "-groups", "P-384")
		}
		base := o.client
		o.client = append(slices.Clone(base), "-sess_out", o.path("session"))
		o.connect("", "hello one")
		o.serve("1")
		o.client = append(slices.Clone(base), "-sess_in", o.path("session"))
		early := string(text(3, 900))
		r := o.connect(early, "hello two", "hello three")
		if !bytes.Contains(r.log, []byte("CLIENT_EARLY_TRAFFIC_SECRET")) {
			t.Fatal("no early data was sent")
		}
		r.want[0] = r.want[0][len(early):]
		r.check(t, func() *Keys { return keysOf(t, r.log) })
		r.holes(t, func() *Keys { return keysOf(t, r.log) }, 100)
	}
}
