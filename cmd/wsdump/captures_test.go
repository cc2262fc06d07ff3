package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/internal/scenario"
)

// fixtures returns the captures of real peers.
func fixtures(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(pcaps + "*.pcap*")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d fixtures, %v", len(files), err)
	}
	return files
}

// captures returns every capture of the test data.
func captures(t testing.TB) (files []string) {
	t.Helper()
	for _, pattern := range []string{"*.pcap*", "formats/*.pcap*", "../damaged/*.pcap*"} {
		found, err := filepath.Glob(pcaps + pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("no captures: %v", err)
		}
		files = append(files, found...)
	}
	return files
}

// captured writes a scenario to a capture, and returns the name of it.
func captured(t testing.TB, text string, disguise scenario.Disguise) string {
	t.Helper()
	s, err := scenario.Parse("captured", text)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "captured.pcapng"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w := capture.NewWriter(file)
	for _, p := range s.Packets(disguise) {
		if err := w.Write(&p); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return file.Name()
}

// everyView has outputs of every kind, for tests that hold them to be the same
// however they came about.
var everyView = [][]string{
	{"-T", "ndjson", "--frames"},
	{"-T", "table", "--reply-key", "json.id"},
	{"-T", "csv"},
	{"-T", "har"},
	{"-T", "transcript"},
	{"-T", "html"},
	{"--group", "--redact"},
	{"list"},
}
