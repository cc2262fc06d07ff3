// Package progress shows how far a long run is: a [Bar] while files are read, a
// [Status] line while an interface is captured.
package progress

import (
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/wsdump/wsdump/capture"
)

// barAfter is how long a run takes before the bar appears.
const barAfter = 2 * time.Second

// Bar shows on a terminal how much of the input was read, how fast, and how long
// the rest will take. Several sources may be read at once.
type Bar struct {
	terminal io.Writer
	total    int64
	began    time.Time

	mu   sync.Mutex
	read int64
	bar  *progressbar.ProgressBar // nil: it has not appeared yet
}

// NewBar returns a Bar for an input of total bytes.
func NewBar(terminal io.Writer, total int64) *Bar {
	return &Bar{terminal: terminal, total: total, began: time.Now()}
}

// Around returns src with its packets counted.
func (b *Bar) Around(src capture.Source) capture.Source { return &counting{Source: src, bar: b} }

// counting is a source whose packets are counted.
type counting struct {
	capture.Source
	bar     *Bar
	bytes   int64  // not added to the bar yet
	packets uint64 // likewise
}

// Next implements [capture.Source].
func (c *counting) Next(packet *capture.Packet) error {
	err := c.Source.Next(packet)
	c.count(&capture.Passed{}, packet, err)
	return err
}

// Sift implements [capture.Sifter].
func (c *counting) Sift(packet *capture.Packet, s *capture.Sieve) error {
	sifter, is := c.Source.(capture.Sifter)
	if !is {
		s.Passed = capture.Passed{}
		return c.Next(packet)
	}
	err := sifter.Sift(packet, s)
	c.count(&s.Passed, packet, err)
	return err
}

// count counts packets that were skipped, and the one after them unless there is
// an error instead.
func (c *counting) count(passed *capture.Passed, packet *capture.Packet, err error) {
	packets, bytes := passed.Packets, passed.Bytes
	if err == nil {
		packets++
		bytes += uint64(len(packet.Data))
	}
	c.packets += packets
	c.bytes += int64(bytes + 16*packets)
	if c.packets >= 1024 || err != nil {
		c.bar.add(c.bytes)
		c.bytes, c.packets = 0, 0
	}
}

// add shows that so many bytes more were read.
func (b *Bar) add(bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.read += bytes
	if b.bar == nil {
		if time.Since(b.began) < barAfter {
			return
		}
		b.bar = progressbar.NewOptions64(b.total,
			progressbar.OptionSetWriter(b.terminal), progressbar.OptionSetDescription("reading"), progressbar.OptionShowBytes(true),
			progressbar.OptionThrottle(200*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(true),
		)
	}
	_ = b.bar.Set64(min(b.read, max(0, b.total-1))) // a bar that cannot be drawn is no error
}

// Done removes the bar from the terminal.
func (b *Bar) Done() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bar != nil {
		_ = b.bar.Clear()
	}
}
