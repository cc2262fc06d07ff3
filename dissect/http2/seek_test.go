package http2

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/wsdump/wsdump/timeline"
)

func TestProbes(t *testing.T) {
	for _, tc := range []struct {
		b    string
		want timeline.Verdict
	}{{"", timeline.NeedMore}, {"PRI", timeline.NeedMore}, {preface, timeline.Mine}, {preface + "x", timeline.Mine}, {"PRI * HTTP/1", timeline.NotMine}, {"GET", timeline.NotMine}} {
		if got := Probe([]byte(tc.b)); got != tc.want {
			t.Errorf("Probe(%q) = %d, want %d", tc.b, got, tc.want)
		}
	}
	w := newWire().start(enabled)
	w.open(1, "/a")
	w.data(server, 1, false, []byte("x"))
	if got := ProbeFrames(server, w.flat(server)); got != timeline.Mine {
		t.Errorf("frames: got %d", got)
	}
	if got := ProbeFrames(server, w.flat(server)[:20]); got != timeline.NeedMore {
		t.Errorf("two frames: got %d", got)
	}
	for _, tc := range []struct {
		name   string
		second []byte
		want   timeline.Verdict
	}{
		{"CONTINUATION of the same stream", []byte{0, 0, 0, typeContinuation, flagEndHeaders, 0, 0, 0, 1}, timeline.Mine},
		{"CONTINUATION of another", []byte{0, 0, 0, typeContinuation, flagEndHeaders, 0, 0, 0, 3}, timeline.NotMine},
		{"something between", []byte{0, 0, 0, typeData, 1, 0, 0, 0, 1}, timeline.NotMine},
	} {
		b := append([]byte{0, 0, 1, typeHeaders, 0, 0, 0, 0, 1, 0x88}, tc.second...)
		b = append(b, 0, 0, 0, typeData, 1, 0, 0, 0, 1)
		if got := ProbeFrames(client, b); got != tc.want {
			t.Errorf("%s: got %d, want %d", tc.name, got, tc.want)
		}
	}
	far := []byte{0, 0, 0, typeData, 1, 0, 0, 0, 1, 0, 0, 0, typeData, 1, 9, 0, 0, 1, 0, 0, 0, typeData, 1, 0, 0, 0, 1}
	if got := ProbeFrames(client, far); got != timeline.NotMine {
		t.Errorf("streams far from each other: got %d", got)
	}
	// Other bytes are not taken for HTTP/2, wherever one looks.
	r := rand.New(rand.NewPCG(1, 1))
	random := make([]byte, 4<<20)
	for i := range random {
		random[i] = byte(r.Uint32())
	}
	others := map[string][]byte{
		"random": random, "zeros": make([]byte, 1<<20), "text": bytes.Repeat([]byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), 1000),
		"ones": bytes.Repeat([]byte{0xff}, 1<<16), "small numbers": bytes.Repeat([]byte{0, 0, 0, 1, 0, 0, 0, 2}, 1<<12),
		"TLS": bytes.Repeat([]byte("\x17\x03\x03\x00\x05abcde"), 1000),
	}
	for v := range 300 {
		for width := 2; width <= 8; width *= 2 {
			big, little := make([]byte, width), make([]byte, width)
			binary.BigEndian.PutUint16(big[width-2:], uint16(v))
			binary.LittleEndian.PutUint16(little, uint16(v))
			others[fmt.Sprintf("%d in %d bytes, big endian", v, width)] = bytes.Repeat(big, 2000)
			others[fmt.Sprintf("%d in %d bytes, little endian", v, width)] = bytes.Repeat(little, 2000)
		}
	}
	for name, b := range others {
		for i := range b {
			if ProbeFrames(client, b[i:]) == timeline.Mine || ProbeFrames(server, b[i:]) == timeline.Mine {
				t.Errorf("%s: taken for HTTP/2 at %d: % x", name, i, b[i:min(i+40, len(b))])
				break
			}
		}
	}
}
