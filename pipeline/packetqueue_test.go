package pipeline_test

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/dissect/tls"
	"github.com/wsdump/wsdump/internal/scenario"
	"github.com/wsdump/wsdump/pipeline"
	"github.com/wsdump/wsdump/timeline"
)

// slow is a source that falls silent at some packets until it is let go on.
type slow struct {
	capture.Source
	ctx   context.Context
	stops map[uint64]chan struct{}
}

func (s *slow) Next(p *capture.Packet) error {
	if err := s.Source.Next(p); err != nil {
		return err
	}
	if c, ok := s.stops[p.Number]; ok {
		select {
		case <-c:
		case <-s.ctx.Done():
			return s.ctx.Err()
		}
	}
	return nil
}

// TestPacketQueue: a source that is read through a queue gives the same rows.
func TestPacketQueue(t *testing.T) {
	for _, name := range []string{"chat.pcap", "megabyte.pcap", "services.pcap", "closes.pcap"} {
		if _, err := os.Stat(fixtures + name); err != nil {
			continue
		}
		var rows [2][]string
		for i, tick := range []time.Duration{0, time.Millisecond} {
			r := &scenario.Recorder{Frames: true}
			src := &scenario.Source{Packets: packetsOf(t, fixtures+name)}
			if err := pipeline.Run(t.Context(), src, r, pipeline.Options{Tick: tick}); err != nil {
				t.Fatal(err)
			}
			rows[i] = r.Lines
		}
		if !slices.Equal(rows[0], rows[1]) {
			t.Errorf("%s: through a queue\n%q\nelse\n%q", name, rows[1], rows[0])
		}
	}
}

// TestKeysThatComeLate: rows appear when their keys do, during the connection
// or after it, while the source is silent, and with the stamps of their packets.
func TestKeysThatComeLate(t *testing.T) {
	text, err := os.ReadFile(fixtures + "tls-node.keys")
	if err != nil {
		t.Skip("the fixture is not here")
	}
	all := packetsOf(t, fixtures+"tls-node.pcap")
	want := watch(t, fixtures+"tls-node.pcap")
	for _, at := range []uint64{10, uint64(len(all) / 2), uint64(len(all))} {
		go1, seen := make(chan struct{}), &signals{opened: make(chan struct{})}
		given := false
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		src := &slow{&scenario.Source{Packets: all}, ctx, map[uint64]chan struct{}{at: go1}}
		go func() {
			<-seen.opened // while the source waits
			close(go1)
		}()
		err := pipeline.Run(ctx, src, seen, pipeline.Options{
			Tick: time.Millisecond,
			MoreKeys: func(k *tls.Keys) bool {
				if given || seen.ticks < 20 {
					seen.ticks++
					return false
				}
				given = true
				k.AddLog(text)
				return true
			},
		})
		cancel()
		if err != nil {
			t.Fatalf("keys at packet %d: %v", at, err)
		}
		if len(seen.conns) != 1 || len(seen.conns[0].events) != len(want.conns[0].events) || seen.conns[0].conn.Opened != want.conns[0].conn.Opened {
			t.Errorf("keys at packet %d: %+v", at, seen.conns)
		}
		if len(seen.others) != 0 {
			t.Errorf("keys at packet %d: emitted as other traffic too", at)
		}
	}
}

// signals closes a channel when a connection opens.
type signals struct {
	watcher
	opened chan struct{}
	ticks  int
	others []string
}

func (s *signals) Open(c *timeline.Conn) {
	s.watcher.Open(c)
	close(s.opened)
}
func (s *signals) Other(o *timeline.Other) { s.others = append(s.others, o.Kind) }

// TestKeysThatNeverCome: a connection is emitted as TLS when keys would come too late.
func TestKeysThatNeverCome(t *testing.T) {
	all := packetsOf(t, fixtures+"tls-nokeys.pcap")
	late := capture.Packet{Number: uint64(len(all) + 1), Time: all[len(all)-1].Time + int64(time.Hour), Link: all[0].Link}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	src := &slow{&scenario.Source{Packets: append(all, late)}, ctx, map[uint64]chan struct{}{}}
	seen := &signals{opened: make(chan struct{})}
	err := pipeline.Run(ctx, &endless{src, ctx}, seen, pipeline.Options{Tick: time.Millisecond, MoreKeys: func(*tls.Keys) bool {
		if len(seen.others) == 1 {
			cancel()
		}
		return false
	}})
	if len(seen.others) != 1 || seen.others[0] != "tls" || !errors.Is(err, context.Canceled) {
		t.Errorf("emitted %v, %v", seen.others, err)
	}
}

// endless is a source that is silent where another one ends.
type endless struct {
	capture.Source
	ctx context.Context
}

func (s *endless) Next(p *capture.Packet) error {
	err := s.Source.Next(p)
	if errors.Is(err, io.EOF) {
		<-s.ctx.Done()
		return s.ctx.Err()
	}
	return err
}
