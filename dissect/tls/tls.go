// Package tls is the TLS layer of an observer. It receives the two directions of a TCP
// connection, and passes their plaintext to the layer above when the keys are known (RFC
// 8446, RFC 5246, RFC 4346, RFC 2246). Without keys it reports what is not encrypted:
// names, version, cipher suite, sizes.
//
// Nothing is delivered that did not authenticate under its key and its record
// number; so lost bytes cost the records they touch, and wrong keys give
// nothing rather than garbage.
package tls

import (
	"fmt"
	"slices"
	"time"

	"github.com/wsdump/wsdump/timeline"
)

// Handler receives the results of a TLS connection.
type Handler interface {
	// Plaintext is called once, when the first application data is about to
	// come. It returns the stream that receives it. info is borrowed.
	Plaintext(info *Info) timeline.Stream
	// Undecipherable is called at most once, instead of Plaintext, when it is
	// certain that no application data can be read, and why. info is borrowed.
	// The stream goes on counting in its Info.
	Undecipherable(info *Info, why Reason)
	// AnsweredPlain is called when the server answers in plain HTTP. line is its status
	// line.
	AnsweredPlain(at timeline.Stamp, line string)
	// Finding takes the findings of this layer and those from below. It is
	// borrowed.
	Finding(f *timeline.Finding)
}

// Info is what a connection shows without its keys, and a little more with
// them. Strings are owned by the Info; names come off the wire unescaped.
type Info struct {
	ServerName   string    // SNI (RFC 6066 3); with ECH the outer name
	Offered      []string  // ALPN of the client (RFC 7301)
	ALPN         string    // ALPN agreed on; in TLS 1.3 it takes keys to know
	Version      uint16    // agreed on; before that, the highest offered
	Cipher       uint16    // cipher suite; 0 while no ServerHello was seen
	Certificate  []string  // the server's names; in TLS 1.3 it takes keys to know
	ECH          bool      // the client sent encrypted_client_hello, or a blind one
	Resumed      bool      // TLS 1.2: keys are those of an earlier connection
	Agreed       bool      // a ServerHello was seen
	Bytes        [2]uint64 // of TCP, by direction
	Records      [2]uint64 // of application data, as far as their types show
	Largest      [2]int    // bytes of the largest of them
	Unprompted   int       // how often a side sent again after a silence, before the other side sent
	ClientRandom [32]byte  // identifies the connection in a key log; not secret
}

// Silence is how long a side must be silent before its next record counts as unprompted.
const Silence = 200 * time.Millisecond

// LikeWebSocket guesses from the records, without decryption, whether the connection,
// which lasted for d, was a WebSocket. The signs are small records in both directions,
// and a side that sends without a request, which HTTP/1.1 does not do. A browser does
// not offer HTTP/2 on a connection that it opens for a WebSocket.
func (i *Info) LikeWebSocket(d time.Duration) bool {
	for dir := range i.Records {
		if i.Records[dir] < likeRecords || i.Bytes[dir]/i.Records[dir] > likeBytes {
			return false
		}
	}
	return d >= likeDuration && i.Unprompted >= likeUnprompted && i.ALPN != "h2" && !slices.Contains(i.Offered, "h2")
}

const (
	likeRecords    = 4
	likeBytes      = 2 << 10 // on the average, the handshake's included
	likeDuration   = time.Second
	likeUnprompted = 2
)

// VersionName returns "TLS 1.3" and its like; "" when nothing was agreed or offered.
func (i *Info) VersionName() string { return VersionName(i.Version) }

// CipherName returns the IANA name of the suite; "" before it is agreed.
func (i *Info) CipherName() string {
	if !i.Agreed {
		return ""
	}
	return SuiteName(i.Cipher)
}

// ReasonKind is the kind of a Reason.
type ReasonKind uint8

const (
	NoKeys      ReasonKind = iota // nothing is known of this session
	PartialKeys                   // some secrets of this session are missing
	BadKeys                       // the secrets do not open the records
	Unsupported                   // a version or cipher suite that is not read
	NoHandshake                   // the handshake is not in the capture
	Limit                         // keys did not come before a limit was reached
)

// Reason is why a connection cannot be decrypted. Text is a sentence for people.
type Reason struct {
	Kind ReasonKind
	Text string
}

func (r Reason) String() string { return r.Text }

// What waits for keys at most, in bytes.
const (
	heldBytes      = 1 << 20  // of one connection
	heldBytesTotal = 64 << 20 // of all that share their Keys
)

// New returns the TLS layer of one connection. With nil keys nothing waits, and only what
// is not encrypted is reported.
func New(h Handler, keys *Keys) *Stream {
	if keys == nil {
		keys = &Keys{complete: true}
	}
	return &Stream{handler: h, keys: keys}
}

// Info returns what is known by now. It is borrowed and changes with the stream.
func (s *Stream) Info() *Info { return &s.info }

// Idle reports whether the client sent no application data, as far as is known for
// sure: its handshake was not finished, or nothing came behind it. Browsers open
// such connections, to have one at hand. Nothing is missed then for want of keys.
func (s *Stream) Idle() bool {
	h := &s.half[timeline.ClientToServer]
	switch {
	case s.next != nil || s.Waiting() || h.lost || h.blind || len(h.buf) > 0:
		return false
	case h.dead: // records tell by their type, though in TLS 1.3 a Finished has the same
		return s.info.Records[timeline.ClientToServer] == 0
	}
	return s.info.Version != 0 // there was a ClientHello
}

// reason writes the sentence for a kind.
func (s *Stream) reason(kind ReasonKind, detail string) Reason {
	text := ""
	switch kind {
	case NoKeys:
		text = fmt.Sprintf("no keys for this session (client random %x)", s.info.ClientRandom)
		if s.shake.suite != nil && s.shake.suite.rsa && !s.shake.resumed {
			text += "; a key log or the server's RSA private key would open it"
		}
	case PartialKeys:
		text = "the keys of this session are not whole"
	case BadKeys:
		text = "keys were found, but the records do not open with them"
	case Unsupported:
		text = "not supported"
	case NoHandshake:
		text = "the handshake is not in the capture, so it is not known which keys belong to it"
	case Limit:
		text = "the keys did not come in time"
	}
	if detail != "" {
		text += ": " + detail
	}
	return Reason{Kind: kind, Text: text}
}
