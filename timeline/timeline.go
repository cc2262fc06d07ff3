// Package timeline is wsdump's data model: what an observer of WebSocket
// traffic can say, in one vocabulary, and the two interfaces through which it
// is said.
//
// A [Stream] carries the bytes of one transport upwards through the protocol
// layers; a [Sink] receives what the layers understood. Everything before the
// sink is pure: no clock, no IO, no goroutine. Everything behind it is output.
//
// Ownership is one rule. Bytes and structs handed to a Stream or a Sink are
// borrowed: they are valid until the call returns, must not be written to, and
// must be copied to be kept. Fields say so where it matters.
//
// The package imports nothing but the standard library, and everything in
// wsdump imports it.
package timeline

// Direction says which way bytes went. It indexes the two halves of a
// connection.
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

// Party is one end of a connection. The zero value means that the capture does
// not tell which.
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

// Stamp is the only clock of wsdump: which packet, and when it was captured.
// The zero Stamp means "never".
type Stamp struct {
	Packet     uint64 // 1-based number in the merged input
	Time       int64  // nanoseconds since the Unix epoch, by the capture's clock
	FilePacket uint64 // 1-based number inside its file: what Wireshark shows
	File       uint32 // index into [Totals.Files] and the start line's list
}

// IsZero reports whether nothing ever happened at this stamp.
func (s Stamp) IsZero() bool { return s.Packet == 0 && s.Time == 0 }

// End says why a direction of a transport carries no more bytes.
type End uint8

const (
	EndOpen     End = iota // the capture ended first
	EndFIN                 // the sender sent FIN and all before it was delivered
	EndReset               // either side sent RST
	EndTimeout             // nothing for longer than a limit allows, by capture time
	EndReplaced            // a new connection began on the same addresses and ports
	EndLimit               // state was given up to keep memory bounded
)

// Verdict is what a layer says of the first bytes of a stream.
type Verdict uint8

const (
	NeedMore Verdict = iota
	Mine
	NotMine
)

// GapUnknown is the length of a gap when it is not known how many bytes a
// stream inside another one lost.
const GapUnknown = 1 << 40

// Stream is the bytes of one transport as an observer hears them, in order
// within each direction. Every protocol layer implements it: it is fed by the
// layer below and feeds the layer above before it returns.
type Stream interface {
	// Data gives the next bytes of a direction. b is borrowed and never empty.
	Data(dir Direction, at Stamp, b []byte)
	// Gap says that the next n bytes of a direction are not in the capture.
	Gap(dir Direction, at Stamp, n uint64)
	// Finding passes a judgement from below down to where a Conn exists.
	Finding(f *Finding)
	// End says that a direction is over. It is called once a direction; RST
	// ends both, the sender's first.
	End(dir Direction, at Stamp, why End)
}

// Sink receives what happened. All calls come from one goroutine; those for
// one Conn come in order. Embed [Nop] so that the interface can grow.
type Sink interface {
	// Begin is called before all else, with the first packet of the input; not
	// at all when there is none. Where several inputs are told that have nothing
	// to do with each other it is called for each, and times count from there.
	Begin(at Stamp)
	// Needs tells what this sink wants to know of c, before c is opened. The
	// layers skip what nobody needs: without payload, nothing is unmasked.
	Needs(c *Conn) Needs
	// Open is called once a Conn, with the handshake finished, refused or
	// absent.
	Open(c *Conn)
	// Frame is called for every frame when its last byte is known. Control
	// frames are always told, with their payload.
	Frame(f *Frame)
	// Message is called when the last frame of a message is complete.
	Message(m *Message)
	// Finding is called for every violation; f.Conn is nil when no connection
	// is concerned.
	Finding(f *Finding)
	// Close is called once a Conn, when both directions are over.
	Close(c *Conn, at Stamp)
	// Other is called for every transport that carried no WebSocket, when it
	// ends.
	Other(o *Other)
	// Done is called once, at the end.
	Done(t *Totals)
}

// Settled is a [Stream] that may come to know which other one hears all its Data
// from now on, unchanged: callers may spare the way through it. Gap, Finding and
// End still go to the stream itself.
type Settled interface {
	// Settled returns that stream, nil while it is not known.
	Settled() Stream
}

// Released is a [Stream] that can be used again for another transport. Who feeds it
// says so when both directions have ended and it will not call it any more.
type Released interface{ Released() }

// Needs is what a sink wants to know of a connection. The zero value asks for
// handshakes, control frames, lengths and findings only.
type Needs struct {
	Frames  bool // data frames too
	Payload bool // the payload of data frames and messages
	// Silent: no call of Message. Messages are counted and judged all the same,
	// and Conn has what they came to.
	Silent bool
}

// Union returns what either asks for.
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

// Tee returns a Sink that repeats every call to each of sinks, in their order.
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
