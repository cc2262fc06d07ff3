package check

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/wsdump/wsdump/timeline"
)

// TestRuleErrors: errors in rules have their position and a hint.
func TestRuleErrors(t *testing.T) {
	known := []*timeline.Rule{{ID: "ws/mask-missing"}, {ID: "ws/close-missing"}}
	for _, tc := range []struct{ text, want string }{
		{"", "rules.yaml: there are no rules in it"},
		{"checks: []", "rules.yaml:1:7: this wsdump reads version 1 of the rules; begin with version: 1"},
		{"version: 2", "this wsdump reads version 1"},
		{"version: 1", "there is nothing to check"},
		{"version: 1\nverison: 2\nprotocol: {profile: basic}", `rules.yaml:2:1: a file of rules has no key "verison"; did you mean version?`},
		{"version: 1\nprotocol: {profile: strickt}", `rules.yaml:2:21: profile is one of off, basic, strict, and this is "strickt"; did you mean strict?`},
		{"version: 1\nprotocol: {set: {ws/mask-mising: off}}", `there is no rule "ws/mask-mising"; did you mean ws/mask-missing?`},
		{"version: 1\nchecks:\n  - message: {none: text == \"x\"}", "rules.yaml:3:12: a check needs an id"},
		{"version: 1\nchecks:\n  - id: a\n    mesage: {none: text == \"x\"}", `rules.yaml:4:5: a check has no key "mesage"; did you mean message?`},
		{"version: 1\nchecks:\n  - id: a\n    message: {none: txt == \"x\"}", "rules.yaml:4:21: there is no field \"txt\""},
		{"version: 1\nchecks:\n  - id: a\n    message: {none: txt == \"x\"}", "did you mean text"},
		{"version: 1\nchecks:\n  - id: a\n    message: {none: 'length == \"x\"'}", "rules.yaml:4:21: "},
		{"version: 1\nchecks:\n  - id: a\n    message: {where: dir == \"send\"}", "this says nothing of its rows"},
		{"version: 1\nchecks:\n  - id: a\n    ping: {rtt_max: 5}", `rtt_max is a length of time, and this is "5"; for instance 500ms, 2s or 1m30s`},
		{"version: 1\nchecks:\n  - id: a\n    rate: {max: -1}", "max is a whole number from 0"},
		{"version: 1\nchecks:\n  - id: a\n    rate: {per: 1s}", "rate needs a max"},
		{"version: 1\nchecks:\n  - id: a\n    ping: {unanswered: 0}\n  - id: a\n    ping: {unanswered: 0}", `rules.yaml:5:9: there is another check with the id "a"`},
		{"version: 1\nchecks:\n  - id: a\n    ping: {unanswered: 0}\n    rate: {max: 1}", "a check has one of message, connection"},
		{"version: 1\nchecks:\n  - id: a\n    sequence: {steps: [{within: 1s}]}", "a step has one of send, receive and any"},
		{"version: 1\nchecks:\n  - id: a\n    message: {every: true, schema: no-such.json}", "no-such.json"},
		{"version: 1\nversion: 1", `version`},
		{"version: 1\nchecks: *x", "an alias"},
		{"{", "not YAML"},
		{"version: 1\nchecks:\n  - id: a\n    golden: x.wst\n    normalize: [{path: json.id, match: x, with: y}]", "a path or a match"},
		{"version: 1\nchecks:\n  - id: a\n    golden: x.wst\n    normalize: [{match: '(', with: y}]", "rules.yaml:5:"},
		{"version: 1\nchecks:\n  - id: a\n    connection: {count: {min: 3, max: 1}}", "max is less than min"},
		{"version: 1\nscope: {ports: [70000]}\nprotocol: {profile: basic}", "a port is a number up to 65535"},
	} {
		_, err := read("rules.yaml", []byte(tc.text), known)
		if wrong := (*RuleError)(nil); !errors.As(err, &wrong) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s\n%v\nwant %s", tc.text, err, tc.want)
		}
	}
}

