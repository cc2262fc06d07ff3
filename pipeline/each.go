package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/dissect/tls"
	"github.com/wsdump/wsdump/timeline"
)

// Part is one of several inputs that have nothing to do with each other.
type Part struct {
	Source   capture.Source // packets numbered from 1, all of one file
	Packets  func() uint64  // how many of them were read
	Filtered func() uint64  // see [Options]
	Notes    *Notes         // what the source says besides packets; see [Notes.Split]
}

// EachOptions says how [Each] goes about it.
type EachOptions struct {
	// Workers is how many inputs are read at once. With 1 the sink is told as they
	// are read, in one goroutine.
	Workers int
	// Needs answers [timeline.Sink.Needs] for all inputs, in several goroutines at
	// once where Workers is above 1. nil asks the sink, which is then the only one.
	Needs func(*timeline.Conn) timeline.Needs
	// Memory is how many bytes of what is written down wait in memory; 0: a sixteenth
	// of what connections may take (see [timeline.Limits]), at most 32 MiB.
	Memory int64
}

// maxAhead is how many inputs may be read, or wait to be told, at once.
const maxAhead = 64

// Each tells sink of one input after the other, each as [Run] would alone: no
// connection, no key and no time crosses from one into the next. Sink hears
// Begin once for each, and Done once at the end. Connections, packets and TCP
// connections are numbered throughout. The error is that of the inputs, joined.
//
// Theory of operation. With several workers an [author] writes down each input,
// into a [story]; the caller's goroutine tells the stories to the sink in their
// order. So the sink hears the same calls whatever the number of workers is.
// Only the input that is being told may hold as much as [timeline.Limits] says.
// The others wait for their turn when they hold more than their share of an
// eighth of that.
func Each(ctx context.Context, parts []Part, sink timeline.Sink, opt Options, how EachOptions) error {
	e := &each{parts: parts, sink: sink, opt: &opt, how: &how, errs: make([]error, len(parts))}
	if e.opt.Keys == nil {
		e.opt.Keys = &tls.Keys{}
	}
	if how.Workers > 1 && len(parts) > 1 {
		e.parallel(ctx)
	} else {
		e.sequential(ctx)
	}
	e.totals.Files = opt.Files
	sink.Done(&e.totals)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.Join(e.errs...)
}

type each struct {
	parts  []Part
	sink   timeline.Sink
	opt    *Options
	how    *EachOptions
	errs   []error
	totals timeline.Totals

	stories []*story
	next    atomic.Int64

	mu   sync.Mutex
	room *sync.Cond
	turn int // the story that is being told
}

// options returns those of the i-th input.
func (e *each) options(i int) Options {
	opt := *e.opt
	opt.Notes, opt.Filtered = e.parts[i].Notes, e.parts[i].Filtered
	keys := e.opt.Keys.Clone()
	opt.Keys = keys
	if more := opt.MoreKeys; more != nil {
		opt.MoreKeys = func(*tls.Keys) bool {
			if !more(e.opt.Keys) {
				return false
			}
			keys.Add(e.opt.Keys, false)
			return true
		}
	}
	return opt
}

// before returns what the inputs told so far came to.
func (e *each) before(packets uint64) base {
	return base{packets: packets, conns: e.totals.Conns}
}

// add adds what an input came to.
func (e *each) add(i int, t *timeline.Totals, err error) {
	e.totals.Add(t)
	if !errors.Is(err, io.EOF) {
		e.errs[i] = err
	}
}

func (e *each) sequential(ctx context.Context) {
	packets := uint64(0)
	used := &tls.Keys{}
	defer func() { e.opt.Keys.Add(used, true) }()
	for i, part := range e.parts {
		if ctx.Err() != nil {
			return
		}
		sink := &partSink{Sink: e.sink, needs: e.how.Needs}
		opt := e.options(i)
		err := run(ctx, part.Source, sink, &opt, terms{base: e.before(packets)})
		used.Add(opt.Keys, true)
		opt.Keys.Forget()
		e.add(i, &sink.totals, err)
		packets += part.Packets()
	}
}

