// Command wsdump shows the WebSocket traffic in packet captures.
//
// It holds flags and words only. Each subcommand is one file with its own options
// and run(ctx, stdin, stdout, stderr) int, which reads top-down: check the flags,
// open the source, build the chain of sinks, run, report. Files named flag*.go hold
// groups of flags that several commands share; show.go is the run that read, live,
// list and stats share.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/internal/helptext"
)

func main() {
	// A closed pipe is then an error of Write, which ends wsdump quietly, rather than
	// a signal.
	signal.Ignore(syscall.SIGPIPE)
	ctx, cancel := context.WithCancelCause(context.Background())
	interrupts := make(chan os.Signal, 2)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupts
		cancel(errInterrupted)
		<-interrupts
		os.Exit(exitInput)
	}()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// Main runs wsdump with args, without the program's name, and returns its exit code.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return run(context.Background(), args, stdin, stdout, stderr)
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	defer func() {
		if bug := recover(); bug != nil {
			fmt.Fprintf(stderr, "wsdump: error: this is a bug in wsdump: %v\n", bug)
			fmt.Fprintf(stderr, "wsdump: hint: please report it with the lines below and, if it may be shared, the capture: https://github.com/wsdump/wsdump/issues\n%s\n%s", versionLine(), debug.Stack())
			code = exitBug
		}
	}()
	args, full := helptext.WantsAll(args)
	root := newRoot(ctx, &code, full, stdin, stdout, stderr)
	root.SetArgs(args)
	if err := root.Execute(); err != nil {
		return fail(console.New(stderr), err)
	}
	return code
}
