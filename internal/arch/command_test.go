package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The bounds of cmd/wsdump, which holds flags and words only. A file that grows
// beyond them holds a capability, which belongs in a room of its own.
const (
	maxCommandFile   = 200  // lines of a file
	maxCommandFolder = 3000 // lines of all, without tests
)

// TestCommandIsFlagsAndWords: no file of cmd/wsdump is large, and no two of them use
// each other, neither at once nor by way of others.
func TestCommandIsFlagsAndWords(t *testing.T) {
	names, err := filepath.Glob("../../cmd/wsdump/*.go")
	if err != nil {
		t.Fatal(err)
	}
	declared := map[string]string{} // file by name of what it declares
	unresolved := map[string][]string{}
	total, set := 0, token.NewFileSet()
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Count(string(text), "\n")
		if total += lines; lines > maxCommandFile {
			t.Errorf("%s has %d lines, more than %d", name, lines, maxCommandFile)
		}
		file, err := parser.ParseFile(set, name, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		base := filepath.Base(name)
		for _, d := range file.Decls {
			for _, word := range declares(d) {
				declared[word] = base
			}
		}
		for _, id := range file.Unresolved { // in this file, so in another one or in the language
			unresolved[base] = append(unresolved[base], id.Name)
		}
	}
	if total > maxCommandFolder {
		t.Errorf("cmd/wsdump has %d lines, more than %d", total, maxCommandFolder)
	}
	uses := map[string]map[string]bool{}
	for file, words := range unresolved {
		uses[file] = map[string]bool{}
		for _, word := range words {
			if to := declared[word]; to != "" && to != file {
				uses[file][to] = true
			}
		}
	}
	if len(uses) < 20 || len(uses["root.go"]) < 5 {
		t.Fatalf("%d files, of which root.go uses %d: the test does not see them", len(uses), len(uses["root.go"]))
	}
	for file := range uses {
		if path := circle(uses, file, file, map[string]bool{}); path != nil {
			t.Errorf("these files use each other: %s", strings.Join(path, " -> "))
		}
	}
}

// declares returns the names that a declaration adds to its package.
func declares(d ast.Decl) (names []string) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			names = append(names, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				names = append(names, spec.Name.Name)
			case *ast.ValueSpec:
				for _, id := range spec.Names {
					names = append(names, id.Name)
				}
			}
		}
	}
	return names
}

// circle returns a path from a file to itself; nil for none.
func circle(uses map[string]map[string]bool, from, to string, seen map[string]bool) []string {
	for next := range uses[from] {
		if next == to {
			return []string{from, to}
		}
		if seen[next] {
			continue
		}
		seen[next] = true
		if path := circle(uses, next, to, seen); path != nil {
			return append([]string{from}, path...)
		}
	}
	return nil
}
