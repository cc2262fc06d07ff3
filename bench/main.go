// Command bench measures wsdump beside other tools and prints
// docs/PERFORMANCE.md:
//
//	bench/run.sh -size 1GB -rounds 7 > docs/PERFORMANCE.md
//
// It builds wsdump, makes the captures (internal/trafficgen), holds what wsdump
// counts against what is in them, and only then measures. Each ratio is the
// median of pairs, one run right after the other, for machines are noisy and
// ratios are steadier than times. It needs tcpdump; tshark, a C compiler with zlib
// and cat are used where they are there.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/wsdump/wsdump/internal/trafficgen"
)

// bench is one run of this program.
type bench struct {
	out      io.Writer
	folder   string // of programs and captures
	size     int64
	slice    int64 // of what tshark reads
	rounds   int
	kinds    []string
	memory   []int64
	profiles bool
	beside   bool // other programs, see comparison.go

	captures map[string]*capture
	measured map[string]map[string]pairs // by kind and tool, beside tcpdump
	alone    map[string]map[string]series
	piped    []piped
	notes    []string
}

func newBench() *bench {
	return &bench{
		measured: map[string]map[string]pairs{},
		alone:    map[string]map[string]series{},
		captures: map[string]*capture{},
	}
}

func main() {
	b := newBench()
	b.out = os.Stdout
	size := flag.String("size", "256MB", "of each capture")
	slice := flag.String("slice", "16MB", "of the captures that tshark reads: it is slow, and its time is scaled")
	kinds := flag.String("kinds", strings.Join(trafficgen.Kinds(), ","), "which")
	memory := flag.String("memory", "100MB,1GB", "sizes at which memory is looked at, through a pipe; 10GB takes no disk either")
	flag.StringVar(&b.folder, "folder", "", "where captures are made, and left; default: a temporary folder")
	flag.IntVar(&b.rounds, "rounds", 5, "pairs that a median is of")
	flag.BoolVar(&b.profiles, "profiles", true, "where the time goes")
	flag.BoolVar(&b.beside, "comparison", false, "print the part about speed of docs/COMPARISON.md instead, measured on slices")
	flag.Parse()
	b.kinds = strings.Split(*kinds, ",")
	if err := b.run(*size, *slice, *memory); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func (b *bench) run(size, slice, memory string) (err error) {
	if b.size, err = trafficgen.ParseSize(size); err != nil {
		return err
	}
	if b.slice, err = trafficgen.ParseSize(slice); err != nil {
		return err
	}
	for text := range strings.SplitSeq(memory, ",") {
		if text == "" {
			continue
		}
		n, err := trafficgen.ParseSize(text)
		if err != nil {
			return err
		}
		b.memory = append(b.memory, n)
	}
	if b.folder == "" {
		if b.folder, err = os.MkdirTemp("", "wsdump-bench-*"); err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(b.folder) }()
	}
	steps := []func() error{b.build, b.make, b.check, b.measure, b.measureMemory}
	if b.beside {
		b.size = b.slice
		steps = []func() error{b.build, b.make, func() error { return b.compare(b.out) }}
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	if b.beside {
		return nil
	}
	return b.print(b.out)
}

func (b *bench) path(name string) string { return filepath.Join(b.folder, name) }

// say tells how far it is, beside the table.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
