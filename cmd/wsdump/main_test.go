package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"wsdump": main})
}

// Scripts are a command, its input, its output and its exit code in one text.
// $PCAPS is the folder of fixtures.
func TestScripts(t *testing.T) {
	pcaps, err := filepath.Abs("../../testdata/pcaps")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("PCAPS", pcaps)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "cut": cut, "replace": replace},
	})
}

// exits CODE ARGS... runs wsdump and expects an exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	code := 0
	if err := ts.Exec("wsdump", args[1:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("wsdump: %v", err)
		}
		code = exit.ExitCode()
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// cut FROM TO N writes the first N bytes of a file.
func cut(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(ts.ReadFile(args[0]))[:n], 0o666))
}

// replace FROM TO OLD NEW writes a file with NEW in place of OLD, which must be
// there once.
func replace(ts *testscript.TestScript, neg bool, args []string) {
	text := ts.ReadFile(args[0])
	if n := strings.Count(text, args[2]); n != 1 {
		ts.Fatalf("%q is there %d times", args[2], n)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(strings.Replace(text, args[2], args[3], 1)), 0o666))
}

// A quiet pipe shows its rows while it waits, and a Ctrl-C ends the wait.
func TestLivePipe(t *testing.T) {
	pcap, err := os.ReadFile("../../testdata/pcaps/chat.pcap")
	if err != nil {
		t.Fatal(err)
	}
	stdin, feed := io.Pipe()
	rows, stdout := io.Pipe()
	ctx, cancel := context.WithCancelCause(context.Background())
	ended := make(chan int)
	var words strings.Builder
	go func() {
		code := run(ctx, []string{"-"}, stdin, stdout, &words)
		stdout.Close()
		ended <- code
	}()
	go feed.Write(pcap[:len(pcap)*3/4]) // and then nothing more

	var seen strings.Builder
	b := make([]byte, 4096)
	for !strings.Contains(seen.String(), "hello") {
		n, err := rows.Read(b)
		if err != nil {
			t.Fatalf("after %q: %v", seen.String(), err)
		}
		seen.Write(b[:n])
	}
	cancel(errInterrupted)
	go io.Copy(io.Discard, rows)
	select {
	case code := <-ended:
		if code != exitInput || !strings.Contains(words.String(), "interrupted") {
			t.Errorf("exit code %d, %s", code, words.String())
		}
	case <-time.After(10 * time.Second):
		t.Fatal("a Ctrl-C waits for the pipe")
	}
}

type closedPipe struct{}

func (closedPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestClosedPipeIsQuiet(t *testing.T) {
	var words strings.Builder
	if code := Main([]string{"../../testdata/pcaps/chat.pcap"}, nil, closedPipe{}, &words); code != exitOK || words.Len() > 0 {
		t.Errorf("exit code %d, %s", code, words.String())
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestFullDisk(t *testing.T) {
	var words strings.Builder
	code := Main([]string{"-T", "ndjson", "../../testdata/pcaps/chat.pcap"}, nil, fullDisk{}, &words)
	if want := "wsdump: error: cannot write standard output: no space left on device\n"; code != exitInput || words.String() != want {
		t.Errorf("exit code %d, %s", code, words.String())
	}
}

type bug struct{}

func (bug) Write([]byte) (int, error) { panic("a bug") }

func TestBug(t *testing.T) {
	var words strings.Builder
	code := Main([]string{"../../testdata/pcaps/chat.pcap"}, nil, bug{}, &words)
	if code != exitBug || !strings.Contains(words.String(), "bug in wsdump: a bug") || !strings.Contains(words.String(), "report it") {
		t.Errorf("exit code %d, %s", code, words.String())
	}
}
