package statistics

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/wsdump/wsdump/internal/browser"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/stats"
	"github.com/wsdump/wsdump/timeline"
)

const evil = "\x1b[2J<script>evil\u202e\x9b\xff\n"

// hostileStory tells out of connections whose strings are an attacker's.
func hostileStory(out report.Output, messages int) {
	at := func(n int) timeline.Stamp { return timeline.Stamp{Packet: uint64(n), Time: int64(n) * 1e9} }
	out.Begin(at(1))
	rule := &timeline.Rule{ID: "ws/mask-missing", Severity: timeline.Error, Title: "client frame is not masked"}
	for i := range 5 {
		c := &timeline.Conn{
			ID: uint64(i + 1), Opened: at(10 * i), Client: netip.MustParseAddrPort("10.0.0.1:4000"), Server: netip.MustParseAddrPort("10.0.0.2:80"),
			Transport: &timeline.Transport{ID: uint64(i + 1), Segments: [2]uint64{9, 9}, Resent: [2]uint64{3, 3}, Gaps: [2]uint64{5, 0}},
			Handshake: &timeline.Handshake{Scheme: "ws", Host: evil, Path: "/" + evil, HTTPVersion: "1.1", Status: 101, Request: at(10 * i), Response: at(10 * i)},
		}
		if i == 4 {
			c.Handshake.Status, c.Handshake.Reason = 403, evil
		}
		out.Open(c)
		for n := range messages {
			out.Message(&timeline.Message{
				Conn: c, First: at(10*i + n + 1), Last: at(10*i + n + 1), Kind: timeline.OpText, HasLength: true, Length: 10, WireLength: 10, Payload: []byte(evil + strconv.Itoa(n%2)),
			})
		}
		out.Finding(&timeline.Finding{Rule: rule, Severity: timeline.Error, Conn: c, At: at(10 * i), Got: evil})
		c.TCP, c.By, c.EndBegan, c.Ended = timeline.TCPReset, timeline.PartyServer, at(10*i+5), at(10*i+5)
		out.Close(c, c.Ended)
	}
	out.Done(&timeline.Totals{First: 1e9, Last: 60e9, Dropped: 3})
}

func whole(dst []byte, m *timeline.Message) ([]byte, bool) { return append(dst, m.Payload...), true }

// TestStatsSafe: nothing of the wire acts on a terminal.
func TestStatsSafe(t *testing.T) {
	for _, ascii := range []bool{false, true} {
		for name, make := range map[string]func(*bytes.Buffer) report.Output{
			"table": func(b *bytes.Buffer) report.Output {
				return NewText(b, report.Options{ASCII: ascii, Width: 80}, stats.Options{Sequence: whole})
			},
			"html": func(b *bytes.Buffer) report.Output {
				return NewHTML(b, report.Options{}, stats.Options{Sequence: whole})
			},
			"ndjson": func(b *bytes.Buffer) report.Output {
				return NewNDJSON(b, report.Options{}, stats.Options{Sequence: whole})
			},
		} {
			var b bytes.Buffer
			hostileStory(make(&b), 4)
			text := b.String()
			if !utf8.ValidString(text) || strings.ContainsAny(text, "\x1b\u202e\u009b") || !strings.Contains(text, "evil") {
				t.Errorf("%s: not safe, or not there:\n%q", name, text)
			}
			if name == "html" && strings.Contains(text, "<script") {
				t.Errorf("a tag out of the traffic:\n%s", text)
			}
			for line := range strings.Lines(text) {
				for _, r := range strings.TrimSuffix(line, "\n") {
					if ascii && name == "table" && r >= 0x7f {
						t.Fatalf("%q is not ASCII in %s", r, line)
					}
				}
			}
		}
	}
}

// TestStatsNDJSON: a bound that was reached has a line.
func TestStatsNDJSON(t *testing.T) {
	var b bytes.Buffer
	out := NewNDJSON(&b, report.Options{}, stats.Options{ReplyKey: func(dst []byte, m *timeline.Message) ([]byte, bool) {
		return strconv.AppendUint(dst, m.First.Packet, 10), true
	}})
	hostileStory(out, 1<<16+7)
	if !strings.Contains(b.String(), `{"type":"stat_bound","what":"requests waiting for an answer","limit":65536,"left_out":`) {
		t.Errorf("no bound told: %s", b.String()[:200])
	}
}

// TestStatements: one sentence for each thing, in words and with packets.
func TestStatements(t *testing.T) {
	var b bytes.Buffer
	out := NewText(&b, report.Options{}, stats.Options{Sequence: whole})
	hostileStory(out, 4)
	kinds := map[string]int{}
	for _, s := range Statements(out.Report()) {
		kinds[s.Kind]++
		if !strings.HasSuffix(s.Text, ".") || strings.Contains(s.Text, "..") {
			t.Errorf("%s: %s", s.Kind, s.Text)
		}
	}
	for _, kind := range []string{"silence", "end", "refused", "reconnect", "doubled", "retransmission", "gap", "dropped", "rule"} {
		if kinds[kind] != 1 {
			t.Errorf("%d of kind %s: %v", kinds[kind], kind, kinds)
		}
	}
	if len(Statements(&stats.Report{})) != 0 {
		t.Error("nothing stands out in nothing")
	}
}

// TestStatsHTMLInBrowser: a browser shows all of the page under its policy, and
// what is hostile as text.
func TestStatsHTMLInBrowser(t *testing.T) {
	var b bytes.Buffer
	hostileStory(NewHTML(&b, report.Options{Files: []string{"a<b>.pcap"}}, stats.Options{Sequence: whole}), 4)
	dom := browser.Dump(t, "stats-hostile", b.String())
	for _, want := range []string{"<h1>a&lt;b&gt;.pcap</h1>", "<h2>What stands out</h2>", "&lt;script&gt;evil", "<rect ", "</html>"} {
		if !strings.Contains(dom, want) {
			t.Errorf("%q is not in the page:\n%s", want, dom)
		}
	}
	if strings.Contains(dom, "<script") {
		t.Error("a tag out of the traffic")
	}
}
