package pipeline

import "cmp"

// place is where in a run something is told: while which packet is looked at, and
// at which step of that. Runs of parts of the connections pass the same places, so
// that what they tell can be put in the order of one run of all. At one place it is
// in the order of the packets that the connections began with: those that several
// things happen to at one time are gone through in that order.
type place struct {
	packet uint64 // at the end: the largest there is
	due    int64  // while the clock moves towards the packet: the time that it stands at; then the largest there is
	step   step
}

type step uint8

const (
	// While the clock moves.
	stepTransports step = iota
	stepPings

	// Then, for a packet.
	stepLook
	stepPacket

	// Or at the end.
	stepRetry
	stepFlush
	stepJudge
)

func (p *place) compare(q *place) int {
	if p.packet != q.packet {
		return cmp.Compare(p.packet, q.packet)
	}
	return cmp.Or(cmp.Compare(p.due, q.due), cmp.Compare(p.step, q.step))
}
