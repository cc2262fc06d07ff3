// Package wsdump is the front door for Go programs: [Read] gives everything
// that the WebSocket connections of some captures did, one event after the
// other, owned by the caller.
//
// Programs that want speed rather than comfort implement [timeline.Sink] and
// call [github.com/wsdump/wsdump/pipeline.Run]: values are borrowed there, and
// nothing is allocated for them.
package wsdump

import (
	"context"
	"iter"
	"runtime"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/pipeline"
	"github.com/wsdump/wsdump/timeline"
)

// Options sets up [Read]. The zero value reads everything with the default
// limits.
type Options struct {
	Limits timeline.Limits
	// Frames asks for data frames too; control frames always come.
	Frames bool
	// NoPayload leaves out what messages say: lengths and times only.
	NoPayload bool
}

// Event is one thing that happened. Exactly one of the pointers is set, except
// that Closed comes with nothing else. Everything is owned by the caller, but
// for Conn, which goes on changing until it is closed.
type Event struct {
	Conn    *timeline.Conn // nil for a Finding about the capture, and for Totals
	Opened  bool           // the connection opened, or was refused: see Conn.Handshake
	Closed  bool           // it is over: the fields "known at the end" are whole
	Frame   *timeline.Frame
	Message *timeline.Message
	Finding *timeline.Finding
	Totals  *timeline.Totals // the last event
}

// Read gives the events of the captures at path: a file, a folder (read
// recursively), or "-" for standard input. An error that only says that a file
// is cut or damaged comes after all that could be read; test it with
// [capture.Incomplete]. Breaking out of the loop ends the reading.
func Read(ctx context.Context, path string, opt Options) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		c := &collector{yield: yield, stop: stop, opt: opt}
		if err := Play(ctx, path, c, opt.Limits); err != nil && !c.done {
			yield(Event{}, err)
		}
	}
}

// Play tells a sink of the captures at path, as [Read] gives them. What the sink
// is told is borrowed; what it needs is what it says it needs. The zero value of
// limits means the default ones.
func Play(ctx context.Context, path string, sink timeline.Sink, limits timeline.Limits) error {
	notes := &pipeline.Notes{}
	in, err := capture.Open([]string{path}, capture.Options{OnNote: notes.Add})
	if err != nil {
		return err
	}
	defer in.Close()
	return pipeline.Run(ctx, in, sink, pipeline.Options{
		Limits: limits, Files: in.Files(), Notes: notes, Duplicates: in.Duplicates, Prefetch: runtime.GOMAXPROCS(0) > 1 && in.Packed(),
	})
}

// collector copies what a Sink borrows.
type collector struct {
	timeline.Nop
	yield func(Event, error) bool
	stop  func()
	opt   Options
	done  bool // the caller broke out of the loop
}

func (c *collector) tell(e Event) {
	if !c.done && !c.yield(e, nil) {
		c.done = true
		c.stop()
	}
}

func (c *collector) Needs(*timeline.Conn) timeline.Needs {
	return timeline.Needs{Frames: c.opt.Frames, Payload: !c.opt.NoPayload}
}

func (c *collector) Open(conn *timeline.Conn) { c.tell(Event{Conn: conn, Opened: true}) }

func (c *collector) Frame(f *timeline.Frame) {
	own := &timeline.Frame{}
	f.Clone(own, nil)
	c.tell(Event{Conn: f.Conn, Frame: own})
}

func (c *collector) Message(m *timeline.Message) {
	own := &timeline.Message{}
	m.Clone(own, nil)
	c.tell(Event{Conn: m.Conn, Message: own})
}

func (c *collector) Finding(f *timeline.Finding) {
	own := &timeline.Finding{}
	f.Clone(own)
	c.tell(Event{Conn: f.Conn, Finding: own})
}

func (c *collector) Close(conn *timeline.Conn, _ timeline.Stamp) {
	c.tell(Event{Conn: conn, Closed: true})
}

func (c *collector) Done(t *timeline.Totals) { c.tell(Event{Totals: t}) }
