// Package wsdump is the API for Go programs. [Read] returns everything that the
// WebSocket connections in some captures did, as a sequence of events that the caller
// owns.
//
// Programs that need speed implement [timeline.Sink] and call
// [github.com/wsdump/wsdump/pipeline.Run]. Values are borrowed there, and nothing is
// allocated for them.
package wsdump

import (
	"context"
	"iter"

	"github.com/wsdump/wsdump/chain"
	"github.com/wsdump/wsdump/input"
	"github.com/wsdump/wsdump/timeline"
)

// Options sets up [Read]. The zero value reads everything but data frames, with the
// default limits.
type Options struct {
	Limits timeline.Limits
	// Frames adds data frames. Control frames always come.
	Frames bool
	// NoPayload leaves out the payload of messages and data frames.
	NoPayload bool
}

// Event is one thing that happened. Exactly one of Opened, Closed, Frame, Message,
// Finding and Totals is set. The caller owns everything but Conn, which goes on
// changing until it is closed.
type Event struct {
	Conn    *timeline.Conn // nil for a Finding that concerns no connection, and for Totals
	Opened  bool           // the connection opened, or was refused: see Conn.Handshake
	Closed  bool           // the connection closed: its fields "known at the end" are complete
	Frame   *timeline.Frame
	Message *timeline.Message
	Finding *timeline.Finding
	Totals  *timeline.Totals // the last event
}

// Read returns the events of the captures at path: a file, a folder (read recursively),
// or "-" for standard input. An error comes last. If it only means that a file is cut or
// damaged ([capture.Incomplete]), all events that can be read came before it. Breaking
// out of the loop ends the reading.
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

// Play emits the captures at path to sink. For path and the error see [Read]. Values are
// borrowed by the sink. A zero field of limits means its default.
func Play(ctx context.Context, path string, sink timeline.Sink, limits timeline.Limits) error {
	in, err := input.Open(ctx, input.Options{Files: []string{path}, Limits: limits})
	if err != nil {
		return err
	}
	defer in.Close()
	return chain.New(sink, chain.Options{Parallel: chain.Files}).Run(ctx, in, input.Passage{})
}

// collector is a sink that yields events, with copies of all that it borrows.
type collector struct {
	timeline.Nop
	yield func(Event, error) bool
	stop  func()
	opt   Options
	done  bool // the caller broke out of the loop
}

func (c *collector) emit(e Event) {
	if !c.done && !c.yield(e, nil) {
		c.done = true
		c.stop()
	}
}

func (c *collector) Needs(*timeline.Conn) timeline.Needs {
	return timeline.Needs{Frames: c.opt.Frames, Payload: !c.opt.NoPayload}
}

func (c *collector) Open(conn *timeline.Conn) { c.emit(Event{Conn: conn, Opened: true}) }

func (c *collector) Frame(f *timeline.Frame) {
	own := &timeline.Frame{}
	f.Clone(own, nil)
	c.emit(Event{Conn: f.Conn, Frame: own})
}

func (c *collector) Message(m *timeline.Message) {
	own := &timeline.Message{}
	m.Clone(own, nil)
	c.emit(Event{Conn: m.Conn, Message: own})
}

func (c *collector) Finding(f *timeline.Finding) {
	own := &timeline.Finding{}
	f.Clone(own)
	c.emit(Event{Conn: f.Conn, Finding: own})
}

func (c *collector) Close(conn *timeline.Conn, _ timeline.Stamp) {
	c.emit(Event{Conn: conn, Closed: true})
}

func (c *collector) Done(t *timeline.Totals) { c.emit(Event{Totals: t}) }
