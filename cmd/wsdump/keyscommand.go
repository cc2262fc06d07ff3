package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/dissect/tls"
	"github.com/wsdump/wsdump/internal/terminal"
	"github.com/wsdump/wsdump/pipeline"
	"github.com/wsdump/wsdump/timeline"
)

const keysExamples = `  wsdump keys inject -k keys.log run.pcap -o shared.pcapng    a capture that opens without a key log, in Wireshark too
  wsdump keys strip shared.pcapng -o public.pcapng            and one that nobody can decrypt
  wsdump keys strip shared.pcapng -o - | wsdump -`

// newKeys returns `wsdump keys` with its two commands.
func newKeys(runs func(command) func(*cobra.Command, []string) error) *cobra.Command {
	keys := &cobra.Command{
		Use: "keys", Short: "Put TLS keys into a capture, or take them out.", Example: keysExamples,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				e := &usageError{text: "keys has no command " + quote(args[0]), hint: "there are inject and strip"}
				if near := nearest(args[0], []string{"inject", "strip"}); near != "" {
					e.hint = "did you mean `wsdump keys " + near + "`?"
				}
				return e
			}
			return c.Help()
		},
	}
	inject, strip := &injectCommand{}, &stripCommand{}
	injectCmd := &cobra.Command{
		Use: "inject -k KEYS FILE -o FILE", Short: "Copy a capture as pcapng, with the keys of its TLS connections inside.", Example: keysExamples,
	}
	inject.flags(injectCmd.Flags())
	injectCmd.RunE = func(c *cobra.Command, args []string) error {
		inject.args = args
		return runs(inject)(c, args)
	}
	stripCmd := &cobra.Command{Use: "strip FILE -o FILE", Short: "Copy a capture as pcapng, without any keys.", Example: keysExamples}
	stripCmd.Flags().StringVarP(&strip.output, "output", "o", "", "write to `FILE`, - for standard output")
	stripCmd.RunE = func(c *cobra.Command, args []string) error {
		strip.args = args
		return runs(strip)(c, args)
	}
	for _, c := range []*cobra.Command{injectCmd, stripCmd} {
		c.Args = cobra.ArbitraryArgs
	}
	keys.AddCommand(injectCmd, stripCmd)
	return keys
}

// one returns the only argument, and refuses what cannot be meant.
func one(args []string, output string, stdout io.Writer) (string, error) {
	switch {
	case len(args) != 1:
		return "", &usageError{text: "one capture is needed, not " + strconv.Itoa(len(args)), hint: "wsdump keys inject -k keys.log run.pcap -o shared.pcapng"}
	case output == "":
		return "", &usageError{text: "-o is missing: where to write the copy", hint: "-o copy.pcapng, or -o - for standard output"}
	case output == "-" && isTerminalWriter(stdout):
		return "", &usageError{text: "a capture is not for a terminal", hint: "name a file, -o copy.pcapng, or pipe it on"}
	}
	return args[0], nil
}

// injectCommand puts keys into a copy of a capture.
type injectCommand struct {
	source sourceFlags
	output string
	all    bool
	args   []string
}

func (c *injectCommand) flags(f *pflag.FlagSet) {
	f.StringArrayVarP(&c.source.logs, "keylog", "k", nil, "TLS key log, or RSA private key (PEM), `FILE`; may be repeated; also the variable SSLKEYLOGFILE")
	f.StringVarP(&c.output, "output", "o", "", "write to `FILE`, - for standard output")
	f.BoolVar(&c.all, "all", false, "all keys of the key log, not only those of connections in the capture")
}

func (c *injectCommand) run(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) int {
	words := newConsole(stderr)
	path, err := one(c.args, c.output, stdout)
	if err != nil {
		return words.fail(err)
	}
	keys, err := c.source.keys(words)
	if err != nil {
		return words.fail(err)
	}
	defer keys.Wipe()
	path, forget, err := seekable(path, stdin)
	if err != nil {
		return words.fail(err)
	}
	defer forget()
	if err := belonging(ctx, path, keys); err != nil && !capture.Incomplete(err) {
		return words.fail(err)
	}
	var log bytes.Buffer
	defer func() { clear(log.Bytes()[:log.Len()]) }()
	sessions, err := keys.WriteLog(&log, c.all)
	if err != nil {
		return words.fail(err)
	}
	if sessions == 0 {
		words.error("none of the keys belongs to a TLS connection in " + c.args[0])
		words.hint("was the key log written while this was captured? `wsdump list --all` shows what TLS there is; --all puts in all keys")
		return exitInput
	}
	done, code := rewrite(c.output, path, stdout, words, capture.Rewriting{Secrets: log.Bytes()}, true)
	if code == exitOK || code == exitInput && done.Packets > 0 {
		words.say("keys of " + plural(sessions, "session") + " are in " + shownOutput(c.output) + ": whoever has it can read the traffic")
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

func (c *stripCommand) run(_ context.Context, stdin io.Reader, stdout, stderr io.Writer) int {
	words := newConsole(stderr)
	path, err := one(c.args, c.output, stdout)
	if err != nil {
		return words.fail(err)
	}
	path, forget, err := seekable(path, stdin)
	if err != nil {
		return words.fail(err)
	}
	defer forget()
	done, code := rewrite(c.output, path, stdout, words, capture.Rewriting{Strip: true, Comment: tls.HasLine}, false)
	if code == exitOK {
		words.say(plural(done.Secrets, "block") + " of keys and " + plural(done.Comments, "comment") + " with keys left out, " +
			plural(int(done.Packets), "packet") + " kept")
	}
	return code
}

// rewrite copies path to the output.
func rewrite(output, path string, stdout io.Writer, words *console, r capture.Rewriting, secret bool) (capture.Rewritten, int) {
	mode := modeOpen
	if secret {
		mode = modeSecret
	}
	target, err := openTargetMode(output, stdout, mode)
	if err != nil {
		return capture.Rewritten{}, words.fail(err)
	}
	defer target.abandon()
	done, err := capture.Rewrite(target, path, capture.Options{}, r)
	if err != nil && !capture.Incomplete(err) {
		return done, words.fail(err)
	}
	if wrong := target.keep(); wrong != nil {
		return done, words.fail(wrong)
	}
	if err != nil {
		return done, words.fail(err)
	}
	return done, exitOK
}

func shownOutput(output string) string {
	if output == "-" {
		return "standard output"
	}
	return terminal.Safe(output)
}

// seekable returns the path of a file with what standard input holds, when path
// is "-", and how to forget it.
func seekable(path string, stdin io.Reader) (_ string, forget func(), err error) {
	if path != capture.Stdin {
		return path, func() {}, nil
	}
	f, err := os.CreateTemp("", "wsdump-*.pcapng") // mode 0600
	if err != nil {
		return "", nil, err
	}
	forget = func() { os.Remove(f.Name()) }
	_, err = io.Copy(f, stdin)
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		forget()
		return "", nil, err
	}
	return f.Name(), forget, nil
}

// plural returns "1 packet", "2 packets".
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}
