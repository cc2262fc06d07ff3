package report

import (
	"strings"
	"testing"
	"time"

	"github.com/wsdump/wsdump/timeline"
)

func TestCloseName(t *testing.T) {
	for code, want := range map[uint16]string{1000: "normal", 1006: "abnormal", 1015: "TLS handshake", 2000: "", 3500: "registered", 4321: "private", 5000: ""} {
		if got := CloseName(code); got != want {
			t.Errorf("close code %d: got %q, want %q", code, got, want)
		}
	}
}

func TestEnding(t *testing.T) {
	type change func(*timeline.Conn)
	for want, change := range map[string]change{
		"closed by the client, cleanly, after 9.1 s: no messages": func(*timeline.Conn) {},
		"closed by the client, then cut by a TCP reset, after 9.1 s: no messages": func(c *timeline.Conn) {
			c.TCP, c.FirstFIN = timeline.TCPReset, 0
		},
		"closed by the client, no close frame from the server, after 9.1 s: no messages": func(c *timeline.Conn) {
			c.ClosedBy[1] = false
		},
		"ended by the server with a FIN, without a close frame, after 60.0 s of silence; it lasted 9.1 s: no messages": func(c *timeline.Conn) {
			c.ClosedBy, c.By, c.CloseCode = [2]bool{}, timeline.PartyServer, 0
			c.LastFrame.Time = c.EndBegan.Time - 60e9
		},
		"cut by the client with a TCP reset, without a close frame, after 9.1 s: no messages": func(c *timeline.Conn) {
			c.ClosedBy, c.TCP, c.LastFrame = [2]bool{}, timeline.TCPReset, timeline.Stamp{}
		},
		"cut by the client with a reset of the stream, without a close frame, after 9.1 s: no messages": func(c *timeline.Conn) {
			c.ClosedBy, c.TCP, c.LastFrame, c.Layers = [2]bool{}, timeline.TCPReset, timeline.Stamp{}, "h2+tls"
		},
		"ended by the client with END_STREAM, without a close frame, after 9.1 s: no messages": func(c *timeline.Conn) {
			c.ClosedBy, c.TCP, c.LastFrame, c.Layers = [2]bool{}, timeline.TCPFIN, timeline.Stamp{}, "h2"
		},
		"still open when the capture ends, after 9.1 s: 1 message sent (1.0 KiB), 0 received": func(c *timeline.Conn) {
			c.ClosedBy, c.TCP, c.By = [2]bool{}, timeline.TCPOpen, 0
			c.Counters[0].Messages, c.Counters[0].MessageBytes = 1, 1024
		},
		"refused with 426 Upgrade\\nRequired, after 9.1 s": func(c *timeline.Conn) {
			c.Handshake.Status, c.Handshake.Reason = 426, "Upgrade\nRequired"
		},
	} {
		c := chat(1, 0)
		closed(c, 15, 9100)
		change(c)
		if got := ending(c); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestNothingFound(t *testing.T) {
	for _, test := range []struct {
		totals timeline.Totals
		said   string
		hint   string
	}{
		{timeline.Totals{
			Packets: 48112, Transports: 312, TLSNoKeys: 41,
			ServerNames: []timeline.Count{{What: "chat.example.com", N: 12}, {What: "b\x1b.test", N: 3}, {What: "c.test", N: 2}, {What: "d.test", N: 1}},
			Others:      []timeline.Count{{What: "plain HTTP", N: 9}}, Skipped: []timeline.Count{{What: "QUIC", N: 1204}},
		}, `0 WebSockets in 48,112 packets, 312 TCP connections: 41 TLS without keys (chat.example.com 12, b\u001b.test 3, c.test 2, ...), 9 plain HTTP, 1,204 QUIC packets.`, "SSLKEYLOGFILE"},
		{timeline.Totals{}, "0 WebSockets in 0 packets.", "empty"},
		{timeline.Totals{Filtered: 1200}, "0 WebSockets in 0 packets. The capture filter (-f) left 1,200 other packets out.", "matches the capture filter"},
		{
			timeline.Totals{Packets: 9, Transports: 1, Filtered: 1, Others: []timeline.Count{{What: "SSH", N: 1}}},
			"0 WebSockets in 9 packets, 1 TCP connection: 1 SSH. The capture filter (-f) left 1 other packet out.", "port and interface",
		},
		{
			timeline.Totals{Packets: 9, Skipped: []timeline.Count{{What: "UDP", N: 1}, {What: "DNS over UDP", N: 8}}},
			"0 WebSockets in 9 packets, 0 TCP connections: 1 UDP packet, 8 DNS over UDP packets.", "only UDP",
		},
		{timeline.Totals{Packets: 9, Skipped: []timeline.Count{{What: "ARP", N: 9}}}, "0 WebSockets in 9 packets, 0 TCP connections: 9 ARP packets.", "no TCP"},
		{
			timeline.Totals{Packets: 9, Transports: 1, Others: []timeline.Count{{What: "SSH", N: 1}}},
			"0 WebSockets in 9 packets, 1 TCP connection: 1 SSH.", "port and interface",
		},
		{
			timeline.Totals{Live: &timeline.Live{Interface: "eth0", Filter: `-f "tcp port 80"`, Lasted: 10 * time.Second}},
			"0 WebSockets in 0 packets.", `nothing passed -f "tcp port 80" on eth0 in 10.0 s; does it have another port, or is the traffic on another interface? `,
		},
		{
			timeline.Totals{Live: &timeline.Live{Interface: "any", Any: true, Lasted: 10 * time.Second}},
			"0 WebSockets in 0 packets.", "nothing passed on any interface in 10.0 s; is the traffic inside a container",
		},
		{
			timeline.Totals{Packets: 9, Skipped: []timeline.Count{{What: "ARP", N: 9}}, Live: &timeline.Live{Interface: "eth0"}},
			"0 WebSockets in 9 packets, 0 TCP connections: 9 ARP packets.", "no TCP passed on eth0; is the traffic on another interface?",
		},
		{
			timeline.Totals{Packets: 9, Transports: 1, Dropped: 3, Live: &timeline.Live{Interface: "eth0"}},
			"0 WebSockets in 9 packets, 1 TCP connection.", "3 packets found no room",
		},
		{
			timeline.Totals{Packets: 9, Transports: 1, Live: &timeline.Live{Interface: "eth0"}},
			"0 WebSockets in 9 packets, 1 TCP connection.", "one that was open before when it sends something",
		},
	} {
		said, hint := Nothing(&test.totals)
		if said != test.said || !strings.Contains(hint, test.hint) {
			t.Errorf("got %q, hint %q\nwant %q, hint with %q", said, hint, test.said, test.hint)
		}
		if NothingFound(&test.totals) != said+" Hint: "+hint {
			t.Error("NothingFound is not both halves")
		}
	}
}
