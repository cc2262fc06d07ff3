package report

import (
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/timeline"
)

// selection is what a filter before an output decided about the next call, see
// [query.Selective]. The zero value prints every row: there is no filter.
type selection struct {
	filtered bool
	match    query.Match
}

// Select implements [query.Selective].
func (s *selection) Select(m query.Match) { s.filtered, s.match = true, m }

// picks reports whether the filter lets row m of the current call through.
func (s *selection) picks(m query.Match) bool { return !s.filtered || s.match&m != 0 }

// frameText decides which frames are text. Only the first frame of a message says so,
// and a filter may keep that frame from the output.
type frameText struct {
	openTexts
	announced *timeline.Frame // the frame that a filter looks at now; only compared, never read
	text      bool            // whether announced is text
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

// framePrinter is an output that prints frames.
type framePrinter interface{ frameText() *frameText }

func (n *NDJSON) frameText() *frameText { return &n.textual }
func (t *Table) frameText() *frameText  { return &t.textual }

// Filtered returns the Sink to use in place of filter, a filter before out. Out then
// learns of frames that filter leaves out, which may say whether later frames are
// text.
func Filtered(filter timeline.Sink, out Output) timeline.Sink {
	if n, ok := out.(framePrinter); ok {
		return &frameWatcher{filter, n.frameText()}
	}
	return filter
}

// frameWatcher sees all frames before a filter does.
type frameWatcher struct {
	timeline.Sink
	texts *frameText
}

func (w *frameWatcher) Frame(f *timeline.Frame) {
	w.texts.announced, w.texts.text = f, w.texts.openTexts.frame(f)
	w.Sink.Frame(f)
	w.texts.announced = nil // f is borrowed and may be reused for the next frame
}

func (w *frameWatcher) Close(c *timeline.Conn, at timeline.Stamp) {
	w.Sink.Close(c, at)
	delete(w.texts.openTexts, c.ID)
}
