package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/clipperhouse/displaywidth"

	"github.com/wsdump/wsdump/internal/quantity"
	"github.com/wsdump/wsdump/internal/terminal"
	"github.com/wsdump/wsdump/internal/terminal/terminaltest"
	"github.com/wsdump/wsdump/timeline"
)

func table(opt Options, tell func(timeline.Sink)) string {
	var out strings.Builder
	s := NewTable(&out, opt)
	s.Begin(at(1, 0))
	tell(s)
	return out.String()
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	if want = strings.TrimPrefix(want, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTableStory(t *testing.T) {
	expect(t, table(Options{}, story), `
ws://server.example.com/chat   10.0.0.1:51234 -> 10.0.0.2:80   101   chat   12.4 ms
   N      TIME         Δ    LENGTH    DATA
   1    0.0131                   5  ↑ hello
   2    0.0135   +0.4 ms         5  ↓ world
   3    5.0002    +5.0 s         3  ↓ ping "png"
   4    5.0004   +0.2 ms         3  ↑ pong "png"  (0.2 ms)
   5    9.1000    +4.1 s         5  ↑ close 1000 normal "bye"
   6    9.1003   +0.3 ms         2  ↓ close 1000 normal
      closed by the client, cleanly, after 9.1 s: 1 message sent (5 B), 1 received (5 B)
`)
}

// many tells a timeline with one of everything, from three connections.
func many(s timeline.Sink) {
	a := chat(1, 0.7)
	a.Handshake.Extensions = []timeline.Extension{{Name: "permessage-deflate"}}
	s.Open(a)
	s.Message(text(a, 0, 8, 13.1, `{"type":"subscribe","symbols":["ACME"]}`))
	b := chat(2, 20)
	s.Open(b)
	m := text(a, 1, 9, 33.5, "\x1b[31mred\x1b[0m \u202eevil")
	m.Compressed, m.WireLength, m.Frames = true, 61, 3
	s.Message(m)
	s.Message(blob(b, 0, 10, 34, "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x01\x00"))
	m = text(b, 0, 11, 35, "caf\u00e9 \xff broken")
	m.Incomplete = true
	s.Message(m)
	s.Finding(&timeline.Finding{
		Rule: aRule, Severity: timeline.Error, Conn: b, N: 2, HasDir: true, At: at(11, 35),
		Got: "mask bit 0", Want: "1", Detail: "The server must close the connection",
	})
	m = blob(b, 0, 10, 36, "\x00")
	m.Opaque, m.Compressed, m.HasLength = true, true, false
	s.Message(m)
	s.Message(text(b, 0, 10, 36.01, ""))
	r := chat(3, 50)
	r.Handshake.Status, r.Handshake.Reason, r.Handshake.Subprotocol = 403, "Forbidden", ""
	s.Open(r)
	r.Ended = at(30, 60)
	s.Close(r, r.Ended)
	s.Frame(control(b, timeline.OpPing, 1, 12, 200000.2, "\x00\xff"))
	s.Close(b, closed(b, 15, 200100))
	a.TCP, a.FirstFIN, a.By, a.Ended = timeline.TCPReset, timeline.PartyServer, timeline.PartyServer, at(99, 380000)
	a.LastFrame, a.EndBegan = at(90, 370000), at(99, 380000)
	s.Close(a, a.Ended)
	s.Done(&timeline.Totals{
		Packets: 20, First: epoch, Last: epoch + 9_100_800_000, Transports: 3, Conns: 3, Gaps: 1, GapBytes: 7,
		Findings: [3]uint64{0, 0, 1},
	})
}

func TestTableMixed(t *testing.T) {
	expect(t, table(Options{}, many), `
CONN     N      TIME         Δ    LENGTH    DATA
#1    ws://server.example.com/chat   10.0.0.1:51234 -> 10.0.0.2:80   101   chat   permessage-deflate   12.4 ms
#1       1    0.0131                  39  ↑ {"type":"subscribe","symbols":["ACME"]}
#2    ws://server.example.com/chat   10.0.0.1:51234 -> 10.0.0.2:80   101   chat   12.4 ms
#1       2    0.0335  +20.4 ms     61→20  ↓ \u001b[31mred\u001b[0m \u202eevil  [3 frames]
#2       1    0.0340   +0.5 ms        20  ↑ 89 50 4e 47 0d 0a 1a 0a 00 00 00 0d 49 48 44 52…  |.PNG........IHDR|
#2       2    0.0350   +1.0 ms        14  ↑ café \xff broken  [incomplete]
#2            0.0350                      ! error ws/mask-missing, row 2, by the client: A frame from the client is not masked. The server must close the connection (got mask bit 0, want 1) [RFC 6455 5.1]
#2       3    0.0360   +1.0 ms       1→?  ↑ 00  |.|  [not inflated]
#2       4    0.0360    +10 µs         0  ↑ (empty)
#3    ws://server.example.com/chat   10.0.0.1:51234 -> 10.0.0.2:80   refused: 403 Forbidden   12.4 ms
#2       5  200.0002    +3m20s         2  ↓ ping 00 ff  |..|
#2          closed by the client, cleanly, after 3 min 20 s: 4 messages sent (35 B), 0 received
#1          cut by the server with a TCP reset, without a close frame, after 10.0 s of silence; it lasted 6 min 20 s: 1 message sent (39 B), 1 received (20 B)
`)
}

// A second connection after the first has ended begins a second group.
func TestTableGroups(t *testing.T) {
	tell := func(s timeline.Sink) {
		for id := range uint64(2) {
			c := chat(id+1, float64(id)*100)
			s.Open(c)
			s.Message(text(c, 0, 8, float64(id)*100+20, "hello"))
			s.Close(c, closed(c, 9, float64(id)*100+50))
		}
		for id := range uint64(2) {
			c := chat(id+3, 300)
			c.Handshake.Status, c.Handshake.Reason, c.Handshake.Subprotocol = 426, "Upgrade Required", ""
			s.Open(c)
			s.Close(c, at(9, 400))
		}
		c := chat(5, 500)
		c.Handshake, c.Midstream, c.Guessed = nil, true, true
		c.Ended = at(20, 9000)
		s.Open(c)
		s.Close(c, c.Ended)
		s.Done(&timeline.Totals{})
	}
	expect(t, table(Options{Hide: HideClose}, tell), `
ws://server.example.com/chat   10.0.0.1:51234 -> 10.0.0.2:80   101   chat   12.4 ms
   N      TIME         Δ    LENGTH    DATA
   1    0.0200                   5  ↑ hello

#2  ws://server.example.com/chat   10.0.0.1:51234 -> 10.0.0.2:80   101   chat   12.4 ms
   N      TIME         Δ    LENGTH    DATA
   1    0.1200                   5  ↑ hello

#3  ws://server.example.com/chat   10.0.0.1:51234 -> 10.0.0.2:80   refused: 426 Upgrade Required   12.4 ms
#4  ws://server.example.com/chat   10.0.0.1:51234 -> 10.0.0.2:80   refused: 426 Upgrade Required   12.4 ms

#5  (handshake not in the capture)   10.0.0.1:51234 -> 10.0.0.2:80   mid-stream, recognised by its frames
`)
}

// A table that had settled for a group turns into one timeline when a second
// connection opens, and names the connection that was there.
func TestTableTurns(t *testing.T) {
	turn := func(settle func(*Table, *timeline.Conn)) string {
		var out strings.Builder
		s := NewTable(&out, Options{Payload: PayloadAll})
		s.Begin(at(1, 0))
		a, b := chat(1, 0), chat(2, 20)
		s.Open(a)
		settle(s, a)
		s.Open(b)
		s.Message(text(b, 1, 10, 21, "two"))
		s.Done(&timeline.Totals{})
		return out.String()
	}
	const after = `
CONN     N      TIME         Δ    LENGTH    DATA
#1    ws://server.example.com/chat   10.0.0.1:51234 -> 10.0.0.2:80   101   chat   12.4 ms
#2    ws://server.example.com/chat   10.0.0.1:51234 -> 10.0.0.2:80   101   chat   12.4 ms
`
	flushed := turn(func(s *Table, a *timeline.Conn) {
		s.Message(text(a, 0, 8, 13, "one"))
		s.Flush()
	})
	expect(t, flushed, `
ws://server.example.com/chat   10.0.0.1:51234 -> 10.0.0.2:80   101   chat   12.4 ms
   N      TIME         Δ    LENGTH    DATA
   1    0.0130                   3  ↑ one
`+after+"#2       1    0.0210   +8.0 ms         3  ↓ two\n")

	overflow := turn(func(s *Table, a *timeline.Conn) {
		for i := range 3 {
			s.Message(text(a, 0, 8, 13, strings.Repeat("x", holdLimit/2)))
			if held := len(s.text) > 0; held != (i == 0) {
				t.Errorf("after %d rows: held %v", i+1, held)
			}
		}
	})
	if !strings.Contains(overflow, after) || !strings.HasPrefix(overflow, "ws://") {
		t.Error("an overflow does not settle for a group")
	}
}

func TestTableFitsTheWidth(t *testing.T) {
	long := strings.Repeat("\u65e5 words \x1b ", 40)
	for _, width := range []int{80, 100, 161} {
		for _, color := range []bool{false, true} {
			out := table(Options{Width: width, Color: color, Frames: true, Hide: HideOpen | HideClose}, func(s timeline.Sink) {
				c := chat(1, 0)
				s.Open(c)
				m := text(c, 0, 8, 13.1, long)
				m.Incomplete, m.Guessed, m.Frames = true, true, 12
				s.Message(m)
				s.Message(blob(c, 0, 8, 13.1, long))
				s.Frame(control(c, timeline.OpPing, 0, 9, 14, long))
				s.Frame(control(c, timeline.OpClose, 0, 9, 14, "\x03\xe8"+long))
				s.Done(&timeline.Totals{})
			})
			for line := range strings.Lines(out) {
				line = strings.TrimSuffix(line, "\n")
				for _, code := range []string{terminal.ColorReset, terminal.ColorBold, terminal.ColorDim, terminal.ColorSent, terminal.ColorReceived} {
					line = strings.ReplaceAll(line, code, "")
				}
				if got := displaywidth.String(line); got > width {
					t.Errorf("%d columns on a terminal of %d: %s", got, width, line)
				}
			}
			if n := strings.Count(out, terminal.Ellipsis); n < 6 {
				t.Errorf("width %d: %d cuts are shown, want 6\n%s", width, n, out)
			}
		}
	}
}

func TestTablePayload(t *testing.T) {
	long := strings.Repeat("0123456789", 100)
	one := func(opt Options) string {
		opt.Hide = HideOpen
		lines := strings.Split(table(opt, func(s timeline.Sink) {
			c := chat(1, 0)
			s.Open(c)
			s.Message(text(c, 0, 8, 13.1, long))
			s.Done(&timeline.Totals{})
		}), "\n")
		_, data, _ := strings.Cut(lines[1], "↑ ")
		return data
	}
	for name, test := range map[string]struct {
		opt  Options
		want string
	}{
		"piped": {Options{}, long[:pipedWidth-1] + terminal.Ellipsis},
		"all":   {Options{Payload: PayloadAll, Width: 80}, long},
		"some":  {Options{Payload: 12, Width: 80}, long[:12] + terminal.Ellipsis},
		"none":  {Options{Payload: PayloadNone}, "(text)"},
	} {
		if got := one(test.opt); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

func TestTableTimes(t *testing.T) {
	for mode, want := range map[TimeMode]string{
		TimeRelative: "   2    0.0135   +0.4 ms         5",
		TimeUTC:      "   2 2023-11-14 22:13:20.013500Z   +0.4 ms         5",
		TimeLocal:    "   2  2023-11-14 22:13:20.013500   +0.4 ms         5",
		TimeEpoch:    "   2 1700000000.013500   +0.4 ms         5",
		TimeDelta:    "   2    0.0004         5",
	} {
		if mode == TimeLocal {
			want = strings.Replace(want, "   2  ", "   2 ", 1)
		}
		if out := table(Options{Time: mode}, story); !strings.Contains(out, "\n"+want+"  ↓ world") {
			t.Errorf("%c: no row %q in\n%s", mode, want, out)
		}
	}
}

func TestTableCount(t *testing.T) {
	stops := 0
	out := table(Options{Count: 2, Stop: func() { stops++ }}, story)
	if !strings.HasSuffix(out, "↓ world\n") || stops != 1 {
		t.Errorf("%d stops, table\n%s", stops, out)
	}
}

func FuzzTableIsHarmless(f *testing.F) {
	f.Add("\x1b[2J\u202e", "text \x9b\u009b", uint8(80))
	f.Fuzz(func(t *testing.T, head, payload string, width uint8) {
		tell := func(s timeline.Sink) {
			c := chat(1, 0)
			c.Handshake.Path, c.Handshake.Subprotocol, c.Handshake.Reason = head, head, head
			c.Handshake.Extensions = []timeline.Extension{{Name: head}}
			s.Open(c)
			s.Message(text(c, 0, 1, 1, payload))
			s.Message(blob(c, 1, 1, 1, payload))
			s.Frame(control(c, timeline.OpPing, 0, 2, 2, payload))
			s.Frame(control(c, timeline.OpClose, 0, 2, 2, payload))
			s.Finding(&timeline.Finding{Rule: aRule, Conn: c, Got: payload, Want: head, Detail: payload})
			r := chat(2, 1)
			r.Handshake.Status, r.Handshake.Reason = 404, head
			s.Open(r)
			s.Close(r, at(3, 3))
			s.Close(c, closed(c, 3, 3))
			s.Done(&timeline.Totals{})
		}
		var out bytes.Buffer
		opt := Options{Width: int(width), Frames: true}
		tell(NewTable(&out, opt))
		tell(NewList(&out, opt))
		terminaltest.CheckHarmless(t, []byte(head+payload), bytes.ReplaceAll(out.Bytes(), []byte("\n"), nil))
	})
}

func TestList(t *testing.T) {
	var out strings.Builder
	many(NewList(&out, Options{}))
	expect(t, out.String(), `
#  URL                           CLIENT          SERVER       STATUS         DURATION    SENT      RECEIVED  CLOSE              FINDINGS
3  ws://server.example.com/chat  10.0.0.1:51234  10.0.0.2:80  403 Forbidden  10.0 ms     -         -         refused            -
2  ws://server.example.com/chat  10.0.0.1:51234  10.0.0.2:80  101            3 min 20 s  4 (35 B)  -         1000 client clean  -
1  ws://server.example.com/chat  10.0.0.1:51234  10.0.0.2:80  101            6 min 20 s  1 (39 B)  1 (20 B)  server reset       -

3 connections (1 refused): 5 messages sent (74 B), 1 received (20 B); 1 error; 20 packets in 3 TCP connections over 9.1 s; 1 gap with 7 B missing.
`)
}

// Beyond the first page rows keep their columns and are not held.
func TestLongList(t *testing.T) {
	var out strings.Builder
	l := NewList(&out, Options{Width: 120})
	const n = 200_000
	for id := range uint64(n) {
		c := chat(id+1, 0)
		if id%1000 == 0 {
			c.Handshake.Path = "/" + strings.Repeat("long", 80)
		}
		l.Close(c, closed(c, 9, 50))
	}
	if held := len(l.held) + cap(l.buf); held > 16*flushAt {
		t.Errorf("%d rows are held", held)
	}
	l.Done(&timeline.Totals{})
	rows := strings.Split(out.String(), "\n")
	if len(rows) != 1+n+1+1+1 {
		t.Errorf("%d lines", len(rows))
	}
	at := strings.Index(rows[2], "10.0.0.1:")
	for _, i := range []int{1, maxHeld, maxHeld + 2, n} {
		if url := rows[i][:min(len(rows[i]), 100)]; strings.Index(strings.Replace(url, terminal.Ellipsis, ".", 1), "10.0.0.1:") != at {
			t.Errorf("line %d is not in column: %s", i, rows[i])
		}
	}
	if want := fmt.Sprintf("%s connections: 0 messages", quantity.Count(n)); !strings.Contains(rows[len(rows)-2], want) {
		t.Errorf("totals: %s", rows[len(rows)-2])
	}
}
