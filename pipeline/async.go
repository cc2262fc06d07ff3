package pipeline

import (
	"fmt"
	"runtime/debug"

	"github.com/wsdump/wsdump/timeline"
)

// Apart is a sink that lets another one work in a goroutine of its own, so that
// reading and printing share two processors. The other one hears the same calls
// in the same order, a little later.
//
// Theory of operation. An [author] writes down the calls; a full batch goes to
// the other goroutine, and comes back empty. There are a few tellings, which
// bounds the memory and how far the sink may be behind. Only Needs is answered
// at once, in the reader's goroutine, by a function that must not touch what the
// sink changes.
type Apart struct {
	author
	sink  timeline.Sink
	needs func(*timeline.Conn) timeline.Needs
	free  chan *telling
	full  chan *telling
	over  chan struct{} // closed when the sink has heard all
	panic any           // of the sink, to be read when over is closed
}

// aloneSize and aloneBinary are how large a payload may be that is copied. For a
// larger one the sink is waited for, and told at once: nobody shows binary payload
// at a greater cost than that of copying it.
const (
	aloneSize   = 1 << 20
	aloneBinary = 16 << 10
)

// NewApart returns such a sink before sink. needs answers [timeline.Sink.Needs].
// Done waits until sink has heard everything.
func NewApart(sink timeline.Sink, needs func(*timeline.Conn) timeline.Needs) *Apart {
	a := &Apart{sink: sink, needs: needs, free: make(chan *telling, tellings), full: make(chan *telling, tellings), over: make(chan struct{})}
	a.author = newAuthor(func(b *telling) *telling {
		a.full <- b
		return <-a.free
	})
	for range tellings - 1 {
		a.free <- &telling{}
	}
	go a.work()
	return a
}

// work tells the sink.
func (a *Apart) work() {
	defer close(a.over)
	var b *telling
	defer func() {
		if what := recover(); what != nil {
			a.panic = fmt.Sprintf("%v\n%s", what, debug.Stack())
			a.free <- b
			for b := range a.full { // the reader must not wait for us
				a.free <- b
			}
		}
	}()
	for b = range a.full {
		b.tell(a.sink, false)
		b.empty()
		a.free <- b
	}
}

// alone waits until the sink has heard everything so far.
func (a *Apart) alone() {
	if len(a.batch.calls) > 0 {
		a.pass()
	}
	allTold(a.free)
}

// allTold waits until all batches but the one at hand came back.
func allTold(free chan *telling) {
	var idle [tellings - 1]*telling
	for i := range idle {
		idle[i] = <-free
	}
	for _, b := range idle {
		free <- b
	}
}

// Needs answers at once.
func (a *Apart) Needs(c *timeline.Conn) timeline.Needs { return a.needs(c) }

// Frame implements [timeline.Sink].
func (a *Apart) Frame(f *timeline.Frame) {
	if len(f.Payload) <= aloneSize {
		a.author.Frame(f)
		return
	}
	a.alone()
	mine := *f
	mine.Conn = &a.of(f.Conn).now.conn
	a.sink.Frame(&mine)
}

// Message implements [timeline.Sink].
func (a *Apart) Message(m *timeline.Message) {
	if len(m.Payload) <= aloneBinary || m.Text && len(m.Payload) <= aloneSize {
		a.author.Message(m)
		return
	}
	a.alone()
	mine := *m
	mine.Conn = &a.of(m.Conn).now.conn
	a.sink.Message(&mine)
}

// Done tells what is left and waits for the sink. What it panicked with is
// panicked with here.
func (a *Apart) Done(t *timeline.Totals) {
	a.author.Done(t)
	close(a.full)
	<-a.over
	if a.panic != nil {
		panic(a.panic)
	}
}
