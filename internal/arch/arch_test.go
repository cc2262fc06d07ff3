// Package arch holds docs/ARCHITECTURE.md to the code: its import map, its table of
// packages, its types. It parses the files itself: the go command caches a test that
// runs `go list`, which would stay green.
package arch

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	module = "github.com/wsdump/wsdump"
	root   = "../.."
)

// page returns docs/ARCHITECTURE.md.
func page(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(root + "/docs/ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// block returns the code blocks of the page that are in that language.
func blocks(page, language string) (all []string) {
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```").FindAllStringSubmatch(page, -1) {
		all = append(all, m[1])
	}
	return all
}

// imports is the import map: what each folder may import. Packages of this module are
// folders, "." is the root; others are the beginning of their path. A folder that is
// not named follows its parent.
type imports map[string][]string

func importMap(t *testing.T) imports {
	t.Helper()
	found := blocks(page(t), "imports")
	if len(found) != 1 {
		t.Fatalf("the page has %d import maps", len(found))
	}
	allowed := imports{}
	for line := range strings.Lines(found[0]) {
		folder, rules, ok := strings.Cut(line, "->")
		folder = strings.TrimSpace(folder)
		if _, twice := allowed[folder]; !ok || twice {
			t.Fatalf("not a line of an import map, or twice: %s", line)
		}
		allowed[folder] = strings.Fields(strings.ReplaceAll(rules, "|", " "))
	}
	return allowed
}

// sources calls f for every file of Go that is no test, with its folder.
func sources(t *testing.T, f func(folder, path string)) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && path != root && (name == "testdata" && filepath.Dir(path) != root || name == "node_modules" || strings.HasPrefix(name, ".")) {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") && filepath.Base(filepath.Dir(path)) != "arch" {
			return nil
		}
		rel, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		files++
		f(filepath.ToSlash(rel), path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 100 {
		t.Fatalf("only %d files were looked at", files)
	}
}

// TestImports: no file imports what the map does not allow, and the map allows nothing
// that no file imports.
func TestImports(t *testing.T) {
	allowed := importMap(t)
	unused := map[string]bool{}
	for folder, rules := range allowed {
		for _, rule := range rules {
			if rule != "*" {
				unused[folder+" -> "+rule] = true
			}
		}
	}
	sources(t, func(folder, path string) {
		of, rules, ok := allowed.of(folder)
		if !ok {
			t.Errorf("%s: the folder is not in the import map", path)
			return
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			name := strings.Trim(spec.Path.Value, `"`)
			rule, ok := permits(folder, name, rules)
			if !ok {
				t.Errorf("%s imports %s, which the import map does not allow", path, name)
			}
			delete(unused, of+" -> "+rule)
		}
	})
	for _, rule := range slices.Sorted(maps.Keys(unused)) {
		t.Errorf("the import map allows %s, and no file needs it", rule)
	}
}

// of returns the rules of a folder, and which folder of the map they are of.
func (m imports) of(folder string) (of string, rules []string, ok bool) {
	for f := folder; ; f = filepath.ToSlash(filepath.Dir(f)) {
		if rules, ok := m[f]; ok && (f != "." || folder == ".") {
			return f, rules, true
		}
		if f == "." {
			return "", nil, false
		}
	}
}

// permits reports whether a file of folder may import name, and by which rule; "" is
// the standard library, or the folder itself.
func permits(folder, name string, rules []string) (rule string, ok bool) {
	if first, _, _ := strings.Cut(name, "/"); !strings.Contains(first, ".") && name != "unsafe" {
		return "", name != "C"
	}
	local, ours := strings.CutPrefix(name, module)
	if local = strings.TrimPrefix(local, "/"); local == "" {
		local = "."
	}
	if ours && local == folder {
		return "", true
	}
	for _, r := range rules {
		if r == "*" || ours && r == local || !ours && (name == r || strings.HasPrefix(name, r+"/")) {
			return r, true
		}
	}
	return "", false
}

// TestTheMapBites: the check finds what it is there for.
func TestTheMapBites(t *testing.T) {
	allowed := importMap(t)
	for _, test := range []struct {
		folder, name string
		want         bool
	}{
		{"timeline", "strings", true},
		{"timeline", "unsafe", false},
		{"timeline", module + "/capture", false},
		{"dissect/ws", module + "/dissect", false},
		{"dissect", module + "/reassembly", false},
		{"dissect", module + "/dissect/ws", true},
		{"internal/terminal", "github.com/olekukonko/tablewriter/tw", true},
		{"report", "github.com/spf13/cobra", false},
		{"capture", module + "/timeline", false},
		{"capture", module + "/capture/live", false},
		{"capture/live", module + "/capture", true},
		{"capture/live", "unsafe", true},
	} {
		_, rules, ok := allowed.of(test.folder)
		if _, permitted := permits(test.folder, test.name, rules); !ok || permitted != test.want {
			t.Errorf("%s importing %s: allowed %v, want %v", test.folder, test.name, permitted, test.want)
		}
	}
}
