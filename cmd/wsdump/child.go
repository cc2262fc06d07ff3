package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/internal/outfile"
	"github.com/wsdump/wsdump/internal/privilege"
	"github.com/wsdump/wsdump/timeline"
)

// child is the command of run, with a key log for what it does.
type child struct {
	cmd    *exec.Cmd
	folder string // of the key log
	keyLog string
}

// newChild returns a command that was not started yet, with the folder for its keys.
func newChild(args []string, stdin io.Reader, stdout, stderr io.Writer) (*child, error) {
	folder, err := os.MkdirTemp("", "wsdump-run-")
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.Command(args[0], args[1:]...), folder: folder, keyLog: filepath.Join(folder, "keys.log")}
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = stdin, stdout, stderr
	c.cmd.Env = append(os.Environ(), "SSLKEYLOGFILE="+c.keyLog, "NODE_OPTIONS="+strings.TrimSpace(os.Getenv("NODE_OPTIONS")+" --tls-keylog="+c.keyLog))
	return c, nil
}

// start starts the command as to, or, where that is nil, as who we are.
func (c *child) start(to *privilege.Identity) error {
	if err := os.WriteFile(c.keyLog, nil, outfile.Secret); err != nil {
		return err
	}
	if to != nil {
		for _, name := range []string{c.folder, c.keyLog} {
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

// wait waits for the command in a goroutine, and calls then. The error of the command
// goes to the channel.
func (c *child) wait(then func()) chan error {
	ended := make(chan error, 1)
	go func() {
		ended <- c.cmd.Wait()
		then()
	}()
	return ended
}

// exitCode returns the exit code of the command. A command that goes on after the
// capture has ended, by Ctrl-C or --duration, is asked to end, and then killed.
func (c *child) exitCode(ended chan error, words *console.Console) int {
	for _, step := range []struct {
		patience time.Duration
		then     func() error
	}{
		{2 * time.Second, func() error { return c.cmd.Process.Signal(privilege.Terminate) }},
		{5 * time.Second, c.cmd.Process.Kill},
		{5 * time.Second, func() error { return nil }},
	} {
		select {
		case err := <-ended:
			return exitCodeOf(err, words)
		case <-time.After(step.patience):
			_ = step.then() // the command may be over by now
		}
	}
	return exitFailed
}

// exitCodeOf returns the exit code of a command as shells give it.
func exitCodeOf(err error, words *console.Console) int {
	exit := (*exec.ExitError)(nil)
	switch {
	case err == nil:
		return exitOK
	case !errors.As(err, &exit):
		words.Error(err.Error())
		return exitFailed
	}
	return privilege.ExitCode(exit)
}

// cleanUp kills a command that nobody waits for, and removes its keys, which are never
// kept.
func (c *child) cleanUp() {
	if c.cmd.Process != nil && c.cmd.ProcessState == nil {
		_ = c.cmd.Process.Kill()
	}
	_ = os.RemoveAll(c.folder)
}

// keyless counts the peers whose TLS could not be read.
type keyless struct {
	timeline.Nop
	peers map[string]int
}

// Needs implements [timeline.Sink]: no message is needed.
func (k *keyless) Needs(*timeline.Conn) timeline.Needs { return timeline.Needs{Silent: true} }

// maxPeers bounds the peers that are remembered.
const maxPeers = 1000

// Other implements [timeline.Sink].
func (k *keyless) Other(o *timeline.Other) {
	if o.Kind != "tls" || o.Idle {
		return
	}
	name := o.Transport.Server.String()
	if o.ServerName != "" {
		name = o.ServerName + " (" + name + ")"
	}
	if k.peers == nil {
		k.peers = make(map[string]int)
	}
	if _, known := k.peers[name]; known || len(k.peers) < maxPeers {
		k.peers[name]++
	}
}

// report says which peers gave no keys.
func (k *keyless) report(words *console.Console) {
	if len(k.peers) == 0 {
		return
	}
	names := slices.SortedFunc(maps.Keys(k.peers), func(a, b string) int { return k.peers[b] - k.peers[a] })
	shown := min(len(names), 10)
	var b strings.Builder
	for i, name := range names[:shown] {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s: %s", name, console.Count(k.peers[name], "connection"))
	}
	if len(names) > shown {
		fmt.Fprintf(&b, " and %d more", len(names)-shown)
	}
	words.Say("TLS that could not be read, for no keys were given: " + b.String())
	words.Hint("programs that do not mind SSLKEYLOGFILE have to be told: Go by tls.Config.KeyLogWriter, Java by an agent (docs/KEYS.md)")
}
