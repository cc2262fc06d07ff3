package query

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wsdump/wsdump/timeline"
)

// ear is a sink that keeps a line for each call.
type ear struct {
	timeline.Nop
	needs timeline.Needs
	heard []string
}

func (e *ear) say(format string, args ...any) {
	e.heard = append(e.heard, fmt.Sprintf(format, args...))
}

func (e *ear) Begin(timeline.Stamp)                     { e.say("begin") }
func (e *ear) Needs(*timeline.Conn) timeline.Needs      { return e.needs }
func (e *ear) Open(c *timeline.Conn)                    { e.say("open %d", c.ID) }
func (e *ear) Frame(f *timeline.Frame)                  { e.say("frame %s", f.Opcode) }
func (e *ear) Message(m *timeline.Message)              { e.say("message %s", m.Payload) }
func (e *ear) Finding(*timeline.Finding)                { e.say("finding") }
func (e *ear) Close(c *timeline.Conn, _ timeline.Stamp) { e.say("close %d", c.ID) }
func (e *ear) Done(*timeline.Totals)                    { e.say("done") }

// keen is an ear that asks what matches.
type keen struct{ ear }

func (k *keen) Select(m Match) {
	words := []string{}
	for i, w := range []string{"open", "message", "control", "frame", "finding", "close"} {
		if m&(1<<i) != 0 {
			words = append(words, w)
		}
	}
	k.say("[%s]", strings.Join(words, " "))
}

// tell makes the calls of a short conversation to a sink.
func tell(s timeline.Sink) {
	s.Begin(at(1, 0))
	a, b := chat(), midstream()
	a.ID, b.ID = 1, 2
	for _, c := range []*timeline.Conn{a, b} {
		s.Open(c)
		s.Needs(c)
	}
	s.Message(message(a, "one"))
	s.Message(opaque(message(b, "two")))
	if s.Needs(a).Frames {
		s.Frame(&timeline.Frame{Conn: a, Opcode: timeline.OpText, Fin: true, First: at(8, 1), Length: 3, Payload: []byte("one")})
	}
	s.Frame(pong(a, time.Second))
	s.Finding(&timeline.Finding{Rule: rule, Severity: timeline.Error, Conn: b, At: at(9, 5)})
	s.Finding(&timeline.Finding{Rule: rule, Severity: timeline.Error, At: at(9, 5)})
	for _, c := range []*timeline.Conn{a, b} {
		closed(c)
		s.Close(c, c.Ended)
	}
	s.Done(&timeline.Totals{})
}

func TestFilter(t *testing.T) {
	for _, tc := range []struct {
		text        string
		frames      bool
		plain, keen string
		counts      Counts
	}{
		{
			`conn == 1`, false, "open 1, message one, frame pong, close 1",
			"[open], open 1, message one, [control], frame pong, [close], close 1",
			Counts{Rows: 9, Matched: 4},
		},
		{`text == "one"`, false, "message one", "[], open 1, message one, [], close 1", Counts{Rows: 9, Matched: 1, Unknown: 1}},
		{`op == "pong"`, true, "frame pong", "[], open 1, [control frame], frame pong, [], close 1", Counts{Rows: 11, Matched: 2}},
		{`type == "frame"`, true, "frame text, frame pong", "[], open 1, [frame], frame text, [frame], frame pong, [], close 1", Counts{Rows: 11, Matched: 2}},
		{`rtt_ms > 1`, true, "frame pong", "[], open 1, [control], frame pong, [], close 1", Counts{Rows: 11, Matched: 1}},
		{`clean and conn == 2`, false, "close 2", "[], open 2, [close], close 2", Counts{Rows: 9, Matched: 1}},
		{`severity == "error"`, false, "finding, finding", "[], open 2, finding, finding, [], close 2", Counts{Rows: 9, Matched: 2}},
		{
			`path == "/chat"`, false, "open 1, message one, frame pong, close 1",
			"[open], open 1, message one, [control], frame pong, [close], close 1",
			Counts{Rows: 9, Matched: 4, Unknown: 4},
		},
		{`conn == 9`, false, "", "", Counts{Rows: 9}},
	} {
		p, err := Compile(tc.text, Rows)
		if err != nil {
			t.Fatal(err)
		}
		needs := timeline.Needs{Frames: tc.frames, Payload: true}
		plain, attentive := &ear{needs: needs}, &keen{ear: ear{needs: needs}}
		for _, k := range []struct {
			sink  timeline.Sink
			heard *[]string
			want  string
		}{{plain, &plain.heard, tc.plain}, {attentive, &attentive.heard, tc.keen}} {
			f := NewFilter(k.sink, p)
			tell(f)
			want := slices.DeleteFunc([]string{"begin", k.want, "done"}, func(s string) bool { return s == "" })
			if got := strings.Join(*k.heard, ", "); got != strings.Join(want, ", ") {
				t.Errorf("%s: heard\n%s, want\n%s", tc.text, got, want)
			}
			if f.Counts() != tc.counts {
				t.Errorf("%s: counts %+v, want %+v", tc.text, f.Counts(), tc.counts)
			}
			if len(f.opened) != 0 {
				t.Errorf("%s: %d connections are held after the end", tc.text, len(f.opened))
			}
		}
	}
}

func TestFilterNeeds(t *testing.T) {
	p, _ := Compile(`path == "/other" and text contains "x"`, Rows)
	f := NewFilter(&ear{needs: timeline.Needs{Payload: true, Frames: true}}, p)
	if n := f.Needs(chat()); n != (timeline.Needs{}) {
		t.Errorf("a connection that cannot match is looked at: %+v", n)
	}
	if n := f.Needs(midstream()); !n.Payload || !n.Frames {
		t.Errorf("a connection that could match: %+v", n)
	}
	p, _ = Compile(`path == "/chat"`, Rows)
	if n := NewFilter(&ear{}, p).Needs(chat()); n.Payload {
		t.Error("a filter on path asks for payload")
	}
	p, _ = Compile(`length > 3`, Rows)
	if n := NewFilter(&ear{}, p).Needs(chat()); !n.Payload {
		t.Error("a filter on length must have compressed messages inflated")
	}
}

func TestFilterDecode(t *testing.T) {
	p, _ := Compile(`decoded.op == "add"`, Rows)
	e := &ear{}
	f := NewFilter(e, p)
	f.Decode = func(m *timeline.Message) []byte {
		if string(m.Payload) == "\x81" {
			return []byte(`{"op":"add"}`)
		}
		return nil
	}
	f.Message(binary(chat(), "\x81"))
	f.Message(binary(chat(), "\x82"))
	if len(e.heard) != 1 {
		t.Errorf("heard %q", e.heard)
	}
}

func TestConnectionFilter(t *testing.T) {
	p, err := Compile(`path == "/chat" and received.messages > 5`, Connections)
	if err != nil {
		t.Fatal(err)
	}
	e := &ear{}
	f := NewConnectionFilter(e, p)
	tell(f)
	if got := strings.Join(e.heard, ", "); got != "begin, open 1, close 1, done" {
		t.Errorf("heard %s", got)
	}
	if c := f.Counts(); c != (Counts{Rows: 2, Matched: 1, Unknown: 1}) {
		t.Errorf("counts %+v", c)
	}
}
