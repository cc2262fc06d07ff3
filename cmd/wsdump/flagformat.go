package main

import (
	"io"
	"path/filepath"
	"strings"

	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/internal/flagvalue"
	"github.com/wsdump/wsdump/outputs"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/stats"
)

// kind is what can be made of a timeline.
type kind uint8

const (
	kindRows kind = iota
	kindList
	kindStats
)

// formatFlag is the value of -T.
type formatFlag struct {
	flagvalue.Choice
	of      kind
	given   bool
	figures stats.Options // of statistics
}

// Set implements [pflag.Value].
func (f *formatFlag) Set(s string) error {
	f.given = true
	return f.Choice.Set(s)
}

// byName takes the format that the name of the output file ends with, unless one was
// chosen. Other names keep the default.
func (f *formatFlag) byName(file string) error {
	extension := strings.ToLower(filepath.Ext(file))
	switch {
	case f.given:
		return nil
	case extension == ".pcap", extension == ".pcapng":
		return console.Usage("-o writes rows, and "+file+" is the name of a capture", "-w "+file+" writes packets; -T chooses a format for any name")
	case extension == ".jsonl", extension == ".json":
		extension = ".ndjson"
	}
	for _, format := range outputs.Formats() {
		if format.Extension != extension {
			continue
		}
		if f.constructor(format) == nil {
			return console.Usage("there is no "+format.Name+" of this view", "it has "+f.wordList()+"; -T chooses one of them for any name")
		}
		f.Value = format.Name
	}
	return nil
}

// Type implements [pflag.Value].
func (f *formatFlag) Type() string { return "NAME" }

// words sets the words of -T and returns its help.
func (f *formatFlag) words(of kind) (help string) {
	f.of = of
	for _, format := range outputs.Formats() {
		if f.constructor(format) != nil {
			f.Words = append(f.Words, format.Name)
		}
	}
	f.Value = f.Words[0]
	return f.wordList() + "; the default is the ending of -o, else " + f.Value
}

func (f *formatFlag) wordList() string {
	last := len(f.Words) - 1
	return strings.Join(f.Words[:last], ", ") + " or " + f.Words[last]
}

func (f *formatFlag) constructor(format outputs.Format) func(io.Writer, report.Options) report.Output {
	switch {
	case f.of == kindList:
		return format.List
	case f.of == kindStats && format.Stats != nil:
		return func(w io.Writer, opt report.Options) report.Output { return format.Stats(w, opt, f.figures) }
	case f.of == kindStats:
		return nil
	}
	return format.Rows
}

// format returns the chosen format.
func (f *formatFlag) format() outputs.Format {
	for _, format := range outputs.Formats() {
		if format.Name == f.Value {
			return format
		}
	}
	panic("no format " + f.Value) // Set refuses all others
}

// output returns what prints in the chosen format.
func (f *formatFlag) output(w io.Writer, opt report.Options) report.Output {
	return f.constructor(f.format())(w, opt)
}
