package spool

import (
	"bytes"
	"testing"
)

func TestLog(t *testing.T) {
	l := Log{Memory: 100}
	var pieces [][]byte
	var at []int64
	for i := range 500 {
		piece := bytes.Repeat([]byte{byte(i)}, i*7%250)
		place, err := l.Append(piece)
		if err != nil {
			t.Fatal(err)
		}
		pieces, at = append(pieces, piece), append(at, place)
	}
	if l.file == nil {
		t.Fatal("all of it stayed in memory")
	}
	for i := len(pieces) - 1; i >= 0; i-- {
		got := make([]byte, len(pieces[i]))
		if err := l.Read(got, at[i]); err != nil || !bytes.Equal(got, pieces[i]) {
			t.Fatalf("piece %d: %q, %v", i, got, err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if place, err := l.Append([]byte("again")); place != 0 || err != nil {
		t.Fatal(place, err)
	}
}
