package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/dissect/tls"
	"github.com/wsdump/wsdump/internal/trafficgen"
	"github.com/wsdump/wsdump/pipeline"
	"github.com/wsdump/wsdump/timeline"
)

// readings opens files again and again.
type readings struct {
	t      *testing.T
	files  []string
	opened int
}

func (r *readings) open() (pipeline.Reading, error) {
	r.opened++
	notes := &pipeline.Notes{}
	in, err := capture.Open(r.files, capture.Options{OnNote: notes.Add})
	if err != nil {
		return pipeline.Reading{}, err
	}
	return pipeline.Reading{Source: in, Notes: notes, Close: func() { _ = in.Close() }}, nil
}

// split runs [pipeline.Split] with so many workers; 0 means Run. It reports whether a
// single worker had to run again.
func (r *readings) split(sink timeline.Sink, workers int, limits timeline.Limits) (again bool, err error) {
	r.t.Helper()
	keys := &tls.Keys{}
	for _, file := range r.files {
		keys.Add(keysOf(r.t, strings.TrimSuffix(file, filepath.Ext(file))), false)
	}
	opt := pipeline.Options{Limits: limits, Files: r.files, Keys: keys}
	if workers == 0 {
		reading, err := r.open()
		if err != nil {
			return false, err
		}
		defer reading.Close()
		opt.Notes = reading.Notes
		return false, pipeline.Run(r.t.Context(), reading.Source, sink, opt)
	}
	needs := sink.Needs(&timeline.Conn{})
	r.opened = 0
	err = pipeline.Split(r.t.Context(), sink, opt, pipeline.SplitOptions{
		Workers: workers, Open: r.open, Needs: func(*timeline.Conn) timeline.Needs { return needs }, ReuseConns: workers%2 == 0,
	})
	return r.opened > workers, err
}

// compare compares the calls with several workers to those with one. It returns how
// many times a single worker had to run again.
func (r *readings) compare(limits timeline.Limits, workers ...int) (again int) {
	r.t.Helper()
	want := &jsonSink{}
	_, wrong := r.split(want, 0, limits)
	for _, n := range workers {
		got := &jsonSink{}
		alone, err := r.split(got, n, limits)
		if alone {
			again++
		}
		if fmt.Sprint(err) != fmt.Sprint(wrong) {
			r.t.Errorf("%v, %d workers: error %v, want %v", r.files, n, err, wrong)
		}
		if !slices.Equal(got.lines, want.lines) {
			i := 0
			for i < min(len(want.lines), len(got.lines)) && want.lines[i] == got.lines[i] {
				i++
			}
			r.t.Fatalf("%s and so on, %d workers: %d lines, want %d; line %d: %.900q\nwant %.900q", r.files[0], n, len(got.lines), len(want.lines), i, got.lines[i:min(i+1, len(got.lines))], want.lines[i:min(i+1, len(want.lines))])
		}
	}
	return again
}

// TestSplit: of every capture, the sink gets the same calls with several workers.
func TestSplit(t *testing.T) {
	files, err := filepath.Glob(fixtures + "*.pcap*")
	if err != nil || len(files) < 50 {
		t.Fatal(files, err)
	}
	broken, _ := filepath.Glob(damaged + "*")
	clothes, _ := filepath.Glob(formats + "*.pcap*")
	again, broken := 0, append(broken, clothes...)
	for _, file := range append(files, broken...) {
		again += (&readings{t: t, files: []string{file}}).compare(timeline.Limits{}, 2, 3)
	}
	if most := (len(files) + len(broken)) / 10; again > most {
		t.Errorf("%d runs were done again by one worker, %d are the most", again, most)
	}
	if many := (&readings{t: t, files: files}); many.compare(timeline.Limits{}, 2, 5) > 2 {
		t.Error("more often than there were runs")
	}
}

// TestSplitCopies: a connection that was captured twice opens once, whichever workers
// follow the two, which is chance.
func TestSplitCopies(t *testing.T) {
	const runs = 24
	again := 0
	for range runs {
		again += (&readings{t: t, files: []string{fixtures + "nat-any.pcap"}}).compare(timeline.Limits{}, 2)
	}
	if again == 0 || again == runs {
		t.Errorf("%d of %d runs were done again by one worker", again, runs)
	}
}

// TestSplitLimits: where connections together reach a limit, the rest
// comes from a single worker.
func TestSplitLimits(t *testing.T) {
	files, _ := filepath.Glob(fixtures + "*.pcap*")
	again := 0
	for _, limits := range []timeline.Limits{{Memory: 30_000}, {Transports: 3}, {ReorderTotal: 900}, {Windows: 70_000}} {
		for _, file := range files {
			if info, err := os.Stat(file); err != nil || info.Size() > 1<<20 {
				continue
			}
			again += (&readings{t: t, files: []string{file}}).compare(limits, 2)
		}
	}
	if again < 20 {
		t.Errorf("only %d were done again", again)
	}
}

