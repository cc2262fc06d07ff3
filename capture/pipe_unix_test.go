//go:build unix

package capture

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestNamedPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip("no named pipes here:", err)
	}
	packets := samples(4)
	go os.WriteFile(path, pcapOf(packets), 0)
	r, _, err := readPaths(t, path)
	if err != nil || r.err != nil {
		t.Fatal(err, r.err)
	}
	same(t, r.packets, packets)
}
