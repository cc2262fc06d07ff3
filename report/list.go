package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/clipperhouse/displaywidth"
	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/tw"

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
	opt    Options
	order  *order // nil: as they come
	page   [][]string
	widths []int // of the columns, once the page was drawn
	conns  uint64
	refuse uint64
	totals [2]timeline.Counters
}

// listPage is how many rows are held for the table.
const listPage = 200

// listURL is the widest URL that is shown where no terminal bounds it.
const listURL = 200

var listHead = [...]string{"#", "URL", "CLIENT", "SERVER", "STATUS", "DURATION", "SENT", "RECEIVED", "CLOSE", "FINDINGS"}

const listColumnURL = 1

// NewList returns a list. It holds rows until the end or the page is full.
func NewList(w io.Writer, opt Options) *List {
	l := &List{opt: opt, writer: newWriter(w, &opt), order: newOrder(&opt)}
	if opt.Live && l.order == nil {
		l.columns()
		l.plain(slices.Clone(listHead[:]))
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
				rest += w + len(listGap)
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
		l.refuse++
	}
	for d := range l.totals {
		l.totals[d].Messages += c.Counters[d].Messages
		l.totals[d].MessageBytes += c.Counters[d].MessageBytes
	}
	row := l.cells(c)
	if l.order != nil {
		l.fail(l.order.put(l.order.conn(c), joinCells(row)))
		return
	}
	l.add(row)
}

// joinCells makes one piece of a row. A cell is safe, so that no zero is in it.
func joinCells(row []string) []byte { return []byte(strings.Join(row, "\x00")) }

func (l *List) add(row []string) {
	if l.widths != nil {
		l.plain(row)
	} else if l.page = append(l.page, row); len(l.page) == listPage {
		l.draw()
	}
	l.row()
}

// Other adds a row for a transport without a WebSocket, when all transports
// were asked for.
func (l *List) Other(o *timeline.Other) {
	if l.stopped || !l.opt.All {
		return
	}
	row := otherCells(o)
	if l.order != nil {
		l.fail(l.order.put(l.order.other(o), joinCells(row)))
		return
	}
	l.add(row)
}

