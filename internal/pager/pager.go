// Package pager shows output page by page in another program.
package pager

import (
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/internal/terminal"
)

// Pager is a program that shows what is written to it page by page.
type Pager struct {
	io.WriteCloser
	command *exec.Cmd
}

// Start starts $WSDUMP_PAGER, else $PAGER, else less, before the terminal.
// It returns nil when stdout is none, and an error when there is no such program.
func Start(stdout io.Writer, stderr io.Writer) (*Pager, error) {
	if !terminal.Is(stdout) {
		return nil, nil
	}
	name := "less"
	for _, variable := range []string{"PAGER", "WSDUMP_PAGER"} {
		if v := strings.TrimSpace(os.Getenv(variable)); v != "" {
			name = v
		}
	}
	words := strings.Fields(name)
	command := exec.Command(words[0], words[1:]...)
	command.Stdout, command.Stderr = stdout, stderr
	command.Env = os.Environ()
	if os.Getenv("LESS") == "" { // quit if it fits, long lines, colours, leave the screen
		command.Env = append(command.Env, "LESS=FSRX")
	}
	in, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, console.Usage("no pager: "+err.Error(), "name one in the variable PAGER, or leave out --pager")
	}
	return &Pager{in, command}, nil
}

// Finish waits until the reader has seen enough.
func (p *Pager) Finish() {
	if p == nil {
		return
	}
	_ = p.Close()
	_ = p.command.Wait() // how it ended is between it and its user
}
