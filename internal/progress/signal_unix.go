//go:build unix

package progress

import (
	"os"
	"os/signal"
	"syscall"
)

// onStatusSignal sends SIGUSR1 to asked until ignore is called.
func onStatusSignal(asked chan os.Signal) (ignore func()) {
	signal.Notify(asked, syscall.SIGUSR1)
	return func() { signal.Stop(asked) }
}
