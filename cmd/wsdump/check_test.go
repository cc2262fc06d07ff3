package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/internal/scenario"
)

// goodTalk is a conversation that keeps all of goodRules.
const goodTalk = `C> upgrade /rpc
S> 101
C> text "{\"type\":\"init\"}"
S> text "{\"type\":\"ack\"}"
C> text "{\"id\":1,\"type\":\"call\"}"
S> text "{\"id\":1,\"type\":\"result\"}"
S> ping "beat"
C> pong "beat"
C> text "{\"id\":2,\"type\":\"call\"}"
S> text "{\"id\":2,\"type\":\"result\"}"
C> close 1000
S> close 1000
S> fin
C> fin
`

const goodRules = `version: 1
protocol: { profile: strict }
checks:
  - id: socket
    connection: { where: path == "/rpc", count: 1, expect: [ status == 101, clean ] }
  - id: hello
    sequence: { where: path == "/rpc", steps: [ { send: json.type == "init" }, { receive: json.type == "ack", within: 2s } ] }
  - id: no-errors
    message: { where: dir == "receive", none: json.type == "error" }
  - id: answers
    exchange: { request: json.type == "call", reply: json.type == "result", key: json.id, unanswered: 0, within: 5s }
  - id: heartbeat
    ping: { unanswered: 0, rtt_max: 5s }
  - id: budget
    message: { every: length <= 40 }
  - id: rate
    rate: { where: dir == "send", per: 1s, max: 3 }
  - id: golden
    golden: ./talk.wst
`

// writeTalk makes a capture of a conversation.
func writeTalk(t *testing.T, file, talk string) {
	t.Helper()
	s, err := scenario.Parse("talk", talk)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := capture.NewWriter(f)
	for _, p := range s.Packets(scenario.Disguise{}) {
		if err := w.Write(&p); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
}

// verdictsOf runs check and returns the outcome of each check that did not pass.
func verdictsOf(t *testing.T, args ...string) (not map[string]string, code int) {
	t.Helper()
	var out, words bytes.Buffer
	code = Main(append([]string{"check", "--report", "json"}, args...), strings.NewReader(""), &out, &words)
	var v struct {
		Checks []struct{ ID, Outcome string }
	}
	if err := json.Unmarshal(out.Bytes(), &v); err != nil {
		t.Fatalf("exit code %d: %s", code, words.String())
	}
	not = map[string]string{}
	for _, c := range v.Checks {
		if c.Outcome != "pass" {
			not[c.ID] = c.Outcome
		}
	}
	return not, code
}

// TestMutations: of a good capture's checks, each change of the traffic turns
// exactly those that should turn.
func TestMutations(t *testing.T) {
	dir := t.TempDir()
	rules, file := filepath.Join(dir, "rules.yaml"), filepath.Join(dir, "talk.pcapng")
	if err := os.WriteFile(rules, []byte(goodRules), 0o600); err != nil {
		t.Fatal(err)
	}
	writeTalk(t, file, goodTalk)
	if not, code := verdictsOf(t, "--rules", rules, "-U", file); code != 0 || len(not) > 0 {
		t.Fatalf("the good capture: %v, exit code %d", not, code)
	}
	if not, code := verdictsOf(t, "--rules", rules, file); code != 0 || len(not) > 0 {
		t.Fatalf("the good capture, once more: %v, exit code %d", not, code)
	}
	for _, tc := range []struct {
		name, old, new string
		fails, unclear string // checks
		code           int
	}{
		{"a reply is dropped", "S> text \"{\\\"id\\\":2,\\\"type\\\":\\\"result\\\"}\"\n", "", "answers, golden", "", 1},
		{"a reply is late", "S> text \"{\\\"id\\\":2", "wait 6s\nS> text \"{\\\"id\\\":2", "answers", "", 1},
		{"a reply is an error", `{\"id\":2,\"type\":\"result\"}`, `{\"id\":2,\"type\":\"error\"}`, "answers, golden, no-errors", "", 1},
		{"the greeting is late", `S> text "{\"type\":\"ack\"}"`, "wait 3s\nS> text \"{\\\"type\\\":\\\"ack\\\"}\"", "hello", "", 1},
		{"a mask is missing", `C> text "{\"id\":2,\"type\":\"call\"}"`, `C> text "{\"id\":2,\"type\":\"call\"}" unmasked`, "protocol strict", "", 1},
		{"a message is too long", `{\"id\":2,\"type\":\"call\"}`, `{\"id\":2,\"type\":\"call\",\"more\":\"than is allowed\"}`, "budget, golden", "", 1},
		{"a message too many", "C> close 1000", "C> text \"x\"\nC> close 1000", "golden, rate", "", 1},
		{"a pong is late", `C> pong "beat"`, "wait 6s\nC> pong \"beat\"", "heartbeat", "", 1},
		{"the close code is another", "C> close 1000\nS> close 1000", "C> close 1001\nS> close 1001", "golden", "", 1},
		{"the server just leaves", "C> close 1000\nS> close 1000\n", "", "golden, protocol strict, socket", "", 1},
		{"a reply is lost by the capture", "S> text \"{\\\"id\\\":2,\\\"type\\\":\\\"result\\\"}\"\n", "S> text \"{\\\"id\\\":2,\\\"type\\\":\\\"result\\\"}\" lost\n", "", "answers, budget, golden, heartbeat, no-errors, protocol strict, rate, socket", 4},
		{"another path", "/rpc", "/other", "golden, hello, socket", "", 1},
	} {
		if !strings.Contains(goodTalk, tc.old) {
			t.Fatalf("%s: %q is not in the talk", tc.name, tc.old)
		}
		writeTalk(t, file, strings.Replace(goodTalk, tc.old, tc.new, 1))
		not, code := verdictsOf(t, "--rules", rules, file)
		if failed, unclear := idsOf(not, "fail"), idsOf(not, "inconclusive"); code != tc.code || failed != tc.fails || unclear != tc.unclear {
			t.Errorf("%s: %q fail, %q are inconclusive, exit code %d; want %q, %q, %d", tc.name, failed, unclear, code, tc.fails, tc.unclear, tc.code)
		}
	}
	// A cut file.
	writeTalk(t, file, goodTalk)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, whole[:len(whole)*2/3], 0o600); err != nil {
		t.Fatal(err)
	}
	if not, code := verdictsOf(t, "--rules", rules, file); code != 4 || not["answers"] != "inconclusive" || not["socket"] != "inconclusive" || idsOf(not, "fail") != "" {
		t.Errorf("a cut file: %v, exit code %d", not, code)
	}
}

