package statistics

import (
	"fmt"
	"strconv"
	"time"

	"github.com/wsdump/wsdump/internal/quantity"
	"github.com/wsdump/wsdump/internal/terminal"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/stats"
	"github.com/wsdump/wsdump/timeline"
)

// mostURL and leastURL bound the width of a URL in columns.
const (
	mostURL  = 200
	leastURL = 30
)

// This file makes the tables that stand after the charts.

// figure is a histogram of times with its name for people and its key in
// docs/SCHEMA.md.
type figure struct {
	name, word string
	dir        int // -1 for none
	h          *stats.Histogram
}

// timeFigures returns all histograms of times. Some may be empty.
func timeFigures(r *stats.Report) []figure {
	all := []figure{
		{"handshake", "handshake", -1, &r.Handshakes},
		{"until the first message", "first_message", -1, &r.Waits},
		{"connection", "lifetime", -1, &r.Lifetimes},
		{"ping of the client to its pong", "ping_rtt", 0, &r.PingRTT[0]},
		{"ping of the server to its pong", "ping_rtt", 1, &r.PingRTT[1]},
		{"between pings of the client", "ping_interval", 0, &r.PingEvery[0]},
		{"between pings of the server", "ping_interval", 1, &r.PingEvery[1]},
	}
	if r.Replies != nil {
		all = append(all, figure{"request sent to its answer", "reply", 0, &r.Replies.Times[0]},
			figure{"request received to its answer", "reply", 1, &r.Replies.Times[1]})
	}
	return all
}

func (s *Printer) times(r *stats.Report) {
	var rows [][]string
	var latencies stats.Histogram
	for _, f := range timeFigures(r) {
		if f.h.N == 0 {
			continue
		}
		if f.word == "ping_rtt" || f.word == "reply" {
			latencies.Merge(f.h)
		}
		d := func(q float64) string { return quantity.Duration(time.Duration(f.h.Quantile(q))) }
		rows = append(rows, []string{
			f.name, quantity.Count(f.h.N), quantity.Duration(time.Duration(f.h.Min)), quantity.Duration(time.Duration(f.h.Mean())), d(.5), d(.95), d(.99), quantity.Duration(time.Duration(f.h.Max)),
		})
	}
	if len(rows) == 0 {
		return
	}
	s.renderer.gap()
	s.renderer.table([]string{"TIME", "COUNT", "LEAST", "MEAN", "P50", "P95", "P99", "MOST"}, rows)
	bins := latencies.Bins(maxBins)
	if len(bins) < 2 {
		return
	}
	most := uint64(0)
	for _, b := range bins {
		most = max(most, b.N)
	}
	rows = rows[:0]
	for _, b := range bins {
		rows = append(rows, []string{
			quantity.Duration(time.Duration(b.Low)) + " to " + quantity.Duration(time.Duration(b.High)), quantity.Count(b.N), s.renderer.bar(b.N, most),
		})
	}
	s.renderer.head("Round trips: pings, and requests with their answers")
	s.renderer.table([]string{"TIME", "COUNT", ""}, rows)
}

func (s *Printer) replies(r *stats.Report) {
	p := r.Replies
	if p == nil {
		return
	}
	s.renderer.head("Requests and answers")
	words := fmt.Sprintf("%s answered, %s without an answer; %s without the key.", quantity.Count(p.Times[0].N+p.Times[1].N),
		quantity.Count(p.Unanswered[0]+p.Unanswered[1]), quantity.Plural(p.Without, "message"))
	if w := &p.Slowest; w.Answer != 0 || w.Took > 0 {
		words += fmt.Sprintf(" The slowest took %s: packets %d and %d of connection %d.", quantity.Duration(w.Took), w.Request, w.Answer, w.Conn)
	}
	s.renderer.paragraph(words)
}

func (s *Printer) sequences(r *stats.Report) {
	if r.Sequences == nil {
		return
	}
	var rows [][]string
	for dir, way := range ways {
		q := &r.Sequences[dir]
		missing := "not countable"
		if q.Countable() {
			missing = quantity.Count(q.Missing)
		}
		rows = append(rows, []string{way, quantity.Count(q.Checked), quantity.Count(q.Without), missing, quantity.Count(q.Doubled), quantity.Count(q.OutOfOrder), quantity.Count(q.Across)})
	}
	s.renderer.gap()
	s.renderer.table([]string{"IDS", "CHECKED", "WITHOUT", "MISSING", "DOUBLED", "OUT OF ORDER", "OVER A RECONNECT"}, rows)
}

