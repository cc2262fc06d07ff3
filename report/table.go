package report

import (
	"bytes"
	"io"
	"strconv"

	"github.com/wsdump/wsdump/internal/terminal"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/timeline"
)

// Table prints the timeline for people, while it streams:
//
//	ws://server.example.com/chat   10.0.0.1:51234 -> 10.0.0.2:80   101   chat   12.4 ms
//	   N      TIME         Δ      LENGTH    DATA
//	   1    0.0131                     5  ↑ hello
//	   2    0.0135   +0.4 ms           5  ↓ world
//	     closed by the client, cleanly, after 9.1 s: 1 message sent (5 B), 1 received (5 B)
//
// Connections that follow one another are shown one group after the other.
// Once two are open at the same time, all rows go into one timeline with a
// column that names the connection, and stay there. Which it will be is not
// known when the first row comes, so rows are held back, up to holdLimit, until
// a second connection opens or the first one ends. Cells are made in
// cells.go.
//
// With a filter before it, the head of a connection stands over its first row
// that matches, and the last line is there if the close row matches.
type Table struct {
	timeline.Nop
	writer
	selection
	opt     Options
	textual frameText

	line        []byte // scratch: the current row
	safe, ascii []byte // scratch for cells
	below       []byte // lines below the current row; belowEnds are their ends
	belowEnds   []int

	startTime    int64 // TIME counts from here
	hasStartTime bool
	previous     int64 // time of the previous row
	hasPrev      bool
	groups       groups // used with Options.Group

	mixed        bool // one timeline of all connections, with a column CONN
	holding      bool
	held         []heldLine
	text         []byte // text of the held lines
	open         int    // connections that are open
	current      uint64 // without mixed: the connection of the group
	head         []byte // the head of current
	columns      bool   // the names of the columns are printed
	printed      bool   // whether anything is printed
	afterRefused bool   // the latest line is about a refused attempt
}

// holdLimit is how many bytes of rows are held until a table knows its layout.
const holdLimit = 256 << 10

// lineKind is the kind of a line, which decides what precedes it.
type lineKind uint8

const (
	lineHead    lineKind = iota // a connection
	lineRefused                 // a refused attempt
	lineRow
	lineBelow // a further line of the previous row
	lineClosing
)

type heldLine struct {
	kind lineKind
	conn uint64
	end  int // its end in Table.text
}

// NewTable returns a table. Options.Width bounds its rows; without a terminal DATA
// has pipedWidth columns. With Options.Payload other than PayloadDefault DATA has no
// bound.
func NewTable(w io.Writer, opt Options) *Table {
	return &Table{opt: opt, writer: newWriter(w, &opt), textual: newFrameText()}
}

// Needs returns what the rows are made from.
func (t *Table) Needs(*timeline.Conn) timeline.Needs { return t.opt.needs() }

// Begin sets the time that TIME counts from.
func (t *Table) Begin(at timeline.Stamp) { t.startTime, t.hasStartTime = at.Time, true }

// Open prints the head of a connection.
func (t *Table) Open(c *timeline.Conn) {
	if t.stopped {
		return
	}
	refused := c.Refused()
	switch {
	case t.opt.Group:
	case t.mixed:
	case t.open > 0:
		t.mix()
	case !refused:
		t.holding, t.hasPrev = true, false
		t.current = c.ID
	}
	if !refused {
		t.open++
	}
	t.line = t.appendHead(t.line[:0], c)
	if !t.mixed && !t.opt.Group {
		t.head = append(t.head[:0], t.line...)
	}
	if t.opt.Hides(HideOpen) {
		return
	}
	if refused {
		t.put(lineRefused, c.ID)
	} else {
		t.put(lineHead, c.ID)
	}
	t.writeIfFull()
}

// Frame prints control frames, and other frames if Options.Frames asks for them.
func (t *Table) Frame(f *timeline.Frame) {
	if t.stopped {
		return
	}
	if t.opt.Frames && t.picks(query.MatchFrame) {
		t.begin(f.Conn.ID, 0, f.First.Time)
		t.line = t.appendFrame(t.line, f)
		t.put(lineRow, f.Conn.ID)
		t.countRow()
	}
	if f.N == 0 || f.Opcode.Reserved() || t.stopped || t.opt.Hides(HideControl) || !t.picks(query.MatchControl) {
		return
	}
	t.begin(f.Conn.ID, f.N, f.First.Time)
	t.line = t.appendControl(t.line, f)
	t.put(lineRow, f.Conn.ID)
	t.countRow()
}

// Message prints a message.
func (t *Table) Message(m *timeline.Message) {
	if t.stopped || t.opt.Hides(HideMessage) {
		return
	}
	t.begin(m.Conn.ID, m.N, m.First.Time)
	t.line = t.appendMessage(t.line, m)
	t.put(lineRow, m.Conn.ID)
	t.putBelow(m.Conn.ID)
	t.countRow()
}

