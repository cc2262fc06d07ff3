package main

import (
	"strconv"

	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/timeline"
)

// filterFlag is the expression of -Y.
type filterFlag struct {
	text  string
	given bool
}

func (f *filterFlag) String() string { return f.text }
func (f *filterFlag) Type() string   { return "EXPR" }

// Set takes one expression: of two it would not be clear how they are joined.
func (f *filterFlag) Set(s string) error {
	if f.given {
		return &usageError{text: "there is a filter already", hint: "join them: -Y '(one) and (other)'"}
	}
	f.text, f.given = s, true
	return nil
}

// compile returns nil when no filter was asked for. An error is a *query.Error.
func (f *filterFlag) compile(scope query.Scope) (*query.Program, error) {
	if !f.given {
		return nil, nil
	}
	return query.Compile(f.text, scope)
}

// witness keeps the totals that pass by, and what the filter behind it, if any,
// came to.
type witness struct {
	timeline.Sink
	totals timeline.Totals
	opened uint64

	counts  func() query.Counts // nil: no filter
	row     string              // what it judges, in a word
	missing string              // what to ask for so that it may match, "" for nothing
	payload bool                // payload was asked for, where a row can match
}

// filter puts a filter before next, which is what w tells so far and leads to
// out.
func (w *witness) filter(p *query.Program, next timeline.Sink, out report.Output, opt *report.Options) {
	w.payload = opt.Payload != report.PayloadNone || p.Needs().Payload
	if p.Scope() == query.Connections {
		f := query.NewConnectionFilter(next, p, opt.Files...)
		w.Sink, w.counts, w.row = f, f.Counts, "connection"
		return
	}
	f := query.NewFilter(next, p, opt.Files...)
	w.Sink, w.counts, w.row = report.Filtered(f, out), f.Counts, "row"
	if p.Needs().Frames && !opt.Frames {
		w.missing = "; it asks for what only rows of frames have: see --frames"
	}
}

// Needs asks with the number that c will have. It has none before it is opened,
// which comes next, and a filter may go by it.
func (w *witness) Needs(c *timeline.Conn) timeline.Needs {
	if c.ID != 0 {
		return w.Sink.Needs(c)
	}
	c.ID = w.opened + 1
	needs := w.Sink.Needs(c)
	c.ID = 0
	return needs
}

func (w *witness) Open(c *timeline.Conn) {
	w.opened++
	w.Sink.Open(c)
}

// Done keeps a copy of t. Its lists are the pipeline's, which is done with them.
//
// The pipeline cannot know why nobody needed the payload of a connection. That
// a filter leaves it out says nothing of how the others were judged.
func (w *witness) Done(t *timeline.Totals) {
	w.totals = *t
	w.totals.HeadersOnly = t.HeadersOnly && !w.payload
	w.Sink.Done(&w.totals)
}

// leftOut says what the reader may miss for the filter, "" for nothing.
func (w *witness) leftOut() string {
	if w.counts == nil {
		return ""
	}
	n := w.counts()
	text := ""
	if n.Matched == 0 && n.Rows > 0 {
		text = "nothing matches the filter; " + some(n.Rows, w.row) + " looked at" + w.missing
	}
	if n.Unknown > 0 {
		if text != "" {
			text += "; "
		}
		text += some(n.Unknown, w.row) + " left out since the filter could not judge (encrypted, cut or missing bytes)"
	}
	return text
}

// some returns "1 row was", "3 rows were".
func some(n uint64, what string) string {
	if n == 1 {
		return "1 " + what + " was"
	}
	return strconv.FormatUint(n, 10) + " " + what + "s were"
}
