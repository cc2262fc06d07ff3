package pipeline

import "github.com/wsdump/wsdump/timeline"

// packedTelling is a telling without pointers that mean something by being the
// same as others: connections and rules are numbers in it.
type packedTelling struct {
	Calls    []packedCall
	Frames   []timeline.Frame
	Messages []timeline.Message
	Findings []timeline.Finding
	Rules    []int            // of Findings
	Conns    []timeline.Conn  // as they closed
	Shadows  []timeline.Conn  // of calls that bring one
	Ends     []timeline.Stamp // of Conns
	Begins   []timeline.Stamp
	Others   []*timeline.Other
	Totals   *timeline.Totals
}

type packedCall struct {
	Kind          callKind
	Index         int32
	HasConn, Late bool
	Conn          uint64
}

// pack returns b, whose findings have no rules then, as what can be written. number
// gives a number to each rule.
func (b *telling) pack(number func(*timeline.Rule) int) *packedTelling {
	p := &packedTelling{Frames: b.frames, Messages: b.messages, Findings: b.findings, Begins: b.begins, Others: b.others, Totals: b.totals}
	for i := range b.calls {
		c := &b.calls[i]
		to := packedCall{Kind: c.kind, Index: c.index}
		if s := c.shadow; s != nil {
			to.HasConn, to.Conn, to.Late = true, s.id, s.late
			if s.late || c.kind == callOpen {
				p.Shadows = append(p.Shadows, s.now.conn)
			}
		}
		p.Calls = append(p.Calls, to)
	}
	for i := range p.Findings {
		f := &p.Findings[i]
		p.Rules = append(p.Rules, number(f.Rule))
		f.Rule = nil
	}
	for i := range b.conns {
		p.Conns = append(p.Conns, b.conns[i].conn)
		p.Ends = append(p.Ends, b.conns[i].at)
	}
	return p
}

// unpack returns it as it was. Shadows are new: see [replay.settle].
func (p *packedTelling) unpack(rules []*timeline.Rule) *telling {
	b := &telling{frames: p.Frames, messages: p.Messages, findings: p.Findings, begins: p.Begins, others: p.Others, totals: p.Totals, conns: make([]closing, len(p.Conns))}
	p.rule(rules)
	for i := range p.Conns {
		b.conns[i].of(&p.Conns[i])
		b.conns[i].at = p.Ends[i]
	}
	for i := range p.Calls {
		from := &p.Calls[i]
		c := call{kind: from.Kind, index: from.Index}
		if from.HasConn {
			c.shadow = &shadow{id: from.Conn, late: from.Late}
			if from.Late || from.Kind == callOpen {
				c.shadow.now.of(&p.Shadows[0])
				p.Shadows = p.Shadows[1:]
			}
		}
		b.calls = append(b.calls, c)
	}
	return b
}

// rule gives findings their rules back.
func (p *packedTelling) rule(rules []*timeline.Rule) {
	for i := range p.Findings {
		p.Findings[i].Rule = rules[p.Rules[i]]
	}
}