// idsOf returns the checks with an outcome, sorted.
func idsOf(not map[string]string, outcome string) string {
	var ids []string
	for id, is := range not {
		if is == outcome {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return strings.Join(ids, ", ")
}

// TestStarter: every capture keeps the rules that were made from it.
func TestStarter(t *testing.T) {
	t.Setenv("SSLKEYLOGFILE", "")
	files := fixtures(t)
	dir, made := t.TempDir(), 0
	for _, file := range files {
		rules := filepath.Join(dir, filepath.Base(file)+".yaml")
		args := append(keysBeside(file), file)
		var out, words bytes.Buffer
		if code := Main(append([]string{"check", "--init", "-o", rules}, args...), strings.NewReader(""), &out, &words); code != 0 {
			continue // no WebSocket, or no whole file
		}
		made++
		out.Reset()
		words.Reset()
		if code := Main(append([]string{"check", "--rules", rules, "--report", "text"}, args...), strings.NewReader(""), &out, &words); code != 0 && code != 4 {
			text, _ := os.ReadFile(rules)
			t.Errorf("%s: exit code %d\n%s\n%s\n%s", file, code, text, out.String(), words.String())
		}
	}
	if made < 50 {
		t.Errorf("only %d files of rules were made", made)
	}
}

// TestProve: Perl's harness takes the report in TAP.
func TestProve(t *testing.T) {
	if _, err := exec.LookPath("prove"); err != nil {
		t.Skip("prove is not installed")
	}
	file := filepath.Join(t.TempDir(), "report.tap")
	var out, words bytes.Buffer
	args := []string{"check", "--report", "tap=" + file, "--assert", `message none: kind == "text"`, "--assert", `message some: kind == "text"`, pcaps + "chat.pcap"}
	if code := Main(args, strings.NewReader(""), &out, &words); code != 1 {
		t.Fatal(words.String())
	}
	said, err := exec.Command("prove", "-e", "cat", file).CombinedOutput()
	if err == nil || !bytes.Contains(said, []byte("Failed 1/2 subtests")) {
		t.Errorf("%s, %v", said, err)
	}
}
