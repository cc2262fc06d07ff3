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

// Input is one of several inputs that are analyzed apart from each other.
type Input struct {
	Source   capture.Source // packets numbered from 1, all of one file
	Packets  func() uint64  // how many of them were read
	Filtered func() uint64  // see [Options]
	Notes    *Notes         // of the source; see [Notes.Split]
	// LaterKeys adds keys that stand further on in the input; see [tls.Keys.Later]. nil:
	// there are none.
	LaterKeys func(*tls.Keys)
}

// EachOptions sets up [Each].
type EachOptions struct {
	// Workers is how many inputs are read at once. With 1, all is done in the
	// caller's goroutine.
	Workers int
	// Needs answers [timeline.Sink.Needs] for all inputs. With several workers it is
	// called by several goroutines at once, and must be set. With one, nil means that
	// the sink answers.
	Needs func(*timeline.Conn) timeline.Needs
	// Memory is how many bytes of recorded batches wait in memory. 0 means a sixteenth
	// of what connections may take (see [timeline.Limits]), at most 32 MiB.
	Memory int64
}

// maxInputs is how many inputs may be read, or wait to be emitted, at once.
const maxInputs = 64

// Each analyzes one input after the other, each as [Run] would alone: no connection,
// key or time crosses from one into the next. The sink gets Begin once for each input,
// and Done once at the end. Connections, packets and TCP connections are numbered
// throughout. The error joins those of the inputs.
//
// Theory of operation. With several workers, a [recorder] records the calls of each
// input into a [batchLog]. The caller's goroutine emits the logs in the order of the
// inputs. So the sink gets the same calls for any number of workers. Only the input
// that is being emitted may hold what [timeline.Limits] allow. Each other one waits for
// its turn when it holds more than its share of an eighth of that.
func Each(ctx context.Context, inputs []Input, sink timeline.Sink, opt Options, how EachOptions) error {
	e := &each{inputs: inputs, sink: sink, opt: &opt, how: &how, errs: make([]error, len(inputs))}
	if e.opt.Keys == nil {
		e.opt.Keys = &tls.Keys{}
	}
	if how.Workers > 1 && len(inputs) > 1 {
		e.parallel(ctx)
	} else {
		e.sequential(ctx)
	}
	e.opt.Keys.Add(&e.usedKeys, true)
	e.totals.Files = opt.Files
	sink.Done(&e.totals)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.Join(e.errs...)
}

// each is one run of Each.
type each struct {
	inputs []Input
	sink   timeline.Sink
	opt    *Options
	how    *EachOptions
	errs   []error // by input
	totals timeline.Totals

	usedKeys tls.Keys // of inputs that were read, see mu

	logs []*batchLog // by input
	next atomic.Int64

	mu    sync.Mutex
	moved *sync.Cond // turn has changed
	turn  int        // the log that is being emitted
}

// sequential runs one input after the other.
func (e *each) sequential(ctx context.Context) {
	packets := uint64(0)
	for i, input := range e.inputs {
		if ctx.Err() != nil {
			return
		}
		sink := &inputSink{Sink: e.sink, needs: e.how.Needs}
		opt := e.options(i)
		err := run(ctx, input.Source, sink, &opt, runConfig{before: e.before(packets)})
		e.usedKeys.Add(opt.Keys, true)
		opt.Keys.Forget()
		e.add(i, &sink.totals, err)
		packets += input.Packets()
	}
}

// inputSink passes the calls of one input on, and keeps its totals.
type inputSink struct {
	timeline.Sink
	needs  func(*timeline.Conn) timeline.Needs
	totals timeline.Totals
}

// Needs asks the sink in any case: the sink may note that it was asked.
func (s *inputSink) Needs(c *timeline.Conn) timeline.Needs {
	needs := s.Sink.Needs(c)
	if s.needs != nil {
		return s.needs(c)
	}
	return needs
}

// Done keeps t.
func (s *inputSink) Done(t *timeline.Totals) { s.totals = *t }

