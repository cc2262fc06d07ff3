package dissect

import (
	"github.com/wsdump/wsdump/dissect/http2"
	"github.com/wsdump/wsdump/dissect/tls"
	"github.com/wsdump/wsdump/dissect/ws"
	"github.com/wsdump/wsdump/timeline"
)

// The rules that a handshake is judged by, whatever HTTP version carried it.
var (
	ruleRefused = &timeline.Rule{
		ID: "http/upgrade-refused", Severity: timeline.Warning, Since: "0.1", Ref: "RFC 6455 4.2.2",
		Title: "server refused the WebSocket",
		Text:  "The response has another status than 101 (200 for HTTP/2). 426 names the version that the server wants; 401 and 403 ask for credentials or refuse the origin; 404 means a wrong path; 5xx a broken backend.",
	}
	ruleUnanswered = &timeline.Rule{
		ID: "http/upgrade-unanswered", Severity: timeline.Warning, Since: "0.1", Ref: "RFC 6455 4.1",
		Title: "nobody answered the WebSocket handshake",
		Text:  "TCP ended before a response: the server or a proxy hangs, does not know the path, or the client lost patience.",
	}
	ruleNotHTTP = &timeline.Rule{
		ID: "http/answer-not-http", Severity: timeline.Warning, Since: "0.1", Ref: "RFC 9112 4",
		Title: "the answer to the handshake is not HTTP",
		Text:  "A response begins with HTTP/. A server that speaks TLS answers ws:// with an alert: use wss://. One that agreed on h2 answers HTTP/1.1 with SETTINGS: let the client offer http/1.1 only, or speak RFC 8441.",
	}
	ruleDraft = &timeline.Rule{
		ID: "http/draft-protocol", Severity: timeline.Error, Since: "0.1", Ref: "RFC 6455 4.1",
		Title: "a draft of before RFC 6455",
		Text:  "hixie-75 and hixie-76 (2010) have another handshake and another framing; no current browser has them. Their frames are not decoded.",
	}
	ruleResponseBody = &timeline.Rule{
		ID: "http/switching-body", Severity: timeline.Warning, Since: "0.1", Ref: "RFC 9112 6.1, RFC 9110 8.6",
		Title: "the 101 announces a body",
		Text:  "A 101 must have neither Transfer-Encoding nor Content-Length. Some clients and proxies then take the frames for a body, or wait for one. Where the frames are in chunks they are read through the chunks.",
	}
	ruleRequestBody = &timeline.Rule{
		ID: "http/upgrade-body", Severity: timeline.Warning, Since: "0.1", Ref: "RFC 9110 9.3.1",
		Title: "the upgrade request announces a body",
		Text:  "A GET has no body that anybody expects: servers take its bytes for frames. They are passed over here.",
	}
	ruleKeyInvalid = &timeline.Rule{
		ID: "http/key-invalid", Severity: timeline.Error, Since: "0.1", Ref: "RFC 6455 4.1",
		Title: "Sec-WebSocket-Key is missing, repeated or not 16 bytes of base64",
		Text:  "The client sends one key of 16 random bytes in base64.",
	}
	ruleVersion = &timeline.Rule{
		ID: "http/version-unsupported", Severity: timeline.Error, Since: "0.1", Ref: "RFC 6455 4.1",
		Title: "Sec-WebSocket-Version is not 13",
		Text:  "13 is the only version that is in use; others are drafts of before 2011.",
	}
	ruleUpgradeHeader = &timeline.Rule{
		ID: "http/upgrade-header", Severity: timeline.Error, Since: "0.1", Ref: "RFC 6455 4.1, 4.2.1",
		Title: "upgrade headers are missing or wrong",
		Text:  "A handshake is a GET of HTTP/1.1 or later with \"Upgrade: websocket\" and \"Connection: Upgrade\", and both headers in the 101 as well. Proxies that do not know WebSocket drop them.",
	}
	ruleHostMissing = &timeline.Rule{
		ID: "http/host-missing", Severity: timeline.Warning, Since: "0.1", Ref: "RFC 6455 4.1",
		Title: "request names no host",
		Text:  "The request must carry Host (or :authority).",
	}
	ruleAcceptWrong = &timeline.Rule{
		ID: "http/accept-wrong", Severity: timeline.Error, Since: "0.1", Ref: "RFC 6455 4.2.2",
		Title: "Sec-WebSocket-Accept does not answer the key",
		Text:  "The 101 must carry one Sec-WebSocket-Accept: the base64 of the SHA-1 of the key and a fixed GUID. A client has to fail the connection otherwise; a cache or a server that is no WebSocket server may have answered.",
	}
	ruleSubprotocol = &timeline.Rule{
		ID: "http/subprotocol-not-offered", Severity: timeline.Error, Since: "0.1", Ref: "RFC 6455 4.1",
		Title: "server chose a subprotocol that was not offered",
		Text:  "The server may choose one of the client's subprotocols or none.",
	}
	ruleExtension = &timeline.Rule{
		ID: "http/extension-not-offered", Severity: timeline.Error, Since: "0.1", Ref: "RFC 6455 4.1, 9.1; RFC 7692 7.1",
		Title: "server agreed to an extension that was not offered",
		Text:  "Extensions and their parameters in the response must answer an offer of the client.",
	}
	ruleSubprotocolNone = &timeline.Rule{
		ID: "http/subprotocol-none", Severity: timeline.Note, Since: "0.1", Ref: "RFC 6455 4.1, WHATWG WebSockets 2",
		Title: "server chose none of the offered subprotocols",
		Text:  "RFC 6455 allows it. Browsers end such a connection at once (\"Sent non-empty Sec-WebSocket-Protocol header but no response was received\").",
	}
	ruleExtensionEmpty = &timeline.Rule{
		ID: "http/extension-empty", Severity: timeline.Error, Since: "0.1", Ref: "RFC 6455 9.1",
		Title: "Sec-WebSocket-Extensions is empty",
		Text:  "The header must name at least one extension. Clients fail the connection otherwise; leave the header out.",
	}
	ruleExtensionUnknown = &timeline.Rule{
		ID: "http/extension-unknown", Severity: timeline.Note, Since: "0.1", Ref: "RFC 6455 5.2, 9",
		Title: "an agreed extension is not decoded",
		Text:  "Only permessage-deflate is. The extension may give the reserved bits a meaning, so they are not judged, and messages that have them are shown as they were on the wire.",
	}
	ruleEarlyData = &timeline.Rule{
		ID: "http/client-early-data", Severity: timeline.Note, Since: "0.1", Ref: "RFC 6455 4.1",
		Title: "client frames before the server's 101",
		Text:  "Bytes of the client were captured before the response: it did not wait, or the capture has another order than the wire.",
	}
	ruleEarlyResponse = &timeline.Rule{
		ID: "http/early-response", Severity: timeline.Note, Since: "0.1", Ref: "RFC 9112 9.2",
		Title: "the 101 stands before its request",
		Text:  "The server's response was captured before the request that it answers: it did not wait for it, or the capture has another order than the wire.",
	}
	ruleOriginCross = &timeline.Rule{
		ID: "http/origin-cross", Severity: timeline.Note, Since: "0.1", Ref: "RFC 6455 10.2",
		Title: "another site opened this WebSocket",
		Text:  "The Origin is another host than the server's and the server accepted it. Right for public services; cross-site WebSocket hijacking where cookies authenticate.",
	}
	ruleCleartext = &timeline.Rule{
		ID: "http/cleartext-credentials", Severity: timeline.Note, Since: "0.1", Ref: "RFC 6455 10.6",
		Title: "credentials in the clear",
		Text:  "Cookies or tokens went over ws:// to a public address; everybody on the way can read them. Use wss://.",
	}
	ruleLimit = &timeline.Rule{
		ID: "http/limit", Severity: timeline.Warning, Since: "0.1",
		Title: "a limit was reached",
		Text:  "A message head, or what a client sent behind its upgrade request, is larger than what is kept.",
	}
)

// Rules returns the rules of the handshake and of the layers above it, in the
// order of the catalogue.
func Rules() []*timeline.Rule {
	all := append(tls.Rules(), ruleRefused, ruleUnanswered, ruleNotHTTP, ruleDraft, ruleResponseBody, ruleRequestBody, ruleKeyInvalid, ruleVersion, ruleUpgradeHeader, ruleHostMissing, ruleAcceptWrong,
		ruleSubprotocol, ruleSubprotocolNone, ruleExtension, ruleExtensionEmpty, ruleExtensionUnknown, ruleEarlyData, ruleEarlyResponse, ruleOriginCross, ruleCleartext, ruleLimit)
	all = append(all, http2.Rules()...)
	return append(all, ws.Rules()...)
}
