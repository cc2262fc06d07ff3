package verdict

import (
	"bufio"
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/wsdump/wsdump/check"
	"github.com/wsdump/wsdump/timeline"
)

const hostilePayload = "]]><a>&\x00\x1b\ufffe```\n::error::pwned\r\n| x | `y` | \u202e # SKIP"

// verdict returns one with a failure, a pass and an undecided check, about
// payload that is an attacker's.
func verdict(t *testing.T) *Verdict {
	t.Helper()
	rules := &check.Rules{}
	for _, text := range []string{`message none: length > 0`, `message some: length > 0`, `message some: text == "<x>&\u0000|#"`} {
		c, err := check.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		rules.Checks = append(rules.Checks, c)
	}
	rules.Checks[0].File, rules.Checks[0].Line = "rules,a:b%.yaml", 7
	judge := check.NewJudge(rules)
	c := &timeline.Conn{ID: 1, Midstream: true}
	judge.Open(c)
	judge.Message(&timeline.Message{
		Conn: c, N: 1, Kind: timeline.OpText, Text: true, HasPayload: true, HasLength: true, Length: 9, Payload: []byte(hostilePayload),
	})
	judge.Done(&timeline.Totals{})
	return &Verdict{Results: judge.Results(), Inputs: []string{"a.pcap"}}
}

func written(t *testing.T, v *Verdict, name string) string {
	t.Helper()
	for _, f := range Formats() {
		if f.Name == name {
			var out bytes.Buffer
			if err := f.Write(&out, v); err != nil {
				t.Fatal(err)
			}
			return out.String()
		}
	}
	t.Fatalf("no format %s", name)
	return ""
}

// TestVerdictsAreSafe: no format lets through what a terminal or a browser might
// obey.
func TestVerdictsAreSafe(t *testing.T) {
	v := verdict(t)
	for _, f := range Formats() {
		text := written(t, v, f.Name)
		if strings.ContainsAny(text, "\x00\x1b\u202e\r") {
			t.Errorf("%s:\n%q", f.Name, text)
		}
		if !strings.Contains(text, "pwned") {
			t.Errorf("%s: the row is not there:\n%s", f.Name, text)
		}
	}
}

// TestJUnit: it is XML whatever the payload holds, and keeps failures and
// errors apart.
func TestJUnit(t *testing.T) {
	v := verdict(t)
	for _, tolerant := range []bool{false, true} {
		v.Tolerant = tolerant
		out := written(t, v, "junit")
		var back junitSuites
		if err := xml.Unmarshal([]byte(out), &back); err != nil {
			t.Fatalf("%v in\n%s", err, out)
		}
		cases := back.Suite.Cases
		if len(cases) != 3 || back.Failures != 1 || cases[0].Failure == nil || cases[1].Failure != nil || cases[1].Error != nil || cases[0].Line != 7 {
			t.Fatalf("%s", out)
		}
		if tolerant != (cases[2].Skipped != nil) || tolerant == (cases[2].Error != nil) || tolerant == (back.Errors == 1) {
			t.Errorf("inconclusive, tolerant %v:\n%s", tolerant, out)
		}
		if !strings.Contains(cases[0].Failure.Text, `]]><a>&`) {
			t.Errorf("the row is not there:\n%s", out)
		}
	}
}

// TestJUnitElsewhere: another program's XML reader takes it.
func TestJUnitElsewhere(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("python3 is not installed")
	}
	read := exec.Command("python3", "-c", `import sys, xml.etree.ElementTree as e
r = e.parse(sys.stdin).getroot()
print(r.get("tests"), r.get("failures"), r.get("errors"), [c.get("line") for c in r.iter("testcase")][0], "]]><a>" in r.find(".//failure").text)`)
	read.Stdin = strings.NewReader(written(t, verdict(t), "junit"))
	out, err := read.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "3 1 1 7 True" {
		t.Errorf("%s, %v", out, err)
	}
}

func TestVerdictJSON(t *testing.T) {
	var back struct {
		Outcome                      string
		Passed, Failed, Inconclusive int
		Checks                       []struct {
			ID, Outcome, File string
			Line              int
			Violations        []struct {
				Conn int
				Rows []struct {
					N    int
					Line string
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(written(t, verdict(t), "json")), &back); err != nil {
		t.Fatal(err)
	}
	if back.Outcome != "fail" || back.Passed != 1 || back.Failed != 1 || back.Inconclusive != 1 || back.Checks[0].Line != 7 || back.Checks[0].Violations[0].Rows[0].N != 1 {
		t.Errorf("%+v", back)
	}
}

// TestTAP reads the lines as TAP has them, and the blocks as YAML.
func TestTAP(t *testing.T) {
	out := written(t, verdict(t), "tap")
	lines := bufio.NewScanner(strings.NewReader(out))
	var points []string
	block, in := "", false
	for lines.Scan() {
		line := lines.Text()
		switch {
		case line == "  ---":
			in, block = true, ""
		case line == "  ...":
			in = false
			var v struct {
				Message, Severity, At string
				Rows                  []string
			}
			if err := yaml.Unmarshal([]byte(block), &v); err != nil || v.Message == "" {
				t.Errorf("%v in\n%s", err, block)
			}
		case in:
			block += line + "\n"
		case strings.HasPrefix(line, "ok "), strings.HasPrefix(line, "not ok "):
			points = append(points, line)
		case line != "TAP version 14" && line != "1..3":
			t.Errorf("not TAP: %q", line)
		}
	}
	want := []string{"not ok 1 - message none: length > 0", "ok 2 - message some: length > 0", `not ok 3 - message some: text == "<x>&\\u0000|\#"`}
	if fmt.Sprint(points) != fmt.Sprint(want) {
		t.Errorf("%q, want %q", points, want)
	}
}

// TestGitHub: one line an annotation, with everything in it escaped; the first
// ten, and then how many.
func TestGitHub(t *testing.T) {
	v := verdict(t)
	lines := strings.Split(strings.TrimSpace(written(t, v, "github")), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "::error file=rules%2Ca%3Ab%25.yaml,line=7,title=wsdump check%3A message none%3A length > 0::fail: 1 judged") {
		t.Errorf("%q", lines)
	}
	many := &Verdict{}
	for range 25 {
		many.Results = append(many.Results, v.Results[0])
	}
	lines = strings.Split(strings.TrimSpace(written(t, many, "github")), "\n")
	if len(lines) != maxAnnotations || !strings.Contains(lines[9], "::9 of 25 are shown") {
		t.Errorf("%d lines: %q", len(lines), lines[len(lines)-1])
	}
}

// TestMarkdown: a payload stays in its fence and its cell.
func TestMarkdown(t *testing.T) {
	out := written(t, verdict(t), "markdown")
	fences, rows := 0, 0
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "````") {
			fences++
		}
		if strings.HasPrefix(line, "| ") && fences == 0 {
			if rows++; strings.Count(strings.ReplaceAll(line, `\|`, ""), "|") != 5 {
				t.Errorf("a row of %q", line)
			}
		}
	}
	if fences != 2 || rows != 4 {
		t.Errorf("%d fences, %d rows:\n%s", fences, rows, out)
	}
}
