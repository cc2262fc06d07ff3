package main

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/internal/scenario"
	"github.com/wsdump/wsdump/pipeline"
	"github.com/wsdump/wsdump/query"
)

func packetsIn(t *testing.T, name string) (all []capture.Packet) {
	t.Helper()
	in, err := capture.Open([]string{name}, capture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	for p := (capture.Packet{}); ; {
		if err := in.Next(&p); err != nil {
			if !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			return all
		}
		p.Data = bytes.Clone(p.Data)
		all = append(all, p)
	}
}

// TestFlight: what a flight recorder keeps is what two passes over the same
// packets select.
func TestFlight(t *testing.T) {
	t.Setenv("SSLKEYLOGFILE", "")
	files, err := filepath.Glob(pcaps + "*.pcap")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	files = append(files, captured(t, "C> upgrade /\nS> 101\nC> text \"a text that does not go into one piece\"\nC> fin\nS> fin\n", scenario.Disguise{Fragment: 24}))
	kept := 0
	for _, file := range files {
		for _, expr := range []string{"not clean", "clean", "status != 101"} {
			folder := t.TempDir()
			ours, theirs := filepath.Join(folder, "ours.pcapng"), filepath.Join(folder, "theirs.pcapng")
			var out, words bytes.Buffer
			if code := Main([]string{"list", "-q", "-Y", expr, "-w", theirs, file}, strings.NewReader(""), &out, &words); code != exitOK {
				continue // damaged on purpose
			}
			src, err := capture.Open([]string{file}, capture.Options{})
			if err != nil {
				t.Fatal(err)
			}
			rec, err := newRecorder(src, ours, rotation{}, nil, func() {})
			if err != nil {
				t.Fatal(err)
			}
			if rec.keeps, err = query.Compile(expr, query.Connections); err != nil {
				t.Fatal(err)
			}
			rec.flight = &flight{most: 1 << 30, keep: rec.write}
			if err := pipeline.Run(t.Context(), rec, rec.sink(nil), pipeline.Options{}); err != nil {
				t.Fatal(err)
			}
			if err := rec.finish(&console{w: io.Discard}); err != nil {
				t.Fatal(err)
			}
			_ = src.Close()
			got, want := packetsIn(t, ours), packetsIn(t, theirs)
			kept += len(want)
			if len(got) != len(want) {
				t.Errorf("%s, %s: %d packets are kept, want %d", file, expr, len(got), len(want))
				continue
			}
			for i := range want {
				if !bytes.Equal(got[i].Data, want[i].Data) || got[i].Time != want[i].Time {
					t.Errorf("%s, %s: packet %d differs", file, expr, i+1)
					break
				}
			}
		}
	}
	if kept < 100 {
		t.Errorf("only %d packets are to be kept", kept)
	}
}

// TestFlightIsBounded: what is held is bounded, and what leaves is gone.
func TestFlightIsBounded(t *testing.T) {
	n := 0
	f := &flight{most: 3 << 20, keep: func(*capture.Packet) error { n++; return nil }}
	data := make([]byte, 10_000)
	for i := range 10_000 { // 100 MB
		if err := f.hold(&capture.Packet{Number: uint64(i + 1), Data: data, Length: uint32(len(data)), Link: 1}); err != nil {
			t.Fatal(err)
		}
		if f.size > 5<<20 || len(f.chunks) > 4 {
			t.Fatalf("%d bytes in %d chunks are held", f.size, len(f.chunks))
		}
	}
	if err := f.hold(&capture.Packet{Number: 1 << 40, Data: make([]byte, 3<<20)}); err != nil { // larger than a chunk
		t.Fatal(err)
	}
	if err := f.land(); err != nil || n != 0 || f.size != 0 {
		t.Errorf("%v, %d packets kept, %d bytes held", err, n, f.size)
	}
}
