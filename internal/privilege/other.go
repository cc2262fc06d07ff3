//go:build !linux

package privilege

import (
	"os"
	"os/exec"
)

// Terminate is the signal that asks a command to end.
var Terminate = os.Interrupt

// RunAs does nothing here.
func RunAs(*exec.Cmd, *Identity) {}

// ExitCode returns the exit code of a command, 1 where it has none.
func ExitCode(exit *exec.ExitError) int {
	if code := exit.ExitCode(); code >= 0 {
		return code
	}
	return 1
}

// Drop does nothing here.
func Drop(*Identity, bool) error { return nil }
