// Package statistics prints the figures of package stats: for people as text or as a
// page, for programs as NDJSON.
package statistics

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/wsdump/wsdump/internal/page"
	"github.com/wsdump/wsdump/internal/quantity"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/stats"
	"github.com/wsdump/wsdump/timeline"
)

// Printer prints statistics for people: what stands out, then figures and charts. It
// prints all at the end, by a renderer, but intervals at once.
type Printer struct {
	*stats.Collector
	buffer
	opt       report.Options
	renderer  renderer
	intervals int // number of interval lines printed
}

// renderer lays statistics out: for a terminal, or as a page for browsers. All text
// that it gets is safe to show on a terminal.
type renderer interface {
	open(title string)
	close()
	head(text string)
	item(text string) // an item of a list
	paragraph(text string)
	table(head []string, rows [][]string)
	// chart draws a bar for every slot in each direction, and the highest value.
	chart(slots *stats.Rates, of func(slot *stats.Slot, dir int) float64, number func(float64) string)
	columns() int              // how many slots a chart shows
	bar(n, most uint64) string // a table cell with a bar for n, where most has the full length
	gap()                      // separates what follows
	empty(t *timeline.Totals)  // the capture has no WebSocket traffic
}

// buffer collects output and keeps the first error.
type buffer struct {
	w    io.Writer
	buf  []byte
	err  error
	stop func() // called once, at the first error; may be nil
}

// write hands the buffer to the writer.
func (p *buffer) write() {
	if p.err == nil && len(p.buf) > 0 {
		if _, p.err = p.w.Write(p.buf); p.err != nil && p.stop != nil {
			p.stop()
		}
	}
	p.buf = p.buf[:0]
}

// Err returns the first write error.
func (p *buffer) Err() error { return p.err }

// NewText returns an output that prints text with tables and charts.
func NewText(w io.Writer, opt report.Options, figures stats.Options) *Printer {
	s := &Printer{Collector: stats.New(figures), buffer: buffer{w: w, stop: opt.Stop}, opt: opt}
	s.renderer = &textRenderer{&s.buffer, &s.opt}
	return s
}

// Needs asks for payload, since sizes are made from it.
func (s *Printer) Needs(c *timeline.Conn) timeline.Needs {
	if s.opt.Payload == report.PayloadNone {
		return timeline.Needs{}
	}
	return s.Collector.Needs(c)
}

// Select implements [query.Selective]. It does nothing: a connection is opened and
// closed here when any of its rows matches.
func (s *Printer) Select(query.Match) {}

// Done prints everything.
func (s *Printer) Done(t *timeline.Totals) {
	s.Collector.Done(t)
	s.renderer.open(page.Title(s.opt.Files))
	s.draw(s.Report())
	s.renderer.close()
	s.write()
}

// Flush returns the first write error. Before the end only intervals are printed, and
// those at once.
func (s *Printer) Flush() error { return s.err }

func (s *Printer) draw(r *stats.Report) {
	if r.Conns.N == 0 && r.Messages[0].N+r.Messages[1].N == 0 && len(r.Rules) == 0 {
		s.renderer.empty(&r.Totals)
		return
	}
	s.renderer.head("What stands out")
	words := Statements(r)
	if len(words) == 0 {
		s.renderer.paragraph(NothingStandsOut)
	}
	for i := range words {
		s.renderer.item(words[i].Text)
	}
	s.renderer.head("Connections")
	s.renderer.paragraph(connWords(r))
	s.messages(r)
	s.charts(r)
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
		s.renderer.paragraph(fmt.Sprintf("Not all was looked at: %s are %s at most; %s more were left out.", b.What, quantity.Count(b.Limit), quantity.Count(b.Omitted)))
	}
}

