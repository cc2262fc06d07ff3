package report

import (
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/timeline"
)

// selection is what a filter before an output said of the next call: see
// [query.Selective]. The zero value is that of an output without a filter,
// which prints every row.
type selection struct {
	filtered bool
	match    query.Match
}

// Select implements [query.Selective].
func (s *selection) Select(m query.Match) { s.filtered, s.match = true, m }

// picks reports whether the row m of the current call is printed.
func (s *selection) picks(m query.Match) bool { return !s.filtered || s.match&m != 0 }

// frameText knows which frames are text, which only the first frame of their
// message tells, also where a filter keeps that one from the output.
type frameText struct {
	openTexts
	announced *timeline.Frame // compared only, never read
	text      bool            // of noticed
}

func newFrameText() frameText { return frameText{openTexts: openTexts{}} }

// frame reports whether the payload of f can be text.
func (t *frameText) frame(f *timeline.Frame) bool {
	if f == t.announced {
		t.announced = nil
		return t.text
	}
	return t.openTexts.frame(f)
}

// noticer is an output with rows of frames.
type framePrinter interface{ frameText() *frameText }

func (n *NDJSON) frameText() *frameText { return &n.textual }
func (t *Table) frameText() *frameText  { return &t.textual }

// Filtered returns the Sink to use in place of filter, which stands before out:
// what filter leaves out may tell how to show what it lets through.
func Filtered(filter timeline.Sink, out Output) timeline.Sink {
	if n, ok := out.(framePrinter); ok {
		return &frameWatcher{filter, n.frameText()}
	}
	return filter
}

// watch sees all frames before a filter does.
type frameWatcher struct {
	timeline.Sink
	texts *frameText
}

func (w *frameWatcher) Frame(f *timeline.Frame) {
	w.texts.announced, w.texts.text = f, w.texts.openTexts.frame(f)
	w.Sink.Frame(f)
	w.texts.announced = nil // it is borrowed, and may be used again for the next
}

func (w *frameWatcher) Close(c *timeline.Conn, at timeline.Stamp) {
	w.Sink.Close(c, at)
	delete(w.texts.openTexts, c.ID)
}
