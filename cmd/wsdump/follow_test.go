package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/wsdump/wsdump/input"
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
					time.Sleep(input.Tick)
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

// TestFollowRotated: --follow goes on with what takes the place of a file, and in
// a folder with the files that appear; connections go on, too.
func TestFollowRotated(t *testing.T) {
	whole, err := os.ReadFile(pcaps + "chat.pcap")
	if err != nil {
		t.Fatal(err)
	}
	at := 24 // where the second part begins, behind a record
	for at < len(whole)*2/3 {
		at += 16 + int(binary.LittleEndian.Uint32(whole[at+8:]))
	}
	second := append(append([]byte(nil), whole[:24]...), whole[at:]...)
	other := make([]byte, 16+60) // a record of something else, a little later
	copy(other, second[len(second)-16-66:][:8])
	other[8], other[12] = 60, 60
	write := func(name string, b []byte) {
		t.Helper()
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		how    string
		folder bool
		rotate func(name string)
	}{
		{"renamed, and made anew a little later", false, func(name string) {
			if err := os.Rename(name, name+".1"); err != nil {
				t.Fatal(err)
			}
			for range 4 {
				time.Sleep(input.Tick)
			}
			write(name, nil)
			time.Sleep(input.Tick)
			write(name, second)
		}},
		{"replaced at once", false, func(name string) {
			write(name+".new", second)
			if err := os.Rename(name+".new", name); err != nil {
				t.Fatal(err)
			}
		}},
		{"begun again", false, func(name string) { write(name, second) }},
		{"begun again, and longer than it was", false, func(name string) {
			write(name, append(append([]byte(nil), second...), bytes.Repeat(other, 100)...))
		}},
		{"the next one in a folder", true, func(name string) {
			write(filepath.Join(filepath.Dir(name), "README"), []byte("this is a folder of captures"))
			write(name+"2", second)
		}},
		{"a ring of one in a folder", true, func(name string) { write(name, second) }},
	} {
		t.Run(test.how, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "ring.pcap")
			write(name, whole[:at])
			path := name
			if test.folder {
				path = filepath.Dir(name)
			}
			ctx, interrupt := context.WithCancelCause(t.Context())
			defer interrupt(nil)
			out, rows := io.Pipe()
			code := make(chan int, 1)
			var words bytes.Buffer
			copied := filepath.Join(t.TempDir(), "copy.pcapng")
			go func() {
				c := run(ctx, []string{"-T", "ndjson", "--follow", path, "-w", copied}, strings.NewReader(""), rows, &words)
				rows.Close()
				code <- c
			}()
			lines := make(chan string, 1000) // so that no row waits for the test
			go func() {
				defer close(lines)
				for rows := bufio.NewScanner(out); rows.Scan(); {
					lines <- rows.Text()
				}
			}()
			await := func(what string) string {
				for line := range lines {
					if strings.Contains(line, what) {
						return line
					}
				}
				t.Fatalf("%q never came: %s", what, words.String())
				return ""
			}
			await(`"text":"hello"`)
			for range 4 {
				time.Sleep(input.Tick)
			}
			test.rotate(name)
			await(`"code":1000`)
			for range 4 {
				time.Sleep(input.Tick)
			}
			interrupt(errInterrupted)
			if summary := await(`"type":"summary"`); !strings.Contains(summary, `36,"bytes"`) || !strings.Contains(summary, `"connections":1,"messages":10,`) || !strings.Contains(summary, `"error":0,"warning":0,"note":0`) {
				t.Error(summary)
			}
			if c := <-code; c != exitOK || !strings.Contains(words.String(), "36 packets of 1 TCP connection written") {
				t.Errorf("exit code %d: %s", c, words.String())
			}
		})
	}
}

// TestFollowNoCapture: what takes the place of a capture and is none ends it.
func TestFollowNoCapture(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.pcap")
	whole, err := os.ReadFile(pcaps + "chat.pcap")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(name, whole, 0o600), os.WriteFile(name+".new", []byte(strings.Repeat("no capture\n", 100)), 0o600)); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(200*time.Millisecond, func() { _ = os.Rename(name+".new", name) })
	var out, words bytes.Buffer
	if code := Main([]string{"--follow", name}, strings.NewReader(""), &out, &words); code != exitInput || !strings.Contains(out.String(), "hello") || !strings.Contains(words.String(), "looks like text") {
		t.Errorf("exit code %d: %s", code, words.String())
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
