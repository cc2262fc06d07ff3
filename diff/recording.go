package diff

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/wsdump/wsdump/normalize"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/timeline"
)

// Recording is a Sink that keeps what a comparison needs. Of each message these are a
// hash, its stamp and the beginning of its payload.
type Recording struct {
	timeline.Nop
	opt      Options
	rules    *normalize.Normalizer
	row      query.Row
	scratch  []byte
	conns    []*conn
	byID     map[uint64]*conn
	messages int
	text     []byte // the beginnings of payloads, one after the other
	noText   bool   // text has reached its bound
	left     uint64 // messages that were not kept
	leftConn uint64 // connections that were not kept
	totals   timeline.Totals
}

// digest is the hash of a payload, or of a key. It is so long that nobody can make two
// payloads with the same digest.
type digest [16]byte

// conn is what is kept of a connection.
type conn struct {
	Connection
	key        string   // of the handshake
	marks      []string // identifiers that proxies pass on
	path       string   // of the URL
	query      string
	host       string
	code       uint16 // of the first close frame
	reason     string
	by         timeline.Party
	tcp        timeline.TCPEnd
	closed     bool
	items      []item
	keys       []digest // by item, if Options.Match is given
	text       *[]byte  // of the recording
	legOf      uint64
	request    int64 // stamps of the handshake, 0 for none
	response   int64
	incomplete uint64
	opaque     uint64
	truncated  uint64
	guessed    uint64
}

// item is what is kept of a message.
type item struct {
	hash   digest
	time   int64
	packet uint64
	length uint64
	n      uint32
	text   uint32 // offset of its text
	kept   uint16 // length of its text
	op     timeline.Opcode
	flags  uint8
}

const (
	itemReceive uint8 = 1 << iota
	itemIncomplete
	itemTruncated
	itemOpaque
	itemGuessed
	itemCut
)

func (i *item) dir() timeline.Direction { return timeline.Direction(i.flags & itemReceive) }

// control reports whether i is a ping or a pong.
func (i *item) control() bool { return i.op.Control() }

// NewRecording returns a Recording for [Compare] with the same opt.
func NewRecording(opt Options) *Recording {
	opt = opt.withDefaults()
	return &Recording{opt: opt, rules: normalize.NewNormalizer(opt.Rules), byID: make(map[uint64]*conn)}
}

// Needs asks for the payload of messages.
func (r *Recording) Needs(*timeline.Conn) timeline.Needs { return timeline.Needs{Payload: true} }

// Begin notes when the capture begins.
func (r *Recording) Begin(at timeline.Stamp) { r.row.Begin(at) }

// Open keeps a connection.
func (r *Recording) Open(c *timeline.Conn) {
	if len(r.conns) >= r.opt.Limits.Connections {
		r.leftConn++
		return
	}
	own := &conn{text: &r.text}
	own.ID, own.Packet, own.Time, own.Recorded = c.ID, c.Opened.Packet, c.Opened.Time, c.Recorded
	own.URL = r.rules.Text(c.URL())
	if c.Client.IsValid() {
		own.Client = c.Client.String()
	}
	if c.Server.IsValid() {
		own.Server = c.Server.String()
	}
	if h := c.Handshake; h != nil {
		own.Status, own.Subprotocol = h.Status, strings.Clone(h.Subprotocol)
		own.key, own.host = h.Key, h.Host
		own.path, own.query = r.rules.Text(h.Path), r.rules.Text(h.Query)
		own.request, own.response = h.Request.Time, h.Response.Time
		own.marks = marks(h)
	}
	r.conns = append(r.conns, own)
	r.byID[c.ID] = own
}

// marks returns identifiers that the two sides of a proxy may have in common.
func marks(h *timeline.Handshake) (all []string) {
	if v, ok := timeline.Get(h.RequestHeaders, "X-Request-Id"); ok && v != "" {
		all = append(all, "request "+v)
	}
	if v, ok := timeline.Get(h.RequestHeaders, "traceparent"); ok { // W3C Trace Context: the trace id stays
		if parts := strings.Split(v, "-"); len(parts) >= 3 {
			all = append(all, "trace "+parts[1])
		}
	}
	return all
}

// Message keeps a message.
func (r *Recording) Message(m *timeline.Message) {
	c := r.room(m.Conn)
	if c == nil {
		return
	}
	i := item{time: m.Last.Time, packet: m.First.Packet, length: m.Length, n: uint32(m.N), op: m.Kind, flags: uint8(m.Dir)}
	if !m.HasLength {
		i.length = m.WireLength
	}
	if i.time == 0 {
		i.time = m.First.Time
	}
	i.mark(m.Incomplete, itemIncomplete, &c.incomplete)
	i.mark(m.Truncated, itemTruncated, &c.truncated)
	i.mark(m.Opaque, itemOpaque, &c.opaque)
	i.mark(m.Guessed, itemGuessed, &c.guessed)
	payload := m.Payload
	if m.Kind == timeline.OpText && !m.Opaque {
		payload, _ = r.rules.Payload(payload)
	}
	r.add(c, i, payload)
	c.Messages[m.Dir&1]++
	if r.opt.Match != nil {
		key := c.items[len(c.items)-1].hash
		var ok bool
		if r.scratch, ok = r.opt.Match.Of(r.scratch[:0], &r.row, m); ok {
			key = sum('k', 0, r.scratch)
		}
		c.keys = append(c.keys, key)
	}
}

