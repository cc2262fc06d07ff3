package report

import (
	"io"
	"time"

	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/stats"
	"github.com/wsdump/wsdump/timeline"
)

// StatsNDJSON prints what a timeline came to for programs: lines whose type
// begins with "stat" (docs/SCHEMA.md), all of them at the end.
type StatsNDJSON struct {
	*stats.Collector
	lines *NDJSON
}

// NewStatsNDJSON returns such an output.
func NewStatsNDJSON(w io.Writer, opt Options, figures stats.Options) *StatsNDJSON {
	return &StatsNDJSON{Collector: stats.New(figures), lines: NewNDJSON(w, opt)}
}

// Needs asks for payload, since sizes are made from it.
func (s *StatsNDJSON) Needs(c *timeline.Conn) timeline.Needs {
	if s.lines.opt.Payload == PayloadNone {
		return timeline.Needs{}
	}
	return s.Collector.Needs(c)
}

// Select implements [query.Selective].
func (s *StatsNDJSON) Select(query.Match) {}

// Flush writes what is buffered.
func (s *StatsNDJSON) Flush() error { return s.lines.Flush() }

// Err returns the first error of the writer.
func (s *StatsNDJSON) Err() error { return s.lines.Err() }

// statColumns is how many lines of rates there are at most.
const statColumns = 200

// Done prints everything.
func (s *StatsNDJSON) Done(t *timeline.Totals) {
	s.Collector.Done(t)
	r := s.Report()
	n := s.lines
	for _, statement := range Statements(r) {
		n.stat("stat_stands_out")
		n.word("kind", statement.Kind)
		n.text("text", statement.Text)
		n.numbers("packets", statement.Packets)
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
	slots := r.Rates.Columns(statColumns)
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
			n.number("code", uint64(c.Code))
		}
		n.number("connections", c.N)
		n.number("by_client", c.By[timeline.PartyClient])
		n.number("by_server", c.By[timeline.PartyServer])
		n.finish()
	}
	for _, f := range r.Rules {
		n.stat("stat_rule")
		n.word("rule", f.Rule.ID)
		n.word("severity", f.Severity.String())
		n.number("count", f.N)
		n.number("first_packet", f.First)
		n.finish()
	}
	n.talkers("stat_connection", r.Busiest)
	n.talkers("stat_client", r.Clients)
	n.statTCP(&r.TCP)
	for _, b := range r.Bounds {
		n.stat("stat_bound")
		n.text("what", b.What)
		n.number("limit", b.Limit)
		n.number("left_out", b.Left)
		n.finish()
	}
	n.Done(t)
}

func (n *NDJSON) stat(kind string) { n.begin(kind, timeline.Stamp{}, nil) }

func (n *NDJSON) numbers(name string, values []uint64) {
	n.key(name)
	n.buf = append(n.buf, '[')
	for i, v := range values {
		if i > 0 {
			n.buf = append(n.buf, ',')
		}
		n.buf = appendUint(n.buf, v)
	}
	n.buf = append(n.buf, ']')
}

func (n *NDJSON) cluster(kind string, c *stats.Cluster) {
	n.stat("stat_cluster")
	n.word("kind", kind)
	n.number("connections", c.N)
	n.number("of", c.Of)
	n.mark("sampled", c.Sampled)
	n.millis("median_ms", int64(c.Median))
	n.millis("least_ms", int64(c.Least))
	n.millis("most_ms", int64(c.Most))
	n.word("by", c.By.String())
	n.word("how", [...]string{"close", "fin", "rst"}[c.How])
	if c.Code != 0 {
		n.number("code", uint64(c.Code))
	}
	var names []string
	for _, d := range c.Candidates {
		names = append(names, d.Product)
	}
	n.texts("candidates", names)
	n.flag("simultaneous", c.Simultaneous)
	n.number("pinged", c.Pinged)
	if c.SlowPings > 0 {
		n.number("slow_pings", c.SlowPings)
		n.millis("ping_every_ms", int64(c.PingEvery))
	}
	n.numbers("packets", c.Packets)
	n.numbers("conns", c.Conns)
	n.finish()
}

