package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files again; review them as code")

const pcaps = "../../testdata/pcaps/"

// versionKey differs from build to build.
var versionKey = regexp.MustCompile(`"version":"[^"]*"`)

// TestGolden: what the program prints for each fixture is what was reviewed.
// Payloads are cut, so that the files stay readable.
func TestGolden(t *testing.T) {
	t.Setenv("SSLKEYLOGFILE", "")
	files := fixtures(t)
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			var out, words bytes.Buffer
			args := append(keysBeside(file), "-T", "ndjson", "--frames", "--payload", "80", file)
			if code := Main(args, strings.NewReader(""), &out, &words); code != 0 {
				t.Fatalf("exit code %d: %s", code, words.String())
			}
			got := versionKey.ReplaceAll(bytes.ReplaceAll(out.Bytes(), []byte(pcaps), nil), []byte(`"version":""`))
			golden := filepath.Join("..", "..", "testdata", "golden", strings.TrimSuffix(name, filepath.Ext(name))+".ndjson")
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatalf("%v; `go test ./cmd/wsdump -update` writes it", err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("differs from %s; first at line %s", golden, firstDifference(got, want))
			}
		})
	}
}

// TestFormatsGolden: so for one conversation in all formats. Exit code 3 tells
// of what is damaged.
func TestFormatsGolden(t *testing.T) {
	t.Setenv("SSLKEYLOGFILE", "")
	folderGolden(t, pcaps+"formats/", exitOK)
	folderGolden(t, "../../testdata/damaged/", exitInput)
}

// folderGolden holds the captures of a folder to the goldens in the folder of
// the same name. Every golden has its capture.
func folderGolden(t *testing.T, folder string, want int) {
	files, err := filepath.Glob(folder + "*.pcap*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures: %v", err)
	}
	name := filepath.Base(folder)
	known := map[string]bool{}
	for _, file := range files {
		if strings.Contains("gz zst lz4 xz bz2", filepath.Ext(file)[1:]) {
			continue // copies of chat.pcap
		}
		var out, words bytes.Buffer
		if code := Main([]string{"-T", "ndjson", file}, strings.NewReader(""), &out, &words); code != want {
			t.Errorf("%s: exit code %d, want %d: %s", file, code, want, words.String())
		}
		got := versionKey.ReplaceAll(bytes.ReplaceAll(out.Bytes(), []byte(folder), []byte(name+"/")), []byte(`"version":""`))
		golden := filepath.Join("..", "..", "testdata", "golden", name, filepath.Base(file)+".ndjson")
		known[golden] = true
		if *update {
			if err := os.WriteFile(golden, got, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		text, err := os.ReadFile(golden)
		if err != nil {
			t.Errorf("%v; `go test ./cmd/wsdump -update` writes it", err)
		} else if !bytes.Equal(got, text) {
			t.Errorf("%s differs from its golden; first at line %s", file, firstDifference(got, text))
		}
	}
	all, _ := filepath.Glob(filepath.Join("..", "..", "testdata", "golden", name, "*"))
	for _, golden := range all {
		if !known[golden] {
			t.Errorf("%s is of no capture", golden)
		}
	}
}

// keysBeside returns the flags for the secrets that stand beside a fixture.
func keysBeside(file string) (args []string) {
	for _, ext := range []string{".keys", ".pem"} {
		if name := strings.TrimSuffix(file, filepath.Ext(file)) + ext; fileExists(name) {
			args = append(args, "-k", name)
		}
	}
	return args
}

func fileExists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

func firstDifference(got, want []byte) string {
	a, b := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range a {
		if i >= len(b) || a[i] != b[i] {
			line := "nothing"
			if i < len(b) {
				line = b[i]
			}
			return strconv.Itoa(i+1) + "\ngot  " + a[i] + "\nwant " + line
		}
	}
	return "the end is missing"
}
