package check

import (
	"errors"
	"strings"
	"testing"

	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/timeline"
)

// outcome judges one assertion by the calls that tell makes.
func outcome(t *testing.T, text string, tell func(*Judge, *timeline.Conn)) *Result {
	t.Helper()
	c, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return verdictOf(c, tell)
}

func verdictOf(c *Check, tell func(*Judge, *timeline.Conn)) *Result {
	j := NewJudge(&Rules{Checks: []*Check{c}})
	conn := &timeline.Conn{ID: 1, Handshake: &timeline.Handshake{Scheme: "ws", Host: "a.example", Path: "/chat", Status: 101, Request: timeline.Stamp{Packet: 1, Time: 1}, Response: timeline.Stamp{Packet: 2, Time: 2}, HTTPVersion: "1.1"}}
	j.Begin(timeline.Stamp{Packet: 1, Time: 1})
	tell(j, conn)
	j.Done(&timeline.Totals{})
	return &j.Results()[0]
}

func say(j *Judge, c *timeline.Conn, text string) {
	c.Rows++
	j.Message(&timeline.Message{
		Conn: c, N: c.Rows, Dir: timeline.ServerToClient, Kind: timeline.OpText, Text: true, HasPayload: true,
		Payload: []byte(text), Length: uint64(len(text)), HasLength: true, First: timeline.Stamp{Packet: 7, Time: 7},
	})
}

func gap(j *Judge, c *timeline.Conn) {
	j.Finding(&timeline.Finding{Rule: &timeline.Rule{ID: "tcp/gap"}, Conn: c, Severity: timeline.Warning})
}

func talk(lines ...string) func(*Judge, *timeline.Conn) {
	return func(j *Judge, c *timeline.Conn) {
		j.Open(c)
		for _, line := range lines {
			if line == "(gap)" {
				gap(j, c)
				continue
			}
			say(j, c, line)
		}
		c.TCP = timeline.TCPFIN
		j.Close(c, timeline.Stamp{})
	}
}

func tls(name string, guess bool, lines ...string) func(*Judge, *timeline.Conn) {
	return func(j *Judge, c *timeline.Conn) {
		if len(lines) > 0 {
			talk(lines...)(j, c)
		}
		j.Other(&timeline.Other{Kind: "tls", ServerName: name, Guess: guess})
	}
}

func idle(name string, lines ...string) func(*Judge, *timeline.Conn) {
	return func(j *Judge, c *timeline.Conn) {
		talk(lines...)(j, c)
		j.Other(&timeline.Other{Kind: "tls", ServerName: name, Idle: true})
	}
}

// TestOutcomes is the table of the package's promise.
func TestOutcomes(t *testing.T) {
	for _, tc := range []struct {
		text string
		tell func(*Judge, *timeline.Conn)
		want Outcome
	}{
		{`message none: text == "bad"`, talk("good"), Pass},
		{`message none: text == "bad"`, talk("good", "bad"), Fail},
		{`message none: text == "bad"`, talk("(gap)", "good"), Inconclusive},
		{`message none: text == "bad"`, talk("(gap)", "bad"), Fail},
		{`message none: text == "bad"`, talk(), Fail}, // nothing was judged
		{`message none: host == "a.example" and text == "bad"`, idle("a.example", "good"), Pass},
		{`message none: path == "/other" and text == "bad"`, talk("(gap)", "good"), Pass},
		{`message some: text == "good"`, talk("good", "(gap)"), Pass},
		{`message some: text == "good"`, talk("bad"), Fail},
		{`message some: text == "good"`, talk("bad", "(gap)"), Inconclusive},
		{`message some: text == "good"`, talk(), Fail},
		{`message every: length < 5`, talk("good", "bad"), Pass},
		{`message every: length < 5`, talk("good", "too long"), Fail},
		{`message every: length < 5`, talk("good", "(gap)"), Inconclusive},
		{`message every: has(json.type)`, talk(`{"type":1}`, `{}`), Fail},
		{`connection every: status == 101`, talk("x"), Pass},
		{`connection every: status == 101 and received.messages > 5`, talk("x"), Fail},
		{`connection none: path == "/chat"`, talk("x"), Fail},
		{`connection some: path == "/chat"`, talk(), Pass},
		{`connection some: path == "/chat"`, func(*Judge, *timeline.Conn) {}, Fail},
		// TLS without keys spoils what it could be part of, and nothing else.
		{`message none: text == "bad"`, tls("b.example", false, "good"), Inconclusive},
		{`message none: host == "a.example" and text == "bad"`, tls("b.example", true, "good"), Pass},
		{`message none: host == "a.example" and text == "bad"`, tls("a.example", false, "good"), Inconclusive},
		{`message every: length < 5`, tls("b.example", false, "good"), Pass},
		{`message every: length < 5`, tls("b.example", true, "good"), Inconclusive},
		{`message every: length < 5`, tls("b.example", false), Inconclusive},
	} {
		if r := outcome(t, tc.text, tc.tell); r.Outcome != tc.want {
			t.Errorf("%s: %s, want %s (%+v)", tc.text, r.Outcome, tc.want, r)
		}
	}
}

