package statistics

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/clipperhouse/displaywidth"

	"github.com/wsdump/wsdump/internal/quantity"
	"github.com/wsdump/wsdump/internal/terminal"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/stats"
	"github.com/wsdump/wsdump/timeline"
)

// textRenderer renders text for terminals.
type textRenderer struct {
	*buffer
	opt *report.Options
}

func (p *textRenderer) open(string) {}
func (p *textRenderer) close()      {}
func (p *textRenderer) gap()        { p.buf = append(p.buf, '\n') }

// empty prints nothing: the program prints [report.NothingFound] on standard error.
func (p *textRenderer) empty(*timeline.Totals) {}

// defaultWidth is the width of text and charts where no terminal bounds it.
const defaultWidth = 100

func (p *textRenderer) width() int {
	if p.opt.Width > 0 {
		return max(p.opt.Width, 40)
	}
	return defaultWidth
}

// line prints text, which is safe, and a line break.
func (p *textRenderer) line(text string) {
	from := len(p.buf)
	p.buf = append(p.buf, text...)
	if p.opt.ASCII {
		p.buf = terminal.ToASCII(p.buf, from)
	}
	p.buf = append(p.buf, '\n')
}

func (p *textRenderer) head(text string) {
	if len(p.buf) > 0 {
		p.buf = append(p.buf, '\n')
	}
	if p.opt.Color {
		text = terminal.ColorBold + text + terminal.ColorReset
	}
	p.line(text)
}

// item prints a statement. Its further lines are indented.
func (p *textRenderer) item(text string) { p.lines("- "+text, "  ") }

func (p *textRenderer) paragraph(text string) { p.lines(text, "") }

// lines prints text in lines that fit the width.
func (p *textRenderer) lines(text, indent string) {
	line, columns := "", 0
	for _, word := range strings.Split(text, " ") {
		w := displaywidth.String(word)
		if columns > 0 && columns+1+w > p.width() {
			p.line(line)
			line, columns = indent+word, len(indent)+w
			continue
		}
		if columns > 0 {
			line, columns = line+" ", columns+1
		}
		line, columns = line+word, columns+w
	}
	p.line(line)
}

func (p *textRenderer) table(head []string, rows [][]string) {
	if p.opt.Width > 0 {
		rows = narrow(head, rows, p.opt.Width)
	}
	var drawn strings.Builder
	if err := terminal.DrawTable(&drawn, head, rows); err != nil && p.err == nil {
		p.err = fmt.Errorf("drawing a table: %w", err)
	}
	for line := range strings.Lines(drawn.String()) {
		p.line(strings.TrimRight(line, " \n"))
	}
}

// narrow shortens the URL column, if there is one, so that the table fits.
func narrow(head []string, rows [][]string, width int) [][]string {
	url, total, widest := -1, 0, 0
	for i, name := range head {
		w := len(name)
		for _, row := range rows {
			w = max(w, displaywidth.String(row[i]))
		}
		if name == "URL" {
			url, widest = i, w
		}
		total += w + len(terminal.ColumnGap)
	}
	if url < 0 || total <= width {
		return rows
	}
	for _, row := range rows {
		row[url] = terminal.Cut(row[url], max(widest-(total-width), leastURL))
	}
	return rows
}

// chartRows is the height of a chart, in lines for each direction.
const chartRows = 3

// labelWidth is the number of columns left of a chart.
const labelWidth = 10

func (p *textRenderer) columns() int { return p.width() - labelWidth }

func (p *textRenderer) chart(slots *stats.Rates, of func(*stats.Slot, int) float64, number func(float64) string) {
	for dir, way := range ways {
		p.bars(way, slots.Slots, func(slot *stats.Slot) float64 { return of(slot, dir) }, number)
	}
	p.axis(slots)
}

// bars draws a bar for every slot, and the highest value beside them.
func (p *textRenderer) bars(name string, slots []stats.Slot, of func(*stats.Slot) float64, number func(float64) string) {
	levels := []string{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}
	edge := "│"
	if p.opt.ASCII {
		levels, edge = []string{" ", ".", ":", "#"}, "|"
	}
	most := 0.0
	for i := range slots {
		most = max(most, of(&slots[i]))
	}
	full := len(levels) - 1
	for row := chartRows - 1; row >= 0; row-- {
		label := ""
		switch row {
		case chartRows - 1:
			label = number(most)
		case 0:
			label = name
		}
		line := strings.Repeat(" ", max(0, 8-len(label))) + label + edge
		for i := range slots {
			height := 0
			if v := of(&slots[i]); v > 0 {
				height = max(1, int(math.Round(v/most*float64(chartRows*full))))
			}
			line += levels[min(max(height-row*full, 0), full)]
		}
		p.line(strings.TrimRight(line, " "))
	}
}

// axis prints the time at the two ends of a chart.
func (p *textRenderer) axis(r *stats.Rates) {
	end := quantity.Duration(time.Duration(len(r.Slots)) * r.Width)
	p.line(strings.Repeat(" ", 9) + "0" + strings.Repeat(" ", max(1, len(r.Slots)-1-len(end))) + end)
}

// barWidth is the length of the longest bar of a histogram.
const barWidth = 24

func (p *textRenderer) bar(n, most uint64) string {
	if n == 0 || most == 0 {
		return ""
	}
	eighths := max(1, int(float64(n)/float64(most)*barWidth*8))
	if p.opt.ASCII {
		return strings.Repeat("#", max(1, eighths/8))
	}
	bar := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		bar += string([]rune("▏▎▍▌▋▊▉")[rest-1])
	}
	return bar
}
