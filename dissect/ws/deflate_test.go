package ws

import (
	"bytes"
	"compress/flate"
	"fmt"
	"testing"

	"github.com/wsdump/wsdump/timeline"
)

// agreed returns a connection that agreed on permessage-deflate.
func agreed(params ...timeline.Param) *timeline.Conn {
	return &timeline.Conn{Transport: &timeline.Transport{}, Handshake: &timeline.Handshake{
		Status: 101, Extensions: []timeline.Extension{{Name: "permessage-deflate", Params: params}},
	}}
}

// compressor compresses messages with context takeover.
type compressor struct {
	w   *flate.Writer
	out bytes.Buffer
}

func (c *compressor) frame(text string) []byte {
	if c.w == nil {
		c.w, _ = flate.NewWriter(&c.out, flate.DefaultCompression)
	}
	c.out.Reset()
	_, _ = c.w.Write([]byte(text))
	_ = c.w.Flush()
	b := frame(1, false, bytes.TrimSuffix(c.out.Bytes(), []byte{0, 0, 0xff, 0xff}))
	b[0] |= rsv1
	return b
}

// TestWindowsAreBounded: histories count towards a limit, the one idle for
// longest goes first, and what it meant is said, never guessed.
func TestWindowsAreBounded(t *testing.T) {
	s := &sink{needs: timeline.Needs{Payload: true}, keep: true}
	const windowCost = 4 << 10 // a window begins small
	env := NewEnv(s, timeline.Limits{Windows: 2 * windowCost})
	var streams [3]*Stream
	var peers [3]compressor
	for i := range streams {
		streams[i] = New(env, agreed())
		streams[i].Data(timeline.ServerToClient, timeline.Stamp{}, peers[i].frame(fmt.Sprint("a history that is long enough, number ", i)))
	}
	if env.windows != 2*windowCost {
		t.Errorf("%d bytes of windows, want %d", env.windows, 2*windowCost)
	}
	s.events = nil
	for i := range streams {
		streams[i].Data(timeline.ServerToClient, timeline.Stamp{}, peers[i].frame(fmt.Sprint("a history that is long enough, number ", i)))
	}
	want := []string{"deflate/context-lost", "text receive a history that is long enough, number 1", "text receive a history that is long enough, number 2"}
	if len(s.events) != 4 || s.events[1] != want[0] || s.events[2] != want[1] || s.events[3] != want[2] {
		t.Errorf("got %q, want something unread, then %q", s.events, want)
	}
	for i := range streams {
		for _, dir := range []timeline.Direction{timeline.ClientToServer, timeline.ServerToClient} {
			streams[i].End(dir, timeline.Stamp{}, timeline.EndFIN)
		}
	}
	if env.windows != 0 || env.latest != nil || env.oldest != nil {
		t.Errorf("%d bytes of windows are held after the end", env.windows)
	}
}

// TestBomb: a message that inflates beyond the limit is cut, marked and told,
// and memory stays bounded.
func TestBomb(t *testing.T) {
	s := &sink{needs: timeline.Needs{Payload: true}, keep: true}
	stream := New(NewEnv(s, timeline.Limits{Message: 1 << 20}), agreed())
	var c compressor
	in := c.frame(string(bytes.Repeat([]byte("x"), 64<<20)))
	stream.Data(timeline.ServerToClient, timeline.Stamp{}, in)
	if len(s.payload) != 1<<20 {
		t.Errorf("%d bytes shown, want the limit of %d", len(s.payload), 1<<20)
	}
	if got := s.events[len(s.events)-1]; got != "deflate/limit" {
		t.Errorf("got %q, want deflate/limit", got)
	}
}

// TestSkipped: nobody needs payload, nothing is inflated, and no length is
// made up.
func TestSkipped(t *testing.T) {
	s := &sink{}
	conn := agreed()
	stream := New(NewEnv(s, timeline.Limits{}), conn)
	var c compressor
	in := c.frame("some text some text some text")
	stream.Data(timeline.ServerToClient, timeline.Stamp{}, in)
	n := conn.Counters[timeline.ServerToClient]
	if n.Messages != 1 || n.Bytes != 0 || n.WireBytes != uint64(len(in)-2) {
		t.Errorf("got %+v", n)
	}
}

func TestInflatingAllocatesNothing(t *testing.T) {
	s := &sink{needs: timeline.Needs{Payload: true}}
	stream := New(NewEnv(s, timeline.Limits{}), agreed())
	var c compressor
	var frames [][]byte
	for i := range 600 {
		frames = append(frames, c.frame(fmt.Sprintf(`{"type":"price","symbol":"ABC%d","price":%d.25}`, i%7, i)))
	}
	i := 0
	next := func() {
		stream.Data(timeline.ServerToClient, timeline.Stamp{}, frames[i])
		i++
	}
	for range 90 {
		next()
	}
	if n := testing.AllocsPerRun(500, next); n != 0 {
		t.Errorf("%v allocations a message, want 0", n)
	}
	if s.messages != len(frames)-9 {
		t.Errorf("%d messages", s.messages)
	}
}
