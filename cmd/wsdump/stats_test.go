package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// statsOf runs stats -T ndjson and returns its lines by type.
func statsOf(t *testing.T, args ...string) map[string][]map[string]any {
	t.Helper()
	var out, words bytes.Buffer
	if code := Main(append([]string{"stats", "-T", "ndjson"}, args...), strings.NewReader(""), &out, &words); code != 0 {
		t.Fatalf("exit code %d: %s", code, words.String())
	}
	lines := map[string][]map[string]any{}
	for line := range strings.Lines(out.String()) {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		kind := v["type"].(string)
		lines[kind] = append(lines[kind], v)
	}
	return lines
}

// TestTrouble: what was configured when these captures were made is what stands
// out in them, and nothing else (testdata/peers/fixtures/trouble.sh).
// WSDUMP_FIXTURES is a folder with captures that were made anew.
func TestTrouble(t *testing.T) {
	folder := cmp.Or(os.Getenv("WSDUMP_FIXTURES"), pcaps)
	near := func(t *testing.T, what string, got any, want float64) {
		t.Helper()
		if ms, ok := got.(float64); !ok || math.Abs(ms-want) > 0.03*want {
			t.Errorf("%s is %v, was set to %v", what, got, want)
		}
	}
	for _, tc := range []struct {
		file, kinds string
		conns       float64
		check       func(t *testing.T, cluster map[string]any)
	}{
		{"nginx-silence.pcap", "silence", 6, func(t *testing.T, c map[string]any) { near(t, "proxy_read_timeout", c["median_ms"], 2000) }},
		{"nginx-slow-ping.pcap", "silence slow-ping", 4, func(t *testing.T, c map[string]any) {
			near(t, "proxy_read_timeout", c["median_ms"], 2000)
			near(t, "the interval of pings", c["ping_every_ms"], 3000)
			if c["slow_pings"] != c["connections"] {
				t.Errorf("%v of %v connections have slow pings", c["slow_pings"], c["connections"])
			}
		}},
		{"nginx-lifetime.pcap", "lifetime", 5, func(t *testing.T, c map[string]any) { near(t, "the lifetime", c["median_ms"], 4000) }},
	} {
		t.Run(tc.file, func(t *testing.T) {
			lines := statsOf(t, filepath.Join(folder, tc.file))
			var kinds []string
			for _, s := range lines["stat_stands_out"] {
				kinds = append(kinds, s["kind"].(string))
			}
			if got := strings.Join(kinds, " "); got != tc.kinds || len(lines["stat_cluster"]) != 1 {
				t.Fatalf("what stands out: %s, want %s; %v", got, tc.kinds, lines["stat_cluster"])
			}
			c := lines["stat_cluster"][0]
			if c["connections"] != tc.conns || c["of"] != tc.conns || c["by"] != "server" || c["how"] != "fin" || c["simultaneous"] != false {
				t.Errorf("%v", c)
			}
			tc.check(t, c)
		})
	}
}

// TestLoss: packets that a filter dropped are told as sent again, as many as
// tshark counts, and by their numbers no message is missing.
func TestLoss(t *testing.T) {
	file := filepath.Join(cmp.Or(os.Getenv("WSDUMP_FIXTURES"), pcaps), "lossy.pcap")
	lines := statsOf(t, "--seq", "json.id", "--reply-key", "json.id", file)
	if said := lines["stat_stands_out"]; len(said) != 1 || said[0]["kind"] != "retransmission" {
		t.Errorf("%v", said)
	}
	resent := 0
	for _, way := range []string{"sent", "received"} {
		resent += int(lines["stat_tcp"][0][way].(map[string]any)["resent"].(float64))
	}
	for _, q := range lines["stat_sequence"] {
		if q["checked"] != 72.0 || q["missing"] != 0.0 || q["doubled"] != 0.0 || q["out_of_order"] != 0.0 {
			t.Errorf("%v", q)
		}
	}
	if r := lines["stat_replies"][0]; r["answered"] != 72.0 || r["unanswered"] != 0.0 {
		t.Errorf("%v", r)
	}
	if resent < 10 {
		t.Errorf("%d segments were sent again", resent)
	}
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("tshark is not installed: nobody to compare with")
	}
	out, err := exec.Command("tshark", "-r", file, "-Y", "tcp.analysis.retransmission or tcp.analysis.spurious_retransmission").Output()
	if err != nil {
		t.Fatal(err)
	}
	if want := bytes.Count(out, []byte("\n")); resent != want {
		t.Errorf("%d segments were sent again, tshark counts %d", resent, want)
	}
}

// TestStatsGolden: what is printed is what was reviewed.
func TestStatsGolden(t *testing.T) {
	for _, name := range []string{"chat", "closes", "nginx-silence", "nginx-slow-ping", "nginx-lifetime", "lossy"} {
		var out, words bytes.Buffer
		if code := Main([]string{"stats", "--seq", "json.id", "--reply-key", "json.id", pcaps + name + ".pcap"}, strings.NewReader(""), &out, &words); code != 0 {
			t.Fatalf("%s: exit code %d: %s", name, code, words.String())
		}
		golden := filepath.Join("..", "..", "testdata", "golden", name+".stats")
		if *update {
			if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatalf("%v; `go test ./cmd/wsdump -update` writes it", err)
		}
		if !bytes.Equal(out.Bytes(), want) {
			t.Errorf("differs from %s; first at line %s", golden, firstDifference(out.Bytes(), want))
		}
	}
}

// TestNothingStandsOut: well-behaved traffic of every fixture that has it.
func TestNothingStandsOut(t *testing.T) {
	t.Setenv("SSLKEYLOGFILE", "")
	text, err := os.ReadFile(pcaps + "README.md")
	if err != nil {
		t.Fatal(err)
	}
	quiet := 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) != 7 || !strings.HasPrefix(strings.TrimSpace(cells[5]), "- ") && strings.TrimSpace(cells[5]) != "-" || strings.Contains(cells[1], "lossy") {
			continue
		}
		file := pcaps + strings.Trim(strings.Split(cells[1], ",")[0], " `")
		if !fileExists(file) {
			t.Errorf("%s: no such file", file)
			continue
		}
		quiet++
		if said := statsOf(t, append(keysBeside(file), file)...)["stat_stands_out"]; len(said) > 0 {
			t.Errorf("%s: %v", file, said)
		}
	}
	if quiet < 20 {
		t.Errorf("only %d fixtures were looked at", quiet)
	}
}
