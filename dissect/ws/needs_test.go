package ws

import (
	"bytes"
	"compress/flate"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wsdump/wsdump/timeline"
)

// events is a sink that keeps a copy of all that is emitted, with every field.
type events struct {
	timeline.Nop
	needs    timeline.Needs
	frames   []timeline.Frame // data frames
	controls []timeline.Frame
	messages []timeline.Message
	findings []timeline.Finding
}

func (e *events) Needs(*timeline.Conn) timeline.Needs { return e.needs }
func (e *events) Frame(f *timeline.Frame) {
	own := *f
	own.Conn, own.Payload, own.CloseReason = nil, append([]byte(nil), f.Payload...), append([]byte(nil), f.CloseReason...)
	if f.Opcode.Control() && !f.Opcode.Reserved() {
		e.controls = append(e.controls, own)
	} else {
		e.frames = append(e.frames, own)
	}
}

func (e *events) Message(m *timeline.Message) {
	own := *m
	own.Conn, own.Payload = nil, append([]byte(nil), m.Payload...)
	e.messages = append(e.messages, own)
}

func (e *events) Finding(f *timeline.Finding) {
	own := *f
	own.Conn = nil
	e.findings = append(e.findings, own)
}

// conversation is what both directions send, and in what pieces.
type conversation struct {
	bytes   [2][]byte
	deflate bool // permessage-deflate was agreed
	seed    uint64
}

// randomConversation is mostly ordinary messages, among control frames, fragments and
// frames that break rules.
func randomConversation(seed uint64) *conversation {
	payloads := [][]byte{
		nil, []byte("a"), []byte("hello, world"), []byte("grüße"), []byte("caf\xc3"), slices.Repeat([]byte("0123456789abcdef"), 9),
		slices.Repeat([]byte("x"), 4000), append(slices.Repeat([]byte("y"), 39), 0x80),
		{0xff},
		{0x7f},
		slices.Repeat([]byte("é"), 100),
	}
	rnd := rand.New(rand.NewPCG(seed, 1))
	c := &conversation{seed: seed, deflate: rnd.IntN(2) == 0}
	for dir := range c.bytes {
		squeeze := squeezer()
		for range rnd.IntN(12) {
			payload, squeezed := payloads[rnd.IntN(len(payloads))], c.deflate && rnd.IntN(2) == 0
			if squeezed {
				if payload = squeeze(payload); rnd.IntN(20) == 0 {
					payload = payloads[rnd.IntN(len(payloads))] // which is not compressed
				}
			}
			b := frame([]byte{1, 2, 1, 2, 0, 9, 8, 3}[min(rnd.IntN(8), rnd.IntN(8))], rnd.IntN(30) != 0 == (dir == 0), payload)
			if squeezed {
				b[0] |= 0x40
			}
			switch rnd.IntN(40) {
			case 0:
				b[0] &^= 0x80 // FIN
			case 1:
				b[0] |= 0x40 // RSV1
			case 2:
				b[1] ^= 1 // another length
			case 3:
				b = append(b, b...) // the same key again
			}
			c.bytes[dir] = append(c.bytes[dir], b...)
		}
	}
	return c
}

// play feeds c to a new Stream, and returns its Conn and what was emitted.
func (c *conversation) play(needs timeline.Needs, limits timeline.Limits) (*timeline.Conn, *events) {
	sink := &events{needs: needs}
	conn := &timeline.Conn{Transport: &timeline.Transport{}}
	if c.deflate {
		conn.Handshake = &timeline.Handshake{Status: 101, Extensions: []timeline.Extension{{Name: "permessage-deflate"}}}
	}
	stream := New(NewEnv(sink, limits), conn)
	rest := c.bytes
	pieces := rand.New(rand.NewPCG(c.seed, 2))
	for at := int64(1); len(rest[0])+len(rest[1]) > 0; at++ {
		dir := pieces.IntN(2)
		n := min(len(rest[dir]), 1+pieces.IntN(300))
		stamp := timeline.Stamp{Packet: uint64(at), Time: at}
		stream.Data(timeline.Direction(dir), stamp, rest[dir][:n])
		rest[dir] = rest[dir][n:]
	}
	for dir := range rest {
		stream.End(timeline.Direction(dir), timeline.Stamp{Packet: 1e6, Time: 1e6}, timeline.EndFIN)
	}
	return conn, sink
}

