package statistics

import (
	_ "embed" // the style
	"fmt"
	"html"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/wsdump/wsdump/internal/page"
	"github.com/wsdump/wsdump/internal/quantity"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/stats"
	"github.com/wsdump/wsdump/timeline"
)

//go:embed page/page.css
var style string

// htmlRenderer renders one self-contained page without a script. Its content security
// policy allows its style and nothing else.
type htmlRenderer struct {
	*buffer
	list bool // whether a list of items is open
}

// NewHTML returns an output that prints an HTML page.
func NewHTML(w io.Writer, opt report.Options, figures stats.Options) *Printer {
	s := NewText(w, opt, figures)
	s.renderer = &htmlRenderer{buffer: &s.buffer}
	return s
}

func (p *htmlRenderer) add(parts ...string) {
	for _, part := range parts {
		p.buf = append(p.buf, part...)
	}
}

// endList closes an open list of items.
func (p *htmlRenderer) endList() {
	if p.list {
		p.add("</ul>\n")
		p.list = false
	}
}

func (p *htmlRenderer) open(title string) {
	title = html.EscapeString(title)
	p.add("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
		`<meta http-equiv="Content-Security-Policy" content="default-src 'none'; base-uri 'none'; form-action 'none'; style-src '`, page.PolicyHash(style), "'\">\n",
		"<meta name=\"viewport\" content=\"width=device-width\">\n<title>", title, " - wsdump stats</title>\n<style>", style, "</style>\n</head>\n<body>\n<h1>", title, "</h1>\n")
}

func (p *htmlRenderer) close() {
	p.endList()
	p.add("</body>\n</html>\n")
}

func (p *htmlRenderer) empty(t *timeline.Totals) { p.paragraph(report.NothingFound(t)) }

func (p *htmlRenderer) gap() {}

func (p *htmlRenderer) head(text string) {
	p.endList()
	p.add("<h2>", html.EscapeString(text), "</h2>\n")
}

func (p *htmlRenderer) item(text string) {
	if !p.list {
		p.add("<ul>\n")
		p.list = true
	}
	p.add("<li>", html.EscapeString(text), "</li>\n")
}

func (p *htmlRenderer) paragraph(text string) {
	p.endList()
	p.add("<p>", html.EscapeString(text), "</p>\n")
}

func (p *htmlRenderer) table(head []string, rows [][]string) {
	p.endList()
	p.add("<table>\n<thead><tr>")
	for _, name := range head {
		p.add("<th>", html.EscapeString(name), "</th>")
	}
	p.add("</tr></thead>\n<tbody>\n")
	for _, row := range rows {
		p.add("<tr>")
		for _, cell := range row {
			if share, is := strings.CutPrefix(cell, barMark); is {
				p.add(`<td class="bar"><svg viewBox="0 0 1000 10" preserveAspectRatio="none"><rect height="10" width="`, share, `"/></svg></td>`)
				continue
			}
			p.add("<td>", html.EscapeString(cell), "</td>")
		}
		p.add("</tr>\n")
	}
	p.add("</tbody>\n</table>\n")
}

// barMark begins a cell that is a bar. Safe text never contains a zero byte.
const barMark = "\x00"

func (p *htmlRenderer) bar(n, most uint64) string {
	if n == 0 || most == 0 {
		return ""
	}
	return barMark + strconv.Itoa(max(4, int(float64(n)/float64(most)*1000)))
}

func (p *htmlRenderer) columns() int { return 240 }

// chartHeight is the height of a chart in its own units; a slot is one unit wide.
const chartHeight = 40

func (p *htmlRenderer) chart(slots *stats.Rates, of func(*stats.Slot, int) float64, number func(float64) string) {
	p.endList()
	end := quantity.Duration(time.Duration(len(slots.Slots)) * slots.Width)
	for dir, way := range ways {
		most := 0.0
		for i := range slots.Slots {
			most = max(most, of(&slots.Slots[i], dir))
		}
		p.add(`<figure><figcaption><b>`, way, `</b><span>`, number(most), ` at most</span></figcaption><svg class="`, way, `" preserveAspectRatio="none" viewBox="0 0 `,
			strconv.Itoa(len(slots.Slots)), " ", strconv.Itoa(chartHeight), `" role="img">`)
		for i := range slots.Slots {
			v := of(&slots.Slots[i], dir)
			if v <= 0 {
				continue
			}
			height := math.Max(1, v/most*chartHeight)
			p.add(fmt.Sprintf(`<rect x="%d" y="%.1f" width="1" height="%.1f"><title>%s: %s</title></rect>`, i, chartHeight-height, height,
				quantity.Duration(time.Duration(i)*slots.Width), number(v)))
		}
		p.add(`</svg><p><span>0</span><span>`, end, "</span></p></figure>\n")
	}
}
