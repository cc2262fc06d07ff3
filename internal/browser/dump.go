package browser

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Dump loads a page and returns its document as it is then. With WSDUMP_SHOTS
// a picture of it is left in that folder.
func Dump(t *testing.T, name, page string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser is not for short tests")
	}
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "page.html")
	if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	run := func(args ...string) []byte {
		args = append([]string{
			"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
			"--disable-component-update", "--disable-sync", "--user-data-dir=" + filepath.Join(dir, "profile"), "--window-size=1300,800", "--virtual-time-budget=5000",
		}, append(args, "file://"+file)...)
		out, err := exec.CommandContext(ctx, program, args...).Output()
		if err != nil {
			t.Fatalf("chromium: %v", err)
		}
		return out
	}
	if shots := os.Getenv("WSDUMP_SHOTS"); shots != "" {
		run("--screenshot=" + filepath.Join(shots, name+".png"))
	}
	return string(run("--dump-dom"))
}
