package input

import (
	"context"
	"time"

	"github.com/wsdump/wsdump/capture/live"
	"github.com/wsdump/wsdump/internal/console"
)

// Interface says which network interface packets are captured from, and how.
// The zero value captures from none.
type Interface struct {
	Name        string // "any": all of them
	Promiscuous bool
	Buffer      int    // bytes of the kernel's ring
	Snaplen     uint32 // bytes kept of a packet; 0 keeps all
	Retry       bool   // wait for an interface that is missing or goes away
	Duration    time.Duration

	// Opened is called when the interface is open and nothing else is: to drop
	// privileges, and to start what is to be captured. nil: nothing is to be done.
	Opened func() error
}

// check returns an error for an interface beside files.
func (i *Interface) check(files []string) error {
	switch {
	case i.Name == "":
		return nil
	case len(files) > 0:
		return console.Usage("give an interface or files, not both: "+console.Quote(files[0]), "leave out one of them")
	case i.Duration < 0:
		return console.Usage("--duration must be positive", "")
	}
	return nil
}

func (in *Input) openInterface() (err error) {
	i := &in.opt.Interface
	in.ring, err = live.Open(live.Options{
		Filter:    in.opt.Filter.program,
		Interface: i.Name, Promiscuous: i.Promiscuous, Buffer: i.Buffer, Snaplen: i.Snaplen, Retry: i.Retry,
		OnNote: in.notes.Add, OnState: in.opt.Console.Say,
	})
	if err == nil && i.Opened != nil {
		err = i.Opened()
	}
	return err
}

// Ring returns the ring of the interface; nil where packets come from files.
func (in *Input) Ring() *live.Ring { return in.ring }

// Stop ends a capture from an interface: what was captured so far is the whole
// of it. It does nothing for files.
func (in *Input) Stop() {
	if in.ring != nil {
		in.ring.Stop()
	}
}

// Context returns the context for [Input.Run] and how to end it. For files that is
// what it was given, and what [Open] was given. A live capture only ends its ring
// when ctx ends, or after its duration, so that what it captured until then is
// still shown.
func (in *Input) Context(ctx context.Context, cancel context.CancelCauseFunc) (context.Context, context.CancelCauseFunc) {
	if in.ring == nil {
		return ctx, cancel
	}
	context.AfterFunc(ctx, in.ring.Stop)
	if d := in.opt.Interface.Duration; d > 0 {
		time.AfterFunc(d, in.ring.Stop)
	}
	run, end := context.WithCancelCause(context.WithoutCancel(ctx))
	context.AfterFunc(run, in.ring.Stop)
	return run, end
}

// Lag returns how far the sink is behind the ring.
func (in *Input) Lag() time.Duration {
	at := in.position.Load()
	if at == 0 {
		return 0
	}
	return max(0, time.Since(time.Unix(0, at)))
}
