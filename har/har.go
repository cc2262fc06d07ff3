// Package har writes and reads HTTP Archives (HAR 1.2) with WebSocket messages in the
// form of Chrome: one entry for each connection, with _webSocketMessages.
//
// [Writer] is a sink. Chrome, Firefox, HTTP Toolkit, Proxyman, mitmproxy and
// Playwright's viewer accept what it writes. [Open] reads the archives of all of
// them, and [Play] replays an archive to a sink. What a HAR does not hold (frames,
// masks, TCP) stays unknown.
package har

import "strings"

// The objects of HAR 1.2 that reading and writing need
// (http://www.softwareishard.com/blog/har-12-spec/). Pointers and raw values are for
// what some writers omit or write differently.

type nameValue struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type request struct {
	Method      string      `json:"method"`
	URL         string      `json:"url"`
	HTTPVersion string      `json:"httpVersion"`
	Cookies     []nameValue `json:"cookies"`
	Headers     []nameValue `json:"headers"`
	QueryString []nameValue `json:"queryString"`
	HeadersSize int         `json:"headersSize"`
	BodySize    int         `json:"bodySize"`
}

type response struct {
	Status      int         `json:"status"`
	StatusText  string      `json:"statusText"`
	HTTPVersion string      `json:"httpVersion"`
	Cookies     []nameValue `json:"cookies"`
	Headers     []nameValue `json:"headers"`
	Content     content     `json:"content"`
	RedirectURL string      `json:"redirectURL"`
	HeadersSize int         `json:"headersSize"`
	BodySize    int         `json:"bodySize"`
}

type content struct {
	Size     int    `json:"size"`
	MimeType string `json:"mimeType"`
	File     string `json:"_file,omitempty"` // Playwright: messages beside the archive
}

type timings struct {
	Blocked float64 `json:"blocked"`
	DNS     float64 `json:"dns"`
	Connect float64 `json:"connect"`
	Send    float64 `json:"send"`
	Wait    float64 `json:"wait"`
	Receive float64 `json:"receive"`
	SSL     float64 `json:"ssl"`
}

// closeInfo is HTTP Toolkit's _webSocketClose. The string "aborted" in its place
// means an end without a close frame.
type closeInfo struct {
	Code      int     `json:"code"`
	Reason    string  `json:"reason"`
	Timestamp float64 `json:"timestamp"` // epoch seconds
}

const aborted = "aborted"

// message is one of _webSocketMessages.
type message struct {
	Type   string `json:"type"` // send, receive, error
	Time   number `json:"time"` // epoch seconds; Playwright: milliseconds, -1 for unknown
	Opcode int    `json:"opcode"`
	Data   string `json:"data"` // opcode 1: text, else base64
}

// mimeUnknown is the type that Chrome writes when it knows none.
const mimeUnknown = "x-unknown"

// number is a JSON number as it was written. What another writer put in its place is
// no error.
type number string

// UnmarshalJSON implements [json.Unmarshaler].
func (n *number) UnmarshalJSON(b []byte) error {
	*n = number(strings.Trim(string(b), `"`))
	return nil
}
