package query

import "github.com/wsdump/wsdump/timeline"

// Match is a set of rows: those rows of the next call that match.
type Match uint8

const (
	MatchOpen Match = 1 << iota
	MatchMessage
	MatchControl
	MatchFrame
	MatchFinding
	MatchClose
)

// Selective is a Sink that needs more than the matching rows: it shows the head of a
// connection above them, groups them until the connection closes, or prints two rows
// for one control frame.
//
// A [Filter] passes it the Open of a connection before the first matching row, and then
// its Close. Before each Open, Frame and Close it calls Select with those rows of the
// call that match. There are none where Open or Close itself does not match.
type Selective interface {
	timeline.Sink
	Select(Match)
}

// Counts are the numbers of a filter.
type Counts struct {
	Rows    uint64 // that were judged
	Matched uint64
	Unknown uint64 // left out, because the capture does not show what decides
}

// Filter is a Sink that passes the rows on that match. Begin and Done always pass:
// totals are those of the whole input.
//
// A Sink that is not [Selective] gets exactly the calls whose row matches. A control
// frame passes when its control row matches or, if next needs frames, its frame row.
type Filter struct {
	// Decode returns the payload of a message as JSON, for the field decoded; nil when
	// it cannot decode it. It is called only if the filter names that field. The bytes
	// are borrowed until the next call.
	Decode func(*timeline.Message) []byte

	next      timeline.Sink
	selective Selective // next, if it is Selective
	program   *Program
	row       Row
	counts    Counts
	frames    bool // next prints rows of frames
	decoded   bool // program names decoded
	opened    map[uint64]struct{}
}

// NewFilter returns a filter before next. files are the input names, for the
// field file; p is of the scope [Rows].
func NewFilter(next timeline.Sink, p *Program, files ...string) *Filter {
	f := &Filter{next: next, program: p, decoded: p.Uses("decoded")}
	f.row.Files = files
	if s, ok := next.(Selective); ok {
		f.selective, f.opened = s, make(map[uint64]struct{})
	}
	return f
}

// Counts returns the numbers so far.
func (f *Filter) Counts() Counts { return f.counts }

// Begin implements [timeline.Sink].
func (f *Filter) Begin(at timeline.Stamp) {
	f.row.Begin(at)
	f.next.Begin(at)
}

// Needs asks for nothing of a connection when none of its rows can match. So a filter
// on conn or path inflates no other connection.
func (f *Filter) Needs(c *timeline.Conn) timeline.Needs {
	if !f.program.CouldMatch(&f.row, c) {
		return timeline.Needs{}
	}
	needs := f.next.Needs(c)
	f.frames = f.frames || needs.Frames
	needs.Payload = needs.Payload || f.program.needs.Payload
	return needs
}

// judge counts the row that f.row was filled with.
func (f *Filter) judge() bool {
	f.counts.Rows++
	switch f.program.Match(&f.row) {
	case True:
		f.counts.Matched++
		return true
	case Unknown:
		f.counts.Unknown++
	}
	return false
}

// tell passes the Open of c to a selective output, before other rows of c.
func (f *Filter) tell(c *timeline.Conn, m Match) {
	if f.selective == nil || c == nil {
		return
	}
	if _, ok := f.opened[c.ID]; !ok {
		f.opened[c.ID] = struct{}{}
		f.selective.Select(m & MatchOpen)
		f.next.Open(c)
	}
}

// Open passes if the open row matches.
func (f *Filter) Open(c *timeline.Conn) {
	f.row.OfOpen(c)
	if !f.judge() {
		return
	}
	if f.selective != nil {
		f.tell(c, MatchOpen)
		return
	}
	f.next.Open(c)
}

// Frame passes if one of the rows of the frame matches.
func (f *Filter) Frame(frame *timeline.Frame) {
	m := Match(0)
	if f.frames {
		f.row.OfFrame(frame)
		if f.judge() {
			m |= MatchFrame
		}
	}
	if frame.N != 0 && frame.Opcode.Control() && !frame.Opcode.Reserved() {
		f.row.OfControl(frame)
		if f.judge() {
			m |= MatchControl
		}
	}
	if m == 0 {
		return
	}
	f.tell(frame.Conn, m)
	if f.selective != nil {
		f.selective.Select(m)
	}
	f.next.Frame(frame)
}

// Message passes if its row matches.
func (f *Filter) Message(m *timeline.Message) {
	f.row.OfMessage(m)
	if f.decoded && f.Decode != nil {
		if json := f.Decode(m); json != nil {
			f.row.Decoded(json)
		}
	}
	if f.judge() {
		f.tell(m.Conn, MatchMessage)
		f.next.Message(m)
	}
}

// Finding passes if its row matches.
func (f *Filter) Finding(finding *timeline.Finding) {
	f.row.OfFinding(finding)
	if f.judge() {
		f.tell(finding.Conn, MatchFinding)
		f.next.Finding(finding)
	}
}

// Close passes if the close row matches, or if a selective output got the Open of c.
func (f *Filter) Close(c *timeline.Conn, at timeline.Stamp) {
	f.row.OfClose(c, at)
	m := Match(0)
	if f.judge() {
		m = MatchClose
		f.tell(c, m)
	}
	if f.selective == nil {
		if m != 0 {
			f.next.Close(c, at)
		}
		return
	}
	if _, ok := f.opened[c.ID]; ok {
		delete(f.opened, c.ID)
		f.selective.Select(m)
		f.next.Close(c, at)
	}
}

// Other always passes: it is no row.
func (f *Filter) Other(o *timeline.Other) { f.next.Other(o) }

// Done implements [timeline.Sink].
func (f *Filter) Done(t *timeline.Totals) { f.next.Done(t) }

// ConnectionFilter is a Sink for outputs with one row for each connection. It passes
// Open and Close of the connections that match, both when the connection is over.
// Begin and Done always pass, and nothing else does.
type ConnectionFilter struct {
	timeline.Nop
	next    timeline.Sink
	program *Program
	row     Row
	counts  Counts
}

// NewConnectionFilter returns a filter before next. files are the input names,
// for the field file; p is of the scope [Connections].
func NewConnectionFilter(next timeline.Sink, p *Program, files ...string) *ConnectionFilter {
	f := &ConnectionFilter{next: next, program: p}
	f.row.Files = files
	return f
}

// Counts returns the numbers so far. Rows are connections.
func (f *ConnectionFilter) Counts() Counts { return f.counts }

// Begin implements [timeline.Sink].
func (f *ConnectionFilter) Begin(at timeline.Stamp) {
	f.row.Begin(at)
	f.next.Begin(at)
}

// Needs asks for nothing of a connection that cannot match.
func (f *ConnectionFilter) Needs(c *timeline.Conn) timeline.Needs {
	if !f.program.CouldMatch(&f.row, c) {
		return timeline.Needs{}
	}
	needs := f.next.Needs(c)
	needs.Payload = needs.Payload || f.program.needs.Payload
	return needs
}

// Close passes, after Open, if the connection matches.
func (f *ConnectionFilter) Close(c *timeline.Conn, at timeline.Stamp) {
	f.row.OfConnection(c)
	f.counts.Rows++
	switch f.program.Match(&f.row) {
	case True:
		f.counts.Matched++
		f.next.Open(c)
		f.next.Close(c, at)
	case Unknown:
		f.counts.Unknown++
	}
}

// Done implements [timeline.Sink].
func (f *ConnectionFilter) Done(t *timeline.Totals) { f.next.Done(t) }
