package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
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
