package http2

import "github.com/wsdump/wsdump/timeline"

// The rules that this package judges by. Each is a section of docs/RULES.md.
var (
	ruleConnectNotEnabled = &timeline.Rule{
		ID: "h2/connect-not-enabled", Severity: timeline.Error, Since: "0.2", Ref: "RFC 8441 3, 4",
		Title: "extended CONNECT to a server that does not allow it",
		Text:  "A client may send :protocol only after the server said SETTINGS_ENABLE_CONNECT_PROTOCOL = 1. This server's SETTINGS do not say so; it has to treat the request as malformed. Enable WebSocket over HTTP/2 on the server or proxy, or let the client use HTTP/1.1.",
	}
	ruleReset = &timeline.Rule{
		ID: "h2/connect-reset", Severity: timeline.Warning, Since: "0.2", Ref: "RFC 9113 7",
		Title: "server reset the stream instead of an answer",
		Text:  "RST_STREAM or GOAWAY came before a response to the extended CONNECT. Its error code says why: PROTOCOL_ERROR where :protocol is not known, HTTP_1_1_REQUIRED where the client is to use HTTP/1.1.",
	}
	ruleHeadersUnknown = &timeline.Rule{
		ID: "h2/headers-unknown", Severity: timeline.Note, Since: "0.2", Ref: "RFC 7541 2.3.2",
		Title: "header fields cannot be known",
		Text:  "HTTP/2 sends repeated header fields as an index into a table that both sides built before. The capture begins later, or bytes are missing, so these fields are left out. Capture from the start of the connection to see them.",
	}
)

// Rules returns the rules of this package, in the order of the catalogue.
func Rules() []*timeline.Rule {
	return []*timeline.Rule{ruleConnectNotEnabled, ruleReset, ruleHeadersUnknown}
}
