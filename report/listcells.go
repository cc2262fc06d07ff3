package report

import (
	"strconv"
	"strings"
	"time"

	"github.com/wsdump/wsdump/internal/quantity"
	"github.com/wsdump/wsdump/internal/terminal"
	"github.com/wsdump/wsdump/timeline"
)

// cells is a row of a list: safe texts, each followed by a zero byte, which no safe
// text contains. It is reused for every row, since a capture may have very many
// connections.
type cells struct {
	text []byte
	ends []int // of the cells in text
}

func (c *cells) reset() { c.text, c.ends = c.text[:0], c.ends[:0] }

// end finishes a cell: all text since the previous cell.
func (c *cells) end() {
	c.ends = append(c.ends, len(c.text))
	c.text = append(c.text, 0)
}

// add appends a cell.
func (c *cells) add(cell string) {
	c.text = append(c.text, cell...)
	c.end()
}

// load sets the row to text, which was the text of another row.
func (c *cells) load(text []byte) {
	c.reset()
	for cell := range strings.SplitSeq(strings.TrimSuffix(string(text), "\x00"), "\x00") {
		c.add(cell)
	}
}

// at returns a cell. It is borrowed.
func (c *cells) at(i int) []byte {
	start := 0
	if i > 0 {
		start = c.ends[i-1] + 1
	}
	return c.text[start:c.ends[i]]
}

// strings returns copies of all cells.
func (c *cells) strings() []string {
	all := make([]string, len(c.ends))
	for i := range all {
		all[i] = string(c.at(i))
	}
	return all
}

// appendWord appends a word to the cell that begins at from, after a space if the
// cell has text.
func (c *cells) appendWord(from int, word string) {
	if len(c.text) > from {
		c.text = append(c.text, ' ')
	}
	c.text = append(c.text, word...)
}

// endSafe finishes a cell as end does. It makes the cell safe and cuts it to width
// columns.
func (c *cells) endSafe(width int) {
	from := 0
	if n := len(c.ends); n > 0 {
		from = c.ends[n-1] + 1
	}
	if cell := c.text[from:]; len(cell) > width || !terminal.IsPlain(cell) {
		text := terminal.Cut(terminal.Safe(string(cell)), width)
		c.text = append(c.text[:from], text...)
	}
	c.end()
}

// conn sets the row to that of a connection.
func (c *cells) conn(conn *timeline.Conn) {
	c.reset()
	c.text = strconv.AppendUint(c.text, conn.ID, 10)
	c.end()
	if h := conn.Handshake; h == nil {
		c.add("(handshake not in the capture)")
		c.address(conn)
		c.add("mid-stream")
	} else {
		c.text = conn.AppendURL(c.text)
		c.endSafe(listURL)
		c.address(conn)
		c.text = appendStatus(c.text, h)
		c.endSafe(statusWidth)
	}
	c.text = quantity.AppendDuration(c.text, conn.Duration())
	c.end()
	c.messages(&conn.Counters[timeline.ClientToServer])
	c.messages(&conn.Counters[timeline.ServerToClient])
	c.closed(conn)
	c.text = appendFindings(c.text, conn.FindingsBy)
	c.end()
}

// statusWidth is the greatest width of STATUS in columns.
const statusWidth = 40

// address appends the cells CLIENT and SERVER.
func (c *cells) address(conn *timeline.Conn) {
	c.text = appendAddress(c.text, conn.Client)
	if conn.Peer.IsValid() {
		c.text = conn.Peer.AppendTo(append(c.text, " via "...))
	}
	c.end()
	c.text = appendAddress(c.text, conn.Server)
	c.end()
}

// messages appends the cell SENT or RECEIVED.
func (c *cells) messages(n *timeline.Counters) {
	if n.Messages == 0 {
		c.add("-")
		return
	}
	c.text = quantity.AppendCount(c.text, n.Messages)
	if hasMessageBytes(n) {
		c.text = append(quantity.AppendSize(append(c.text, " ("...), n.MessageBytes), ')')
	}
	c.end()
}

