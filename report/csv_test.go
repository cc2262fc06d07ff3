package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wsdump/wsdump/timeline"
)

// TestCSVColumns: every key of NDJSON has a column.
func TestCSVColumns(t *testing.T) {
	files, err := filepath.Glob("../testdata/golden/*.ndjson")
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	var all bytes.Buffer
	out := NewCSV(&all, Options{})
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = out.lines.Write(text)
	}
	many(NewNDJSON(out.lines, Options{Frames: true}))
	out.lines.w.Flush()
	slices.Sort(out.lines.unknown)
	if got := slices.Compact(out.lines.unknown); len(got) > 0 {
		t.Errorf("keys without a column: %q", got)
	}
	records, err := csv.NewReader(&all).ReadAll()
	if err != nil || len(records) < 500 {
		t.Errorf("%d records, %v", len(records), err)
	}
}

func TestCSVText(t *testing.T) {
	for in, want := range map[string]string{
		"hello":               "hello",
		"=1+2":                "'=1+2",
		"@cmd":                "'@cmd",
		"-1.5":                "-1.5",
		"-rm":                 "'-rm",
		"+49":                 "+49",
		"\ttab":               "'\ttab",
		"two\nlines":          "two\nlines",
		"\x1b[2J\u202e\u2028": `\u001b[2J\u202e\u2028`,
		"":                    "",
	} {
		if got := csvText(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// TestCSVStory: the rows of the table, one record each.
func TestCSVStory(t *testing.T) {
	var out strings.Builder
	c := NewCSV(&out, Options{})
	story(c)
	if c.Err() != nil {
		t.Fatal(c.Err())
	}
	records, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	text, kind := slices.Index(csvColumns, "text"), slices.Index(csvColumns, "type")
	var got []string
	for _, r := range records[1:] {
		got = append(got, strings.TrimSpace(r[kind]+" "+r[text]))
	}
	want := []string{"open", "message hello", "message world", "control png", "control png", "control", "control", "close"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

// TestCSVWriteError: what the writer says is kept.
func TestCSVWriteError(t *testing.T) {
	stopped := false
	c := NewCSV(full{}, Options{Stop: func() { stopped = true }})
	for range 3000 {
		c.Message(text(chat(1, 0), 0, 1, 1, strings.Repeat("x", 100)))
	}
	c.Done(&timeline.Totals{})
	if c.Err() == nil || !stopped {
		t.Errorf("error %v, stopped %v", c.Err(), stopped)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, os.ErrClosed }

// TestCSVReadsLines holds the reading of our own lines to encoding/json.
func TestCSVReadsLines(t *testing.T) {
	files, err := filepath.Glob("../testdata/golden/*.ndjson")
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	var lines [][]byte
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, bytes.Split(bytes.TrimSpace(text), []byte{'\n'})...)
	}
	hard, err := json.Marshal(map[string]any{"text": "\x00\x1f\"\\ <>&\u2028\u202e \U0001f600 \t\r\n\b\f", "got": "", "subprotocols_offered": []string{}})
	if err != nil {
		t.Fatal(err)
	}
	lines = append(lines, hard, []byte(`{"text":"\ud83d\ude00 \u00e9"}`))
	l := NewCSV(io.Discard, Options{}).lines
	for _, line := range lines {
		var want map[string]any
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatal(err)
		}
		if want["type"] == "start" || want["type"] == "summary" {
			continue
		}
		clear(l.record)
		if rest := l.flatten("", line); len(rest) != 0 {
			t.Fatalf("%q is left of %s", rest, line)
		}
		for name, value := range want {
			text, ok := value.(string)
			if ok && l.record[l.columns[name]] != csvText(text) {
				t.Errorf("%s: %q, want %q", name, l.record[l.columns[name]], csvText(text))
			}
			list, ok := value.([]any)
			if ok && len(list) > 0 && !strings.Contains(l.record[l.columns[name]], strings.Split(fmt.Sprint(list[0]), " ")[0][1:]) {
				t.Errorf("%s: %q of %v", name, l.record[l.columns[name]], list)
			}
		}
	}
}
