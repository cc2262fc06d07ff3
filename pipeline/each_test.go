package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/pipeline"
	"github.com/wsdump/wsdump/timeline"
)

// jsonSink keeps each call as a line of JSON. It looks at a connection only when it
// opens and closes, since it changes in between.
type jsonSink struct {
	timeline.Nop
	lines []string
	open  map[uint64]*timeline.Conn // by ID: all calls for one must have the same Conn
}

// empties makes null of what is empty, which means the same.
var empties = strings.NewReplacer("[]", "null", `"CloseReason":""`, `"CloseReason":null`, `"Payload":""`, `"Payload":null`)

func (p *jsonSink) write(what string, c *timeline.Conn, x any) {
	b, err := json.Marshal(x)
	if err != nil {
		panic(err)
	}
	id := uint64(0)
	if c != nil {
		id = c.ID
		if known := p.open[id]; known != nil && known != c {
			p.lines = append(p.lines, fmt.Sprintf("%s of another Conn", what))
		}
	}
	p.lines = append(p.lines, fmt.Sprintf("%s %d %s", what, id, empties.Replace(string(b))))
}

func (*jsonSink) Needs(*timeline.Conn) timeline.Needs {
	return timeline.Needs{Payload: true, Frames: true}
}
func (p *jsonSink) Begin(at timeline.Stamp) { p.write("begin", nil, at) }
func (p *jsonSink) Other(o *timeline.Other) { p.write("other", nil, o) }
func (p *jsonSink) Done(t *timeline.Totals) { p.write("done", nil, t) }

func (p *jsonSink) Open(c *timeline.Conn) {
	if p.open == nil {
		p.open = make(map[uint64]*timeline.Conn)
	}
	p.open[c.ID] = c
	p.write("open", c, c)
}

func (p *jsonSink) Close(c *timeline.Conn, at timeline.Stamp) {
	p.write("close", c, c)
	p.write("at", c, at)
	delete(p.open, c.ID)
}

func (p *jsonSink) Message(m *timeline.Message) {
	mine := *m
	mine.Conn = nil
	p.write("message", m.Conn, mine)
}

func (p *jsonSink) Frame(f *timeline.Frame) {
	mine := *f
	mine.Conn = nil
	p.write("frame", f.Conn, mine)
}

func (p *jsonSink) Finding(f *timeline.Finding) {
	mine := *f
	mine.Conn = nil
	p.write("finding", f.Conn, mine)
}

// gate is a source that begins when the others have ended.
type gate struct {
	capture.Source
	opens func()
}

func (g *gate) Next(p *capture.Packet) error {
	g.opens()
	return g.Source.Next(p)
}

// ending is a source that calls ended at its end.
type ending struct {
	capture.Source
	ended func()
}

func (e *ending) Next(p *capture.Packet) error {
	err := e.Source.Next(p)
	if err != nil {
		e.ended()
	}
	return err
}

// each runs [pipeline.Each] on files. With several workers the first file waits for
// all others, so that their calls have to wait.
func each(t *testing.T, ctx context.Context, sink timeline.Sink, files []string, workers int, memory int64) error {
	t.Helper()
	notes := &pipeline.Notes{}
	in, err := capture.Open(files, capture.Options{OnNote: notes.Add, Each: true})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	split := notes.Split(len(files))
	var others sync.WaitGroup
	var inputs []pipeline.Input
	for i, alone := range in.Alone(func(i int) func(capture.Note) { return split[i].Add }) {
		p := pipeline.Input{Source: alone, Packets: alone.Packets, Notes: split[i]}
		if workers > 1 && i == 0 {
			p.Source = &gate{alone, others.Wait}
		} else if workers > 1 && i < 60 {
			others.Add(1)
			p.Source = &ending{alone, sync.OnceFunc(others.Done)}
		}
		inputs = append(inputs, p)
	}
	needs := sink.Needs(&timeline.Conn{})
	return pipeline.Each(ctx, inputs, sink, pipeline.Options{Notes: notes, Files: in.Files()}, pipeline.EachOptions{
		Workers: workers, Memory: memory, Needs: func(*timeline.Conn) timeline.Needs { return needs },
	})
}

