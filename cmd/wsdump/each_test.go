package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/internal/long"
	"github.com/wsdump/wsdump/internal/trafficgen"
)

// TestEachWorkers: with --each files are read at once, and the output is the same,
// byte by byte; a file that cannot be read does not keep the others from being
// shown.
func TestEachWorkers(t *testing.T) {
	t.Setenv("SSLKEYLOGFILE", "")
	files := fixtures(t)
	if !long.Wanted() {
		files = slices.DeleteFunc(files, func(file string) bool { return len(file)%3 != 0 })
	}
	damaged, _ := filepath.Glob("../../testdata/damaged/*")
	files = append(append(files, pcaps+"nothing-here.pcap"), damaged[:min(4, len(damaged))]...)
	files = append(files, pieces(t, 40)...)
	most := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(most)
	for _, args := range slices.Concat(everyView, [][]string{
		{"-T", "ndjson", "-f", "tcp port 80"},
		{"-T", "ndjson", "-Y", `conn in [3, 40] or text contains "hello"`},
		{"-T", "ndjson", "-c", "50"},
		{"-T", "ndjson", "-k", pcaps + "tls-chromium.keys", "-k", pcaps + "tls-node.keys"},
		{"list", "--all", "-T", "ndjson", "--sort", "bytes"},
		{"list", "-Y", "not clean"},
		{"stats"},
		{"stats", "-T", "ndjson", "-Y", `dir == "send"`},
		{"check", "--protocol", "strict", "--report", "json=-"},
	}) {
		var want string
		for _, workers := range []int{1, 2, 5} {
			run := append(slices.Clone(args), "--each")
			if args[0] == "check" {
				runtime.GOMAXPROCS(workers)
			} else {
				run = append(run, "--workers", strconv.Itoa(workers))
			}
			var out, words bytes.Buffer
			code := Main(append(run, files...), strings.NewReader(""), &out, &words)
			runtime.GOMAXPROCS(most)
			got := strings.Join([]string{out.String(), words.String(), strconv.Itoa(code)}, "\x00")
			if want == "" {
				want = got
				cut := slices.Contains(args, "-c") // which ends before the file that is missing
				if wrong := strings.Contains(words.String(), "nothing-here.pcap: there is no such file"); out.Len() < 1000 || wrong == cut || code == exitOK != cut {
					t.Errorf("%q: exit code %d, %d bytes, %s", args, code, out.Len(), words.String())
				}
			} else if got != want {
				t.Errorf("%q with %d workers differs: %s", args, workers, firstDifference([]byte(got), []byte(want)))
			}
		}
	}
}

// pieces cuts a capture of many connections into files of n packets: they are open
// at the end of one and begin in the middle of the next.
func pieces(t *testing.T, n uint64) (names []string) {
	t.Helper()
	var whole bytes.Buffer
	if _, err := trafficgen.Write(&whole, trafficgen.Spec{Kind: "mixed", Bytes: 1 << 20, Seed: 1, Connections: 50}); err != nil {
		t.Fatal(err)
	}
	in, err := capture.Open([]string{capture.Stdin}, capture.Options{Stdin: &whole})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	dir := t.TempDir()
	var out *capture.Writer
	var file *os.File
	end := func() {
		if out != nil {
			if err := errors.Join(out.Flush(), file.Close()); err != nil {
				t.Fatal(err)
			}
		}
	}
	for p := (capture.Packet{}); in.Next(&p) == nil; {
		if p.Number%n == 1 {
			end()
			if file, err = os.Create(filepath.Join(dir, strconv.FormatUint(1000+p.Number, 10)+".pcapng")); err != nil {
				t.Fatal(err)
			}
			out = capture.NewWriter(file)
			names = append(names, file.Name())
		}
		if err := out.Write(&p); err != nil {
			t.Fatal(err)
		}
	}
	end()
	return names
}

// TestEachTimes: in each file times count from its own first packet.
func TestEachTimes(t *testing.T) {
	var each, alone bytes.Buffer
	files := []string{pcaps + "closes.pcap", pcaps + "chat.pcap"}
	Main(append([]string{"--each", "--workers", "2"}, files...), strings.NewReader(""), &each, &bytes.Buffer{})
	for _, file := range files {
		Main([]string{file}, strings.NewReader(""), &alone, &bytes.Buffer{})
	}
	times := func(out string) (rows []string) {
		for line := range strings.Lines(out) {
			if fields := strings.Fields(line); len(fields) > 2 && strings.Contains(fields[1], ".") && !strings.ContainsAny(fields[1], ":/") {
				rows = append(rows, fields[1])
			}
		}
		return rows
	}
	if got, want := times(each.String()), times(alone.String()); len(want) < 20 || !slices.Equal(got, want) {
		t.Errorf("times are %v, want %v", got, want)
	}
}