// TestJSONRules: JSON is read as the same tree.
func TestJSONRules(t *testing.T) {
	r, err := read("rules.json", []byte(`{"version": 1, "protocol": {"profile": "strict"}, "checks": [{"id": "a", "message": {"none": "json.type == \"error\""}}]}`), nil)
	if err != nil || len(r.Checks) != 2 || r.Checks[1].Text != `message none: json.type == "error"` || r.Checks[1].Line != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
}

// rulesSamples are files of rules, good and bad in their shape.
func rulesSamples(t *testing.T) map[string]bool {
	samples := map[string]bool{
		"version: 1\nchecks:\n  - id: a\n    frame: {every: 'true'}":                                                             false,
		"version: 1\nchecks:\n  - id: a\n    rate: {max: 0}":                                                                     false,
		"version: 1\nchecks:\n  - id: a\n    ping: {}":                                                                           false,
		"version: 1\nchecks:\n  - id: a\n    ping: {interval_max: 35}":                                                           false,
		"version: 1\nprotocol: {profile: lax}":                                                                                   false,
		"version: 1\nprotocol: {profile: strict, set: {ws/pong-unsolicited: ignore}}":                                            false,
		"version: 1\nchecks:\n  - id: a\n    ping: {unanswered: 0}\n    rate: {max: 1}":                                          false,
		"version: 1\nchecks:\n  - id: a\n    exchange: {request: 'true'}":                                                        false,
		"version: 1\nchecks:\n  - id: a\n    reconnect: {within: 1s}":                                                            false,
		"version: 1\nchecks: {id: a, rate: {max: 3}}":                                                                            true,
		"version: 1\nprotocol: {}":                                                                                               true,
		"version: 1\nchecks:\n  - id: a\n    severity: warning\n    zero_match: pass\n    connection: {count: {min: 0, max: 2}}": true,
	}
	text, err := os.ReadFile("testdata/all.yaml")
	if err != nil {
		t.Fatal(err)
	}
	samples[string(text)] = true
	return samples
}

// TestSchema: the JSON Schema for editors takes what Load takes, and refuses
// what it refuses.
func TestSchema(t *testing.T) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("rules", document); err != nil {
		t.Fatal(err)
	}
	compiled := compiler.MustCompile("rules")
	for text, good := range rulesSamples(t) {
		tree, err := yaml.YAMLToJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(tree))
		if err != nil {
			t.Fatal(err)
		}
		if err := compiled.Validate(value); (err == nil) != good {
			t.Errorf("the schema says of\n%s\n%v", text, err)
		}
		if _, err := read(filepath.Join("testdata", "all.yaml"), []byte(text), nil); (err == nil) != good {
			t.Errorf("Load says of\n%s\n%v", text, err)
		}
	}
	// Every verb and key of the loader is in the schema.
	for _, verb := range verbs {
		if !bytes.Contains(Schema(), []byte(`"`+verb+`": {`)) {
			t.Errorf("%s is not in the schema", verb)
		}
	}
}

