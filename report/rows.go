package report

import (
	"github.com/wsdump/wsdump/internal/decimal"
	"github.com/wsdump/wsdump/internal/ndjson"
	"github.com/wsdump/wsdump/timeline"
)

// This file makes the lines of NDJSON but messages: one function for each type of
// line. docs/SCHEMA.md is the contract for names of keys.

func (n *NDJSON) control(f *timeline.Frame) {
	n.begin("control", f.First, f.Conn)
	n.buf.Number("n", f.N)
	n.dir(f.Dir)
	n.buf.Word("op", f.Opcode.String())
	n.buf.Number("length", f.Length)
	truncated := f.Truncated
	if f.Opcode == timeline.OpClose {
		if f.CloseCode != 0 {
			n.buf.Number("code", uint64(f.CloseCode))
			n.buf.Key("reason")
			n.buf = ndjson.AppendBytes(n.buf, f.CloseReason)
		}
	} else if n.opt.Payload != PayloadNone {
		cut := n.payload(f.Payload, f.PayloadUTF8)
		truncated = truncated || cut
	}
	if f.HasRTT {
		n.buf.Millis("rtt_ms", int64(f.RTT))
	}
	n.buf.Mark("truncated", truncated)
	n.buf.Mark("incomplete", f.Incomplete)
	n.buf.Mark("guessed", f.Guessed)
	n.buf.Mark("redacted", f.Redacted)
	n.finish()
}

func (n *NDJSON) frame(f *timeline.Frame) {
	n.begin("frame", f.First, f.Conn)
	n.dir(f.Dir)
	n.buf.Word("op", f.Opcode.String())
	n.buf.Number("opcode", uint64(f.Opcode))
	n.buf.Flag("fin", f.Fin)
	n.buf.Flag("rsv1", f.Rsv1)
	n.buf.Flag("rsv2", f.Rsv2)
	n.buf.Flag("rsv3", f.Rsv3)
	n.buf.Flag("masked", f.Masked)
	if f.Masked {
		n.buf.Key("mask_key")
		n.buf = append(n.buf, '"')
		for _, c := range f.MaskKey {
			n.buf = append(n.buf, hexDigits[c>>4], hexDigits[c&15])
		}
		n.buf = append(n.buf, '"')
	}
	n.buf.Number("length", f.Length)
	n.buf.Number("header_length", uint64(f.HeaderLength))
	n.ending(f.Last)
	truncated := f.Truncated
	text := n.textual.frame(f)
	if n.opt.Payload != PayloadNone {
		cut := n.payload(f.Payload, text)
		truncated = truncated || cut
	}
	n.buf.Mark("truncated", truncated)
	n.buf.Mark("incomplete", f.Incomplete)
	n.buf.Mark("guessed", f.Guessed)
	n.buf.Mark("redacted", f.Redacted)
	n.finish()
}

func (n *NDJSON) finding(f *timeline.Finding) {
	n.begin("finding", f.At, f.Conn)
	if f.Rule != nil {
		n.buf.Word("rule", f.Rule.ID)
	}
	n.buf.Word("severity", f.Severity.String())
	if f.N != 0 {
		n.buf.Number("n", f.N)
	}
	if f.HasDir {
		n.dir(f.Dir)
	}
	if f.Rule != nil {
		n.buf.Text("title", f.Rule.Title)
	}
	n.buf.TextIfAny("detail", f.Detail)
	if f.Rule != nil {
		n.buf.TextIfAny("ref", f.Rule.Ref)
	}
	n.buf.TextIfAny("got", f.Got)
	n.buf.TextIfAny("want", f.Want)
	if f.HasOffset {
		n.buf.Number("offset", f.Offset)
	}
	if f.Count != 0 {
		n.buf.Number("count", f.Count)
	}
	n.finish()
}

// handshake appends the keys of an open line.
func (n *NDJSON) handshake(c *timeline.Conn) {
	h := c.Handshake
	if h != nil {
		n.buf.Header("url", c.URL())
		n.buf.Word("scheme", h.Scheme)
		if h.Host != "" {
			n.buf.Header("host", h.Host)
		}
		n.buf.Header("path", h.Path)
	}
	n.buf.Address("client", c.Client)
	n.buf.Address("server", c.Server)
	n.buf.Address("peer", c.Peer)
	n.buf.Word("transport", c.Layers)
	if h != nil {
		n.answer(h)
	}
	if t := c.Transport; t != nil {
		n.buf.TextIfAny("community_id", communityID(t.Client, t.Server))
	}
	if c.ServerName != "" {
		n.buf.Header("sni", c.ServerName)
	}
	if c.LegOf != 0 {
		n.buf.Number("leg_of", c.LegOf)
		n.buf.Mark("leg_guessed", c.LegGuessed)
	}
	n.buf.Mark("midstream", c.Midstream)
	n.buf.Mark("guessed", c.Guessed)
}

