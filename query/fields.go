package query

import "github.com/wsdump/wsdump/timeline"

// Type is the type of a field or an expression at compile time.
type Type uint8

const (
	Bool Type = iota
	Number
	Text
	Bytes
	Time // compares with text in RFC 3339
	List // of text: in, len, has
	JSON // any type: it is known on the row only
	null // the literal
)

// String returns the word that messages and the documentation use.
func (t Type) String() string {
	return [...]string{"bool", "number", "text", "bytes", "time", "list", "json", "null"}[t]
}

type getter func(*Row) value

// Field is a name of the language.
type Field struct {
	Name  string
	Type  Type
	Rows  string   // which rows have it, in words
	Words []string // all values that it can have; nil for any
	Text  string   // its description

	get   getter
	scope scopes
	needs timeline.Needs
	wire  bool // only captures have it: unknown in a HAR
}

// value returns the value of f on a row.
func (f *Field) value(r *Row) value {
	v := f.get(r)
	if f.wire && r.conn != nil && r.conn.Recorded && (v.state != stateAbsent || !r.conn.Client.IsValid() && f.Name == "client") {
		return unknown
	}
	return v
}

type scopes uint8

const (
	inRows scopes = 1 << iota
	inConnections
	inBoth = inRows | inConnections
)

func (f *Field) in(s Scope) bool { return f.scope&(1<<s) != 0 }

// Fields returns all fields of a scope, in the order of the documentation.
func Fields(s Scope) (in []*Field) {
	for i := range allFields {
		if allFields[i].in(s) {
			in = append(in, &allFields[i])
		}
	}
	return in
}

var (
	payload   = timeline.Needs{Payload: true}
	frameRows = timeline.Needs{Frames: true}

	dirs       = []string{"send", "receive"}
	severities = []string{"error", "warning", "note"}
)

const (
	every   = "every row"
	ofClose = "close"
	ofWhole = "connection"
	data    = "message, control, frame"
)

