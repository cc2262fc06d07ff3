package statistics

import (
	"io"
	"time"

	"github.com/wsdump/wsdump/internal/decimal"
	"github.com/wsdump/wsdump/internal/ndjson"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/stats"
	"github.com/wsdump/wsdump/timeline"
)

// NDJSON prints statistics for programs: lines whose type begins with "stat"
// (docs/SCHEMA.md). It prints all of them at the end, but intervals at once.
type NDJSON struct {
	*stats.Collector
	rows    *report.NDJSON // prints the lines of this output between start and summary
	payload bool
	line    ndjson.Line // the current line
	clock   ndjson.Clock
}

// NewNDJSON returns an output that prints NDJSON.
func NewNDJSON(w io.Writer, opt report.Options, figures stats.Options) *NDJSON {
	return &NDJSON{Collector: stats.New(figures), rows: report.NewNDJSON(w, opt), payload: opt.Payload != report.PayloadNone}
}

// Needs asks for payload, since sizes are made from it.
func (n *NDJSON) Needs(c *timeline.Conn) timeline.Needs {
	if !n.payload {
		return timeline.Needs{}
	}
	return n.Collector.Needs(c)
}

// Select implements [query.Selective].
func (n *NDJSON) Select(query.Match) {}

// Flush hands all lines so far to the writer.
func (n *NDJSON) Flush() error { return n.rows.Flush() }

// Err returns the first error of the writer.
func (n *NDJSON) Err() error { return n.rows.Err() }

// maxRateLines is the most lines of rates.
const maxRateLines = 200

// Done prints everything.
func (n *NDJSON) Done(t *timeline.Totals) {
	n.Collector.Done(t)
	r := n.Report()
	for _, statement := range Statements(r) {
		n.stat("stat_stands_out")
		n.line.Word("kind", statement.Kind)
		n.line.Text("text", statement.Text)
		n.line.Numbers("packets", statement.Packets)
		n.finish()
	}
	for i := range r.StandOut.Silence {
		n.cluster("silence", &r.StandOut.Silence[i])
	}
	for i := range r.StandOut.Lifetime {
		n.cluster("lifetime", &r.StandOut.Lifetime[i])
	}
	n.statConns(r)
	for dir := range r.Messages {
		n.statMessages(timeline.Direction(dir), r)
	}
	slots := r.Rates.Columns(maxRateLines)
	for i := range slots.Slots {
		n.rate(&slots, i)
	}
	for _, f := range timeFigures(r) {
		if f.h.N > 0 {
			n.times(&f)
		}
	}
	n.statReplies(r.Replies)
	for dir := 0; r.Sequences != nil && dir < len(r.Sequences); dir++ {
		n.statSequence(timeline.Direction(dir), &r.Sequences[dir])
	}
	for _, c := range r.CloseCodes {
		n.stat("stat_close_code")
		if c.Code != 0 {
			n.line.Number("code", uint64(c.Code))
		}
		n.line.Number("connections", c.N)
		n.line.Number("by_client", c.By[timeline.PartyClient])
		n.line.Number("by_server", c.By[timeline.PartyServer])
		n.finish()
	}
	for _, f := range r.Rules {
		n.stat("stat_rule")
		n.line.Word("rule", f.Rule.ID)
		n.line.Word("severity", f.Severity.String())
		n.line.Number("count", f.N)
		n.line.Number("first_packet", f.First)
		n.finish()
	}
	n.talkers("stat_connection", r.Busiest)
	n.talkers("stat_client", r.Clients)
	n.statTCP(&r.TCP)
	for _, b := range r.Bounds {
		n.stat("stat_bound")
		n.line.Text("what", b.What)
		n.line.Number("limit", b.Limit)
		n.line.Number("left_out", b.Omitted)
		n.finish()
	}
	n.rows.Done(t)
}

// stat starts a line of the type kind.
func (n *NDJSON) stat(kind string) {
	n.line = append(append(append(n.line[:0], `{"type":"`...), kind...), '"')
}

// finish ends the line and prints it.
func (n *NDJSON) finish() {
	n.line = append(n.line, '}', '\n')
	n.rows.Line(n.line)
}

func (n *NDJSON) dir(d timeline.Direction) { n.line.Word("dir", d.String()) }

func (n *NDJSON) cluster(kind string, c *stats.Cluster) {
	n.stat("stat_cluster")
	n.line.Word("kind", kind)
	n.line.Number("connections", c.N)
	n.line.Number("of", c.Of)
	n.line.Mark("sampled", c.Sampled)
	n.line.Millis("median_ms", int64(c.Median))
	n.line.Millis("least_ms", int64(c.Least))
	n.line.Millis("most_ms", int64(c.Most))
	n.line.Word("by", c.By.String())
	n.line.Word("how", [...]string{"close", "fin", "rst"}[c.How])
	if c.Code != 0 {
		n.line.Number("code", uint64(c.Code))
	}
	var names []string
	for _, d := range c.Candidates {
		names = append(names, d.Product)
	}
	n.line.Texts("candidates", names)
	n.line.Flag("simultaneous", c.Simultaneous)
	n.line.Number("pinged", c.Pinged)
	if c.SlowPings > 0 {
		n.line.Number("slow_pings", c.SlowPings)
		n.line.Millis("ping_every_ms", int64(c.PingEvery))
	}
	n.line.Numbers("packets", c.Packets)
	n.line.Numbers("conns", c.Conns)
	n.finish()
}

