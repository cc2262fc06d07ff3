package record

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/input"
	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/internal/scenario"
	"github.com/wsdump/wsdump/pipeline"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/timeline"
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

// fragmented writes a capture whose IP packets are fragmented.
func fragmented(t *testing.T) string {
	t.Helper()
	talk, err := scenario.Parse("talk", "C> upgrade /\nS> 101\nC> text \"a text that does not go into one piece\"\nC> fin\nS> fin\n")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := capture.NewWriter(&b)
	for _, p := range talk.Packets(scenario.Disguise{Fragment: 24}) {
		if err := w.Write(&p); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "fragmented.pcapng")
	if err := os.WriteFile(name, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return name
}

// selected writes what a Selection of the connections that p matches copies.
func selected(t *testing.T, file, to string, p *query.Program) error {
	t.Helper()
	in, err := input.Open(t.Context(), input.Options{Files: []string{file}})
	if err != nil {
		return err
	}
	defer in.Close()
	s := NewSelection(to, false)
	totals := &totals{}
	if err := in.Run(t.Context(), timeline.Tee(totals, s.Sink(p, in.Files())), input.Passage{}); err != nil {
		return err
	}
	return s.Write(t.Context(), in, timeline.Limits{}, totals.Fragments > 0, console.New(io.Discard))
}

type totals struct {
	timeline.Nop
	timeline.Totals
}

func (t *totals) Done(totals *timeline.Totals) { t.Totals = *totals }

// TestFlight: a flight recorder writes what two passes over the same packets
// select.
func TestFlight(t *testing.T) {
	files, err := filepath.Glob("../testdata/pcaps/*.pcap")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	written := 0
	for _, file := range append(files, fragmented(t)) {
		for _, expr := range []string{"not clean", "clean", "status != 101"} {
			folder := t.TempDir()
			ours, theirs := filepath.Join(folder, "ours.pcapng"), filepath.Join(folder, "theirs.pcapng")
			keep, err := query.Compile(expr, query.Connections)
			if err != nil {
				t.Fatal(err)
			}
			if selected(t, file, theirs, keep) != nil {
				continue // damaged on purpose
			}
			src, err := capture.Open([]string{file}, capture.Options{})
			if err != nil {
				t.Fatal(err)
			}
			rec, err := New(src, Options{Name: ours, Keep: keep, Buffer: 1 << 30, Stop: func() {}})
			if err != nil {
				t.Fatal(err)
			}
			if err := pipeline.Run(t.Context(), rec, rec.Sink(nil), pipeline.Options{}); err != nil {
				t.Fatal(err)
			}
			if err := rec.Finish(console.New(io.Discard)); err != nil {
				t.Fatal(err)
			}
			_ = src.Close()
			got, want := packetsIn(t, ours), packetsIn(t, theirs)
			written += len(want)
			if len(got) != len(want) {
				t.Errorf("%s, %s: %d packets are written, want %d", file, expr, len(got), len(want))
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
	if written < 100 {
		t.Errorf("only %d packets are to be written", written)
	}
}

// TestFlightIsBounded: the buffer is bounded, and what leaves it is gone.
func TestFlightIsBounded(t *testing.T) {
	n := 0
	f := &flight{limit: 3 << 20, write: func(*capture.Packet) error { n++; return nil }}
	data := make([]byte, 10_000)
	for i := range 10_000 { // 100 MB
		if err := f.add(&capture.Packet{Number: uint64(i + 1), Data: data, Length: uint32(len(data)), Link: 1}); err != nil {
			t.Fatal(err)
		}
		if f.size > 5<<20 || len(f.chunks) > 4 {
			t.Fatalf("%d bytes in %d chunks are held", f.size, len(f.chunks))
		}
	}
	if err := f.add(&capture.Packet{Number: 1 << 40, Data: make([]byte, 3<<20)}); err != nil { // larger than a chunk
		t.Fatal(err)
	}
	if err := f.flush(); err != nil || n != 0 || f.size != 0 {
		t.Errorf("%v, %d packets written, %d bytes held", err, n, f.size)
	}
}
