package statistics

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wsdump/wsdump/internal/quantity"
	"github.com/wsdump/wsdump/internal/terminal"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/stats"
	"github.com/wsdump/wsdump/timeline"
)

// Statement is one thing that stands out, in whole sentences that are safe to show.
type Statement struct {
	Kind    string // one of the kinds in docs/SCHEMA.md
	Text    string
	Packets []uint64 // the first few packets that show it
}

// NothingStandsOut is the text to print when there is no [Statement].
const NothingStandsOut = "Nothing stands out."

// Statements returns what stands out in r, what matters most first. It returns nil
// for well-behaved traffic.
func Statements(r *stats.Report) (all []Statement) {
	say := func(kind string, packets []uint64, format string, args ...any) {
		all = append(all, Statement{kind, fmt.Sprintf(format, args...), packets})
	}
	for i := range r.StandOut.Silence {
		c := &r.StandOut.Silence[i]
		say("silence", c.Packets, "%s %s after the last byte%s, %s%s.%s%s", clusterCount(c), clusterTime(c), clusterRange(c), mannerWords(c.Manner),
			packetList(c.Packets, c.N), candidates(c, "proxy_read_timeout, timeout tunnel, idle_timeout"), clusterDoubts(c, true))
		if c.SlowPings > 0 {
			say("slow-ping", []uint64{c.SlowPingAt}, "On %s of these %s connections the %s sent a ping every %s, which is slower than the %s of silence after which they ended"+
				" (the last one of connection %d is packet %d): such pings keep nothing open.",
				quantity.Count(c.SlowPings), quantity.Count(c.N), c.SlowPingBy, quantity.Duration(c.PingEvery), quantity.Duration(c.Median), c.SlowPingConns[0], c.SlowPingAt)
		}
	}
	for i := range r.StandOut.Lifetime {
		c := &r.StandOut.Lifetime[i]
		say("lifetime", c.Packets, "%s %s after they had opened%s, busy or not, %s%s.%s%s", clusterCount(c), clusterTime(c), clusterRange(c), mannerWords(c.Manner),
			packetList(c.Packets, c.N), candidates(c, "a maximum age, a token's lifetime"), clusterDoubts(c, false))
	}
	for i := range r.StandOut.Broken {
		e := &r.StandOut.Broken[i]
		if rest := r.StandOut.Broken[i:]; i >= maxManners && len(rest) > 1 {
			n := uint64(0)
			for k := range rest {
				n += rest[k].N
			}
			say("end", nil, "%s ended badly in %d other ways.", quantity.Plural(n, "more connection"), len(rest))
			break
		}
		say("end", e.Packets, "%s %s%s.", quantity.Plural(e.N, "connection"), brokenWords(e.Manner), packetList(e.Packets, e.N))
	}
	for i := range r.StandOut.Refused {
		e := &r.StandOut.Refused[i]
		status := strconv.Itoa(e.Status)
		if e.Reason != "" {
			status += " " + terminal.Cut(terminal.Safe(e.Reason), 40)
		}
		say("refused", e.Packets, "%s of %s refused with %s%s.", quantity.Count(e.N), quantity.Plural(r.Conns.N, "handshake"), status, packetList(e.Packets, e.N))
	}
	if e := &r.StandOut.Unanswered; e.N > 0 {
		say("unanswered", e.Packets, "%s without a response%s.", quantity.Plural(e.N, "handshake"), packetList(e.Packets, e.N))
	}
	for i := range r.StandOut.Reconnects {
		c := &r.StandOut.Reconnects[i]
		say("reconnect", c.Packets, "%s opened %s again %s times, %s after a connection had broken%s.", c.Client, terminal.Cut(terminal.Safe(c.URL), mostURL), quantity.Count(c.N),
			between(c.Least, c.Most), packetList(c.Packets, c.N))
	}
	if n := r.StandOut.MoreReconnects; n > 0 {
		say("reconnect", nil, "%s more opened a URL again and again after a connection had broken.", quantity.Plural(n, "client"))
	}
	if r.Sequences != nil {
		for dir := range r.Sequences {
			all = append(all, sequenceStatements(timeline.Direction(dir), &r.Sequences[dir])...)
		}
	}
	all = append(all, tcpStatements(r)...)
	return append(all, ruleStatements(r)...)
}

// maxManners is how many ways to end badly have a statement of their own.
const maxManners = 6

func clusterCount(c *stats.Cluster) string {
	of := quantity.Count(c.N) + " of " + quantity.Count(c.Of)
	if c.Sampled {
		of = fmt.Sprintf("%.0f %%", 100*float64(c.N)/float64(c.Of))
	}
	if c.Of == 1 {
		return "The only connection that ended did so"
	}
	return of + " connections that ended did so"
}

