package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/wsdump/wsdump/internal/long"
)

// TestAction runs the steps of action.yml as a runner does, with a sudo that
// becomes root's caller nobody: the reports are there, they hold no secret, and
// nothing else is uploaded.
func TestAction(t *testing.T) {
	namespace(t)
	long.Test(t)
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("no node here")
	}
	source, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(source, "action.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var action struct {
		Runs struct {
			Steps []struct {
				Name, Run, Uses string
				With            map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(text, &action); err != nil {
		t.Fatal(err)
	}
	if len(action.Runs.Steps) != 3 || !strings.Contains(action.Runs.Steps[2].With["path"], "/reports/") {
		t.Fatalf("%+v", action)
	}
	folder := t.TempDir()
	open(t, folder)
	tools := filepath.Join(folder, "tools")
	if err := os.Mkdir(tools, 0o755); err != nil {
		t.Fatal(err)
	}
	sudo := "#!/bin/sh\n[ \"$1\" = -E ] && shift\nSUDO_UID=65534 SUDO_GID=65534 SUDO_USER=nobody exec \"$@\"\n"
	if err := os.WriteFile(filepath.Join(tools, "sudo"), []byte(sudo), 0o755); err != nil {
		t.Fatal(err)
	}
	address := page(t, func() {})
	set := filepath.Join(folder, "env")
	step := func(i int, env ...string) (string, error) {
		cmd := exec.Command("bash", "-c", action.Runs.Steps[i].Run)
		cmd.Dir = folder
		cmd.Env = append(os.Environ(), "PATH="+tools+":"+os.Getenv("PATH"), "RUNNER_OS=Linux", "RUNNER_ARCH=X64", "RUNNER_TEMP="+folder,
			"GITHUB_ENV="+set, "GITHUB_OUTPUT="+filepath.Join(folder, "output"), "GITHUB_STEP_SUMMARY="+filepath.Join(folder, "summary"), "SSLKEYLOGFILE=")
		cmd.Env = append(cmd.Env, env...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := step(0, "VERSION=", "SOURCE="+source); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	line, err := os.ReadFile(set)
	if err != nil {
		t.Fatal(err)
	}
	place := strings.TrimSpace(strings.TrimPrefix(string(line), "WSDUMP_FOLDER="))
	if err := os.Chmod(place, 0o755); err != nil { // the runner's user made it, and here root did
		t.Fatal(err)
	}
	reports := filepath.Join(place, "reports")
	if err := os.Chown(reports, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	script := `echo "$SSLKEYLOGFILE" >` + reports + `/../log; node --no-warnings -e '` + strings.Replace(nodeTalk(address), `Buffer.from("hello from node")`, `Buffer.from(JSON.stringify({ password: "`+planted+`" }))`, 1) + `'`
	if err := os.Chown(place, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	out, err := step(1, "WSDUMP_FOLDER="+place, "RUN="+script, "RULES=", "ARGS=--protocol=basic\n--assert=message none: json.password == \"x\"", "INTERFACE=lo", "FILTER=tcp", "REDACT=json:password", "HTML=true", "CAPTURE=false")
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
	entries, err := os.ReadDir(reports)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
		b, err := os.ReadFile(filepath.Join(reports, e.Name()))
		if err != nil || len(b) == 0 || strings.Contains(string(b), planted) {
			t.Errorf("%s: %d bytes, %v; or it holds the secret", e.Name(), len(b), err)
		}
	}
	if got := strings.Join(names, " "); got != "run.html ws.xml" {
		t.Errorf("uploaded would be %s", got)
	}
	if summary, err := os.ReadFile(filepath.Join(folder, "summary")); err != nil || !strings.Contains(string(summary), "json.password") || strings.Contains(string(summary), planted) {
		t.Errorf("the summary of the step is %q, %v", summary, err)
	}
	if strings.Contains(out, planted) {
		t.Errorf("the secret is in the log of the job:\n%s", out)
	}
	log, err := os.ReadFile(filepath.Join(place, "log"))
	if err != nil || !strings.HasSuffix(strings.TrimSpace(string(log)), "/keys.log") {
		t.Errorf("the key log is %q, %v", log, err)
	} else if _, err := os.Stat(strings.TrimSpace(string(log))); !os.IsNotExist(err) {
		t.Errorf("the keys are still there: %v", err)
	}
	t.Log(out)
}
