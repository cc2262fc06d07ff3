package main

import (
	"os/exec"
	"os/user"
	"strconv"
	"syscall"

	"github.com/wsdump/wsdump/capture/live"
)

const terminate = syscall.SIGTERM

// become makes a command run as somebody else.
func become(cmd *exec.Cmd, to *live.Identity) {
	groups := make([]uint32, len(to.Groups))
	for i, g := range to.Groups {
		groups[i] = uint32(g)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(to.UID), Gid: uint32(to.GID), Groups: groups}}
}

// identityVariables are those that say who somebody is.
func identityVariables(to *live.Identity) []string {
	u, err := user.LookupId(strconv.Itoa(to.UID))
	if err != nil {
		return nil
	}
	return []string{"HOME=" + u.HomeDir, "USER=" + u.Username, "LOGNAME=" + u.Username}
}

// killedBy returns the exit code that shells give to a command that a signal has
// ended.
func killedBy(exit *exec.ExitError) int {
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exitFailed
}
