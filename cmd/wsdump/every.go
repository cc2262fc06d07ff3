package main

import (
	"time"

	"github.com/wsdump/wsdump/capture/live"
	"github.com/wsdump/wsdump/report/statistics"
	"github.com/wsdump/wsdump/timeline"
)

// intervals is a Sink that counts what passes between two lines of figures. What
// writes a line holds the lock of promptly, as all its calls do.
type intervals struct {
	timeline.Sink
	ring *live.Ring
	now  statistics.Interval
	last live.Stats
}

// figured is an output that prints intervals.
type figured interface{ Interval(*statistics.Interval) }

func (i *intervals) Open(c *timeline.Conn) {
	i.now.Opened++
	i.now.Open++
	i.Sink.Open(c)
}

func (i *intervals) Message(m *timeline.Message) {
	i.now.Messages[m.Dir]++
	if m.HasLength {
		i.now.Bytes[m.Dir] += m.Length
	} else {
		i.now.Bytes[m.Dir] += m.WireLength
	}
	i.Sink.Message(m)
}

func (i *intervals) Finding(f *timeline.Finding) {
	i.now.Findings[f.Severity] += max(f.Count, 1)
	i.Sink.Finding(f)
}

func (i *intervals) Close(c *timeline.Conn, at timeline.Stamp) {
	i.now.Closed++
	i.now.Open--
	i.Sink.Close(c, at)
}

// print prints what passed since the last call.
func (i *intervals) print(out figured, now time.Time) {
	stats := i.ring.Stats()
	i.now.Length, i.now.At = now.Sub(i.now.At), now
	i.now.Packets, i.now.Dropped = stats.Packets-i.last.Packets, stats.Dropped-i.last.Dropped
	out.Interval(&i.now)
	i.last, i.now = stats, statistics.Interval{At: now, Open: i.now.Open}
}

// figures prints a line of figures again and again; it returns how to stop.
func (p *promptly) figures(i *intervals, out figured, every time.Duration) (stop func()) {
	done := make(chan struct{})
	i.now.At = time.Now()
	go func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case now := <-ticker.C:
				p.mu.Lock()
				if !p.over {
					i.print(out, now)
				}
				p.mu.Unlock()
			}
		}
	}()
	return func() { close(done) }
}