// clusterTime returns the time of c, exact to a hundredth of a second: people compare
// it with configured limits.
func clusterTime(c *stats.Cluster) string {
	if c.Median < 2*time.Minute {
		return strconv.FormatFloat(c.Median.Seconds(), 'f', 2, 64) + " s"
	}
	return quantity.Duration(c.Median) + " (" + strconv.FormatFloat(c.Median.Seconds(), 'f', 1, 64) + " s)"
}

func clusterRange(c *stats.Cluster) string {
	if c.N < 2 || c.Most-c.Least < 20*time.Millisecond {
		return ""
	}
	return fmt.Sprintf(" (%.2f to %.2f s)", c.Least.Seconds(), c.Most.Seconds())
}

// candidates returns a sentence about products whose default fits the time of c. It
// never claims more than that.
func candidates(c *stats.Cluster, settings string) string {
	if len(c.Candidates) == 0 {
		return " No product that wsdump knows has this as its default; look for a limit that somebody set (" + settings + ")."
	}
	var names []string
	for _, d := range c.Candidates {
		name := d.Product
		if d.Setting != "" {
			name += " (" + d.Setting + ")"
		}
		names = append(names, name)
	}
	last := len(names) - 1
	text, verb := names[last], " has "
	if last > 0 {
		text, verb = strings.Join(names[:last], ", ")+" and "+names[last], " have "
	}
	return " " + text + verb + quantity.Duration(c.Candidates[0].Limit) + " as a default: candidates, not proof."
}

func clusterDoubts(c *stats.Cluster, pings bool) (words string) {
	if pings && c.Pinged == 0 {
		words = " No ping was seen on any of them."
	}
	if c.Simultaneous {
		words += " All ended at one moment: a restart would look the same."
	}
	return words
}

// mannerWords returns "FIN from the server", "close frame 1011 internal error
// from the client".
func mannerWords(m stats.Manner) string {
	words := m.How.String()
	if m.How == stats.HowClose {
		words += " " + codeWords(m.Code)
	}
	if m.By != timeline.PartyUnknown {
		words += " from the " + m.By.String()
	}
	return words
}

func codeWords(code uint16) string {
	if code == 0 {
		return "without a code"
	}
	return strings.TrimSpace(strconv.Itoa(int(code)) + " " + report.CloseName(code))
}

func brokenWords(m stats.Manner) string {
	if m.How == stats.HowClose {
		words := "closed with " + codeWords(m.Code)
		if m.By != timeline.PartyUnknown {
			words += " by the " + m.By.String()
		}
		return words
	}
	return "ended without a close frame, " + mannerWords(m)
}

// packetList returns ", packet 4" or ", packets 4 9 and more": examples of n things.
func packetList(examples []uint64, n uint64) string {
	var parts []string
	for _, p := range examples {
		if p != 0 { // a HAR has no packets
			parts = append(parts, strconv.FormatUint(p, 10))
		}
	}
	switch {
	case len(parts) == 0:
		return ""
	case n == 1:
		return ", packet " + parts[0]
	case n > uint64(len(examples)):
		return ", packets " + strings.Join(parts, " ") + " and more"
	}
	return ", packets " + strings.Join(parts, " ")
}

func between(least, most time.Duration) string {
	a, b := quantity.Duration(least), quantity.Duration(most)
	if a == b {
		return a
	}
	return a + " to " + b
}

func sequenceStatements(dir timeline.Direction, s *stats.Sequence) (all []Statement) {
	way := "sent"
	if dir == timeline.ServerToClient {
		way = "received"
	}
	say := func(kind string, n uint64, at []stats.SequenceAt, format string, args ...any) {
		text := fmt.Sprintf(format, args...)
		var in []uint64
		for i, a := range at {
			in = append(in, a.Packet)
			if i == 0 {
				text += fmt.Sprintf("; first %s, noticed in packet %d of connection %d", sequenceIDs(a), a.Packet, a.Conn)
			}
		}
		all = append(all, Statement{kind, text + ".", in})
	}
	across := func() string {
		if s.Across == 0 {
			return ""
		}
		return ", " + quantity.Count(s.Across) + " of all between one connection of a client and its next"
	}
	switch {
	case s.Missing > 0 && s.Countable():
		more := across()
		if s.CaptureGaps > 0 {
			more += "; for " + quantity.Count(s.CaptureGaps) + " of them the capture itself lacks bytes"
		}
		say("missing", s.Missing, s.MissingAt, "%s missing by their ids (%s)%s", quantity.Plural(s.Missing, "message")+" "+way+isAre(s.Missing), quantity.Plural(s.Checked, "message")+" checked", more)
	case s.Jumps > 0 && !s.Countable():
		all = append(all, Statement{"sequence", fmt.Sprintf("The ids of messages %s do not count by one (%s of %s steps leap), so that missing ones cannot be told.",
			way, quantity.Count(s.Jumps), quantity.Count(s.Jumps+s.Steps)), nil})
	}
	if s.Doubled > 0 {
		say("doubled", s.Doubled, s.DoubledAt, "%s came again by their ids", quantity.Plural(s.Doubled, "message")+" "+way)
	}
	if s.OutOfOrder > 0 {
		say("disorder", s.OutOfOrder, s.DisorderAt, "%s came out of order by their ids", quantity.Plural(s.OutOfOrder, "message")+" "+way)
	}
	return all
}

