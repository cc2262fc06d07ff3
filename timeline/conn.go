package timeline

import (
	"net/netip"
	"strings"
	"time"
)

// Transport is one TCP connection. It may carry many Conns (HTTP/2 streams),
// several in a row (401, then a retry on the same connection), or none. Only
// reassembly makes Transports.
type Transport struct {
	ID             uint64 // the number of its first packet; no other Transport has it
	Client, Server netip.AddrPort
	First          Stamp     // the first packet
	ISN            [2]uint32 // initial sequence numbers, by direction
	HasISN         [2]bool
	Midstream      bool  // the SYN is not in the capture
	Exchanged      bool  // client and server were swapped, see Exchange
	Last           Stamp // the latest packet so far
	Packets        uint64
	Segments       [2]uint64 // segments with payload, by direction
	Bytes          [2]uint64 // payload bytes delivered, by direction
	Gaps           [2]uint64 // payload bytes missing, by direction
	Retransmitted  [2]uint64 // payload bytes seen again, by direction
	Resent         [2]uint64 // of them: sent again, as far as the capture shows
	Reordered      [2]uint64 // of them: a later segment arrived first
	FirstResent    Stamp     // the first of Resent
	Copied         bool      // packets were captured more than once: Retransmitted, Resent and Reordered mean nothing
}

// Exchange swaps client and server. The layer switch calls it at most once, before
// anything was emitted.
func (t *Transport) Exchange() {
	t.Exchanged = !t.Exchanged
	t.Client, t.Server = t.Server, t.Client
	t.ISN[0], t.ISN[1] = t.ISN[1], t.ISN[0]
	t.HasISN[0], t.HasISN[1] = t.HasISN[1], t.HasISN[0]
	t.Bytes[0], t.Bytes[1] = t.Bytes[1], t.Bytes[0]
	t.Gaps[0], t.Gaps[1] = t.Gaps[1], t.Gaps[0]
	t.Retransmitted[0], t.Retransmitted[1] = t.Retransmitted[1], t.Retransmitted[0]
	t.Segments[0], t.Segments[1] = t.Segments[1], t.Segments[0]
	t.Resent[0], t.Resent[1] = t.Resent[1], t.Resent[0]
	t.Reordered[0], t.Reordered[1] = t.Reordered[1], t.Reordered[0]
}

// Header is one HTTP header field as it was on the wire: the name in its own case,
// the value without surrounding white space. Bytes are not validated.
type Header struct{ Name, Value string }

// Is reports whether h has that name, in any case.
func (h *Header) Is(name string) bool {
	return len(h.Name) == len(name) && (h.Name == name || strings.EqualFold(h.Name, name))
}

// Get returns the value of the first field of that name, in any case.
func Get(headers []Header, name string) (value string, ok bool) {
	for i := range headers {
		if headers[i].Is(name) {
			return headers[i].Value, true
		}
	}
	return "", false
}

// CountHeaders returns how many fields have that name, in any case.
func CountHeaders(headers []Header, name string) (n int) {
	for i := range headers {
		if headers[i].Is(name) {
			n++
		}
	}
	return n
}

// AcceptVerdict is the result of checking Sec-WebSocket-Accept (RFC 6455 4.2.2).
type AcceptVerdict uint8

const (
	AcceptUnchecked AcceptVerdict = iota // no 101, no key, or not HTTP/1.1
	AcceptOK
	AcceptWrong
	AcceptMissing
)

// String returns the word of the NDJSON contract.
func (v AcceptVerdict) String() string {
	return [...]string{"unchecked", "ok", "wrong", "missing"}[v&3]
}

// Extension is one entry of Sec-WebSocket-Extensions (RFC 6455 9.1).
type Extension struct {
	Name   string
	Params []Param
}

// Param is one parameter of an extension. HasValue distinguishes "a" from "a=".
type Param struct {
	Name, Value string
	HasValue    bool
}

