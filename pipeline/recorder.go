package pipeline

import "github.com/wsdump/wsdump/timeline"

// recorder is a sink that records its calls into batches, for a goroutine that makes
// them to another sink later.
//
// What a sink receives is borrowed, so each call is copied. The other sink sees a
// [snapshot] of each connection.
type recorder struct {
	needs     func(*timeline.Conn) timeline.Needs // may be called by several goroutines
	hand      func(*batch) *batch                 // takes a batch, and returns an empty one
	batch     *batch                              // being filled
	snapshots map[*timeline.Conn]*snapshot        // of open connections
	recent    [1 << 10]recentConn                 // the latest of them, by the number of the connection
	position  position                            // of the next call; only workers that share the connections set it
}

// recentConn is a connection that was looked up lately, and its snapshot.
type recentConn struct {
	conn     *timeline.Conn
	snapshot *snapshot
}

func newRecorder(needs func(*timeline.Conn) timeline.Needs, hand func(*batch) *batch) recorder {
	return recorder{needs: needs, hand: hand, batch: &batch{}, snapshots: make(map[*timeline.Conn]*snapshot)}
}

// Begin implements [timeline.Sink].
func (r *recorder) Begin(at timeline.Stamp) {
	c := call{kind: callBegin, index: int32(len(r.batch.begins))}
	r.batch.begins = append(r.batch.begins, at)
	r.add(&c)
}

// Needs answers at once, without the other sink.
func (r *recorder) Needs(c *timeline.Conn) timeline.Needs { return r.needs(c) }

// Open implements [timeline.Sink].
func (r *recorder) Open(c *timeline.Conn) { r.recordOpen(c, r.takeSnapshot(c)) }

// takeSnapshot returns a snapshot of c, which is about to open.
func (r *recorder) takeSnapshot(c *timeline.Conn) *snapshot {
	n := len(r.batch.spare)
	if n == 0 {
		return newSnapshot(c)
	}
	s := r.batch.spare[n-1]
	r.batch.spare = r.batch.spare[:n-1]
	return s.take(c)
}

// recordOpen records that c opens, whose snapshot is s.
func (r *recorder) recordOpen(c *timeline.Conn, s *snapshot) {
	r.snapshots[c] = s
	*r.recentOf(c) = recentConn{c, s}
	r.add(&call{kind: callOpen, snapshot: s})
}

// Frame implements [timeline.Sink].
func (r *recorder) Frame(f *timeline.Frame) {
	r.add(&call{kind: callFrame, index: r.batch.addFrame(f), snapshot: r.snapshotOf(f.Conn)})
}

// Message implements [timeline.Sink].
func (r *recorder) Message(m *timeline.Message) {
	r.add(&call{kind: callMessage, index: r.batch.addMessage(m), snapshot: r.snapshotOf(m.Conn)})
}

// Finding implements [timeline.Sink].
func (r *recorder) Finding(f *timeline.Finding) {
	c := call{kind: callFinding, index: r.batch.addFinding(f)}
	if f.Conn != nil {
		c.snapshot = r.snapshotOf(f.Conn)
	}
	r.add(&c)
}

// Close implements [timeline.Sink]. The snapshot of c becomes what c is now, once the
// other sink gets the call.
func (r *recorder) Close(c *timeline.Conn, at timeline.Stamp) {
	x := call{kind: callClose, index: r.batch.addClosed(c, at), snapshot: r.snapshotOf(c)}
	delete(r.snapshots, c)
	*r.recentOf(c) = recentConn{}
	r.add(&x)
}

// Other implements [timeline.Sink].
func (r *recorder) Other(o *timeline.Other) {
	r.add(&call{kind: callOther, index: r.batch.addOther(o)})
}

// Done records the end, and hands over what is left.
func (r *recorder) Done(t *timeline.Totals) {
	r.batch.totals = t
	r.batch.calls = append(r.batch.calls, call{kind: callDone, position: r.position})
	r.flush()
}

// snapshotOf returns the snapshot of c. A connection that is not open gets a new one.
func (r *recorder) snapshotOf(c *timeline.Conn) *snapshot {
	recent := r.recentOf(c)
	if recent.conn == c {
		return recent.snapshot
	}
	s := r.snapshots[c]
	if s == nil {
		s = newSnapshot(c)
		s.late = true
		return s
	}
	*recent = recentConn{c, s}
	return s
}

// recentOf returns the place of c among the recent connections.
func (r *recorder) recentOf(c *timeline.Conn) *recentConn {
	return &r.recent[c.ID%uint64(len(r.recent))]
}

// add adds a call, and hands the batch over when it is full.
func (r *recorder) add(c *call) {
	c.position = r.position
	r.batch.calls = append(r.batch.calls, *c)
	if r.batch.full() {
		r.flush()
	}
}

// flush hands the batch over, full or not.
func (r *recorder) flush() {
	r.batch.until = r.position
	r.batch = r.hand(r.batch)
}