// Finding prints a finding.
func (t *Table) Finding(f *timeline.Finding) {
	if t.stopped || t.opt.Hides(HideFinding) {
		return
	}
	id := uint64(0)
	if f.Conn != nil {
		id = f.Conn.ID
		t.selectPrevious(id)
	}
	t.line = append(t.line[:0], "     "...)
	t.line = t.appendTime(t.line, f.At.Time)
	t.line = t.appendFinding(t.line, f)
	t.put(lineRow, id)
	t.countRow()
}

// Close prints how a connection ended.
func (t *Table) Close(c *timeline.Conn, _ timeline.Stamp) {
	delete(t.textual.openTexts, c.ID)
	if t.opt.Group {
		defer t.printConn(c.ID)
	}
	if c.Refused() {
		return
	}
	if !t.stopped && !t.opt.Hides(HideClose) && t.picks(query.MatchClose) {
		t.line = t.appendClosing(t.line[:0], c)
		t.put(lineClosing, c.ID)
	}
	if t.open--; t.open == 0 {
		t.release()
	}
	t.writeIfFull()
}

// Done prints the held rows and flushes.
func (t *Table) Done(*timeline.Totals) {
	t.printAllConns()
	_ = t.Flush() // Err returns the error
}

// Flush prints all rows so far. It settles the layout: the open connection is shown
// as a group.
func (t *Table) Flush() error {
	t.release()
	t.write()
	return t.err
}

// mix changes the layout to one timeline of all connections.
func (t *Table) mix() {
	t.mixed, t.columns = true, false
	if t.holding {
		t.release()
	} else if !t.opt.Hides(HideOpen) { // its rows so far stand in a group
		t.print(lineHead, t.current, t.head)
	}
}

// release prints the held rows.
func (t *Table) release() {
	t.holding = false
	start := 0
	for _, h := range t.held {
		t.print(h.kind, h.conn, t.text[start:h.end])
		start = h.end
		t.writeIfFull()
	}
	t.held, t.text = t.held[:0], t.text[:0]
}

// putBelow prints or holds the lines that stand below the current row.
func (t *Table) putBelow(conn uint64) {
	start := 0
	for _, end := range t.belowEnds {
		t.line = append(t.line[:0], t.below[start:end]...)
		t.put(lineBelow, conn)
		start = end
	}
	t.below, t.belowEnds = t.below[:0], t.belowEnds[:0]
}

// put prints or holds t.line.
func (t *Table) put(kind lineKind, conn uint64) {
	if t.opt.Group && conn != 0 {
		t.spoolLine(kind, conn, t.line)
		return
	}
	if !t.holding {
		t.print(kind, conn, t.line)
		return
	}
	t.text = append(t.text, t.line...)
	t.held = append(t.held, heldLine{kind, conn, len(t.text)})
	if len(t.text) > holdLimit {
		t.release()
	}
}

// print writes one line and what must precede it.
func (t *Table) print(kind lineKind, conn uint64, line []byte) {
	from := len(t.buf)
	if t.mixed {
		t.printMixed(kind, conn, line)
	} else {
		t.printGrouped(kind, conn, line)
	}
	t.buf = append(bytes.TrimRight(t.buf, " "), '\n')
	if t.opt.ASCII {
		t.buf = terminal.ToASCII(t.buf, from)
	}
	t.printed = true
	t.afterRefused = kind == lineRefused || t.afterRefused && (kind == lineRow || kind == lineBelow) && conn != t.current
}

func (t *Table) printGrouped(kind lineKind, conn uint64, line []byte) {
	switch kind {
	case lineHead, lineRefused:
		if t.printed && (kind == lineHead || !t.afterRefused) {
			t.buf = append(t.buf, '\n')
		}
		if conn > 1 || t.opt.Group {
			t.buf = append(appendConn(t.buf, conn), "  "...)
		}
		t.columns = false
	case lineRow:
		if conn != 0 && conn != t.current { // a finding about a refused attempt
			if !t.afterRefused {
				t.buf = append(appendConn(t.buf, conn), ' ')
			}
			break
		}
		if !t.columns {
			t.columns = true
			t.buf = append(t.appendColumns(t.buf), '\n')
		}
	case lineClosing:
		t.buf = append(t.buf, closingIndent...)
	}
	t.buf = append(t.buf, line...)
}

func (t *Table) printMixed(kind lineKind, conn uint64, line []byte) {
	if !t.columns {
		t.columns = true
		if t.printed {
			t.buf = append(t.buf, '\n')
		}
		t.buf = append(t.buf, "CONN  "...)
		t.buf = append(t.appendColumns(t.buf), '\n')
	}
	at := len(t.buf)
	if conn != 0 && kind != lineBelow {
		t.buf = appendConn(t.buf, conn)
	}
	for len(t.buf)-at < connWidth {
		t.buf = append(t.buf, ' ')
	}
	if kind == lineClosing {
		t.buf = append(t.buf, closingIndent...)
	}
	t.buf = append(t.buf, line...)
}

func appendConn(dst []byte, id uint64) []byte {
	return strconv.AppendUint(append(dst, '#'), id, 10)
}
