// Command wsdump shows the WebSocket traffic in packet captures.
//
// It holds flags and words only: a file per subcommand, each with its own type
// and run(ctx, stdin, stdout, stderr) int; source.go and view.go hold the flags
// that several of them share.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// Exit codes; a contract with scripts.
const (
	exitOK           = 0
	exitFailed       = 1  // check: something is wrong; diff: something differs
	exitUsage        = 2  // wrong use
	exitInput        = 3  // input unreadable, damaged or cut; output not written
	exitInconclusive = 4  // check: the capture does not decide
	exitBug          = 70 // our own fault
)

var errInterrupted = errors.New("interrupted")

func main() {
	// A closed pipe is an error of Write, which run knows how to take quietly,
	// rather than a signal that ends the process.
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

// Main runs wsdump with args, which do not hold the program's name, and returns
// its exit code.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return run(context.Background(), args, stdin, stdout, stderr)
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	defer func() {
		if bug := recover(); bug != nil {
			fmt.Fprintf(stderr, "wsdump: error: this is a bug in wsdump: %v\n", bug)
			fmt.Fprintf(stderr, "wsdump: hint: please report it with the lines below and, if it may be shared, the capture: https://github.com/wsdump/wsdump/issues\n")
			fmt.Fprintf(stderr, "%s\n%s", versionLine(), debug.Stack())
			code = exitBug
		}
	}()
	root := newRoot(ctx, &code, stdin, stdout, stderr)
	root.SetArgs(args)
	if err := root.Execute(); err != nil {
		return newConsole(stderr).fail(err)
	}
	return code
}
