package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wsdump/wsdump/capture/live"
	"github.com/wsdump/wsdump/timeline"
)

// status counts what passes, for who looks on a long run: a line on a terminal,
// and one for SIGUSR1. It is a Sink, and its counts may be read at any time.
type status struct {
	timeline.Sink
	ring  *live.Ring
	began time.Time

	lag   func() time.Duration // that the view is behind
	blind bool                 // packets are only written, and nobody looks into them

	conns, open, messages, findings atomic.Uint64

	packets uint64 // when the line was written last
	at      time.Time
}

func (s *status) Open(c *timeline.Conn) {
	s.conns.Add(1)
	s.open.Add(1)
	s.Sink.Open(c)
}

func (s *status) Message(m *timeline.Message) {
	s.messages.Add(1)
	s.Sink.Message(m)
}

func (s *status) Finding(f *timeline.Finding) {
	s.findings.Add(1)
	s.Sink.Finding(f)
}

func (s *status) Close(c *timeline.Conn, at timeline.Stamp) {
	s.open.Add(^uint64(0))
	s.Sink.Close(c, at)
}

// watch returns sink, which may be nil, with a status around it, for what is live,
// and how to stop showing that.
func (in *input) watch(sink timeline.Sink, view *viewFlags, words *console, stdout, stderr io.Writer) (_ timeline.Sink, stop func()) {
	if in.ring == nil {
		return sink, func() {}
	}
	now := time.Now()
	s := &status{Sink: sink, ring: in.ring, lag: in.lag, began: now, at: now, blind: sink == nil}
	terminal := isTerminalWriter(stderr) && !view.quiet && (view.output != "" || view.keep.alone || !isTerminalWriter(stdout))
	return s, sync.OnceFunc(s.show(words, stderr, terminal))
}

// line tells how far it is. The rate is that since the line before.
func (s *status) line(now time.Time) string {
	stats := s.ring.Stats()
	seconds := now.Sub(s.at).Seconds()
	rate := uint64(0)
	if seconds > 0 {
		rate = uint64(float64(stats.Packets-s.packets) / seconds)
	}
	s.packets, s.at = stats.Packets, now
	text := fmt.Sprintf("%s: %s, %d/s", now.Sub(s.began).Round(time.Second), counted(stats.Packets, "packet"), rate)
	if !s.blind {
		text += fmt.Sprintf(", %s (%d open), %s, %s",
			counted(s.conns.Load(), "connection"), s.open.Load(), counted(s.messages.Load(), "message"), counted(s.findings.Load(), "finding"))
	}
	text += fmt.Sprintf(", %d dropped, %d MiB", stats.Dropped, fromSystem()>>20)
	if lag := s.lag(); lag >= time.Second {
		text += ", the view is " + lag.Round(100*time.Millisecond).String() + " behind"
	}
	return text
}

func counted(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.FormatUint(n, 10) + " " + what + "s"
}

// statusEvery is how often the line on a terminal is written.
const statusEvery = time.Second

// show writes the line for SIGUSR1, and every second on a terminal where no rows
// are written. It returns how to stop.
func (s *status) show(words *console, stderr io.Writer, terminal bool) (stop func()) {
	asked := make(chan os.Signal, 1)
	forget := onStatusSignal(asked)
	done, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		var tick <-chan time.Time
		if terminal {
			ticker := time.NewTicker(statusEvery)
			defer ticker.Stop()
			tick = ticker.C
			defer fmt.Fprint(stderr, "\r\x1b[K")
		}
		for {
			select {
			case <-done:
				return
			case now := <-tick:
				fmt.Fprint(stderr, "\r\x1b[K"+s.line(now))
			case <-asked:
				text := s.line(time.Now())
				if terminal {
					fmt.Fprint(stderr, "\r\x1b[K")
				}
				(&console{w: words.w}).say(text) // it was asked for, -q or not
			}
		}
	}()
	return func() {
		forget()
		close(done)
		<-over
	}
}
