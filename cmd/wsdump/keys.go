package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/input"
	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/internal/terminal"
	"github.com/wsdump/wsdump/record"
)

const keysExamples = `  wsdump keys inject -k keys.log run.pcap -o shared.pcapng
      a capture that opens without a key log, in Wireshark too
  wsdump keys strip shared.pcapng -o public.pcapng
      and one that nobody can decrypt`

// copyFlags say what is copied where.
type copyFlags struct {
	args   []string
	output string
}

func (c *copyFlags) register(f *pflag.FlagSet) {
	f.StringVarP(&c.output, "output", "o", "", "write to `FILE`, - for standard output")
}

// copy returns what to copy, and refuses what cannot be meant.
func (c *copyFlags) copy(stdin io.Reader, stdout io.Writer) (*record.Copy, error) {
	switch {
	case len(c.args) != 1:
		return nil, console.Usage("give one capture, not "+strconv.Itoa(len(c.args)), "wsdump keys inject -k keys.log run.pcap -o shared.pcapng")
	case c.output == "":
		return nil, console.Usage("-o is missing: it names the copy", "-o copy.pcapng, or -o - for standard output")
	case c.output == "-" && terminal.Is(stdout):
		return nil, console.Usage("a capture is binary, and standard output is a terminal", "name a file, -o copy.pcapng, or pipe it on")
	}
	return &record.Copy{From: c.args[0], To: c.output, Stdin: stdin, Stdout: stdout}, nil
}

// injectCommand puts keys into a copy of a capture.
type injectCommand struct {
	copyFlags
	keys keyFlags
	all  bool
}

func (c *injectCommand) register(f *pflag.FlagSet) {
	c.keys.register(f)
	c.copyFlags.register(f)
	f.BoolVar(&c.all, "all", false, "all keys of the log; not only those of connections in the capture")
}

func (c *injectCommand) run(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) int {
	words := console.New(stderr)
	copies, err := c.copy(stdin, stdout)
	if err != nil {
		return fail(words, err)
	}
	keys, err := input.ReadKeys(c.keys.logs, os.Getenv("SSLKEYLOGFILE"), words)
	if err != nil {
		return fail(words, err)
	}
	defer keys.Wipe()
	sessions, err := copies.InjectKeys(ctx, keys, c.all)
	if errors.Is(err, record.ErrNoKeys) {
		words.Error("none of the keys belongs to a TLS connection in " + c.args[0])
		words.Hint("was the key log written while this was captured? `wsdump list --all` shows what TLS there is; --all puts in all keys")
		return exitInput
	}
	if err == nil || capture.Incomplete(err) {
		to := c.output
		if to == "-" {
			to = "standard output"
		}
		words.Say("keys of " + console.Count(sessions, "session") + " are in " + to + ": whoever has it can read the traffic")
	}
	if err != nil {
		return fail(words, err)
	}
	return exitOK
}

// stripCommand takes keys out of a copy of a capture.
type stripCommand struct{ copyFlags }

func (c *stripCommand) run(_ context.Context, stdin io.Reader, stdout, stderr io.Writer) int {
	words := console.New(stderr)
	copies, err := c.copy(stdin, stdout)
	if err != nil {
		return fail(words, err)
	}
	done, err := copies.StripKeys()
	if err != nil {
		return fail(words, err)
	}
	words.Say(fmt.Sprintf("%s of keys and %s with keys left out, %s kept",
		console.Count(done.Secrets, "block"), console.Count(done.Comments, "comment"), console.Count(done.Packets, "packet")))
	return exitOK
}
