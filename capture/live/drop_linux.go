package live

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Identity is whom a process runs as.
type Identity struct {
	UID, GID int
	Groups   []int
}

// ErrThreads says that this build cannot change all threads at once: it was
// linked with cgo.
var ErrThreads = errors.New("this build uses cgo, and cannot give up capabilities on all threads; build with CGO_ENABLED=0")

// Drop gives up what was needed to open a ring, on all threads and for good:
// the process becomes to, if that is not nil, without capabilities, and no
// program that it starts can gain any. With files a process that stays root may
// still open any file.
//
// An error that is [ErrThreads] leaves a process without capabilities where it
// became another user than root.
func Drop(to *Identity, files bool) error {
	if to != nil {
		if err := syscall.Setgroups(to.Groups); err != nil {
			return fmt.Errorf("cannot leave the groups of root: %w", err)
		}
		if err := syscall.Setgid(to.GID); err != nil {
			return fmt.Errorf("cannot become group %d: %w", to.GID, err)
		}
		if err := syscall.Setuid(to.UID); err != nil { // the kernel takes the capabilities
			return fmt.Errorf("cannot become user %d: %w", to.UID, err)
		}
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var has, keep [2]unix.CapUserData // 64 bits in two words
	if err := unix.Capget(&header, &has[0]); err != nil {
		return fmt.Errorf("cannot ask for capabilities: %w", err)
	}
	if files && syscall.Geteuid() == 0 {
		keep[0].Permitted = has[0].Permitted & (1 << unix.CAP_DAC_OVERRIDE)
		keep[0].Effective = keep[0].Permitted
	}
	if _, _, err := syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&keep[0])), 0); err != 0 {
		return threads(err)
	}
	if _, _, err := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); err != 0 {
		return threads(err)
	}
	return nil
}

func threads(err syscall.Errno) error {
	if err == syscall.ENOTSUP {
		return ErrThreads
	}
	return fmt.Errorf("cannot give up capabilities: %w", err)
}
