package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/dissect/tls"
	"github.com/wsdump/wsdump/input"
	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/pipeline"
	"github.com/wsdump/wsdump/timeline"
)

const keysExamples = `  wsdump keys inject -k keys.log run.pcap -o shared.pcapng
      a capture that opens without a key log, in Wireshark too
  wsdump keys strip shared.pcapng -o public.pcapng
      and one that nobody can decrypt`

// one returns the only argument, and refuses what cannot be meant.
func one(args []string, output string, stdout io.Writer) (string, error) {
	switch {
	case len(args) != 1:
		return "", console.Usage("one capture is needed, not "+strconv.Itoa(len(args)), "wsdump keys inject -k keys.log run.pcap -o shared.pcapng")
	case output == "":
		return "", console.Usage("-o is missing: where to write the copy", "-o copy.pcapng, or -o - for standard output")
	case output == "-" && isTerminal(stdout):
		return "", console.Usage("a capture is not for a terminal", "name a file, -o copy.pcapng, or pipe it on")
	}
	return args[0], nil
}

// injectCommand puts keys into a copy of a capture.
type injectCommand struct {
	keys   keyFlags
	output string
	all    bool
	args   []string
}

func (c *injectCommand) register(f *pflag.FlagSet) {
	c.keys.register(f)
	f.StringVarP(&c.output, "output", "o", "", "write to `FILE`, - for standard output")
	f.BoolVar(&c.all, "all", false, "all keys of the log; not only those of connections in the capture")
}

func (c *injectCommand) run(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) int {
	words := console.New(stderr)
	path, err := one(c.args, c.output, stdout)
	if err != nil {
		return fail(words, err)
	}
	keys, err := input.ReadKeys(c.keys.logs, os.Getenv("SSLKEYLOGFILE"), words)
	if err != nil {
		return fail(words, err)
	}
	defer keys.Wipe()
	path, forget, err := seekable(path, stdin)
	if err != nil {
		return fail(words, err)
	}
	defer forget()
	if err := belonging(ctx, path, keys); err != nil && !capture.Incomplete(err) {
		return fail(words, err)
	}
	var log bytes.Buffer
	defer func() { clear(log.Bytes()[:log.Len()]) }()
	sessions, err := keys.WriteLog(&log, c.all)
	if err != nil {
		return fail(words, err)
	}
	if sessions == 0 {
		words.Error("none of the keys belongs to a TLS connection in " + c.args[0])
		words.Hint("was the key log written while this was captured? `wsdump list --all` shows what TLS there is; --all puts in all keys")
		return exitInput
	}
	done, code := rewrite(c.output, path, stdout, words, capture.Rewriting{Secrets: log.Bytes()}, true)
	if code == exitOK || code == exitInput && done.Packets > 0 {
		words.Say("keys of " + console.Count(sessions, "session") + " are in " + shownOutput(c.output) + ": whoever has it can read the traffic")
	}
	return code
}

// belonging reads a capture, so that keys know which of them are used.
func belonging(ctx context.Context, path string, keys *tls.Keys) error {
	notes := &pipeline.Notes{}
	in, err := capture.Open([]string{path}, capture.Options{OnNote: notes.Add})
	if err != nil {
		return err
	}
	defer in.Close()
	return pipeline.Run(ctx, in, timeline.Nop{}, pipeline.Options{Notes: notes, Keys: keys})
}

// stripCommand takes keys out of a copy of a capture.
type stripCommand struct {
	output string
	args   []string
}

func (c *stripCommand) register(f *pflag.FlagSet) {
	f.StringVarP(&c.output, "output", "o", "", "write to `FILE`, - for standard output")
}

func (c *stripCommand) run(_ context.Context, stdin io.Reader, stdout, stderr io.Writer) int {
	words := console.New(stderr)
	path, err := one(c.args, c.output, stdout)
	if err != nil {
		return fail(words, err)
	}
	path, forget, err := seekable(path, stdin)
	if err != nil {
		return fail(words, err)
	}
	defer forget()
	done, code := rewrite(c.output, path, stdout, words, capture.Rewriting{Strip: true, Comment: tls.HasLine}, false)
	if code == exitOK {
		words.Say(console.Count(done.Secrets, "block") + " of keys and " + console.Count(done.Comments, "comment") + " with keys left out, " +
			console.Count(done.Packets, "packet") + " kept")
	}
	return code
}
