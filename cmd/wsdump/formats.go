package main

import (
	"io"

	"github.com/wsdump/wsdump/har"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/report/statistics"
	"github.com/wsdump/wsdump/stats"
	"github.com/wsdump/wsdump/transcript"
)

// format is one way to print, for -T.
type format struct {
	name, about string
	shared      bool                                          // made to be passed on: secrets are taken out by default
	rows        func(io.Writer, report.Options) report.Output // nil: not for timelines
	list        func(io.Writer, report.Options) report.Output // nil: not for lists
	stats       func(io.Writer, report.Options, stats.Options) report.Output
}

// formats are all of them; the first is the default.
func formats() []format {
	return []format{
		{"table", "for people", false, output(report.NewTable), output(report.NewList), figures(statistics.NewText)},
		{"ndjson", "one JSON object a line, for programs", false, output(report.NewNDJSON), output(report.NewListNDJSON), figures(statistics.NewNDJSON)},
		{"csv", "for spreadsheets and databases", false, output(report.NewCSV), output(report.NewListCSV), nil},
		{"html", "one page for any browser, to look at and to pass on", true, output(report.NewHTML), nil, figures(statistics.NewHTML)},
		{"har", "for browsers' devtools and proxies", true, newHAR, nil, nil},
		{"transcript", "> sent, < received, ! the rest: to compare", false, newTranscript, nil, nil},
	}
}

// output makes a constructor of one that returns its own type.
func output[T report.Output](make func(io.Writer, report.Options) T) func(io.Writer, report.Options) report.Output {
	return func(w io.Writer, opt report.Options) report.Output { return make(w, opt) }
}

// figures is the same for outputs of statistics.
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
	return har.NewWriter(w, har.Options{Version: opt.Version, Control: opt.HARControl, Payload: harPayload(opt.Payload), Stop: opt.Stop})
}

func harPayload(p report.Payload) int {
	switch {
	case p == report.PayloadNone:
		return -1
	case p > 0:
		return int(p)
	}
	return 0
}

// formatFlag is the value of -T.
type formatFlag struct {
	choice
	of      views
	figures stats.Options // statsView
}

// views are what can be made of a timeline.
type views uint8

const (
	rowsView views = iota
	listView
	statsView
)

// register fills in the words of -T and returns its help.
func (f *formatFlag) register(of views) (help string) {
	f.of = of
	help = "output `NAME`:"
	for _, format := range formats() {
		if f.constructor(format) == nil {
			continue
		}
		if len(f.words) > 0 {
			help += ","
		}
		f.words = append(f.words, format.name)
		help += " " + format.name
	}
	f.value = f.words[0]
	return help
}

func (f *formatFlag) constructor(format format) func(io.Writer, report.Options) report.Output {
	switch {
	case f.of == listView:
		return format.list
	case f.of == statsView && format.stats != nil:
		return func(w io.Writer, opt report.Options) report.Output { return format.stats(w, opt, f.figures) }
	case f.of == statsView:
		return nil
	}
	return format.rows
}

// format returns the chosen format.
func (f *formatFlag) format() format {
	for _, format := range formats() {
		if format.name == f.value {
			return format
		}
	}
	panic("no format " + f.value) // Set refuses all others
}

// output returns what prints in the chosen format.
func (f *formatFlag) output(w io.Writer, opt report.Options) report.Output {
	return f.constructor(f.format())(w, opt)
}
