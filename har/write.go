package har

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/wsdump/wsdump/internal/spool"
	"github.com/wsdump/wsdump/timeline"
)

// Options select what a [Writer] writes. The zero value is useful.
type Options struct {
	Version string // version of wsdump, for log.creator
	Control bool   // also ping, pong and close frames; not every reader accepts their opcodes
	Payload int    // most bytes of a message; 0: no bound, negative: none
	Stop    func() // called once when the writer fails; may be nil
}

// Writer is a [timeline.Sink] that writes a HAR: entries in order of opening, with
// refused handshakes. Messages wait in a temporary file until their connection has
// closed, so only the number of open connections bounds memory.
type Writer struct {
	timeline.Nop
	w          io.Writer
	opt        Options
	waiting    spool.Spool // messages by 2*ID, the rest of an entry by 2*ID+1
	order      []uint64
	open       map[uint64]*entry
	findings   int
	wroteEntry bool
	buf        []byte
	err        error
}

// entry is a connection that is not yet written.
type entry struct {
	messages uint64
	findings []finding
	closed   bool
	ended    timeline.Stamp // where the first close frame was
}

// finding is one of _wsdump.findings.
type finding struct {
	Rule     string  `json:"rule"`
	Severity string  `json:"severity"`
	Time     float64 `json:"time"`
	Row      uint64  `json:"row,omitempty"`
	Dir      string  `json:"dir,omitempty"`
	Detail   string  `json:"detail,omitempty"`
	Got      string  `json:"got,omitempty"`
	Want     string  `json:"want,omitempty"`
}

// NewWriter returns a Writer.
func NewWriter(w io.Writer, opt Options) *Writer {
	h := &Writer{w: w, opt: opt, open: make(map[uint64]*entry)}
	h.buf = append(h.buf, `{"log":{"version":"1.2","creator":`...)
	h.buf = appendJSON(h.buf, map[string]string{"name": "wsdump", "version": opt.Version})
	h.buf = append(h.buf, `,"pages":[],"entries":[`...)
	return h
}

// appendJSON appends v, a value that this package made.
func appendJSON(b []byte, v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic("har: " + err.Error()) // no value here can fail
	}
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r >= 0x7f && !unicode.IsPrint(r) && r != 0x200c && r != 0x200d { // escaped: a terminal may obey it
			for _, unit := range utf16.AppendRune(nil, r) {
				b = fmt.Appendf(b, "\\u%04x", unit)
			}
		} else {
			b = append(b, text[i:i+n]...)
		}
		i += n
	}
	return b
}

// Needs asks for the payload of messages.
func (h *Writer) Needs(*timeline.Conn) timeline.Needs {
	return timeline.Needs{Payload: h.opt.Payload >= 0}
}

// Open starts an entry.
func (h *Writer) Open(c *timeline.Conn) {
	h.order = append(h.order, c.ID)
	h.open[c.ID] = &entry{}
}

// entryOf returns the entry of c. It starts one if a filter dropped the Open of c,
// but not this row.
func (h *Writer) entryOf(c *timeline.Conn) *entry {
	if _, ok := h.open[c.ID]; !ok {
		h.Open(c)
	}
	return h.open[c.ID]
}

// extra is the _wsdump object of a message.
type extra struct {
	Row        uint64 `json:"row"`
	Packet     uint64 `json:"packet,omitempty"`
	Kind       string `json:"kind,omitempty"` // if it differs from opcode
	Frames     uint64 `json:"frames,omitempty"`
	Length     uint64 `json:"length,omitempty"` // if data holds less
	WireLength uint64 `json:"wireLength,omitempty"`
	Compressed bool   `json:"compressed,omitempty"`
	Incomplete bool   `json:"incomplete,omitempty"`
	Truncated  bool   `json:"truncated,omitempty"`
	Opaque     bool   `json:"notInflated,omitempty"`
	Guessed    bool   `json:"guessed,omitempty"`
	Redacted   bool   `json:"redacted,omitempty"`
}

