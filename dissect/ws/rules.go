package ws

import "github.com/wsdump/wsdump/timeline"

// The rules that this package judges by. Each is a section of docs/RULES.md.
var (
	ruleMaskMissing = &timeline.Rule{
		ID: "ws/mask-missing", Severity: timeline.Error, Since: "0.1", Ref: "RFC 6455 5.1",
		Title: "client frame is not masked",
		Text:  "Every frame from client to server must be masked; a server has to close the connection when one is not.",
	}
	ruleMaskUnexpected = &timeline.Rule{
		ID: "ws/mask-unexpected", Severity: timeline.Error, Since: "0.1", Ref: "RFC 6455 5.1",
		Title: "server frame is masked",
		Text:  "A server must not mask its frames; a client has to close the connection when it does.",
	}
	ruleMaskKeyWeak = &timeline.Rule{
		ID: "ws/mask-key-weak", Severity: timeline.Warning, Since: "0.1", Ref: "RFC 6455 5.3, 10.3",
		Title: "masking key is zero or repeated",
		Text:  "The masking key must be unpredictable for every frame; a fixed key lets content attack proxies on the way.",
	}
	ruleRSVSet = &timeline.Rule{
		ID: "ws/rsv-set", Severity: timeline.Error, Since: "0.1", Ref: "RFC 6455 5.2",
		Title: "reserved bit set that no agreed extension defines",
		Text:  "RSV1, RSV2 and RSV3 must be 0 unless an extension that was agreed in the handshake gives them a meaning. The payload is shown as bytes, since its meaning is not known.",
	}
	ruleOpcodeReserved = &timeline.Rule{
		ID: "ws/opcode-reserved", Severity: timeline.Error, Since: "0.1", Ref: "RFC 6455 5.2",
		Title: "reserved opcode",
		Text:  "Opcodes 3 to 7 and 11 to 15 have no meaning yet; the receiver has to fail the connection.",
	}
	ruleHTTPInside = &timeline.Rule{
		ID: "ws/http-inside", Severity: timeline.Error, Since: "0.1", Ref: "RFC 6455 5.2, 7.1.7",
		Title: "an HTTP message stands where a frame is due",
		Text:  "Somebody wrote an HTTP request or response behind the 101: a second handler of the same upgrade, a handler that still answers, a proxy that lost its backend. Browsers report an invalid frame header and close with 1006.",
	}
	ruleLengthNotMinimal = &timeline.Rule{
		ID: "ws/length-not-minimal", Severity: timeline.Error, Since: "0.1", Ref: "RFC 6455 5.2",
		Title: "length is not in its shortest form",
		Text:  "A length must use the fewest bytes that can hold it, and the top bit of the 64-bit form must be 0.",
	}
	ruleControlFragmented = &timeline.Rule{
		ID: "ws/control-fragmented", Severity: timeline.Error, Since: "0.1", Ref: "RFC 6455 5.5",
		Title: "control frame without FIN",
		Text:  "Control frames must not be fragmented.",
	}
	ruleControlTooLong = &timeline.Rule{
		ID: "ws/control-too-long", Severity: timeline.Error, Since: "0.1", Ref: "RFC 6455 5.5",
		Title: "control frame above 125 bytes",
		Text:  "The payload of a control frame must be 125 bytes or less.",
	}
	ruleContinuationOrphan = &timeline.Rule{
		ID: "ws/continuation-orphan", Severity: timeline.Error, Since: "0.1", Ref: "RFC 6455 5.4",
		Title: "continuation frame with nothing to continue",
		Text:  "A continuation frame must follow a text, binary or continuation frame without FIN.",
	}
	ruleContinuationExpected = &timeline.Rule{
		ID: "ws/continuation-expected", Severity: timeline.Error, Since: "0.1", Ref: "RFC 6455 5.4",
		Title: "new message inside a fragmented one",
		Text:  "The fragments of one message must not be interleaved with those of another. The unfinished message is shown as incomplete.",
	}
	ruleUTF8Invalid = &timeline.Rule{
		ID: "ws/utf8-invalid", Severity: timeline.Error, Since: "0.1", Ref: "RFC 6455 8.1", Reads: timeline.ReadsText,
		Title: "text is not UTF-8",
		Text:  "A text message must be valid UTF-8 as a whole; offset says where the first wrong byte stands.",
	}
	ruleCloseLength = &timeline.Rule{
		ID: "ws/close-length", Severity: timeline.Error, Since: "0.1", Ref: "RFC 6455 5.5.1",
		Title: "close payload of one byte",
		Text:  "A close payload is empty, or starts with a code of two bytes.",
	}
	ruleCloseCodeInvalid = &timeline.Rule{
		ID: "ws/close-code-invalid", Severity: timeline.Error, Since: "0.1", Ref: "RFC 6455 7.4",
		Title: "close code that may not be sent",
		Text:  "Codes 0 to 999, 1004, 1005, 1006, 1015 and the unassigned ones up to 2999 must not stand in a close frame; above 4999 nothing is defined (a warning).",
	}
	ruleCloseReasonUTF8 = &timeline.Rule{
		ID: "ws/close-reason-utf8", Severity: timeline.Error, Since: "0.1", Ref: "RFC 6455 5.5.1",
		Title: "close reason is not UTF-8",
		Text:  "The bytes behind the close code must be valid UTF-8.",
	}
	ruleDataAfterClose = &timeline.Rule{
		ID: "ws/data-after-close", Severity: timeline.Error, Since: "0.1", Ref: "RFC 6455 5.5.1",
		Title: "frame after the close frame",
		Text:  "Nothing may follow a close frame in its direction: a data frame or a second close is an error, a ping or pong a note.",
	}
	ruleCloseMissing = &timeline.Rule{
		ID: "ws/close-missing", Severity: timeline.Warning, Since: "0.1", Ref: "RFC 6455 7.1",
		Title: "connection ended without a close frame",
		Text:  "Neither side said goodbye before TCP ended: a crash, a kill, a proxy or load balancer that gave up, or a network that went away.",
	}
	ruleCloseUnanswered = &timeline.Rule{
		ID: "ws/close-unanswered", Severity: timeline.Warning, Since: "0.1", Ref: "RFC 6455 7.1.1",
		Title: "close frame was not answered",
		Text:  "One side sent a close frame, the other ended TCP without sending its own.",
	}
	ruleCloseAbnormal = &timeline.Rule{
		ID: "ws/close-abnormal", Severity: timeline.Warning, Since: "0.1", Ref: "RFC 6455 7.4.1",
		Title: "close code that tells of trouble",
		Text:  "1002, 1003 and 1007 to 1014 say that the sender met an error or could not go on.",
	}
	ruleTCPClosedByClient = &timeline.Rule{
		ID: "ws/tcp-closed-by-client", Severity: timeline.Note, Since: "0.1", Ref: "RFC 6455 7.1.1",
		Title: "client ended TCP first",
		Text:  "After the close frames the server should end TCP first, so that it and not the client holds the TIME_WAIT state.",
	}
	rulePongMissing = &timeline.Rule{
		ID: "ws/pong-missing", Severity: timeline.Warning, Since: "0.1", Ref: "RFC 6455 5.5.2",
		Title: "ping was not answered",
		Text:  "A ping must be answered by a pong as soon as is practical; within 10 seconds none came, nor a later one that would stand for it, nor a close. Its time is the end of the 10 seconds; a pong that comes later still is shown with its round trip.",
	}
	rulePongMismatch = &timeline.Rule{
		ID: "ws/pong-mismatch", Severity: timeline.Note, Since: "0.1", Ref: "RFC 6455 5.5.3",
		Title: "pong answers no ping by its payload",
		Text:  "A pong in answer to a ping carries the same payload; this one carries another.",
	}
	rulePongUnsolicited = &timeline.Rule{
		ID: "ws/pong-unsolicited", Severity: timeline.Note, Since: "0.1", Ref: "RFC 6455 5.5.3",
		Title: "pong without a ping",
		Text:  "Allowed: a one-way heartbeat.",
	}
	ruleFrameIncomplete = &timeline.Rule{
		ID: "ws/frame-incomplete", Severity: timeline.Warning, Since: "0.1",
		Title: "the stream ends inside a frame",
		Text:  "The last frame of this direction is not whole: the capture or the connection ended inside it.",
	}
	ruleSyncLost = &timeline.Rule{
		ID: "ws/sync-lost", Severity: timeline.Warning, Since: "0.1",
		Title: "frame boundaries lost",
		Text:  "Bytes are missing where a frame header stood, so it is not known where the next frame begins. The direction stays silent until a boundary is proven.",
	}
	ruleSyncRegained = &timeline.Rule{
		ID: "ws/sync-regained", Severity: timeline.Note, Since: "0.1",
		Title: "frame boundaries found again",
		Text:  "A run of frame headers proves where frames begin again. What was passed over between is lost, and what follows is marked as guessed.",
	}
	ruleUnread = &timeline.Rule{
		ID: "ws/direction-unread", Severity: timeline.Warning, Since: "0.1",
		Title: "bytes of one direction were not understood",
		Text:  "The handshake is not in the capture, and nothing proves where the frames of this direction begin. It sent bytes, so it was not silent.",
	}
	ruleLimit = &timeline.Rule{
		ID: "ws/limit", Severity: timeline.Warning, Since: "0.1", Reads: timeline.ReadsText,
		Title: "a limit was reached",
		Text:  "A message or control frame is larger than what is kept of it; its length is counted in full and what is shown is marked as truncated.",
	}
	ruleDeflateInvalid = &timeline.Rule{
		ID: "deflate/invalid", Severity: timeline.Error, Since: "0.1", Ref: "RFC 7692 7.2.2", Reads: timeline.ReadsText,
		Title: "compressed payload does not inflate",
		Text:  "The payload is not DEFLATE, or refers to bytes that were never sent. What came before the fault is shown.",
	}
	ruleRSV1Misused = &timeline.Rule{
		ID: "deflate/rsv1-misused", Severity: timeline.Error, Since: "0.1", Ref: "RFC 7692 6.1",
		Title: "RSV1 on a frame that cannot be compressed",
		Text:  "With permessage-deflate RSV1 stands on the first frame of a message only: never on a continuation or a control frame.",
	}
	ruleWindowExceeded = &timeline.Rule{
		ID: "deflate/window-exceeded", Severity: timeline.Error, Since: "0.1", Ref: "RFC 7692 7.1.2", Reads: timeline.ReadsText,
		Title: "back-reference past the agreed window",
		Text:  "The sender refers to bytes farther back than the agreed window; a receiver that keeps no more than was agreed cannot inflate the message.",
	}
	ruleContextLost = &timeline.Rule{
		ID: "deflate/context-lost", Severity: timeline.Warning, Since: "0.1", Ref: "RFC 7692 7.2.2", Reads: timeline.ReadsText,
		Title: "message cannot be inflated: its history is not known",
		Text:  "With context takeover a message refers to earlier ones, of which bytes are missing. Messages are shown again as soon as one stands on known bytes alone.",
	}
	ruleDeflateLimit = &timeline.Rule{
		ID: "deflate/limit", Severity: timeline.Warning, Since: "0.1", Reads: timeline.ReadsText,
		Title: "inflated size or ratio is above the limit",
		Text:  "A small payload inflates to a very large one: a decompression bomb, or a limit that is too low for this traffic. What was inflated is shown as truncated.",
	}
	ruleWasteful = &timeline.Rule{
		ID: "deflate/wasteful", Severity: timeline.Note, Since: "0.1", Reads: timeline.ReadsText,
		Title: "compression made messages larger",
		Text:  "All compressed messages of a direction together are larger than what they say. Switch compression off for short or already compressed messages.",
	}
	ruleOneDirection = &timeline.Rule{
		ID: "tcp/one-direction", Severity: timeline.Note, Since: "0.1",
		Title: "only one direction of the connection was captured",
		Text:  "Acknowledgements show that the other side sent data, and no packet of it is in the capture: a mirror port of one direction, asymmetric routing, or a capture filter. What that side said is unknown.",
	}
	ruleReset = &timeline.Rule{
		ID: "tcp/reset", Severity: timeline.Warning, Since: "0.1", Ref: "RFC 9293 3.5.2, RFC 8441 5",
		Title: "reset before both close frames",
		Text:  "One side aborted the connection (RST of TCP; RST_STREAM or GOAWAY over HTTP/2): a crash, a firewall, a full backlog, or a close with unread data.",
	}
)

// Rules returns the rules of this package, in the order of the catalogue.
func Rules() []*timeline.Rule {
	return []*timeline.Rule{
		ruleOneDirection, ruleReset, ruleMaskMissing, ruleMaskUnexpected, ruleMaskKeyWeak, ruleRSVSet, ruleOpcodeReserved, ruleHTTPInside,
		ruleLengthNotMinimal, ruleControlFragmented, ruleControlTooLong, ruleContinuationOrphan, ruleContinuationExpected,
		ruleUTF8Invalid, ruleCloseLength, ruleCloseCodeInvalid, ruleCloseReasonUTF8, ruleDataAfterClose, ruleCloseMissing,
		ruleCloseUnanswered, ruleCloseAbnormal, ruleTCPClosedByClient, rulePongMissing, rulePongMismatch, rulePongUnsolicited,
		ruleFrameIncomplete, ruleSyncLost, ruleSyncRegained, ruleUnread, ruleLimit, ruleDeflateInvalid, ruleRSV1Misused, ruleWindowExceeded,
		ruleContextLost, ruleDeflateLimit, ruleWasteful,
	}
}