// parallel lets workers read and record the inputs, and emits the logs in order.
func (e *each) parallel(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	e.moved = sync.NewCond(&e.mu)
	e.logs = make([]*batchLog, len(e.inputs))
	group := newLogGroup(cmp.Or(e.how.Memory, min(int64(e.opt.Limits.WithDefaults().Memory/16), maxLogMemory)))
	for i := range e.logs {
		e.logs[i] = newBatchLog(group)
	}
	var workers sync.WaitGroup
	for range min(e.how.Workers, len(e.inputs)) {
		workers.Go(func() { e.work(ctx) })
	}
	defer func() { // also when the sink panics: no goroutine may outlive this
		cancel()
		e.setTurn(len(e.inputs))
		for _, l := range e.logs {
			_ = l.discard() // its temporary file goes with the process anyway
		}
		workers.Wait()
	}()
	r := &renumberer{open: make(map[uint64]*snapshot)}
	packets := uint64(0)
	for i, l := range e.logs {
		e.setTurn(i)
		l.begin()
		totals, err := e.emit(r, l)
		if err != nil {
			e.errs[i] = err
			return
		}
		e.add(i, &totals, e.errs[i])
		packets += e.inputs[i].Packets()
		r.offsets = e.before(packets)
		_ = l.discard()
	}
}

// emit emits one log, and returns the totals of its input.
func (e *each) emit(r *renumberer, l *batchLog) (totals timeline.Totals, err error) {
	clear(r.open)
	sink := &inputSink{Sink: e.sink}
	for {
		b, err := l.take()
		if b == nil || err != nil {
			return sink.totals, err
		}
		r.renumber(b)
		b.emit(sink, true)
		l.recycle(b)
	}
}

// setTurn says that log i is being emitted.
func (e *each) setTurn(i int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.turn = i
	e.moved.Broadcast()
}

// work reads inputs, in their order, until none is left. It runs in the goroutine of a
// worker.
func (e *each) work(ctx context.Context) {
	for {
		i := int(e.next.Add(1)) - 1
		if i >= len(e.inputs) {
			return
		}
		e.mu.Lock()
		for i >= e.turn+maxInputs {
			e.moved.Wait()
		}
		e.mu.Unlock()
		e.record(ctx, i)
	}
}

// record runs one input, and records its calls into its log.
func (e *each) record(ctx context.Context, i int) {
	l := e.logs[i]
	var what any
	defer func() {
		if bug := recover(); bug != nil {
			what = fmt.Sprintf("%v\n%s", bug, debug.Stack())
		}
		l.end(what)
	}()
	if ctx.Err() != nil {
		return
	}
	stop := context.AfterFunc(ctx, l.begin) // releases a reader that waits for its turn
	defer stop()
	opt := e.options(i)
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.usedKeys.Add(opt.Keys, true)
		opt.Keys.Forget()
	}()
	r := newRecorder(e.how.Needs, func(b *batch) *batch {
		l.put(b)
		return l.emptyBatch()
	})
	share := opt.Limits.WithDefaults().Memory / 8 / e.how.Workers
	e.errs[i] = run(ctx, e.inputs[i].Source, &r, &opt, runConfig{checked: func(held int) {
		if held > share {
			l.awaitTurn()
		}
	}})
}

// options returns the options of the i-th input.
func (e *each) options(i int) Options {
	opt := *e.opt
	opt.Notes, opt.Filtered = e.inputs[i].Notes, e.inputs[i].Filtered
	keys := e.opt.Keys.Clone()
	keys.Later(e.inputs[i].LaterKeys)
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

// before returns the offsets of the next input, where packets were read until now.
func (e *each) before(packets uint64) offsets {
	return offsets{packets: packets, conns: e.totals.Conns}
}

// add adds the totals and the error of an input.
func (e *each) add(i int, t *timeline.Totals, err error) {
	e.totals.Add(t)
	if !errors.Is(err, io.EOF) {
		e.errs[i] = err
	}
}