// Message adds a message. Complete text that is valid UTF-8 has opcode 1; all else is
// bytes with opcode 2.
func (h *Writer) Message(m *timeline.Message) {
	x := extra{
		Row: m.N, Packet: m.First.Packet, WireLength: m.WireLength, Compressed: m.Compressed,
		Incomplete: m.Incomplete, Truncated: m.Truncated, Opaque: m.Opaque, Guessed: m.Guessed, Redacted: m.Redacted,
	}
	if m.Frames > 1 {
		x.Frames = m.Frames
	}
	payload := m.Payload
	if n := h.opt.Payload; n > 0 && n < len(payload) || !m.HasPayload && m.WireLength > 0 {
		payload = payload[:min(max(n, 0), len(payload))]
		x.Truncated = true
	}
	text := m.Kind == timeline.OpText && !m.Incomplete && !m.Opaque && !x.Truncated && utf8.Valid(payload)
	if m.HasLength && uint64(len(payload)) != m.Length {
		x.Length = m.Length
	}
	if m.Kind == timeline.OpText && !text {
		x.Kind = "text"
	}
	h.add(m.Conn, m.Dir, m.First, opcodeOf(text), payload, x)
}

func opcodeOf(text bool) timeline.Opcode {
	if text {
		return timeline.OpText
	}
	return timeline.OpBinary
}

// Frame adds a control frame, if Options.Control asks for them.
func (h *Writer) Frame(f *timeline.Frame) {
	if f.N == 0 || f.Opcode.Reserved() {
		return
	}
	if e := h.entryOf(f.Conn); f.Opcode == timeline.OpClose && e.ended.IsZero() {
		e.ended = f.First
	}
	if h.opt.Control {
		h.add(f.Conn, f.Dir, f.First, f.Opcode, f.Payload, extra{
			Row: f.N, Packet: f.First.Packet, Incomplete: f.Incomplete, Truncated: f.Truncated, Guessed: f.Guessed,
		})
	}
}

// add appends one of _webSocketMessages.
func (h *Writer) add(c *timeline.Conn, dir timeline.Direction, at timeline.Stamp, op timeline.Opcode, payload []byte, x extra) {
	if h.err != nil {
		return
	}
	e := h.entryOf(c)
	var b []byte
	if e.messages++; e.messages > 1 {
		b = append(b, ',')
	}
	b = append(append(b, `{"type":"`...), dir.String()...)
	b = append(b, `","time":`...)
	b = appendSeconds(b, at.Time)
	b = append(b, `,"opcode":`...)
	b = strconv.AppendUint(b, uint64(op), 10)
	b = append(b, `,"data":`...)
	if op == timeline.OpText {
		b = appendJSON(b, string(payload))
	} else {
		b = append(base64.StdEncoding.AppendEncode(append(b, '"'), payload), '"')
	}
	b = append(b, `,"_wsdump":`...)
	h.fail(h.waiting.Append(2*c.ID, append(appendJSON(b, x), '}')))
}

// appendSeconds appends epoch seconds with nine decimals.
func appendSeconds(b []byte, ns int64) []byte {
	if ns < 0 {
		ns = 0
	}
	b = strconv.AppendInt(b, ns/1e9, 10)
	return fmt.Appendf(b, ".%09d", ns%1e9)
}

// mostFindings bounds the findings of all connections that wait.
const mostFindings = 100_000

// Finding adds a finding to its connection.
func (h *Writer) Finding(f *timeline.Finding) {
	if f.Conn == nil || f.Rule == nil || h.findings == mostFindings {
		return
	}
	h.findings++
	facts := finding{
		Rule: f.Rule.ID, Severity: f.Severity.String(), Time: float64(f.At.Time) / 1e9, Row: f.N,
		Detail: f.Detail, Got: valid(f.Got), Want: valid(f.Want),
	}
	if f.HasDir {
		facts.Dir = f.Dir.String()
	}
	e := h.entryOf(f.Conn)
	e.findings = append(e.findings, facts)
}