// Frame keeps pings and pongs.
func (r *Recording) Frame(f *timeline.Frame) {
	if f.N == 0 || f.Opcode != timeline.OpPing && f.Opcode != timeline.OpPong || r.opt.Messages {
		return
	}
	c := r.room(f.Conn)
	if c == nil {
		return
	}
	i := item{time: f.Last.Time, packet: f.First.Packet, length: f.Length, n: uint32(f.N), op: f.Opcode, flags: uint8(f.Dir)}
	i.mark(f.Incomplete, itemIncomplete, &c.incomplete)
	i.mark(f.Truncated, itemTruncated, &c.truncated)
	i.mark(f.Guessed, itemGuessed, &c.guessed)
	payload := f.Payload
	if f.PayloadUTF8 {
		payload, _ = r.rules.Payload(payload)
	}
	r.add(c, i, payload)
	if r.opt.Match != nil {
		c.keys = append(c.keys, c.items[len(c.items)-1].hash)
	}
}

// room returns the connection that one more message of c is kept in, nil when a limit is
// reached.
func (r *Recording) room(c *timeline.Conn) *conn {
	own := r.byID[c.ID]
	if own == nil || r.messages >= r.opt.Limits.Messages {
		r.left++
		return nil
	}
	r.messages++
	return own
}

func (i *item) mark(is bool, flag uint8, count *uint64) {
	if is {
		i.flags |= flag
		*count++
	}
}

// add keeps i, with the payload to compare.
func (r *Recording) add(c *conn, i item, payload []byte) {
	i.hash = sum(byte(i.op), i.flags&(itemTruncated|itemOpaque), payload)
	keep := payload
	if len(keep) > r.opt.Text {
		keep = keep[:r.opt.Text]
		if i.op != timeline.OpBinary {
			keep = onRune(keep, payload)
		}
		i.flags |= itemCut
	}
	if len(r.text)+len(keep) > r.opt.Limits.Text {
		r.noText = true
		keep = nil
		i.flags |= itemCut
	}
	i.text, i.kept = uint32(len(r.text)), uint16(len(keep))
	r.text = append(r.text, keep...)
	c.items = append(c.items, i)
}

// onRune cuts part, the beginning of whole, so that it does not end inside a character.
func onRune(part, whole []byte) []byte {
	for k := len(part); k > 0 && k > len(part)-utf8.UTFMax; k-- {
		if utf8.RuneStart(whole[k]) {
			return part[:k]
		}
	}
	return part
}

// sum returns the digest of a payload and its kind.
func sum(kind, flags byte, payload []byte) (d digest) {
	full := sha256.Sum256(payload)
	copy(d[:], full[:])
	var b [8]byte // a text and a binary message always differ
	b[0], b[1] = kind, flags
	v := binary.LittleEndian.Uint64(d[:8]) ^ binary.LittleEndian.Uint64(b[:])
	binary.LittleEndian.PutUint64(d[:8], v)
	return d
}

// Close keeps how c ended.
func (r *Recording) Close(c *timeline.Conn, _ timeline.Stamp) {
	own := r.byID[c.ID]
	if own == nil {
		return
	}
	delete(r.byID, c.ID)
	own.legOf = c.LegOf
	own.closed = c.ClosedBy[0] || c.ClosedBy[1] || c.CloseCode != 0
	own.code, own.reason, own.by, own.tcp = c.CloseCode, r.rules.Text(c.CloseText), c.By, c.TCP
	own.items = slices.Clip(own.items)
	damage := func(is bool, words string) {
		if is {
			own.Damage = append(own.Damage, words)
		}
	}
	damage(c.Midstream && !c.Refused(), "it began before the capture")
	if t := c.Transport; t != nil {
		damage(t.Gaps[0]+t.Gaps[1] > 0, number(t.Gaps[0]+t.Gaps[1], "byte", "bytes")+" are missing from it")
	}
	damage(own.incomplete > 0, number(own.incomplete, "message is", "messages are")+" not whole")
	damage(own.truncated > 0, number(own.truncated, "message is", "messages are")+" cut by a limit")
	damage(own.opaque > 0, number(own.opaque, "message is", "messages are")+" compressed and cannot be read")
	damage(own.guessed > 0, number(own.guessed, "message was", "messages were")+" found again after a loss, by looks")
	damage(c.TCP == timeline.TCPOpen && !c.Recorded, "it goes on where the capture ends")
}

// Done keeps the totals. The pipeline does not use their lists any more.
func (r *Recording) Done(t *timeline.Totals) { r.totals = *t }

// message returns an item in the form for outputs.
func (c *conn) message(i *item) Message {
	m := Message{
		N: uint64(i.n), Packet: i.packet, Time: i.time, Dir: i.dir(), Op: i.op, Length: i.length,
		Payload: c.payload(i), Cut: i.flags&itemCut != 0,
		Incomplete: i.flags&itemIncomplete != 0, Truncated: i.flags&itemTruncated != 0, Opaque: i.flags&itemOpaque != 0, Guessed: i.flags&itemGuessed != 0,
	}
	m.Valid = utf8.Valid(m.Payload)
	return m
}

// payload returns what was kept of the payload of i.
func (c *conn) payload(i *item) []byte {
	return (*c.text)[i.text : i.text+uint32(i.kept) : i.text+uint32(i.kept)]
}

// side returns the summary of the recording.
func (r *Recording) side() Side {
	s := Side{Totals: r.totals, Connections: uint64(len(r.conns)) + r.leftConn}
	for _, c := range r.conns {
		s.Messages += c.Messages[0] + c.Messages[1]
	}
	if r.leftConn > 0 {
		s.Bounds = append(s.Bounds, "only the first "+number(uint64(len(r.conns)), "connection was", "connections were")+" compared")
	}
	if r.left > 0 && r.messages >= r.opt.Limits.Messages {
		s.Bounds = append(s.Bounds, "only the first "+number(uint64(r.messages), "message was", "messages were")+" compared")
	}
	return s
}
