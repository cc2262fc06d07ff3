package check

import "strings"

const (
	hiddenTLS   = "TLS without keys may be a WebSocket (-k)"
	midstream   = "the beginning of a connection is not in the capture"
	stillOpen   = "a connection was open when the capture ended"
	unknownHost = "a connection whose host is not known may be in scope"
	unrecorded  = "a recording has no messages of a connection"
	lostUnknown = "bytes are missing from a connection whose protocol is not known"
)

// unread returns the doubt that packets raise which were skipped for this reason; "" for
// packets that cannot hold a WebSocket.
func unread(why string) string {
	switch {
	case strings.HasPrefix(why, "link type"), strings.HasSuffix(why, " 802.11"), why == "nested too deep":
		return "there are packets that wsdump does not read (" + why + ")"
	case why == "IP fragment":
		return "IP fragments are missing"
	case why == "wrong checksum":
		return "packets with a wrong checksum were left out"
	}
	return ""
}

// observers are the rules about what the capture lacks, not about what the traffic did.
// Each raises a doubt.
var observers = map[string]string{
	"capture/cut-short":    "the capture is cut short",
	"capture/snaplen":      "packets are shorter than they were on the wire",
	"capture/damaged":      "the capture is damaged",
	"capture/dropped":      "packets were dropped while capturing",
	"tcp/gap":              "bytes are missing from a connection",
	"tcp/midstream":        midstream,
	"tcp/one-direction":    "only one direction of a connection was captured",
	"tcp/limit":            limitReached,
	"ip/limit":             limitReached,
	"http/limit":           limitReached,
	"tls/limit":            limitReached,
	"ws/limit":             limitReached,
	"tls/no-keys":          hiddenTLS,
	"tls/decrypt-failed":   "a TLS record could not be decrypted",
	"h2/headers-unknown":   "the capture starts inside an HTTP/2 connection",
	"ws/frame-incomplete":  "the capture ends inside a frame",
	"ws/direction-unread":  "bytes of one direction were not understood",
	"ws/sync-lost":         "framing was lost over missing bytes",
	"deflate/context-lost": "compressed messages could not be inflated",
	"deflate/limit":        limitReached,
}

// unanswered is the doubt about a handshake that has no response when the capture ends.
const unanswered = "the capture ends before a handshake was answered"

const limitReached = "a limit was reached"
