// Command profile reads a capture as wsdump does, some times, and writes where the
// time goes: the same reader, pipeline and output, without the command line.
package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"runtime/pprof"
	"strconv"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/pipeline"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/timeline"
)

func main() {
	if len(os.Args) != 6 || outputs[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: profile list|ndjson WORKERS TIMES CAPTURE PROFILE")
		os.Exit(2)
	}
	if err := write(os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5]); err != nil {
		fmt.Fprintln(os.Stderr, "profile:", err)
		os.Exit(1)
	}
}

// output is what rows are written to. rows is nil where workers make none.
type output struct {
	sink timeline.Sink
	row  func(c *timeline.Conn, row []byte, hole int)
	rows func() pipeline.RowMaker
}

// outputs are what can be looked at.
var outputs = map[string]func() output{
	"list": func() output { return output{sink: report.NewList(io.Discard, report.Options{})} },
	"ndjson": func() output {
		w := report.NewNDJSON(io.Discard, report.Options{})
		return output{w, w.Row, func() pipeline.RowMaker { return w.Rows().Append }}
	},
}

// write writes the profile of reading file so many times.
func write(kind, workers, times, file, profile string) error {
	n, err := strconv.Atoi(workers)
	if err != nil {
		return err
	}
	rounds, err := strconv.Atoi(times)
	if err != nil {
		return err
	}
	out, err := os.Create(profile)
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(out); err != nil {
		return err
	}
	for range rounds {
		if err = read(outputs[kind](), n, file); err != nil {
			break
		}
	}
	pprof.StopCPUProfile()
	if closed := out.Close(); err == nil {
		err = closed
	}
	return err
}

// read reads file with so many workers.
func read(to output, workers int, file string) error {
	opt := pipeline.Options{Files: []string{file}, Limits: timeline.Limits{Memory: min(4<<30, math.MaxInt)}}
	open := func() (pipeline.Reading, error) {
		in, err := capture.Open([]string{file}, capture.Options{})
		if err != nil {
			return pipeline.Reading{}, err
		}
		return pipeline.Reading{Source: in, Notes: &pipeline.Notes{}, Close: func() { _ = in.Close() }}, nil
	}
	if workers > 1 {
		how := pipeline.SplitOptions{Workers: workers, Open: open, Needs: to.sink.Needs, ReuseConns: true, Row: to.row, Rows: to.rows}
		return pipeline.Split(context.Background(), to.sink, opt, how)
	}
	in, err := open()
	if err != nil {
		return err
	}
	defer in.Close()
	return pipeline.Run(context.Background(), in.Source, to.sink, opt)
}