// TestUnknownRows: a row whose payload is not known keeps a check from passing.
func TestUnknownRows(t *testing.T) {
	cut := func(j *Judge, c *timeline.Conn) {
		j.Open(c)
		j.Message(&timeline.Message{Conn: c, N: 1, Kind: timeline.OpText, Text: true, HasPayload: true, Incomplete: true, Payload: []byte("b")})
	}
	if r := outcome(t, `message none: text == "bad"`, cut); r.Outcome != Inconclusive || r.Unknown != 1 {
		t.Errorf("%+v", r)
	}
}

// TestCut: an input that was not read to its end proves what was seen, and
// nothing else.
func TestCut(t *testing.T) {
	for text, want := range map[string]Outcome{
		`message none: text == "x"`: Inconclusive, `message none: text == "good"`: Fail,
		`message some: text == "x"`: Inconclusive, `message some: text == "good"`: Pass,
	} {
		c, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		j := NewJudge(&Rules{Checks: []*Check{c}})
		talk("good")(j, &timeline.Conn{ID: 1})
		j.Done(&timeline.Totals{})
		if j.Cut(); j.Results()[0].Outcome != want {
			t.Errorf("%s: %s, want %s", text, j.Results()[0].Outcome, want)
		}
	}
}

// TestProtocol: what the traffic did fails, what the observer missed is a doubt.
func TestProtocol(t *testing.T) {
	for _, tc := range []struct {
		profile Profile
		rule    string
		sev     timeline.Severity
		want    Outcome
	}{
		{Basic, "ws/mask-missing", timeline.Error, Fail},
		{Basic, "ws/close-missing", timeline.Warning, Pass},
		{Strict, "ws/close-missing", timeline.Warning, Fail},
		{Strict, "ws/pong-unsolicited", timeline.Note, Pass},
		{Strict, "tcp/gap", timeline.Warning, Inconclusive},
	} {
		r := verdictOf(Protocol(tc.profile, nil), func(j *Judge, c *timeline.Conn) {
			j.Open(c)
			j.Finding(&timeline.Finding{Rule: &timeline.Rule{ID: tc.rule}, Severity: tc.sev, Conn: c})
		})
		if r.Outcome != tc.want {
			t.Errorf("%s: %s: %s, want %s", r.Check, tc.rule, r.Outcome, tc.want)
		}
	}
	if r := verdictOf(Protocol(Basic, nil), func(*Judge, *timeline.Conn) {}); r.Outcome != Fail {
		t.Errorf("no WebSocket: %s", r.Outcome)
	}
	if r := verdictOf(Protocol(Basic, nil), func(j *Judge, c *timeline.Conn) { c.Recorded = true; j.Open(c) }); r.Outcome != Inconclusive {
		t.Errorf("a HAR: %s", r.Outcome)
	}
}

// TestViolations: they are bounded, one line each, and count on.
func TestViolations(t *testing.T) {
	lines := make([]string, 9)
	for i := range lines {
		lines[i] = "\x1b[2J\n" + strings.Repeat("ü", 200)
	}
	r := outcome(t, `message none: length > 1`, talk(lines...))
	if len(r.Violations) != MaxViolations || r.Violated != 9 || r.Violations[1].Rows[0].N != 2 || r.Violations[1].URL != "ws://a.example/chat" {
		t.Fatalf("%+v", r)
	}
	if line := r.Violations[0].Rows[0].Line; strings.ContainsAny(line, "\x1b\n") || !strings.HasPrefix(line, `<[truncated] \u{1b}[2J\nü`) {
		t.Errorf("%q", line)
	}
}

