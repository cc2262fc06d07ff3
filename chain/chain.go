// Package chain puts the sinks that stand between the pipeline and an output in
// their order. Every command, and package wsdump, builds its chain here: a new
// stage is one entry in the list of stages.
package chain

import (
	"context"
	"slices"
	"time"

	"github.com/wsdump/wsdump/input"
	"github.com/wsdump/wsdump/pipeline"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/redact"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/stats"
	"github.com/wsdump/wsdump/timeline"
)

// Options says which stages a chain has, and how much of its work may be done at
// once. The zero value only counts.
type Options struct {
	Files     []string        // names of the inputs, for filters
	Filter    *query.Program  // drops rows or connections; nil drops none
	NoPayload bool            // with Filter: no row shows payload
	Redact    redact.Options  // takes secrets out
	ReplyKey  stats.Extract   // ties replies to requests; nil ties none
	Observers []timeline.Sink // see everything, before it is filtered or redacted

	Prompt bool          // flush rows by the clock, for a live source
	Every  time.Duration // with Prompt: print a line of figures that often
	Stop   func()        // with Prompt: ends the run when rows cannot be written

	Parallel Parallel
	Needs    *timeline.Needs // what the output needs of every connection; nil: it is asked
}

// Parallel says how much of a run may be done at once. The output is always the
// same.
type Parallel uint8

const (
	// Sequential: packets and rows come in one goroutine. Whatever ends a run after
	// a row, or sees packets and rows, needs that.
	Sequential Parallel = iota
	// Files: the files of --each may be read at once.
	Files
	// Connections: workers may share the connections of a file as well, or rows may
	// be printed beside reading.
	Connections
)

// stage wraps the sink behind it. wrap returns nil where the stage is not asked for.
type stage struct {
	name string
	wrap func(c *Chain, next timeline.Sink) timeline.Sink
}

// stages are all stages in the order in which an event passes them, from the
// pipeline to the output. [Chain.passage] decides about goroutines by their names.
func stages() []stage {
	return []stage{
		{"observers", (*Chain).observe},
		{"flush", (*Chain).flushByClock},
		{"intervals", (*Chain).countIntervals},
		{"replies", (*Chain).tieReplies},
		{"count", (*Chain).countTotals},
		{"filter", (*Chain).filter},
		{"redact", (*Chain).redact},
	}
}

// Chain is the sinks before an output. It serves one run.
type Chain struct {
	opt    Options
	out    timeline.Sink
	first  timeline.Sink
	active []string // names of the stages that wrap something

	count     *counter
	flush     *flusher
	intervals *intervals
}

// New returns the chain before out.
func New(out timeline.Sink, opt Options) *Chain {
	c := &Chain{opt: opt, out: out, first: out, count: &counter{}}
	for _, s := range slices.Backward(stages()) {
		if wrapped := s.wrap(c, c.first); wrapped != nil {
			c.first = wrapped
			c.active = append(c.active, s.name)
		}
	}
	return c
}

// Sink returns the first sink of the chain, for those who feed it themselves.
func (c *Chain) Sink() timeline.Sink { return c.first }

// Totals returns what the run came to. It is complete after [Chain.Run].
func (c *Chain) Totals() *timeline.Totals { return &c.count.totals }

// Omitted says what the filter kept from the output that the user may miss; "" for
// nothing.
func (c *Chain) Omitted() string { return c.count.omitted() }

// Run reads in through the chain. way says who sees its packets. The error says
// what could not be read; what the output received stands.
func (c *Chain) Run(ctx context.Context, in *input.Input, way input.Passage) error {
	sink := c.passage(in, &way)
	if c.flush != nil {
		way.Idle = c.flush.flush
		defer c.flush.every(input.Tick)()
	}
	if c.intervals != nil {
		defer c.intervals.every(c.opt.Every, in.Ring(), c.flush)()
	}
	return in.Run(ctx, sink, way)
}

// passage decides which goroutines do the work, and returns the sink for in.
//
// Workers share the connections where the output takes no messages, or where they
// can format the rows themselves because no other stage sees messages. Else rows
// that take longer to print than to hand over are printed in a goroutine of their
// own. A filter is asked by the layers and before the rows, so it keeps both in one
// goroutine.
func (c *Chain) passage(in *input.Input, way *input.Passage) timeline.Sink {
	way.Together = way.Together || c.opt.Parallel == Sequential
	if !in.Concurrent() || way.Together {
		return c.first
	}
	if in.Options().Each {
		way.Needs = c.needs()
		return c.first
	}
	if c.opt.Filter != nil || c.opt.Parallel != Connections {
		return c.first
	}
	needs := c.out.Needs(&timeline.Conn{})
	rows, isRows := c.out.(*report.NDJSON)
	if in.Splits() {
		if isRows && len(c.active) == 1 && rows.Rows() != nil { // the stage "count" alone
			way.Row = rows.Row
			way.Rows = func() pipeline.RowMaker { return rows.Rows().Append }
		}
		if way.Rows != nil || needs.Silent {
			way.Needs, way.Split = c.needs(), true
			return c.first
		}
	}
	if cheap := isRows && !needs.Payload; needs.Silent || cheap {
		return c.first
	}
	return pipeline.NewAsync(c.first, c.needs())
}

// needs returns what the chain needs of a connection, to be asked from several
// goroutines at once.
func (c *Chain) needs() func(*timeline.Conn) timeline.Needs {
	needs := c.out.Needs(&timeline.Conn{})
	switch {
	case c.opt.Needs != nil:
		needs = *c.opt.Needs
	case c.opt.Filter == nil:
		return c.out.Needs
	default:
		needs.Payload = needs.Payload || c.opt.Filter.Needs().Payload
	}
	return func(*timeline.Conn) timeline.Needs { return needs }
}

func (c *Chain) observe(next timeline.Sink) timeline.Sink {
	if len(c.opt.Observers) == 0 {
		return nil
	}
	return timeline.Tee(append([]timeline.Sink{next}, c.opt.Observers...)...)
}

func (c *Chain) tieReplies(next timeline.Sink) timeline.Sink {
	if c.opt.ReplyKey == nil {
		return nil
	}
	return stats.NewAnswers(next, c.opt.ReplyKey)
}

func (c *Chain) redact(next timeline.Sink) timeline.Sink {
	if !c.opt.Redact.Active() {
		return nil
	}
	return redact.New(next, c.opt.Redact)
}

func (c *Chain) flushByClock(next timeline.Sink) timeline.Sink {
	out, is := c.out.(report.Output)
	if !c.opt.Prompt || !is {
		return nil
	}
	c.flush = &flusher{sink: next, out: out, failed: c.opt.Stop}
	return c.flush
}

func (c *Chain) countIntervals(next timeline.Sink) timeline.Sink {
	out, is := c.out.(intervalOutput)
	if c.opt.Every == 0 || !c.opt.Prompt || !is {
		return nil
	}
	c.intervals = &intervals{Sink: next, out: out}
	return c.intervals
}
