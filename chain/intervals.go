package chain

import (
	"time"

	"github.com/wsdump/wsdump/capture/live"
	"github.com/wsdump/wsdump/report/statistics"
	"github.com/wsdump/wsdump/timeline"
)

// intervals counts what passes between two lines of figures. The flusher before it
// holds a lock during all calls, and during the printing of a line.
type intervals struct {
	timeline.Sink
	out  intervalOutput
	now  statistics.Interval
	last live.Stats
}

// intervalOutput prints lines of figures.
type intervalOutput interface{ Interval(*statistics.Interval) }

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
func (i *intervals) print(stats live.Stats, now time.Time) {
	i.now.Length, i.now.At = now.Sub(i.now.At), now
	i.now.Packets, i.now.Dropped = stats.Packets-i.last.Packets, stats.Dropped-i.last.Dropped
	i.out.Interval(&i.now)
	i.last, i.now = stats, statistics.Interval{At: now, Open: i.now.Open}
}

// every prints a line after each period. The function that it returns ends that.
func (i *intervals) every(period time.Duration, ring *live.Ring, lock *flusher) (stop func()) {
	done := make(chan struct{})
	i.now.At = time.Now()
	go func() {
		ticker := time.NewTicker(period)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case now := <-ticker.C:
				lock.mu.Lock()
				if !lock.over {
					i.print(ring.Stats(), now)
				}
				lock.mu.Unlock()
			}
		}
	}()
	return func() { close(done) }
}
