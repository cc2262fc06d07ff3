// Command profile reads a capture as wsdump does and writes where the time goes:
// the same reader, pipeline and output, without the command line.
package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"runtime/pprof"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/pipeline"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/timeline"
)

func main() {
	if len(os.Args) != 4 || outputs[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: profile list|ndjson CAPTURE PROFILE")
		os.Exit(2)
	}
	if err := run(outputs[os.Args[1]](io.Discard, report.Options{}), os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "profile:", err)
		os.Exit(1)
	}
}

// outputs are what can be looked at.
var outputs = map[string]func(io.Writer, report.Options) timeline.Sink{
	"list":   func(w io.Writer, opt report.Options) timeline.Sink { return report.NewList(w, opt) },
	"ndjson": func(w io.Writer, opt report.Options) timeline.Sink { return report.NewNDJSON(w, opt) },
}

func run(rows timeline.Sink, file, profile string) error {
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
	err = pipeline.Run(context.Background(), in, rows, pipeline.Options{Files: in.Files(), Limits: timeline.Limits{Memory: min(4<<30, math.MaxInt)}})
	pprof.StopCPUProfile()
	if closed := out.Close(); err == nil {
		err = closed
	}
	return err
}
