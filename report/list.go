package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/wsdump/wsdump/internal/quantity"
	"github.com/wsdump/wsdump/internal/terminal"
	"github.com/wsdump/wsdump/timeline"
)

// List prints one row for each connection, in order of closing, and a line of totals.
// It draws the first maxHeld rows as a table whose columns fit them. It prints later
// rows as they come, in columns of the same widths, so many connections cost neither
// memory nor time. In a live capture it prints every row at once. With Options.Sort
// it keeps all rows in an order until the end.
type List struct {
	timeline.Nop
	writer
	opt     Options
	order   *order // nil without Options.Sort
	cells   cells  // the current row
	held    [][]string
	widths  []int // of the columns; nil until the held rows are drawn
	conns   uint64
	refused uint64
	totals  [2]timeline.Counters
}

// maxHeld is how many rows a list holds for its table.
const maxHeld = 100

// listURL is the widest URL in columns where no terminal bounds it: nothing that a
// browser sends is longer.
const listURL = 8192

var listHead = [...]string{"#", "URL", "CLIENT", "SERVER", "STATUS", "DURATION", "SENT", "RECEIVED", "CLOSE", "FINDINGS"}

const listColumnURL = 1

// NewList returns a list. It holds rows until the end, or until it has maxHeld.
func NewList(w io.Writer, opt Options) *List {
	l := &List{opt: opt, writer: newWriter(w, &opt), order: newOrder(&opt)}
	if opt.Live && l.order == nil {
		l.columns()
		l.cells.reset()
		for _, name := range listHead {
			l.cells.add(name)
		}
		l.printRow()
	}
	return l
}

// liveWidths are the widths of the columns when rows are printed as they come.
var liveWidths = [...]int{4, 48, 21, 21, 16, 9, 14, 14, 20, 8}

// columns sets the widths before any row is known.
func (l *List) columns() {
	l.widths = slices.Clone(liveWidths[:])
	if l.opt.Width > 0 {
		rest := 0
		for i, w := range l.widths {
			if i != listColumnURL {
				rest += w + len(terminal.ColumnGap)
			}
		}
		l.widths[listColumnURL] = max(l.opt.Width-rest, leastURL/2)
	}
}

// Needs asks for payload, since lengths and findings are made from it.
func (l *List) Needs(*timeline.Conn) timeline.Needs {
	return timeline.Needs{Payload: l.opt.Payload != PayloadNone, Silent: true}
}

// Close adds the row of a connection.
func (l *List) Close(c *timeline.Conn, _ timeline.Stamp) {
	if l.stopped {
		return
	}
	l.conns++
	if c.Refused() {
		l.refused++
	}
	for d := range l.totals {
		l.totals[d].Messages += c.Counters[d].Messages
		l.totals[d].MessageBytes += c.Counters[d].MessageBytes
	}
	l.cells.conn(c)
	if l.order != nil {
		l.fail(l.order.put(l.order.conn(c), l.cells.text))
		return
	}
	l.addRow()
}

// addRow prints or holds the row that is in cells.
func (l *List) addRow() {
	if l.widths != nil {
		l.printRow()
	} else if l.held = append(l.held, l.cells.strings()); len(l.held) == maxHeld {
		l.drawHeld()
	}
	l.countRow()
}

// Other adds the row of a transport without a WebSocket, if Options.All asks for it.
func (l *List) Other(o *timeline.Other) {
	if l.stopped || !l.opt.All {
		return
	}
	l.cells.other(o)
	if l.order != nil {
		l.fail(l.order.put(l.order.other(o), l.cells.text))
		return
	}
	l.addRow()
}

// Done prints the held rows and the totals.
func (l *List) Done(t *timeline.Totals) {
	if l.order != nil {
		l.fail(l.order.each(func(row []byte) bool {
			l.cells.load(row)
			l.addRow()
			return !l.stopped
		}))
	}
	if l.widths == nil && len(l.held) > 0 {
		l.drawHeld()
	}
	if l.conns > 0 || l.opt.All {
		l.buf = append(append(append(l.buf, '\n'), l.summary(t)...), '\n')
	}
	l.write()
}

