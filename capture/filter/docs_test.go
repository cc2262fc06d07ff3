package filter

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestDocs: every expression of docs/CAPTURE-FILTER.md is one, and what it says
// is not supported is refused.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/CAPTURE-FILTER.md")
	if err != nil {
		t.Fatal(err)
	}
	_, supported, _ := strings.Cut(string(text), "## What is supported")
	supported, rest, _ := strings.Cut(supported, "## What is not")
	unsupported, _, _ := strings.Cut(rest, "## --bpf-raw")
	span := regexp.MustCompile("`[^`]+`")
	unquote := func(s string) string { return strings.ReplaceAll(strings.Trim(s, "`"), `\|`, "|") }
	// Spans that are parts of expressions, or lists of them.
	part := regexp.MustCompile(`^(src|dst|src or dst|src and dst|ether src|ether dst|and or not|and|or|&& .*|\+ - .*|= == .*)$`)
	tried := 0
	for line := range strings.Lines(supported) {
		for _, s := range span.FindAllString(line, -1) {
			expr := unquote(s)
			if part.MatchString(expr) {
				continue
			}
			list := strings.Fields(expr) // of protocols
			for _, one := range list {
				if _, ok := protocols[one]; !ok || len(list) == 1 {
					list = nil
				}
			}
			if list == nil {
				list = []string{expr}
			}
			for _, expr := range list {
				tried++
				if _, err := Parse(expr); err != nil {
					t.Errorf("%q: %v", expr, err)
				}
			}
		}
	}
	if tried < 50 {
		t.Errorf("only %d expressions were found", tried)
	}
	refused := 0
	for line := range strings.Lines(unsupported) {
		cells := strings.Split(line, " | ")
		if len(cells) != 2 || !strings.HasPrefix(line, "| ") {
			continue
		}
		for _, s := range span.FindAllString(cells[0], -1) {
			expr := unquote(s)
			if expr == "%" || expr == "^" {
				continue
			}
			refused++
			if _, err := Parse(expr); err == nil {
				t.Errorf("%q is supported", expr)
			}
		}
		for _, s := range span.FindAllString(cells[1], -1) {
			if expr := unquote(s); !strings.HasPrefix(expr, "--") && expr != "port https" {
				if _, err := Parse(expr); err != nil {
					t.Errorf("in place of something else, %q: %v", expr, err)
				}
			}
		}
	}
	if refused < 8 {
		t.Errorf("only %d refused expressions were found", refused)
	}
}
