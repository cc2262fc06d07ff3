package timeline

import "time"

// Limits bound the memory that hostile or broken input can take. Every limit is
// finite; a zero field means the default, never "unlimited". Reaching a limit is a
// finding (tcp/limit, http/limit, ws/limit) that names the field.
type Limits struct {
	// Memory is how many bytes the state of all TCP connections may take. It is an
	// estimate ([Weighed]), so the same input gives the same output on every machine.
	// Connections without data are evicted before those with data, and among them the
	// one that is idle for longest. A connection without data takes about 600 bytes, a
	// live WebSocket about 3,500. Windows count here, too.
	Memory int
	// Transports is how many TCP connections are followed at once. Eviction is the same.
	Transports int
	// Reorder is how many bytes of one direction wait behind a hole. TCP windows are
	// rarely larger than 4 MiB.
	Reorder int
	// ReorderTotal is the same over all connections.
	ReorderTotal int
	// ReorderTime is how long, in capture time, a segment waits for the bytes of the
	// other direction that it acknowledges.
	ReorderTime time.Duration
	// Hole is how long, in capture time, bytes wait behind a hole that the peer has
	// not acknowledged. Retransmissions may take that long.
	Hole time.Duration
	// Fragments is how many bytes of IP fragments wait for the rest of their packets.
	// The oldest packet is dropped first. Linux allows 4 MB.
	Fragments int
	// FragmentTime is how long, in capture time, the fragments of an IP packet wait for
	// the others. Linux waits 30 seconds. Waiting longer could mix two packets, for
	// their identifiers repeat.
	FragmentTime time.Duration
	// Idle is how long, in capture time, a connection may be silent before its state is
	// dropped. It is long, for a quiet WebSocket is normal.
	Idle time.Duration
	// HalfOpen is the same for a connection that never carried data.
	HalfOpen time.Duration
	// Head is how many bytes the start line and header of an HTTP request or response
	// may have.
	Head int
	// Held is how many bytes of a client wait for the response to its upgrade request.
	Held int
	// Message is how many payload bytes of one message are kept. The rest is counted,
	// and the message is marked as truncated.
	Message int
	// Ratio is how many bytes one byte of a compressed message may inflate to, once it
	// is larger than 1 MiB. DEFLATE reaches 1032; honest messages stay far below.
	Ratio int
	// Windows is how many bytes the compression windows of all directions may take
	// together, 64 KiB each. The window that is idle for longest is dropped first.
	Windows int
	// KeyWait is how long, in capture time, a TLS connection that has ended waits for
	// its keys while a key log is followed.
	KeyWait time.Duration
	// Control is how many payload bytes of a control frame are kept. RFC 6455 allows
	// 125; more are kept, so that a violation can be shown.
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

// DefaultMemory is how many bytes a process with default limits takes at most.
const DefaultMemory = 512 << 20

// Within returns l for a process that may take about n bytes. It sets those limits that
// decide about memory and are not set yet. They sum up to less than n: the rest is for
// the program itself, its outputs, and garbage.
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

// Part returns the limits for one of n partitions of the connections. The limits that
// all connections share are divided by n, so that the partitions together stay within
// l. When one of them reaches such a limit, all together need not have reached l.
func (l Limits) Part(n int) Limits {
	l = l.WithDefaults()
	for _, shared := range []*int{&l.Memory, &l.Transports, &l.ReorderTotal, &l.Windows} {
		*shared = max(*shared/n, 1)
	}
	return l
}