// String returns the extension as a header has it, without quotes.
func (e Extension) String() string {
	var b strings.Builder
	b.WriteString(e.Name)
	for _, p := range e.Params {
		b.WriteString("; ")
		b.WriteString(p.Name)
		if p.HasValue {
			b.WriteByte('=')
			b.WriteString(p.Value)
		}
	}
	return b.String()
}

// Handshake is the HTTP request and response that opened a WebSocket, or tried
// to. Strings are owned by the Handshake.
type Handshake struct {
	Request     Stamp // first byte of the request
	Response    Stamp // last byte of the response's header; zero when there is none
	Method      string
	Target      string // as sent
	Scheme      string // "ws" or "wss"
	Host        string // without port; "" when the request names none
	Port        string // as in Host, "" when absent
	Path        string // without query (RFC 3986 3.3)
	Query       string // without "?"
	HTTPVersion string // "1.1", "2"
	Status      int    // 0: no response is in the capture
	Reason      string
	Unseen      bool // Status is 0 because bytes of the server are missing: there may have been a response

	RequestHeaders, ResponseHeaders []Header

	Key, Accept         string
	Verdict             AcceptVerdict
	SubprotocolsOffered []string
	Subprotocol         string
	ExtensionsOffered   []Extension
	Extensions          []Extension
	Origin, UserAgent   string
	EngineIO            string // the version of Engine.IO, Socket.IO's transport; "" for none
	EngineIOSession     string // its session, where it began with polling
}

// Accepted reports whether the handshake opened a WebSocket.
func (h *Handshake) Accepted() bool {
	if h.HTTPVersion == "2" || h.HTTPVersion == "3" {
		return h.Status >= 200 && h.Status < 300
	}
	return h.Status == 101
}

// URL returns the WebSocket URL (RFC 6455 3). fallback replaces the host when the
// request names none.
func (h *Handshake) URL(fallback string) string {
	var room [256]byte
	return string(h.appendURL(room[:0], fallback))
}

func (h *Handshake) appendURL(dst []byte, fallback string) []byte {
	dst = append(append(dst, h.Scheme...), "://"...)
	switch {
	case h.Host == "":
		dst = append(dst, fallback...)
	case h.Port != "":
		dst = append(append(append(dst, h.Host...), ':'), h.Port...)
	default:
		dst = append(dst, h.Host...)
	}
	dst = append(dst, h.Path...)
	if h.Query != "" {
		dst = append(append(dst, '?'), h.Query...)
	}
	return dst
}

// TCPEnd is how the transport under a Conn ended.
type TCPEnd uint8

const (
	TCPOpen    TCPEnd = iota // the capture ended first
	TCPFIN                   // both sides sent FIN (HTTP/2: END_STREAM)
	TCPHalf                  // one side sent FIN
	TCPReset                 // RST (HTTP/2: RST_STREAM, GOAWAY)
	TCPTimeout               // dropped after silence, or replaced by a new connection
	TCPUnknown               // the recording does not have it, such as a HAR
)

// String returns the word of the NDJSON contract.
func (e TCPEnd) String() string {
	switch e {
	case TCPFIN:
		return "fin"
	case TCPHalf:
		return "half"
	case TCPReset:
		return "rst"
	case TCPTimeout:
		return "timeout"
	case TCPUnknown:
		return "unknown"
	}
	return "open"
}

// Counters counts one direction of a Conn. Lengths are payload bytes, control frames
// included: Bytes are inflated, WireBytes as on the wire.
type Counters struct {
	Messages     uint64
	Frames       uint64
	Bytes        uint64
	WireBytes    uint64
	MessageBytes uint64 // Bytes of messages alone
}