// partSink keeps the totals of one input to itself.
type partSink struct {
	timeline.Sink
	needs  func(*timeline.Conn) timeline.Needs
	totals timeline.Totals
}

// Needs asks the sink in any case: it may note what it was asked.
func (s *partSink) Needs(c *timeline.Conn) timeline.Needs {
	needs := s.Sink.Needs(c)
	if s.needs != nil {
		return s.needs(c)
	}
	return needs
}

// Done keeps t.
func (s *partSink) Done(t *timeline.Totals) { s.totals = *t }

func (e *each) parallel(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	e.room = sync.NewCond(&e.mu)
	e.stories = make([]*story, len(e.parts))
	shelf := newShelf(cmp.Or(e.how.Memory, min(int64(e.opt.Limits.WithDefaults().Memory/16), storyMemory)))
	for i := range e.stories {
		e.stories[i] = newStory(shelf)
	}
	var workers sync.WaitGroup
	for range min(e.how.Workers, len(e.parts)) {
		workers.Go(func() { e.work(ctx) })
	}
	defer func() { // in any case, a panic of the sink too: nobody writes after it
		cancel()
		e.advance(len(e.parts))
		for _, s := range e.stories {
			_ = s.forget() // of a temporary file that is gone with the process
		}
		workers.Wait()
	}()
	r := &replay{open: make(map[uint64]*shadow)}
	packets := uint64(0)
	for i, s := range e.stories {
		e.advance(i)
		s.begin()
		totals, err := e.tell(r, s)
		if err != nil {
			e.errs[i] = err
			return
		}
		e.add(i, &totals, e.errs[i])
		packets += e.parts[i].Packets()
		r.base = e.before(packets)
		_ = s.forget()
	}
}

// tell tells one story, and returns what it came to.
func (e *each) tell(r *replay, s *story) (totals timeline.Totals, err error) {
	clear(r.open)
	sink := &partSink{Sink: e.sink}
	for {
		b, err := s.take()
		if b == nil || err != nil {
			return sink.totals, err
		}
		r.settle(b)
		b.tell(sink, true)
		s.clear(b)
	}
}

// advance says that story i is being told.
func (e *each) advance(i int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.turn = i
	e.room.Broadcast()
}

// work reads one input after the other, in their order.
func (e *each) work(ctx context.Context) {
	for {
		i := int(e.next.Add(1)) - 1
		if i >= len(e.parts) {
			return
		}
		e.mu.Lock()
		for i >= e.turn+maxAhead {
			e.room.Wait()
		}
		e.mu.Unlock()
		e.read(ctx, i)
	}
}

// read reads one input to its end.
func (e *each) read(ctx context.Context, i int) {
	s := e.stories[i]
	var what any
	defer func() {
		if bug := recover(); bug != nil {
			what = fmt.Sprintf("%v\n%s", bug, debug.Stack())
		}
		s.end(what)
	}()
	if ctx.Err() != nil {
		return
	}
	stop := context.AfterFunc(ctx, s.begin) // who waits for its turn has it
	defer stop()
	opt := e.options(i)
	defer opt.Keys.Forget()
	w := &writer{author: newAuthor(func(b *telling) *telling {
		s.put(b)
		return s.blank()
	}), needs: e.how.Needs}
	share := opt.Limits.WithDefaults().Memory / 8 / e.how.Workers
	e.errs[i] = run(ctx, e.parts[i].Source, w, &opt, terms{weighed: func(held int) {
		if held > share {
			s.await()
		}
	}})
}

// writer is an author with needs.
type writer struct {
	author
	needs func(*timeline.Conn) timeline.Needs
}

// Needs answers at once.
func (w *writer) Needs(c *timeline.Conn) timeline.Needs { return w.needs(c) }
