package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/wsdump/wsdump/internal/long"
)

// TestDuplicates: a file that is given twice is told once, and what was left out
// is counted; what was sent again in it still counts as that.
func TestDuplicates(t *testing.T) {
	t.Setenv("SSLKEYLOGFILE", "")
	files := fixtures(t)
	type summary struct{ Packets, Duplicates uint64 }
	told := func(args ...string) (rows string, s summary) {
		var out, words bytes.Buffer
		if code := Main(append([]string{"-T", "ndjson", "--frames"}, args...), strings.NewReader(""), &out, &words); code != exitOK {
			t.Fatalf("%v: exit code %d: %s", args, code, words.String())
		}
		for line := range strings.Lines(out.String()) {
			switch {
			case strings.Contains(line, `"type":"start"`), strings.Contains(line, `"rule":"capture/dropped"`): // which both copies say
			case strings.Contains(line, `"type":"summary"`):
				if err := json.Unmarshal([]byte(line), &s); err != nil {
					t.Fatal(err)
				}
			default:
				rows += placeKeys.ReplaceAllStringFunc(line, func(key string) string {
					if strings.HasPrefix(key, `"file`) {
						return ""
					}
					return key
				})
			}
		}
		if said := strings.Contains(words.String(), "duplicate"); said != (s.Duplicates > 0) {
			t.Errorf("%v: %s", args, words.String())
		}
		return rows, s
	}
	for i, file := range files {
		if !long.Wanted() && i%4 != 0 {
			continue
		}
		keys := keysBeside(file)
		want, once := told(append(keys, file)...)
		got, twice := told(append(keys, file, file)...)
		if once.Duplicates != 0 || twice.Packets != once.Packets || twice.Duplicates != once.Packets {
			t.Errorf("%s: %+v, twice %+v", file, once, twice)
		}
		if got != want {
			t.Errorf("%s differs: %s", file, firstDifference([]byte(got), []byte(want)))
		}
	}
	var out bytes.Buffer
	for _, command := range []string{"list", "stats"} {
		if Main([]string{command, pcaps + "chat.pcap", pcaps + "chat.pcap"}, strings.NewReader(""), &out, &bytes.Buffer{}); !strings.Contains(strings.Join(strings.Fields(out.String()), " "), "36 packets were duplicates") {
			t.Errorf("%s: %s", command, out.String())
		}
		out.Reset()
	}
}
