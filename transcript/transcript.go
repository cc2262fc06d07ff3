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
// It has no times and no packet numbers, one message a line, and one connection
// after the other in order of opening, so that two recordings of the same
// conversation are the same text and a difference reads well: it is the golden
// format of `wsdump check`. docs/TRANSCRIPT.md tells the grammar. [Writer]
// writes it, [Parse] reads it; what was written and read is written the same.
package transcript

import "github.com/wsdump/wsdump/timeline"

// Conversation is one connection.
type Conversation struct {
	Line       int    // of its first line in the text, 1-based; 0 when it was not parsed
	URL        string // "" when the handshake is not known
	Status     int    // 0: no answer, or no handshake
	Properties []Property
	Events     []Event
}

// Property is a word of the open line, such as subprotocol=chat.
type Property struct{ Name, Value string }

// EventKind says what an [Event] is.
type EventKind uint8

const (
	Message EventKind = iota
	Ping
	Pong
	Close
	Finding
	End
)

// Event is one line behind the open line.
type Event struct {
	Line    int // in the text, 1-based; 0 when it was not parsed
	Kind    EventKind
	Dir     timeline.Direction // not of End, nor of a Finding without HasDir
	HasDir  bool
	Binary  bool   // Message: the opcode's kind; Payload of a text message that is not UTF-8 is hex too
	Payload []byte // Message, Ping, Pong; Close: the reason
	Code    int    // Close: 0 when there is none
	Marks   []string
	Words   string // Finding: "error ws/mask-missing"; End: "fin"
}

// Marks of messages.
const (
	MarkIncomplete = "incomplete" // bytes are missing
	MarkTruncated  = "truncated"  // a limit cut the payload
	MarkOpaque     = "opaque"     // compressed, and not inflated
	MarkGuessed    = "guessed"    // found by its looks, after a loss or mid-stream
)

// header is the first line.
const header = "# wsdump transcript 1"
