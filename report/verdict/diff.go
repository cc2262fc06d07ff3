package verdict

import (
	"bufio"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/wsdump/wsdump/diff"
	"github.com/wsdump/wsdump/internal/quantity"
	"github.com/wsdump/wsdump/internal/terminal"
	"github.com/wsdump/wsdump/timeline"
	"github.com/wsdump/wsdump/transcript"
)

// DiffOptions say how a diff is printed.
type DiffOptions struct {
	Version string
	Names   [2]string   // names of the two sides
	Files   [2][]string // files that were read for each side
	Damage  [2][]string // sentences about what could not be read
	Color   bool
}

// Colours of a diff. The sign at the beginning of a line means the same.
const (
	colorGone = "\x1b[31m"
	colorNew  = "\x1b[32m"
	colorHunk = "\x1b[36m"
)

// diffWriter writes a diff.
type diffWriter struct {
	w    *bufio.Writer
	opt  *DiffOptions
	line []byte
}

// WriteDiff writes the differences as a unified diff of transcripts (docs/DIFF.md).
// It writes nothing if there are none. All text is safe for a terminal.
func WriteDiff(w io.Writer, r *diff.Report, opt DiffOptions) error {
	if r.Equal() {
		return nil
	}
	d := &diffWriter{w: bufio.NewWriter(w), opt: &opt}
	d.writeLine(terminal.ColorBold, "--- "+d.side(0, &r.A))
	d.writeLine(terminal.ColorBold, "+++ "+d.side(1, &r.B))
	d.writeLine(terminal.ColorDim, "# "+DiffSummary(r))
	for _, p := range r.Pairs {
		if !p.Equal() {
			d.writePair(p)
		}
	}
	return d.w.Flush()
}

// writeLine writes a line in a colour.
func (d *diffWriter) writeLine(color, text string) {
	if d.opt.Color {
		text = color + text + terminal.ColorReset
	}
	d.w.WriteString(text)
	d.w.WriteString("\n")
}

func (d *diffWriter) side(i int, s *diff.Side) string {
	return terminal.Safe(d.opt.Names[i]) + "   " + quantity.Plural(s.Connections, "connection") + ", " + quantity.Plural(s.Messages, "message")
}

// DiffSummary returns one line about the differences: "3 messages lost, 1 doubled".
// It counts rows instead of messages when there are pings and pongs among them.
func DiffSummary(r *diff.Report) string {
	what := "message"
	if r.Pings > 0 {
		what = "row"
	}
	var parts []string
	for k, n := range r.Counts {
		switch {
		case n == 0:
		case len(parts) == 0:
			parts = append(parts, quantity.Plural(n, what)+" "+diff.Kind(k).String())
		default:
			parts = append(parts, quantity.Count(n)+" "+diff.Kind(k).String())
		}
	}
	for i, name := range [2]string{"A", "B"} {
		if n := r.Only[i]; n > 0 {
			parts = append(parts, quantity.Plural(n, "connection")+" in "+name+" only")
		}
	}
	if r.Property > 0 {
		other := " properties"
		if r.Property == 1 {
			other = " property"
		}
		parts = append(parts, quantity.Count(r.Property)+other+" of connections changed")
	}
	if len(parts) == 0 {
		return "no difference"
	}
	return strings.Join(parts, ", ")
}

// writePair writes the differences of one pair of connections.
func (d *diffWriter) writePair(p *diff.Pair) {
	d.w.WriteString("\n")
	switch {
	case p.B == nil:
		d.writeOnly('-', "A", p.A)
		return
	case p.A == nil:
		d.writeOnly('+', "B", p.B)
		return
	}
	url := p.A.URL
	if url == "" {
		url = p.A.Server
	}
	d.writeLine(terminal.ColorBold, "# "+terminal.Safe(url)+": connection "+quantity.Count(p.A.ID)+" of A is "+quantity.Count(p.B.ID)+" of B"+d.pairedBy(p))
	for _, line := range DelayLines(p) {
		d.writeLine(terminal.ColorDim, "# "+line)
	}
	for i, c := range [2]*diff.Connection{p.A, p.B} {
		if len(c.Damage) > 0 {
			d.writeLine(terminal.ColorDim, "# "+"AB"[i:i+1]+" may lack something: "+strings.Join(c.Damage, "; "))
		}
	}
	for _, x := range p.Properties {
		d.writeLine(colorGone, "-! "+x.Name+" "+terminal.Safe(x.A))
		d.writeLine(colorNew, "+! "+x.Name+" "+terminal.Safe(x.B))
	}
	for lines := p.Lines; len(lines) > 0; {
		n := 1
		for n < len(lines) && lines[n].Skipped == 0 {
			n++
		}
		d.writeHunk(p, lines[:n])
		lines = lines[n:]
	}
	if p.More > 0 {
		d.writeLine(terminal.ColorDim, "# and "+quantity.Plural(p.More, "more difference"))
	}
}

