// Package timeline is wsdump's data model: the events that an observer of WebSocket
// traffic can report, and the two interfaces that pass them on.
//
// A [Stream] carries the bytes of one transport up through the protocol layers. A
// [Sink] receives what the layers decoded. Everything before the sink is pure: it has
// no clock, no IO and no goroutine. Everything after it is output.
//
// One rule governs ownership. Bytes and structs that a Stream or a Sink receives are
// borrowed: they are valid until the call returns, and must not be changed. To keep
// them, copy them (see [Message.Clone]).
//
// The package imports only the standard library, and all of wsdump imports it.
package timeline

// Direction is the way that bytes went. It indexes the two halves of a connection.
type Direction uint8

const (
	ClientToServer Direction = iota // outputs call it "send", as HAR does
	ServerToClient                  // outputs call it "receive"
)

// Reverse returns the other direction.
func (d Direction) Reverse() Direction { return d ^ 1 }

// String returns the word that outputs use: "send" or "receive".
func (d Direction) String() string {
	if d == ClientToServer {
		return "send"
	}
	return "receive"
}

// Sender returns who sends in this direction.
func (d Direction) Sender() Party {
	if d == ClientToServer {
		return PartyClient
	}
	return PartyServer
}

// Party is one end of a connection. The zero value means that the capture does not
// show which.
type Party uint8

const (
	PartyUnknown Party = iota
	PartyClient
	PartyServer
)

// String returns "unknown", "client" or "server".
func (p Party) String() string {
	switch p {
	case PartyClient:
		return "client"
	case PartyServer:
		return "server"
	}
	return "unknown"
}

// Stamp is a packet and the time when it was captured. It is the only clock of wsdump.
// The zero Stamp means "never".
type Stamp struct {
	Packet     uint64 // 1-based number in the merged input
	Time       int64  // nanoseconds since the Unix epoch, by the capture's clock
	FilePacket uint64 // 1-based number inside its file, as Wireshark shows it
	File       uint32 // index into [Totals.Files] and the start line's list
}

// IsZero reports whether s means "never".
func (s Stamp) IsZero() bool { return s.Packet == 0 && s.Time == 0 }

// End is the reason why a direction of a transport carries no more bytes.
type End uint8

const (
	EndOpen     End = iota // the capture ended first
	EndFIN                 // the sender sent FIN, and all bytes before it were delivered
	EndReset               // either side sent RST
	EndTimeout             // silence for longer than a limit allows, in capture time
	EndReplaced            // a new connection began on the same addresses and ports
	EndLimit               // the connection was evicted to bound memory
)

// Verdict is whether the first bytes of a stream belong to a layer.
type Verdict uint8

const (
	NeedMore Verdict = iota
	Mine
	NotMine
)

// GapUnknown is the length of a gap in a stream inside another one, when nobody knows
// how many bytes it lost.
const GapUnknown = 1 << 40

// Stream receives the bytes of one transport, in order within each direction. Every
// protocol layer implements it. The layer below calls it, and it calls the layer above
// before it returns.
type Stream interface {
	// Data is called with the next bytes of a direction. b is borrowed and never empty.
	Data(dir Direction, at Stamp, b []byte)
	// Gap is called when the next n bytes of a direction are not in the capture.
	Gap(dir Direction, at Stamp, n uint64)
	// Finding passes a finding of a lower layer on, to the layer that has a Conn.
	Finding(f *Finding)
	// End is called once for each direction, when it is over. RST ends both, that of
	// its sender first.
	End(dir Direction, at Stamp, why End)
}

// Sink receives the timeline. All calls come from one goroutine; those for one Conn
// come in order. Embed [Nop], so that the interface can grow.
type Sink interface {
	// Begin is called first, with the first packet of the input, or not at all when
	// there is none. Where several inputs are analyzed apart, it is called for each of
	// them, and times count from there.
	Begin(at Stamp)
	// Needs returns what this sink needs of c. It is called before Open. The layers
	// skip what no sink needs: without payload, nothing is unmasked.
	Needs(c *Conn) Needs
	// Open is called once for each Conn, when its handshake is finished, refused or
	// absent.
	Open(c *Conn)
	// Frame is called for every frame at its last byte: for data frames if
	// Needs.Frames is set, for control frames always, with their payload.
	Frame(f *Frame)
	// Message is called for every message at its last byte, unless Needs.Silent is set.
	Message(m *Message)
	// Finding is called for every finding. f.Conn is nil when it concerns no Conn.
	Finding(f *Finding)
	// Close is called once for each Conn, when both directions are over.
	Close(c *Conn, at Stamp)
	// Other is called for every transport without a WebSocket, when it ends.
	Other(o *Other)
	// Done is called once, at the end.
	Done(t *Totals)
}

// Settled is a [Stream] that only passes its Data on to another stream, once it knows
// which. Callers may then call that stream directly with Data. Gap, Finding and End
// still go to the Settled stream.
type Settled interface {
	// Settled returns the other stream, nil while it is not known.
	Settled() Stream
}

// Released is a [Stream] that can be used again for another transport. The layer below
// calls Released when both directions have ended, as its last call.
type Released interface{ Released() }

// Needs is what a sink needs of a connection. The zero value asks for handshakes,
// control frames, lengths and findings only.
type Needs struct {
	Frames  bool // data frames too
	Payload bool // the payload of data frames and messages
	// Silent asks for no call of Message. Messages are counted in Conn and judged all
	// the same.
	Silent bool
}

// Union returns the needs of both.
func (n Needs) Union(o Needs) Needs {
	return Needs{Frames: n.Frames || o.Frames, Payload: n.Payload || o.Payload, Silent: n.Silent && o.Silent}
}

// Nop is a Sink that needs nothing and does nothing.
type Nop struct{}

func (Nop) Begin(Stamp)        {}
func (Nop) Needs(*Conn) Needs  { return Needs{} }
func (Nop) Open(*Conn)         {}
func (Nop) Frame(*Frame)       {}
func (Nop) Message(*Message)   {}
func (Nop) Finding(*Finding)   {}
func (Nop) Close(*Conn, Stamp) {}
func (Nop) Other(*Other)       {}
func (Nop) Done(*Totals)       {}

// Tee returns a Sink that passes every call to each of sinks, in their order.
func Tee(sinks ...Sink) Sink {
	if len(sinks) == 1 {
		return sinks[0]
	}
	return tee(sinks)
}

type tee []Sink

func (t tee) Begin(at Stamp) {
	for _, s := range t {
		s.Begin(at)
	}
}

func (t tee) Needs(c *Conn) (n Needs) {
	n.Silent = true // as long as all are
	for _, s := range t {
		n = n.Union(s.Needs(c))
	}
	return n
}

func (t tee) Open(c *Conn) {
	for _, s := range t {
		s.Open(c)
	}
}

func (t tee) Frame(f *Frame) {
	for _, s := range t {
		s.Frame(f)
	}
}

func (t tee) Message(m *Message) {
	for _, s := range t {
		s.Message(m)
	}
}

func (t tee) Finding(f *Finding) {
	for _, s := range t {
		s.Finding(f)
	}
}

func (t tee) Close(c *Conn, at Stamp) {
	for _, s := range t {
		s.Close(c, at)
	}
}

func (t tee) Other(o *Other) {
	for _, s := range t {
		s.Other(o)
	}
}

func (t tee) Done(total *Totals) {
	for _, s := range t {
		s.Done(total)
	}
}
