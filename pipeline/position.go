package pipeline

import "cmp"

// position says at which point of a run a call is made: for which packet, and at
// which step of its processing. Runs that follow different partitions of the
// connections pass the same positions, so that their calls can be merged into the
// order of a single run. Calls at one position are in the order of the packets that
// their connections began with: whatever loops over connections keeps to that order.
type position struct {
	packet uint64 // at the end of the input: the largest number
	due    int64  // while the clock moves towards the packet: the deadline that it has reached; then the largest time
	step   step
}

// step is a step of the processing of a packet, or of the end. They are in order.
type step uint8

const (
	// While the clock moves.
	stepTransports step = iota
	stepPings

	// Then, for a packet.
	stepInspect
	stepPacket

	// Or at the end of the input.
	stepRetry
	stepFlush
	stepJudge
)

func (p *position) compare(q *position) int {
	if p.packet != q.packet {
		return cmp.Compare(p.packet, q.packet)
	}
	return cmp.Or(cmp.Compare(p.due, q.due), cmp.Compare(p.step, q.step))
}