// TestMessageSchema: payload is held to a JSON Schema, and nothing is loaded.
func TestMessageSchema(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"server.json": `{"type": "object", "required": ["type"], "properties": {"type": {"enum": ["ack", "next"]}}}`,
		"refers.json": `{"$ref": "server.json"}`,
		"remote.json": `{"$ref": "https://example.com/x.json"}`,
		"broken.json": `{"type": `,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	load := func(name string) (*Rules, error) {
		file := filepath.Join(dir, "rules.yaml")
		text := "version: 1\nchecks:\n  - id: typed\n    message: { where: dir == \"receive\", schema: ./" + name + " }\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return Load(file)
	}
	for _, name := range []string{"refers.json", "remote.json", "broken.json"} {
		if _, err := load(name); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	rules, err := load("server.json")
	if err != nil {
		t.Fatal(err)
	}
	for story, want := range map[string]Outcome{
		"0 open\n1 > nonsense\n2 < {\"type\":\"ack\"}\n3 close":      Pass,
		"0 open\n2 < {\"type\":\"nack\"}\n3 close":                   Fail,
		"0 open\n2 < {\"kind\":\"ack\"}\n3 close":                    Fail,
		"0 open\n2 < not JSON\n3 close":                              Fail,
		"0 open\n2 < {\"type\":\"ack\"} {\"type\":\"ack\"}\n3 close": Fail,
		"0 open\n2 < {\"type\":\"ack\"}\n2 gap\n3 close":             Inconclusive,
	} {
		j := NewJudge(rules)
		tell(t, j, story)
		r := j.Results()[0]
		if r.Outcome != want {
			t.Errorf("%s: %s", story, r.Outcome)
		}
		if want == Fail && r.Violations[0].Actual == "" {
			t.Errorf("%s: nothing is said of what is wrong", story)
		}
	}
}

// TestGolden: the conversations are those of a transcript, but for what is
// normalized.
func TestGolden(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "rules.yaml")
	text := "version: 1\nchecks:\n  - id: same\n    golden: ./login.wst\n    normalize: [ { path: json.id, with: <id> }, { match: '[0-9]{4}', with: <year> } ]\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	judge := func(story string) Result {
		rules, err := Load(file)
		if err != nil {
			t.Fatal(err)
		}
		j := NewJudge(rules)
		tell(t, j, story)
		return j.Results()[0]
	}
	const good = "0 open /chat\n1 > {\"id\":17,\"a\":1}\n2 < it is 2026\n3 close"
	first := judge(good)
	if first.Outcome != Fail || !strings.Contains(first.Wanted, "-U writes it") {
		t.Fatalf("%+v", first)
	}
	if err := os.WriteFile(filepath.Join(dir, "login.wst"), first.Transcript, 0o600); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(first.Transcript, []byte("> {\"id\":\"<id>\",\"a\":1}\n< it is <year>\n")) {
		t.Fatalf("%s", first.Transcript)
	}
	for story, want := range map[string]Outcome{
		good: Pass,
		"0 open /chat\n1 > {\"id\":99,\"a\":1}\n2 < it is 1999\n3 close": Pass,
		"0 open /chat\n1 > {\"id\":99,\"a\":2}\n2 < it is 1999\n3 close": Fail,
		"0 open /chat\n1 > {\"id\":99,\"a\":1}\n3 close":                 Fail,
		"0 open /chat\n1 > {\"id\":99,\"a\":1}\n2 gap\n3 close":          Inconclusive,
	} {
		r := judge(story)
		if r.Outcome != want {
			t.Errorf("%s: %s, want %s: %+v", story, r.Outcome, want, r.Violations)
		}
	}
	if v := judge("0 open /chat\n1 > {\"id\":99,\"a\":2}\n2 < it is 1999\n3 close").Violations[0]; !strings.Contains(v.Expected, `login.wst:4: > {"id":"<id>","a":1}`) || v.Actual != `> {"id":"<id>","a":2}` {
		t.Errorf("%+v", v)
	}
}

func FuzzLoad(f *testing.F) {
	text, err := os.ReadFile("testdata/all.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("version: 1\nchecks:\n  - id: a\n    message: {none: text == \"x\"}"))
	f.Add([]byte(`{"version":1,"checks":[]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if bytes.Contains(text, []byte("schema")) || bytes.Contains(text, []byte("golden")) {
			return // no file of this machine is read
		}
		r, err := read("rules.yaml", text, nil)
		switch wrong := (*RuleError)(nil); {
		case err != nil && !errors.As(err, &wrong):
			t.Fatalf("%v", err)
		case err == nil && len(r.Checks) == 0 && r.Protocol == nil:
			t.Fatal("rules without a check")
		}
	})
}