func connWords(r *stats.Report) string {
	c := &r.Conns
	words := quantity.Plural(c.N, "connection")
	if c.Clients > 0 {
		words += " of " + quantity.Plural(c.Clients, "client")
	}
	var parts []string
	add := func(n uint64, what string) {
		if n > 0 {
			parts = append(parts, quantity.Count(n)+" "+what)
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
		words += ": " + strings.Join(parts, ", ")
	}
	if d := r.Duration(); d > 0 {
		words += "; " + quantity.Duration(d) + " of capture"
	}
	if n := r.Totals.TLSNoKeys; n > 0 {
		words += "; " + quantity.Plural(n, "more TLS connection") + " without keys, of which nothing is said here"
	}
	return words + "."
}

var ways = [2]string{"sent", "received"}

func (s *Printer) messages(r *stats.Report) {
	if r.Messages[0].N+r.Messages[1].N == 0 {
		return
	}
	head := []string{"MESSAGES", "COUNT", "TEXT", "PAYLOAD", "ON THE WIRE", "P50", "P95", "P99", "LARGEST"}
	var rows [][]string
	squeezed := false
	for dir, way := range ways {
		m := &r.Messages[dir]
		rows = append(rows, []string{
			way, quantity.Count(m.N), quantity.Count(m.Text), quantity.Size(m.Bytes), quantity.Size(m.WireBytes),
			quantity.Size(m.Sizes.Quantile(.5)), quantity.Size(m.Sizes.Quantile(.95)), quantity.Size(m.Sizes.Quantile(.99)), quantity.Size(m.Sizes.Max),
		})
		squeezed = squeezed || r.Compression[dir].Messages > 0
	}
	s.renderer.gap()
	s.renderer.table(head, rows)
	for dir, way := range ways {
		if z := &r.Compression[dir]; z.Messages > 0 && z.Bytes > 0 {
			s.renderer.paragraph(fmt.Sprintf("Compressed, %s: %s, %s to %s (%.0f %%).", way, quantity.Plural(z.Messages, "message"), quantity.Size(z.Bytes), quantity.Size(z.WireBytes), 100*float64(z.WireBytes)/float64(z.Bytes)))
		}
		if n := r.Messages[dir].Unknown; n > 0 {
			s.renderer.paragraph(fmt.Sprintf("Not inflated, %s: %s; their payload counts as it is on the wire.", way, quantity.Plural(n, "message")))
		}
		if n := r.Messages[dir].Incomplete; n > 0 {
			s.renderer.paragraph(fmt.Sprintf("Incomplete, %s: %s.", way, quantity.Plural(n, "message")))
		}
	}
}

// charts draws messages and bytes over time.
func (s *Printer) charts(r *stats.Report) {
	if r.Duration() < time.Second || r.Messages[0].N+r.Messages[1].N == 0 {
		return
	}
	slots := r.Rates.Columns(s.renderer.columns())
	seconds := slots.Width.Seconds()
	s.renderer.head("Messages a second, a column every " + quantity.Duration(slots.Width))
	s.renderer.chart(&slots, func(slot *stats.Slot, dir int) float64 { return float64(slot.Messages[dir]) / seconds }, shortNumber)
	s.renderer.head("Payload a second")
	s.renderer.chart(&slots, func(slot *stats.Slot, dir int) float64 { return float64(slot.Bytes[dir]) / seconds },
		func(v float64) string { return quantity.Size(uint64(math.Round(v))) })
}

// shortNumber returns a number in about six characters at most.
func shortNumber(v float64) string {
	switch {
	case v >= 99.95:
		return quantity.Count(uint64(math.Round(v)))
	case v >= 9.995 || v == 0:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

// maxBins is the most rows of a histogram.
const maxBins = 12

// sizes draws the histogram of message sizes, both directions side by side.
func (s *Printer) sizes(r *stats.Report) {
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
			quantity.Size(b.Low) + " to " + quantity.Size(b.High), quantity.Count(sent[i]), s.renderer.bar(sent[i], mostSent), quantity.Count(received[i]), s.renderer.bar(received[i], mostReceived),
		})
	}
	s.renderer.head("Sizes of messages")
	s.renderer.table([]string{"PAYLOAD", "SENT", "", "RECEIVED", ""}, rows)
}
