//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// onStatusSignal hears SIGUSR1.
func onStatusSignal(asked chan os.Signal) (forget func()) {
	signal.Notify(asked, syscall.SIGUSR1)
	return func() { signal.Stop(asked) }
}
