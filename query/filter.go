package query

import "github.com/wsdump/wsdump/timeline"

// Match is a set of rows: those that the next call to an output stands for and
// that match.
type Match uint8

const (
	MatchOpen Match = 1 << iota
	MatchMessage
	MatchControl
	MatchFrame
	MatchFinding
	MatchClose
)

// Selective is a Sink that wants to know more than its matching rows: it shows
// the head of a connection above them, groups them until the connection
// closes, or prints two rows for one control frame.
//
// A [Filter] tells it the Open of a connection before the first matching row,
// and its Close if it told its Open. Before each Open, Frame and Close it
// calls Select with the rows of that call that match: none of them for an Open
// or Close that is told for the sake of others.
type Selective interface {
	timeline.Sink
	Select(Match)
}

// Counts is what a filter came to.
type Counts struct {
	Rows    uint64 // that were judged
	Matched uint64
	Unknown uint64 // left out, for the capture does not show what would decide
}

// Filter is a Sink that hands on the rows that match. Begin and Done always
// pass: totals are of all that was seen.
//
// A Sink that is not [Selective] hears exactly the calls whose row matches; a
// control frame is handed on when its control row matches or, if next needs
// frames, its frame row.
type Filter struct {
	// Decode makes JSON of the payload of a message, for the field decoded; nil
	// when it makes nothing of it. It is called only if the filter names the
	// field. The bytes are borrowed until the next call.
	Decode func(*timeline.Message) []byte

	next      timeline.Sink
	selective Selective // next, if it is
	program   *Program
	row       Row
	counts    Counts
	frames    bool // next prints rows of frames
	decoded   bool // program names decoded
	told      map[uint64]struct{}
}

// NewFilter returns a filter before next. files are the input names, for the
// field file; p is of the scope [Rows].
func NewFilter(next timeline.Sink, p *Program, files ...string) *Filter {
	f := &Filter{next: next, program: p, decoded: p.Uses("decoded")}
	f.row.Files = files
	if s, ok := next.(Selective); ok {
		f.selective, f.told = s, make(map[uint64]struct{})
	}
	return f
}

// Counts returns what the filter came to so far.
func (f *Filter) Counts() Counts { return f.counts }

// Begin passes.
func (f *Filter) Begin(at timeline.Stamp) {
	f.row.Begin(at)
	f.next.Begin(at)
}

// Needs asks for nothing of a connection none of whose rows can match: a
// filter on conn or path inflates no other.
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

// tell hands the Open of c to a selective output before other rows of c.
func (f *Filter) tell(c *timeline.Conn, m Match) {
	if f.selective == nil || c == nil {
		return
	}
	if _, ok := f.told[c.ID]; !ok {
		f.told[c.ID] = struct{}{}
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

// Close passes if the close row matches, and to a selective output that was
// told of c.
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
	if _, ok := f.told[c.ID]; ok {
		delete(f.told, c.ID)
		f.selective.Select(m)
		f.next.Close(c, at)
	}
}

// Other passes: it is no row, and tells where traffic went.
func (f *Filter) Other(o *timeline.Other) { f.next.Other(o) }

// Done passes.
func (f *Filter) Done(t *timeline.Totals) { f.next.Done(t) }

// ConnectionFilter is a Sink that hands on whole connections that match, for
// outputs with one row a connection: Open and Close together, when the
// connection is over. Begin and Done always pass; nothing else does.
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

// Counts returns what the filter came to so far; rows are connections.
func (f *ConnectionFilter) Counts() Counts { return f.counts }

// Begin passes.
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

// Done passes.
func (f *ConnectionFilter) Done(t *timeline.Totals) { f.next.Done(t) }
