// Package metrics counts what happens on a timeline, for Prometheus.
package metrics

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/wsdump/wsdump/timeline"
)

// Metrics is a [timeline.Sink] that counts. At any time it prints its counts in the
// text format of Prometheus
// (https://prometheus.io/docs/instrumenting/exposition_formats/). It does not ask for
// payload: where no other sink does, it counts bytes on the wire. It is safe for
// concurrent use.
type Metrics struct {
	timeline.Nop
	mu       sync.Mutex
	opened   uint64
	refused  uint64
	open     uint64
	messages [2]uint64
	bytes    [2]uint64
	closes   map[string]uint64 // by close code
	findings map[*timeline.Rule]uint64
	pings    [len(pingBounds) + 1]uint64 // round trips of pings, by bucket
	pingSum  time.Duration
	pingN    uint64
}

// pingBounds are the upper bounds of the buckets of round trips, in seconds.
var pingBounds = [...]float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}

// mostCodes bounds the close codes that are counted one by one, since a peer may send
// any number of them.
const mostCodes = 64

// New returns Metrics with all counts at zero.
func New() *Metrics {
	return &Metrics{closes: make(map[string]uint64), findings: make(map[*timeline.Rule]uint64)}
}

// Open implements [timeline.Sink].
func (m *Metrics) Open(*timeline.Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.opened++
	m.open++
}

// Message implements [timeline.Sink].
func (m *Metrics) Message(msg *timeline.Message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.messages[msg.Dir]++
	if msg.HasLength {
		m.bytes[msg.Dir] += msg.Length
	} else {
		m.bytes[msg.Dir] += msg.WireLength
	}
}

// Frame counts round trips of pings.
func (m *Metrics) Frame(f *timeline.Frame) {
	if f.Opcode != timeline.OpPong || !f.HasRTT {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pingN++
	m.pingSum += f.RTT
	i := 0
	for i < len(pingBounds) && f.RTT.Seconds() > pingBounds[i] {
		i++
	}
	m.pings[i]++
}

// Finding implements [timeline.Sink].
func (m *Metrics) Finding(f *timeline.Finding) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.findings[f.Rule] += max(f.Count, 1)
}

// Close implements [timeline.Sink].
func (m *Metrics) Close(c *timeline.Conn, _ timeline.Stamp) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open--
	if c.Refused() {
		m.refused++
		return
	}
	code := "none"
	if c.ClosedBy[0] || c.ClosedBy[1] {
		if code = "empty"; c.CloseCode != 0 {
			code = strconv.Itoa(int(c.CloseCode))
		}
	}
	if _, known := m.closes[code]; !known && len(m.closes) >= mostCodes {
		code = "other"
	}
	m.closes[code]++
}

// Gauges are the values that only the capture knows.
type Gauges struct {
	Packets, Dropped uint64        // that passed the filter; of these, dropped by the kernel for lack of room
	Behind           time.Duration // delay of the view behind the capture
	Memory           uint64        // bytes that the program got from the system
}

// Write prints all metrics.
func (m *Metrics) Write(w io.Writer, g *Gauges) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var b []byte
	metric := func(name, kind, help string) {
		b = fmt.Appendf(b, "# HELP wsdump_%s %s\n# TYPE wsdump_%s %s\n", name, help, name, kind)
	}
	one := func(name, kind, help string, v any) {
		metric(name, kind, help)
		b = fmt.Appendf(b, "wsdump_%s %v\n", name, v)
	}
	one("packets_total", "counter", "Packets that passed the capture filter.", g.Packets)
	one("dropped_packets_total", "counter", "Of them, those that the kernel dropped for want of room.", g.Dropped)
	one("connections_opened_total", "counter", "WebSocket connections and refused attempts that were opened.", m.opened)
	one("connections_refused_total", "counter", "Of them, those that were refused, when they are over.", m.refused)
	one("connections_open", "gauge", "Of them, those that are not over.", m.open)
	for _, v := range []struct {
		name, help string
		by         [2]uint64
	}{{"messages_total", "Messages.", m.messages}, {"message_bytes_total", "Payload bytes of messages; on the wire where they are not inflated.", m.bytes}} {
		metric(v.name, "counter", v.help)
		for dir, n := range v.by {
			b = fmt.Appendf(b, "wsdump_%s{direction=%q} %d\n", v.name, timeline.Direction(dir).String(), n)
		}
	}
	metric("closes_total", "counter", "Connections that ended, by the code of the first close frame: empty, or none without such a frame.")
	codes := make([]string, 0, len(m.closes))
	for code := range m.closes {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	for _, code := range codes {
		b = fmt.Appendf(b, "wsdump_closes_total{code=%q} %d\n", code, m.closes[code])
	}
	metric("findings_total", "counter", "Findings, by rule.")
	rules := make([]*timeline.Rule, 0, len(m.findings))
	for rule := range m.findings {
		rules = append(rules, rule)
	}
	slices.SortFunc(rules, func(a, b *timeline.Rule) int { return cmp.Compare(a.ID, b.ID) })
	for _, rule := range rules {
		b = fmt.Appendf(b, "wsdump_findings_total{rule=%q,severity=%q} %d\n", rule.ID, rule.Severity.String(), m.findings[rule])
	}
	metric("ping_seconds", "histogram", "Round trips from a ping to its pong.")
	sum := uint64(0)
	for i, bound := range pingBounds {
		sum += m.pings[i]
		b = fmt.Appendf(b, "wsdump_ping_seconds_bucket{le=\"%g\"} %d\n", bound, sum)
	}
	b = fmt.Appendf(b, "wsdump_ping_seconds_bucket{le=\"+Inf\"} %d\nwsdump_ping_seconds_sum %g\nwsdump_ping_seconds_count %d\n", m.pingN, m.pingSum.Seconds(), m.pingN)
	one("behind_seconds", "gauge", "How far the view is behind the capture.", g.Behind.Seconds())
	one("memory_bytes", "gauge", "Memory that the program has from the system, without the ring.", g.Memory)
	_, err := w.Write(b)
	return err
}
