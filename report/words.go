package report

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/wsdump/wsdump/internal/quantity"
	"github.com/wsdump/wsdump/internal/terminal"
	"github.com/wsdump/wsdump/timeline"
)

// This file has the words that several outputs share: close codes, statuses, endings,
// totals.

// CloseName returns the short name of a close code (RFC 6455 section 7.4.1 and the
// IANA registry), "" for a code without a name.
func CloseName(code uint16) string {
	switch code {
	case 1000:
		return "normal"
	case 1001:
		return "going away"
	case 1002:
		return "protocol error"
	case 1003:
		return "unsupported data"
	case 1004:
		return "reserved"
	case 1005:
		return "no status"
	case 1006:
		return "abnormal"
	case 1007:
		return "invalid payload"
	case 1008:
		return "policy violation"
	case 1009:
		return "message too big"
	case 1010:
		return "missing extension"
	case 1011:
		return "internal error"
	case 1012:
		return "service restart"
	case 1013:
		return "try again later"
	case 1014:
		return "bad gateway"
	case 1015:
		return "TLS handshake"
	case 3000:
		return "unauthorized"
	case 3003:
		return "forbidden"
	case 3008:
		return "timeout"
	}
	switch {
	case code >= 3000 && code < 4000:
		return "registered"
	case code >= 4000 && code < 5000:
		return "private"
	}
	return ""
}

// status returns "101", "403 Forbidden", or in words why there is none.
func status(h *timeline.Handshake) string { return string(appendStatus(nil, h)) }

// appendStatus appends what [status] returns.
func appendStatus(dst []byte, h *timeline.Handshake) []byte {
	if h.Status == 0 && h.Unseen {
		return append(dst, "response not captured"...)
	}
	if h.Status == 0 {
		return append(dst, "no response"...)
	}
	dst = strconv.AppendInt(dst, int64(h.Status), 10)
	if h.Accepted() || h.Reason == "" {
		return dst
	}
	return append(append(dst, ' '), terminal.Safe(h.Reason)...)
}

// ending returns in plain words how c ended and what it carried.
func ending(c *timeline.Conn) string {
	var b strings.Builder
	b.WriteString(endingHow(c))
	if !c.Refused() {
		b.WriteString(": ")
		b.WriteString(messageTotals(c))
	}
	return b.String()
}

func endingHow(c *timeline.Conn) string {
	after := ", after " + quantity.Duration(c.Duration())
	quiet := silenceWords(c)
	if quiet != "" {
		quiet += "; it lasted " + quantity.Duration(c.Duration())
	} else {
		quiet = after
	}
	by := " by the " + c.By.String()
	if c.By == timeline.PartyUnknown {
		by = ""
	}
	if c.Recorded && !c.Refused() {
		return endingRecorded(c, after)
	}
	closed := c.ClosedBy[0] || c.ClosedBy[1]
	below := carrierOf(c)
	switch {
	case c.Refused():
		return "refused with " + status(c.Handshake) + after
	case c.Clean():
		return "closed" + by + ", cleanly" + after
	case c.ClosedBy[0] && c.ClosedBy[1]:
		switch c.TCP {
		case timeline.TCPReset:
			return "closed" + by + ", then cut by " + below.reset + after
		case timeline.TCPTimeout:
			return "closed" + by + ", " + below.name + " never ended" + after
		}
		return "closed" + by + ", the end of " + below.name + " is not in the capture" + after
	case closed:
		text := "closed" + by
		other := "server"
		if c.ClosedBy[1] {
			other = "client"
		}
		return text + ", no close frame from the " + other + tcpWords(c) + after
	}
	switch c.TCP {
	case timeline.TCPReset:
		return "cut" + by + " with " + below.reset + ", without a close frame" + quiet
	case timeline.TCPFIN, timeline.TCPHalf:
		return "ended" + by + " with " + below.end + ", without a close frame" + quiet
	case timeline.TCPTimeout:
		return "given up" + quiet
	}
	return "still open when the capture ends" + after
}

