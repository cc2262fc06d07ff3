package scenario_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/internal/scenario"
	"github.com/wsdump/wsdump/pipeline"
	"github.com/wsdump/wsdump/reassembly"
	"github.com/wsdump/wsdump/timeline"
)

// taken is one TCP connection of a capture: its bytes as steps.
type taken struct {
	scenario.Scenario
	last  int64
	bytes int
	gaps  uint64
	reset bool
}

func (s *taken) step(dir timeline.Direction, at timeline.Stamp, step scenario.Step) {
	step.Dir = dir
	if s.last != 0 {
		step.Wait = max(0, time.Duration(at.Time-s.last)-time.Millisecond)
	}
	s.last = at.Time
	s.Steps = append(s.Steps, step)
}

func (s *taken) Data(dir timeline.Direction, at timeline.Stamp, b []byte) {
	s.bytes += len(b)
	s.step(dir, at, scenario.Step{Bytes: bytes.Clone(b)})
}

func (s *taken) Gap(_ timeline.Direction, _ timeline.Stamp, n uint64) { s.gaps += n }
func (*taken) Finding(*timeline.Finding)                              {}

func (s *taken) End(dir timeline.Direction, at timeline.Stamp, why timeline.End) {
	switch {
	case why == timeline.EndFIN:
		s.step(dir, at, scenario.Step{FIN: true})
	case why == timeline.EndReset && !s.reset: // the second is the other direction of the same RST
		s.reset = true
		s.step(dir, at, scenario.Step{RST: true})
	}
}

// take cuts a capture into its connections, by the number of their transport.
func take(t *testing.T, file string) map[uint64]*taken {
	t.Helper()
	in, err := capture.Open([]string{file}, capture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	streams := map[uint64]*taken{}
	tracker := reassembly.New(func(tr *timeline.Transport) timeline.Stream {
		s := &taken{Scenario: scenario.Scenario{Name: fmt.Sprint(tr.Client), Midstream: tr.Midstream}}
		streams[tr.ID] = s
		return s
	}, timeline.Limits{})
	var p capture.Packet
	for {
		if err := in.Next(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		tracker.Packet(&p)
	}
	tracker.Flush()
	return streams
}

// apart is a Sink that writes every connection down for itself.
type apart struct {
	timeline.Nop
	of map[uint64]*scenario.Recorder
}

func (a *apart) on(c *timeline.Conn) *scenario.Recorder {
	r := a.of[c.Transport.ID]
	if r == nil {
		r = &scenario.Recorder{Frames: true}
		a.of[c.Transport.ID] = r
	}
	return r
}

func (*apart) Needs(*timeline.Conn) timeline.Needs {
	return timeline.Needs{Payload: true, Frames: true}
}
func (a *apart) Open(c *timeline.Conn)                     { a.on(c).Open(c) }
func (a *apart) Frame(f *timeline.Frame)                   { a.on(f.Conn).Frame(f) }
func (a *apart) Message(m *timeline.Message)               { a.on(m.Conn).Message(m) }
func (a *apart) Close(c *timeline.Conn, at timeline.Stamp) { a.on(c).Close(c, at) }
func (a *apart) Finding(f *timeline.Finding) {
	if f.Conn != nil {
		a.on(f.Conn).Finding(f)
	}
}

// told runs everything over packets and returns the story of each connection,
// but for what depends on packets.
func told(t *testing.T, src capture.Source) map[uint64][]string {
	t.Helper()
	sink := &apart{of: map[uint64]*scenario.Recorder{}}
	if err := pipeline.Run(context.Background(), src, sink, pipeline.Options{}); err != nil {
		t.Fatal(err)
	}
	stories := map[uint64][]string{}
	for id, r := range sink.of {
		stories[id] = without(r.Lines, "finding tcp/", "finding capture/duplicate")
	}
	return stories
}

// first returns the story of the connection that began first.
func first(stories map[uint64][]string) []string {
	if len(stories) == 0 {
		return nil
	}
	return stories[slices.Min(slices.Collect(maps.Keys(stories)))]
}

// smallFixture is how many bytes a capture has at most that is played again.
const smallFixture = 200_000

// long asks for every disguise of every fixture, and for more random streams. .ci/run
// sets it; the package takes three times as long then.
var long = os.Getenv("WSDUMP_LONG") != ""

// TestFixturesInDisguise takes the bytes of every connection of the small captures and
// puts them on the wire anew, in disguise: the events must be those of the capture. With
// WSDUMP_LONG each connection has every disguise, else two, so that all have their turn.
func TestFixturesInDisguise(t *testing.T) {
	files, err := filepath.Glob("../../testdata/pcaps/*.pcap*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures: %v", err)
	}
	played, events := 0, 0
	for _, file := range files {
		name := filepath.Base(file)
		if info, err := os.Stat(file); err != nil || info.Size() > smallFixture || strings.HasPrefix(name, "tls") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			in, err := capture.Open([]string{file}, capture.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			stories := told(t, in)
			connections := take(t, file)
			for _, id := range slices.Sorted(maps.Keys(connections)) {
				s := connections[id]
				if s.gaps > 0 {
					t.Fatalf("%s: %d bytes are missing in a fixture", s.Name, s.gaps)
				}
				want := stories[id]
				if want == nil && len(stories) == 1 && name == "nat-any.pcap" {
					for _, shown := range stories { // what is hidden as a copy tells the same when it is alone
						want = shown
					}
				}
				played++
				events += len(stories[id])
				disguises := scenario.Disguises()
				if i := 2 * played % len(disguises); !long {
					disguises = disguises[i : i+2]
				}
				for _, d := range append(disguises, scenario.Disguise{Name: "plain"}) {
					if !long && s.bytes > 20_000 && d.MaxPiece > 0 {
						continue
					}
					got := told(t, &scenario.Source{Packets: s.Packets(d)})
					if diff := cmp.Diff(want, first(got)); diff != "" {
						t.Errorf("%s, %s (-capture +disguise):\n%s", s.Name, d.Name, diff)
					}
				}
			}
		})
	}
	t.Logf("%d connections, %d events", played, events)
	if played < 50 || events < 1000 {
		t.Errorf("only %d connections with %d events were played", played, events)
	}
}
