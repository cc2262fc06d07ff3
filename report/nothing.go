package report

import (
	"slices"
	"strings"

	"github.com/wsdump/wsdump/internal/quantity"
	"github.com/wsdump/wsdump/internal/terminal"
	"github.com/wsdump/wsdump/timeline"
)

// NothingFound returns what a capture without a single WebSocket held, and what to
// try next.
func NothingFound(t *timeline.Totals) string {
	found, hint := Nothing(t)
	return found + " Hint: " + hint
}

// Nothing returns the two halves of [NothingFound]: what the capture held, and the
// hint. Both are safe to show.
func Nothing(t *timeline.Totals) (found, hint string) {
	if t.Recorded {
		found := "0 WebSockets in the HAR"
		for _, o := range t.Others {
			found += ", " + quantity.Count(o.N) + " " + terminal.Safe(o.What)
		}
		return found + ".", "a browser records a WebSocket that opens while its network panel records, and needs `Save all as HAR with content`; reload the page with the panel open."
	}
	var b strings.Builder
	b.WriteString("0 WebSockets in " + quantity.Plural(t.Packets, "packet"))
	if t.Transports > 0 || t.Packets > 0 {
		b.WriteString(", " + quantity.Plural(t.Transports, "TCP connection"))
	}
	var parts []string
	if t.TLSNoKeys > 0 {
		parts = append(parts, quantity.Count(t.TLSNoKeys)+" TLS without keys"+topNames(t.ServerNames))
	}
	for _, o := range t.Others {
		parts = append(parts, quantity.Count(o.N)+" "+terminal.Safe(o.What))
	}
	udp, quic, skipped := uint64(0), uint64(0), uint64(0)
	for _, s := range t.Skipped {
		if s.What == "QUIC" {
			quic += s.N
		}
		if strings.Contains(s.What, "UDP") || s.What == "QUIC" {
			udp += s.N
		}
		skipped += s.N
	}
	for _, s := range t.Skipped {
		what := skippedWords(s)
		switch {
		case strings.HasPrefix(what, "of "):
			what = strings.TrimPrefix(quantity.Plural(s.N, "packet"), quantity.Count(s.N)+" ") + " " + what
		case !strings.Contains(what, "packet"):
			what += " packet"
			if s.N != 1 {
				what += "s"
			}
		}
		parts = append(parts, quantity.Count(s.N)+" "+what)
	}
	if len(parts) > 0 {
		b.WriteString(": " + strings.Join(parts, ", "))
	}
	b.WriteByte('.')
	if t.Filtered > 0 {
		b.WriteString(" The capture filter (-f) left " + quantity.Plural(t.Filtered, "other packet") + " out.")
	}
	return b.String(), nothingHint(t, udp, quic, skipped)
}

func nothingHint(t *timeline.Totals, udp, quic, skipped uint64) string {
	live := t.Live != nil
	switch {
	case live && t.Packets == 0:
		return "nothing passed" + withSpace(terminal.Safe(t.Live.Filter)) + " on " + interfaceWords(t.Live) + " in " + quantity.Duration(t.Live.Lasted) + "; " + askWhere(t.Live)
	case t.Packets == 0 && t.Filtered > 0:
		return "no packet matches the capture filter; behind a VLAN tag it has to say so: vlan and (...). Without -f all packets are looked at."
	case t.Packets == 0:
		return "the capture is empty; check the interface and the filter of the tool that made it, and that it ran while there was traffic."
	case t.TLSNoKeys > 0:
		return "wss:// is encrypted. Let one end write a key log while the traffic happens and give it with -k keys.log: SSLKEYLOGFILE=keys.log before starting " +
			"Chrome, Firefox, curl or Python, or node --tls-keylog=keys.log (docs/KEYS.md has more). `wsdump list --all` shows these connections."
	case t.Transports == 0 && slices.ContainsFunc(t.Skipped, func(c timeline.Count) bool { return c.What == "wrong checksum" }):
		return "checksums are wrong where the network card of the capturing machine fills them in; leave --checksums out."
	case t.Transports == 0 && slices.ContainsFunc(t.Skipped, unread):
		return "what there is cannot be read. Capture another link type (tcpdump -L lists them, -y chooses one, such as -y EN10MB), or convert the file."
	case t.Transports == 0 && quic > 0:
		return "there is no TCP; WebSockets over HTTP/3 (QUIC) are not supported. Switch HTTP/3 off in the client."
	case t.Transports == 0 && udp > 0 && udp*2 >= skipped:
		return "there is no TCP, only UDP, and no tunnel that wsdump reads; check the interface and the capture filter."
	case live && t.Transports == 0:
		return "no TCP passed on " + interfaceWords(t.Live) + "; " + askWhere(t.Live)
	case t.Transports == 0:
		return "there is no TCP in this capture; check the interface and the capture filter."
	case live && t.Dropped > 0:
		return quantity.Plural(t.Dropped, "packet") + " found no room; the handshake may be among them. Use a larger ring (-B) or a narrower filter (-f)."
	case t.Dropped > 0:
		return "the capture tool lost " + quantity.Plural(t.Dropped, "packet") + "; the handshake may be among them. Use a larger buffer or a narrower filter."
	case live:
		return "a WebSocket is seen when it opens, and one that was open before when it sends something; if one should be there, " + askWhere(t.Live)
	}
	return "if a WebSocket should be there, check that the capture holds its port and interface, and whole packets (tcpdump -s 0)."
}

// unread reports whether packets were skipped that may hold TCP.
func unread(s timeline.Count) bool {
	return strings.HasPrefix(s.What, "link type ") || strings.HasSuffix(s.What, " 802.11")
}

// withSpace returns s after a space, or "" for "".
func withSpace(s string) string {
	if s == "" {
		return ""
	}
	return " " + s
}

func interfaceWords(l *timeline.Live) string {
	if l.Any {
		return "any interface"
	}
	return terminal.Safe(l.Interface)
}

// askWhere returns a question that helps to find the traffic.
func askWhere(l *timeline.Live) string {
	port := ""
	if l.Filter != "" {
		port = "does it have another port, or "
	}
	if l.Any {
		return port + "is the traffic inside a container, or on another machine? docs/REMOTE.md has both."
	}
	return port + "is the traffic on another interface? `wsdump interfaces` lists them, -i any takes all."
}

// topNames returns " (chat.example.com 12, ...)" with the most frequent names.
func topNames(counts []timeline.Count) string {
	if len(counts) == 0 {
		return ""
	}
	const shown = 3
	var parts []string
	for i, c := range counts {
		if i == shown {
			parts = append(parts, "...")
			break
		}
		parts = append(parts, terminal.Safe(c.What)+" "+quantity.Count(c.N))
	}
	return " (" + strings.Join(parts, ", ") + ")"
}