func (n *NDJSON) statConns(r *stats.Report) {
	c := &r.Conns
	n.stat("stat_connections")
	n.line.Number("connections", c.N)
	n.line.Number("clients", c.Clients)
	n.line.Number("ended", c.Ended)
	n.line.Number("open", c.Open)
	n.line.Number("refused", c.Refused)
	n.line.Number("unanswered", c.Unanswered)
	n.line.Number("lost", c.Lost)
	n.line.Number("midstream", c.Midstream)
	n.line.Number("legs", c.Legs)
	n.finish()
	for i := range r.StandOut.Broken {
		e := &r.StandOut.Broken[i]
		n.stat("stat_end")
		n.line.Word("by", e.By.String())
		n.line.Word("how", [...]string{"close", "fin", "rst"}[e.How])
		if e.Code != 0 {
			n.line.Number("code", uint64(e.Code))
		}
		n.line.Number("connections", e.N)
		n.line.Numbers("packets", e.Packets)
		n.finish()
	}
	for i := range r.StandOut.Refused {
		e := &r.StandOut.Refused[i]
		n.stat("stat_refused")
		n.line.Number("status", uint64(max(0, e.Status)))
		n.line.Number("connections", e.N)
		n.line.Numbers("packets", e.Packets)
		n.finish()
	}
	for i := range r.StandOut.Reconnects {
		c := &r.StandOut.Reconnects[i]
		n.stat("stat_reconnects")
		n.line.Word("client", c.Client.String())
		n.line.Header("url", c.URL)
		n.line.Number("count", c.N)
		n.line.Millis("least_ms", int64(c.Least))
		n.line.Millis("mean_ms", int64(c.Mean))
		n.line.Millis("most_ms", int64(c.Most))
		n.line.Numbers("packets", c.Packets)
		n.finish()
	}
}

func (n *NDJSON) statMessages(dir timeline.Direction, r *stats.Report) {
	m := &r.Messages[dir]
	n.stat("stat_messages")
	n.dir(dir)
	n.line.Number("messages", m.N)
	n.line.Number("text", m.Text)
	n.line.Number("bytes", m.Bytes)
	n.line.Number("wire_bytes", m.WireBytes)
	n.line.Number("incomplete", m.Incomplete)
	n.line.Number("not_inflated", m.Unknown)
	if z := &r.Compression[dir]; z.Messages > 0 {
		n.line.Number("compressed", z.Messages)
		n.line.Number("compressed_bytes", z.Bytes)
		n.line.Number("compressed_wire_bytes", z.WireBytes)
	}
	if h := &m.Sizes; h.N > 0 {
		n.line.Number("least", h.Min)
		n.line.Number("p50", h.Quantile(.5))
		n.line.Number("p95", h.Quantile(.95))
		n.line.Number("p99", h.Quantile(.99))
		n.line.Number("most", h.Max)
		n.bins(h, func(v uint64) { n.line = decimal.AppendUint(n.line, v) })
	}
	n.finish()
}

// bins appends a histogram: a list of [from, to, count].
func (n *NDJSON) bins(h *stats.Histogram, value func(uint64)) {
	n.line.Key("histogram")
	n.line = append(n.line, '[')
	for i, b := range h.Bins(64) {
		if i > 0 {
			n.line = append(n.line, ',')
		}
		n.line = append(n.line, '[')
		value(b.Low)
		n.line = append(n.line, ',')
		value(b.High)
		n.line = append(n.line, ',')
		n.line = decimal.AppendUint(n.line, b.N)
		n.line = append(n.line, ']')
	}
	n.line = append(n.line, ']')
}

func (n *NDJSON) rate(r *stats.Rates, i int) {
	s := &r.Slots[i]
	n.stat("stat_rate")
	n.line.Key("time")
	n.line = append(n.line, '"')
	n.line = n.clock.AppendRFC3339(n.line, r.Start+int64(i)*int64(r.Width))
	n.line = append(n.line, '"')
	n.line.Millis("width_ms", int64(r.Width))
	n.line.Number("opened", s.Opened)
	n.line.Number("ended", s.Ended)
	for dir, way := range ways {
		n.line.Key(way)
		n.line = append(n.line, `{"messages":`...)
		n.line = decimal.AppendUint(n.line, s.Messages[dir])
		n.line = append(n.line, `,"bytes":`...)
		n.line = decimal.AppendUint(n.line, s.Bytes[dir])
		n.line = append(n.line, '}')
	}
	n.finish()
}

