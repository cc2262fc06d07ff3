// Package helptext writes the help of commands: the common flags on one screen,
// grouped by their purpose, or all flags.
package helptext

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// AllFlag asks for help with all flags.
const AllFlag = "help-all"

// Purpose is a group of flags by name. Short help lists the common ones, with their
// usage up to the first semicolon.
type Purpose struct {
	Title        string
	Common, Rest []string
}

// WantsAll turns --help-all into --help, and reports whether it was there.
// What follows -- belongs to another command.
func WantsAll(args []string) (_ []string, full bool) {
	end := len(args)
	if i := slices.Index(args, "--"); i >= 0 {
		end = i
	}
	i := slices.Index(args[:end], "--"+AllFlag)
	if i < 0 {
		return args, false
	}
	args = slices.Clone(args)
	args[i] = "--help"
	return args, true
}

// Write writes the help of a command: its common flags on one screen, or, with
// full, all of them with all that is to say.
func Write(c *cobra.Command, purposes []Purpose, full bool) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", c.Short)
	if c.HasExample() {
		fmt.Fprintf(&b, "%s\n\n", c.Example)
	}
	fmt.Fprintf(&b, "Usage: %s\n", c.UseLine())
	if c.HasAvailableSubCommands() {
		b.WriteString("\nCommands:\n")
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() || sub.Name() == "help" {
				fmt.Fprintf(&b, "  %-*s %s\n", sub.NamePadding(), sub.Name(), sub.Short)
			}
		}
	}
	b.WriteByte('\n')
	if full {
		writeAllFlags(&b, c, purposes)
		if c.Long != "" {
			fmt.Fprintf(&b, "\n%s\n", c.Long)
		}
	} else {
		writeCommonFlags(&b, c, purposes)
	}
	_, _ = io.WriteString(c.OutOrStdout(), b.String())
}

// titleColumns and flagColumns are the widths of the purpose and the flag in short
// help.
const titleColumns, flagColumns = 8, 26

func writeCommonFlags(b *strings.Builder, c *cobra.Command, purposes []Purpose) {
	flags := Flags(c)
	shown := 0
	for _, p := range purposes {
		title := p.Title
		for _, name := range p.Common {
			f := flags.Lookup(name)
			if f == nil {
				continue
			}
			shown++
			head, about := headOf(f)
			about, _, _ = strings.Cut(about, ";")
			fmt.Fprintf(b, "%-*s %-*s %s\n", titleColumns, title, flagColumns, head, about)
			title = ""
		}
	}
	if n := count(flags); n > shown {
		fmt.Fprintf(b, "\n%s --%s lists all %d flags.\n", c.CommandPath(), AllFlag, n)
	}
}

func writeAllFlags(b *strings.Builder, c *cobra.Command, purposes []Purpose) {
	flags := Flags(c)
	for _, p := range purposes {
		group := pflag.NewFlagSet("", pflag.ContinueOnError)
		group.SortFlags = false
		for _, name := range append(p.Common, p.Rest...) {
			if f := flags.Lookup(name); f != nil {
				group.AddFlag(f)
			}
		}
		if group.HasFlags() {
			fmt.Fprintf(b, "%s:\n%s\n", p.Title, strings.TrimRight(group.FlagUsagesWrapped(100), "\n"))
		}
	}
}

// Flags returns the flags of c, and those that it inherits.
func Flags(c *cobra.Command) *pflag.FlagSet {
	c.InitDefaultHelpFlag()
	c.InitDefaultVersionFlag()
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.AddFlagSet(c.Flags())
	flags.AddFlagSet(c.InheritedFlags())
	return flags
}

func count(flags *pflag.FlagSet) (n int) {
	flags.VisitAll(func(f *pflag.Flag) { n++ })
	return n
}

// headOf returns "-T, --format NAME" and what the flag does.
func headOf(f *pflag.Flag) (head, about string) {
	word, about := pflag.UnquoteUsage(f)
	if head = "    --" + f.Name; f.Shorthand != "" {
		head = "-" + f.Shorthand + ", --" + f.Name
	}
	if word != "" && word != "stringArray" {
		head += " " + word
	}
	return head, about
}
