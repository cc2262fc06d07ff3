package timeline

// Backlog keeps the calls of a stream until it is known which layer gets them. The
// zero value is empty. It copies bytes; the caller bounds it by [Backlog.Len].
type Backlog struct {
	bytes  []byte
	events []event
}

// event is one call of a stream.
type event struct {
	n    uint64 // bytes of data, or of a gap
	at   Stamp
	dir  Direction
	kind eventKind
	why  End
}

type eventKind uint8

const (
	eventData eventKind = iota
	eventGap
	eventEnd
)

// Len returns how many bytes of memory are in use.
func (b *Backlog) Len() int { return len(b.bytes) + len(b.events)*eventSize }

const eventSize = 56

// Empty reports whether b holds no call.
func (b *Backlog) Empty() bool { return len(b.events) == 0 }

// Data keeps a copy of p.
func (b *Backlog) Data(dir Direction, at Stamp, p []byte) {
	b.bytes = append(b.bytes, p...)
	b.events = append(b.events, event{n: uint64(len(p)), at: at, dir: dir, kind: eventData})
}

// Gap keeps a gap; gaps in a row become one.
func (b *Backlog) Gap(dir Direction, at Stamp, n uint64) {
	if k := len(b.events); k > 0 && b.events[k-1].kind == eventGap && b.events[k-1].dir == dir {
		b.events[k-1].n += n
		return
	}
	b.events = append(b.events, event{n: n, at: at, dir: dir, kind: eventGap})
}

// End keeps an end.
func (b *Backlog) End(dir Direction, at Stamp, why End) {
	b.events = append(b.events, event{at: at, dir: dir, kind: eventEnd, why: why})
}

// Replay empties b and makes all its calls to s, in order.
func (b *Backlog) Replay(s Stream) {
	bytes, events := b.bytes, b.events
	b.bytes, b.events = nil, nil
	for _, e := range events {
		switch e.kind {
		case eventData:
			s.Data(e.dir, e.at, bytes[:e.n])
			bytes = bytes[e.n:]
		case eventGap:
			s.Gap(e.dir, e.at, e.n)
		case eventEnd:
			s.End(e.dir, e.at, e.why)
		}
	}
}

// Drop removes the data and the gaps of one direction.
func (b *Backlog) Drop(dir Direction) {
	bytes, events := b.bytes[:0], b.events[:0]
	at := uint64(0)
	for _, e := range b.events {
		n := uint64(0)
		if e.kind == eventData {
			n = e.n
		}
		if e.dir != dir || e.kind == eventEnd {
			bytes, events = append(bytes, b.bytes[at:at+n]...), append(events, e)
		}
		at += n
	}
	b.bytes, b.events = bytes, events
}

// Deaf is a Stream that ignores all calls. It is the layer of a connection that
// carries no WebSocket.
type Deaf struct{}

func (Deaf) Data(Direction, Stamp, []byte) {}
func (Deaf) Gap(Direction, Stamp, uint64)  {}
func (Deaf) Finding(*Finding)              {}
func (Deaf) End(Direction, Stamp, End)     {}

// Exchange swaps the two directions of all calls in b.
func (b *Backlog) Exchange() {
	for i := range b.events {
		b.events[i].dir = b.events[i].dir.Reverse()
	}
}