// Conn is one WebSocket, or one refused attempt at one. Fields below the line
// "known at the end" are complete at [Sink.Close].
type Conn struct {
	ID         uint64 // 1-based, in order of opening; set before Open
	Transport  *Transport
	Handshake  *Handshake     // nil when the capture does not hold it
	Client     netip.AddrPort // the true client (PROXY protocol), else the TCP peer
	Server     netip.AddrPort
	Peer       netip.AddrPort // the TCP peer, where that is not Client; else zero
	Layers     string         // "tcp", "tls", "h2", "h2+tls", "h3"
	ServerName string         // SNI, where TLS was below
	Opened     Stamp          // the request's first byte, else the first frame's
	Midstream  bool           // the handshake is not in the capture
	Guessed    bool           // recognised only by its frames
	LegOf      uint64         // ID of the connection on the other side of a proxy, 0 for none
	LegGuessed bool           // LegOf was found by an identifier, not by the handshake's key
	Unrecorded bool           // Recorded, without its messages: there may have been any number
	Recorded   bool           // from a HAR, which has messages, but no frames, masks, sizes on the wire or TCP

	// Known at the end. The fields that every message changes are next to each other.

	By         Party   // first close frame's sender, else first FIN's or RST's
	TCP        TCPEnd  // how the transport ended
	FirstFIN   Party   // who ended TCP first
	Aborted    bool    // Recorded: according to the browser, it ended without a close frame
	CloseCode  uint16  // of the first close frame; 0 when it had none
	ClosedBy   [2]bool // directions that sent a close frame
	Counters   [2]Counters
	Rows       uint64    // message and control rows so far
	LastFrame  Stamp     // last byte of the last frame before the ending began
	LastDir    Direction // its direction, when LastFrame is not zero
	CloseText  string    // reason of the first close frame; valid UTF-8 or not
	FirstMsg   Stamp     // first byte of the first message
	EndBegan   Stamp     // first close frame, FIN or RST; else the last packet
	Ended      Stamp     // the stamp of Close
	FindingsBy [3]uint64 // by Severity

	findingCounts map[findingKey]uint64 // how often Tell got each
	findingOrder  []findingKey          // in the order of their first time
}

// Clean reports whether both sides sent a close frame and TCP then ended with
// a FIN (RFC 6455 7.1.4).
func (c *Conn) Clean() bool {
	return c.ClosedBy[0] && c.ClosedBy[1] && c.FirstFIN != PartyUnknown
}

// Duration returns the time from the first byte to the end of the transport. It is never
// negative, although the clock of a capture may be set back.
func (c *Conn) Duration() time.Duration {
	return max(0, time.Duration(c.Ended.Time-c.Opened.Time))
}

// Idle returns the time between the last frame and the start of the end (EndBegan).
// ok is false when there was no frame.
func (c *Conn) Idle() (d time.Duration, ok bool) {
	if c.LastFrame.IsZero() {
		return 0, false
	}
	return max(0, time.Duration(c.EndBegan.Time-c.LastFrame.Time)), true
}

// Wait returns the time from the end of the handshake to the first message. ok is
// false when there was no message, or no handshake in the capture.
func (c *Conn) Wait() (d time.Duration, ok bool) {
	if c.FirstMsg.IsZero() || c.Handshake == nil || c.Handshake.Response.IsZero() {
		return 0, false
	}
	return time.Duration(c.FirstMsg.Time - c.Handshake.Response.Time), true
}

// Refused reports whether the server answered the request and opened no WebSocket.
func (c *Conn) Refused() bool {
	return c.Handshake != nil && c.Handshake.Status != 0 && !c.Handshake.Accepted()
}

// URL returns the WebSocket URL; "" when there is no handshake.
func (c *Conn) URL() string {
	if c.Handshake == nil {
		return ""
	}
	var room [256]byte
	return string(c.AppendURL(room[:0]))
}

// AppendURL appends the URL to dst.
func (c *Conn) AppendURL(dst []byte) []byte {
	if c.Handshake == nil {
		return dst
	}
	fallback := ""
	if c.Handshake.Host == "" && c.Server.IsValid() {
		fallback = c.Server.String()
	}
	return c.Handshake.appendURL(dst, fallback)
}
