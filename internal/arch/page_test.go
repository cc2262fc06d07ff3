package arch

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestPackageTable: the table names every folder with Go in it once, and no other but
// what it marks as planned.
func TestPackageTable(t *testing.T) {
	_, table, _ := strings.Cut(page(t), "## Package map")
	table, _, _ = strings.Cut(table, "\n## ")
	named := map[string]bool{} // planned
	for _, row := range regexp.MustCompile("(?m)^\\| ((?:`[^`|]+`(?:, )?)+)( \\(planned\\))? \\|").FindAllStringSubmatch(table, -1) {
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
			folder := m[1]
			if _, twice := named[folder]; twice {
				t.Errorf("%s is in the table twice", folder)
			}
			named[folder] = row[2] != ""
		}
	}
	exists := map[string]bool{}
	sources(t, func(folder, _ string) { exists[folder] = true })
	for folder := range exists {
		// A folder without a row of its own belongs to the one that it is in.
		for f := folder; ; f = filepath.ToSlash(filepath.Dir(f)) {
			if planned, ok := named[f]; ok && (f != "." || folder == ".") {
				if planned {
					t.Errorf("%s is marked as planned, and exists", f)
				}
				break
			}
			if f == "testdata" {
				break
			}
			if f == "." {
				t.Errorf("%s is missing in the table", folder)
				break
			}
		}
	}
	for folder, planned := range named {
		if info, err := os.Stat(filepath.Join(root, folder)); !planned && (err != nil || !info.IsDir()) {
			t.Errorf("the table names %s, which does not exist", folder)
		}
	}
	if len(named) < 40 {
		t.Errorf("the table has %d folders: the test does not see it", len(named))
	}
}

// TestTypeSketches: the types on the page are those of the code, without comments.
func TestTypeSketches(t *testing.T) {
	compared := 0
	for _, block := range blocks(page(t), "go") {
		for _, part := range regexp.MustCompile(`(?m)^package `).Split(block, -1) {
			if strings.TrimSpace(part) == "" {
				continue
			}
			name, _, _ := strings.Cut(part, "\n")
			for typeName, sketch := range typesOf(t, "package "+part) {
				compared++
				if code := declared(t, name, typeName); code != sketch {
					t.Errorf("%s.%s on the page:\n%s\nin the code:\n%s", name, typeName, sketch, code)
				}
			}
		}
	}
	if compared < 5 {
		t.Errorf("only %d types were compared", compared)
	}
}

// declared returns a type of a package of this module.
func declared(t *testing.T, folder, name string) string {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(root, folder, "*.go"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if code, ok := typesOf(t, string(text))[name]; ok {
			return code
		}
	}
	return "(no such type)"
}

// typesOf returns the types of a file, printed without comments, one field a line.
func typesOf(t *testing.T, text string) map[string]string {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "", text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	types := map[string]string{}
	for _, d := range file.Decls {
		general, ok := d.(*ast.GenDecl)
		if !ok || general.Tok != token.TYPE {
			continue
		}
		for _, spec := range general.Specs {
			spec := spec.(*ast.TypeSpec)
			var lines []string
			list := &ast.FieldList{}
			switch is := spec.Type.(type) {
			case *ast.InterfaceType:
				list = is.Methods
			case *ast.StructType:
				list = is.Fields
			}
			for _, field := range list.List {
				var names []string
				for _, id := range field.Names {
					names = append(names, id.Name)
				}
				var b bytes.Buffer
				_ = printer.Fprint(&b, token.NewFileSet(), field.Type)
				for _, name := range names {
					lines = append(lines, name+" "+b.String())
				}
			}
			types[spec.Name.Name] = strings.Join(lines, "\n")
		}
	}
	return types
}

// TestVocabulary: no type of the pipeline has a name that the vocabulary replaces.
func TestVocabulary(t *testing.T) {
	_, table, ok := strings.Cut(page(t), "## Vocabulary")
	if !ok {
		t.Fatal("there is no vocabulary")
	}
	var wrong []string
	for _, row := range regexp.MustCompile(`(?m)^\| [^|]+ \| [^|]+ \| ([^|]+) \|$`).FindAllStringSubmatch(table, -1) {
		for word := range strings.SplitSeq(row[1], ",") {
			if word, _, _ = strings.Cut(strings.TrimSpace(word), " "); regexp.MustCompile(`^[a-z]+$`).MatchString(word) {
				wrong = append(wrong, word)
			}
		}
	}
	if len(wrong) < 15 || !slices.Contains(wrong, "author") {
		t.Fatalf("%q: the test does not see the table", wrong)
	}
	sources(t, func(folder, path string) {
		if folder != "pipeline" {
			return
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for name := range typesOf(t, string(text)) {
			if slices.Contains(wrong, strings.ToLower(name)) {
				t.Errorf("%s: type %s is a word that the vocabulary replaces", path, name)
			}
		}
	})
}
