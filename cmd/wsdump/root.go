package main

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wsdump/wsdump/capture/filter"
	"github.com/wsdump/wsdump/query"
)

const rootExamples = `  wsdump capture.pcap                     what was said on every WebSocket, as a timeline
  wsdump list capture.pcap                one row a connection
  wsdump -T ndjson capture.pcap | jq .    the same for programs, one JSON object a line
  wsdump -Y 'json.type == "error"' capture.pcap   only what matches (docs/FILTERS.md)
  wsdump --frames -t u capture.pcap       every frame, with UTC times
  wsdump -T html -o run.html run.pcap     one page to look at and to pass on; also har, csv, transcript
  wsdump captures/ more.pcapng            folders and several files, merged by time
  sudo wsdump -i eth0                     what happens now (Linux; elsewhere: sudo tcpdump -w - -U port 8080 | wsdump -)`

const helpTemplate = `{{.Short}}

{{if .HasExample}}{{.Example}}

{{end}}Usage: {{.UseLine}}
{{if .HasAvailableSubCommands}}
Commands:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}
{{end}}{{if .HasAvailableLocalFlags}}
Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}
{{end}}{{with .Long}}
{{.}}
{{end}}`

// command is what every subcommand is.
type command interface {
	run(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) int
}

// newRoot returns the tree of commands. The exit code of the one that runs
// goes to code.
func newRoot(ctx context.Context, code *int, stdin io.Reader, stdout, stderr io.Writer) *cobra.Command {
	// takes makes c run cmd on the files that it is given. Without any it
	// teaches, on standard error, since nothing was asked for.
	takes := func(c *cobra.Command, source *sourceFlags, cmd command) {
		c.Args = cobra.ArbitraryArgs
		c.RunE = func(c *cobra.Command, args []string) error {
			source.args = args
			if one, is := cmd.(interface{ alone() bool }); source.none() && c.Name() != "live" && !(is && one.alone()) {
				c.SetOut(stderr)
				*code = exitUsage
				return c.Help()
			}
			*code = cmd.run(ctx, stdin, stdout, stderr)
			return nil
		}
	}

	read := &readCommand{}
	root := &cobra.Command{
		Use:     "wsdump [command] [flags] FILE...",
		Short:   "wsdump shows the WebSocket traffic in packet captures (pcap, pcapng).",
		Example: rootExamples,
		Long: "FILE is a capture, a folder of captures, or - for standard input.\n" +
			"Exit codes: 0 done, 1 a check failed or a diff found something, 2 wrong use, 3 input unreadable or cut short or output not written, 4 a check could not judge, 70 a bug.",
		Version:           version(),
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: false},
	}
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetHelpTemplate(helpTemplate)
	root.SetVersionTemplate(versionLine() + "\n")
	root.SetFlagErrorFunc(flagError)
	read.flags(root.Flags())
	takes(root, &read.source, read)

	again := &readCommand{}
	readCmd := &cobra.Command{Use: "read [flags] FILE...", Short: "Show captures as a timeline (the default command).", Example: readExamples}
	again.flags(readCmd.Flags())
	takes(readCmd, &again.source, again)

	now := &liveCommand{}
	liveCmd := &cobra.Command{Use: "live -i NAME [flags]", Short: "Show what passes a network interface, as it happens.", Example: liveExamples}
	now.flags(liveCmd.Flags())
	takes(liveCmd, &now.source, now)

	list := &listCommand{}
	listCmd := &cobra.Command{Use: "list [flags] FILE...", Short: "One row a connection: URL, peers, status, messages, close, findings.", Example: listExamples}
	list.flags(listCmd.Flags())
	takes(listCmd, &list.source, list)

	figures := &statsCommand{}
	statsCmd := &cobra.Command{Use: "stats [flags] FILE...", Short: "What stands out, then figures and pictures.", Example: statsExamples}
	figures.flags(statsCmd.Flags())
	takes(statsCmd, &figures.source, figures)

	verdict := &checkCommand{}
	checkCmd := &cobra.Command{Use: "check [flags] FILE...", Short: "A verdict on recorded traffic, for CI.", Example: checkExamples, Long: checkCodes}
	verdict.flags(checkCmd.Flags())
	takes(checkCmd, &verdict.source, verdict)

	along := &runCommand{}
	runCmd := &cobra.Command{
		Use: "run [flags] -- COMMAND [ARGUMENT...]", Short: "Capture while a command runs, then judge.", Example: runExamples, Long: runWords,
		Args: cobra.ArbitraryArgs,
		Run: func(_ *cobra.Command, args []string) {
			along.args = args
			*code = along.run(ctx, stdin, stdout, stderr)
		},
	}
	along.flags(runCmd.Flags())
	runCmd.Flags().SetInterspersed(false)

	diffCmd := newDiff(ctx, code, stdin, stdout, stderr)

	rules := &rulesCommand{}
	rulesCmd := &cobra.Command{
		Use: "rules [flags] [RULE...]", Short: "The rules that traffic is judged by, and what they mean.", Example: rulesExamples,
		Args: cobra.ArbitraryArgs,
		Run: func(_ *cobra.Command, args []string) {
			rules.args = args
			*code = rules.run(ctx, stdin, stdout, stderr)
		},
	}
	rules.flags(rulesCmd.Flags())

	keysCmd := newKeys(func(cmd command) func(*cobra.Command, []string) error {
		return func(*cobra.Command, []string) error {
			*code = cmd.run(ctx, stdin, stdout, stderr)
			return nil
		}
	})

	versionCmd := &cobra.Command{
		Use: "version", Short: "Print the version.", Args: noArgs,
		Run: func(*cobra.Command, []string) { *code = versionCommand{}.run(ctx, stdin, stdout, stderr) },
	}

	interfaces := &interfacesCommand{}
	interfacesCmd := &cobra.Command{
		Use: "interfaces", Short: "The network interfaces, and whether we may capture.", Example: interfacesExamples, Args: noArgs,
		Run: func(*cobra.Command, []string) { *code = interfaces.run(ctx, stdin, stdout, stderr) },
	}
	interfaces.flags(interfacesCmd.Flags())

	root.AddCommand(readCmd, liveCmd, listCmd, statsCmd, checkCmd, diffCmd, runCmd, keysCmd, rulesCmd, interfacesCmd, versionCmd, newMan(root))
	for _, c := range []*cobra.Command{root, readCmd, liveCmd, listCmd, statsCmd, checkCmd, diffCmd, runCmd} {
		complete(c)
	}
	return root
}

