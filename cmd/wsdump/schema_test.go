package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/wsdump/wsdump/internal/scenario"
)

// noLoader refuses every reference outside the schema itself.
type noLoader struct{}

func (noLoader) Load(string) (any, error) {
	return nil, errors.New("outside references are not allowed")
}

func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile("../../docs/schema.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSchema holds every line of the output, for every fixture and every way
// to ask for it, to docs/schema.json, and the order of lines to the contract.
func TestSchema(t *testing.T) {
	t.Setenv("SSLKEYLOGFILE", "")
	s := schema(t)
	files, _ := filepath.Glob(pcaps + "*.pcap*")
	files = append(files, captured(t, "C> raw 00010203\nS> raw 04050607\n", scenario.Disguise{}))
	seen := map[string]int{}
	for _, args := range [][]string{{"--frames"}, {"--payload", "none"}, {"--payload", "3"}, {"list", "--all"}, {"-f", "greater 100"}, {"stats", "--seq", "json.sequence", "--reply-key", "json.sequence"}} {
		for _, file := range append(files, pcaps) {
			if args[0] == "-f" && file == pcaps {
				continue // there are link types that no filter can be compiled for
			}
			var out, words bytes.Buffer
			all := append(append(append([]string{}, args...), keysBeside(file)...), "-T", "ndjson", file)
			if code := Main(all, strings.NewReader(""), &out, &words); code != 0 {
				t.Fatalf("%v: exit code %d: %s", all, code, words.String())
			}
			lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
			for i, line := range lines {
				v, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
				if err != nil {
					t.Fatalf("%v: line %d is not JSON: %v\n%s", all, i+1, err, line)
				}
				if err := s.Validate(v); err != nil {
					t.Fatalf("%v: line %d: %v\n%s", all, i+1, err, line)
				}
				kind := v.(map[string]any)["type"].(string)
				seen[kind]++
				if (kind == "start") != (i == 0) || (kind == "summary") != (i == len(lines)-1) {
					t.Errorf("%v: line %d of %d is %s", all, i+1, len(lines), kind)
				}
			}
		}
	}
	var defs struct {
		Defs map[string]json.RawMessage `json:"$defs"`
	}
	text, _ := os.ReadFile("../../docs/schema.json")
	if err := json.Unmarshal(text, &defs); err != nil {
		t.Fatal(err)
	}
	for kind := range defs.Defs {
		if seen[kind] == 0 && kind != "stat_bound" && kind != "stat_interval" { // no fixture is that large: TestStatsNDJSON in report; live only: TestLiveCalm
			t.Errorf("no fixture gives a line of type %s", kind)
		}
	}
}

// TestReadme: what the README shows is what the program prints.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, block := range strings.Split(string(text), "```\n") {
		command, want, ok := strings.Cut(block, "\n")
		args, isRun := strings.CutPrefix(command, "$ wsdump ")
		if !ok || !isRun {
			continue
		}
		shown++
		var out, words bytes.Buffer
		t.Chdir("../..")
		Main(strings.Fields(args), strings.NewReader(""), &out, &words)
		t.Chdir("cmd/wsdump")
		if out.String() != want {
			t.Errorf("%s\ngot\n%s\nthe README has\n%s", command, out.String(), want)
		}
	}
	if shown == 0 {
		t.Error("the README shows nothing")
	}
}