// maxCodes is the most close codes that are shown.
const maxCodes = 20

func (s *Printer) closes(r *stats.Report) {
	if len(r.CloseCodes) == 0 {
		return
	}
	var rows [][]string
	for _, c := range r.CloseCodes[:min(len(r.CloseCodes), maxCodes)] {
		rows = append(rows, []string{
			codeWords(c.Code), quantity.Count(c.N), quantity.Count(c.By[timeline.PartyClient]), quantity.Count(c.By[timeline.PartyServer]),
		})
	}
	s.renderer.gap()
	s.renderer.table([]string{"CLOSE CODE", "CONNECTIONS", "BY THE CLIENT", "BY THE SERVER"}, rows)
	if n := len(r.CloseCodes) - maxCodes; n > 0 {
		s.renderer.paragraph("and " + quantity.Plural(uint64(n), "more code") + ".")
	}
}

func (s *Printer) rules(r *stats.Report) {
	if len(r.Rules) == 0 {
		return
	}
	var rows [][]string
	for _, f := range r.Rules {
		rows = append(rows, []string{f.Severity.String(), f.Rule.ID, quantity.Count(f.N), strconv.FormatUint(f.First, 10), terminal.Cut(terminal.Safe(f.Rule.Title), 60)})
	}
	s.renderer.gap()
	s.renderer.table([]string{"FINDINGS", "RULE", "COUNT", "FIRST PACKET", "WHAT"}, rows)
}

func (s *Printer) talkers(title string, all []stats.Talker, of uint64) {
	if len(all) < 2 {
		return
	}
	s.renderer.head(title)
	conns := all[0].Conn != 0
	head := []string{"#", "URL", "CLIENT", "SERVER", "SENT", "RECEIVED"}
	if !conns {
		head = []string{"CLIENT", "CONNECTIONS", "SENT", "RECEIVED"}
	}
	carried := func(n, bytes uint64) string {
		if n == 0 {
			return "-"
		}
		return quantity.Count(n) + " (" + quantity.Size(bytes) + ")"
	}
	var rows [][]string
	for i := range all {
		t := &all[i]
		sent, received := carried(t.Messages[0], t.Bytes[0]), carried(t.Messages[1], t.Bytes[1])
		if conns {
			url := terminal.Cut(terminal.Safe(t.URL), mostURL)
			if url == "" {
				url = "(handshake not in the capture)"
			}
			rows = append(rows, []string{strconv.FormatUint(t.Conn, 10), url, t.Client, t.Server, sent, received})
		} else {
			rows = append(rows, []string{t.Client, quantity.Count(t.Conns), sent, received})
		}
	}
	s.renderer.table(head, rows)
	if n := of - uint64(len(all)); of > uint64(len(all)) {
		s.renderer.paragraph("and " + quantity.Count(n) + " more.")
	}
}

func (s *Printer) tcp(r *stats.Report) {
	t := &r.TCP
	if t.Transports == 0 {
		return
	}
	s.renderer.head("TCP")
	words := fmt.Sprintf("%s, %s with data: %s sent again, %s overtaken, %s missing from the capture.", quantity.Plural(t.Transports, "connection"),
		quantity.Plural(t.Segments[0]+t.Segments[1], "segment"), quantity.Count(t.Resent[0]+t.Resent[1]), quantity.Count(t.Reordered[0]+t.Reordered[1]), quantity.Size(t.Missing[0]+t.Missing[1]))
	if t.Copied > 0 {
		words += " Of " + quantity.Plural(t.Copied, "connection") + " packets were captured more than once, so that nothing can be said of what was sent again there."
	}
	for _, text := range []string{report.NotUsed(&r.Totals), report.Duplicates(&r.Totals)} {
		if text != "" {
			words += " " + text
		}
	}
	s.renderer.paragraph(words)
	if len(t.Worst) == 0 {
		return
	}
	both := func(n [2]uint64) string { return quantity.Count(n[0]) + " / " + quantity.Count(n[1]) }
	var rows [][]string
	for i := range t.Worst {
		w := &t.Worst[i]
		rows = append(rows, []string{
			strconv.FormatUint(w.Conn, 10), w.Client.String(), w.Server.String(), both(w.Segments), both(w.Resent), both(w.Reordered),
			quantity.Size(w.Missing[0]) + " / " + quantity.Size(w.Missing[1]),
		})
	}
	s.renderer.table([]string{"#", "CLIENT", "SERVER", "SEGMENTS SENT / RECEIVED", "SENT AGAIN", "OVERTAKEN", "MISSING"}, rows)
}
