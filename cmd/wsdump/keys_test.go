package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wsdump/wsdump/capture"
)

// TestNoSecrets: no secret of a key log is in anything that is printed.
func TestNoSecrets(t *testing.T) {
	log, err := os.ReadFile("../../testdata/pcaps/tls-node.keys")
	if err != nil {
		t.Fatal(err)
	}
	var secrets []string
	for line := range strings.Lines(string(log)) {
		if f := strings.Fields(line); len(f) == 3 {
			raw, err := hex.DecodeString(f[2])
			if err != nil {
				t.Fatal(err)
			}
			secrets = append(secrets, strings.ToLower(f[2]), string(raw))
		}
	}
	if len(secrets) < 8 {
		t.Fatalf("only %d secrets to look for", len(secrets))
	}
	files := []string{"-v", "-k", "../../testdata/pcaps/tls-node.keys", "../../testdata/pcaps/tls-node.pcap"}
	wrong := filepath.Join(t.TempDir(), "wrong.keys")
	if err := os.WriteFile(wrong, append([]byte("NOT_A LINE "+secrets[0]+" x y z\nCLIENT_RANDOM 12 "+secrets[0]+"\n"), log...), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		files,
		append([]string{"-T", "ndjson", "--frames", "--payload", "all"}, files...),
		append([]string{"list", "--all"}, files...),
		append([]string{"list", "-T", "ndjson"}, files...),
		append([]string{"keys", "inject", "-o", filepath.Join(t.TempDir(), "x")}, files[1:]...),
		{"-v", "-k", wrong, "../../testdata/pcaps/tls-node.pcap"},
		{"-w", filepath.Join(t.TempDir(), "y"), "-k", wrong, "../../testdata/pcaps/tls-node.pcap"},
	} {
		var out, words bytes.Buffer
		if code := Main(args, strings.NewReader(""), &out, &words); code != exitOK {
			t.Errorf("%q: exit code %d: %s", args, code, &words)
		}
		for _, secret := range secrets {
			if said := strings.ToLower(out.String() + words.String()); strings.Contains(said, strings.ToLower(secret)) {
				t.Errorf("%q: a secret is in the output", args)
				break
			}
		}
	}
}

// TestKeysInComments: key logs that tools put into comments of packets open the
// capture, and can be taken out.
func TestKeysInComments(t *testing.T) {
	log, err := os.ReadFile("../../testdata/pcaps/tls-node.keys")
	if err != nil {
		t.Fatal(err)
	}
	in, err := capture.Open([]string{"../../testdata/pcaps/tls-node.pcap"}, capture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var file bytes.Buffer
	w := capture.NewWriter(&file)
	for p := (capture.Packet{}); in.Next(&p) == nil; {
		comments := []string{"a remark of no interest"}
		if p.Number == 1 {
			comments = append(comments, string(log))
		}
		if err := w.WriteCommented(&p, comments); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "commented.pcapng")
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, words bytes.Buffer
	if code := Main([]string{"list", path}, strings.NewReader(""), &out, &words); code != exitOK || !strings.Contains(out.String(), "wss://server.example.com/chat") {
		t.Errorf("exit code %d: %s%s", code, &out, &words)
	}
	stripped := path + ".stripped"
	if code := Main([]string{"keys", "strip", path, "-o", stripped}, strings.NewReader(""), &out, &words); code != exitOK {
		t.Errorf("exit code %d: %s", code, &words)
	}
	text, err := os.ReadFile(stripped)
	if err != nil || bytes.Contains(text, []byte("TRAFFIC_SECRET")) || !bytes.Contains(text, []byte("no interest")) {
		t.Errorf("stripped: %v, or keys are left, or too much is gone", err)
	}
}

// TestNoKeysWillCome: TLS on standard input does not wait, in memory, for keys
// that nobody will bring: it is told when it ends, while the input goes on.
func TestNoKeysWillCome(t *testing.T) {
	t.Setenv("SSLKEYLOGFILE", "")
	whole, err := os.ReadFile(pcaps + "tls-node.pcap")
	if err != nil {
		t.Fatal(err)
	}
	stdin, feed := io.Pipe()
	out, rows := io.Pipe()
	go func() {
		Main([]string{"list", "--all", "-T", "ndjson", "-"}, stdin, rows, io.Discard)
		rows.Close()
	}()
	go func() {
		if _, err := feed.Write(whole); err != nil {
			t.Error(err)
		}
	}()
	late := time.AfterFunc(guard, func() { feed.Close() })
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), `{"type":"tls"`) {
		continue
	}
	if !late.Stop() {
		t.Error("it was told when the input ended, not when the connection did")
	}
	feed.Close()
	for lines.Scan() {
		continue
	}
}
