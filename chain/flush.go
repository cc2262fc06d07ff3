package chain

import (
	"sync"
	"time"

	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/timeline"
)

// flusher flushes rows by the clock, so that they show while a live source waits
// for packets. Its lock protects everything behind it.
type flusher struct {
	mu     sync.Mutex
	sink   timeline.Sink
	out    report.Output
	failed func() // nobody can read the rows any more, and a live run would go on for ever; nil: nothing is done
	dirty  bool   // something came since the last flush
	over   bool   // Done was called
}

// every flushes after each period. The function that it returns ends that.
func (f *flusher) every(period time.Duration) (stop func()) {
	done := make(chan struct{})
	go func() {
		ticker := time.NewTicker(period)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				f.flush()
			}
		}
	}()
	return func() { close(done) }
}

// flush writes the rows that are known.
func (f *flusher) flush() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dirty {
		f.dirty = false
		if f.out.Flush() != nil && f.failed != nil { // the output keeps its error
			f.failed()
		}
	}
}

func (f *flusher) lock() (unlock func()) {
	f.mu.Lock()
	f.dirty = true
	return f.mu.Unlock
}

func (f *flusher) Begin(at timeline.Stamp) {
	defer f.lock()()
	f.sink.Begin(at)
}

// Needs takes no lock: the answer does not depend on what the clock changes.
func (f *flusher) Needs(c *timeline.Conn) timeline.Needs { return f.sink.Needs(c) }

func (f *flusher) Open(c *timeline.Conn) {
	defer f.lock()()
	f.sink.Open(c)
}

func (f *flusher) Frame(frame *timeline.Frame) {
	defer f.lock()()
	f.sink.Frame(frame)
}

func (f *flusher) Message(m *timeline.Message) {
	defer f.lock()()
	f.sink.Message(m)
}

func (f *flusher) Finding(finding *timeline.Finding) {
	defer f.lock()()
	f.sink.Finding(finding)
}

func (f *flusher) Close(c *timeline.Conn, at timeline.Stamp) {
	defer f.lock()()
	f.sink.Close(c, at)
}

func (f *flusher) Other(o *timeline.Other) {
	defer f.lock()()
	f.sink.Other(o)
}

func (f *flusher) Done(t *timeline.Totals) {
	defer f.lock()()
	f.over = true
	f.sink.Done(t)
}
