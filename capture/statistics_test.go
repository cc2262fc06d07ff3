package capture

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// TestStatistics: what is written of a capture is read in its place: losses
// where they were, and until when it went on.
func TestStatistics(t *testing.T) {
	var file bytes.Buffer
	w := NewWriter(&file)
	packet := func(n int64) *Packet { return &Packet{Time: n * 1e9, Data: []byte{1, 2, 3}, Length: 3, Link: 1} }
	for _, step := range []func() error{
		func() error { return w.Statistics(1, 1, 1, 1) }, // nothing to be told of
		func() error { return w.Write(packet(1)) },
		func() error { return w.Statistics(1, 2e9, 5, 3) },
		func() error { return w.Write(packet(2)) },
		func() error { return w.Statistics(1, 30_000_000_001, 9, 4) },
		w.Flush,
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	var notes []Note
	in, err := Open([]string{Stdin}, Options{Stdin: &file, OnNote: func(n Note) { notes = append(notes, n) }})
	if err != nil {
		t.Fatal(err)
	}
	packets := 0
	for p := (Packet{}); ; packets++ {
		if err := in.Next(&p); err != nil {
			if !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			break
		}
	}
	type told struct {
		kind NoteKind
		n    uint64
		at   uint64
	}
	var got []told
	for _, n := range notes {
		got = append(got, told{n.Kind, n.N, n.FilePacket})
	}
	want := []told{{NoteUntil, 2e9, 1}, {NoteDropped, 3, 1}, {NoteUntil, 30_000_000_001, 2}, {NoteDropped, 1, 2}}
	if packets != 2 || len(got) != len(want) {
		t.Fatalf("%d packets, %v", packets, got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("note %d: %v, want %v", i, got[i], want[i])
		}
	}
}
