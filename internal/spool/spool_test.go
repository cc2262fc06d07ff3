package spool

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"testing"
)

// TestSpool: with any bound, each number returns its own bytes in order.
func TestSpool(t *testing.T) {
	for _, memory := range []int{1, 100, 5000, 0} {
		dir := t.TempDir()
		t.Setenv("TMPDIR", dir)
		s := &Spool{Memory: memory}
		want := map[uint64][]byte{}
		random := rand.New(rand.NewPCG(1, uint64(memory)))
		for range 3000 {
			id := random.Uint64N(20)
			b := bytes.Repeat([]byte{byte(random.Uint32())}, random.IntN(200))
			want[id] = append(want[id], b...)
			if err := s.Append(id, b); err != nil {
				t.Fatal(err)
			}
			if random.IntN(100) == 0 {
				take(t, s, id, want)
			}
		}
		for _, id := range s.IDs() {
			take(t, s, id, want)
		}
		if len(s.IDs()) != 0 || s.held != 0 {
			t.Errorf("memory %d: %v are left, %d bytes held", memory, s.IDs(), s.held)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
			t.Errorf("memory %d: files are left: %v %v", memory, left, err)
		}
	}
}

func take(t *testing.T, s *Spool, id uint64, want map[uint64][]byte) {
	t.Helper()
	var got []byte
	if err := s.Take(id, func(b []byte) error { got = append(got, b...); return nil }); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want[id]) {
		t.Errorf("number %d: got %d bytes, want %d", id, len(got), len(want[id]))
	}
	delete(want, id)
}

func TestSpoolErrors(t *testing.T) {
	s := &Spool{}
	enough := errors.New("enough")
	if err := s.Append(1, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := s.Take(1, func([]byte) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
	t.Setenv("TMPDIR", t.TempDir()+"/nowhere")
	s = &Spool{Memory: 1}
	if err := s.Append(1, []byte("xx")); err == nil {
		t.Error("no error without a place for the file")
	}
}
