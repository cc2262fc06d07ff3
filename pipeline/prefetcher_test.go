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

// noting is a source of packets of all sizes, in memory that it uses again,
// that adds a note now and then.
type noting struct {
	notes *Notes
	n     int
	end   error
	buf   []byte
	fails int // the packet at which it panics
}

func (s *noting) Close() error { return nil }

func (s *noting) Next(p *capture.Packet) error {
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

func TestPrefetcher(t *testing.T) {
	end := errors.New("cut")
	for _, end := range []error{io.EOF, end} {
		from := &Notes{}
		b := newPrefetcher(t.Context(), &noting{notes: from, end: end}, from)
		var notes []string
		for n := 1; ; n++ {
			p, found, err := b.Next()
			for _, note := range found {
				notes = append(notes, fmt.Sprintf("%s at %d", note.Text, n))
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
		if !slices.Equal(notes, want) {
			t.Errorf("notes %q", notes)
		}
	}
}

// TestPrefetcherStops: the source is left alone once stop returns, however far it was.
func TestPrefetcherStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	src := &noting{notes: &Notes{}, end: io.EOF}
	b := newPrefetcher(ctx, src, src.notes)
	if _, _, err := b.Next(); err != nil {
		t.Fatal(err)
	}
	cancel()
	b.stop()
	if _, more := <-b.full; more || src.n == 0 {
		t.Error("the source may still be read")
	}
}

func TestPrefetcherPanics(t *testing.T) {
	src := &noting{notes: &Notes{}, end: io.EOF, fails: 3000}
	b := newPrefetcher(t.Context(), src, src.notes)
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
