package report

import (
	"bytes"
	_ "embed" // the page
	"html"
	"io"
	"strings"

	"github.com/wsdump/wsdump/internal/page"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/timeline"
)

var (
	//go:embed page/page.html
	htmlPage string
	//go:embed page/page.css
	htmlStyle string
	//go:embed page/page.js
	htmlScript string
)

// htmlPayload is the default bound of a payload in HTML, in bytes.
const htmlPayload = 64 << 10

// HTML prints a timeline as one self-contained page. The rows are lines of [NDJSON]
// in a data block, and the page's own script shows them. The content security policy
// allows only that script and that style, by their hashes, and no network. A payload
// always stays text.
type HTML struct {
	*NDJSON
	w    io.Writer
	tail string
	done bool
}

// NewHTML returns an HTML output. It writes the beginning of the page with the first
// rows.
func NewHTML(w io.Writer, opt Options) *HTML {
	if opt.Payload == PayloadDefault {
		opt.Payload = htmlPayload
	}
	head, tail := htmlParts(opt.Files)
	return &HTML{NDJSON: NewNDJSON(&htmlData{w: w, head: head}, opt), w: w, tail: tail}
}

// htmlParts returns the page before the rows and after them.
func htmlParts(files []string) (head, tail string) {
	page := strings.NewReplacer(
		"{{policy}}", "default-src 'none'; base-uri 'none'; form-action 'none'; script-src '"+page.PolicyHash(htmlScript)+"'; style-src '"+page.PolicyHash(htmlStyle)+"'",
		"{{title}}", html.EscapeString(page.Title(files)),
		"{{style}}", htmlStyle,
		"{{script}}", htmlScript,
	).Replace(htmlPage)
	head, tail, _ = strings.Cut(page, "{{data}}\n")
	return head, tail
}

// Select implements [query.Selective].
func (h *HTML) Select(m query.Match) { h.NDJSON.Select(m) }

// Done prints the last rows and the end of the page.
func (h *HTML) Done(t *timeline.Totals) {
	h.NDJSON.Done(t)
	if h.err == nil && !h.done {
		h.done = true
		_, h.err = io.WriteString(h.w, h.tail)
	}
}

// htmlData writes lines of JSON into the data block of a page. A < can only occur
// inside a JSON string. It becomes an escape, so no payload can end the block.
type htmlData struct {
	w    io.Writer
	head string // the beginning of the page, "" once it is written
	buf  []byte
}

func (d *htmlData) Write(b []byte) (int, error) {
	d.buf = append(d.buf[:0], d.head...)
	d.head = ""
	for rest := b; len(rest) > 0; {
		i := bytes.IndexByte(rest, '<')
		if i < 0 {
			d.buf = append(d.buf, rest...)
			break
		}
		d.buf = append(append(d.buf, rest[:i]...), `\u003c`...)
		rest = rest[i+1:]
	}
	if _, err := d.w.Write(d.buf); err != nil {
		return 0, err
	}
	return len(b), nil
}
