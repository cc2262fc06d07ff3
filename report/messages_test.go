package report

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/wsdump/wsdump/timeline"
)

// TestMessages compares message lines with what encoding/json makes of the same
// facts, and those that another goroutine makes with those of [NDJSON.Message].
func TestMessages(t *testing.T) {
	for seed := range uint64(4_000) {
		rnd := rand.New(rand.NewPCG(seed, 4))
		some := func(n int) bool { return rnd.IntN(n) == 0 }
		payload := make([]byte, rnd.IntN(60))
		for i := range payload {
			payload[i] = `ab "\{}:,c`[rnd.IntN(10)]
			if some(60) {
				payload[i] = byte(rnd.Uint32())
			}
		}
		m := timeline.Message{
			Conn:  &timeline.Conn{ID: 1 + rnd.Uint64()>>rnd.IntN(64), Recorded: some(20)},
			Dir:   timeline.Direction(rnd.IntN(2)),
			First: timeline.Stamp{Packet: rnd.Uint64() >> rnd.IntN(64), Time: rnd.Int64N(4e18) * int64(1-2*rnd.IntN(2))},
			N:     rnd.Uint64() >> rnd.IntN(64), Kind: timeline.Opcode(1 + rnd.IntN(2)), Frames: 1 + uint64(rnd.IntN(3)),
			Length: uint64(len(payload)), WireLength: rnd.Uint64() >> rnd.IntN(64), HasLength: !some(20),
			Compressed: some(3), Opaque: some(20), Incomplete: some(20), Truncated: some(20), Guessed: some(20), Redacted: some(20),
			HasPayload: !some(20), Payload: payload,
		}
		m.Text = m.Kind == timeline.OpText && utf8.Valid(payload)
		m.Last = m.First
		if some(3) {
			m.Last.Time += rnd.Int64N(1e10)
			m.Last.Packet++
		}
		if some(20) {
			m.Answers, m.Took = 7, time.Second
		}
		opt := Options{Payload: []Payload{PayloadDefault, PayloadNone, PayloadAll, 20}[rnd.IntN(4)], Files: []string{"a", "b"}[:1+rnd.IntN(2)]}
		var direct, apart bytes.Buffer
		d, a := NewNDJSON(&direct, opt), NewNDJSON(&apart, opt)
		rows := a.Rows()
		for range 2 {
			d.Message(&m)
			before := []byte("before")
			row, hole := rows.Append(before, &m)
			a.Row(m.Conn, row[len(before):], hole)
		}
		if d.Flush() != nil || a.Flush() != nil || !bytes.Equal(direct.Bytes(), apart.Bytes()) {
			t.Fatalf("seed %d:\n%s\nby a Rows:\n%s", seed, &direct, &apart)
		}
		lines := bytes.Split(direct.Bytes(), []byte{'\n'})
		var got map[string]any
		decoder := json.NewDecoder(bytes.NewReader(lines[1]))
		decoder.UseNumber()
		if err := decoder.Decode(&got); err != nil {
			t.Fatalf("seed %d: %v: %s", seed, err, lines[1])
		}
		if diff := cmp.Diff(messageFacts(&m, &opt), got); diff != "" || !bytes.Equal(lines[1], lines[2]) {
			t.Fatalf("seed %d: %s\n%s", seed, lines[1], diff)
		}
	}
}

// messageFacts returns the line of m as encoding/json would read it.
func messageFacts(m *timeline.Message, opt *Options) map[string]any {
	number := func(n uint64) json.Number { return json.Number(strconv.FormatUint(n, 10)) }
	when := func(at timeline.Stamp) string {
		return time.Unix(0, at.Time).UTC().Format("2006-01-02T15:04:05.000000000Z")
	}
	facts := map[string]any{
		"type": "message", "time": when(m.First), "conn": number(m.Conn.ID), "n": number(m.N), "dir": m.Dir.String(), "kind": m.Kind.String(), "end_time": when(m.Last),
	}
	if m.First.Packet != 0 {
		facts["packet"] = number(m.First.Packet)
	}
	if m.Last.Packet != 0 {
		facts["end_packet"] = number(m.Last.Packet)
	}
	if len(opt.Files) > 1 {
		facts["file"] = opt.Files[m.First.File]
		if m.First.Packet != 0 {
			facts["file_packet"] = number(m.First.FilePacket)
		}
	}
	if !m.Conn.Recorded {
		facts["frames"], facts["wire_length"], facts["compressed"] = number(m.Frames), number(m.WireLength), m.Compressed
	}
	if m.HasLength {
		facts["length"] = number(m.Length)
	}
	truncated := m.Truncated
	if m.HasPayload && opt.Payload != PayloadNone {
		shown := m.Payload
		if opt.Payload > 0 && len(shown) > int(opt.Payload) {
			shown, truncated = shown[:opt.Payload], true
		}
		switch {
		case m.Text && !m.Opaque || len(m.Payload) == 0:
			for len(shown) > 0 && !utf8.Valid(shown) { // a cut character
				shown = shown[:len(shown)-1]
			}
			facts["text"] = string(shown)
		default:
			facts["base64"] = base64.StdEncoding.EncodeToString(shown)
		}
	}
	for name, is := range map[string]bool{"truncated": truncated, "incomplete": m.Incomplete, "guessed": m.Guessed, "redacted": m.Redacted} {
		if is {
			facts[name] = true
		}
	}
	if m.Answers != 0 {
		facts["reply_to"], facts["reply_ms"] = number(m.Answers), number(uint64(m.Took/time.Millisecond))
	}
	return facts
}
