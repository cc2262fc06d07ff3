package main

import (
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// manDate keeps the pages the same from build to build: the date of the
// contract that they describe.
var manDate = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// newMan returns the hidden command that packagers call: man pages for all
// commands into a folder.
func newMan(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use: "man DIR", Short: "Write the man pages into a folder.", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			root.DisableAutoGenTag = true
			header := &doc.GenManHeader{Section: "1", Date: &manDate, Source: "wsdump", Manual: "wsdump"}
			return doc.GenManTree(root, header, args[0])
		},
	}
}
