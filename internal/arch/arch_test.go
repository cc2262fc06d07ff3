// Package arch holds the import map of docs/ARCHITECTURE.md. It parses the
// files itself: a test that shells out to the go command is cached and would
// stay green.
package arch

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/wsdump/wsdump"

// allowed says what each package may import beside the standard library:
// packages of this module by their folder ("." is the root), others by the
// beginning of their path. Unsafe has to be named. Sub-folders not named here follow their parent.
var allowed = map[string][]string{
	"timeline":           {},
	"capture":            {"github.com/google/gopacket", "golang.org/x/sys", "golang.org/x/net/bpf", "github.com/klauspost/compress", "github.com/pierrec/lz4", "github.com/ulikunitz/xz"},
	"capture/live":       {"capture", "capture/filter", "unsafe", "golang.org/x/sys", "golang.org/x/net/bpf"},
	"capture/filter":     {"internal/excerpt", "golang.org/x/net/bpf"},
	"reassembly/wire":    {"github.com/google/gopacket"},
	"reassembly":         {"reassembly/wire", "capture", "timeline"},
	"dissect":            {"dissect/http1", "dissect/http2", "dissect/tls", "dissect/ws", "dissect/payload", "timeline"},
	"dissect/http1":      {"timeline"},
	"dissect/http2":      {"timeline", "golang.org/x/net/http2/hpack"},
	"dissect/tls":        {"timeline", "golang.org/x/crypto", "golang.org/x/sys"},
	"dissect/ws":         {"timeline", "dissect/ws/inflate"},
	"dissect/ws/inflate": {"unsafe"},
	"dissect/payload":    {"timeline"},
	"query":              {"timeline", "internal/excerpt", "github.com/expr-lang/expr"},
	"transcript":         {"timeline", "internal/spool"},
	"har":                {"timeline", "internal/spool"},
	"stats":              {"timeline"},
	"redact":             {"timeline", "query"},
	"normalize":          {"timeline", "query"},
	"diff":               {"timeline", "query", "transcript", "stats", "normalize"},
	"check":              {"timeline", "query", "transcript", "stats", "normalize", "github.com/goccy/go-yaml", "github.com/santhosh-tekuri/jsonschema"},
	"report": {
		"timeline", "query", "internal/spool", "internal/terminal", "internal/quantity", "internal/decimal", "internal/ndjson", "internal/page",
	},
	"report/statistics": {
		"timeline", "query", "stats", "report", "internal/terminal", "internal/quantity", "internal/decimal", "internal/ndjson", "internal/page",
		"github.com/clipperhouse/displaywidth",
	},
	"report/verdict": {"internal/outfile", "timeline", "transcript", "check", "diff", "internal/terminal", "internal/quantity", "internal/ndjson"},
	"metrics":        {"timeline"},
	"pipeline":       {"capture", "reassembly", "dissect", "dissect/tls", "dissect/payload", "har", "timeline", "internal/spool", "golang.org/x/sys"},
	"input":          {"capture", "capture/live", "capture/filter", "dissect", "dissect/tls", "har", "pipeline", "timeline", "internal/console", "internal/outfile", "golang.org/x/net/bpf"},
	"record":         {"capture", "capture/live", "dissect/tls", "pipeline", "query", "reassembly", "timeline", "internal/console", "internal/outfile"},
	"split":          {"query", "report", "timeline", "internal/console", "internal/outfile"},
	"chain":          {"capture/live", "input", "pipeline", "query", "redact", "report", "report/statistics", "stats", "timeline", "internal/console"},
	".":              {"chain", "input", "timeline"},
	"cmd/wsdump": {
		"capture", "capture/filter", "capture/live", "chain", "check", "diff", "dissect", "dissect/tls", "har", "input", "metrics", "normalize", "pipeline", "query", "record", "redact",
		"report", "report/statistics", "report/verdict", "split", "stats", "timeline", "transcript",
		"internal/child", "internal/console", "internal/flagvalue", "internal/helptext", "internal/outfile", "internal/pager", "internal/privilege", "internal/progress", "internal/terminal",
		"github.com/spf13/cobra", "github.com/spf13/pflag",
	},
	"internal/child":     {"internal/console", "internal/outfile", "internal/privilege"},
	"internal/flagvalue": {"capture/filter", "internal/console", "github.com/spf13/cobra", "github.com/spf13/pflag"},
	"internal/helptext":  {"github.com/spf13/cobra", "github.com/spf13/pflag"},
	"internal/pager":     {"internal/console", "internal/terminal"},
	"internal/console":   {"query", "internal/terminal"},
	"internal/outfile":   {},
	"internal/privilege": {"internal/console", "golang.org/x/sys", "unsafe"},
	"internal/progress":  {"capture", "capture/live", "timeline", "internal/console", "github.com/schollz/progressbar"},
	"internal/spool":     {},
	"internal/excerpt":   {},
	"internal/decimal":   {},
	"internal/quantity":  {"internal/decimal"},
	"internal/terminal":  {"golang.org/x/term", "github.com/olekukonko/tablewriter", "github.com/clipperhouse/displaywidth"},
	"internal/ndjson":    {"internal/decimal", "internal/terminal", "github.com/segmentio/asm", "golang.org/x/sys"},
	"internal/page":      {"internal/quantity", "internal/terminal"},
	// Test tools may use what they test.
	"internal": {"*"},
	"bench":    {"*"},
	"testdata": {"*"},
}

func TestImports(t *testing.T) {
	root := filepath.Join("..", "..")
	checked := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && d.Name() != ".." && path != root) {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		checked++
		checkFile(t, filepath.ToSlash(rel), path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if checked < 20 {
		t.Fatalf("only %d files were looked at", checked)
	}
}

func checkFile(t *testing.T, rel, path string) {
	t.Helper()
	folder := filepath.ToSlash(filepath.Dir(rel))
	rules, ok := rulesFor(folder)
	if !ok {
		t.Errorf("%s: the folder is not in the import map", rel)
		return
	}
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range file.Imports {
		name := strings.Trim(spec.Path.Value, `"`)
		if !permitted(folder, name, rules) {
			t.Errorf("%s imports %s, which the import map does not allow", rel, name)
		}
	}
}

func rulesFor(folder string) ([]string, bool) {
	for f := folder; ; f = filepath.ToSlash(filepath.Dir(f)) {
		if rules, ok := allowed[f]; ok && (f != "." || folder == ".") {
			return rules, true
		}
		if f == "." {
			return nil, false
		}
	}
}

func permitted(folder, name string, rules []string) bool {
	if first, _, _ := strings.Cut(name, "/"); !strings.Contains(first, ".") {
		return name != "C" && (name != "unsafe" || slices.Contains(rules, name))
	}
	local, ours := strings.CutPrefix(name, module)
	local = strings.TrimPrefix(local, "/")
	if local == "" {
		local = "."
	}
	if ours && local == folder {
		return true
	}
	for _, r := range rules {
		if r == "*" || ours && r == local || !ours && (name == r || strings.HasPrefix(name, r+"/")) {
			return true
		}
	}
	return false
}

// TestTheMapBites: the check finds what it is there for.
func TestTheMapBites(t *testing.T) {
	for _, tc := range []struct {
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
		rules, ok := rulesFor(tc.folder)
		if !ok || permitted(tc.folder, tc.name, rules) != tc.want {
			t.Errorf("%s importing %s: allowed %v, want %v", tc.folder, tc.name, !tc.want, tc.want)
		}
	}
}