// endingRecorded is endingHow for a connection from a HAR.
func endingRecorded(c *timeline.Conn, after string) string {
	by := ""
	if c.By != timeline.PartyUnknown {
		by = " by the " + c.By.String()
	}
	switch {
	case c.CloseCode != 0:
		b := appendClose([]byte("closed"+by+", code"), c.CloseCode, []byte(c.CloseText), 2, terminal.NoLimit)
		return string(b) + after
	case c.Aborted:
		return "ended without a close frame" + after
	}
	return "the recording does not tell how it ended" + after
}

// address returns an address, or "?" for the zero value.
func address(a netip.AddrPort) string { return string(appendAddress(nil, a)) }

// appendAddress appends what [address] returns.
func appendAddress(dst []byte, a netip.AddrPort) []byte {
	if !a.IsValid() {
		return append(dst, '?')
	}
	return a.AppendTo(dst)
}

// carrier has the words for what carries a connection, for its end and for its reset.
type carrier struct{ name, end, reset string }

// carrierOf returns the words of TCP, or of an HTTP stream (RFC 8441 section 5, RFC
// 9220 section 3).
func carrierOf(c *timeline.Conn) carrier {
	if strings.HasPrefix(c.Layers, "h") {
		return carrier{"the stream", "END_STREAM", "a reset of the stream"}
	}
	return carrier{"TCP", "a FIN", "a TCP reset"}
}

func tcpWords(c *timeline.Conn) string {
	switch c.TCP {
	case timeline.TCPReset:
		return ", cut by " + carrierOf(c).reset
	case timeline.TCPOpen:
		return ", still open when the capture ends"
	case timeline.TCPTimeout:
		return ", given up"
	}
	return ""
}

// silenceWords returns ", after 5.0 s of silence", or "" when c was silent for less
// than a second before it ended.
func silenceWords(c *timeline.Conn) string {
	if d, ok := c.Idle(); ok && d >= time.Second {
		return ", after " + quantity.Duration(d) + " of silence"
	}
	return ""
}

// messageTotals returns "1 message sent (5 B), 2 received (1.2 KiB)".
func messageTotals(c *timeline.Conn) string {
	sent, received := &c.Counters[0], &c.Counters[1]
	switch {
	case c.Unrecorded:
		return "the recording has no messages of this WebSocket (Firefox does not export them; Chrome does)"
	case sent.Messages+received.Messages == 0:
		return "no messages"
	}
	with := func(n *timeline.Counters) string {
		if hasMessageBytes(n) {
			return " (" + quantity.Size(n.MessageBytes) + ")"
		}
		return ""
	}
	return quantity.Plural(sent.Messages, "message") + " sent" + with(sent) + ", " +
		quantity.Count(received.Messages) + " received" + with(received)
}

// hasMessageBytes reports whether the size of the messages of a direction is known.
// It is unknown when compressed messages were not inflated.
func hasMessageBytes(n *timeline.Counters) bool {
	return n.Messages > 0 && (n.MessageBytes > 0 || n.WireBytes <= n.Bytes)
}

// Duplicates returns a sentence about packets that were left out because another file
// has them too, "" when there are none.
func Duplicates(t *timeline.Totals) string {
	switch t.Duplicates {
	case 0:
		return ""
	case 1:
		return "1 packet was a duplicate: another file has it too. It counts once."
	}
	return quantity.Plural(t.Duplicates, "packet") + " were duplicates: other files have them too. They count once."
}

// NotUsed returns how many packets carried no TCP segment, and why: "3 packets were
// not used: 2 UDP, 1 ARP." It returns "" when all carried one.
func NotUsed(t *timeline.Totals) string {
	var parts []string
	all := uint64(0)
	for _, s := range t.Skipped {
		parts = append(parts, quantity.Count(s.N)+" "+skippedWords(s))
		all += s.N
	}
	switch all {
	case 0:
		return ""
	case 1:
		return "1 packet was not used: " + strings.TrimPrefix(parts[0], "1 ") + "."
	}
	return quantity.Plural(all, "packet") + " were not used: " + strings.Join(parts, ", ") + "."
}

// skippedWords says why packets were skipped. A link type that is not read is named.
func skippedWords(s timeline.Count) string {
	text := terminal.Safe(s.What)
	if strings.HasPrefix(text, "link type ") {
		text = "of " + text + ", which wsdump does not read"
	}
	return text
}