func (n *NDJSON) statConns(r *stats.Report) {
	c := &r.Conns
	n.stat("stat_connections")
	n.number("connections", c.N)
	n.number("clients", c.Clients)
	n.number("ended", c.Ended)
	n.number("open", c.Open)
	n.number("refused", c.Refused)
	n.number("unanswered", c.Unanswered)
	n.number("lost", c.Lost)
	n.number("midstream", c.Midstream)
	n.number("legs", c.Legs)
	n.finish()
	for i := range r.StandOut.Broken {
		e := &r.StandOut.Broken[i]
		n.stat("stat_end")
		n.word("by", e.By.String())
		n.word("how", [...]string{"close", "fin", "rst"}[e.How])
		if e.Code != 0 {
			n.number("code", uint64(e.Code))
		}
		n.number("connections", e.N)
		n.numbers("packets", e.Packets)
		n.finish()
	}
	for i := range r.StandOut.Refused {
		e := &r.StandOut.Refused[i]
		n.stat("stat_refused")
		n.number("status", uint64(max(0, e.Status)))
		n.number("connections", e.N)
		n.numbers("packets", e.Packets)
		n.finish()
	}
	for i := range r.StandOut.Reconnects {
		c := &r.StandOut.Reconnects[i]
		n.stat("stat_reconnects")
		n.word("client", c.Client.String())
		n.header("url", c.URL)
		n.number("count", c.N)
		n.millis("least_ms", int64(c.Least))
		n.millis("mean_ms", int64(c.Mean))
		n.millis("most_ms", int64(c.Most))
		n.numbers("packets", c.Packets)
		n.finish()
	}
}

func (n *NDJSON) statMessages(dir timeline.Direction, r *stats.Report) {
	m := &r.Messages[dir]
	n.stat("stat_messages")
	n.dir(dir)
	n.number("messages", m.N)
	n.number("text", m.Text)
	n.number("bytes", m.Bytes)
	n.number("wire_bytes", m.WireBytes)
	n.number("incomplete", m.Incomplete)
	n.number("not_inflated", m.Unknown)
	if z := &r.Compression[dir]; z.Messages > 0 {
		n.number("compressed", z.Messages)
		n.number("compressed_bytes", z.Bytes)
		n.number("compressed_wire_bytes", z.WireBytes)
	}
	if h := &m.Sizes; h.N > 0 {
		n.number("least", h.Min)
		n.number("p50", h.Quantile(.5))
		n.number("p95", h.Quantile(.95))
		n.number("p99", h.Quantile(.99))
		n.number("most", h.Max)
		n.bins(h, func(v uint64) { n.buf = appendUint(n.buf, v) })
	}
	n.finish()
}

// bins appends a histogram: a list of [from, to, count].
func (n *NDJSON) bins(h *stats.Histogram, value func(uint64)) {
	n.key("histogram")
	n.buf = append(n.buf, '[')
	for i, b := range h.Bins(64) {
		if i > 0 {
			n.buf = append(n.buf, ',')
		}
		n.buf = append(n.buf, '[')
		value(b.Low)
		n.buf = append(n.buf, ',')
		value(b.High)
		n.buf = append(n.buf, ',')
		n.buf = appendUint(n.buf, b.N)
		n.buf = append(n.buf, ']')
	}
	n.buf = append(n.buf, ']')
}

func (n *NDJSON) rate(r *stats.Rates, i int) {
	s := &r.Slots[i]
	n.stat("stat_rate")
	n.key("time")
	n.buf = append(n.buf, '"')
	n.buf = n.lines.clock.appendRFC3339(n.buf, r.Start+int64(i)*int64(r.Width))
	n.buf = append(n.buf, '"')
	n.millis("width_ms", int64(r.Width))
	n.number("opened", s.Opened)
	n.number("ended", s.Ended)
	for dir, way := range ways {
		n.key(way)
		n.buf = append(n.buf, `{"messages":`...)
		n.buf = appendUint(n.buf, s.Messages[dir])
		n.buf = append(n.buf, `,"bytes":`...)
		n.buf = appendUint(n.buf, s.Bytes[dir])
		n.buf = append(n.buf, '}')
	}
	n.finish()
}

