package pipeline

import (
	"fmt"
	"runtime/debug"

	"github.com/wsdump/wsdump/timeline"
)

// Async is a sink that passes its calls to another sink in a goroutine of its own, so
// that reading and printing use two processors. The other sink gets the same calls in
// the same order, a little later.
//
// Theory of operation. A [recorder] records the calls. A full batch goes to the other
// goroutine, and comes back empty. There are maxBatches of them, which bounds the
// memory and how far the sink may be behind. Only Needs is answered at once, in the
// caller's goroutine, by a function that must not touch what the sink changes.
type Async struct {
	recorder
	sink  timeline.Sink
	free  chan *batch
	full  chan *batch
	ended chan struct{} // closed when the sink has got all calls
	panic any           // of the sink; read it when ended is closed
}

// maxCopied and maxCopiedBinary are the sizes up to which a payload is copied. For a
// larger one the caller waits until the sink is idle, and calls it directly. The
// bound for binary payload is low: outputs show little of it, so a copy would cost
// more than it saves.
const (
	maxCopied       = 1 << 20
	maxCopiedBinary = 16 << 10
)

// NewAsync returns such a sink before sink. needs answers [timeline.Sink.Needs]. Done
// returns when sink has returned from its Done.
func NewAsync(sink timeline.Sink, needs func(*timeline.Conn) timeline.Needs) *Async {
	a := &Async{sink: sink, free: make(chan *batch, maxBatches), full: make(chan *batch, maxBatches), ended: make(chan struct{})}
	a.recorder = newRecorder(needs, func(b *batch) *batch {
		a.full <- b
		return <-a.free
	})
	for range maxBatches - 1 {
		a.free <- &batch{}
	}
	go a.work()
	return a
}

// work makes the calls to the sink. It runs in the other goroutine.
func (a *Async) work() {
	defer close(a.ended)
	var b *batch
	defer func() {
		if what := recover(); what != nil {
			a.panic = fmt.Sprintf("%v\n%s", what, debug.Stack())
			a.free <- b
			for b := range a.full { // the caller must not wait for us
				a.free <- b
			}
		}
	}()
	for b = range a.full {
		b.emit(a.sink, false)
		b.reset()
		a.free <- b
	}
}

// Frame implements [timeline.Sink].
func (a *Async) Frame(f *timeline.Frame) {
	if len(f.Payload) <= maxCopied {
		a.recorder.Frame(f)
		return
	}
	a.drain()
	seen := *f // for the call alone: its payload is borrowed
	seen.Conn = &a.snapshotOf(f.Conn).now.conn
	a.sink.Frame(&seen)
}

// Message implements [timeline.Sink].
func (a *Async) Message(m *timeline.Message) {
	if len(m.Payload) <= maxCopiedBinary || m.Text && len(m.Payload) <= maxCopied {
		a.recorder.Message(m)
		return
	}
	a.drain()
	seen := *m // for the call alone: its payload is borrowed
	seen.Conn = &a.snapshotOf(m.Conn).now.conn
	a.sink.Message(&seen)
}

// Done hands over what is left and waits for the sink. If the sink panicked, Done
// panics with the same.
func (a *Async) Done(t *timeline.Totals) {
	a.recorder.Done(t)
	close(a.full)
	<-a.ended
	if a.panic != nil {
		panic(a.panic)
	}
}

// drain waits until the sink has got all calls so far.
func (a *Async) drain() {
	if len(a.batch.calls) > 0 {
		a.flush()
	}
	waitForBatches(a.free)
}

// waitForBatches waits until all batches but the one at hand have come back, and
// leaves them there.
func waitForBatches(free chan *batch) {
	var idle [maxBatches - 1]*batch
	for i := range idle {
		idle[i] = <-free
	}
	for _, b := range idle {
		free <- b
	}
}
