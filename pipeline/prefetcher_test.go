package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/wsdump/wsdump/capture"
)

// talking is a source of packets of all sizes, in memory that it uses again,
// that says something now and then.
type talking struct {
	notes *Notes
	n     int
	end   error
	buf   []byte
	fails int // the packet at which it panics
}

func (s *talking) Close() error { return nil }

func (s *talking) Next(p *capture.Packet) error {
	s.n++
	if s.n%700 == 0 || s.n > 6000 && s.n < 6005 {
		s.notes.Add(capture.Note{Text: fmt.Sprint("before ", s.n)})
	}
	if s.n == s.fails {
		panic("a bug in a reader")
	}
	if s.n > 6002 {
		return s.end
	}
	size := s.n % 1500
	if s.n%1000 == 0 {
		size = 3 * blockBytes
	}
	s.buf = append(s.buf[:0], make([]byte, size)...)
	for i := range s.buf {
		s.buf[i] = byte(s.n)
	}
	*p = capture.Packet{Number: uint64(s.n), Data: s.buf, Length: uint32(size)}
	return nil
}

func TestBeside(t *testing.T) {
	end := errors.New("cut")
	for _, end := range []error{io.EOF, end} {
		notes := &Notes{}
		b := newBeside(t.Context(), &talking{notes: notes, end: end}, notes)
		var said []string
		for n := 1; ; n++ {
			p, heard, err := b.Next()
			for _, note := range heard {
				said = append(said, fmt.Sprintf("%s at %d", note.Text, n))
			}
			if err != nil {
				if err != end || n != 6003 {
					t.Errorf("ended with %v at %d", err, n)
				}
				break
			}
			if p.Number != uint64(n) || int(p.Length) != len(p.Data) || slices.ContainsFunc(p.Data, func(c byte) bool { return c != byte(n) }) {
				t.Fatalf("packet %d is %d, of %d bytes, or has the bytes of another one", n, p.Number, len(p.Data))
			}
		}
		b.stop()
		want := []string{"before 700 at 700", "before 1400 at 1400", "before 2100 at 2100", "before 2800 at 2800", "before 3500 at 3500", "before 4200 at 4200", "before 4900 at 4900", "before 5600 at 5600", "before 6001 at 6001", "before 6002 at 6002", "before 6003 at 6003"}
		if !slices.Equal(said, want) {
			t.Errorf("heard %q", said)
		}
	}
}

// TestBesideStops: the source is left alone once stop returns, however far it was.
func TestBesideStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	src := &talking{notes: &Notes{}, end: io.EOF}
	b := newBeside(ctx, src, src.notes)
	if _, _, err := b.Next(); err != nil {
		t.Fatal(err)
	}
	cancel()
	b.stop()
	if _, more := <-b.full; more || src.n == 0 {
		t.Error("somebody may still read the source")
	}
}

func TestBesidePanics(t *testing.T) {
	src := &talking{notes: &Notes{}, end: io.EOF, fails: 3000}
	b := newBeside(t.Context(), src, src.notes)
	defer b.stop()
	defer func() {
		if what := fmt.Sprint(recover()); !strings.Contains(what, "a bug in a reader") {
			t.Errorf("the reader's goroutine got %q", what)
		}
	}()
	for {
		if _, _, err := b.Next(); err != nil {
			t.Fatal("it ended as if all were well")
		}
	}
}
