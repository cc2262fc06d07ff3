package report

import (
	"encoding/binary"

	"github.com/wsdump/wsdump/internal/spool"
)

// groups hold the lines of connections, each until it closes, so that a table
// can show one conversation after the other: Options.Group.
type groups struct {
	spool spool.Spool
	times map[uint64]int64 // of the latest row of each, for Δ
	lines []byte           // scratch
}

// selectPrevious makes Δ count from the row before of the same connection.
func (t *Table) selectPrevious(conn uint64) {
	if t.opt.Group {
		t.previous, t.hasPrev = t.groups.times[conn], false
		_, t.hasPrev = t.groups.times[conn]
	}
}

// spoolLine holds a line of conn.
func (t *Table) spoolLine(kind lineKind, conn uint64, line []byte) {
	g := &t.groups
	if t.hasPrev && kind == lineRow {
		if g.times == nil {
			g.times = make(map[uint64]int64)
		}
		g.times[conn] = t.previous
	}
	g.lines = append(binary.AppendUvarint(append(g.lines[:0], byte(kind)), uint64(len(line))), line...)
	t.fail(g.spool.Append(conn, g.lines))
}

// printConn prints the lines of conn.
func (t *Table) printConn(conn uint64) {
	g := &t.groups
	delete(g.times, conn)
	t.current, t.columns = conn, false
	var rest []byte
	t.fail(g.spool.Take(conn, func(piece []byte) error {
		rest = append(rest, piece...)
		done := 0
		for {
			kind, line, n := nextLine(rest[done:])
			if n == 0 {
				break
			}
			t.print(kind, conn, line)
			t.writeIfFull()
			done += n
		}
		rest = rest[:copy(rest, rest[done:])]
		return t.err
	}))
}

// nextLine takes the first line off b. n is 0 when it is not all there.
func nextLine(b []byte) (kind lineKind, line []byte, n int) {
	if len(b) < 2 {
		return 0, nil, 0
	}
	length, k := binary.Uvarint(b[1:])
	if k <= 0 || uint64(len(b)-1-k) < length {
		return 0, nil, 0
	}
	n = 1 + k + int(length)
	return lineKind(b[0]), b[1+k : n], n
}

// printAllConns prints what is held of connections that were not closed.
func (t *Table) printAllConns() {
	if !t.opt.Group {
		return
	}
	for _, conn := range t.groups.spool.IDs() {
		t.printConn(conn)
	}
	if err := t.groups.spool.Close(); err != nil {
		t.fail(err)
	}
}
