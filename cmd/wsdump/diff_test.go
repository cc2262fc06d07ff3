package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/wsdump/wsdump/internal/long"
)

// TestDiffFixtures: every fixture is the same as itself, and as the HAR that is
// made of it; and most of two fixtures are not the same. All of the JSON is held
// to docs/diff.schema.json.
func TestDiffFixtures(t *testing.T) {
	t.Setenv("SSLKEYLOGFILE", "")
	text, err := os.ReadFile("../../docs/diff.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	if err := c.AddResource("diff.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("diff.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(pcaps + "*.pcap*")
	har := filepath.Join(t.TempDir(), "x.har")
	compared, differ := 0, 0
	for k, file := range files {
		if !long.Wanted() && k%4 != 0 {
			continue
		}
		keys := keysBeside(file)
		var out, words bytes.Buffer
		read := append(append([]string{}, keys...), "-q", "--no-redact", "-T", "har", "-o", har, file)
		if code := Main(read, strings.NewReader(""), &out, &words); code != exitOK {
			t.Fatalf("%v: exit code %d", read, code)
		}
		for _, other := range []string{file, har, files[(k+1)%len(files)]} {
			args := append(append([]string{"-q", "-T", "json"}, keys...), file, other)
			out.Reset()
			words.Reset()
			code := Main(append([]string{"diff"}, args...), strings.NewReader(""), &out, &words)
			v, err := jsonschema.UnmarshalJSON(bytes.NewReader(out.Bytes()))
			if err != nil {
				t.Fatalf("%v: %v\n%s", args, err, out.String())
			}
			if err := schema.Validate(v); err != nil {
				t.Fatalf("%v: %v", args, err)
			}
			var report struct {
				Equal bool
				A, B  struct{ Connections, Messages int }
			}
			if err := json.Unmarshal(out.Bytes(), &report); err != nil {
				t.Fatal(err)
			}
			want := exitOK
			if !report.Equal || report.A.Connections+report.B.Connections == 0 {
				want = exitFailed
			}
			if code != want {
				t.Errorf("%v: exit code %d, want %d\n%s", args, code, want, words.String())
			}
			if (file == other || other == har) && !report.Equal {
				t.Errorf("%v: not the same", args)
			}
			if !report.Equal {
				differ++
			}
			compared += report.A.Messages
		}
	}
	if compared < 100 || differ < len(files)/8 {
		t.Errorf("%d messages were compared, %d pairs differ", compared, differ)
	}
}
