package report

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/wsdump/wsdump/timeline"
)

// This file holds the NDJSON lines, one function a line type, and the appenders
// for their values. Key names are the contract's.

func (n *NDJSON) control(f *timeline.Frame) {
	n.begin("control", f.First, f.Conn)
	n.number("n", f.N)
	n.dir(f.Dir)
	n.word("op", f.Opcode.String())
	n.number("length", f.Length)
	truncated := f.Truncated
	if f.Opcode == timeline.OpClose {
		if f.CloseCode != 0 {
			n.number("code", uint64(f.CloseCode))
			n.key("reason")
			n.buf = appendJSON(n.buf, f.CloseReason)
		}
	} else if n.opt.Payload != PayloadNone {
		cut := n.payload(f.Payload, f.PayloadUTF8)
		truncated = truncated || cut
	}
	if f.HasRTT {
		n.millis("rtt_ms", int64(f.RTT))
	}
	n.mark("truncated", truncated)
	n.mark("incomplete", f.Incomplete)
	n.mark("guessed", f.Guessed)
	n.mark("redacted", f.Redacted)
	n.finish()
}

func (n *NDJSON) frame(f *timeline.Frame) {
	n.begin("frame", f.First, f.Conn)
	n.dir(f.Dir)
	n.word("op", f.Opcode.String())
	n.number("opcode", uint64(f.Opcode))
	n.flag("fin", f.Fin)
	n.flag("rsv1", f.Rsv1)
	n.flag("rsv2", f.Rsv2)
	n.flag("rsv3", f.Rsv3)
	n.flag("masked", f.Masked)
	if f.Masked {
		n.key("mask_key")
		n.buf = append(n.buf, '"')
		for _, c := range f.MaskKey {
			n.buf = append(n.buf, hexDigits[c>>4], hexDigits[c&15])
		}
		n.buf = append(n.buf, '"')
	}
	n.number("length", f.Length)
	n.number("header_length", uint64(f.HeaderLength))
	n.ending(f.Last)
	truncated := f.Truncated
	text := n.textual.frame(f)
	if n.opt.Payload != PayloadNone {
		cut := n.payload(f.Payload, text)
		truncated = truncated || cut
	}
	n.mark("truncated", truncated)
	n.mark("incomplete", f.Incomplete)
	n.mark("guessed", f.Guessed)
	n.mark("redacted", f.Redacted)
	n.finish()
}

func (n *NDJSON) finding(f *timeline.Finding) {
	n.begin("finding", f.At, f.Conn)
	if f.Rule != nil {
		n.word("rule", f.Rule.ID)
	}
	n.word("severity", f.Severity.String())
	if f.N != 0 {
		n.number("n", f.N)
	}
	if f.HasDir {
		n.dir(f.Dir)
	}
	if f.Rule != nil {
		n.text("title", f.Rule.Title)
	}
	n.some("detail", f.Detail)
	if f.Rule != nil {
		n.some("ref", f.Rule.Ref)
	}
	n.some("got", f.Got)
	n.some("want", f.Want)
	if f.HasOffset {
		n.number("offset", f.Offset)
	}
	if f.Count != 0 {
		n.number("count", f.Count)
	}
	n.finish()
}

// handshake appends the keys of an open line.
func (n *NDJSON) handshake(c *timeline.Conn) {
	h := c.Handshake
	if h != nil {
		n.header("url", c.URL())
		n.word("scheme", h.Scheme)
		if h.Host != "" {
			n.header("host", h.Host)
		}
		n.header("path", h.Path)
	}
	n.address("client", c.Client)
	n.address("server", c.Server)
	n.address("peer", c.Peer)
	n.word("transport", c.Layers)
	if h != nil {
		n.answer(h)
	}
	if t := c.Transport; t != nil {
		n.some("community_id", communityID(t.Client, t.Server))
	}
	if c.ServerName != "" {
		n.header("sni", c.ServerName)
	}
	if c.LegOf != 0 {
		n.number("leg_of", c.LegOf)
		n.mark("leg_guessed", c.LegGuessed)
	}
	n.mark("midstream", c.Midstream)
	n.mark("guessed", c.Guessed)
}

