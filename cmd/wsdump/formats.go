package main

import (
	"io"
	"strings"

	"github.com/wsdump/wsdump/har"
	"github.com/wsdump/wsdump/internal/flagvalue"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/report/statistics"
	"github.com/wsdump/wsdump/stats"
	"github.com/wsdump/wsdump/transcript"
)

// format is one way to print, for -T. A constructor is nil where the format does
// not print that kind.
type format struct {
	name, about, extension string
	shared                 bool // made to be passed on: secrets are taken out by default
	buffers                bool // keeps the rows of connections until they end
	rows                   func(io.Writer, report.Options) report.Output
	list                   func(io.Writer, report.Options) report.Output
	stats                  func(io.Writer, report.Options, stats.Options) report.Output
}

// formats are all of them; the first is the default.
func formats() []format {
	return []format{
		{"table", "for people", ".txt", false, false, output(report.NewTable), output(report.NewList), figures(statistics.NewText)},
		{"ndjson", "one JSON object a line, for programs", ".ndjson", false, false, output(report.NewNDJSON), output(report.NewListNDJSON), figures(statistics.NewNDJSON)},
		{"csv", "for spreadsheets and databases", ".csv", false, false, output(report.NewCSV), output(report.NewListCSV), nil},
		{"html", "one page for any browser, to look at and to pass on", ".html", true, true, output(report.NewHTML), nil, figures(statistics.NewHTML)},
		{"har", "for browsers' devtools and proxies", ".har", true, true, newHAR, nil, nil},
		{"transcript", "> sent, < received, ! the rest: to compare", ".wst", false, false, newTranscript, nil, nil},
	}
}

// output turns a constructor of one type of output into one of any.
func output[T report.Output](make func(io.Writer, report.Options) T) func(io.Writer, report.Options) report.Output {
	return func(w io.Writer, opt report.Options) report.Output { return make(w, opt) }
}

// figures does the same for outputs of statistics.
func figures[T report.Output](make func(io.Writer, report.Options, stats.Options) T) func(io.Writer, report.Options, stats.Options) report.Output {
	return func(w io.Writer, opt report.Options, figures stats.Options) report.Output {
		return make(w, opt, figures)
	}
}

func newTranscript(w io.Writer, opt report.Options) report.Output {
	return transcript.NewWriter(w, transcript.Options{
		Payload:    max(0, int(opt.Payload)),
		NoPayload:  opt.Payload == report.PayloadNone,
		NoControl:  opt.Hides(report.HideControl),
		NoMessages: opt.Hides(report.HideMessage),
		NoFindings: opt.Hides(report.HideFinding),
		NoEnds:     opt.Hides(report.HideClose),
		Stop:       opt.Stop,
	})
}

func newHAR(w io.Writer, opt report.Options) report.Output {
	payload := max(0, int(opt.Payload))
	if opt.Payload == report.PayloadNone {
		payload = -1
	}
	return har.NewWriter(w, har.Options{Version: opt.Version, Control: opt.HARControl, Payload: payload, Stop: opt.Stop})
}

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
	figures stats.Options // of statistics
}

// Type implements [pflag.Value].
func (f *formatFlag) Type() string { return "NAME" }

// words sets the words of -T and returns its help.
func (f *formatFlag) words(of kind) (help string) {
	f.of = of
	for _, format := range formats() {
		if f.constructor(format) != nil {
			f.Words = append(f.Words, format.name)
		}
	}
	f.Value = f.Words[0]
	last := len(f.Words) - 1
	return strings.Join(f.Words[:last], ", ") + " or " + f.Words[last]
}

func (f *formatFlag) constructor(format format) func(io.Writer, report.Options) report.Output {
	switch {
	case f.of == kindList:
		return format.list
	case f.of == kindStats && format.stats != nil:
		return func(w io.Writer, opt report.Options) report.Output { return format.stats(w, opt, f.figures) }
	case f.of == kindStats:
		return nil
	}
	return format.rows
}

// format returns the chosen format.
func (f *formatFlag) format() format {
	for _, format := range formats() {
		if format.name == f.Value {
			return format
		}
	}
	panic("no format " + f.Value) // Set refuses all others
}

// output returns what prints in the chosen format.
func (f *formatFlag) output(w io.Writer, opt report.Options) report.Output {
	return f.constructor(f.format())(w, opt)
}