func (n *NDJSON) times(f *figure) {
	n.stat("stat_times")
	n.word("of", f.word)
	if f.dir >= 0 {
		n.dir(timeline.Direction(f.dir))
	}
	n.number("count", f.h.N)
	n.millis("least_ms", int64(f.h.Min))
	n.millis("mean_ms", int64(f.h.Mean()))
	n.millis("p50_ms", int64(f.h.Quantile(.5)))
	n.millis("p95_ms", int64(f.h.Quantile(.95)))
	n.millis("p99_ms", int64(f.h.Quantile(.99)))
	n.millis("most_ms", int64(f.h.Max))
	n.bins(f.h, func(v uint64) { n.buf = appendMillis(n.buf, time.Duration(v)) })
	n.finish()
}

func (n *NDJSON) statReplies(p *stats.Replies) {
	if p == nil {
		return
	}
	n.stat("stat_replies")
	n.number("answered", p.Times[0].N+p.Times[1].N)
	n.number("unanswered", p.Unanswered[0]+p.Unanswered[1])
	n.number("without_key", p.Without)
	n.number("given_up", p.GivenUp)
	if w := &p.Slowest; w.Took > 0 {
		n.millis("slowest_ms", int64(w.Took))
		n.number("slowest_conn", w.Conn)
		n.numbers("slowest_packets", []uint64{w.Request, w.Answer})
	}
	n.finish()
}

func (n *NDJSON) statSequence(dir timeline.Direction, q *stats.Sequence) {
	n.stat("stat_sequence")
	n.dir(dir)
	n.number("checked", q.Checked)
	n.number("without_id", q.Without)
	n.flag("countable", q.Countable())
	if q.Countable() {
		n.number("missing", q.Missing)
	}
	n.number("doubled", q.Doubled)
	n.number("out_of_order", q.OutOfOrder)
	n.number("across_reconnects", q.Across)
	for _, of := range []struct {
		name string
		at   []stats.SequenceAt
	}{{"missing_packets", q.MissingAt}, {"doubled_packets", q.DoubledAt}, {"out_of_order_packets", q.DisorderAt}} {
		var in []uint64
		for _, a := range of.at {
			in = append(in, a.Packet)
		}
		n.numbers(of.name, in)
	}
	n.finish()
}

func (n *NDJSON) talkers(kind string, all []stats.Talker) {
	for i := range all {
		t := &all[i]
		n.stat(kind)
		if t.Conn != 0 {
			n.number("conn", t.Conn)
			if t.URL != "" {
				n.header("url", t.URL)
			}
		} else {
			n.number("connections", t.Conns)
		}
		n.some("client", t.Client)
		n.some("server", t.Server)
		for dir, way := range ways {
			n.key(way)
			n.buf = append(n.buf, `{"messages":`...)
			n.buf = appendUint(n.buf, t.Messages[dir])
			n.buf = append(n.buf, `,"bytes":`...)
			n.buf = appendUint(n.buf, t.Bytes[dir])
			n.buf = append(n.buf, '}')
		}
		n.finish()
	}
}

func (n *NDJSON) statTCP(t *stats.TCP) {
	n.stat("stat_tcp")
	n.number("tcp_connections", t.Transports)
	n.number("copied", t.Copied)
	n.tcpSides(t.Segments, t.Resent, t.Reordered, t.Bytes, t.Missing)
	n.finish()
	for i := range t.Worst {
		w := &t.Worst[i]
		n.stat("stat_tcp_connection")
		n.number("conn", w.Conn)
		n.address("client", w.Client)
		n.address("server", w.Server)
		n.tcpSides(w.Segments, w.Resent, w.Reordered, w.Bytes, w.Missing)
		if w.FirstResent != 0 {
			n.number("first_resent_packet", w.FirstResent)
		}
		n.finish()
	}
}

func (n *NDJSON) tcpSides(segments, resent, reordered, bytes, missing [2]uint64) {
	for dir, way := range ways {
		n.key(way)
		for i, of := range []struct {
			name  string
			value uint64
		}{{"segments", segments[dir]}, {"resent", resent[dir]}, {"reordered", reordered[dir]}, {"bytes", bytes[dir]}, {"missing_bytes", missing[dir]}} {
			n.buf = append(n.buf, "{,"[min(i, 1)], '"')
			n.buf = append(append(n.buf, of.name...), '"', ':')
			n.buf = appendUint(n.buf, of.value)
		}
		n.buf = append(n.buf, '}')
	}
}
