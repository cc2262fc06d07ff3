// Package child runs a command beside a capture, with a key log for what it does.
package child

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/internal/outfile"
	"github.com/wsdump/wsdump/internal/privilege"
)

// Child is a command with a key log: TLS libraries that honour SSLKEYLOGFILE, and Node,
// write their secrets into it.
type Child struct {
	KeyLog string // the file, which is removed by [Child.CleanUp]
	cmd    *exec.Cmd
	folder string // of the key log
	ended  chan error
}

// New returns a command that was not started yet, with the folder for its keys.
func New(args []string, stdin io.Reader, stdout, stderr io.Writer) (*Child, error) {
	folder, err := os.MkdirTemp("", "wsdump-run-")
	if err != nil {
		return nil, err
	}
	c := &Child{cmd: exec.Command(args[0], args[1:]...), folder: folder, KeyLog: filepath.Join(folder, "keys.log")}
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = stdin, stdout, stderr
	c.cmd.Env = append(os.Environ(), "SSLKEYLOGFILE="+c.KeyLog, "NODE_OPTIONS="+strings.TrimSpace(os.Getenv("NODE_OPTIONS")+" --tls-keylog="+c.KeyLog))
	return c, nil
}

// Start starts the command as to, or, where that is nil, as who we are.
func (c *Child) Start(to *privilege.Identity) error {
	if err := os.WriteFile(c.KeyLog, nil, outfile.Secret); err != nil {
		return err
	}
	if to != nil {
		for _, name := range []string{c.folder, c.KeyLog} {
			if err := os.Chown(name, to.UID, to.GID); err != nil {
				return err
			}
		}
		privilege.RunAs(c.cmd, to)
	}
	if err := c.cmd.Start(); err != nil {
		return console.Usage("cannot run "+c.cmd.Args[0]+": "+outfile.Reason(err), "")
	}
	return nil
}

// Wait waits for the command in a goroutine, and calls then when it has ended.
func (c *Child) Wait(then func()) {
	c.ended = make(chan error, 1)
	go func() {
		c.ended <- c.cmd.Wait()
		then()
	}()
}

// ExitCode returns the exit code of the command, after [Child.Wait], as shells give it.
// A command that goes on after the capture has ended, by Ctrl-C or --duration, is asked
// to end, and then killed. The error says that the command was not run to its end.
func (c *Child) ExitCode() (int, error) {
	for _, step := range []struct {
		patience time.Duration
		then     func() error
	}{
		{2 * time.Second, func() error { return c.cmd.Process.Signal(privilege.Terminate) }},
		{5 * time.Second, c.cmd.Process.Kill},
		{5 * time.Second, func() error { return nil }},
	} {
		select {
		case err := <-c.ended:
			if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
				return privilege.ExitCode(exit), nil
			}
			return 0, err
		case <-time.After(step.patience):
			_ = step.then() // the command may be over by now
		}
	}
	return 0, errors.New(c.cmd.Args[0] + " does not end")
}

// CleanUp kills a command that nobody waits for, and removes its keys, which are never
// kept.
func (c *Child) CleanUp() {
	if c.cmd.Process != nil && c.cmd.ProcessState == nil {
		_ = c.cmd.Process.Kill()
	}
	_ = os.RemoveAll(c.folder)
}