// pairedBy returns how two connections were paired, "" where it is the usual way.
func (d *diffWriter) pairedBy(p *diff.Pair) string {
	switch p.By {
	case "path":
		return ", paired by path"
	case "order":
		return ", paired by order"
	case "leg":
		return ", paired by an identifier of the proxy"
	}
	return ""
}

// writeOnly writes a connection that only one side has.
func (d *diffWriter) writeOnly(op byte, side string, c *diff.Connection) {
	color, where := colorGone, "-"
	if op == '+' {
		color, where = colorNew, "+"
	}
	d.writeLine(terminal.ColorBold, "# connection "+quantity.Count(c.ID)+" of "+side+" alone, packet "+quantity.Count(c.Packet)+": "+quantity.Plural(c.Messages[0], "message")+" sent, "+quantity.Count(c.Messages[1])+" received")
	talk := transcript.Conversation{URL: c.URL, Status: c.Status}
	if c.Subprotocol != "" {
		talk.Properties = []transcript.Property{{Name: "subprotocol", Value: c.Subprotocol}}
	}
	d.writeLine(color, where+strings.TrimSuffix(string(talk.AppendOpen(nil)), "\n"))
}

// writeHunk writes neighbouring lines. Its head has the row numbers of both sides, as
// wsdump counts them.
func (d *diffWriter) writeHunk(p *diff.Pair, lines []diff.Line) {
	d.writeLine(colorHunk, "@@ -"+rowRange(p, lines, '-')+" +"+rowRange(p, lines, '+')+" @@")
	for i := 0; i < len(lines); {
		if lines[i].Difference < 0 {
			d.writeMessage(&lines[i])
			i++
			continue
		}
		n := 1
		kind := p.Differences[lines[i].Difference].Kind
		single := kind == diff.Lost || kind == diff.Added || kind == diff.Doubled
		for single && i+n < len(lines) && lines[i+n].Difference >= 0 && p.Differences[lines[i+n].Difference].Kind == kind {
			n++
		}
		if single || lines[i].Op == '-' || i == 0 || lines[i-1].Difference != lines[i].Difference {
			d.writeLine(terminal.ColorDim, "# "+differenceText(p, lines[i:i+n]))
		}
		for range n {
			d.writeMessage(&lines[i])
			i++
		}
	}
}

// rowRange returns "first,count" of the rows of one side in lines, as diff -u does.
func rowRange(p *diff.Pair, lines []diff.Line, op byte) string {
	first, n := uint64(0), 0
	for i := range lines {
		if lines[i].Op != ' ' && lines[i].Op != op {
			continue
		}
		row := lines[i].Message.N
		if op == '+' && lines[i].Op == ' ' {
			row = lines[i].Other
		}
		if n == 0 || row < first {
			first = row
		}
		n++
	}
	return strconv.FormatUint(first, 10) + "," + strconv.Itoa(n)
}

