package report

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/clipperhouse/displaywidth"

	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/stats"
	"github.com/wsdump/wsdump/timeline"
)

// Stats prints what a timeline came to, for people: what stands out, then
// figures and pictures. All is printed at the end.
type Stats struct {
	*stats.Collector
	writer
	opt   Options
	print func(*Stats, *stats.Report)
}

// NewStats returns an output that prints with tables and pictures.
func NewStats(w io.Writer, opt Options, figures stats.Options) *Stats {
	return &Stats{Collector: stats.New(figures), writer: newWriter(w, &opt), opt: opt, print: (*Stats).draw}
}

// Needs asks for payload, since sizes are made from it.
func (s *Stats) Needs(c *timeline.Conn) timeline.Needs {
	if s.opt.Payload == PayloadNone {
		return timeline.Needs{}
	}
	return s.Collector.Needs(c)
}

// Select implements [query.Selective]: a connection is opened and closed here
// when any of its rows matches.
func (s *Stats) Select(query.Match) {}

// Done prints everything.
func (s *Stats) Done(t *timeline.Totals) {
	s.Collector.Done(t)
	s.print(s, s.Report())
	s.write()
}

// Flush writes what is buffered: nothing before the end.
func (s *Stats) Flush() error { return s.err }

// statsWidth is how wide text and pictures are where no terminal says so.
const statsWidth = 100

func (s *Stats) width() int {
	if s.opt.Width > 0 {
		return max(s.opt.Width, 40)
	}
	return statsWidth
}

func (s *Stats) draw(r *stats.Report) {
	if r.Conns.N == 0 && r.Messages[0].N+r.Messages[1].N == 0 && len(r.Rules) == 0 {
		return // what was there instead is said elsewhere
	}
	s.head("What stands out")
	said := Statements(r)
	if len(said) == 0 {
		s.line(NothingStandsOut)
	}
	for i := range said {
		s.item(said[i].Text)
	}
	s.head("Connections")
	s.paragraph(connWords(r), "")
	s.messages(r)
	s.pictures(r)
	s.sizes(r)
	s.times(r)
	s.replies(r)
	s.sequences(r)
	s.closes(r)
	s.rules(r)
	s.talkers("Busiest connections", r.Busiest, r.Conns.N)
	s.talkers("Busiest clients", r.Clients, r.Conns.Clients)
	s.tcp(r)
	for _, b := range r.Bounds {
		s.paragraph(fmt.Sprintf("Not all was looked at: %s are %s at most; %s more were left out.", b.What, count(b.Limit), count(b.Left)), "")
	}
}

// line ends with a line break; text is safe.
func (s *Stats) line(text string) {
	from := len(s.buf)
	s.buf = append(s.buf, text...)
	if s.opt.ASCII {
		s.buf = plainSymbols(s.buf, from)
	}
	s.buf = append(s.buf, '\n')
}

func (s *Stats) head(text string) {
	if len(s.buf) > 0 {
		s.buf = append(s.buf, '\n')
	}
	if s.opt.Color {
		text = colorBold + text + colorReset
	}
	s.line(text)
}

// item prints a statement, its further lines indented.
func (s *Stats) item(text string) { s.paragraph("- "+text, "  ") }

// paragraph prints text in lines that fit.
func (s *Stats) paragraph(text, indent string) {
	line, columns := "", 0
	for _, word := range strings.Split(text, " ") {
		w := displaywidth.String(word)
		if columns > 0 && columns+1+w > s.width() {
			s.line(line)
			line, columns = indent+word, len(indent)+w
			continue
		}
		if columns > 0 {
			line, columns = line+" ", columns+1
		}
		line, columns = line+word, columns+w
	}
	s.line(line)
}

func (s *Stats) table(head []string, rows [][]string) {
	if s.opt.Width > 0 {
		rows = narrow(head, rows, s.opt.Width)
	}
	var drawn strings.Builder
	if err := drawTable(&drawn, head, rows); err != nil && s.err == nil {
		s.err = fmt.Errorf("drawing a table: %w", err)
	}
	for line := range strings.Lines(drawn.String()) {
		s.line(strings.TrimRight(line, " \n"))
	}
}

// narrow cuts the URL column, if there is one, so that a table fits.
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
		total += w + len(listGap)
	}
	if url < 0 || total <= width {
		return rows
	}
	for _, row := range rows {
		row[url] = cut(row[url], max(widest-(total-width), leastURL/2))
	}
	return rows
}

func connWords(r *stats.Report) string {
	c := &r.Conns
	said := plural(c.N, "connection")
	if c.Clients > 0 {
		said += " of " + plural(c.Clients, "client")
	}
	var parts []string
	add := func(n uint64, what string) {
		if n > 0 {
			parts = append(parts, count(n)+" "+what)
		}
	}
	add(c.Ended, "ended")
	add(c.Open, "open when the capture ended")
	add(c.Refused, "refused")
	add(c.Unanswered, "without a response")
	add(c.Lost, "whose end nobody saw")
	add(c.Midstream, "entered midstream")
	add(c.Legs, "on the other side of a proxy, where messages count once more")
	if len(parts) > 0 {
		said += ": " + strings.Join(parts, ", ")
	}
	if d := r.Duration(); d > 0 {
		said += "; " + duration(d) + " of capture"
	}
	if n := r.Totals.TLSNoKeys; n > 0 {
		said += "; " + plural(n, "more TLS connection") + " without keys, of which nothing is said here"
	}
	return said + "."
}

var ways = [2]string{"sent", "received"}

