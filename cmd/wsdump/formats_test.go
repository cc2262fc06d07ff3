package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// said returns what a run of wsdump prints.
func said(t *testing.T, args ...string) []byte {
	t.Helper()
	var out, words bytes.Buffer
	if code := Main(args, strings.NewReader(""), &out, &words); code != exitOK {
		t.Fatalf("%q: exit code %d: %s", args, code, &words)
	}
	return out.Bytes()
}

// messagesOf returns what was said on each WebSocket of NDJSON, but for what
// only a capture knows, sorted: rows of one instant have no order in a HAR.
func messagesOf(t *testing.T, ndjson []byte) []string {
	t.Helper()
	var all []string
	for line := range bytes.Lines(ndjson) {
		var row struct {
			Type, Dir, Kind, Op, Text, Base64, URL, Reason string
			Status, Code                                   int
			Incomplete, Truncated, Guessed                 bool
		}
		if err := json.Unmarshal(line, &row); err != nil {
			t.Fatal(err)
		}
		switch row.Type {
		case "open", "message", "control":
			row.URL = strings.Replace(row.URL, ":80/", "/", 1)
			if row.Type == "open" && row.URL == "" {
				continue // the handshake is not in the capture, and a HAR needs one
			}
			text, err := json.Marshal(row)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, string(text))
		}
	}
	slices.Sort(all)
	return all
}

// TestHARRoundTrip: a capture, and the HAR that was made of it, tell the same
// messages, for every fixture.
func TestHARRoundTrip(t *testing.T) {
	files := fixtures(t)
	dir, messages := t.TempDir(), 0
	for _, file := range files {
		if filepath.Base(file) == "deflate-bomb.pcap" {
			continue // its messages are cut by a limit
		}
		name := filepath.Join(dir, filepath.Base(file)+".har")
		args := append(keysBeside(file), "-q", "--payload", "all", file)
		want := messagesOf(t, said(t, append([]string{"-T", "ndjson"}, args...)...))
		said(t, append([]string{"-T", "har", "--no-redact", "--har-control", "-o", name}, args...)...)
		got := messagesOf(t, said(t, "-q", "-T", "ndjson", "--payload", "all", name))
		messages += len(got)
		if !slices.Equal(want, got) {
			for i := range max(len(want), len(got)) {
				if i >= len(want) || i >= len(got) || want[i] != got[i] {
					t.Errorf("%s: %d rows, want %d; first\n%.300s\nwant\n%.300s", file, len(got), len(want), at(got, i), at(want, i))
					break
				}
			}
		}
	}
	if messages < 500 {
		t.Errorf("only %d rows were compared", messages)
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "nothing"
}

// TestGoldenFormats: the other formats, each on three fixtures.
func TestGoldenFormats(t *testing.T) {
	t.Setenv("SSLKEYLOGFILE", "")
	for _, name := range []string{"chat", "fragments", "deflate-browser"} {
		for format, extension := range map[string]string{"table": ".txt", "csv": ".csv", "har": ".har", "transcript": ".wst", "html": ".html"} {
			got := said(t, "-T", format, "--payload", "200", pcaps+name+".pcap")
			if format == "har" || format == "html" {
				got = versionKey.ReplaceAll(got, []byte(`"version":""`))
			}
			golden := filepath.Join("..", "..", "testdata", "golden", name+extension)
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
				continue
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatalf("%v; `go test ./cmd/wsdump -update` writes it", err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("differs from %s; first at line %s", golden, firstDifference(got, want))
			}
		}
	}
}
