package har

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/wsdump/wsdump/timeline"
)

// ruleError is about an error that the browser recorded.
var ruleError = &timeline.Rule{
	ID: "har/error", Severity: timeline.Warning, Since: "0.2",
	Title: "the browser tells of an error",
	Text:  "A HAR has a message of the type error: the connection failed, or was closed for a violation.",
}

// Rules returns the rules of this package.
func Rules() []*timeline.Rule { return []*timeline.Rule{ruleError} }

// Play replays archives to sink, merged by time. It calls understand for each
// handshake, to fill in the fields that follow from its headers
// ([timeline.Handshake]). The sink assigns the numbers of connections. Play does not
// call Done: it returns the totals for it. If ctx ends, it closes open connections
// and returns the error of ctx.
func Play(ctx context.Context, archives []*Archive, sink timeline.Sink, understand func(h *timeline.Handshake, secure bool)) (timeline.Totals, error) {
	p := player{sink: sink}
	for i, a := range archives {
		p.totals.Files = append(p.totals.Files, a.Name)
		for k := range a.conns {
			p.add(&a.conns[k], uint32(i), understand)
		}
		if a.Requests > 0 {
			p.totals.Others = append(p.totals.Others, timeline.Count{What: "other requests", N: a.Requests})
		}
		if a.Dropped > 0 {
			p.totals.Skipped = append(p.totals.Skipped, timeline.Count{What: "messages that make no sense", N: a.Dropped})
		}
	}
	slices.SortStableFunc(p.events, func(a, b event) int { return cmp.Compare(a.time, b.time) })
	p.totals.Recorded = true
	for i, e := range p.events {
		if i == 0 {
			p.totals.First = e.time
			sink.Begin(timeline.Stamp{Time: e.time})
		}
		p.totals.Last = max(p.totals.Last, e.time)
		if i%1024 == 0 && ctx.Err() != nil {
			p.closeAll()
			return p.totals, ctx.Err()
		}
		p.emit(e)
	}
	p.closeAll()
	return p.totals, nil
}

// player turns entries into calls of a sink.
type player struct {
	sink   timeline.Sink
	conns  []*playedConn
	events []event
	totals timeline.Totals
}

// playedConn is a connection that is replayed.
type playedConn struct {
	*recordedConn
	conn   *timeline.Conn
	file   uint32
	closed bool
}

// event is something that happens at a time: index is eventOpen, eventClose, or the
// index of a message.
type event struct {
	time  int64
	conn  uint32
	index int32
}

const (
	eventOpen  = -1
	eventClose = -2
)

func (p *player) add(t *recordedConn, file uint32, understand func(*timeline.Handshake, bool)) {
	h := &t.handshake
	understand(h, t.secure)
	c := &timeline.Conn{
		Transport: &timeline.Transport{}, Handshake: h, Layers: "tcp", Recorded: true, Unrecorded: t.unrecorded,
		Opened: timeline.Stamp{Time: t.started, File: file},
	}
	switch {
	case h.HTTPVersion == "2" && t.secure:
		c.Layers = "h2+tls"
	case h.HTTPVersion == "2":
		c.Layers = "h2"
	case t.secure:
		c.Layers = "tls"
	}
	c.Server = serverOf(t, h)
	l := &playedConn{recordedConn: t, conn: c, file: file}
	n := uint32(len(p.conns))
	p.conns = append(p.conns, l)
	first, last, before := t.started, t.started, t.started
	open := len(p.events)
	p.events = append(p.events, event{0, n, eventOpen})
	for i := range t.messages {
		at := t.messages[i].time
		if at < t.started-int64(maxEarly) { // not known, or of no use
			at = before
		}
		before = at
		first, last = min(first, at), max(last, at)
		p.events = append(p.events, event{at, n, int32(i)})
	}
	p.events[open].time = first
	if t.close != nil && t.close.Timestamp > 0 {
		last = max(last, int64(t.close.Timestamp*1e6)*1e3)
	} else {
		last = max(last, t.started+t.duration)
	}
	p.events = append(p.events, event{last, n, eventClose})
}

// maxEarly is how much earlier than its connection a message may be. Browsers take both
// times from different clocks.
const maxEarly = 24 * time.Hour

