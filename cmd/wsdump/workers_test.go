package main

import (
	"bytes"
	"compress/gzip"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wsdump/wsdump/internal/long"
)

// TestWorkers: the output is the same, byte by byte, for any number of workers.
func TestWorkers(t *testing.T) {
	t.Setenv("SSLKEYLOGFILE", "")
	defer func(least int64) { minSplit = least }(minSplit)
	minSplit = 1
	files := fixtures(t)
	every := 3
	if !long.Wanted() {
		every = 12
	}
	files = slices.DeleteFunc(files, func(file string) bool { // a part that is always the same
		return int(crc32.ChecksumIEEE([]byte(file)))%every != 0
	})
	for _, file := range files {
		for _, args := range slices.Concat(everyView, [][]string{
			{"stats", "-T", "ndjson"},
			{"-T", "ndjson", "-c", "5"},
		}) {
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

// TestWorkersOnHurtCaptures: what a damaged capture says besides packets is told
// in its place for any number of workers. It is compressed, so that several read
// beside the rest.
func TestWorkersOnHurtCaptures(t *testing.T) {
	t.Setenv("SSLKEYLOGFILE", "")
	rnd := rand.New(rand.NewPCG(5, 1))
	name := filepath.Join(t.TempDir(), "hurt.gz")
	noted := 0
	for i, file := range captures(t) {
		whole, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if len(whole) > 1<<20 || !long.Wanted() && i%8 > 0 {
			continue
		}
		for range 3 {
			b, how := hurt(rnd, whole)
			var packed bytes.Buffer
			z := gzip.NewWriter(&packed)
			if _, err := z.Write(b); err != nil || z.Close() != nil {
				t.Fatal("gzip does not write to memory")
			}
			if err := os.WriteFile(name, packed.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			var want string
			for _, workers := range []string{"1", "2"} {
				var out, words bytes.Buffer
				code := Main([]string{"-T", "ndjson", "--workers", workers, name}, strings.NewReader(""), &out, &words)
				got := out.String() + words.String() + string(rune('0'+code))
				if workers == "1" {
					want = got
				} else if got != want {
					t.Errorf("%s, %s: two workers tell another story", file, how)
				}
				noted += strings.Count(out.String(), `"capture/`)
			}
		}
	}
	if noted == 0 {
		t.Error("no capture said anything besides its packets: the test says little")
	}
}