// TestEach: with several workers the sink gets the same calls as with one, whether
// they wait in memory or in a file.
func TestEach(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	files, err := filepath.Glob(fixtures + "*.pcap*")
	if err != nil || len(files) < 50 {
		t.Fatal(files, err)
	}
	damaged, _ := filepath.Glob(damaged + "*")
	files = append(files[:50:50], damaged[:min(5, len(damaged))]...)
	var want []string
	wrong := ""
	for _, how := range []struct {
		workers int
		memory  int64
	}{{1, 0}, {2, 0}, {5, 0}, {2, 1}, {3, 100_000}} {
		r := &jsonSink{}
		err := each(t, t.Context(), r, files, how.workers, how.memory)
		text := ""
		if err != nil {
			text = err.Error()
			if !capture.Incomplete(err) {
				t.Fatal(err)
			}
		}
		if want == nil {
			want, wrong = r.lines, text
			if len(want) < 1000 {
				t.Fatalf("only %d lines", len(want))
			}
			continue
		}
		if text != wrong {
			t.Errorf("%+v: error %s, want %s", how, text, wrong)
		}
		if !slices.Equal(r.lines, want) {
			i := 0
			for i < min(len(want), len(r.lines)) && want[i] == r.lines[i] {
				i++
			}
			t.Fatalf("%+v: %d lines, want %d; line %d: %.300q\nwant %.300q", how, len(r.lines), len(want), i, r.lines[i:min(i+1, len(r.lines))], want[i:min(i+1, len(want))])
		}
	}
}

// TestEachFullDisk: where there is no room for a temporary file, the readers wait.
func TestEachFullDisk(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()+"/nowhere")
	var files []string
	for range 4 {
		files = append(files, fixtures+"chat.pcap", fixtures+"megabyte.pcap", fixtures+"closes.pcap", fixtures+"services.pcap")
	}
	r, want := &jsonSink{}, &jsonSink{}
	if err := errors.Join(each(t, t.Context(), want, files, 1, 0), pipeline.Each(t.Context(), inputsOf(t, files), r, pipeline.Options{Files: files}, pipeline.EachOptions{
		Workers: 4, Memory: 1, Needs: r.Needs,
	})); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.lines, want.lines) {
		t.Error("differs")
	}
}

func inputsOf(t *testing.T, files []string) (inputs []pipeline.Input) {
	t.Helper()
	in, err := capture.Open(files, capture.Options{Each: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close() })
	for _, alone := range in.Alone(func(int) func(capture.Note) { return nil }) {
		inputs = append(inputs, pipeline.Input{Source: alone, Packets: alone.Packets, Notes: &pipeline.Notes{}})
	}
	return inputs
}

// TestEachEnds: a context that ends, and a sink with a bug, end all readers.
func TestEachEnds(t *testing.T) {
	var files []string
	for range 100 {
		files = append(files, fixtures+"chat.pcap")
	}
	ctx, cancel := context.WithCancel(t.Context())
	r := &stopping{jsonSink: &jsonSink{}, after: 5, stop: cancel}
	err := pipeline.Each(ctx, inputsOf(t, files), r, pipeline.Options{}, pipeline.EachOptions{Workers: 3, Needs: r.Needs})
	if !errors.Is(err, context.Canceled) || r.conns < 5 || r.done != 1 {
		t.Errorf("%v after %d connections, Done %d times", err, r.conns, r.done)
	}
	defer func() {
		if what := recover(); what != "a bug" {
			t.Errorf("%v", what)
		}
	}()
	r = &stopping{jsonSink: &jsonSink{}, after: 5, stop: func() { panic("a bug") }}
	_ = pipeline.Each(t.Context(), inputsOf(t, files), r, pipeline.Options{}, pipeline.EachOptions{Workers: 3, Needs: r.Needs})
}

// TestEachReaderPanics: where one of the readers panics, so does the caller.
func TestEachReaderPanics(t *testing.T) {
	defer func() {
		if what, _ := recover().(string); !strings.Contains(what, "a bug of the reader") {
			t.Errorf("%v", what)
		}
	}()
	inputs := inputsOf(t, []string{fixtures + "chat.pcap", fixtures + "chat.pcap", fixtures + "chat.pcap"})
	inputs[1].Source = &gate{inputs[1].Source, func() { panic("a bug of the reader") }}
	_ = pipeline.Each(t.Context(), inputs, &jsonSink{}, pipeline.Options{}, pipeline.EachOptions{Workers: 2, Needs: func(*timeline.Conn) timeline.Needs { return timeline.Needs{} }})
}

// stopping stops after some connections.
type stopping struct {
	*jsonSink
	conns, after, done int
	stop               func()
}

func (s *stopping) Needs(*timeline.Conn) timeline.Needs { return timeline.Needs{Payload: true} }

func (s *stopping) Open(c *timeline.Conn) {
	if s.conns++; s.conns == s.after {
		s.stop()
	}
	s.jsonSink.Open(c)
}

func (s *stopping) Done(t *timeline.Totals) {
	s.done++
	s.jsonSink.Done(t)
}
