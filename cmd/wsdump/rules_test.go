package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wsdump/wsdump/pipeline"
)

// TestRulesDocument: docs/RULES.md is what the program prints.
func TestRulesDocument(t *testing.T) {
	var out, words bytes.Buffer
	if code := Main([]string{"rules", "-T", "markdown"}, strings.NewReader(""), &out, &words); code != 0 {
		t.Fatalf("exit code %d: %s", code, words.String())
	}
	const name = "../../docs/RULES.md"
	if *update {
		if err := os.WriteFile(name, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil || !bytes.Equal(out.Bytes(), want) {
		t.Errorf("docs/RULES.md is not what the program prints (%v); `go test ./cmd/wsdump -update` writes it", err)
	}
}

// TestEveryRuleFires: each rule has a scenario, a fixture or a test that names
// it; and IDs are told once.
func TestEveryRuleFires(t *testing.T) {
	var proof strings.Builder
	for _, pattern := range []string{"../../internal/scenario/testdata/*.txt", "../../testdata/golden/*.ndjson", "../../*/*_test.go", "../../dissect/*/*_test.go", "testdata/script/*.txt"} {
		files, _ := filepath.Glob(pattern)
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			proof.Write(text)
		}
	}
	seen := map[string]bool{}
	for _, r := range pipeline.Rules() {
		if seen[r.ID] {
			t.Errorf("%s is told twice", r.ID)
		}
		seen[r.ID] = true
		if !strings.Contains(proof.String(), r.ID) {
			t.Errorf("%s fires nowhere in the tests", r.ID)
		}
	}
}