func TestParseErrors(t *testing.T) {
	for _, text := range []string{"", "message", "message none", "frame none: true", "message all: true", "message none extra: true"} {
		if _, err := Parse(text); !errors.As(err, new(*SyntaxError)) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := Parse("message none: textt == \"x\""); !errors.As(err, new(*query.Error)) {
		t.Errorf("%v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`message none: json.type == "error"`)
	f.Add("connection  every :status == 101")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(c.String())
		if err != nil || again.String() != c.String() {
			t.Fatalf("%q became %q, then %v", text, c, err)
		}
	})
}

// TestUnread: packets that cannot be read, and bytes missing from a connection of an
// unknown protocol, may have been a WebSocket.
func TestUnread(t *testing.T) {
	for what, want := range map[string]Outcome{
		"link type 147 (user-defined 0)": Inconclusive, "encrypted 802.11": Inconclusive, "IP fragment": Inconclusive, "wrong checksum": Inconclusive,
		"UDP": Pass, "ARP": Pass, "not IP": Pass,
	} {
		c, err := Parse(`message none: json.type == "error"`)
		if err != nil {
			t.Fatal(err)
		}
		j := NewJudge(&Rules{Checks: []*Check{c}})
		conn := &timeline.Conn{ID: 1, Handshake: &timeline.Handshake{Status: 101, HTTPVersion: "1.1"}, Transport: &timeline.Transport{}}
		j.Begin(timeline.Stamp{Packet: 1, Time: 1})
		talk("hello")(j, conn)
		j.Done(&timeline.Totals{Skipped: []timeline.Count{{What: what, N: 3}}})
		if r := j.Results()[0]; r.Outcome != want {
			t.Errorf("%s: %v, %q", what, r.Outcome, r.Doubts)
		}
	}
	for gaps, want := range map[uint64]Outcome{0: Pass, 100: Inconclusive} {
		r := outcome(t, `message none: json.type == "error"`, func(j *Judge, c *timeline.Conn) {
			talk("hello")(j, c)
			j.Other(&timeline.Other{Kind: "other", Transport: &timeline.Transport{Gaps: [2]uint64{0, gaps}}})
		})
		if r.Outcome != want {
			t.Errorf("%d bytes missing: %v, %q", gaps, r.Outcome, r.Doubts)
		}
	}
}

// TestMissingSYN: a handshake without its SYN is whole; a connection without its handshake
// is not.
func TestMissingSYN(t *testing.T) {
	for midstream, want := range map[bool]Outcome{false: Pass, true: Inconclusive} {
		r := outcome(t, `message none: json.type == "error"`, func(j *Judge, c *timeline.Conn) {
			c.Midstream = midstream
			j.Open(c)
			j.Finding(&timeline.Finding{Rule: &timeline.Rule{ID: "tcp/midstream"}, Conn: c, Severity: timeline.Note})
			say(j, c, "hello")
			j.Close(c, timeline.Stamp{})
		})
		if r.Outcome != want {
			t.Errorf("midstream %v: %v, %q", midstream, r.Outcome, r.Doubts)
		}
	}
}

// TestUnanswered: a handshake without a response is a finding when TCP has ended, and a
// doubt while it is open.
func TestUnanswered(t *testing.T) {
	for end, want := range map[timeline.TCPEnd]Outcome{timeline.TCPFIN: Pass, timeline.TCPOpen: Inconclusive} {
		r := verdictOf(Protocol(Strict, nil), func(j *Judge, c *timeline.Conn) {
			c.Handshake.Status, c.TCP = 0, end
			j.Open(c)
			j.Close(c, timeline.Stamp{})
		})
		if r.Outcome != want {
			t.Errorf("TCP %s: %s, want %s; %q", end, r.Outcome, want, r.Doubts)
		}
	}
}