// allFields are the fields of the language. Nothing writes to it.
var allFields = [...]Field{
	{Name: "type", Type: Text, Rows: every, Words: []string{"open", "message", "control", "frame", "finding", "close", "connection"}, Text: "what the row is", get: getType, scope: inBoth},
	{Name: "conn", Type: Number, Rows: every, Text: "number of the connection, from 1", get: getConn, scope: inBoth},
	{Name: "t", Type: Number, Rows: every, Text: "seconds since the first packet", get: stamp(seconds), scope: inBoth},
	{Name: "time", Type: Time, Rows: every, Text: "capture time, compared with RFC 3339: `time >= \"2026-11-22T10:00:00Z\"`", get: stamp(timeOf), scope: inBoth},
	{Name: "packet", Type: Number, Rows: every, Text: "number of the packet, from 1", get: stamp(packetOf), scope: inBoth, wire: true},
	{Name: "file", Type: Text, Rows: every, Text: "name of the input, with more than one", get: stamp(fileOf), scope: inBoth},
	{Name: "file_packet", Type: Number, Rows: every, Text: "number of the packet in its file, with more than one", get: stamp(filePacketOf), scope: inBoth, wire: true},

	{Name: "url", Type: Text, Rows: every, Text: "the WebSocket URL", get: getURL, scope: inBoth},
	{Name: "scheme", Type: Text, Rows: every, Words: []string{"ws", "wss"}, Text: "of the URL", get: asked(scheme), scope: inBoth},
	{Name: "host", Type: Text, Rows: every, Text: "of the request, without port", get: getHost, scope: inBoth},
	{Name: "path", Type: Text, Rows: every, Text: "of the request, without query", get: asked(path), scope: inBoth},
	{Name: "client", Type: Text, Rows: every, Text: "address and port of the client", get: address(0, client), scope: inBoth, wire: true},
	{Name: "server", Type: Text, Rows: every, Text: "address and port of the server", get: address(1, server), scope: inBoth},
	{Name: "peer", Type: Text, Rows: every, Text: "the proxy that spoke for the client, if any", get: address(2, peer), scope: inBoth, wire: true},
	{Name: "transport", Type: Text, Rows: every, Words: []string{"tcp", "tls", "h2", "h2+tls", "h3"}, Text: "what carried it", get: ofConn(func(c *timeline.Conn) value { return some(c.Layers) }), scope: inBoth},
	{Name: "http_version", Type: Text, Rows: every, Text: "`1.1`, `2`", get: asked(version), scope: inBoth},
	{Name: "status", Type: Number, Rows: every, Text: "of the response; 101 opens a WebSocket", get: answered(status), scope: inBoth},
	{Name: "accept", Type: Text, Rows: every, Words: []string{"ok", "wrong", "missing", "unchecked"}, Text: "verdict on Sec-WebSocket-Accept", get: answered(accept), scope: inBoth, wire: true},
	{Name: "subprotocol", Type: Text, Rows: every, Text: "the one agreed on", get: answered(chosen), scope: inBoth},
	{Name: "subprotocols_offered", Type: List, Rows: every, Text: "by the client", get: asked(offered), scope: inBoth},
	{Name: "extensions", Type: List, Rows: every, Text: "agreed on; found by name: `\"permessage-deflate\" in extensions`", get: answered(extensions), scope: inBoth},
	{Name: "extensions_offered", Type: List, Rows: every, Text: "by the client", get: asked(extensionsOffered), scope: inBoth},
	{Name: "origin", Type: Text, Rows: every, Text: "header of the request", get: asked(origin), scope: inBoth},
	{Name: "user_agent", Type: Text, Rows: every, Text: "header of the request", get: asked(agent), scope: inBoth},
	{Name: "handshake_ms", Type: Number, Rows: every, Text: "from the request to the response", get: answered(handshakeTime), scope: inBoth},
	{Name: "sni", Type: Text, Rows: every, Text: "the server's name in TLS", get: ofConn(func(c *timeline.Conn) value { return some(c.ServerName) }), scope: inBoth},
	{Name: "engineio", Type: Text, Rows: every, Text: "version of Socket.IO's transport", get: asked(func(h *timeline.Handshake) value { return some(h.EngineIO) }), scope: inBoth},
	{Name: "engineio_sid", Type: Text, Rows: every, Text: "its session, when it began with polling", get: asked(func(h *timeline.Handshake) value { return some(h.EngineIOSession) }), scope: inBoth},
	{Name: "leg_of", Type: Number, Rows: every, Text: "`conn` on the other side of a proxy", get: ofConn(legOf), scope: inBoth},
	{Name: "leg_guessed", Type: Bool, Rows: every, Text: "tied by an identifier, not by the handshake's key", get: ofConn(func(c *timeline.Conn) value { return flag(c.LegGuessed) }), scope: inBoth},
	{Name: "midstream", Type: Bool, Rows: every, Text: "the handshake is not in the capture", get: ofConn(func(c *timeline.Conn) value { return flag(c.Midstream) }), scope: inBoth},
	{Name: "guessed", Type: Bool, Rows: every, Text: "recognised by frames alone; on message, control and frame the row's own mark", get: getGuessed, scope: inBoth},

	{Name: "n", Type: Number, Rows: "message, control, finding", Text: "number of the row in its connection, or of the row that a finding judges", get: getN, scope: inRows},
	{Name: "dir", Type: Text, Rows: data + ", finding", Words: dirs, Text: "`send` is client to server", get: getDir, scope: inRows},
	{Name: "kind", Type: Text, Rows: "message", Words: []string{"text", "binary"}, Text: "the opcode's", get: onMessage(func(m *timeline.Message) value { return text(m.Kind.String()) }), scope: inRows},
	{Name: "text", Type: Text, Rows: data, Text: "payload that is text in valid UTF-8", get: getText, scope: inRows, needs: payload},
	{Name: "bytes", Type: Bytes, Rows: data, Text: "payload, whatever it is", get: getBytes, scope: inRows, needs: payload},
	{Name: "json", Type: JSON, Rows: "message", Text: "payload read as JSON: `json.a.b`, `json.list[0]`", get: getJSON, scope: inRows, needs: payload},
	{Name: "decoded", Type: JSON, Rows: "message", Text: "what a payload decoder made of it", get: getDecoded, scope: inRows, needs: payload},
	{Name: "length", Type: Number, Rows: data, Text: "bytes of payload, inflated; of a frame those on the wire", get: getLength, scope: inRows, needs: payload},
	{Name: "wire_length", Type: Number, Rows: "message", Text: "bytes of payload on the wire", get: onMessage(wireLength), scope: inRows, wire: true},
	{Name: "compressed", Type: Bool, Rows: "message", Text: "permessage-deflate", get: onMessage(func(m *timeline.Message) value { return flag(m.Compressed) }), scope: inRows, wire: true},
	{Name: "frames", Type: Number, Rows: "message", Text: "how many frames made it", get: onMessage(frames), scope: inRows, wire: true},
	{Name: "end_time", Type: Time, Rows: "message, frame", Text: "capture time of the last byte", get: ending(timeOf), scope: inRows},
	{Name: "end_packet", Type: Number, Rows: "message, frame", Text: "packet of the last byte", get: ending(packetOf), scope: inRows, wire: true},
	{Name: "reply_to", Type: Number, Rows: "message", Text: "with `--reply-key`: `n` of the request that it answers", get: onMessage(replyTo), scope: inRows, needs: payload},
	{Name: "reply_ms", Type: Number, Rows: "message", Text: "with `--reply-key`: how long after its request", get: onMessage(replyTime), scope: inRows, needs: payload},
	{Name: "truncated", Type: Bool, Rows: data, Text: "a limit cut the payload", get: onData(func(m *timeline.Message) bool { return m.Truncated }, func(f *timeline.Frame) bool { return f.Truncated }), scope: inRows, needs: payload},
	{Name: "incomplete", Type: Bool, Rows: data, Text: "bytes are missing", get: onData(func(m *timeline.Message) bool { return m.Incomplete }, func(f *timeline.Frame) bool { return f.Incomplete }), scope: inRows},

	{Name: "op", Type: Text, Rows: "control, frame", Words: []string{"continuation", "text", "binary", "close", "ping", "pong", "reserved"}, Text: "the opcode in a word", get: getOp, scope: inRows},
	{Name: "rtt_ms", Type: Number, Rows: "control", Text: "on a pong: since the ping that it answers", get: getRTT, scope: inRows, wire: true},

	{Name: "opcode", Type: Number, Rows: "frame", Text: "0 to 15", get: onFrame(func(f *timeline.Frame) value { return count(uint64(f.Opcode)) }), scope: inRows, needs: frameRows},
	{Name: "fin", Type: Bool, Rows: "frame", Text: "last frame of its message", get: onFrame(func(f *timeline.Frame) value { return flag(f.Fin) }), scope: inRows, needs: frameRows},
	{Name: "rsv1", Type: Bool, Rows: "frame", Text: "reserved bit 1: compressed", get: onFrame(func(f *timeline.Frame) value { return flag(f.Rsv1) }), scope: inRows, needs: frameRows},
	{Name: "rsv2", Type: Bool, Rows: "frame", Text: "reserved bit 2", get: onFrame(func(f *timeline.Frame) value { return flag(f.Rsv2) }), scope: inRows, needs: frameRows},
	{Name: "rsv3", Type: Bool, Rows: "frame", Text: "reserved bit 3", get: onFrame(func(f *timeline.Frame) value { return flag(f.Rsv3) }), scope: inRows, needs: frameRows},
	{Name: "masked", Type: Bool, Rows: "frame", Text: "as every frame of a client must be", get: onFrame(func(f *timeline.Frame) value { return flag(f.Masked) }), scope: inRows, needs: frameRows},
	{Name: "mask_key", Type: Text, Rows: "frame", Text: "8 hex digits", get: getMaskKey, scope: inRows, needs: frameRows},
	{Name: "header_length", Type: Number, Rows: "frame", Text: "bytes of header, mask key included", get: onFrame(func(f *timeline.Frame) value { return count(uint64(f.HeaderLength)) }), scope: inRows, needs: frameRows},

	{Name: "rule", Type: Text, Rows: "finding", Text: "`ws/mask-missing`; see `wsdump rules`", get: ofRule(func(r *timeline.Rule) string { return r.ID }), scope: inRows},
	{Name: "severity", Type: Text, Rows: "finding", Words: severities, Text: "how grave", get: onFinding(func(f *timeline.Finding) value { return text(f.Severity.String()) }), scope: inRows},
	{Name: "title", Type: Text, Rows: "finding", Text: "the rule in a line", get: ofRule(func(r *timeline.Rule) string { return r.Title }), scope: inRows},
	{Name: "detail", Type: Text, Rows: "finding", Text: "a sentence for this case", get: onFinding(func(f *timeline.Finding) value { return some(f.Detail) }), scope: inRows},
	{Name: "ref", Type: Text, Rows: "finding", Text: "the document that says so", get: ofRule(func(r *timeline.Rule) string { return r.Ref }), scope: inRows},
	{Name: "got", Type: Text, Rows: "finding", Text: "what was there", get: onFinding(func(f *timeline.Finding) value { return some(f.Got) }), scope: inRows},
	{Name: "want", Type: Text, Rows: "finding", Text: "what should have been", get: onFinding(func(f *timeline.Finding) value { return some(f.Want) }), scope: inRows},
	{Name: "offset", Type: Number, Rows: "finding", Text: "bytes into what the rule speaks of", get: onFinding(getOffset), scope: inRows},
	{Name: "count", Type: Number, Rows: "finding", Text: "how often", get: onFinding(getCount), scope: inRows},

	{Name: "code", Type: Number, Rows: "control, close", Text: "of a close frame; on the close row that of the first", get: getCode, scope: inBoth},
	{Name: "reason", Type: Text, Rows: "control, close", Text: "beside the code", get: getReason, scope: inBoth},
	{Name: "by", Type: Text, Rows: ofClose, Words: []string{"client", "server", "unknown"}, Text: "who began the end", get: closing(getBy), scope: inBoth, wire: true},
	{Name: "clean", Type: Bool, Rows: ofClose, Text: "both close frames, then FIN", get: closing(getClean), scope: inBoth, wire: true},
	{Name: "tcp", Type: Text, Rows: ofClose, Words: []string{"fin", "half", "rst", "timeout", "open"}, Text: "how the transport ended", get: closing(getTCP), scope: inBoth, wire: true},
	{Name: "duration_ms", Type: Number, Rows: ofClose, Text: "from the first byte to the end", get: closing(getDuration), scope: inBoth},
	{Name: "idle_ms", Type: Number, Rows: ofClose, Text: "silence before the end", get: closing(getIdle), scope: inBoth},
	{Name: "first_message_ms", Type: Number, Rows: ofClose, Text: "from the handshake's end to the first message", get: closing(getFirstMessage), scope: inBoth},
	{Name: "last_dir", Type: Text, Rows: ofClose, Words: dirs, Text: "which way the last frame went", get: closing(getLastDir), scope: inBoth},
	{Name: "sent.messages", Type: Number, Rows: ofClose, Text: "by the client", get: counted(0, messages), scope: inBoth},
	{Name: "sent.frames", Type: Number, Rows: ofClose, Text: "by the client, control frames included", get: counted(0, frameCount), scope: inBoth, wire: true},
	{Name: "sent.bytes", Type: Number, Rows: ofClose, Text: "payload, inflated", get: counted(0, byteCount), scope: inBoth, needs: payload},
	{Name: "sent.wire_bytes", Type: Number, Rows: ofClose, Text: "payload on the wire", get: counted(0, wireBytes), scope: inBoth, wire: true},
	{Name: "received.messages", Type: Number, Rows: ofClose, Text: "from the server", get: counted(1, messages), scope: inBoth},
	{Name: "received.frames", Type: Number, Rows: ofClose, Text: "from the server, control frames included", get: counted(1, frameCount), scope: inBoth, wire: true},
	{Name: "received.bytes", Type: Number, Rows: ofClose, Text: "payload, inflated", get: counted(1, byteCount), scope: inBoth, needs: payload},
	{Name: "received.wire_bytes", Type: Number, Rows: ofClose, Text: "payload on the wire", get: counted(1, wireBytes), scope: inBoth, wire: true},

	{Name: "findings.error", Type: Number, Rows: ofWhole, Text: "findings that are errors", get: found(timeline.Error), scope: inConnections, needs: payload, wire: true},
	{Name: "findings.warning", Type: Number, Rows: ofWhole, Text: "findings that are warnings", get: found(timeline.Warning), scope: inConnections, needs: payload, wire: true},
	{Name: "findings.note", Type: Number, Rows: ofWhole, Text: "findings that are notes", get: found(timeline.Note), scope: inConnections, needs: payload, wire: true},
}
