package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/wsdump/wsdump/internal/helptext"
)

// commands returns all commands.
func commands(t *testing.T, full bool, out *bytes.Buffer) (all []*cobra.Command) {
	code := 0
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		all = append(all, c)
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(newRoot(t.Context(), &code, full, nil, out, out))
	return all
}

// TestShortHelp: help fits one screen of 80 columns.
func TestShortHelp(t *testing.T) {
	var out bytes.Buffer
	for _, c := range commands(t, false, &out) {
		out.Reset()
		if err := c.Help(); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimRight(out.String(), "\n"), "\n")
		if len(lines) > 40 {
			t.Errorf("%s: %d lines", c.CommandPath(), len(lines))
		}
		for _, line := range lines {
			if utf8.RuneCountInString(line) > 80 {
				t.Errorf("%s: %d columns: %s", c.CommandPath(), utf8.RuneCountInString(line), line)
			}
		}
	}
}

// TestFullHelp: every flag has its purpose, and full help lists all of them.
func TestFullHelp(t *testing.T) {
	var named []string
	for _, p := range purposes() {
		named = append(append(named, p.Common...), p.Rest...)
	}
	for i, name := range named {
		if slices.Contains(named[:i], name) {
			t.Errorf("--%s has two purposes", name)
		}
	}
	var out bytes.Buffer
	used := map[string]bool{}
	for _, c := range commands(t, true, &out) {
		out.Reset()
		if err := c.Help(); err != nil {
			t.Fatal(err)
		}
		helptext.Flags(c).VisitAll(func(f *pflag.Flag) {
			used[f.Name] = true
			if !slices.Contains(named, f.Name) {
				t.Errorf("%s: --%s has no purpose", c.CommandPath(), f.Name)
			}
			if !strings.Contains(out.String(), "--"+f.Name) {
				t.Errorf("%s: --%s is missing", c.CommandPath(), f.Name)
			}
		})
	}
	for _, name := range named {
		if !used[name] {
			t.Errorf("--%s is a flag of no command", name)
		}
	}
}
