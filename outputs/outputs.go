// Package outputs has every format of a timeline by its name: a new one is one line.
package outputs

import (
	"io"

	"github.com/wsdump/wsdump/har"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/report/statistics"
	"github.com/wsdump/wsdump/stats"
	"github.com/wsdump/wsdump/transcript"
)

// Format is one way to print. A constructor is nil where the format does not print
// that kind.
type Format struct {
	Name, About, Extension string
	Shared                 bool // made to be passed on: secrets are taken out by default
	Buffers                bool // keeps the rows of connections until they end
	Rows                   func(io.Writer, report.Options) report.Output
	List                   func(io.Writer, report.Options) report.Output
	Stats                  func(io.Writer, report.Options, stats.Options) report.Output
}

// Formats returns all formats. The first is the default.
func Formats() []Format {
	return []Format{
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