// answer appends what request and response agreed on. What the capture does
// not hold is absent; a list that is there and empty is empty.
func (n *NDJSON) answer(h *timeline.Handshake) {
	asked, answered := !h.Request.IsZero(), h.Status != 0
	if h.HTTPVersion != "" {
		n.header("http_version", h.HTTPVersion)
	}
	if answered {
		n.number("status", uint64(h.Status))
	}
	n.word("accept", h.Verdict.String())
	if h.Subprotocol != "" {
		n.header("subprotocol", h.Subprotocol)
	}
	if asked {
		n.headers("subprotocols_offered", h.SubprotocolsOffered)
	}
	if answered {
		n.extensions("extensions", h.Extensions)
	}
	if asked {
		n.extensions("extensions_offered", h.ExtensionsOffered)
	}
	if h.Origin != "" {
		n.header("origin", h.Origin)
	}
	if h.UserAgent != "" {
		n.header("user_agent", h.UserAgent)
	}
	if h.EngineIO != "" {
		n.header("engineio", h.EngineIO)
		if h.EngineIOSession != "" {
			n.header("engineio_sid", h.EngineIOSession)
		}
	}
	if asked {
		n.fields("request_headers", h.RequestHeaders)
	}
	if answered {
		n.fields("response_headers", h.ResponseHeaders)
	}
	if asked && answered && !h.Response.IsZero() {
		n.millis("handshake_ms", h.Response.Time-h.Request.Time)
	}
}

// closing appends the keys of a close line.
func (n *NDJSON) closing(c *timeline.Conn) {
	if !c.Recorded || c.By != timeline.PartyUnknown {
		n.word("by", c.By.String())
	}
	if c.CloseCode != 0 {
		n.number("code", uint64(c.CloseCode))
		n.text("reason", c.CloseText)
	}
	if !c.Recorded {
		n.flag("clean", c.Clean())
		n.word("tcp", c.TCP.String())
	}
	n.millis("duration_ms", int64(c.Duration()))
	if d, ok := c.Wait(); ok {
		n.millis("first_message_ms", int64(d))
	}
	if d, ok := c.Idle(); ok {
		n.millis("idle_ms", int64(d))
		n.key("last_dir")
		n.buf = appendString(n.buf, c.LastDir.String())
	}
	n.counters("sent", &c.Counters[timeline.ClientToServer], c.Recorded)
	n.counters("received", &c.Counters[timeline.ServerToClient], c.Recorded)
}

func (n *NDJSON) counters(name string, c *timeline.Counters, recorded bool) {
	n.key(name)
	n.buf = append(n.buf, `{"messages":`...)
	n.buf = appendUint(n.buf, c.Messages)
	if !recorded {
		n.number("frames", c.Frames)
	}
	n.number("bytes", c.Bytes)
	if !recorded {
		n.number("wire_bytes", c.WireBytes)
	}
	n.buf = append(n.buf, '}')
}

func (n *NDJSON) severities(name string, by [3]uint64) {
	n.key(name)
	n.buf = append(n.buf, `{"error":`...)
	n.buf = appendUint(n.buf, by[timeline.Error])
	n.number("warning", by[timeline.Warning])
	n.number("note", by[timeline.Note])
	n.buf = append(n.buf, '}')
}

// payload appends text or base64 and reports whether the options cut it.
func (n *NDJSON) payload(b []byte, text bool) (cut bool) {
	n.buf, cut = n.lines.payload(n.buf, b, text)
	return cut
}

func (n *NDJSON) key(name string) {
	n.buf = append(n.buf, ',', '"')
	n.buf = append(n.buf, name...)
	n.buf = append(n.buf, '"', ':')
}

// word appends a value of our own that needs no escape.
func (n *NDJSON) word(name, value string) {
	n.key(name)
	n.buf = append(n.buf, '"')
	n.buf = append(n.buf, value...)
	n.buf = append(n.buf, '"')
}

func (n *NDJSON) text(name, value string) {
	n.key(name)
	n.buf = appendString(n.buf, value)
}

// some appends a text unless it is empty.
func (n *NDJSON) some(name, value string) {
	if value != "" {
		n.text(name, value)
	}
}

func (n *NDJSON) texts(name string, values []string) {
	n.key(name)
	n.buf = append(n.buf, '[')
	for i, v := range values {
		if i > 0 {
			n.buf = append(n.buf, ',')
		}
		n.buf = appendString(n.buf, v)
	}
	n.buf = append(n.buf, ']')
}

