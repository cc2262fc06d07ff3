package report

import (
	"io"
	"strconv"

	"github.com/wsdump/wsdump/internal/decimal"
	"github.com/wsdump/wsdump/internal/ndjson"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/timeline"
)

// schema is the version of the NDJSON contract.
const schema = 1

// NDJSON prints a timeline for programs: one JSON object a line. The types of lines
// and their keys are a contract (docs/SCHEMA.md). A row of a message or a control
// frame costs no allocation.
type NDJSON struct {
	timeline.Nop
	writer
	selection
	opt     Options
	lines   Rows // makes the message lines and the beginning of all lines
	textual frameText
	list    bool   // one line for each connection instead of rows
	order   *order // of a list with Options.Sort, else nil
}

// NewNDJSON returns an NDJSON output of rows. It writes the start line with the first
// rows.
func NewNDJSON(w io.Writer, opt Options) *NDJSON {
	n := &NDJSON{opt: opt, lines: Rows{opt: opt}, writer: newWriter(w, &opt), textual: newFrameText()}
	n.start()
	return n
}

// NewListNDJSON returns an output with one line for each connection, in order of
// closing: `wsdump list -T ndjson`.
func NewListNDJSON(w io.Writer, opt Options) *NDJSON {
	n := NewNDJSON(w, opt)
	n.list, n.order = true, newOrder(&opt)
	return n
}

// Needs returns what the rows are made from.
func (n *NDJSON) Needs(*timeline.Conn) timeline.Needs {
	needs := n.opt.needs()
	needs.Frames, needs.Silent = needs.Frames && !n.list, n.list
	return needs
}

// off reports whether rows of kind h are not printed.
func (n *NDJSON) off(h Hide) bool { return n.stopped || n.list || n.opt.Hides(h) }

// Open prints an open line.
func (n *NDJSON) Open(c *timeline.Conn) {
	if n.off(HideOpen) || !n.picks(query.MatchOpen) {
		return
	}
	n.begin("open", c.Opened, c)
	n.handshake(c)
	n.finish()
}

// Frame prints a control line, and a frame line if Options.Frames asks for it.
func (n *NDJSON) Frame(f *timeline.Frame) {
	if n.stopped || n.list {
		return
	}
	if n.opt.Frames && n.picks(query.MatchFrame) {
		n.frame(f)
	}
	if f.N != 0 && f.Opcode.Control() && !f.Opcode.Reserved() && !n.off(HideControl) && n.picks(query.MatchControl) {
		n.control(f)
	}
}

// Message prints a message line.
func (n *NDJSON) Message(m *timeline.Message) {
	if !n.off(HideMessage) {
		n.buf, _ = n.lines.append(n.buf, m, true)
		n.countRow()
	}
}

// Finding prints a finding line.
func (n *NDJSON) Finding(f *timeline.Finding) {
	if !n.off(HideFinding) {
		n.finding(f)
	}
}

// Close prints a close line, or the connection line of a list.
func (n *NDJSON) Close(c *timeline.Conn, at timeline.Stamp) {
	delete(n.textual.openTexts, c.ID)
	switch {
	case n.list && !n.stopped:
		from := len(n.buf)
		n.begin("connection", c.Opened, c)
		n.handshake(c)
		n.closing(c)
		n.severities("findings", c.FindingsBy)
		if n.order != nil {
			n.hold(n.order.conn(c), from)
			return
		}
		n.finish()
	case !n.off(HideClose) && n.picks(query.MatchClose):
		n.begin("close", at, c)
		n.closing(c)
		n.finish()
	}
}

// Other prints the line of a transport without a WebSocket, in a list with
// Options.All.
func (n *NDJSON) Other(o *timeline.Other) {
	if !n.list || !n.opt.All || n.stopped {
		return
	}
	from := len(n.buf)
	n.other(o)
	if n.order != nil {
		n.hold(n.order.other(o), from)
		return
	}
	n.finish()
}

// hold moves the line that begins at n.buf[from] into the order of a list.
func (n *NDJSON) hold(r rank, from int) {
	n.fail(n.order.put(r, n.buf[from:]))
	n.buf = n.buf[:from]
}

// Done prints the summary line and flushes.
func (n *NDJSON) Done(t *timeline.Totals) {
	if n.order != nil {
		n.fail(n.order.each(func(line []byte) bool {
			n.buf = append(n.buf, line...)
			n.finish()
			return !n.stopped
		}))
	}
	n.summary(t)
	n.write()
}

// Flush hands all rows so far to the writer.
func (n *NDJSON) Flush() error {
	n.write()
	return n.err
}

// begin starts a line with the keys that all lines share. c may be nil.
func (n *NDJSON) begin(kind string, at timeline.Stamp, c *timeline.Conn) {
	b := n.lines.begin(n.buf, kind, at)
	if c != nil {
		b = append(b, `,"conn":`...)
		b = decimal.AppendUint(b, c.ID)
	}
	n.buf = b
}

// Line prints a line of another output, which ends in a line break. It counts as a
// row.
func (n *NDJSON) Line(line []byte) {
	n.buf = append(n.buf, line...)
	n.countRow()
}

// finish ends a line and counts it as a row.
func (n *NDJSON) finish() {
	n.buf = append(n.buf, '}', '\n')
	n.countRow()
}

func (n *NDJSON) start() {
	n.buf = append(n.buf, `{"type":"start","schema":`...)
	n.buf = strconv.AppendInt(n.buf, schema, 10)
	n.buf.Text("version", n.opt.Version)
	n.buf.Texts("files", n.opt.Files)
	n.buf = append(n.buf, '}', '\n')
}

func (n *NDJSON) summary(t *timeline.Totals) {
	n.begin("summary", timeline.Stamp{}, nil)
	n.buf.Number("packets", t.Packets)
	n.buf.Number("bytes", t.Bytes)
	n.buf.Number("tcp_connections", t.Transports)
	if t.GivenUp > 0 {
		n.buf.Number("given_up", t.GivenUp)
	}
	n.buf.Number("tls_without_keys", t.TLSNoKeys)
	n.buf.Number("connections", t.Conns)
	n.buf.Number("messages", t.Messages)
	n.buf.Number("frames", t.Frames)
	n.severities("findings", t.Findings)
	n.buf.Number("gaps", t.Gaps)
	n.buf.Number("dropped", t.Dropped)
	if t.Filtered > 0 {
		n.buf.Number("filtered", t.Filtered)
	}
	if t.Duplicates > 0 {
		n.buf.Number("duplicates", t.Duplicates)
	}
	n.buf.Key("skipped")
	n.buf = append(n.buf, '{')
	for i, s := range t.Skipped {
		if i > 0 {
			n.buf = append(n.buf, ',')
		}
		n.buf = ndjson.AppendString(n.buf, s.What)
		n.buf = append(n.buf, ':')
		n.buf = decimal.AppendUint(n.buf, s.N)
	}
	n.buf = append(n.buf, '}')
	n.buf.Millis("duration_ms", t.Last-t.First)
	switch {
	case t.HeadersOnly:
		n.buf.Text("judged", "headers")
	case t.Recorded:
		n.buf.Text("judged", "messages")
	default:
		n.buf.Text("judged", "payload")
	}
	if t.Conns == 0 {
		n.buf.Text("hint", NothingFound(t))
	}
	n.buf = append(n.buf, '}', '\n')
}
