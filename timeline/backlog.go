package timeline

// Backlog keeps what a stream said until it is known who should hear it. The
// zero value is empty. It copies bytes; the caller bounds it by [Backlog.Len].
type Backlog struct {
	bytes  []byte
	events []said
}

type said struct {
	n    uint64 // bytes of data, or of a gap
	at   Stamp
	dir  Direction
	kind saidKind
	why  End
}

type saidKind uint8

const (
	saidData saidKind = iota
	saidGap
	saidEnd
)

// Len returns how many bytes of memory are in use.
func (b *Backlog) Len() int { return len(b.bytes) + len(b.events)*saidSize }

const saidSize = 56

// Empty reports whether nothing was said.
func (b *Backlog) Empty() bool { return len(b.events) == 0 }

// Data keeps a copy of p.
func (b *Backlog) Data(dir Direction, at Stamp, p []byte) {
	b.bytes = append(b.bytes, p...)
	b.events = append(b.events, said{n: uint64(len(p)), at: at, dir: dir, kind: saidData})
}

// Gap keeps a gap; gaps in a row become one.
func (b *Backlog) Gap(dir Direction, at Stamp, n uint64) {
	if k := len(b.events); k > 0 && b.events[k-1].kind == saidGap && b.events[k-1].dir == dir {
		b.events[k-1].n += n
		return
	}
	b.events = append(b.events, said{n: n, at: at, dir: dir, kind: saidGap})
}

// End keeps an end.
func (b *Backlog) End(dir Direction, at Stamp, why End) {
	b.events = append(b.events, said{at: at, dir: dir, kind: saidEnd, why: why})
}

// Replay empties b and says all of it to s, in order.
func (b *Backlog) Replay(s Stream) {
	bytes, events := b.bytes, b.events
	b.bytes, b.events = nil, nil
	for _, e := range events {
		switch e.kind {
		case saidData:
			s.Data(e.dir, e.at, bytes[:e.n])
			bytes = bytes[e.n:]
		case saidGap:
			s.Gap(e.dir, e.at, e.n)
		case saidEnd:
			s.End(e.dir, e.at, e.why)
		}
	}
}

// Deaf is a Stream that hears nothing: the layer of a connection that carries
// no WebSocket.
type Deaf struct{}

func (Deaf) Data(Direction, Stamp, []byte) {}
func (Deaf) Gap(Direction, Stamp, uint64)  {}
func (Deaf) Finding(*Finding)              {}
func (Deaf) End(Direction, Stamp, End)     {}

// Exchange swaps the two directions of what was said.
func (b *Backlog) Exchange() {
	for i := range b.events {
		b.events[i].dir = b.events[i].dir.Reverse()
	}
}
