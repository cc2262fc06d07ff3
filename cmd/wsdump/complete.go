package main

import (
	"github.com/spf13/cobra"
	"github.com/wsdump/wsdump/input"
	"github.com/wsdump/wsdump/internal/flagvalue"
	"github.com/wsdump/wsdump/outputs"
)

// complete tells the shell which words the flags of c and its commands take.
func complete(c *cobra.Command) {
	for _, sub := range c.Commands() {
		complete(sub)
	}
	if c.Flags().Lookup("interface") != nil {
		_ = c.RegisterFlagCompletionFunc("interface", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return input.InterfaceNames(), cobra.ShellCompDirectiveNoFileComp
		})
	}
	for flag, words := range map[string][]string{
		"filter": nil, "capture-filter": nil, "normalize": nil, "assert": nil, "hide": hideWords(), "payload": {"all", "none"},
		"seq": {"json.id", "json.seq"}, "reply-key": {"json.id"}, "match": {"payload", "json.id"},
		"format": nil, "color": nil, "time": nil, "align": nil, "protocol": nil, "inconclusive": nil,
	} {
		f := c.Flags().Lookup(flag)
		if f == nil {
			continue
		}
		switch v := f.Value.(type) {
		case *flagvalue.Choice:
			words = v.Words
		case *colorFlag:
			words = v.Words
		case *formatFlag:
			words = nil
			for _, format := range outputs.Formats() {
				if v.constructor(format) != nil {
					words = append(words, format.Name+"\t"+format.About)
				}
			}
		}
		// The error only says that the flag does not exist.
		_ = c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	}
}
