package main

import (
	"fmt"

	"github.com/wsdump/wsdump/internal/scenario"
)

// trial is one capture that is known in every byte, with what it holds.
type trial struct {
	title   string
	why     string   // what is special, in a sentence or two
	fixture string   // a capture of real programs; what it holds is in its record
	scripts []string // or scenarios, one connection each
	story   string   // how to tell the scripts when they are long
	swap    int      // this packet and the next change places
	want    []string // what the scripts hold: "C text ..."

	disguise scenario.Disguise
	options  []string // of tshark, besides the best for all
}

const plain = "C> upgrade /chat\nS> 101\n"

func trials() []trial {
	far := words(3000)
	compressed := deflated(far, far)
	const agreed = "C> upgrade /chat \"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\"\nS> 101 \"Sec-WebSocket-Extensions: permessage-deflate%s\"\n"
	return []trial{
		{
			title: "A ping between two fragments, several frames in one segment, one byte a segment", why: "Control frames may stand between fragments (RFC 6455 5.4).",
			scripts: []string{plain + "C> text \"Hel\" fin=0\nC+ ping \"x\"\nC+ cont \"lo\"\nS> pong \"x\"\nC> close 1000 \"bye\"\nS> close 1000\n"}, disguise: scenario.Disguise{MaxPiece: 1},
			want: []string{`C ping "x"`, `C text "Hello"`, `S pong "x"`, `C close 1000 "bye"`, `S close 1000 ""`},
		},
		{
			title: "Two segments out of order", why: "Common on busy networks and bonded links.",
			scripts: []string{plain + "C> text \"one\"\nC> text \"two\"\nC> text \"three\"\n"}, swap: 7,
			want: []string{`C text "one"`, `C text "two"`, `C text "three"`},
		},
		{
			title: "One segment lost", why: "The second half of a message is missing. Its beginning and all that follows can be read.",
			scripts: []string{plain + "S> raw 810a48656c6c6f\nS> raw 776f726c64 lost\nS> text \"next\"\nC> text \"thanks\"\nS> text \"last\"\n"},
			want:    []string{`S text "Hello" (incomplete)`, `S text "next"`, `C text "thanks"`, `S text "last"`},
		},
		{
			title: "Client and server on one address", why: "Both send a message in fragments at the same time, as on a loopback interface.",
			scripts: []string{plain + "C> text \"client \" fin=0\nS> text \"server \" fin=0\nC> cont \"one\"\nS> cont \"two\"\n"}, disguise: scenario.Disguise{SameIP: true},
			want: []string{`C text "client one"`, `S text "server two"`},
		},
		{
			title: "The last fragment is empty", why: "A streaming writer learns of the end when all is sent.",
			fixture: "fragments.pcap",
		},
		{
			title: "A message of 1 MiB from a client", why: "All of it is in the capture.",
			fixture: "megabyte.pcap",
		},
		{
			title: "A length of 2^32 + 5", why: "Lengths have up to 63 bits (RFC 6455 5.2). All bytes after this header are payload.",
			scripts: []string{plain + "C> text \"fine\"\nS> raw 827f000000010000000548656c6c6f\nS> text \"more of that payload\"\n"},
			want:    []string{`C text "fine"`, `S binary "Hello\x81\x14more of that payload" (incomplete)`},
		},
		{
			title: "Client frames captured before the 101", why: "The client does not wait, or the capture has another order than the wire.",
			scripts: []string{plain[:len("C> upgrade /chat\n")] + "C> text \"early\"\nS> 101\nC> text \"late\"\nS> text \"reply\"\n"},
			want:    []string{`C text "early"`, `C text "late"`, `S text "reply"`},
		},
		{
			title: "Ports used again", why: "A second connection between the same addresses and ports, a minute later.",
			scripts: []string{plain + "C> text \"first\"\nC> fin\nS> fin\n", plain + "C> text \"second\" fin=0\nC> cont \" time\"\nS> text \"yes\"\n"},
			want:    []string{`C text "first"`, `C text "second time"`, `S text "yes"`},
		},
		{
			title: "Compressed, in fragments, with small windows", why: "Python's `websockets` on both ends.",
			fixture: "deflate-python.pcap",
		},
		{
			title: "Compressed by Firefox and gorilla", why: "A chat with an empty message and one of 70,000 random bytes, echoed.",
			fixture: "deflate-firefox.pcap",
		},
		{
			title: "A block with BFINAL=1", why: "It is allowed, and later messages share its window (RFC 7692 7.2.3.4). The third message refers to the second.",
			scripts: []string{fmt.Sprintf(agreed, "") + "C> text hex=f348cdc9c9070000 rsv1\nC> text hex=f248cdc9c90700 rsv1\nC> text hex=f200110000 rsv1\n"},
			want:    []string{`C text "Hello"`, `C text "Hello"`, `C text "Hello"`},
		},
		{
			title: "A small window for the client only", why: "`client_max_window_bits=9` is agreed; the server keeps its 32 KiB and refers 3000 bytes back (RFC 7692 7.1.2).",
			scripts: []string{fmt.Sprintf(agreed, "; client_max_window_bits=9") + fmt.Sprintf("S> text hex=%s rsv1\nS> text hex=%s rsv1\n", compressed...)},
			story:   "C> upgrade /chat\nS> 101 \"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=9\"\nS> text of 3000 bytes, compressed\nS> the same text again, compressed as one reference",
			want:    []string{"S " + shown("text", []byte(far)), "S " + shown("text", []byte(far))},
		},
		{
			title: "The capture begins after the handshake", why: "There is no SYN and no upgrade.",
			scripts: []string{"midstream\nC> text \"hello\"\nS> text \"world\"\nC> text \"how are you?\"\nS> text \"fine\"\nC> ping \"x\"\nS> pong \"x\"\nC> close 1000\n"},
			want:    []string{`C text "hello"`, `S text "world"`, `C text "how are you?"`, `S text "fine"`, `C ping "x"`, `S pong "x"`, `C close 1000 ""`},
			options: []string{"-d", "tcp.port==80,websocket"},
		},
		{
			title: "WebSockets over HTTP/2", why: "Extended CONNECT (RFC 8441), two streams; one frame is cut over two DATA frames.",
			scripts: []string{h2()}, story: "C> SETTINGS; CONNECT with :protocol websocket on the streams 1 and 3\nC> DATA on 1: text \"Hello\"\nS> DATA on 1: text \"whole\"\nS> DATA on 3: the beginning of text \"in two DATA\"\nS> DATA on 3: its end",
			want:    []string{`C text "Hello"`, `S text "whole"`, `S text "in two DATA"`},
			options: []string{"-d", "tcp.port==80,http2"},
		},
		{
			title: "Refused, then let in on the same connection", why: "401, then the upgrade again with a token.",
			fixture: "refused-401-retry.pcap",
		},
	}
}