// Flush hands printed rows to the writer. Held rows stay.
func (l *List) Flush() error {
	l.write()
	return l.err
}

// drawHeld prints the held rows as a table and fixes the widths of later rows.
func (l *List) drawHeld() {
	l.widths = make([]int, len(listHead))
	for i, name := range listHead {
		l.widths[i] = len(name)
	}
	for _, row := range l.held {
		for i, cell := range row {
			l.widths[i] = max(l.widths[i], terminal.Columns(cell))
		}
	}
	if len(l.held) == maxHeld { // more rows will come, with longer numbers
		l.widths[0] = len("1000000")
		for _, row := range l.held {
			row[0] += strings.Repeat(" ", max(0, l.widths[0]-len(row[0])))
		}
	}
	if l.opt.Width > 0 { // the URL column shrinks until the row fits
		rest := 0
		for i, w := range l.widths {
			if i != listColumnURL {
				rest += w + len(terminal.ColumnGap)
			}
		}
		l.widths[listColumnURL] = min(l.widths[listColumnURL], max(l.opt.Width-rest, leastURL/2))
		for _, row := range l.held {
			row[listColumnURL] = terminal.Cut(row[listColumnURL], l.widths[listColumnURL])
		}
	}
	var drawn strings.Builder
	if err := terminal.DrawTable(&drawn, listHead[:], l.held); err != nil && l.err == nil {
		l.err = fmt.Errorf("drawing the list: %w", err)
	}
	for line := range strings.Lines(drawn.String()) {
		l.buf = append(append(l.buf, strings.TrimRight(line, " \n")...), '\n')
	}
	l.held = nil
}

// printRow prints the row in cells in columns of fixed widths. A wider cell moves the
// rest to the right. Only the URL is cut, and only on a terminal.
func (l *List) printRow() {
	for i := range l.widths {
		most, used := terminal.NoLimit, 0
		if i == listColumnURL && l.opt.Width > 0 {
			most = max(l.widths[i], leastWidth)
		}
		l.buf, used = terminal.AppendCut(l.buf, l.cells.at(i), most)
		if i == len(l.widths)-1 {
			break
		}
		for range l.widths[i] - used {
			l.buf = append(l.buf, ' ')
		}
		l.buf = append(l.buf, terminal.ColumnGap...)
	}
	l.buf = append(l.buf, '\n')
}

// summary returns the line of totals.
func (l *List) summary(t *timeline.Totals) string {
	var b strings.Builder
	b.WriteString(quantity.Plural(l.conns, "connection"))
	if l.refused > 0 {
		b.WriteString(" (" + quantity.Count(l.refused) + " refused)")
	}
	fmt.Fprintf(&b, ": %s sent (%s), %s received (%s)", quantity.Plural(l.totals[0].Messages, "message"), quantity.Size(l.totals[0].MessageBytes),
		quantity.Count(l.totals[1].Messages), quantity.Size(l.totals[1].MessageBytes))
	if f := appendFindings(nil, t.Findings); string(f) != "-" {
		b.WriteString("; " + string(f))
	}
	if t.Recorded {
		b.WriteString("; from a HAR")
	} else {
		fmt.Fprintf(&b, "; %s in %s", quantity.Plural(t.Packets, "packet"), quantity.Plural(t.Transports, "TCP connection"))
	}
	if t.Last > t.First {
		b.WriteString(" over " + quantity.Duration(time.Duration(t.Last-t.First)))
	}
	if t.Gaps > 0 {
		fmt.Fprintf(&b, "; %s with %s missing", quantity.Plural(t.Gaps, "gap"), quantity.Size(t.GapBytes))
	}
	if t.TLSNoKeys > 0 {
		b.WriteString("; " + quantity.Count(t.TLSNoKeys) + " more speak TLS, without keys")
	}
	b.WriteByte('.')
	for _, text := range []string{NotUsed(t), Duplicates(t)} {
		if text != "" {
			b.WriteString(" " + text)
		}
	}
	return b.String()
}
