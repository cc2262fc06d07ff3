package main

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestLiveStatus: SIGUSR1 is answered where no rows are shown, too: without
// connections when nobody looks for them.
func TestLiveStatus(t *testing.T) {
	namespace(t)
	url := echo(t, "127.0.0.1")
	for _, test := range []struct {
		args   []string
		status string
	}{
		{[]string{"-w", filepath.Join(t.TempDir(), "all.pcapng")}, `^wsdump: \d+s: \d+ packets?, \d+/s, 0 dropped, \d+ MiB$`},
		{[]string{"--metrics", "127.0.0.1:0"}, `^wsdump: \d+s: \d+ packets?, \d+/s, \d+ connections? \(\d open\), .*, 0 dropped, \d+ MiB$`},
	} {
		wsdump := watching(t, append([]string{"-i", "lo", "--no-timeline"}, test.args...)...)
		ws := talk(t, url)
		say(t, ws, "hello")
		ws.Close()
		if err := wsdump.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		wsdump.stderr.await(t, test.status)
		if code := wsdump.interrupt(); code != exitOK {
			t.Errorf("%v: exit code %d: %s", test.args, code, wsdump.stderr.text())
		}
	}
}

// TestLiveNothing: an interface that shows nothing is no file that is empty.
func TestLiveNothing(t *testing.T) {
	namespace(t)
	for name, want := range map[string]string{
		"lo":  `hint: nothing passed -f "tcp port 9" on lo in \d+`,
		"any": `hint: nothing passed -f "tcp port 9" on any interface in \d+`,
	} {
		wsdump := watching(t, "-i", name, "-f", "tcp port 9", "--duration", "300ms")
		if code := wsdump.wait(); code != exitOK {
			t.Errorf("%s: exit code %d", name, code)
		}
		wsdump.stderr.await(t, want)
	}
}

// TestLiveFiltered: what a filter leaves out that the kernel cannot judge is
// counted, and not among what was captured.
func TestLiveFiltered(t *testing.T) {
	namespace(t)
	wsdump := watching(t, "-i", "any", "-f", "outbound", "-T", "ndjson") // on lo, packets are seen as they come in
	ws := talk(t, echo(t, "127.0.0.1"))
	say(t, ws, "hello")
	ws.Close()
	if code := wsdump.interrupt(); code != exitOK {
		t.Errorf("exit code %d: %s", code, wsdump.stderr.text())
	}
	if text := wsdump.stdout.text(); !strings.Contains(text, `"packets":0,`) || !strings.Contains(text, `"filtered":`) {
		t.Error(text)
	}
	wsdump.stderr.await(t, "^wsdump: 0 packets captured on any")
}
