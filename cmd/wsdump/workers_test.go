package main

import (
	"bytes"
	"hash/crc32"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestWorkers: the output is the same, byte by byte, for any number of workers.
func TestWorkers(t *testing.T) {
	t.Setenv("SSLKEYLOGFILE", "")
	files, err := filepath.Glob(pcaps + "*.pcap*")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d fixtures, %v", len(files), err)
	}
	every := 3
	if testing.Short() {
		every = 12
	}
	files = slices.DeleteFunc(files, func(file string) bool { // a part that is always the same
		return int(crc32.ChecksumIEEE([]byte(file)))%every != 0
	})
	for _, file := range files {
		for _, args := range [][]string{
			{"-T", "ndjson", "--frames"},
			{"-T", "table", "--reply-key", "json.id"},
			{"-T", "csv"},
			{"-T", "har"},
			{"-T", "transcript"},
			{"-T", "html"},
			{"stats", "-T", "ndjson"},
			{"-T", "ndjson", "-c", "5"},
			{"--group", "--redact"},
			{"list"},
		} {
			args = append(append(append([]string{}, args...), keysBeside(file)...), file)
			var want string
			for _, workers := range []string{"1", "2", "5"} {
				var out, words bytes.Buffer
				code := Main(append(args, "--workers", workers), strings.NewReader(""), &out, &words)
				got := strings.Join([]string{out.String(), words.String(), string(rune('0' + code))}, "\x00")
				if want == "" {
					want = got
				} else if got != want {
					t.Errorf("%q with %s workers differs", args, workers)
				}
			}
		}
	}
}