func (s *Stats) messages(r *stats.Report) {
	if r.Messages[0].N+r.Messages[1].N == 0 {
		return
	}
	head := []string{"MESSAGES", "COUNT", "TEXT", "PAYLOAD", "ON THE WIRE", "P50", "P95", "P99", "LARGEST"}
	var rows [][]string
	squeezed := false
	for dir, way := range ways {
		m := &r.Messages[dir]
		rows = append(rows, []string{
			way, count(m.N), count(m.Text), size(m.Bytes), size(m.WireBytes),
			size(m.Sizes.Quantile(.5)), size(m.Sizes.Quantile(.95)), size(m.Sizes.Quantile(.99)), size(m.Sizes.Max),
		})
		squeezed = squeezed || r.Compression[dir].Messages > 0
	}
	s.buf = append(s.buf, '\n')
	s.table(head, rows)
	for dir, way := range ways {
		if z := &r.Compression[dir]; z.Messages > 0 && z.Bytes > 0 {
			s.line(fmt.Sprintf("Compressed, %s: %s, %s to %s (%.0f %%).", way, plural(z.Messages, "message"), size(z.Bytes), size(z.WireBytes), 100*float64(z.WireBytes)/float64(z.Bytes)))
		}
		if n := r.Messages[dir].Unknown; n > 0 {
			s.line(fmt.Sprintf("Not inflated, %s: %s; their payload counts as it is on the wire.", way, plural(n, "message")))
		}
		if n := r.Messages[dir].Incomplete; n > 0 {
			s.line(fmt.Sprintf("Incomplete, %s: %s.", way, plural(n, "message")))
		}
	}
}

// pictures draws messages and bytes over time.
func (s *Stats) pictures(r *stats.Report) {
	const label = 10 // columns before the picture
	slots := r.Rates.Columns(s.width() - label)
	if r.Duration() < time.Second || r.Messages[0].N+r.Messages[1].N == 0 {
		return
	}
	seconds := slots.Width.Seconds()
	s.head("Messages a second, a column every " + duration(slots.Width))
	for dir, way := range ways {
		s.picture(way, slots.Slots, func(slot *stats.Slot) float64 { return float64(slot.Messages[dir]) / seconds }, shortNumber)
	}
	s.axis(&slots)
	s.head("Payload a second")
	for dir, way := range ways {
		s.picture(way, slots.Slots, func(slot *stats.Slot) float64 { return float64(slot.Bytes[dir]) / seconds },
			func(v float64) string { return size(uint64(math.Round(v))) })
	}
	s.axis(&slots)
}

// shortNumber returns a number in at most some six characters.
func shortNumber(v float64) string {
	switch {
	case v >= 99.95:
		return count(uint64(math.Round(v)))
	case v >= 9.995 || v == 0:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

// pictureRows is how high the picture of one direction is.
const pictureRows = 3

// picture draws a bar for every slot, and the highest value beside them.
func (s *Stats) picture(name string, slots []stats.Slot, of func(*stats.Slot) float64, number func(float64) string) {
	levels := []string{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}
	edge := "│"
	if s.opt.ASCII {
		levels, edge = []string{" ", ".", ":", "#"}, "|"
	}
	most := 0.0
	for i := range slots {
		most = max(most, of(&slots[i]))
	}
	full := len(levels) - 1
	for row := pictureRows - 1; row >= 0; row-- {
		label := ""
		switch row {
		case pictureRows - 1:
			label = number(most)
		case 0:
			label = name
		}
		line := strings.Repeat(" ", max(0, 8-len(label))) + label + edge
		for i := range slots {
			height := 0
			if v := of(&slots[i]); v > 0 {
				height = max(1, int(math.Round(v/most*float64(pictureRows*full))))
			}
			line += levels[min(max(height-row*full, 0), full)]
		}
		s.line(strings.TrimRight(line, " "))
	}
}

// axis says where in time a picture begins and ends.
func (s *Stats) axis(r *stats.Rates) {
	end := duration(time.Duration(len(r.Slots)) * r.Width)
	s.line(strings.Repeat(" ", 9) + "0" + strings.Repeat(" ", max(1, len(r.Slots)-1-len(end))) + end)
}

// barWidth is how long the longest bar of a histogram is.
const barWidth = 24

func (s *Stats) bar(n, most uint64) string {
	if n == 0 || most == 0 {
		return ""
	}
	eighths := max(1, int(float64(n)/float64(most)*barWidth*8))
	if s.opt.ASCII {
		return strings.Repeat("#", max(1, eighths/8))
	}
	bar := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		bar += string([]rune("▏▎▍▌▋▊▉")[rest-1])
	}
	return bar
}

// maxBins is how many rows a histogram has.
const maxBins = 12

// sizes draws the histogram of message sizes, both directions side by side.
func (s *Stats) sizes(r *stats.Report) {
	var both stats.Histogram
	both.Merge(&r.Messages[0].Sizes)
	both.Merge(&r.Messages[1].Sizes)
	bins := both.Bins(maxBins)
	if len(bins) < 2 {
		return
	}
	of := func(h *stats.Histogram) (in []uint64, most uint64) {
		in = make([]uint64, len(bins))
		for i, b := range bins {
			in[i] = h.Between(b.Low, b.High)
			most = max(most, in[i])
		}
		return in, most
	}
	sent, mostSent := of(&r.Messages[0].Sizes)
	received, mostReceived := of(&r.Messages[1].Sizes)
	var rows [][]string
	for i, b := range bins {
		rows = append(rows, []string{
			size(b.Low) + " to " + size(b.High), count(sent[i]), s.bar(sent[i], mostSent), count(received[i]), s.bar(received[i], mostReceived),
		})
	}
	s.head("Sizes of messages")
	s.table([]string{"PAYLOAD", "SENT", "", "RECEIVED", ""}, rows)
}