// complete tells the shell which words a flag takes.
func complete(c *cobra.Command) {
	var words []string
	for _, format := range formats() {
		words = append(words, format.name+"\t"+format.about)
	}
	if c.Flags().Lookup("interface") != nil {
		_ = c.RegisterFlagCompletionFunc("interface", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return interfaceNames(), cobra.ShellCompDirectiveNoFileComp
		})
	}
	for flag, words := range map[string][]string{
		"format": words, "color": {"auto", "always", "never"}, "time": {"r", "a", "u", "d", "e"},
		"hide": hideWords(), "payload": {"all", "none"}, "filter": nil, "seq": {"json.id", "json.seq"}, "reply-key": {"json.id"},
		"capture-filter": nil, "match": {"payload", "json.id"}, "normalize": nil, "align": {"auto", "url", "order", "leg"}, "protocol": {"off", "basic", "strict"}, "inconclusive": {"fail", "warn", "pass"}, "assert": nil,
	} {
		if f := c.Flags().Lookup(flag); f != nil {
			if one, ok := f.Value.(*choice); ok && flag == "format" { // not one of the formats of a timeline
				words = one.words
			}
			// The error only says that the flag does not exist.
			_ = c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
		}
	}
}

func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return &usageError{text: c.Name() + " takes no arguments, and " + quote(args[0]) + " is one"}
	}
	return nil
}

// flagError turns what pflag says into an error with a hint.
func flagError(c *cobra.Command, err error) error {
	var (
		unknown *pflag.NotExistError
		invalid *pflag.InvalidValueError
		missing *pflag.ValueRequiredError
		usage   *usageError
		place   *filter.Error
	)
	help := "`" + c.CommandPath() + " --help` lists the flags"
	switch {
	case errors.As(err, &unknown):
		name := unknown.GetSpecifiedName()
		if group := unknown.GetSpecifiedShortnames(); group != "" {
			text := "unknown flag -" + name
			if len(group) > 1 {
				text += " in -" + group
			}
			return &usageError{text: text, hint: help}
		}
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if near := nearest(name, names); near != "" {
			help = "did you mean --" + near + "?"
		}
		return &usageError{text: "unknown flag --" + name, hint: help}
	case errors.As(err, &place): // which shows the value
		return place
	case errors.As(err, &usage) && errors.As(err, &invalid):
		return &usageError{text: "--" + invalid.GetFlag().Name + " " + quote(invalid.GetValue()) + ": " + usage.text, hint: usage.hint}
	case errors.As(err, &missing):
		return &usageError{text: "--" + missing.GetFlag().Name + " needs a value", hint: help}
	}
	return &usageError{text: err.Error(), hint: help}
}

// nearest returns the word that name was most likely meant to be, or "".
func nearest(name string, words []string) string {
	best, distance := "", 1+len(name)/3
	for _, word := range words {
		d := query.Distance(strings.ToLower(name), word, 100)
		if len(name) >= 2 && strings.HasPrefix(word, strings.ToLower(name)) {
			d = min(d, 1)
		}
		if d <= distance && (best == "" || d < distance) {
			best, distance = word, d
		}
	}
	return best
}
