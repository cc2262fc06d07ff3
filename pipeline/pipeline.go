// Package pipeline joins a source of packets, the reassembly, the dissection and a
// sink. [Run] does so for one input in one goroutine, [Split] with several workers,
// [Each] for several inputs that are analyzed apart.
package pipeline

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/dissect"
	"github.com/wsdump/wsdump/dissect/tls"
	"github.com/wsdump/wsdump/timeline"
)

// Options sets up a run. The zero value is useful.
type Options struct {
	Limits   timeline.Limits
	Files    []string  // names for the totals
	Notes    *Notes    // of the source; they become findings
	Keys     *tls.Keys // keys in Notes are added to it; nil: there are no others
	DecodeAs []dissect.DecodeAs
	// Filtered returns, at the end, how many packets a filter before the pipeline left
	// out; nil: there is none.
	Filtered func() uint64
	// Duplicates returns, at the end, how many packets the source left out because
	// another of its files had them, too; nil: it leaves out none.
	Duplicates func() uint64
	// Live describes the live capture for the totals; nil: packets come from files.
	Live *timeline.Live

	// Checksums leaves out packets with a wrong checksum.
	Checksums bool

	// Prefetch reads the source in a goroutine of its own, a few blocks ahead. It is for
	// compressed files, where there are two processors. The sink gets the same calls.
	Prefetch bool

	// Tick is how often MoreKeys is called while the source is quiet. If it is set, the
	// source is read in a goroutine of its own, and its Next must return when the
	// context ends. Zero: the source is a file that never blocks.
	Tick time.Duration
	// Clock is the clock of a live source. It returns a time, in nanoseconds since the
	// Unix epoch; all packets from before it were given. So timeouts fire on time while
	// the source is quiet, with the stamps that a file gives. nil: only packets move
	// the clock.
	Clock func() int64
	// MaxQueued is how many bytes of packets may wait for a slow sink, with Tick. Packets
	// that come when they are full are dropped, and become a note in their place. Zero:
	// the source waits instead.
	MaxQueued int
	// Idle is called, with Tick, when everything from the source was emitted: a good
	// time to show it. nil: nothing is called.
	Idle func()
	// Emitting holds, with Tick, when the packet was captured that is being processed,
	// or one shortly before it, in nanoseconds since the Unix epoch. It shows how far the
	// sink is behind, also while one call takes long. Zero: nothing waits.
	Emitting *atomic.Int64
	// MoreKeys adds the keys that a key log got since the last call, and reports whether
	// there were any. Connections that wait for keys are then tried again; their rows
	// have the stamps of their packets. nil: no more keys will come.
	MoreKeys func(*tls.Keys) bool
}

// Run reads src to its end and emits everything to sink, Done included. It returns the
// error of src unless that is io.EOF, or the error of the context. What was emitted
// until then stands.
func Run(ctx context.Context, src capture.Source, sink timeline.Sink, opt Options) error {
	return run(ctx, src, sink, &opt, runConfig{})
}

// clock returns the time of a live source, 0 where there is none.
func (o *Options) clock() int64 {
	if o.Clock == nil {
		return 0
	}
	return o.Clock()
}

// emitting notes when the packet was captured that is being processed.
func (o *Options) emitting(ns int64) {
	if o.Emitting != nil {
		o.Emitting.Store(ns)
	}
}
