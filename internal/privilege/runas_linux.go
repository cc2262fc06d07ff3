package privilege

import (
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// Terminate is the signal that asks a command to end.
const Terminate = syscall.SIGTERM

// RunAs makes a command that was not started yet run as a user, with the variables
// that say who that is.
func RunAs(cmd *exec.Cmd, to *Identity) {
	groups := make([]uint32, len(to.Groups))
	for i, g := range to.Groups {
		groups[i] = uint32(g)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(to.UID), Gid: uint32(to.GID), Groups: groups}}
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	if u, err := user.LookupId(strconv.Itoa(to.UID)); err == nil {
		cmd.Env = append(cmd.Env, "HOME="+u.HomeDir, "USER="+u.Username, "LOGNAME="+u.Username)
	}
}

// ExitCode returns the exit code of a command as shells give it: 128 and the
// number of the signal where one ended it.
func ExitCode(exit *exec.ExitError) int {
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exit.ExitCode()
}
