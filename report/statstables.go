package report

import (
	"fmt"
	"strconv"
	"time"

	"github.com/wsdump/wsdump/stats"
	"github.com/wsdump/wsdump/timeline"
)

// This file holds the tables of [Stats] behind its pictures.

// figure is a histogram of times with its name for people and its word of
// docs/SCHEMA.md.
type figure struct {
	name, word string
	dir        int // -1 for none
	h          *stats.Histogram
}

// timeFigures are all histograms of times; some may be empty.
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

func (s *Stats) times(r *stats.Report) {
	var rows [][]string
	var latencies stats.Histogram
	for _, f := range timeFigures(r) {
		if f.h.N == 0 {
			continue
		}
		if f.word == "ping_rtt" || f.word == "reply" {
			latencies.Merge(f.h)
		}
		d := func(q float64) string { return duration(time.Duration(f.h.Quantile(q))) }
		rows = append(rows, []string{
			f.name, count(f.h.N), duration(time.Duration(f.h.Min)), duration(time.Duration(f.h.Mean())), d(.5), d(.95), d(.99), duration(time.Duration(f.h.Max)),
		})
	}
	if len(rows) == 0 {
		return
	}
	s.paper.gap()
	s.paper.table([]string{"TIME", "COUNT", "LEAST", "MEAN", "P50", "P95", "P99", "MOST"}, rows)
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
			duration(time.Duration(b.Low)) + " to " + duration(time.Duration(b.High)), count(b.N), s.paper.bar(b.N, most),
		})
	}
	s.paper.head("Round trips: pings, and requests with their answers")
	s.paper.table([]string{"TIME", "COUNT", ""}, rows)
}

func (s *Stats) replies(r *stats.Report) {
	p := r.Replies
	if p == nil {
		return
	}
	s.paper.head("Requests and answers")
	said := fmt.Sprintf("%s answered, %s without an answer; %s without the key.", count(p.Times[0].N+p.Times[1].N),
		count(p.Unanswered[0]+p.Unanswered[1]), plural(p.Without, "message"))
	if w := &p.Slowest; w.Answer != 0 || w.Took > 0 {
		said += fmt.Sprintf(" The slowest took %s: packets %d and %d of connection %d.", duration(w.Took), w.Request, w.Answer, w.Conn)
	}
	s.paper.paragraph(said)
}

func (s *Stats) sequences(r *stats.Report) {
	if r.Sequences == nil {
		return
	}
	var rows [][]string
	for dir, way := range ways {
		q := &r.Sequences[dir]
		missing := "not countable"
		if q.Countable() {
			missing = count(q.Missing)
		}
		rows = append(rows, []string{way, count(q.Checked), count(q.Without), missing, count(q.Doubled), count(q.OutOfOrder), count(q.Across)})
	}
	s.paper.gap()
	s.paper.table([]string{"IDS", "CHECKED", "WITHOUT", "MISSING", "DOUBLED", "OUT OF ORDER", "OVER A RECONNECT"}, rows)
}

// maxCodes is how many close codes are shown.
const maxCodes = 20

func (s *Stats) closes(r *stats.Report) {
	if len(r.CloseCodes) == 0 {
		return
	}
	var rows [][]string
	for _, c := range r.CloseCodes[:min(len(r.CloseCodes), maxCodes)] {
		rows = append(rows, []string{
			codeWords(c.Code), count(c.N), count(c.By[timeline.PartyClient]), count(c.By[timeline.PartyServer]),
		})
	}
	s.paper.gap()
	s.paper.table([]string{"CLOSE CODE", "CONNECTIONS", "BY THE CLIENT", "BY THE SERVER"}, rows)
	if n := len(r.CloseCodes) - maxCodes; n > 0 {
		s.paper.paragraph("and " + plural(uint64(n), "more code") + ".")
	}
}

func (s *Stats) rules(r *stats.Report) {
	if len(r.Rules) == 0 {
		return
	}
	var rows [][]string
	for _, f := range r.Rules {
		rows = append(rows, []string{f.Severity.String(), f.Rule.ID, count(f.N), strconv.FormatUint(f.First, 10), cut(Safe(f.Rule.Title), 60)})
	}
	s.paper.gap()
	s.paper.table([]string{"FINDINGS", "RULE", "COUNT", "FIRST PACKET", "WHAT"}, rows)
}

func (s *Stats) talkers(title string, all []stats.Talker, of uint64) {
	if len(all) < 2 {
		return
	}
	s.paper.head(title)
	conns := all[0].Conn != 0
	head := []string{"#", "URL", "CLIENT", "SERVER", "SENT", "RECEIVED"}
	if !conns {
		head = []string{"CLIENT", "CONNECTIONS", "SENT", "RECEIVED"}
	}
	carried := func(n, bytes uint64) string {
		if n == 0 {
			return "-"
		}
		return count(n) + " (" + size(bytes) + ")"
	}
	var rows [][]string
	for i := range all {
		t := &all[i]
		sent, received := carried(t.Messages[0], t.Bytes[0]), carried(t.Messages[1], t.Bytes[1])
		if conns {
			url := cut(Safe(t.URL), listURL)
			if url == "" {
				url = "(handshake not in the capture)"
			}
			rows = append(rows, []string{strconv.FormatUint(t.Conn, 10), url, t.Client, t.Server, sent, received})
		} else {
			rows = append(rows, []string{t.Client, count(t.Conns), sent, received})
		}
	}
	s.paper.table(head, rows)
	if n := of - uint64(len(all)); of > uint64(len(all)) {
		s.paper.paragraph("and " + count(n) + " more.")
	}
}

func (s *Stats) tcp(r *stats.Report) {
	t := &r.TCP
	if t.Transports == 0 {
		return
	}
	s.paper.head("TCP")
	said := fmt.Sprintf("%s, %s with data: %s sent again, %s overtaken, %s missing from the capture.", plural(t.Transports, "connection"),
		plural(t.Segments[0]+t.Segments[1], "segment"), count(t.Resent[0]+t.Resent[1]), count(t.Reordered[0]+t.Reordered[1]), size(t.Missing[0]+t.Missing[1]))
	if t.Copied > 0 {
		said += " Of " + plural(t.Copied, "connection") + " packets were captured more than once, so that nothing can be said of what was sent again there."
	}
	for _, text := range []string{notUsed(&r.Totals), Duplicates(&r.Totals)} {
		if text != "" {
			said += " " + text
		}
	}
	s.paper.paragraph(said)
	if len(t.Worst) == 0 {
		return
	}
	both := func(n [2]uint64) string { return count(n[0]) + " / " + count(n[1]) }
	var rows [][]string
	for i := range t.Worst {
		w := &t.Worst[i]
		rows = append(rows, []string{
			strconv.FormatUint(w.Conn, 10), w.Client.String(), w.Server.String(), both(w.Segments), both(w.Resent), both(w.Reordered),
			size(w.Missing[0]) + " / " + size(w.Missing[1]),
		})
	}
	s.paper.table([]string{"#", "CLIENT", "SERVER", "SEGMENTS SENT / RECEIVED", "SENT AGAIN", "OVERTAKEN", "MISSING"}, rows)
}
