// Package transcript is the text form of a timeline: `>` for what the client
// sent, `<` for what it received, `!` for everything else.
//
//	# wsdump transcript 1
//
//	! open ws://example.com/chat 101 subprotocol=chat
//	> hello
//	< world
//	! < ping "png"
//	! > pong "png"
//	>0x 00010203fdfeff
//	! > close 1000 "bye"
//	! < close 1000 "bye"
//	! end fin
//
// It has one message a line, one connection after the other in order of opening, and
// neither times nor packet numbers. So two recordings of the same conversation are the
// same text: it is the golden format of `wsdump check`. docs/TRANSCRIPT.md has the
// grammar. [Writer] and [Write] write it, [Parse] reads it. What was parsed is written
// again byte for byte.
package transcript

import "github.com/wsdump/wsdump/timeline"

// Conversation is one connection.
type Conversation struct {
	Line       int    // line number of its first line, 1-based; 0 if it was not parsed
	URL        string // "" if the handshake is not known
	Status     int    // 0 for no response, or no handshake
	Properties []Property
	Events     []Event
}

// Property is a word of the open line, such as subprotocol=chat.
type Property struct{ Name, Value string }

// EventKind is the kind of an [Event].
type EventKind uint8

const (
	Message EventKind = iota
	Ping
	Pong
	Close
	Finding
	End
)

// Event is one line after the open line.
type Event struct {
	Line    int // line number, 1-based; 0 if it was not parsed
	Kind    EventKind
	Dir     timeline.Direction // valid when HasDir is set
	HasDir  bool
	Binary  bool   // Message: its opcode is binary; a text message that is not UTF-8 is written in hex too
	Payload []byte // Message, Ping, Pong; Close: the reason
	Code    int    // Close: the code, 0 for none
	Marks   []string
	Words   string // Finding: "error ws/mask-missing"; End: "fin"
}

// Marks of messages.
const (
	MarkIncomplete = "incomplete" // bytes are missing
	MarkTruncated  = "truncated"  // a limit cut the payload
	MarkOpaque     = "opaque"     // compressed, and not inflated
	MarkGuessed    = "guessed"    // recognised by its shape, after a loss or mid-stream
)

// header is the first line of a transcript.
const header = "# wsdump transcript 1"