// TestNeeds: what a sink needs changes what is emitted, and nothing else. The Conn is
// the same in every field, and so is each message, control frame and finding. Without
// payload, only what is read from it may be missing.
func TestNeeds(t *testing.T) {
	var messages, compressed, findings int
	for seed := range uint64(3000) {
		c := randomConversation(seed)
		limits := timeline.Limits{Message: []int{0, 1000, 1 << 16}[seed%3]}
		allConn, all := c.play(timeline.Needs{Frames: true, Payload: true}, limits)
		messages, findings = messages+len(all.messages), findings+len(all.findings)
		for _, m := range all.messages {
			if m.Compressed {
				compressed++
			}
		}
		for _, needs := range everyNeeds() {
			conn, got := c.play(needs, limits)
			wantConn, want := *allConn, *all
			if !needs.Payload {
				wantConn, want = withoutPayload(*allConn, all, conn)
			}
			if !needs.Frames {
				want.frames = nil
			}
			if needs.Silent {
				want.messages = nil
			}
			name := fmt.Sprintf("seed %d, %+v", seed, needs)
			equal(t, name, *conn, wantConn)
			equal(t, name, got.frames, want.frames)
			equal(t, name, got.controls, want.controls)
			equal(t, name, got.messages, want.messages)
			equal(t, name, got.findings, want.findings)
			if t.Failed() {
				return
			}
		}
	}
	if messages < 10_000 || compressed < 3000 || findings < 3000 {
		t.Errorf("%d messages, %d of them compressed, %d findings: the test says little", messages, compressed, findings)
	}
}

// equal compares all fields, those that are not exported too.
func equal(t *testing.T, name string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s (-want +got):\n%s", name, cmp.Diff(want, got, cmp.Exporter(func(reflect.Type) bool { return true })))
	}
}

// everyNeeds returns every value that Needs can have.
func everyNeeds() (all []timeline.Needs) {
	for i := range 8 {
		all = append(all, timeline.Needs{Frames: i&1 != 0, Payload: i&2 != 0, Silent: i&4 != 0})
	}
	return all
}

// withoutPayload returns what c and e are where payload is not collected. The inflated
// lengths of Conn are those of got, because nothing was inflated.
func withoutPayload(c timeline.Conn, e *events, got *timeline.Conn) (timeline.Conn, events) {
	out := events{controls: e.controls}
	for _, f := range e.frames {
		if !f.Opcode.Control() { // of those with a reserved opcode, payload is always collected
			f.Payload, f.Truncated = nil, false
		}
		out.frames = append(out.frames, f)
	}
	for _, m := range e.messages {
		m.Payload, m.HasPayload, m.Text, m.Truncated = nil, false, false, false
		if m.Compressed {
			m.Incomplete = m.Incomplete && m.Opaque // else it is what inflating came to
			m.Opaque = true
			m.Length, m.HasLength = m.WireLength, false
		}
		out.messages = append(out.messages, m)
	}
	c.FindingsBy = [3]uint64{}
	for _, f := range e.findings {
		if f.Rule.Reads == timeline.ReadsNone {
			out.findings = append(out.findings, f)
			c.FindingsBy[f.Severity] += max(1, f.Count)
		}
	}
	for dir := range c.Counters {
		c.Counters[dir].Bytes, c.Counters[dir].MessageBytes = got.Counters[dir].Bytes, got.Counters[dir].MessageBytes
	}
	return c, out
}

// squeezer returns a function that deflates messages with context takeover (RFC 7692
// 7.2.1).
func squeezer() func([]byte) []byte {
	var out bytes.Buffer
	w, _ := flate.NewWriter(&out, 6)
	return func(p []byte) []byte {
		out.Reset()
		_, _ = w.Write(p)
		_ = w.Flush()
		return bytes.TrimSuffix(bytes.Clone(out.Bytes()), []byte{0, 0, 0xff, 0xff})
	}
}

// TestASCII has a byte above 127 at every place of texts of every small length.
func TestASCII(t *testing.T) {
	for n := range 75 {
		for odd := -1; odd < n; odd++ {
			p := bytes.Repeat([]byte("a"), n)
			if odd >= 0 {
				p[odd] = 0xc3
			}
			if got := ascii(p); got != (odd < 0) {
				t.Fatalf("%d bytes, a byte above 127 at %d: got %v", n, odd, got)
			}
		}
	}
}
