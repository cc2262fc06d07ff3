package chain

import (
	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/timeline"
)

// counter keeps the totals that pass by, and what the filter behind it did.
type counter struct {
	timeline.Sink
	totals timeline.Totals
	opened uint64
	filter filterCounts
}

// filterCounts is what the user may want to know of a filter.
type filterCounts struct {
	counts  func() query.Counts // nil: there is no filter
	row     string              // what it judges: "row" or "connection"
	missing string              // what to ask for so that it can match; "" for nothing
	payload bool                // payload is asked for where a row can match
}

func (c *Chain) countTotals(next timeline.Sink) timeline.Sink {
	c.count.Sink = next
	return c.count
}

func (c *Chain) filter(next timeline.Sink) timeline.Sink {
	p := c.opt.Filter
	if p == nil {
		return nil
	}
	counts := &c.count.filter
	counts.payload = !c.opt.NoPayload || p.Needs().Payload
	if p.Scope() == query.Connections {
		f := query.NewConnectionFilter(next, p, c.opt.Files...)
		counts.counts, counts.row = f.Counts, "connection"
		return f
	}
	f := query.NewFilter(next, p, c.opt.Files...)
	counts.counts, counts.row = f.Counts, "row"
	if p.Needs().Frames && !c.out.Needs(&timeline.Conn{}).Frames {
		counts.missing = "; it asks for what only rows of frames have: see --frames"
	}
	if out, is := c.out.(report.Output); is {
		return report.Filtered(f, out)
	}
	return f
}

// Needs asks with the number that conn will have when it is opened, which comes
// next: a filter may ask for it.
func (c *counter) Needs(conn *timeline.Conn) timeline.Needs {
	if conn.ID != 0 {
		return c.Sink.Needs(conn)
	}
	conn.ID = c.opened + 1
	needs := c.Sink.Needs(conn)
	conn.ID = 0
	return needs
}

func (c *counter) Open(conn *timeline.Conn) {
	c.opened++
	c.Sink.Open(conn)
}

// Done keeps a copy of t. Its lists belong to the pipeline, which is done with them.
//
// The pipeline cannot know why nobody needed the payload of a connection. That a
// filter dropped a connection says nothing of how the others were judged.
func (c *counter) Done(t *timeline.Totals) {
	c.totals = *t
	c.totals.HeadersOnly = t.HeadersOnly && !c.filter.payload
	c.Sink.Done(&c.totals)
}

func (c *counter) omitted() string {
	f := &c.filter
	if f.counts == nil {
		return ""
	}
	n := f.counts()
	text := ""
	if n.Matched == 0 && n.Rows > 0 {
		text = "nothing matches the filter; " + console.CountWere(n.Rows, f.row) + " looked at" + f.missing
	}
	if n.Unknown > 0 {
		if text != "" {
			text += "; "
		}
		text += console.CountWere(n.Unknown, f.row) + " left out since the filter could not judge (encrypted, cut or missing bytes)"
	}
	return text
}
