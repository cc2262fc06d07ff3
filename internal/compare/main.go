// Command compare prints docs/COMPARISON.md: what tshark makes of captures
// that are known in every byte, and what wsdump does. Nothing in it is
// asserted by hand that a run can show. From the root of the repository:
//
//	go run ./internal/compare >docs/COMPARISON.md
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

func main() {
	if err := printPage(); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

func printPage() error {
	if _, err := os.Stat(pcaps); err != nil {
		return fmt.Errorf("run this in the root of the repository: %w", err)
	}
	if tsharkVersion() == "" {
		return errors.New("tshark is not installed; it is in the package of that name")
	}
	dir, err := os.MkdirTemp("", "compare")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	b := &bench{root: ".", dir: dir, wsdump: filepath.Join(dir, "wsdump")}
	if out, err := exec.Command("go", "build", "-o", b.wsdump, "./cmd/wsdump").CombinedOutput(); err != nil {
		return fmt.Errorf("wsdump does not build: %w: %s", err, out)
	}
	var page bytes.Buffer
	if err := b.print(&page); err != nil {
		return err
	}
	_, err = os.Stdout.Write(page.Bytes())
	return err
}
