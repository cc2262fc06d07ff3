package pipeline

import (
	"golang.org/x/sys/cpu"

	"github.com/wsdump/wsdump/timeline"
)

// counter is a sink that numbers connections, and counts what it passes on.
type counter struct {
	timeline.Sink
	before uint64 // connections of the inputs before
	totals timeline.Totals
	_      cpu.CacheLinePad // keeps another worker's counter out of the same cache line
}

// Open numbers the connection.
func (n *counter) Open(c *timeline.Conn) {
	n.totals.Conns++
	c.ID = n.before + n.totals.Conns
	n.totals.HeadersOnly = n.totals.HeadersOnly || !n.Sink.Needs(c).Payload
	n.Sink.Open(c)
}

// Finding counts findings without a connection; Close counts the others.
func (n *counter) Finding(f *timeline.Finding) {
	if f.Conn == nil {
		n.totals.Findings[f.Severity]++
	}
	n.Sink.Finding(f)
}

// Close adds up what the connection counted.
func (n *counter) Close(c *timeline.Conn, at timeline.Stamp) {
	for _, of := range c.Counters {
		n.totals.Messages += of.Messages
		n.totals.Frames += of.Frames
	}
	for severity, of := range c.FindingsBy {
		n.totals.Findings[severity] += of
	}
	n.Sink.Close(c, at)
}

// setCounts sets those totals that a counter counts to what it has counted.
func (n *counter) setCounts(t *timeline.Totals) {
	t.Conns, t.Messages, t.Frames, t.Findings, t.HeadersOnly = n.totals.Conns, n.totals.Messages, n.totals.Frames, n.totals.Findings, n.totals.HeadersOnly
}
