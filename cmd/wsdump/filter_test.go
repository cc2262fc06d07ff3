package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// row is what the selections of TestFilterEqualsSelection look at.
type row struct {
	Type, Dir, Op, Severity string
	Conn                    int
	Fin                     bool
	Opcode                  *int
	Packet                  int
}

// TestFilterEqualsSelection: a filter prints, of every fixture, the very lines
// that a reader of the unfiltered output would select.
func TestFilterEqualsSelection(t *testing.T) {
	t.Setenv("SSLKEYLOGFILE", "")
	files := fixtures(t)
	files = append(files, pcaps) // all of them at once
	for _, tc := range []struct {
		filter string
		want   func(r row) bool
	}{
		{`type == "message" and dir == "receive"`, func(r row) bool { return r.Type == "message" && r.Dir == "receive" }},
		{`type in ["open", "close"]`, func(r row) bool { return r.Type == "open" || r.Type == "close" }},
		{`type == "control" and op == "ping"`, func(r row) bool { return r.Type == "control" && r.Op == "ping" }},
		{`opcode == 0 or type == "close"`, func(r row) bool { return r.Opcode != nil && *r.Opcode == 0 || r.Type == "close" }},
		{`severity == "note" or type == "control"`, func(r row) bool { return r.Severity == "note" || r.Type == "control" }},
		{`packet % 2 == 0`, func(r row) bool { return r.Packet > 0 && r.Packet%2 == 0 }},
	} {
		matched := 0
		for _, file := range files {
			args := append(keysBeside(file), "--frames", "-T", "ndjson", file)
			got := printed(t, append([]string{"-Y", tc.filter}, args...))
			var want []string
			for _, line := range printed(t, args) {
				var r row
				if err := json.Unmarshal([]byte(line), &r); err != nil {
					t.Fatal(err)
				}
				if r.Type == "start" || r.Type == "summary" || tc.want(r) {
					want = append(want, line)
				}
			}
			matched += len(want) - 2
			if !slices.Equal(got, want) {
				t.Errorf("%s of %s: first at line %s", tc.filter, file, firstDifference([]byte(strings.Join(got, "\n")), []byte(strings.Join(want, "\n"))))
			}
		}
		if matched == 0 {
			t.Errorf("%s matches nowhere", tc.filter)
		}
	}
}

// printed returns the lines that the program prints. Of all fixtures together,
// two are damaged on purpose.
func printed(t *testing.T, args []string) []string {
	t.Helper()
	var out, words bytes.Buffer
	code := Main(args, strings.NewReader(""), &out, &words)
	if planted := code == exitInput && strings.Contains(words.String(), "formats/damaged.pcap"); code != exitOK && !planted {
		t.Fatalf("%q: exit code %d: %s", args, code, words.String())
	}
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

// TestFilterSavesWork: a connection that cannot match is not inflated, and one
// that can is shown as without a filter, whatever number it has.
func TestFilterSavesWork(t *testing.T) {
	t.Setenv("SSLKEYLOGFILE", "")
	all := printed(t, []string{"-T", "ndjson", pcaps})
	for _, filter := range []string{"conn >= 1", "conn < 7", "conn % 3 == 1"} {
		var want []string
		for _, line := range all[1 : len(all)-1] {
			var r row
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				t.Fatal(err)
			}
			if r.Conn >= 1 && (filter == "conn >= 1" || filter == "conn < 7" && r.Conn < 7 || r.Conn%3 == 1 && filter == "conn % 3 == 1") {
				want = append(want, line)
			}
		}
		got := printed(t, []string{"-T", "ndjson", "-Y", filter, pcaps})
		if last := got[len(got)-1]; !strings.Contains(last, `"judged":"payload"`) {
			t.Errorf("%s: %s", filter, last)
		}
		if got = got[1 : len(got)-1]; !slices.Equal(got, want) {
			t.Errorf("%s: first at line %s", filter, firstDifference([]byte(strings.Join(got, "\n")), []byte(strings.Join(want, "\n"))))
		}
	}
}
