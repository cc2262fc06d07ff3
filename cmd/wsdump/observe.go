package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/input"
	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/internal/progress"
	"github.com/wsdump/wsdump/internal/terminal"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/record"
	"github.com/wsdump/wsdump/timeline"
)

// observers see packets and connections before a chain filters or redacts them.
type observers struct {
	recorder  *record.Recorder
	selection *record.Selection
	blind     bool            // nothing looks into packets
	sinks     []timeline.Sink // for the chain
	stops     []func()
}

// stop ends what shows progress and serves counts. It may be called again.
func (o *observers) stop() {
	for _, stop := range o.stops {
		stop()
	}
	o.stops = nil
}

// observe starts what records, counts and shows progress, and connects it to way.
// program says which connections are recorded of files.
func (f *viewFlags) observe(in *input.Input, program *query.Program, words *console.Console, stdout, stderr io.Writer, way *input.Passage) (_ *observers, err error) {
	o := &observers{}
	defer func() {
		if err != nil {
			o.stop()
		}
	}()
	if o.recorder, err = f.write.record(in, f.source.memory.Bytes, stdout, way); err != nil {
		return nil, err
	}
	if chooses := o.recorder.Sink(in.Files()); chooses != nil {
		o.sinks = append(o.sinks, chooses)
	}
	counts, stop, err := f.source.iface.metrics.serve(in, words)
	if err != nil {
		return nil, err
	}
	o.stops = append(o.stops, stop)
	if counts != nil {
		o.sinks = append(o.sinks, counts)
	}
	o.blind = f.write.noTimeline && len(o.sinks) == 0
	onTerminal := !f.output.quiet && terminal.Is(stderr) && (f.output.file != "" || f.write.noTimeline || !terminal.Is(stdout))
	o.showProgress(in, words, stderr, onTerminal, way)
	if o.selection, err = f.write.selection(in, len(f.redact.rules.words) > 0, way); err != nil {
		return nil, err
	}
	if o.selection != nil {
		o.sinks = append(o.sinks, o.selection.Sink(program, in.Files()))
	}
	return o, nil
}

// showProgress shows a bar for files of a known size, a line of counts for an
// interface.
func (o *observers) showProgress(in *input.Input, words *console.Console, stderr io.Writer, onTerminal bool, way *input.Passage) {
	if in.Ring() != nil {
		status := progress.NewStatus(in.Ring(), in.Lag)
		status.Blind = o.blind
		var terminal io.Writer
		if onTerminal {
			terminal = stderr
		}
		o.sinks = append(o.sinks, status)
		o.stops = append(o.stops, status.Show(words, terminal))
		return
	}
	if size, known := in.Size(); known && onTerminal {
		bar := progress.NewBar(stderr, size)
		way.Around = bar.Around
		o.stops = append(o.stops, bar.Done)
	}
}

// readAll reads packets to their end, and looks into none.
func readAll(src capture.Source) (err error) {
	for p := (capture.Packet{}); err == nil; {
		err = src.Next(&p)
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// greet says that a capture has begun.
func greet(in *input.Input, words *console.Console) {
	if in.Ring() != nil {
		words.Say("capturing on " + in.Files()[0] + "; Ctrl-C ends it")
	}
}

// farewell says what the kernel counted.
func farewell(in *input.Input, words *console.Console) {
	if in.Ring() != nil {
		s := in.Ring().Stats()
		words.Say(fmt.Sprintf("%s captured on %s, %d of them dropped by the kernel because its buffer was full", console.Count(s.Packets, "packet"), in.Files()[0], s.Dropped))
	}
}