// Close completes an entry and writes those whose turn has come.
func (h *Writer) Close(c *timeline.Conn, _ timeline.Stamp) {
	e := h.entryOf(c)
	e.closed = true
	h.fail(h.waiting.Append(2*c.ID+1, h.describe(c, e)))
	for len(h.order) > 0 && h.open[h.order[0]].closed {
		h.write(h.order[0])
		h.order = h.order[1:]
	}
}

// Done writes the end of the archive. All connections must be closed.
func (h *Writer) Done(*timeline.Totals) {
	h.buf = append(h.buf, "]}}\n"...)
	_ = h.Flush() // Err returns the error
	h.fail(h.waiting.Close())
}

// write writes the entry of a connection.
func (h *Writer) write(id uint64) {
	if h.wroteEntry {
		h.buf = append(h.buf, ',')
	}
	h.wroteEntry = true
	h.buf = append(h.buf, '\n')
	h.takeHeld(2*id + 1)
	h.buf = append(h.buf, `,"_webSocketMessages":[`...)
	h.takeHeld(2 * id)
	h.buf = append(h.buf, "]}"...)
	h.findings -= len(h.open[id].findings)
	delete(h.open, id)
	h.writeIfFull()
}

func (h *Writer) takeHeld(key uint64) {
	h.fail(h.waiting.Take(key, func(b []byte) error {
		h.buf = append(h.buf, b...)
		h.writeIfFull()
		return h.err
	}))
}

func (h *Writer) writeIfFull() {
	if len(h.buf) >= 64<<10 {
		_ = h.Flush()
	}
}

// Flush hands all complete entries to the writer.
func (h *Writer) Flush() error {
	if h.err == nil && len(h.buf) > 0 {
		_, err := h.w.Write(h.buf)
		h.fail(err)
	}
	h.buf = h.buf[:0]
	return h.err
}

// Err returns the first write error.
func (h *Writer) Err() error { return h.err }

func (h *Writer) fail(err error) {
	if err != nil && h.err == nil {
		h.err = err
		if h.opt.Stop != nil {
			h.opt.Stop()
		}
	}
}

// describe returns the entry of c without its messages and its closing brace.
func (h *Writer) describe(c *timeline.Conn, e *entry) []byte {
	hs := c.Handshake
	if hs == nil {
		hs = &timeline.Handshake{Method: "GET", Scheme: "ws", Path: "/", HTTPVersion: "1.1"}
		if c.Layers == "tls" {
			hs.Scheme = "wss"
		}
	}
	total, wait := millis(c.Ended.Time-c.Opened.Time), 0.0
	if !hs.Request.IsZero() && !hs.Response.IsZero() {
		wait = millis(hs.Response.Time - hs.Request.Time)
	}
	entry := map[string]any{
		"startedDateTime": time.Unix(0, c.Opened.Time).UTC().Format("2006-01-02T15:04:05.000000Z"),
		"time":            total,
		"request":         requestOf(hs, hs.URL(c.Server.String())),
		"response":        responseOf(hs),
		"cache":           struct{}{},
		"timings":         timings{Blocked: -1, DNS: -1, Connect: -1, Wait: wait, Receive: max(0, total-wait), SSL: -1},
		"connection":      strconv.Itoa(int(c.Server.Port())),
		"_connectionId":   strconv.FormatUint(c.ID, 10),
		"_resourceType":   "websocket",
		"_webSocketClose": closeOf(c, e),
		"_wsdump":         h.facts(c, e),
	}
	if c.Server.IsValid() {
		entry["serverIPAddress"] = c.Server.Addr().String()
	}
	b := appendJSON(nil, entry)
	return b[:len(b)-1]
}

func millis(ns int64) float64 { return max(0, float64(ns)/1e6) }