// differenceText returns what a difference is, and where.
func differenceText(p *diff.Pair, lines []diff.Line) string {
	x := &p.Differences[lines[0].Difference]
	if x.A != nil && x.B != nil {
		verb := x.Kind.String()
		if x.Moved {
			verb += " and reordered"
		}
		text := verb + ": " + place("A", p.A, x.A) + "; " + place("B", p.B, x.B)
		if x.Kind == diff.Changed && (x.A.Length != x.B.Length || x.A.Cut || x.B.Cut) {
			text += "; " + quantity.Size(x.A.Length) + ", then " + quantity.Size(x.B.Length)
			if string(x.A.Payload) == string(x.B.Payload) && (x.A.Cut || x.B.Cut) {
				text += ", not the same behind what is shown"
			}
		}
		return text
	}
	m, c, side := x.A, p.A, "A"
	if m == nil {
		m, c, side = x.B, p.B, "B"
	}
	if len(lines) > 1 {
		last := lines[len(lines)-1].Message
		text := quantity.Count(uint64(len(lines))) + " " + x.Kind.String() + ": rows " + quantity.Count(m.N) + " to " + quantity.Count(last.N) + " of " + side
		if m.Packet > 0 {
			text += ", packets " + quantity.Count(m.Packet) + " to " + quantity.Count(last.Packet)
		}
		return text
	}
	text := x.Kind.String() + ": " + place(side, c, m)
	if x.Times[0]+x.Times[1] > 1 {
		text += "; " + times(x.Times[0]) + " in A, " + times(x.Times[1]) + " in B"
	}
	return text
}

func times(n uint64) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return quantity.Count(n) + " times"
}

// place returns where a message is: its row, its packet, and its time since its
// connection began.
func place(side string, c *diff.Connection, m *diff.Message) string {
	text := "row " + quantity.Count(m.N) + " of " + side
	if m.Packet > 0 {
		text += ", packet " + quantity.Count(m.Packet)
	}
	if m.Time > 0 && c.Time > 0 && m.Time >= c.Time {
		text += " at " + quantity.Duration(time.Duration(m.Time-c.Time))
	}
	return text
}

// writeMessage writes a message as a transcript does.
func (d *diffWriter) writeMessage(l *diff.Line) {
	m := &l.Message
	e := transcript.Event{HasDir: true, Dir: m.Dir, Binary: m.Op == timeline.OpBinary, Payload: m.Payload}
	switch m.Op {
	case timeline.OpPing:
		e.Kind = transcript.Ping
	case timeline.OpPong:
		e.Kind = transcript.Pong
	}
	for _, mark := range [...]struct {
		is   bool
		name string
	}{
		{m.Incomplete, transcript.MarkIncomplete},
		{m.Truncated || m.Cut, transcript.MarkTruncated},
		{m.Opaque, transcript.MarkOpaque},
		{m.Guessed, transcript.MarkGuessed},
	} {
		if mark.is {
			e.Marks = append(e.Marks, mark.name)
		}
	}
	d.line = e.Append(append(d.line[:0], l.Op))
	switch l.Op {
	case '-':
		d.writeLine(colorGone, string(d.line))
	case '+':
		d.writeLine(colorNew, string(d.line))
	default:
		d.w.Write(d.line)
		d.w.WriteString("\n")
	}
}

// DelayLines returns lines about how much later messages are on one side. It returns
// none where both sides share no message.
func DelayLines(p *diff.Pair) (lines []string) {
	for dir := range timeline.Direction(2) {
		t := &p.Delay[dir]
		if t.N == 0 || t.Max == 0 {
			continue
		}
		from, to := "A", "B"
		if p.HasOffset && (p.Nearer == timeline.PartyServer) != (dir == timeline.ServerToClient) {
			from, to = "B", "A"
		}
		word := [2]string{"sent", "received"}[dir]
		text := word + ": " + from + " to " + to + " takes "
		if !p.HasOffset {
			text = word + ": times differ by "
		}
		text += quantity.Duration(time.Duration(t.P50)) + " (median), " + quantity.Duration(time.Duration(t.P95)) + " (95 %), " + quantity.Duration(time.Duration(t.Max)) + " (most)"
		if !p.HasOffset {
			text += " from the quickest"
		}
		lines = append(lines, text)
	}
	if p.HasOffset && p.Offset != 0 && len(lines) > 0 {
		way := " ahead of A's"
		o := p.Offset
		if o < 0 {
			o, way = -o, " behind A's"
		}
		lines = append(lines, "B's clock is taken to be "+quantity.Duration(time.Duration(o))+way)
	}
	return lines
}