// violation is a breach of the protocol, planted in an otherwise good
// conversation.
type violation struct{ what, ref, script string }

func violations() []violation {
	return []violation{
		{"a client's frame is not masked", "RFC 6455 5.1", plain + "C> text \"bare\" unmasked\n"},
		{"a server's frame is masked", "RFC 6455 5.1", plain + "S> text \"no\" masked\n"},
		{"RSV1 is set, no extension was agreed", "RFC 6455 5.2", plain + "C> text \"x\" rsv1\n"},
		{"a reserved opcode", "RFC 6455 5.2", plain + "C> op3 \"data\"\n"},
		{"a length that is not minimal", "RFC 6455 5.2", plain + "S> text \"short\" form=64\n"},
		{"a ping of 126 bytes", "RFC 6455 5.5", plain + "C> ping fill=126\n"},
		{"a ping in fragments", "RFC 6455 5.5", plain + "C> ping \"x\" fin=0\n"},
		{"a continuation of nothing", "RFC 6455 5.4", plain + "C> cont \"orphan\"\n"},
		{"a new message inside another", "RFC 6455 5.4", plain + "C> text \"one\" fin=0\nC> text \"two\"\n"},
		{"a text that is not UTF-8", "RFC 6455 8.1", plain + "C> text hex=eda080\n"},
		{"a close frame of one byte", "RFC 6455 5.5.1", plain + "C> raw 8881 01020304 02\nS> close\n"},
		{"the close code 1005", "RFC 6455 7.4.1", plain + "C> close 1005\nS> close\n"},
		{"data after the close frame", "RFC 6455 5.5.1", plain + "S> close 1001\nS> text \"more\"\nC> close 1001\n"},
		{"no close frame at all", "RFC 6455 7.1.1", plain + "C> text \"x\"\nS> fin\nC> fin\n"},
		{"a wrong Sec-WebSocket-Accept", "RFC 6455 4.2.2", "C> upgrade /chat\nS> 101 accept=AAAAAAAAAAAAAAAAAAAAAAAAAAA=\nC> text \"x\"\n"},
		{"a subprotocol that was not offered", "RFC 6455 4.1", "C> upgrade /chat\nS> 101 \"Sec-WebSocket-Protocol: c\"\nC> text \"x\"\n"},
		{"an extension that was not offered", "RFC 6455 9.1", "C> upgrade /chat\nS> 101 \"Sec-WebSocket-Extensions: permessage-deflate\"\n"},
	}
}
