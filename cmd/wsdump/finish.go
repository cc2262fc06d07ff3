package main

import (
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/wsdump/wsdump/chain"
	"github.com/wsdump/wsdump/input"
	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/internal/outfile"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/timeline"
)

// outcome is how a run of show ended.
type outcome struct {
	out   report.Output
	to    *outfile.File
	cause error // why the run was ended; nil: the input came to its end
	err   error // of the input
	in    *input.Input
	chain *chain.Chain
	took  time.Duration
}

// finish completes the output, reports how the run ended, and returns its exit
// code.
func finish(words *console.Console, o outcome) int {
	if err := o.out.Err(); err != nil {
		return outputFailed(words, err, o.to)
	}
	if err := o.to.Commit(); err != nil {
		return fail(words, err)
	}
	if input.WrongUse(o.err) {
		return fail(words, o.err)
	}
	words.Hint(o.chain.Omitted())
	if sums, is := o.out.(interface{ Summary() string }); is {
		words.Say(sums.Summary())
	}
	switch {
	case errors.Is(o.cause, errEnough):
		return exitOK
	case errors.Is(o.cause, errInterrupted):
		words.Error("interrupted; the output shows what was read until then")
		return exitInput
	}
	totals := o.chain.Totals()
	explainNothing(words, o.in, totals)
	if words.Verbose {
		if totals.Filtered > 0 {
			words.Say(console.Count(totals.Filtered, "packet") + " left out by the capture filter")
		}
		words.Say(fmt.Sprintf("%d packets, %d bytes, %d connections, %d messages in %s",
			totals.Packets, totals.Bytes, totals.Conns, totals.Messages, o.took.Round(time.Millisecond)))
	}
	if o.err != nil {
		return fail(words, o.err)
	}
	return exitOK
}

// outputFailed reports that the output could not be written. A reader that has
// seen enough and closed its pipe is no error.
func outputFailed(words *console.Console, err error, to *outfile.File) int {
	switch {
	case errors.Is(err, syscall.EPIPE), errors.Is(err, io.ErrClosedPipe):
		return exitOK
	case errors.As(err, new(*console.UsageError)):
		return fail(words, err)
	case errors.As(err, new(*outfile.Error)):
		words.Error(err.Error())
	default:
		words.Error("cannot write " + to.Name() + ": " + outfile.Reason(err))
	}
	words.Hint(to.Lost())
	return exitInput
}

// explainNothing says what there was instead, where there was no WebSocket, and that the
// keys which were given fit none of the TLS.
func explainNothing(words *console.Console, in *input.Input, totals *timeline.Totals) {
	found, hint := "", ""
	if totals.Conns == 0 {
		found, hint = report.Nothing(totals)
	}
	if keys := in.Keys(); keys.Len() > 0 && keys.Used() == 0 && totals.TLSNoKeys > 0 {
		hint = fmt.Sprintf("%s, none for %s; was the key log written while this was captured?",
			console.Count(keys.Len(), "key"), console.Count(totals.TLSNoKeys, "TLS session"))
	}
	words.Say(found)
	words.Hint(hint)
}