func isAre(n uint64) string {
	if n == 1 {
		return " is"
	}
	return " are"
}

func sequenceIDs(a stats.SequenceAt) string {
	switch {
	case a.Text != "":
		return terminal.Cut(terminal.Safe(a.Text), 40)
	case a.From == a.To:
		return strconv.FormatInt(a.From, 10)
	}
	return strconv.FormatInt(a.From, 10) + " to " + strconv.FormatInt(a.To, 10)
}

// Retransmissions stand out from these numbers on. Single ones are normal for TCP.
const (
	leastResent = 3
	resentShare = 0.005
)

func tcpStatements(r *stats.Report) (all []Statement) {
	t := &r.TCP
	resent, segments := t.Resent[0]+t.Resent[1], t.Segments[0]+t.Segments[1]
	if resent >= leastResent && float64(resent) >= resentShare*float64(segments) {
		text := fmt.Sprintf("%s of %s with data (%.1f %%) were sent again, on %s of %s: packets are lost on the way", quantity.Count(resent),
			quantity.Plural(segments, "TCP segment"), 100*float64(resent)/float64(segments), quantity.Count(t.WithResent), quantity.Plural(t.Transports, "TCP connection"))
		var in []uint64
		for i := range t.Worst {
			w := &t.Worst[i]
			if n := w.Resent[0] + w.Resent[1]; n > 0 {
				text += fmt.Sprintf("; worst is %s -> %s with %s of %s, first in packet %d", w.Client, w.Server, quantity.Count(n), quantity.Count(w.Segments[0]+w.Segments[1]), w.FirstResent)
				in = []uint64{w.FirstResent}
				break
			}
		}
		all = append(all, Statement{"retransmission", text + ".", in})
	}
	if missing := t.Missing[0] + t.Missing[1]; missing > 0 {
		text := fmt.Sprintf("%s missing from the capture, on %s of %s", quantity.Size(missing)+isAre(2), quantity.Count(t.WithMissing), quantity.Plural(t.Transports, "TCP connection"))
		var in []uint64
		for i := range r.Rules {
			if f := &r.Rules[i]; f.Rule.ID == "tcp/gap" {
				text, in = text+packetList([]uint64{f.First}, 1), []uint64{f.First}
			}
		}
		all = append(all, Statement{"gap", text + ": packets were dropped by the capture, not by the network. What is said of messages there is not whole.", in})
	}
	if n := r.Totals.Dropped; n > 0 {
		all = append(all, Statement{"dropped", "The capture tool dropped " + quantity.Plural(n, "packet") + ": use a larger buffer or a narrower filter.", nil})
	}
	return all
}

// ruleStatements returns statements about findings of severity error, and about
// warnings of [isTrouble].
func ruleStatements(r *stats.Report) (all []Statement) {
	for i := range r.Rules {
		f := &r.Rules[i]
		switch {
		case f.Severity == timeline.Error:
		case f.Severity == timeline.Warning && isTrouble(f.Rule.ID):
		default:
			continue
		}
		text := fmt.Sprintf("%s (%s), %s", terminal.Safe(f.Rule.Title), f.Rule.ID, quantity.Plural(f.N, "time"))
		text = strings.ToUpper(text[:1]) + text[1:]
		if f.First != 0 {
			text += ", first in packet " + strconv.FormatUint(f.First, 10)
		}
		if f.Conn != 0 {
			text += " of connection " + strconv.FormatUint(f.Conn, 10)
		}
		all = append(all, Statement{"rule", text + ".", []uint64{f.First}})
	}
	return all
}

// isTrouble reports whether the rule is a warning that matters to the people who run
// a service, and that no other statement covers.
func isTrouble(id string) bool {
	switch id {
	case "ws/pong-missing", "ws/close-unanswered", "ws/sync-lost", "deflate/context-lost", "deflate/limit", "tls/decrypt-failed",
		"tcp/overlap-differs", "ip/fragment-overlap", "capture/cut-short", "capture/damaged", "tcp/limit", "http/limit", "tls/limit", "ws/limit":
		return true
	}
	return false
}
