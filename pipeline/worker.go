package pipeline

import (
	"context"
	"fmt"
	"runtime/debug"

	"golang.org/x/sys/cpu"

	"github.com/wsdump/wsdump/dissect"
	"github.com/wsdump/wsdump/dissect/tls"
	"github.com/wsdump/wsdump/reassembly"
	"github.com/wsdump/wsdump/timeline"
)

// partition is the part of the TCP connections that one worker follows.
type partition struct {
	share    reassembly.Share
	index    int
	of       int       // how many partitions there are
	position *position // the worker keeps it up to date for each packet
	// restart asks to run again with one worker: something depends on connections of
	// other partitions.
	restart func()
}

// worker is a goroutine that follows one partition and records its calls, together
// with those of its calls that are not emitted yet.
type worker struct {
	recorder
	_ cpu.CacheLinePad // the recorder's position, written for each packet, has a cache line to itself

	reading Reading
	keys    *tls.Keys
	rows    RowMaker
	run     func(context.Context) error
	full    chan *batch
	free    chan *batch
	err     error // of the run, and what it panicked with: read them when full is closed
	panic   any

	// The merger's.
	current *batch   // being emitted; nil before the first
	next    int      // index of the next of its calls
	until   position // all calls before that are in current or were emitted
	ended   bool
}

// handOverEvery is after how many packets a worker hands over its calls, however few
// they are, so that the merger can go on with those of the others.
const handOverEvery = 1 << 12

// newWorker returns a worker for a partition, nil for all connections. It reads from
// reading, and has keys of its own.
func newWorker(p *partition, reading Reading, opt *Options, how *SplitOptions) *worker {
	w := &worker{reading: reading, keys: opt.Keys.Clone(), full: make(chan *batch, maxBatches), free: make(chan *batch, maxBatches)}
	w.recorder = newRecorder(how.Needs, func(b *batch) *batch {
		w.full <- b
		return <-w.free
	})
	if how.Rows != nil {
		w.rows = how.Rows()
	}
	for range maxBatches - 1 {
		w.free <- &batch{}
	}
	own := *opt
	own.Notes, own.Filtered, own.Duplicates, own.Keys = reading.Notes, reading.Filtered, reading.Duplicates, w.keys
	config, packets := runConfig{partition: p, reuseConns: true}, 0 // a recorder keeps snapshots only
	config.checked = func(int) {
		if packets += checkEvery; packets >= handOverEvery {
			packets = 0
			w.flush()
		}
	}
	if p != nil {
		own.Limits = own.Limits.Part(p.of)
		asked := false
		p.restart = func() {
			if !asked {
				asked = true
				w.add(&call{kind: callRestart})
			}
		}
		p.position = &w.position
	}
	w.run = func(ctx context.Context) error { return run(ctx, reading.Source, w, &own, config) }
	return w
}

// start starts the goroutine.
func (w *worker) start(ctx context.Context) {
	go func() {
		defer close(w.full)
		defer func() {
			if what := recover(); what != nil {
				w.panic = fmt.Sprintf("%v\n%s", what, debug.Stack())
			}
		}()
		w.err = w.run(ctx)
	}()
}

// Open implements [timeline.Sink]. It records the signs of c, too.
func (w *worker) Open(c *timeline.Conn) {
	s := w.takeSnapshot(c)
	s.signs = dissect.SignsOf(c)
	w.recordOpen(c, s)
}

// Message implements [timeline.Sink]. It records m, or the row of it.
func (w *worker) Message(m *timeline.Message) {
	if len(m.Payload) > maxCopied {
		w.batch.messages = append(w.batch.messages, *m)
		w.addBorrowed(&call{kind: callMessage, index: int32(len(w.batch.messages) - 1), snapshot: w.snapshotOf(m.Conn)})
		return
	}
	if w.rows == nil {
		w.recorder.Message(m)
		return
	}
	b := w.batch
	rows, hole := w.rows(b.bytes, m)
	c := call{kind: callRow, index: int32(hole), offset: int32(len(b.bytes)), length: int32(len(rows) - len(b.bytes)), snapshot: w.snapshotOf(m.Conn)}
	b.bytes = rows
	w.add(&c)
}

// Frame implements [timeline.Sink].
func (w *worker) Frame(f *timeline.Frame) {
	if len(f.Payload) > maxCopied {
		w.batch.frames = append(w.batch.frames, *f)
		w.addBorrowed(&call{kind: callFrame, index: int32(len(w.batch.frames) - 1), snapshot: w.snapshotOf(f.Conn)})
		return
	}
	w.recorder.Frame(f)
}

// addBorrowed adds a call whose payload is too large to be copied, and so is borrowed.
// It returns when the call has been emitted.
func (w *worker) addBorrowed(c *call) {
	w.add(c)
	if len(w.batch.calls) > 0 {
		w.flush()
	}
	waitForBatches(w.free)
}

// hasCall reports whether the merger has a call of w at hand.
func (w *worker) hasCall() bool { return w.current != nil && w.next < len(w.current.calls) }

// nextPosition returns the position of the next call, or one that the next call is
// not before.
func (w *worker) nextPosition() *position {
	if w.hasCall() {
		return &w.current.calls[w.next].position
	}
	return &w.until
}

// before reports whether the merger must look at w before o.
func (w *worker) before(o *worker) bool {
	if d := w.nextPosition().compare(o.nextPosition()); d != 0 {
		return d < 0
	}
	if !w.hasCall() || !o.hasCall() {
		return !w.hasCall()
	}
	return w.current.transport(&w.current.calls[w.next]) < o.current.transport(&o.current.calls[o.next])
}

// nextBatch waits for the next batch of w, or its end. If w panicked, it panics with
// the same.
func (w *worker) nextBatch() {
	if w.current != nil {
		w.current.reset()
		w.free <- w.current
		w.current = nil
	}
	b, more := <-w.full
	if !more {
		if w.ended = true; w.panic != nil {
			panic(w.panic)
		}
		return
	}
	w.current, w.next, w.until = b, 0, b.until
}
