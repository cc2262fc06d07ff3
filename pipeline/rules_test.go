package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/internal/scenario"
	"github.com/wsdump/wsdump/pipeline"
)

// TestCaptureRules: what is wrong with a file becomes a finding, and what could be
// read is emitted.
func TestCaptureRules(t *testing.T) {
	chat, err := os.ReadFile(fixtures + "chat.pcap")
	if err != nil {
		t.Skip("not made again")
	}
	for _, tc := range []struct {
		name, rule string
		spoil      func([]byte) []byte
		messages   bool
	}{
		{"cut", "capture/cut-short", func(b []byte) []byte { return b[:len(b)-10] }, true},
		{"damaged", "capture/damaged", func(b []byte) []byte {
			copy(b[24+8:], []byte{0xff, 0xff, 0xff, 0x7f})
			return b
		}, true},
		{"backwards", "capture/clock-backwards", func(b []byte) []byte {
			b[24]++ // the first packet's seconds
			b[24]++
			return b
		}, true},
		{"whole", "", func(b []byte) []byte { return b }, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "x.pcap")
			if err := os.WriteFile(file, tc.spoil(bytes.Clone(chat)), 0o600); err != nil {
				t.Fatal(err)
			}
			notes := &pipeline.Notes{}
			in, err := capture.Open([]string{file}, capture.Options{OnNote: notes.Add})
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			w := &watcher{}
			err = pipeline.Run(context.Background(), in, w, pipeline.Options{Notes: notes})
			if err != nil && !capture.Incomplete(err) {
				t.Fatal(err)
			}
			found := slices.ContainsFunc(w.findings, func(f string) bool { return len(f) > 8 && f[len(f)-min(len(f), len(tc.rule)):] == tc.rule })
			if tc.rule != "" && !found {
				t.Errorf("%s is missing in %q", tc.rule, w.findings)
			}
			if tc.rule == "" && len(w.findings) > 0 {
				t.Errorf("findings in a whole file: %q", w.findings)
			}
			if tc.messages && w.totals.Messages == 0 {
				t.Error("nothing was shown")
			}
		})
	}
}

// TestSnaplenAndDrops: packets that were cut, and packets that the capture
// lost.
func TestSnaplenAndDrops(t *testing.T) {
	s, err := scenario.Parse("x", "C> upgrade /\nS> 101\nC> text \"a long text that is cut by the snap length\"\nC> text \"whole\"\n")
	if err != nil {
		t.Fatal(err)
	}
	packets := s.Packets(scenario.Disguise{})
	cut := &packets[len(packets)-2]
	cut.Data = cut.Data[:len(cut.Data)-10]
	notes := &pipeline.Notes{}
	notes.Add(capture.Note{Kind: capture.NoteDropped, N: 7})
	w := &watcher{}
	if err := pipeline.Run(context.Background(), &scenario.Source{Packets: packets}, w, pipeline.Options{Notes: notes}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"warning capture/snaplen", "warning capture/dropped", "warning tcp/gap"} {
		if !slices.Contains(w.findings, want) {
			t.Errorf("%s is missing in %q", want, w.findings)
		}
	}
	if w.totals.Dropped != 7 || w.totals.Messages != 2 {
		t.Errorf("dropped %d, messages %d; want 7 and 2", w.totals.Dropped, w.totals.Messages)
	}
	if err := pipeline.Run(canceled(), &scenario.Source{Packets: packets}, w, pipeline.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v from a run that was called off", err)
	}
}

func canceled() context.Context {
	ctx, stop := context.WithCancel(context.Background())
	stop()
	return ctx
}