// closed appends the cell CLOSE: how the connection ended, in as few words as
// possible.
func (c *cells) closed(conn *timeline.Conn) {
	if conn.Refused() {
		c.add("refused")
		return
	}
	from := len(c.text)
	if conn.CloseCode != 0 {
		c.text = strconv.AppendUint(c.text, uint64(conn.CloseCode), 10)
	}
	if conn.By != timeline.PartyUnknown {
		c.appendWord(from, conn.By.String())
	}
	frames := conn.ClosedBy[0] || conn.ClosedBy[1]
	switch {
	case conn.Recorded: // a HAR holds no more than this
		if conn.Aborted {
			c.appendWord(from, "aborted")
		}
		if len(c.text) == from {
			c.appendWord(from, "-")
		}
	case conn.Clean():
		c.appendWord(from, "clean")
	case conn.TCP == timeline.TCPReset:
		c.appendWord(from, "reset")
	case conn.TCP == timeline.TCPTimeout:
		c.appendWord(from, "given up")
	case conn.TCP == timeline.TCPOpen && !frames:
		c.appendWord(from, "open")
	case conn.TCP == timeline.TCPOpen:
		c.appendWord(from, "closing")
	case !frames:
		c.appendWord(from, "no close frame")
	default:
		c.appendWord(from, "half closed")
	}
	c.end()
}

// appendFindings appends "2 errors, 1 note", or "-" for no findings.
func appendFindings(dst []byte, by [3]uint64) []byte {
	from := len(dst)
	for _, s := range [...]timeline.Severity{timeline.Error, timeline.Warning, timeline.Note} {
		if n := by[s]; n > 0 {
			if len(dst) > from {
				dst = append(dst, ", "...)
			}
			dst = append(dst, quantity.Plural(n, s.String())...)
		}
	}
	if len(dst) == from {
		dst = append(dst, '-')
	}
	return dst
}

// other sets the row to that of a transport without a WebSocket.
func (c *cells) other(o *timeline.Other) {
	t := o.Transport
	bytes := func(n uint64) string {
		if n == 0 {
			return "-"
		}
		return quantity.Size(n)
	}
	c.reset()
	for _, cell := range [...]string{
		"-", terminal.Cut(terminal.Safe(otherName(o)), listURL), t.Client.String(), t.Server.String(), terminal.Cut(terminal.Safe(otherStatus(o)), statusWidth),
		quantity.Duration(max(0, time.Duration(o.Ended.Time-t.First.Time))), bytes(t.Bytes[0]), bytes(t.Bytes[1]), o.TCP.String(), "-",
	} {
		c.add(cell)
	}
}

// otherName returns what a transport without a WebSocket carried.
func otherName(o *timeline.Other) string {
	switch o.Kind {
	case "tls":
		name := o.ServerName
		if name == "" && len(o.Names) > 0 {
			name = o.Names[0]
		}
		return strings.TrimSpace("TLS " + name)
	case "http", "http2":
		words := []string{"HTTP", o.Host + o.Path}
		switch o.Fallback {
		case "sse":
			words = append(words, "(Server-Sent Events)")
		case "long-polling":
			words = append(words, "(long polling)")
		case "engine.io":
			words = append(words, "(Engine.IO polling)")
		}
		return strings.Join(words, " ")
	case "ssh":
		return "SSH"
	}
	if o.Version != "" {
		return strings.TrimSpace("other inside TLS " + o.ServerName)
	}
	return "other"
}

// otherStatus returns what is known of such a transport, in a few words.
func otherStatus(o *timeline.Other) string {
	switch o.Kind {
	case "tls":
		words := strings.TrimSpace(o.Version + " " + o.ALPN)
		switch {
		case o.Guess:
			words += ", perhaps a WebSocket"
		case o.Idle:
			words += ", no data"
		}
		return words
	case "http":
		return quantity.Plural(o.Requests, "request")
	}
	return "-"
}
