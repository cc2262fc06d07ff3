package pipeline

import (
	"github.com/wsdump/wsdump/dissect"
	"github.com/wsdump/wsdump/timeline"
)

// snapshot is the copy of a connection that a sink in another goroutine sees. The
// connection itself goes on changing while it is open. The snapshot is what the
// connection was when it opened, until the sink gets its Close: then it becomes what
// the connection was when it closed.
type snapshot struct {
	id   uint64 // number of the connection, as its recorder knows it
	late bool   // taken for one call after Close, or without an Open; no other call has it
	now  connState

	signs dissect.Signs // by which connections of other partitions may be related to it
}

// newSnapshot returns a snapshot of c as it is now.
func newSnapshot(c *timeline.Conn) *snapshot { return new(snapshot).take(c) }

// take makes s a snapshot of c as it is now, whatever s was before.
func (s *snapshot) take(c *timeline.Conn) *snapshot {
	*s = snapshot{id: c.ID}
	s.now.copy(c)
	return s
}

// connState is what a connection was at one time.
type connState struct {
	conn      timeline.Conn // shares its Handshake with the connection, see [timeline.Conn.Clone]
	transport timeline.Transport
	at        timeline.Stamp // of the call
}

// copy makes x the state of c.
func (x *connState) copy(c *timeline.Conn) { c.Clone(&x.conn, &x.transport) }

// link makes the connection point to the transport in x. Call it when x itself was
// copied to another place.
func (x *connState) link() {
	if x.conn.Transport != nil {
		x.conn.Transport = &x.transport
	}
}
