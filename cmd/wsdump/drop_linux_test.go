package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wsdump/wsdump/internal/long"
	"golang.org/x/net/websocket"
)

const nobody = 65534

// static builds wsdump as it is released, without cgo: only so can it give up
// capabilities on all threads.
func static(t *testing.T) string {
	t.Helper()
	long.Test(t)
	path := filepath.Join(t.TempDir(), "wsdump")
	build := exec.Command("go", "build", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// open lets others in where the test has its files.
func open(t *testing.T, folder string) {
	t.Helper()
	for ; folder != os.TempDir() && folder != "/"; folder = filepath.Dir(folder) {
		if err := os.Chmod(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDrop: what parses packets is no longer root and has no capabilities, on no
// thread; files still follow each other, and a key log that only root may read
// is still followed.
func TestDrop(t *testing.T) {
	namespace(t)
	program := static(t)
	url := echo(t, "127.0.0.1")
	for _, test := range []struct {
		name string
		env  []string
		args []string
		uid  int
		caps string
	}{
		{"sudo", []string{"SUDO_UID=65534", "SUDO_GID=65534", "SUDO_USER=nobody"}, nil, nobody, "0000000000000000"},
		{"-Z", nil, []string{"-Z", "nobody"}, nobody, "0000000000000000"},
		{"root", nil, nil, 0, "0000000000000002"}, // CAP_DAC_OVERRIDE, for files
	} {
		folder := t.TempDir()
		open(t, folder)
		if err := os.Chown(folder, nobody, nobody); err != nil {
			t.Fatal(err)
		}
		keys := filepath.Join(folder, "keys.log")
		if err := os.WriteFile(keys, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		r := startWith(t, program, test.env, append([]string{"wsdump", "-i", "lo", "-T", "ndjson", "-k", keys, "-w", filepath.Join(folder, "x.pcapng"), "-C", "1"}, test.args...)...)
		r.stderr.await(t, "capturing on")
		ws := talk(t, url)
		for range 15 {
			say(t, ws, strings.Repeat("x", 100_000)) // 2 files and a half
		}
		r.stdout.await(t, `"type":"message".*"n":30,`)
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", r.cmd.Process.Pid))
		if err != nil || len(threads) < 2 {
			t.Fatal(len(threads), err)
		}
		for _, name := range threads {
			status, err := os.ReadFile(name)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			for _, want := range []string{
				fmt.Sprintf("Uid:\t%d\t%d\t%d\t%d", test.uid, test.uid, test.uid, test.uid),
				"CapPrm:\t" + test.caps, "CapEff:\t" + test.caps, "CapInh:\t0000000000000000", "CapAmb:\t0000000000000000", "NoNewPrivs:\t1",
			} {
				if !strings.Contains(string(status), want+"\n") {
					t.Errorf("%s: %s has no %q:\n%s", test.name, name, want, status)
				}
			}
		}
		ws.Close()
		if code := r.interrupt(); code != exitOK {
			t.Errorf("%s: exit code %d: %s", test.name, code, r.stderr.text())
		}
		files, _ := filepath.Glob(filepath.Join(folder, "x.pcapng*"))
		if len(files) < 3 {
			t.Errorf("%s: %q", test.name, files)
		}
		for _, name := range files {
			info, err := os.Stat(name)
			if err != nil {
				t.Fatal(err)
			}
			if uid := info.Sys().(*syscall.Stat_t).Uid; int(uid) != test.uid {
				t.Errorf("%s: %s belongs to %d", test.name, name, uid)
			}
		}
	}
}

// TestDropped: a file that who we are then may not write is told before anything
// is captured, with what to do.
func TestDropped(t *testing.T) {
	namespace(t)
	program := static(t)
	folder := t.TempDir()
	open(t, folder) // root's
	r := startWith(t, program, []string{"SUDO_UID=65534", "SUDO_GID=65534", "SUDO_USER=nobody"}, "wsdump", "-i", "lo", "-w", filepath.Join(folder, "x.pcapng"))
	if code := r.wait(); code != exitInput || !strings.Contains(r.stderr.text(), "files are written as nobody, who called sudo") {
		t.Errorf("exit code %d: %s", code, r.stderr.text())
	}
	if err := os.Chmod(program, 0o755); err != nil {
		t.Fatal(err)
	}
	open(t, filepath.Dir(program))
	cmd := exec.Command(program, "-i", "lo", "--duration", "1s")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != exitInput || !strings.Contains(string(out), "sudo setcap cap_net_raw,cap_net_admin+ep "+program) {
		t.Errorf("%v: %s", err, out)
	}
	// By a capability of the file, as the hint says.
	if out, err := exec.Command("setcap", "cap_net_raw,cap_net_admin+ep", program).CombinedOutput(); err != nil {
		t.Skipf("no setcap here: %v %s", err, out)
	}
	cmd = exec.Command(program, "-i", "lo", "--duration", "100ms")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	began := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "capturing on lo") {
		t.Errorf("with setcap, after %v: %v: %s", time.Since(began), err, out)
	}
}

// TestDropKeys: the key log of another user, which may not be opened any more,
// is read on while it grows, and rows show with the keys that come.
func TestDropKeys(t *testing.T) {
	namespace(t)
	program := static(t)
	folder := t.TempDir()
	open(t, folder)
	log, err := os.OpenFile(filepath.Join(folder, "keys.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	server := httptest.NewUnstartedServer(websocket.Handler(sendBack))
	server.StartTLS()
	defer server.Close()
	r := startWith(t, program, nil, "wsdump", "-i", "lo", "-T", "ndjson", "-k", log.Name(), "-Z", "nobody")
	r.stderr.await(t, "capturing on")
	for i := range 3 { // the keys of each come after those before were read
		conn, err := tls.Dial("tcp", server.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true, KeyLogWriter: log})
		if err != nil {
			t.Fatal(err)
		}
		config, err := websocket.NewConfig(fmt.Sprintf("wss://%s/%d", server.Listener.Addr(), i), "https://localhost/")
		if err != nil {
			t.Fatal(err)
		}
		ws, err := websocket.NewClient(config, conn)
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("secret %d", i)
		say(t, ws, text)
		r.stdout.await(t, `"dir":"receive".*`+text)
		ws.Close()
	}
	if code := r.interrupt(); code != exitOK {
		t.Errorf("exit code %d: %s", code, r.stderr.text())
	}
}
