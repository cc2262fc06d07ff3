package dissect

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/wsdump/wsdump/timeline"
)

// twice is a connection that is captured on both sides of NAT.
type twice struct {
	t      *testing.T
	d      *Dissector
	lines  []string
	shown  timeline.Stream
	copied timeline.Stream
	packet uint64
}

// rows is a sink that writes down what it is told.
type rows struct {
	timeline.Nop
	told func(string, ...any)
	ids  uint64
}

func (*rows) Needs(*timeline.Conn) timeline.Needs { return timeline.Needs{Payload: true} }
func (r *rows) Open(c *timeline.Conn) {
	r.ids++
	c.ID = r.ids
	r.told("open %d", c.ID)
}

func (r *rows) Message(m *timeline.Message) {
	r.told("%d %s %s %v", m.Conn.ID, m.Dir, m.Payload, m.Incomplete)
}
func (r *rows) Close(c *timeline.Conn, _ timeline.Stamp) { r.told("close %d", c.ID) }
func (r *rows) Finding(f *timeline.Finding) {
	if f.Rule == timeline.RuleDuplicate {
		r.told("duplicate of %d %s", f.Conn.ID, f.Got)
	}
}

func (w *twice) told(format string, a ...any) { w.lines = append(w.lines, fmt.Sprintf(format, a...)) }

func (w *twice) stamp() timeline.Stamp {
	w.packet++
	return timeline.Stamp{Packet: w.packet, Time: int64(w.packet)}
}

// newTwice opens the two, in the order that forwarding gives: the outer request
// first, the inner response first. What comes with the response is handed over
// with it.
func newTwice(t *testing.T, status string, inner, outer string) *twice {
	w := &twice{t: t}
	w.d = New(&rows{told: w.told}, Options{})
	opened := uint64(0)
	open := func(client, server string) timeline.Stream {
		opened++
		return w.d.Open(&timeline.Transport{
			ID: opened, Client: netip.MustParseAddrPort(client), Server: netip.MustParseAddrPort(server), ISN: [2]uint32{7, 8}, HasISN: [2]bool{true, true},
		})
	}
	w.copied = open("192.0.2.1:5", "192.0.2.2:80")
	w.shown = open("10.0.0.1:5", "10.0.0.2:8080")
	request := "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	response := "HTTP/1.1 " + status + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nContent-Length: 0\r\n\r\n"
	w.copied.Data(timeline.ClientToServer, w.stamp(), []byte(request))
	w.shown.Data(timeline.ClientToServer, w.stamp(), []byte(request))
	w.shown.Data(timeline.ServerToClient, w.stamp(), []byte(response+inner))
	w.copied.Data(timeline.ServerToClient, w.stamp(), []byte(response+outer))
	return w
}

func (w *twice) say(s timeline.Stream, dir timeline.Direction, text string) {
	w.t.Helper()
	s.Data(dir, w.stamp(), []byte(text))
}

func (w *twice) want(lines ...string) {
	w.t.Helper()
	if !slices.Equal(w.lines, lines) {
		w.t.Errorf("got\n%s\nwant\n%s", strings.Join(w.lines, "\n"), strings.Join(lines, "\n"))
	}
}

const (
	send    = timeline.ClientToServer
	receive = timeline.ServerToClient
)

func clientText(s string) string {
	return string([]byte{0x81, byte(0x80 | len(s)), 0, 0, 0, 0}) + s
}

func serverText(s string) string { return string([]byte{0x81, byte(len(s))}) + s }

// ends ends both, the shown one last.
func (w *twice) ends() {
	for _, s := range []timeline.Stream{w.copied, w.shown} {
		for _, dir := range []timeline.Direction{send, receive} {
			s.End(dir, w.stamp(), timeline.EndFIN)
		}
	}
}

var opened1 = []string{"open 1", "duplicate of 1 192.0.2.1:5 -> 192.0.2.2:80"}

// TestCopyIsHidden: the same bytes in any pieces, whoever is ahead, are one
// connection.
func TestCopyIsHidden(t *testing.T) {
	w := newTwice(t, "101 x", serverText("first"), serverText("first"))
	m := clientText("hello")
	w.say(w.copied, send, m[:4]) // the client's bytes reach the outer side first
	w.say(w.shown, send, m[:7])
	w.say(w.copied, send, m[4:])
	w.say(w.shown, send, m[7:])
	w.say(w.shown, receive, serverText("world"))
	w.say(w.copied, receive, serverText("world"))
	w.ends()
	w.want("open 1", "1 receive first false", opened1[1], "1 send hello false", "1 receive world false", "close 1")
}

