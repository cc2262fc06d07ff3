package metrics

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/wsdump/wsdump/timeline"
)

// TestMetrics: what is counted, in a form that every scraper reads.
func TestMetrics(t *testing.T) {
	m := New()
	rule := &timeline.Rule{ID: "ws/x", Severity: timeline.Warning}
	for i := range 200 { // a peer may send any code
		c := &timeline.Conn{CloseCode: uint16(1000 + i), ClosedBy: [2]bool{true, true}, Midstream: true}
		m.Open(c)
		m.Finding(&timeline.Finding{Rule: rule, Conn: c})
		if i != 7 {
			m.Close(c, timeline.Stamp{})
		}
	}
	m.Finding(&timeline.Finding{Rule: rule, Count: 5})
	m.Message(&timeline.Message{Dir: timeline.ServerToClient, Length: 100, HasLength: true, WireLength: 10})
	m.Message(&timeline.Message{Dir: timeline.ServerToClient, WireLength: 7})
	for _, rtt := range []time.Duration{time.Microsecond, 20 * time.Millisecond, time.Minute} {
		m.Frame(&timeline.Frame{Opcode: timeline.OpPong, RTT: rtt, HasRTT: true})
	}
	m.Frame(&timeline.Frame{Opcode: timeline.OpPong})
	var b strings.Builder
	if err := m.Write(&b, &Gauges{Packets: 9, Dropped: 2, Behind: 1500 * time.Millisecond, Memory: 77}); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, want := range []string{
		"wsdump_packets_total 9", "wsdump_dropped_packets_total 2", "wsdump_connections_opened_total 200", "wsdump_connections_open 1",
		`wsdump_messages_total{direction="receive"} 2`, `wsdump_message_bytes_total{direction="receive"} 107`, `wsdump_messages_total{direction="send"} 0`,
		`wsdump_closes_total{code="1000"} 1`, `wsdump_closes_total{code="other"} 135`, `wsdump_findings_total{rule="ws/x",severity="warning"} 205`,
		`wsdump_ping_seconds_bucket{le="0.001"} 1`, `wsdump_ping_seconds_bucket{le="0.025"} 2`, `wsdump_ping_seconds_bucket{le="10"} 2`,
		`wsdump_ping_seconds_bucket{le="+Inf"} 3`, "wsdump_ping_seconds_count 3", "wsdump_behind_seconds 1.5", "wsdump_memory_bytes 77",
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no %q", want)
		}
	}
	line := regexp.MustCompile(`^(# (HELP|TYPE) wsdump_[a-z_]+ .+|wsdump_[a-z_]+(\{[a-z]+="[^"\\]*"(,[a-z]+="[^"\\]*")*\})? [0-9.e+-]+)$`)
	for l := range strings.Lines(text) {
		if !line.MatchString(strings.TrimSuffix(l, "\n")) {
			t.Errorf("not of the format: %s", l)
		}
	}
}
