package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/internal/flagvalue"
	"github.com/wsdump/wsdump/internal/helptext"
)

const rootExamples = `  wsdump capture.pcap            what was said on every WebSocket
  wsdump list captures/          one row a connection
  wsdump -T ndjson run.pcap      one JSON object a line, for programs
  sudo wsdump -i eth0            what happens now (Linux)`

const exitCodes = "Exit codes: 0 done, 1 a check failed or a diff found something, 2 wrong use, 3 input unreadable or cut short or output not written, 4 a check could not judge, 70 a bug."

// command is what every subcommand is.
type command interface {
	register(*pflag.FlagSet)
	run(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) int
}

// tree makes the commands of cobra. The exit code of the one that runs goes to code.
type tree struct {
	ctx            context.Context
	code           *int
	stdin          io.Reader
	stdout, stderr io.Writer
}

// newRoot returns the tree of commands. full makes help list all flags.
func newRoot(ctx context.Context, code *int, full bool, stdin io.Reader, stdout, stderr io.Writer) *cobra.Command {
	t := &tree{ctx, code, stdin, stdout, stderr}
	read := &readCommand{}
	root := t.reads(cobra.Command{
		Use: "wsdump [command] [flags] FILE...", Short: "wsdump shows the WebSocket traffic in packet captures (pcap, pcapng).", Example: rootExamples,
		Long:    "FILE is a capture, a folder of captures, or - for standard input.\n" + exitCodes,
		Version: version(), SilenceErrors: true, SilenceUsage: true,
	}, read, &read.source.args, read.source.none)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetHelpFunc(func(c *cobra.Command, _ []string) { helptext.Write(c, purposes(), full) })
	root.SetVersionTemplate(versionLine() + "\n")
	root.SetFlagErrorFunc(flagvalue.Explain)
	root.PersistentFlags().Bool(helptext.AllFlag, false, "help with all flags")

	again, live, list, stats, check, diff, run := &readCommand{}, &liveCommand{}, &listCommand{}, &statsCommand{}, &checkCommand{}, &diffCommand{}, &runCommand{}
	rules, inject, strip := &rulesCommand{}, &injectCommand{}, &stripCommand{}
	keys := &cobra.Command{Use: "keys", Short: "Put TLS keys into a capture, or take them out.", Example: keysExamples, RunE: unknownKeysCommand}
	keys.AddCommand(
		t.takes(cobra.Command{Use: "inject -k KEYS FILE -o FILE", Short: "Copy a capture, with the keys of its TLS inside.", Example: keysExamples}, inject, &inject.args),
		t.takes(cobra.Command{Use: "strip FILE -o FILE", Short: "Copy a capture, without any keys.", Example: keysExamples}, strip, &strip.args),
	)
	runs := t.takes(cobra.Command{Use: "run [flags] -- COMMAND [ARGUMENT...]", Short: "Capture while a command runs, then judge.", Example: runExamples, Long: runWords}, run, &run.source.args)
	runs.Flags().SetInterspersed(false)
	root.AddCommand(
		t.reads(cobra.Command{Use: "read [flags] FILE...", Short: "Show captures as a timeline (the default command).", Example: readExamples}, again, &again.source.args, again.source.none),
		t.reads(cobra.Command{Use: "live -i NAME [flags]", Short: "Show what passes a network interface, as it happens.", Example: liveExamples}, live, &live.source.args, func() bool { return false }),
		t.reads(cobra.Command{Use: "list [flags] FILE...", Short: "One row a connection: URL, peers, status, messages, close.", Example: listExamples}, list, &list.source.args, list.source.none),
		t.reads(cobra.Command{Use: "stats [flags] FILE...", Short: "What stands out, then figures and pictures.", Example: statsExamples}, stats, &stats.source.args, stats.source.none),
		t.reads(cobra.Command{Use: "check [flags] FILE...", Short: "A verdict on recorded traffic, for CI.", Example: checkExamples, Long: checkCodes}, check, &check.source.args, check.none),
		t.reads(cobra.Command{Use: "diff [flags] A B", Short: "What differs between two recordings.", Example: diffExamples, Long: diffCodes}, diff, &diff.source.args, diff.source.none),
		runs, keys,
		t.takes(cobra.Command{Use: "rules [flags] [RULE...]", Short: "The rules that traffic is judged by, and what they mean.", Example: rulesExamples}, rules, &rules.args),
		t.takes(cobra.Command{Use: "interfaces", Short: "The network interfaces, and whether we may capture.", Example: interfacesExamples, Args: noArgs}, &interfacesCommand{}, nil),
		t.takes(cobra.Command{Use: "version", Short: "Print the version.", Args: noArgs}, versionCommand{}, nil),
		newMan(root),
	)
	complete(root)
	return root
}

// takes makes c run cmd, whose arguments go to args; nil: c.Args allows none.
func (t *tree) takes(c cobra.Command, cmd command, args *[]string) *cobra.Command {
	if args != nil {
		c.Args = cobra.ArbitraryArgs
	}
	c.RunE = func(_ *cobra.Command, given []string) error {
		if args != nil {
			*args = given
		}
		*t.code = cmd.run(t.ctx, t.stdin, t.stdout, t.stderr)
		return nil
	}
	c.Flags().SortFlags = false
	cmd.register(c.Flags())
	return &c
}

// reads is takes for a command that reads sources, of which one has to be named.
// Without any argument wsdump prints its help, on standard error, since nothing was
// asked for.
func (t *tree) reads(c cobra.Command, cmd command, args *[]string, none func() bool) *cobra.Command {
	made := t.takes(c, cmd, args)
	run := made.RunE
	made.RunE = func(c *cobra.Command, given []string) error {
		*args = given
		switch {
		case none() && c.HasParent():
			return console.Usage("no FILE is named", c.CommandPath()+" capture.pcap; - is standard input; --help has examples")
		case none():
			c.SetOut(t.stderr)
			*t.code = exitUsage
			return c.Help()
		}
		return run(c, given)
	}
	return made
}

func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return console.Usage(c.Name()+" takes no arguments, and "+console.Quote(args[0])+" is one", "")
	}
	return nil
}

// unknownKeysCommand is run for a subcommand of keys that does not exist.
func unknownKeysCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return c.Help()
	}
	hint := "there are inject and strip"
	if near := console.Nearest(args[0], []string{"inject", "strip"}); near != "" {
		hint = "did you mean `wsdump keys " + near + "`?"
	}
	return console.Usage("keys has no command "+console.Quote(args[0]), hint)
}
