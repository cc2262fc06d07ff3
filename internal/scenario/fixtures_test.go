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

// extracted is one TCP connection of a capture: its bytes as steps.
type extracted struct {
	scenario.Scenario
	last  int64
	bytes int
	gaps  uint64
	reset bool
}

func (s *extracted) step(dir timeline.Direction, at timeline.Stamp, step scenario.Step) {
	step.Dir = dir
	if s.last != 0 {
		step.Wait = max(0, time.Duration(at.Time-s.last)-time.Millisecond)
	}
	s.last = at.Time
	s.Steps = append(s.Steps, step)
}

func (s *extracted) Data(dir timeline.Direction, at timeline.Stamp, b []byte) {
	s.bytes += len(b)
	s.step(dir, at, scenario.Step{Bytes: bytes.Clone(b)})
}

func (s *extracted) Gap(_ timeline.Direction, _ timeline.Stamp, n uint64) { s.gaps += n }
func (*extracted) Finding(*timeline.Finding)                              {}

func (s *extracted) End(dir timeline.Direction, at timeline.Stamp, why timeline.End) {
	switch {
	case why == timeline.EndFIN:
		s.step(dir, at, scenario.Step{FIN: true})
	case why == timeline.EndReset && !s.reset: // the second is the other direction of the same RST
		s.reset = true
		s.step(dir, at, scenario.Step{RST: true})
	}
}

// extract returns the connections of a capture, by the ID of their transport.
func extract(t *testing.T, file string) map[uint64]*extracted {
	t.Helper()
	in, err := capture.Open([]string{file}, capture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	streams := map[uint64]*extracted{}
	tracker := reassembly.New(func(tr *timeline.Transport) timeline.Stream {
		s := &extracted{Scenario: scenario.Scenario{Name: fmt.Sprint(tr.Client), Midstream: tr.Midstream}}
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

// separate is a Sink with a Recorder for each transport.
type separate struct {
	timeline.Nop
	of map[uint64]*scenario.Recorder
}

func (a *separate) on(c *timeline.Conn) *scenario.Recorder {
	r := a.of[c.Transport.ID]
	if r == nil {
		r = &scenario.Recorder{Frames: true}
		a.of[c.Transport.ID] = r
	}
	return r
}

func (*separate) Needs(*timeline.Conn) timeline.Needs {
	return timeline.Needs{Payload: true, Frames: true}
}
func (a *separate) Open(c *timeline.Conn)                     { a.on(c).Open(c) }
func (a *separate) Frame(f *timeline.Frame)                   { a.on(f.Conn).Frame(f) }
func (a *separate) Message(m *timeline.Message)               { a.on(m.Conn).Message(m) }
func (a *separate) Close(c *timeline.Conn, at timeline.Stamp) { a.on(c).Close(c, at) }
func (a *separate) Finding(f *timeline.Finding) {
	if f.Conn != nil {
		a.on(f.Conn).Finding(f)
	}
}

// replay runs the pipeline over packets, and returns the events of each transport except
// those that depend on the packets.
func replay(t *testing.T, src capture.Source) map[uint64][]string {
	t.Helper()
	sink := &separate{of: map[uint64]*scenario.Recorder{}}
	if err := pipeline.Run(context.Background(), src, sink, pipeline.Options{}); err != nil {
		t.Fatal(err)
	}
	events := map[uint64][]string{}
	for id, r := range sink.of {
		events[id] = without(r.Lines, "finding tcp/", "finding capture/duplicate")
	}
	return events
}

// first returns the events of the transport that began first.
func first(events map[uint64][]string) []string {
	if len(events) == 0 {
		return nil
	}
	return events[slices.Min(slices.Collect(maps.Keys(events)))]
}

// smallFixture bounds the size in bytes of a capture that is replayed.
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
	played, count := 0, 0
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
			events := replay(t, in)
			connections := extract(t, file)
			for _, id := range slices.Sorted(maps.Keys(connections)) {
				s := connections[id]
				if s.gaps > 0 {
					t.Fatalf("%s: %d bytes are missing in a fixture", s.Name, s.gaps)
				}
				want := events[id]
				if want == nil && len(events) == 1 && name == "nat-any.pcap" {
					for _, shown := range events { // what is hidden as a copy tells the same when it is alone
						want = shown
					}
				}
				played++
				count += len(events[id])
				disguises := scenario.Disguises()
				if i := 2 * played % len(disguises); !long {
					disguises = disguises[i : i+2]
				}
				for _, d := range append(disguises, scenario.Disguise{Name: "plain"}) {
					if !long && s.bytes > 20_000 && d.MaxPiece > 0 {
						continue
					}
					got := replay(t, &scenario.Source{Packets: s.Packets(d)})
					if diff := cmp.Diff(want, first(got)); diff != "" {
						t.Errorf("%s, %s (-capture +disguise):\n%s", s.Name, d.Name, diff)
					}
				}
			}
		})
	}
	t.Logf("%d connections, %d events", played, count)
	if played < 50 || count < 1000 {
		t.Errorf("only %d connections with %d events were played", played, count)
	}
}
