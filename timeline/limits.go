package timeline

import "time"

// Limits bounds what hostile or broken input can make wsdump hold. Every limit
// is finite; a zero field means the default, never "unlimited". Reaching one
// is a finding (tcp/limit, http/limit, ws/limit) that names the field.
type Limits struct {
	// Memory is how many bytes the state of all TCP connections may take, by
	// estimate ([Weighed]): the same input gives the same answer on every
	// machine. The one idle for longest is given up first, of those without
	// data before those with data. A connection without data takes some 600
	// bytes, a live WebSocket some 3,500. Windows count here, too.
	Memory int
	// Transports is how many TCP connections are followed at once, likewise.
	Transports int
	// Reorder is how many bytes of one direction wait behind a hole. A TCP
	// window is rarely larger than 4 MiB.
	Reorder int
	// ReorderTotal is the same over all connections.
	ReorderTotal int
	// ReorderTime is how long a segment waits for bytes of the other direction
	// that it acknowledges, by capture time.
	ReorderTime time.Duration
	// Hole is how long bytes wait behind a hole that the peer has not
	// acknowledged: retransmissions may take that long.
	Hole time.Duration
	// Fragments is how many bytes of IP packets that came in pieces are kept.
	// The oldest is given up first. Linux takes 4 MB.
	Fragments int
	// FragmentTime is how long the pieces of an IP packet wait for the others,
	// by capture time. Linux waits 30 seconds; for longer, and numbers that
	// come again would mix packets.
	FragmentTime time.Duration
	// Idle is how long a connection may be silent before its state is dropped,
	// by capture time. Long: a quiet WebSocket is normal.
	Idle time.Duration
	// HalfOpen is the same for a connection that never carried data.
	HalfOpen time.Duration
	// Head is how many bytes the head of an HTTP request or response may have.
	Head int
	// Held is how many bytes of a client wait for the response to an upgrade.
	Held int
	// Message is how many payload bytes of one message are kept; the rest is
	// counted, and the message is marked as truncated.
	Message int
	// Ratio is how many bytes one byte of a compressed message may inflate to,
	// above the first MiB. DEFLATE reaches 1032; honest messages stay far below.
	Ratio int
	// Windows is how many bytes the histories of compressed directions may
	// take together, 64 KiB each. The one idle for longest is given up first.
	Windows int
	// KeyWait is how long a TLS connection that has ended waits for its keys
	// while a key log is followed, by capture time.
	KeyWait time.Duration
	// Control is how many payload bytes of a control frame are kept. RFC 6455
	// allows 125; more is kept so that a violation can be shown.
	Control int
	// Pings is how many unanswered pings of one direction are remembered.
	Pings int
}

// WithDefaults returns l with every zero field set to its default.
func (l Limits) WithDefaults() Limits {
	l.set(DefaultMemory)
	set(&l.Transports, 1<<22)
	set(&l.Reorder, 4<<20)
	set(&l.ReorderTime, 100*time.Millisecond)
	set(&l.Hole, time.Minute)
	set(&l.FragmentTime, 30*time.Second)
	set(&l.Idle, 24*time.Hour)
	set(&l.HalfOpen, 2*time.Minute)
	set(&l.Head, 256<<10)
	set(&l.Held, 1<<20)
	set(&l.Message, 16<<20)
	set(&l.Ratio, 250)
	set(&l.KeyWait, 10*time.Second)
	set(&l.Control, 4<<10)
	set(&l.Pings, 64)
	return l
}

func set[T int | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}

// DefaultMemory is how many bytes a process takes at most with default limits.
const DefaultMemory = 512 << 20

// Within returns l with those limits that are not set, and that together decide
// how much memory is taken, such that a process needs about n bytes at most.
// The rest is for the program itself, its outputs, and garbage.
func (l Limits) Within(n int) Limits {
	l.set(n)
	return l
}

func (l *Limits) set(n int) {
	set(&l.Memory, n/2)
	set(&l.Windows, n/4)
	set(&l.ReorderTotal, n/16)
	set(&l.Fragments, n/64)
}

// Part returns l with those limits that all connections share divided by n: what
// each of n parts of them may take, so that together they stay within l. Where a
// part reaches one, all together may have reached l, or not.
func (l Limits) Part(n int) Limits {
	l = l.WithDefaults()
	for _, shared := range []*int{&l.Memory, &l.Transports, &l.ReorderTotal, &l.Windows} {
		*shared = max(*shared/n, 1)
	}
	return l
}