// header appends a value that came from an HTTP header.
func (n *NDJSON) header(name, value string) {
	n.key(name)
	n.buf = appendLatin1(n.buf, value)
}

func (n *NDJSON) headers(name string, values []string) {
	n.key(name)
	n.buf = append(n.buf, '[')
	for i, v := range values {
		if i > 0 {
			n.buf = append(n.buf, ',')
		}
		n.buf = appendLatin1(n.buf, v)
	}
	n.buf = append(n.buf, ']')
}

func (n *NDJSON) extensions(name string, extensions []timeline.Extension) {
	n.key(name)
	n.buf = append(n.buf, '[')
	for i, e := range extensions {
		if i > 0 {
			n.buf = append(n.buf, ',')
		}
		n.buf = appendLatin1(n.buf, e.String())
	}
	n.buf = append(n.buf, ']')
}

func (n *NDJSON) fields(name string, headers []timeline.Header) {
	n.key(name)
	n.buf = append(n.buf, '[')
	for i, h := range headers {
		if i > 0 {
			n.buf = append(n.buf, ',')
		}
		n.buf = append(n.buf, '[')
		n.buf = appendLatin1(n.buf, h.Name)
		n.buf = append(n.buf, ',')
		n.buf = appendLatin1(n.buf, h.Value)
		n.buf = append(n.buf, ']')
	}
	n.buf = append(n.buf, ']')
}

func (n *NDJSON) number(name string, value uint64) {
	n.key(name)
	n.buf = appendUint(n.buf, value)
}

func (n *NDJSON) millis(name string, ns int64) {
	n.key(name)
	n.buf = appendMillis(n.buf, time.Duration(ns))
}

func (n *NDJSON) flag(name string, value bool) {
	n.key(name)
	n.buf = strconv.AppendBool(n.buf, value)
}

// mark appends a flag that is absent when it does not apply.
func (n *NDJSON) mark(name string, value bool) {
	if value {
		n.flag(name, true)
	}
}

func (n *NDJSON) address(name string, a netip.AddrPort) {
	if a.IsValid() {
		n.key(name)
		n.buf = append(n.buf, '"')
		n.buf = a.AppendTo(n.buf)
		n.buf = append(n.buf, '"')
	}
}

func (n *NDJSON) dir(d timeline.Direction) { n.word("dir", d.String()) }

// ending appends where the last byte of a row was.
func (n *NDJSON) ending(at timeline.Stamp) {
	n.key("end_time")
	n.buf = append(n.buf, '"')
	n.buf = n.lines.clock.appendRFC3339(n.buf, at.Time)
	n.buf = append(n.buf, '"')
	if at.Packet != 0 {
		n.number("end_packet", at.Packet)
	}
}

// other prints a transport that carried no WebSocket.
func (n *NDJSON) other(o *timeline.Other) {
	t := o.Transport
	kind := o.Kind
	if kind == "http2" {
		kind = "http"
	}
	n.begin(kind, t.First, nil)
	n.header("client", t.Client.String())
	n.header("server", t.Server.String())
	switch o.Kind {
	case "http":
		n.word("http_version", "1.1")
	case "http2":
		n.word("http_version", "2")
	}
	for _, pair := range [...][2]string{
		{"host", o.Host},
		{"path", o.Path},
		{"fallback", o.Fallback},
		{"engineio_sid", o.SessionID},
		{"sni", o.ServerName},
		{"alpn", o.ALPN},
		{"tls_version", o.Version},
		{"cipher", o.Cipher},
		{"reason", o.Reason},
	} {
		if pair[1] != "" {
			n.header(pair[0], pair[1])
		}
	}
	if o.Requests > 0 {
		n.number("requests", o.Requests)
	}
	if len(o.Names) > 0 {
		n.headers("certificate_names", o.Names)
	}
	n.mark("websocket_guess", o.Guess)
	n.word("tcp", o.TCP.String())
	n.millis("duration_ms", o.Ended.Time-t.First.Time)
	n.number("sent_bytes", t.Bytes[timeline.ClientToServer])
	n.number("received_bytes", t.Bytes[timeline.ServerToClient])
}
