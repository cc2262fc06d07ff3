// Command write makes a synthetic capture for measurements:
//
//	go run ./internal/trafficgen/write -kind small -size 1GB -o small.pcap -manifest small.json
//	go run ./internal/trafficgen/write -kind bulk -size 10GB | wsdump list -
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/wsdump/wsdump/internal/trafficgen"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "write:", err)
		os.Exit(1)
	}
}

func run() (err error) {
	spec := trafficgen.Spec{}
	flag.StringVar(&spec.Kind, "kind", "small", strings.Join(trafficgen.Kinds(), ", "))
	flag.Uint64Var(&spec.Seed, "seed", 1, "the same seed gives the same capture")
	flag.IntVar(&spec.Connections, "connections", 0, "how many are alive at once; 0: as the kind has it")
	size := flag.String("size", "64MB", "about how large")
	file := flag.String("o", "-", "where to; - is standard output")
	manifest := flag.String("manifest", "", "a file for the true counts; without it they go to standard error")
	deflated := flag.String("deflated", "", "a file for the compressed messages alone (deflate)")
	flag.Parse()
	if spec.Bytes, err = trafficgen.ParseSize(*size); err != nil {
		return err
	}
	out := io.Writer(os.Stdout)
	if *file != "-" {
		f, err := os.Create(*file)
		if err != nil {
			return err
		}
		defer f.Close()
		out = f
	}
	if *deflated != "" {
		f, err := os.Create(*deflated)
		if err != nil {
			return err
		}
		buffered := bufio.NewWriterSize(f, 1<<20)
		spec.Deflated = buffered
		defer func() {
			if flushed := buffered.Flush(); err == nil {
				err = flushed
			}
			if closed := f.Close(); err == nil {
				err = closed
			}
		}()
	}
	m, err := trafficgen.Write(out, spec)
	if err != nil {
		return err
	}
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if *manifest == "" {
		fmt.Fprintln(os.Stderr, string(b))
		return nil
	}
	return os.WriteFile(*manifest, append(b, '\n'), 0o644)
}
