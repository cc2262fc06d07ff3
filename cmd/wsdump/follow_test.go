package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestFollow: rows of a file that grows come as its packets do, and Ctrl-C is
// the end of it, with what is known.
func TestFollow(t *testing.T) {
	whole, err := os.ReadFile(pcaps + "chat.pcap")
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"read", "list", "check"} {
		t.Run(command, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "growing.pcap")
			file, err := os.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			grow := func(from, to int) {
				if _, err := file.Write(whole[from:to]); err != nil {
					t.Error(err)
				}
			}
			grow(0, 10) // not even the header
			ctx, interrupt := context.WithCancelCause(t.Context())
			defer interrupt(nil)
			out, rows := io.Pipe()
			var words bytes.Buffer
			code := make(chan int)
			args := []string{command, "--follow", name}
			if command == "read" {
				args = append(args, "-T", "ndjson", "-w", filepath.Join(t.TempDir(), "copy.pcapng"))
			}
			go func() {
				c := run(ctx, args, strings.NewReader(""), rows, &words)
				rows.Close()
				code <- c
			}()
			lines := bufio.NewScanner(out)
			await := func(what string) {
				for lines.Scan() {
					if strings.Contains(lines.Text(), what) {
						return
					}
				}
				t.Fatalf("%q never came: %s", what, words.String())
			}
			grow(10, 2000) // inside a packet
			if command == "read" {
				await(`"text":"world"`)
			}
			grow(2000, len(whole))
			if command == "read" {
				await(`"code":1000`)
			} else {
				for range 4 { // it cannot be told from outside that all of it was read
					_ = waiter(ctx)()
				}
			}
			interrupt(errInterrupted)
			switch command {
			case "read":
				await(`"type":"summary"`)
			case "list":
				await("/chat")
			}
			go func() { _, _ = io.Copy(io.Discard, out) }()
			if c := <-code; c != exitOK {
				t.Errorf("exit code %d: %s", c, words.String())
			}
			if command == "read" && !strings.Contains(words.String(), "packets of 1 TCP connection written") {
				t.Error(words.String())
			}
		})
	}
}

// TestFollowReplaced: a file that another one takes the place of has ended.
func TestFollowReplaced(t *testing.T) {
	whole, err := os.ReadFile(pcaps + "chat.pcap")
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "replaced.pcap")
	if err := os.WriteFile(name, whole[:2000], 0o600); err != nil {
		t.Fatal(err)
	}
	out, rows := io.Pipe()
	code := make(chan int)
	var words bytes.Buffer
	go func() {
		c := run(t.Context(), []string{"--follow", name}, strings.NewReader(""), rows, &words)
		rows.Close()
		code <- c
	}()
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.Contains(lines.Text(), "hello") {
	}
	if err := os.Rename(name, name+".1"); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
	}
	if c := <-code; c != exitInput || !strings.Contains(words.String(), "cut short") {
		t.Errorf("exit code %d: %s", c, words.String())
	}
}

// placeKeys differ between a file alone and the same among others.
var placeKeys = regexp.MustCompile(`"(conn|packet|end_packet|leg_of|file|file_packet)":("[^"]*"|\d+),?`)

// TestEach: --each tells of every file what it tells of it alone.
func TestEach(t *testing.T) {
	t.Setenv("SSLKEYLOGFILE", "")
	var files []string
	for _, name := range []string{"chat.pcap", "closes.pcap", "nat-any.pcap", "nginx-any.pcap", "chat.pcap", "h2c.pcap", "dns.pcap", "deflate-node.pcap", "qinq.pcap"} {
		files = append(files, pcaps+name)
	}
	told := func(args ...string) (rows []string) {
		var out, words bytes.Buffer
		if code := Main(append([]string{"-T", "ndjson"}, args...), strings.NewReader(""), &out, &words); code != exitOK {
			t.Fatalf("%v: exit code %d: %s", args, code, words.String())
		}
		for line := range strings.Lines(out.String()) {
			if !strings.Contains(line, `"type":"start"`) && !strings.Contains(line, `"type":"summary"`) {
				rows = append(rows, placeKeys.ReplaceAllString(line, ""))
			}
		}
		return rows
	}
	var want []string
	for _, file := range files {
		want = append(want, told(file)...)
	}
	got := told(append([]string{"--each"}, files...)...)
	if a, b := strings.Join(got, ""), strings.Join(want, ""); a != b {
		t.Errorf("differs at line %s", firstDifference([]byte(a), []byte(b)))
	}
}
