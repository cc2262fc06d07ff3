package privilege

import (
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/psx"
)

// Drop drops all privileges of the process for good, on all its threads: it runs as
// to from now on (nil: as before), it has no capabilities, and no program that it
// starts can gain any. With files, a process that stays root may still open any
// file.
//
// The system calls reach all threads with cgo and without it, which the syscall
// package does only without (ADR 8).
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
	if _, _, err := psx.Syscall3(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&keep[0])), 0); err != 0 {
		return fmt.Errorf("cannot drop capabilities: %w", err)
	}
	if _, _, err := psx.Syscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); err != 0 {
		return fmt.Errorf("cannot forbid new privileges: %w", err)
	}
	return nil
}
