package report

import (
	"encoding/binary"

	"github.com/wsdump/wsdump/internal/spool"
)

// groups holds the lines of each connection until it closes. So a table can print one
// conversation after the other, see Options.Group.
type groups struct {
	spool spool.Spool
	times map[uint64]int64 // time of the latest row of each connection, for Δ
	lines []byte           // scratch
}

// selectPrevious makes Δ count from the previous row of the same connection.
func (t *Table) selectPrevious(conn uint64) {
	if t.opt.Group {
		t.previous, t.hasPrev = t.groups.times[conn], false
		_, t.hasPrev = t.groups.times[conn]
	}
}

// spoolLine stores a line of conn.
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

// printConn prints the stored lines of conn.
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

// nextLine decodes the first line of b, of n bytes. n is 0 when b does not hold all
// of it.
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

// printAllConns prints the stored lines of connections that did not close.
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
