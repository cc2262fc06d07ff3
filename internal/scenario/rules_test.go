package scenario_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/wsdump/wsdump/internal/scenario"
	"github.com/wsdump/wsdump/pipeline"
)

// TestCatalogue: every rule that is declared anywhere in the module is in
// pipeline.Rules, once, with all that a reader of the catalogue needs.
func TestCatalogue(t *testing.T) {
	listed := map[string]int{}
	for _, r := range pipeline.Rules() {
		listed[r.ID]++
		if r.Title == "" || r.Text == "" || r.Since == "" {
			t.Errorf("%s lacks a title, text or version", r.ID)
		}
	}
	declared := declaredRules(t)
	for id, where := range declared {
		if listed[id] != 1 {
			t.Errorf("%s, declared in %s, is in pipeline.Rules %d times: add it to the Rules function of its package", id, where, listed[id])
		}
	}
	if len(declared) != len(listed) {
		t.Errorf("%d rules are declared, %d listed", len(declared), len(listed))
	}
}

// declaredRules returns the IDs of the literals of timeline.Rule in the module but for
// its tests, each with its file.
func declaredRules(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && (name == "testdata" || name == "node_modules" || name != ".." && strings.HasPrefix(name, ".")) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			literal, is := n.(*ast.CompositeLit)
			if !is {
				return true
			}
			if list, is := literal.Type.(*ast.ArrayType); is { // its elements may leave out their type
				for _, e := range literal.Elts {
					if e, is := e.(*ast.CompositeLit); is && e.Type == nil {
						e.Type = list.Elt
						if pointer, is := list.Elt.(*ast.StarExpr); is {
							e.Type = pointer.X
						}
					}
				}
			}
			if !isRule(literal.Type, file.Name.Name) {
				return true
			}
			id := fieldID(literal)
			if id == "" || found[id] != "" {
				t.Errorf("%s: a rule whose ID is not a string in its literal, or that of another rule: %q", path, id)
			}
			found[id] = path
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// isRule reports whether e names timeline.Rule in a file of package pkg.
func isRule(e ast.Expr, pkg string) bool {
	if s, is := e.(*ast.SelectorExpr); is {
		x, is := s.X.(*ast.Ident)
		return is && x.Name == "timeline" && s.Sel.Name == "Rule"
	}
	name, is := e.(*ast.Ident)
	return is && pkg == "timeline" && name.Name == "Rule"
}

// fieldID returns the value of the field ID, "" when it is not a string literal.
func fieldID(literal *ast.CompositeLit) string {
	for _, element := range literal.Elts {
		pair, is := element.(*ast.KeyValueExpr)
		if !is {
			continue
		}
		if key, is := pair.Key.(*ast.Ident); !is || key.Name != "ID" {
			continue
		}
		if value, is := pair.Value.(*ast.BasicLit); is {
			id, _ := strconv.Unquote(value.Value)
			return id
		}
	}
	return ""
}

// elsewhere are the rules that neither a scenario nor a golden can fire, and the tests
// that fire them.
var elsewhere = map[string]struct{ file, test, why string }{
	"capture/cut-short":          {"pipeline/rules_test.go", "TestCaptureRules", "scenarios are packets, not files"},
	"tcp/checksum":               {"cmd/wsdump/testdata/script/checksums.txt", "", "fires with --checksums only"},
	"tcp/limit":                  {"reassembly/reassembly_test.go", "TestLimits", "needs small limits"},
	"tcp/overlap-differs":        {"reassembly/reassembly_test.go", "TestTracker", "a scenario sends each byte once"},
	"http/cleartext-credentials": {"dissect/dissect_test.go", "TestCleartextCredentials", "needs a public address"},
	"http/limit":                 {"dissect/dissect_test.go", "TestLimitIsTold", "needs small limits"},
	"h2/connect-not-enabled":     {"dissect/http2/http2_test.go", "TestStory", "scenarios have no HTTP/2"},
	"h2/connect-reset":           {"dissect/http2/http2_test.go", "TestStory", "scenarios have no HTTP/2"},
	"h2/headers-unknown":         {"dissect/http2/loss_test.go", "TestHeadersUnknown", "scenarios have no HTTP/2"},
	"ws/limit":                   {"dissect/ws/ws_test.go", "TestMessageLimit", "needs small limits"},
	"tls/no-keys":                {"dissect/tls/go_test.go", "TestGoWithoutKeys", "scenarios have no TLS"},
	"tls/unsupported":            {"dissect/tls/go_test.go", "TestGoSuites", "scenarios have no TLS"},
	"tls/decrypt-failed":         {"dissect/tls/resync_test.go", "TestDamage", "scenarios have no TLS"},
	"tls/limit":                  {"dissect/tls/keys_test.go", "TestHeldLimit", "scenarios have no TLS"},
	"har/error":                  {"har/har_test.go", "TestOdd", "comes from HAR files"},
}

// TestEveryRuleFires: a scenario expects each rule, or a golden output has it. Both are
// compared in full by their tests. For the few other rules, see elsewhere.
func TestEveryRuleFires(t *testing.T) {
	fires := map[string]bool{}
	for _, s := range scenarios(t) {
		for _, line := range s.Expect {
			if id, is := strings.CutPrefix(line, "finding "); is {
				fires[id] = true
			}
		}
	}
	top, err := filepath.Glob("../../testdata/golden/*.ndjson")
	below, _ := filepath.Glob("../../testdata/golden/*/*.ndjson")
	if err != nil || len(top) == 0 || len(below) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	for _, file := range slices.Concat(top, below) {
		for _, part := range strings.Split(read(t, file), `"rule":"`)[1:] {
			id, _, _ := strings.Cut(part, `"`)
			fires[id] = true
		}
	}
	for _, r := range pipeline.Rules() {
		test, is := elsewhere[r.ID]
		switch {
		case fires[r.ID] && is:
			t.Errorf("%s fires in a scenario or golden: it need not be in elsewhere", r.ID)
		case !fires[r.ID] && !is:
			t.Errorf("no scenario and no golden fires %s", r.ID)
		case is && !strings.Contains(source(t, test.file, test.test), r.ID):
			t.Errorf("%s in %s does not name %s", test.test, test.file, r.ID)
		}
	}
	for id := range elsewhere {
		if rules[id] == nil {
			t.Errorf("%s is in elsewhere, and no rule", id)
		}
	}
}

// scenarios returns all scenarios, each named "FILE/TITLE".
func scenarios(t *testing.T) (all []*scenario.Scenario) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		for _, part := range strings.Split("\n"+read(t, file), "\n## ")[1:] {
			title, body, _ := strings.Cut(part, "\n")
			s, err := scenario.Parse(filepath.Base(file)+"/"+title, body)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, s)
		}
	}
	return all
}

// source returns the text of a function of a Go file in the module; of the whole file
// when function is "".
func source(t *testing.T, path, function string) string {
	t.Helper()
	text := read(t, filepath.Join("../..", path))
	if function == "" {
		return text
	}
	file, err := parser.ParseFile(token.NewFileSet(), path, text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(file.Decls, func(d ast.Decl) bool {
		f, is := d.(*ast.FuncDecl)
		return is && f.Recv == nil && f.Name.Name == function
	})
	if i < 0 {
		t.Errorf("%s has no %s", path, function)
		return ""
	}
	return text[file.Decls[i].Pos()-1 : file.Decls[i].End()-1]
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