// answer appends what request and response agreed on. A key is absent where the
// capture does not hold the fact; an empty list was there and was empty.
func (n *NDJSON) answer(h *timeline.Handshake) {
	asked, answered := !h.Request.IsZero(), h.Status != 0
	if h.HTTPVersion != "" {
		n.buf.Header("http_version", h.HTTPVersion)
	}
	if answered {
		n.buf.Number("status", uint64(h.Status))
	}
	n.buf.Word("accept", h.Verdict.String())
	if h.Subprotocol != "" {
		n.buf.Header("subprotocol", h.Subprotocol)
	}
	if asked {
		n.buf.Headers("subprotocols_offered", h.SubprotocolsOffered)
	}
	if answered {
		n.extensions("extensions", h.Extensions)
	}
	if asked {
		n.extensions("extensions_offered", h.ExtensionsOffered)
	}
	if h.Origin != "" {
		n.buf.Header("origin", h.Origin)
	}
	if h.UserAgent != "" {
		n.buf.Header("user_agent", h.UserAgent)
	}
	if h.EngineIO != "" {
		n.buf.Header("engineio", h.EngineIO)
		if h.EngineIOSession != "" {
			n.buf.Header("engineio_sid", h.EngineIOSession)
		}
	}
	if asked {
		n.fields("request_headers", h.RequestHeaders)
	}
	if answered {
		n.fields("response_headers", h.ResponseHeaders)
	}
	if asked && answered && !h.Response.IsZero() {
		n.buf.Millis("handshake_ms", h.Response.Time-h.Request.Time)
	}
}

// closing appends the keys of a close line.
func (n *NDJSON) closing(c *timeline.Conn) {
	if !c.Recorded || c.By != timeline.PartyUnknown {
		n.buf.Word("by", c.By.String())
	}
	if c.CloseCode != 0 {
		n.buf.Number("code", uint64(c.CloseCode))
		n.buf.Text("reason", c.CloseText)
	}
	if !c.Recorded {
		n.buf.Flag("clean", c.Clean())
		n.buf.Word("tcp", c.TCP.String())
	}
	n.buf.Millis("duration_ms", int64(c.Duration()))
	if d, ok := c.Wait(); ok {
		n.buf.Millis("first_message_ms", int64(d))
	}
	if d, ok := c.Idle(); ok {
		n.buf.Millis("idle_ms", int64(d))
		n.buf.Key("last_dir")
		n.buf = ndjson.AppendString(n.buf, c.LastDir.String())
	}
	n.counters("sent", &c.Counters[timeline.ClientToServer], c.Recorded)
	n.counters("received", &c.Counters[timeline.ServerToClient], c.Recorded)
}

func (n *NDJSON) counters(name string, c *timeline.Counters, recorded bool) {
	n.buf.Key(name)
	n.buf = append(n.buf, `{"messages":`...)
	n.buf = decimal.AppendUint(n.buf, c.Messages)
	if !recorded {
		n.buf.Number("frames", c.Frames)
	}
	n.buf.Number("bytes", c.Bytes)
	if !recorded {
		n.buf.Number("wire_bytes", c.WireBytes)
	}
	n.buf = append(n.buf, '}')
}

func (n *NDJSON) severities(name string, by [3]uint64) {
	n.buf.Key(name)
	n.buf = append(n.buf, `{"error":`...)
	n.buf = decimal.AppendUint(n.buf, by[timeline.Error])
	n.buf.Number("warning", by[timeline.Warning])
	n.buf.Number("note", by[timeline.Note])
	n.buf = append(n.buf, '}')
}

// payload appends text or base64, and reports whether the options cut it.
func (n *NDJSON) payload(b []byte, text bool) (cut bool) {
	n.buf, cut = n.lines.payload(n.buf, b, text)
	return cut
}

func (n *NDJSON) extensions(name string, extensions []timeline.Extension) {
	n.buf.Key(name)
	n.buf = append(n.buf, '[')
	for i, e := range extensions {
		if i > 0 {
			n.buf = append(n.buf, ',')
		}
		n.buf = ndjson.AppendLatin1(n.buf, e.String())
	}
	n.buf = append(n.buf, ']')
}

func (n *NDJSON) fields(name string, headers []timeline.Header) {
	n.buf.Key(name)
	n.buf = append(n.buf, '[')
	for i, h := range headers {
		if i > 0 {
			n.buf = append(n.buf, ',')
		}
		n.buf = append(n.buf, '[')
		n.buf = ndjson.AppendLatin1(n.buf, h.Name)
		n.buf = append(n.buf, ',')
		n.buf = ndjson.AppendLatin1(n.buf, h.Value)
		n.buf = append(n.buf, ']')
	}
	n.buf = append(n.buf, ']')
}

func (n *NDJSON) dir(d timeline.Direction) { n.buf.Word("dir", d.String()) }

// ending appends time and packet of the last byte of a row.
func (n *NDJSON) ending(at timeline.Stamp) {
	n.buf.Key("end_time")
	n.buf = append(n.buf, '"')
	n.buf = n.lines.clock.AppendRFC3339(n.buf, at.Time)
	n.buf = append(n.buf, '"')
	if at.Packet != 0 {
		n.buf.Number("end_packet", at.Packet)
	}
}

// other appends the line of a transport without a WebSocket.
func (n *NDJSON) other(o *timeline.Other) {
	t := o.Transport
	kind := o.Kind
	if kind == "http2" {
		kind = "http"
	}
	n.begin(kind, t.First, nil)
	n.buf.Header("client", t.Client.String())
	n.buf.Header("server", t.Server.String())
	switch o.Kind {
	case "http":
		n.buf.Word("http_version", "1.1")
	case "http2":
		n.buf.Word("http_version", "2")
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
			n.buf.Header(pair[0], pair[1])
		}
	}
	if o.Requests > 0 {
		n.buf.Number("requests", o.Requests)
	}
	if len(o.Names) > 0 {
		n.buf.Headers("certificate_names", o.Names)
	}
	n.buf.Mark("websocket_guess", o.Guess)
	n.buf.Word("tcp", o.TCP.String())
	n.buf.Millis("duration_ms", o.Ended.Time-t.First.Time)
	n.buf.Number("sent_bytes", t.Bytes[timeline.ClientToServer])
	n.buf.Number("received_bytes", t.Bytes[timeline.ServerToClient])
}
