package progress

import (
	"fmt"
	"io"
	"os"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wsdump/wsdump/capture/live"
	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/timeline"
)

// Status counts what a live capture sees, for its user: as a line on a terminal,
// and as a line for each SIGUSR1. It is a sink whose counts may be read at any time.
type Status struct {
	timeline.Nop
	// Blind: packets are only written, so that there are no connections to count.
	Blind bool

	ring  *live.Ring
	lag   func() time.Duration // of the view behind the ring
	began time.Time

	conns, open, messages, findings atomic.Uint64

	packets uint64 // at the last line
	at      time.Time
}

// NewStatus returns a Status of ring. lag returns how far the view is behind it.
func NewStatus(ring *live.Ring, lag func() time.Duration) *Status {
	now := time.Now()
	return &Status{ring: ring, lag: lag, began: now, at: now}
}

// Open implements [timeline.Sink].
func (s *Status) Open(*timeline.Conn) {
	s.conns.Add(1)
	s.open.Add(1)
}

// Message implements [timeline.Sink].
func (s *Status) Message(*timeline.Message) { s.messages.Add(1) }

// Finding implements [timeline.Sink].
func (s *Status) Finding(*timeline.Finding) { s.findings.Add(1) }

// Close implements [timeline.Sink].
func (s *Status) Close(*timeline.Conn, timeline.Stamp) { s.open.Add(^uint64(0)) }

// line says how far the capture is. Its rate is that since the line before.
func (s *Status) line(now time.Time) string {
	stats := s.ring.Stats()
	seconds := now.Sub(s.at).Seconds()
	rate := uint64(0)
	if seconds > 0 {
		rate = uint64(float64(stats.Packets-s.packets) / seconds)
	}
	s.packets, s.at = stats.Packets, now
	text := fmt.Sprintf("%s: %s, %d/s", now.Sub(s.began).Round(time.Second), console.Count(stats.Packets, "packet"), rate)
	if !s.Blind {
		text += fmt.Sprintf(", %s (%d open), %s, %s",
			console.Count(s.conns.Load(), "connection"), s.open.Load(), console.Count(s.messages.Load(), "message"), console.Count(s.findings.Load(), "finding"))
	}
	text += fmt.Sprintf(", %d dropped, %d MiB", stats.Dropped, Memory()>>20)
	if lag := s.lag(); lag >= time.Second {
		text += ", the view is " + lag.Round(100*time.Millisecond).String() + " behind"
	}
	return text
}

// lineEvery is how often the line on a terminal is written.
const lineEvery = time.Second

// Show writes a line to words for each SIGUSR1, and one a second over itself on
// terminal, unless that is nil. The function that it returns ends that, once.
func (s *Status) Show(words *console.Console, terminal io.Writer) (stop func()) {
	asked := make(chan os.Signal, 1)
	ignore := onStatusSignal(asked)
	done, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		const clear = "\r\x1b[K"
		var tick <-chan time.Time
		if terminal != nil {
			ticker := time.NewTicker(lineEvery)
			defer ticker.Stop()
			tick = ticker.C
			defer fmt.Fprint(terminal, clear)
		}
		for {
			select {
			case <-done:
				return
			case now := <-tick:
				fmt.Fprint(terminal, clear+s.line(now))
			case <-asked:
				text := s.line(time.Now())
				if terminal != nil {
					fmt.Fprint(terminal, clear)
				}
				console.New(words.W).Say(text) // the user asked for it, so -q does not matter
			}
		}
	}()
	return sync.OnceFunc(func() {
		ignore()
		close(done)
		<-over
	})
}

// Memory returns the bytes that the process has from the system, without the ring.
func Memory() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64() - sample[1].Value.Uint64()
}