// Done prints what is held, and the totals.
func (l *List) Done(t *timeline.Totals) {
	if l.order != nil {
		l.fail(l.order.each(func(row []byte) bool {
			l.add(strings.Split(string(row), "\x00"))
			return !l.stopped
		}))
	}
	if l.widths == nil && len(l.page) > 0 {
		l.draw()
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

// cells returns the row of c, safe to show.
func (l *List) cells(c *timeline.Conn) []string {
	url, answer := "(handshake not in the capture)", "mid-stream"
	if h := c.Handshake; h != nil {
		url, answer = Safe(c.URL()), status(h)
	}
	client := address(c.Client)
	if c.Peer.IsValid() {
		client += " via " + c.Peer.String()
	}
	messages := func(n *timeline.Counters) string {
		if n.Messages == 0 {
			return "-"
		}
		if bytes := messageBytes(n); bytes != "" {
			return count(n.Messages) + " (" + bytes + ")"
		}
		return count(n.Messages)
	}
	return []string{
		strconv.FormatUint(c.ID, 10), cut(url, listURL), client, address(c.Server), cut(answer, 40), duration(c.Duration()),
		messages(&c.Counters[0]), messages(&c.Counters[1]), listClose(c), listFindings(c.FindingsBy),
	}
}

// otherCells returns the row of a transport without a WebSocket, safe to show.
func otherCells(o *timeline.Other) []string {
	t := o.Transport
	what := otherName(o)
	bytes := func(n uint64) string {
		if n == 0 {
			return "-"
		}
		return size(n)
	}
	return []string{
		"-", cut(Safe(what), listURL), t.Client.String(), t.Server.String(), cut(Safe(otherStatus(o)), 40),
		duration(time.Duration(o.Ended.Time - t.First.Time)), bytes(t.Bytes[0]), bytes(t.Bytes[1]), o.TCP.String(), "-",
	}
}

// otherName says what a transport without a WebSocket was.
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
	return "other"
}

// otherStatus says in a few words what is known of it.
func otherStatus(o *timeline.Other) string {
	switch o.Kind {
	case "tls":
		said := strings.TrimSpace(o.Version + " " + o.ALPN)
		switch {
		case o.Guess:
			said += ", perhaps a WebSocket"
		case o.Idle:
			said += ", no data"
		}
		return said
	case "http":
		return plural(o.Requests, "request")
	}
	return "-"
}

// cut cuts s, which is safe, to width columns.
func cut(s string, width int) string {
	if columns(s) <= width {
		return s
	}
	return displaywidth.TruncateString(s, width, ellipsis)
}

// listClose says how a connection ended in as few words as possible.
func listClose(c *timeline.Conn) string {
	if c.Refused() {
		return "refused"
	}
	var words []string
	if c.CloseCode != 0 {
		words = append(words, strconv.Itoa(int(c.CloseCode)))
	}
	if c.Recorded {
		return cmp.Or(strings.Join(append(words, recordedBy(c)...), " "), "-")
	}
	if c.By != timeline.PartyUnknown {
		words = append(words, c.By.String())
	}
	switch {
	case c.Clean():
		words = append(words, "clean")
	case c.TCP == timeline.TCPReset:
		words = append(words, "reset")
	case c.TCP == timeline.TCPTimeout:
		words = append(words, "given up")
	case c.TCP == timeline.TCPOpen && !c.ClosedBy[0] && !c.ClosedBy[1]:
		words = append(words, "open")
	case c.TCP == timeline.TCPOpen:
		words = append(words, "closing")
	case !c.ClosedBy[0] && !c.ClosedBy[1]:
		words = append(words, "no close frame")
	default:
		words = append(words, "half closed")
	}
	return strings.Join(words, " ")
}

// recordedBy says what a HAR knows beside the code.
func recordedBy(c *timeline.Conn) (words []string) {
	if c.By != timeline.PartyUnknown {
		words = append(words, c.By.String())
	}
	if c.Aborted {
		words = append(words, "aborted")
	}
	return words
}

// listFindings returns "2 errors, 1 note", "-" for none.
func listFindings(by [3]uint64) string {
	var words []string
	for _, s := range [...]timeline.Severity{timeline.Error, timeline.Warning, timeline.Note} {
		if n := by[s]; n > 0 {
			words = append(words, plural(n, s.String()))
		}
	}
	if len(words) == 0 {
		return "-"
	}
	return strings.Join(words, ", ")
}

// draw prints the page as a table and fixes the widths for what follows.
func (l *List) draw() {
	l.widths = make([]int, len(listHead))
	for i, name := range listHead {
		l.widths[i] = len(name)
	}
	for _, row := range l.page {
		for i, cell := range row {
			l.widths[i] = max(l.widths[i], columns(cell))
		}
	}
	if len(l.page) == listPage { // more will come, with longer numbers
		l.widths[0] = len("1000000")
		for _, row := range l.page {
			row[0] += strings.Repeat(" ", max(0, l.widths[0]-len(row[0])))
		}
	}
	if l.opt.Width > 0 { // the URL gives way
		rest := 0
		for i, w := range l.widths {
			if i != listColumnURL {
				rest += w + len(listGap)
			}
		}
		l.widths[listColumnURL] = min(l.widths[listColumnURL], max(l.opt.Width-rest, leastURL/2))
		for _, row := range l.page {
			row[listColumnURL] = cut(row[listColumnURL], l.widths[listColumnURL])
		}
	}
	var drawn strings.Builder
	if err := drawTable(&drawn, listHead[:], l.page); err != nil && l.err == nil {
		l.err = fmt.Errorf("drawing the list: %w", err)
	}
	for line := range strings.Lines(drawn.String()) {
		l.buf = append(append(l.buf, strings.TrimRight(line, " \n")...), '\n')
	}
	l.page = nil
}

// listGap stands between two columns.
const listGap = "  "

// plain prints a row beyond the page, in the columns of the page. A cell that
// is wider pushes the rest to the right; only the URL is cut, visibly.
func (l *List) plain(row []string) {
	row[listColumnURL] = cut(row[listColumnURL], max(l.widths[listColumnURL], leastWidth))
	for i, cell := range row {
		l.buf = append(l.buf, cell...)
		if i == len(row)-1 {
			break
		}
		for range l.widths[i] - columns(cell) {
			l.buf = append(l.buf, ' ')
		}
		l.buf = append(l.buf, listGap...)
	}
	l.buf = append(l.buf, '\n')
}

// summary returns the totals in plain words.
func (l *List) summary(t *timeline.Totals) string {
	var b strings.Builder
	b.WriteString(plural(l.conns, "connection"))
	if l.refuse > 0 {
		b.WriteString(" (" + count(l.refuse) + " refused)")
	}
	fmt.Fprintf(&b, ": %s sent (%s), %s received (%s)", plural(l.totals[0].Messages, "message"), size(l.totals[0].MessageBytes),
		count(l.totals[1].Messages), size(l.totals[1].MessageBytes))
	if f := listFindings(t.Findings); f != "-" {
		b.WriteString("; " + f)
	}
	if t.Recorded {
		b.WriteString("; from a HAR")
	} else {
		fmt.Fprintf(&b, "; %s in %s", plural(t.Packets, "packet"), plural(t.Transports, "TCP connection"))
	}
	if t.Last > t.First {
		b.WriteString(" over " + duration(time.Duration(t.Last-t.First)))
	}
	if t.Gaps > 0 {
		fmt.Fprintf(&b, "; %s with %s missing", plural(t.Gaps, "gap"), size(t.GapBytes))
	}
	if t.TLSNoKeys > 0 {
		b.WriteString("; " + count(t.TLSNoKeys) + " more speak TLS, without keys")
	}
	b.WriteByte('.')
	for _, text := range []string{notUsed(t), Duplicates(t)} {
		if text != "" {
			b.WriteString(" " + text)
		}
	}
	return b.String()
}

// drawTable draws rows under head without borders. Cells must be safe: the
// table passes escape sequences through.
func drawTable(w io.Writer, head []string, rows [][]string) error {
	table := tablewriter.NewTable(w,
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithRowAutoFormat(tw.Off),
		tablewriter.WithTrimSpace(tw.Off),
		tablewriter.WithEastAsian(tw.Off),
		tablewriter.WithHeaderAutoWrap(tw.WrapNone),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithHeaderAlignment(tw.AlignLeft),
		tablewriter.WithRowAlignment(tw.AlignLeft),
		tablewriter.WithPadding(tw.Padding{Left: tw.Empty, Right: listGap, Overwrite: true}),
		tablewriter.WithRendition(tw.Rendition{
			Borders:  tw.BorderNone,
			Settings: tw.Settings{Separators: tw.SeparatorsNone, Lines: tw.LinesNone},
		}),
	)
	table.Header(head)
	if err := table.Bulk(rows); err != nil {
		return err
	}
	return table.Render()
}