// closeOf returns the first close frame, or "aborted" if there was none.
func closeOf(c *timeline.Conn, e *entry) any {
	if c.Refused() || !c.ClosedBy[0] && !c.ClosedBy[1] && c.CloseCode == 0 {
		return aborted
	}
	code := int(c.CloseCode)
	if code == 0 {
		code = 1005 // RFC 6455 section 7.1.5: the frame had no code
	}
	at := e.ended
	if at.IsZero() {
		at = c.EndBegan
	}
	return closeInfo{Code: code, Reason: valid(c.CloseText), Timestamp: float64(at.Time) / 1e9}
}

// facts returns what only a capture knows.
func (h *Writer) facts(c *timeline.Conn, e *entry) map[string]any {
	f := map[string]any{
		"conn": c.ID, "transport": c.Layers, "by": c.By.String(),
	}
	if !c.Recorded {
		f["packet"], f["client"], f["server"] = c.Opened.Packet, c.Client.String(), c.Server.String()
		f["clean"], f["tcp"] = c.Clean(), c.TCP.String()
	}
	if c.Midstream {
		f["midstream"] = true
	}
	if c.Guessed {
		f["guessed"] = true
	}
	if c.LegOf != 0 {
		f["legOf"] = c.LegOf
	}
	if len(e.findings) > 0 {
		f["findings"] = e.findings
	}
	return f
}

func requestOf(h *timeline.Handshake, target string) request {
	r := request{
		Method: h.Method, URL: latin1(target), HTTPVersion: version(h.HTTPVersion), Headers: headers(h.RequestHeaders),
		Cookies: []nameValue{}, QueryString: []nameValue{}, HeadersSize: -1,
	}
	for _, f := range h.RequestHeaders {
		if http.CanonicalHeaderKey(f.Name) == "Cookie" {
			if cookies, err := http.ParseCookie(f.Value); err == nil {
				for _, c := range cookies {
					r.Cookies = append(r.Cookies, nameValue{latin1(c.Name), latin1(c.Value)})
				}
			}
		}
	}
	if query, err := url.ParseQuery(h.Query); err == nil {
		for name, values := range query {
			for _, v := range values {
				r.QueryString = append(r.QueryString, nameValue{valid(name), valid(v)})
			}
		}
		slices.SortStableFunc(r.QueryString, func(a, b nameValue) int { return cmp.Compare(a.Name, b.Name) })
	}
	return r
}

func responseOf(h *timeline.Handshake) response {
	r := response{
		Status: h.Status, StatusText: latin1(h.Reason), HTTPVersion: version(h.HTTPVersion), Headers: headers(h.ResponseHeaders),
		Cookies: []nameValue{}, Content: content{MimeType: mimeUnknown}, HeadersSize: -1,
	}
	for _, f := range h.ResponseHeaders {
		switch http.CanonicalHeaderKey(f.Name) {
		case "Set-Cookie":
			if c, err := http.ParseSetCookie(f.Value); err == nil {
				r.Cookies = append(r.Cookies, nameValue{latin1(c.Name), latin1(c.Value)})
			}
		case "Location":
			r.RedirectURL = latin1(f.Value)
		}
	}
	return r
}

func version(v string) string {
	switch v {
	case "":
		return "unknown"
	case "2", "3":
		return "h" + v
	}
	return "HTTP/" + v
}

func headers(list []timeline.Header) []nameValue {
	out := make([]nameValue, 0, len(list))
	for _, h := range list {
		out = append(out, nameValue{latin1(h.Name), latin1(h.Value)})
	}
	return out
}

// latin1 returns s as UTF-8. If s is not valid UTF-8 it is read as Latin-1, as HTTP
// does.
func latin1(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	r := make([]rune, len(s))
	for i := range len(s) {
		r[i] = rune(s[i])
	}
	return string(r)
}

// valid returns s with U+FFFD for what is not valid UTF-8.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}