// serverOf returns the address of the server, or the zero value if it is not known.
func serverOf(t *recordedConn, h *timeline.Handshake) netip.AddrPort {
	addr, err := netip.ParseAddr(trimBrackets(t.server))
	if err != nil {
		return netip.AddrPort{}
	}
	port := uint64(80)
	if t.secure {
		port = 443
	}
	if h.Port != "" {
		if n, err := strconv.ParseUint(h.Port, 10, 16); err == nil {
			port = n
		}
	}
	return netip.AddrPortFrom(addr, uint16(port))
}

func trimBrackets(s string) string {
	if len(s) > 2 && s[0] == '[' && s[len(s)-1] == ']' {
		return s[1 : len(s)-1]
	}
	return s
}

func (p *player) emit(e event) {
	l := p.conns[e.conn]
	at := timeline.Stamp{Time: e.time, File: l.file}
	switch e.index {
	case eventOpen:
		p.sink.Open(l.conn)
	case eventClose:
		p.closeConn(l, at)
	default:
		p.emitMessage(l, &l.messages[e.index], at)
	}
}

// emitMessage emits one message.
func (p *player) emitMessage(l *playedConn, m *recordedMessage, at timeline.Stamp) {
	c := l.conn
	n := &c.Counters[m.dir]
	op := timeline.Opcode(m.op)
	switch {
	case m.op == -1:
		c.Tell(p.sink, &timeline.Finding{Rule: ruleError, At: at, Got: string(m.payload)})
		return
	case op.Control() && !op.Reserved():
		p.emitControl(l, m, op, at)
	default:
		kind := op
		if m.extra.Kind == "text" {
			kind = timeline.OpText
		}
		if kind != timeline.OpText {
			kind = timeline.OpBinary
		}
		c.Rows++
		if c.FirstMsg.IsZero() {
			c.FirstMsg = at
		}
		n.Messages++
		n.MessageBytes += uint64(len(m.payload))
		message := timeline.Message{
			Conn: c, Dir: m.dir, First: at, Last: at, N: c.Rows, Kind: kind, Payload: m.payload, HasPayload: true,
			Length: uint64(len(m.payload)), HasLength: true, Text: kind == timeline.OpText && utf8.Valid(m.payload),
			Incomplete: m.extra.Incomplete, Truncated: m.extra.Truncated, Opaque: m.extra.Opaque, Guessed: m.extra.Guessed,
		}
		if m.extra.Length > 0 {
			message.Length = m.extra.Length
		}
		p.sink.Message(&message)
	}
	n.Bytes += uint64(len(m.payload))
	c.LastFrame, c.LastDir = at, m.dir
}

// emitControl emits a control frame with what a HAR knows of it.
func (p *player) emitControl(l *playedConn, m *recordedMessage, op timeline.Opcode, at timeline.Stamp) {
	c := l.conn
	c.Rows++
	f := timeline.Frame{
		Conn: c, Dir: m.dir, First: at, Last: at, N: c.Rows, Opcode: op, Fin: true, Length: uint64(len(m.payload)), Payload: m.payload,
		PayloadUTF8: utf8.Valid(m.payload), Incomplete: m.extra.Incomplete, Truncated: m.extra.Truncated,
	}
	if op == timeline.OpClose {
		if len(m.payload) >= 2 {
			f.CloseCode, f.CloseReason = uint16(m.payload[0])<<8|uint16(m.payload[1]), m.payload[2:]
		}
		if c.By == timeline.PartyUnknown {
			c.By, c.CloseCode, c.CloseText, c.EndBegan = m.dir.Sender(), f.CloseCode, string(f.CloseReason), at
		}
		c.ClosedBy[m.dir] = true
	}
	p.sink.Frame(&f)
}

// closeConn closes a connection, once.
func (p *player) closeConn(l *playedConn, at timeline.Stamp) {
	if l.closed {
		return
	}
	l.closed = true
	c := l.conn
	if l.close != nil && c.CloseCode == 0 && l.close.Code != 1005 {
		c.CloseCode, c.CloseText = uint16(max(0, min(l.close.Code, 65535))), l.close.Reason
	}
	c.Aborted = l.aborted
	c.TCP, c.Ended = timeline.TCPUnknown, at
	if c.EndBegan.IsZero() {
		c.EndBegan = at
	}
	c.Settle(p.sink, at)
	p.sink.Close(c, at)
}

// closeAll closes all open connections.
func (p *player) closeAll() {
	for _, l := range p.conns {
		if !l.closed && l.conn.ID != 0 {
			p.closeConn(l, timeline.Stamp{Time: p.totals.Last, File: l.file})
		}
	}
}