// TestSplitGenerated: the same for much traffic of every kind, none of which needs
// to be done again.
func TestSplitGenerated(t *testing.T) {
	for _, kind := range trafficgen.Kinds() {
		file := filepath.Join(t.TempDir(), kind+".pcap")
		f, err := os.Create(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := trafficgen.Write(f, trafficgen.Spec{Kind: kind, Bytes: 2 << 20, Seed: 5}); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if again := (&readings{t: t, files: []string{file}}).compare(timeline.Limits{}, 2, 4); again > 0 {
			t.Errorf("%s: done again", kind)
		}
	}
}

// TestSplitSilence: timeouts come in their place: connections that are silent for too
// long, pings without an answer, holes that nobody fills. The fixtures run at the same
// time here, slowly, with some of their packets lost.
func TestSplitSilence(t *testing.T) {
	files, _ := filepath.Glob(fixtures + "*.pcap")
	for _, slower := range []int64{30, 1000, 10_000} {
		var packets []capture.Packet
		for _, file := range files {
			if info, err := os.Stat(file); err != nil || info.Size() > 100<<10 {
				continue
			}
			in, err := capture.Open([]string{file}, capture.Options{})
			if err != nil {
				t.Fatal(err)
			}
			began := int64(0)
			for p := (capture.Packet{}); in.Next(&p) == nil && p.Link == 1; {
				if p.Number == 1 {
					began = p.Time
				}
				if p.Time = 1e18 + (p.Time-began)*slower; p.Number%29 > 0 {
					p.Data = bytes.Clone(p.Data)
					packets = append(packets, p)
				}
			}
			_ = in.Close()
		}
		slices.SortStableFunc(packets, func(a, b capture.Packet) int { return int(a.Time - b.Time) })
		file := filepath.Join(t.TempDir(), "slow.pcap")
		out, err := os.Create(file)
		if err != nil {
			t.Fatal(err)
		}
		w := capture.NewPcapWriter(out, 1)
		for i := range packets {
			if err := w.Write(&packets[i]); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(w.Flush(), out.Close()); err != nil {
			t.Fatal(err)
		}
		(&readings{t: t, files: []string{file}}).compare(timeline.Limits{Idle: 20 * time.Second, HalfOpen: 5 * time.Second}, 2, 3, 5)
	}
}

// failing is a source that fails in the middle.
type failing struct {
	capture.Source
	left int
	how  func() error
}

func (f *failing) Next(p *capture.Packet) error {
	if f.left--; f.left < 0 {
		return f.how()
	}
	return f.Source.Next(p)
}

// TestSplitEnds: a source that fails, a bug in it, one in the sink, and a context
// that ends, end all workers.
func TestSplitEnds(t *testing.T) {
	run := func(ctx context.Context, how func() error, sink timeline.Sink) (err error) {
		defer func() {
			if what := recover(); what != nil {
				err = fmt.Errorf("panic: %v", what)
			}
		}()
		r := &readings{t: t, files: []string{fixtures + "chat.pcap", fixtures + "services.pcap"}}
		return pipeline.Split(ctx, sink, pipeline.Options{}, pipeline.SplitOptions{
			Workers: 3, Needs: sink.Needs,
			Open: func() (pipeline.Reading, error) {
				reading, err := r.open()
				if how != nil {
					reading.Source = &failing{reading.Source, 30, how}
				}
				return reading, err
			},
		})
	}
	for _, c := range []struct {
		how  func() error
		sink timeline.Sink
		want string
	}{
		{nil, &jsonSink{}, "<nil>"},
		{func() error { return io.ErrUnexpectedEOF }, &jsonSink{}, "unexpected EOF"},
		{func() error { panic("a bug") }, &jsonSink{}, "panic: a bug"},
		{nil, &buggy{}, "panic: a bug of the sink"},
	} {
		if err := run(t.Context(), c.how, c.sink); !strings.HasPrefix(fmt.Sprint(err), c.want) {
			t.Errorf("%.300v, want %s", err, c.want)
		}
	}
	if err := run(canceled(), nil, &jsonSink{}); err != context.Canceled {
		t.Errorf("canceled: %v", err)
	}
	none := &readings{t: t, files: []string{fixtures + "no such file"}}
	if _, err := none.split(&jsonSink{}, 2, timeline.Limits{}); err == nil || !bytes.Contains([]byte(err.Error()), []byte("no such file")) {
		t.Errorf("no file: %v", err)
	}
}

// buggy is a sink that panics.
type buggy struct{ timeline.Nop }

func (*buggy) Open(*timeline.Conn) { panic("a bug of the sink") }
