// Command profile reads a capture as wsdump does and writes where the time goes:
// the same reader, pipeline and NDJSON, without the command line.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/pprof"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/pipeline"
	"github.com/wsdump/wsdump/report"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: profile CAPTURE PROFILE")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "profile:", err)
		os.Exit(1)
	}
}

func run(file, profile string) error {
	in, err := capture.Open([]string{file}, capture.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.Create(profile)
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(out); err != nil {
		return err
	}
	rows := report.NewNDJSON(io.Discard, report.Options{})
	err = pipeline.Run(context.Background(), in, rows, pipeline.Options{Files: in.Files()})
	pprof.StopCPUProfile()
	if closed := out.Close(); err == nil {
		err = closed
	}
	return err
}