func (n *NDJSON) times(f *figure) {
	n.stat("stat_times")
	n.line.Word("of", f.word)
	if f.dir >= 0 {
		n.dir(timeline.Direction(f.dir))
	}
	n.line.Number("count", f.h.N)
	n.line.Millis("least_ms", int64(f.h.Min))
	n.line.Millis("mean_ms", int64(f.h.Mean()))
	n.line.Millis("p50_ms", int64(f.h.Quantile(.5)))
	n.line.Millis("p95_ms", int64(f.h.Quantile(.95)))
	n.line.Millis("p99_ms", int64(f.h.Quantile(.99)))
	n.line.Millis("most_ms", int64(f.h.Max))
	n.bins(f.h, func(v uint64) { n.line = ndjson.AppendMillis(n.line, time.Duration(v)) })
	n.finish()
}

func (n *NDJSON) statReplies(p *stats.Replies) {
	if p == nil {
		return
	}
	n.stat("stat_replies")
	n.line.Number("answered", p.Times[0].N+p.Times[1].N)
	n.line.Number("unanswered", p.Unanswered[0]+p.Unanswered[1])
	n.line.Number("without_key", p.Without)
	n.line.Number("given_up", p.Evicted)
	if w := &p.Slowest; w.Took > 0 {
		n.line.Millis("slowest_ms", int64(w.Took))
		n.line.Number("slowest_conn", w.Conn)
		n.line.Numbers("slowest_packets", []uint64{w.Request, w.Answer})
	}
	n.finish()
}

func (n *NDJSON) statSequence(dir timeline.Direction, q *stats.Sequence) {
	n.stat("stat_sequence")
	n.dir(dir)
	n.line.Number("checked", q.Checked)
	n.line.Number("without_id", q.Without)
	n.line.Flag("countable", q.Countable())
	if q.Countable() {
		n.line.Number("missing", q.Missing)
	}
	n.line.Number("doubled", q.Doubled)
	n.line.Number("out_of_order", q.OutOfOrder)
	n.line.Number("across_reconnects", q.Across)
	for _, of := range []struct {
		name string
		at   []stats.SequenceAt
	}{{"missing_packets", q.MissingAt}, {"doubled_packets", q.DoubledAt}, {"out_of_order_packets", q.DisorderAt}} {
		var in []uint64
		for _, a := range of.at {
			in = append(in, a.Packet)
		}
		n.line.Numbers(of.name, in)
	}
	n.finish()
}

func (n *NDJSON) talkers(kind string, all []stats.Talker) {
	for i := range all {
		t := &all[i]
		n.stat(kind)
		if t.Conn != 0 {
			n.line.Number("conn", t.Conn)
			if t.URL != "" {
				n.line.Header("url", t.URL)
			}
		} else {
			n.line.Number("connections", t.Conns)
		}
		n.line.TextIfAny("client", t.Client)
		n.line.TextIfAny("server", t.Server)
		for dir, way := range ways {
			n.line.Key(way)
			n.line = append(n.line, `{"messages":`...)
			n.line = decimal.AppendUint(n.line, t.Messages[dir])
			n.line = append(n.line, `,"bytes":`...)
			n.line = decimal.AppendUint(n.line, t.Bytes[dir])
			n.line = append(n.line, '}')
		}
		n.finish()
	}
}

func (n *NDJSON) statTCP(t *stats.TCP) {
	n.stat("stat_tcp")
	n.line.Number("tcp_connections", t.Transports)
	n.line.Number("copied", t.Copied)
	n.tcpSides(t.Segments, t.Resent, t.Reordered, t.Bytes, t.Missing)
	n.finish()
	for i := range t.Worst {
		w := &t.Worst[i]
		n.stat("stat_tcp_connection")
		n.line.Number("conn", w.Conn)
		n.line.Address("client", w.Client)
		n.line.Address("server", w.Server)
		n.tcpSides(w.Segments, w.Resent, w.Reordered, w.Bytes, w.Missing)
		if w.FirstResent != 0 {
			n.line.Number("first_resent_packet", w.FirstResent)
		}
		n.finish()
	}
}

func (n *NDJSON) tcpSides(segments, resent, reordered, bytes, missing [2]uint64) {
	for dir, way := range ways {
		n.line.Key(way)
		for i, of := range []struct {
			name  string
			value uint64
		}{{"segments", segments[dir]}, {"resent", resent[dir]}, {"reordered", reordered[dir]}, {"bytes", bytes[dir]}, {"missing_bytes", missing[dir]}} {
			n.line = append(n.line, "{,"[min(i, 1)], '"')
			n.line = append(append(n.line, of.name...), '"', ':')
			n.line = decimal.AppendUint(n.line, of.value)
		}
		n.line = append(n.line, '}')
	}
}