// TestCopyWithLess: what only the copy lost is no reason to show it.
func TestCopyWithLess(t *testing.T) {
	w := newTwice(t, "101 x", "", "")
	a, b := serverText("one"), serverText("two")
	w.say(w.shown, receive, a)
	w.copied.Gap(receive, w.stamp(), uint64(len(a)))
	w.copied.Gap(receive, w.stamp(), 2) // before the shown one has it
	w.say(w.shown, receive, b)
	w.say(w.copied, receive, b[2:])
	w.say(w.shown, receive, serverText("three"))
	w.say(w.copied, receive, serverText("three"))
	w.ends()
	w.want(append(slices.Clone(opened1), "1 receive one false", "1 receive two false", "1 receive three false", "close 1")...)
}

// TestCopyWithMore: bytes that only the copy has are shown, and so is all that
// follows.
func TestCopyWithMore(t *testing.T) {
	w := newTwice(t, "101 x", "", "")
	a, b := clientText("one"), clientText("two")
	w.say(w.copied, send, a)
	w.say(w.shown, send, a)
	w.say(w.copied, send, b)
	w.shown.Gap(send, w.stamp(), uint64(len(b)))
	w.say(w.copied, send, clientText("three"))
	w.ends()
	w.want(append(slices.Clone(opened1), "1 send one false", "open 2", "duplicate of 2 ", "2 send two false", "2 send three false", "close 2", "close 1")...)
}

// TestNoCopy: a handshake with the same numbers whose connection says something
// else is a connection of its own.
func TestNoCopy(t *testing.T) {
	for _, tc := range []struct{ shown, copied string }{
		{"same, then this", "same, then that"},
		{"short", "short but for this"},
	} {
		for _, copyFirst := range []bool{false, true} {
			w := newTwice(t, "101 x", "", "")
			if copyFirst {
				w.say(w.copied, send, clientText(tc.copied))
				w.say(w.shown, send, clientText(tc.shown))
			} else {
				w.say(w.shown, send, clientText(tc.shown))
				w.say(w.copied, send, clientText(tc.copied))
			}
			w.ends()
			for _, line := range []string{"1 send " + tc.shown + " false", "2 send " + tc.copied + " false", "close 1", "close 2"} {
				if !slices.Contains(w.lines, line) {
					t.Errorf("copy first %v: no %q in %q", copyFirst, line, w.lines)
				}
			}
		}
	}
}

// TestCopyEndsLater: bytes behind the end of the shown connection are told.
func TestCopyEndsLater(t *testing.T) {
	w := newTwice(t, "101 x", "", "")
	w.shown.End(send, w.stamp(), timeline.EndFIN)
	w.shown.End(receive, w.stamp(), timeline.EndFIN)
	w.say(w.copied, send, clientText("late"))
	w.copied.End(send, w.stamp(), timeline.EndFIN)
	w.copied.End(receive, w.stamp(), timeline.EndFIN)
	w.want(append(slices.Clone(opened1), "close 1", "open 2", "duplicate of 2 ", "2 send late false", "close 2")...)
}

// TestRefusalIsShownOnce: so is a handshake that the server refuses.
func TestRefusalIsShownOnce(t *testing.T) {
	w := newTwice(t, "403 no", "", "")
	w.ends()
	w.want(append(slices.Clone(opened1), "close 1")...)
}

// TestUnansweredIsForgotten: an unanswered handshake stays in the views no longer than
// an answered one.
func TestUnansweredIsForgotten(t *testing.T) {
	var v views
	for i := range 3 {
		h := &timeline.Handshake{Request: timeline.Stamp{Time: int64(i) * int64(2*copyMemory)}}
		v.remember(&timeline.Conn{Transport: &timeline.Transport{ISN: [2]uint32{uint32(i), 1}, HasISN: [2]bool{true, true}}, Handshake: h}, nil, nil)
	}
	if n := len(v.byISN); n != 1 {
		t.Errorf("%d connections are remembered, want the last", n)
	}
}
