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

// List prints one row a connection, in order of closing, and a line of totals.
// The first listPage rows are drawn as a table whose columns fit them; further
// rows are printed as they come, in columns of the same widths, so that a
// capture of many connections costs neither memory nor time. Live, all rows are. Sorted rows are
// held back in an order.
type List struct {
	timeline.Nop
	writer
	opt     Options
	order   *order // nil: as they come
	cells   cells  // of the row at hand
	held    [][]string
	widths  []int // of the columns, once the page was drawn
	conns   uint64
	refused uint64
	totals  [2]timeline.Counters
}

// listPage is how many rows are held for the table.
const maxHeld = 100

// listURL is the widest URL that is shown where no terminal bounds it.
const listURL = 200

var listHead = [...]string{"#", "URL", "CLIENT", "SERVER", "STATUS", "DURATION", "SENT", "RECEIVED", "CLOSE", "FINDINGS"}

const listColumnURL = 1

// NewList returns a list. It holds rows until the end or the page is full.
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

// liveWidths are the columns of a list whose rows nobody can wait for.
var liveWidths = [...]int{4, 48, 21, 21, 16, 9, 14, 14, 20, 8}

// columns sets the widths before anything is known of the rows.
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

// Close adds a row.
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

// addRow adds the row that is in cells.
func (l *List) addRow() {
	if l.widths != nil {
		l.printRow()
	} else if l.held = append(l.held, l.cells.strings()); len(l.held) == maxHeld {
		l.drawHeld()
	}
	l.countRow()
}

// Other adds a row for a transport without a WebSocket, when all transports
// were asked for.
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

// Done prints what is held, and the totals.
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

// Flush writes the rows that are not held.
func (l *List) Flush() error {
	l.write()
	return l.err
}

// drawHeld prints the page as a table and fixes the widths for what follows.
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
	if len(l.held) == maxHeld { // more will come, with longer numbers
		l.widths[0] = len("1000000")
		for _, row := range l.held {
			row[0] += strings.Repeat(" ", max(0, l.widths[0]-len(row[0])))
		}
	}
	if l.opt.Width > 0 { // the URL gives way
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

// printRow prints a row beyond the page, in the columns of the page. A cell that
// is wider pushes the rest to the right; only the URL is cut, visibly.
func (l *List) printRow() {
	for i := range l.widths {
		most, used := terminal.NoLimit, 0
		if i == listColumnURL {
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

// summary returns the totals in plain words.
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
