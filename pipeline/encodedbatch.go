package pipeline

import "github.com/wsdump/wsdump/timeline"

// encodedBatch is a batch in a form that gob can write. It has no pointers whose
// identity matters: connections and rules are numbers in it. All other fields are the
// structs of the timeline themselves, so a new field there needs nothing here.
type encodedBatch struct {
	Calls     []encodedCall
	Frames    []timeline.Frame
	Messages  []timeline.Message
	Findings  []timeline.Finding
	Rules     []int            // of Findings
	Closed    []timeline.Conn  // as they closed
	ClosedAt  []timeline.Stamp // of Closed
	Snapshots []timeline.Conn  // of the calls that need one, in their order
	Begins    []timeline.Stamp
	Others    []*timeline.Other
	Totals    *timeline.Totals
}

type encodedCall struct {
	Kind          callKind
	Index         int32
	HasConn, Late bool
	Conn          uint64
}

// hasSnapshot reports whether c brings the snapshot of its connection along.
func (c *encodedCall) hasSnapshot() bool { return c.HasConn && (c.Late || c.Kind == callOpen) }

// encode returns b in that form. number gives a number to each rule. The two share
// memory, and the findings of b have no rules until [encodedBatch.restoreRules].
func (b *batch) encode(number func(*timeline.Rule) int) *encodedBatch {
	e := &encodedBatch{Frames: b.frames, Messages: b.messages, Findings: b.findings, Begins: b.begins, Others: b.others, Totals: b.totals}
	for i := range b.calls {
		from := &b.calls[i]
		c := encodedCall{Kind: from.kind, Index: from.index}
		if s := from.snapshot; s != nil {
			c.HasConn, c.Conn, c.Late = true, s.id, s.late
			if c.hasSnapshot() {
				e.Snapshots = append(e.Snapshots, s.now.conn)
			}
		}
		e.Calls = append(e.Calls, c)
	}
	for i := range e.Findings {
		f := &e.Findings[i]
		e.Rules = append(e.Rules, number(f.Rule))
		f.Rule = nil
	}
	for i := range b.conns {
		e.Closed = append(e.Closed, b.conns[i].conn)
		e.ClosedAt = append(e.ClosedAt, b.conns[i].at)
	}
	return e
}

// decode returns the batch that e was made of. rules are by their numbers. Snapshots
// are new ones: [renumberer.renumber] joins those of one connection.
func (e *encodedBatch) decode(rules []*timeline.Rule) *batch {
	b := &batch{frames: e.Frames, messages: e.Messages, findings: e.Findings, begins: e.Begins, others: e.Others, totals: e.Totals, conns: make([]connState, len(e.Closed))}
	e.restoreRules(rules)
	for i := range e.Closed {
		b.conns[i].copy(&e.Closed[i])
		b.conns[i].at = e.ClosedAt[i]
	}
	for i := range e.Calls {
		from := &e.Calls[i]
		c := call{kind: from.Kind, index: from.Index}
		if from.HasConn {
			c.snapshot = &snapshot{id: from.Conn, late: from.Late}
		}
		if from.hasSnapshot() {
			c.snapshot.now.copy(&e.Snapshots[0])
			e.Snapshots = e.Snapshots[1:]
		}
		b.calls = append(b.calls, c)
	}
	return b
}

// restoreRules gives findings their rules back.
func (e *encodedBatch) restoreRules(rules []*timeline.Rule) {
	for i := range e.Findings {
		e.Findings[i].Rule = rules[e.Rules[i]]
	}
}
