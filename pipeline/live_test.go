package pipeline_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/internal/scenario"
	"github.com/wsdump/wsdump/pipeline"
	"github.com/wsdump/wsdump/timeline"
)

func packetsFor(t *testing.T, text string) []capture.Packet {
	t.Helper()
	s, err := scenario.Parse("test", text)
	if err != nil {
		t.Fatal(err)
	}
	return s.Packets(scenario.Disguise{})
}

// stamped keeps rows with their stamps.
type stamped struct {
	scenario.Recorder
	finding func(f *timeline.Finding)
	message func()
}

func (s *stamped) Finding(f *timeline.Finding) {
	s.Recorder.Finding(f)
	s.stamp(f.At)
	if s.finding != nil {
		s.finding(f)
	}
}

func (s *stamped) Message(m *timeline.Message) {
	s.Recorder.Message(m)
	s.stamp(m.Last)
	if s.message != nil {
		s.message()
	}
}

func (s *stamped) Close(c *timeline.Conn, at timeline.Stamp) {
	s.Recorder.Close(c, at)
	s.stamp(at)
}

func (s *stamped) stamp(at timeline.Stamp) {
	s.Lines[len(s.Lines)-1] += fmt.Sprintf(" at %d %d", at.Packet, at.Time)
}

// TestLiveClock: timeouts fire while a live source is quiet, with the stamps that the
// same packets have in a file.
func TestLiveClock(t *testing.T) {
	for _, test := range []struct {
		name, text, rule string
		limits           timeline.Limits
	}{
		{"pong", "C> upgrade /\nS> 101\nC> ping \"1\"\nwait 3s\nS> ping \"2\"\nwait 30s\nS> text \"x\"\n", "ws/pong-missing", timeline.Limits{}},
		{"idle", "C> upgrade /\nS> 101\nC> text \"x\"\nwait 300s\nS> text \"y\"\n", "", timeline.Limits{Idle: 20 * time.Second}},
	} {
		all := packetsFor(t, test.text)
		want := &stamped{}
		if err := pipeline.Run(t.Context(), &scenario.Source{Packets: all}, want, pipeline.Options{Limits: test.limits}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		last := len(all) - 1
		for all[last].Time-all[last-1].Time < int64(time.Second) {
			last--
		}
		goOn, passed, once := make(chan struct{}), &atomic.Int64{}, &sync.Once{}
		got := &stamped{}
		got.finding = func(f *timeline.Finding) {
			if f.Rule.ID == test.rule && f.Dir == timeline.ServerToClient {
				once.Do(func() { close(goOn) })
			}
		}
		src := &slow{&scenario.Source{Packets: all}, ctx, map[uint64]chan struct{}{uint64(last) + 1: goOn}}
		steps := 0
		err := pipeline.Run(ctx, src, &onClose{got, func() {
			if test.rule == "" {
				once.Do(func() { close(goOn) })
			}
		}}, pipeline.Options{Limits: test.limits, Tick: time.Millisecond, Clock: func() int64 {
			if steps++; steps > 5 { // a little at a time
				passed.Add(int64(7 * time.Second))
			}
			return min(all[last-1].Time+passed.Load(), all[last].Time-1)
		}})
		cancel()
		if err != nil {
			t.Fatalf("%s: %v: no timeout fired: %q", test.name, err, got.Lines)
		}
		if !slices.Equal(got.Lines, want.Lines) {
			t.Errorf("%s: live\n%s\nfrom a file\n%s", test.name, strings.Join(got.Lines, "\n"), strings.Join(want.Lines, "\n"))
		}
	}
}

// onClose calls closed when a connection closes.
type onClose struct {
	*stamped
	closed func()
}

func (c *onClose) Close(conn *timeline.Conn, at timeline.Stamp) {
	c.stamped.Close(conn, at)
	c.closed()
}

// messages is a conversation of n messages.
func messages(n int) string {
	var b strings.Builder
	b.WriteString("C> upgrade /\nS> 101\n")
	for i := range n {
		fmt.Fprintf(&b, "S> text \"%d\"\n", i)
	}
	return b.String()
}

// lossy adds notes: before some packets, others were lost.
type lossy struct {
	capture.Source
	notes *pipeline.Notes
	lost  map[uint64]uint64
	ended func()
}

func (l *lossy) Next(p *capture.Packet) error {
	given := p.FilePacket
	if n := l.lost[given]; n > 0 {
		l.notes.Add(capture.Note{Kind: capture.NoteDropped, FilePacket: given, N: n})
	}
	err := l.Source.Next(p)
	p.FilePacket = p.Number
	if err == io.EOF && l.ended != nil {
		l.ended()
	}
	return err
}

// TestLossInItsPlace: a loss is emitted between the packets that it lies between,
// however far ahead of them the source is.
func TestLossInItsPlace(t *testing.T) {
	all := packetsFor(t, messages(50))
	notes := &pipeline.Notes{}
	ended := make(chan struct{})
	src := &lossy{&scenario.Source{Packets: all}, notes, map[uint64]uint64{20: 7, 40: 5}, func() { close(ended) }}
	got := &stamped{}
	got.message = func() { <-ended } // nothing is emitted before all is read
	if err := pipeline.Run(t.Context(), src, got, pipeline.Options{Tick: time.Millisecond, Notes: notes}); err != nil {
		t.Fatal(err)
	}
	var places []uint64
	for _, line := range got.Lines {
		var at, ns uint64
		if n, _ := fmt.Sscanf(line, "finding capture/dropped at %d %d", &at, &ns); n == 2 {
			places = append(places, at)
		}
	}
	if !slices.Equal(places, []uint64{20, 40}) || got.Totals.Dropped != 12 {
		t.Errorf("emitted behind packets %v, want 20 and 40; %d lost in all\n%s", places, got.Totals.Dropped, strings.Join(got.Lines, "\n"))
	}
}

// TestTheViewMayLag: a slow sink does not keep the source waiting; what it cannot
// take is counted.
func TestTheViewMayLag(t *testing.T) {
	all := packetsFor(t, messages(1000))
	notes := &pipeline.Notes{}
	ended := make(chan struct{})
	src := &lossy{Source: &scenario.Source{Packets: all}, notes: notes, ended: func() { close(ended) }}
	got := &stamped{}
	var emitting atomic.Int64
	atPacket := 0 // calls while packets were read
	got.message = func() {
		select {
		case <-ended:
		case <-time.After(time.Minute):
			t.Error("the source waits for the sink")
		}
		switch at := emitting.Load(); {
		case at >= all[0].Time && at <= all[len(all)-1].Time:
			atPacket++
		case at != 0: // what waited behind a loss is emitted at the end, when there is no packet
			t.Errorf("the sink is at %d, and packets are from %d to %d", at, all[0].Time, all[len(all)-1].Time)
		}
	}
	err := pipeline.Run(t.Context(), src, got, pipeline.Options{Tick: time.Millisecond, Notes: notes, MaxQueued: 50_000, Emitting: &emitting})
	if err != nil {
		t.Fatal(err)
	}
	if atPacket == 0 {
		t.Error("Emitting was never set to a packet")
	}
	if got.Totals.Dropped == 0 || got.Totals.Dropped+got.Totals.Packets != uint64(len(all)) {
		t.Errorf("%d packets were emitted and %d left out, of %d", got.Totals.Packets, got.Totals.Dropped, len(all))
	}
}
