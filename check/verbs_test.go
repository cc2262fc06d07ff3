package check

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wsdump/wsdump/timeline"
)

// tell makes the calls of a conversation to a judge. Each line is one event, with its
// milliseconds:
//
//	0 open [PATH [CLIENT]]
//	5 > text, 5 < text
//	9 ping >, 12 pong < (which answers the latest ping the other way)
//	20 gap, 20 finding RULE
//	30 close, 30 open-at-end
//
// A line may begin with #N, the connection; 1 is the default.
func tell(t *testing.T, j *Judge, story string) {
	t.Helper()
	conns := map[uint64]*timeline.Conn{}
	pinged := [2]int64{}
	packet := uint64(0)
	last := timeline.Stamp{}
	j.Begin(timeline.Stamp{Packet: 1})
	for line := range strings.SplitSeq(story, "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		id := uint64(1)
		if rest, is := strings.CutPrefix(line, "#"); is {
			number, after, _ := strings.Cut(rest, " ")
			id, _ = strconv.ParseUint(number, 10, 64)
			line = after
		}
		ms, rest, _ := strings.Cut(line, " ")
		at, err := strconv.ParseInt(ms, 10, 64)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		packet++
		last = timeline.Stamp{Packet: packet, Time: at * int64(time.Millisecond)}
		word, text, _ := strings.Cut(rest, " ")
		c := conns[id]
		dir := timeline.ClientToServer
		if word == "<" || text == "<" {
			dir = timeline.ServerToClient
		}
		switch word {
		case "open":
			path, client, _ := strings.Cut(text, " ")
			if path == "" {
				path = "/chat"
			}
			if client == "" {
				client = "10.0.0.1"
			}
			c = &timeline.Conn{
				ID: id, Client: netip.AddrPortFrom(netip.MustParseAddr(client), uint16(4000+id)), Server: netip.MustParseAddrPort("10.0.0.2:8080"), Opened: last,
				Handshake: &timeline.Handshake{Scheme: "ws", Host: "a.example", Path: path, Target: path, Status: 101, Request: last, Response: last, HTTPVersion: "1.1"},
			}
			if id >= 100 { // entered midstream
				c.Handshake, c.Midstream = nil, true
			}
			conns[id] = c
			j.Open(c)
		case ">", "<":
			c.Rows++
			j.Message(&timeline.Message{
				Conn: c, N: c.Rows, Dir: dir, Kind: timeline.OpText, Text: true, HasPayload: true, Payload: []byte(text), Length: uint64(len(text)), HasLength: true,
				First: last, Last: last,
			})
		case "ping", "pong":
			c.Rows++
			f := &timeline.Frame{Conn: c, N: c.Rows, Dir: dir, Opcode: timeline.OpPing, First: last, Last: last}
			if word == "pong" {
				f.Opcode, f.HasRTT, f.RTT = timeline.OpPong, true, time.Duration(last.Time-pinged[dir.Reverse()])
			} else {
				pinged[dir] = last.Time
			}
			j.Frame(f)
		case "gap":
			j.Finding(&timeline.Finding{Rule: &timeline.Rule{ID: "tcp/gap"}, Conn: c, At: last, Severity: timeline.Warning})
		case "finding":
			j.Finding(&timeline.Finding{Rule: &timeline.Rule{ID: text}, Conn: c, At: last, Severity: timeline.Warning})
		case "close", "open-at-end":
			c.TCP, c.ClosedBy, c.CloseCode, c.By, c.FirstFIN = timeline.TCPFIN, [2]bool{true, true}, 1000, timeline.PartyClient, timeline.PartyServer
			if word == "open-at-end" {
				c.TCP, c.ClosedBy, c.CloseCode = timeline.TCPOpen, [2]bool{}, 0
			}
			c.EndBegan, c.Ended = last, last
			j.Close(c, last)
			delete(conns, id)
		default:
			t.Fatalf("%q: what is that", line)
		}
	}
	j.Done(&timeline.Totals{})
}

// judgeStory judges a story by the checks of a file of rules.
func judgeStory(t *testing.T, rules, story string) []Result {
	t.Helper()
	r, err := read("rules.yaml", []byte("version: 1\n"+rules), nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, rules)
	}
	j := NewJudge(r)
	tell(t, j, story)
	return j.Results()
}

// TestVerbs: every verb with each of its outcomes.
func TestVerbs(t *testing.T) {
	const talk = "0 open\n10 > {\"type\":\"init\"}\n20 < {\"type\":\"ack\"}\n"
	const steps = `sequence: { where: path == "/chat", steps: [ { send: json.type == "init", within: 1s }, { receive: json.type == "ack", within: 2s } ] }`
	const rpc = `exchange: { request: dir == "send" and has(json.id), reply: dir == "receive" and has(json.id), key: json.id, `
	for _, tc := range []struct {
		check, story string
		want         Outcome
		says         string // in what it says of its violation
	}{
		// connection
		{`connection: { where: path == "/chat", count: 1, expect: [ status == 101, clean ] }`, talk + "30 close", Pass, ""},
		{`connection: { where: path == "/chat", count: 2 }`, talk + "30 close", Fail, "2 wanted, 1 seen"},
		{`connection: { where: path == "/chat", count: 0 }`, talk + "30 close", Fail, "this is number 1"},
		{`connection: { where: path == "/nobody", count: 0 }`, talk + "30 close", Pass, ""},
		{`connection: { where: path == "/nobody", count: 1 }`, talk + "30 close", Fail, "1 wanted, 0 seen"},
		{`connection: { where: path == "/chat", count: { min: 1 } }`, talk + "25 gap\n30 close", Pass, ""},
		{`connection: { where: path == "/chat", count: { min: 1, max: 3 } }`, talk + "25 gap\n30 close", Inconclusive, "bytes are missing"},
		{`connection: { where: path == "/chat", expect: duration_ms > 100 }`, talk + "30 close", Fail, "duration_ms is 30"},
		{`connection: { where: path == "/nobody", expect: clean }`, talk + "30 close", Fail, ""}, // zero matches
		{"zero_match: pass\n    connection: { where: path == \"/nobody\", expect: clean }", talk + "30 close", Pass, ""},
		{"zero_match: inconclusive\n    connection: { where: path == \"/nobody\", expect: clean }", talk + "30 close", Inconclusive, ""},
		// message
		{`message: { where: dir == "receive", none: json.type == "error" }`, talk + "30 close", Pass, ""},
		{`message: { where: dir == "receive", none: json.type == "ack" }`, talk + "30 close", Fail, ""},
		{`message: { where: dir == "send", none: json.type == "ack" }`, talk + "30 close", Pass, ""},
		{`message: { every: length <= 14 }`, talk + "30 close", Fail, "length is 15"},
		{`message: { some: json.type == "ack", every: has(json.type) }`, talk + "30 close", Pass, ""},
		{`message: { some: json.type == "nack", every: has(json.type) }`, talk + "30 close", Fail, "no row matches"},
		{`message: { some: json.type == "ack" }`, talk + "25 gap\n30 close", Pass, ""},
		{`message: { some: json.type == "ack", every: has(json.type) }`, talk + "25 gap\n30 close", Inconclusive, ""},
		{`message: { where: dir == "send", count: { max: 1 } }`, talk + "25 > x\n30 close", Fail, "this is number 2"},
		// sequence
		{steps, talk + "30 close", Pass, ""},
		{steps, "0 open\n10 > {\"type\":\"init\"}\n15 < {\"type\":\"hello\"}\n20 < {\"type\":\"ack\"}\n30 close", Pass, ""},
		{steps, "0 open\n10 > {\"type\":\"init\"}\n3000 < {\"type\":\"ack\"}\n3010 close", Fail, "came after 2.99s"},
		{steps, "0 open\n10 > {\"type\":\"init\"}\n30 close", Fail, "nothing, until the connection ended 20ms later"},
		{steps, "0 open\n10 > {\"type\":\"init\"}\n30 open-at-end", Inconclusive, "was open when the capture ended"},
		{steps, "0 open\n10 > {\"type\":\"init\"}\n3000 open-at-end", Fail, "nothing, in 2.99s"},
		{steps, "0 open\n10 > {\"type\":\"init\"}\n20 gap\n30 close", Inconclusive, "bytes are missing"},
		{steps, "0 open\n20 < {\"type\":\"ack\"}\n25 > {\"type\":\"init\"}\n30 close", Fail, "step 2"},
		{steps, "0 open /other\n30 close", Fail, ""}, // zero matches
		{steps, talk + "#2 22 open /other\n#2 23 gap\n#2 24 close\n30 close", Pass, ""},
		{steps, "#100 0 open\n#100 10 > x\n#100 30 close", Inconclusive, "the beginning of a connection"},
		// exchange
		{rpc + `unanswered: 0 }`, "0 open\n1 > {\"id\":1}\n2 > {\"id\":2}\n3 < {\"id\":2}\n4 < {\"id\":1}\n5 close", Pass, ""},
		{rpc + `unanswered: 0 }`, "0 open\n1 > {\"id\":1}\n2 > {\"id\":2}\n3 < {\"id\":2}\n5 close", Fail, "none until the connection ended"},
		{rpc + `unanswered: 1 }`, "0 open\n1 > {\"id\":1}\n2 > {\"id\":2}\n3 < {\"id\":2}\n5 close", Pass, ""},
		{rpc + `unanswered: 0 }`, "0 open\n1 > {\"id\":1}\n5 open-at-end", Inconclusive, "was open"},
		{rpc + `unanswered: 0 }`, "0 open\n1 > {\"id\":1}\n3 gap\n5 close", Inconclusive, "bytes are missing"},
		{rpc + `within: 100ms }`, "0 open\n1 > {\"id\":1}\n301 < {\"id\":1}\n305 close", Fail, "it came after 300ms"},
		{rpc + `within: 100ms }`, "0 open\n1 > {\"id\":1}\n301 < {\"id\":1}\n302 gap\n305 close", Fail, "it came after 300ms"},
		{rpc + `p50: 100ms }`, "0 open\n1 > {\"id\":1}\n2 < {\"id\":1}\n3 > {\"id\":2}\n4 < {\"id\":2}\n5 > {\"id\":3}\n900 < {\"id\":3}\n905 close", Pass, ""},
		{rpc + `p95: 100ms }`, "0 open\n1 > {\"id\":1}\n2 < {\"id\":1}\n3 > {\"id\":2}\n4 < {\"id\":2}\n5 > {\"id\":3}\n900 < {\"id\":3}\n905 close", Fail, "the slowest took 895ms"},
		{rpc + `unanswered: 0 }`, "0 open\n1 > hello\n5 close", Fail, ""}, // no request at all
		{`exchange: { request: text == "ask", reply: text == "answer" }`, "0 open\n1 > ask\n2 > ask\n3 < answer\n4 < answer\n5 close", Pass, ""},
		{`exchange: { request: text == "ask", reply: text == "answer" }`, "0 open\n1 > ask\n2 > ask\n3 < answer\n5 close", Fail, "none until"},
		// ping
		{`ping: { unanswered: 0, rtt_max: 1s, interval_max: 35s }`, "0 open\n30000 ping <\n30010 pong >\n60000 ping <\n60010 pong >\n61000 close", Pass, ""},
		{`ping: { rtt_max: 1s }`, "0 open\n30000 ping <\n32000 pong >\n33000 close", Fail, "it came after 2s"},
		{`ping: { interval_max: 35s }`, "0 open\n30000 ping <\n90000 ping <\n91000 close", Fail, "none for 1m0s"},
		{`ping: { interval_max: 35s }`, "0 open\n30000 ping <\n91000 close", Fail, "none for 1m1s"},
		{`ping: { interval_max: 35s }`, "0 open\n91000 close", Fail, "none for 1m31s"},
		{`ping: { interval_max: 35s }`, "0 open\n91000 gap\n91000 close", Inconclusive, "bytes are missing"},
		{`ping: { unanswered: 0 }`, "0 open\n10 ping <\n20000 finding ws/pong-missing\n20001 close", Fail, "a pong"},
		{`ping: { unanswered: 1 }`, "0 open\n10 ping <\n20000 finding ws/pong-missing\n20001 close", Pass, ""},
		{`ping: { unanswered: 0 }`, "0 open\n20001 close", Fail, ""}, // no ping
		// rate
		{`rate: { where: dir == "send", per: 1s, max: 2 }`, "0 open\n1 > a\n2 > b\n3 < x\n4 < y\n1500 > c\n2000 close", Pass, ""},
		{`rate: { where: dir == "send", per: 1s, max: 2 }`, "0 open\n1 > a\n2 > b\n900 > c\n2000 close", Fail, "this is number 3 in 899ms"},
		{`rate: { per: 1s, max: 2 }`, "0 open\n1 > a\n2 > b\n#2 3 open\n#2 4 > c\n2000 close", Pass, ""},
		{`rate: { per: 1s, max: 2, of: all }`, "0 open\n1 > a\n2 > b\n#2 3 open\n#2 4 > c\n2000 close", Fail, "this is number 3"},
		{`rate: { per: 1s, max: 2 }`, "0 open\n1 > a\n2 > b\n3 gap\n2000 close", Inconclusive, ""},
		// reconnect
		{`reconnect: { where: path == "/chat", max: 0, within: 30s }`, talk + "30 close\n#2 60000 open\n#2 60010 close", Pass, ""},
		{`reconnect: { where: path == "/chat", max: 0, within: 30s }`, talk + "30 close\n#2 2000 open\n#2 2010 close", Fail, "this is number 1, 1.97s after the end"},
		{`reconnect: { where: path == "/chat", max: 0, within: 30s }`, talk + "30 close\n#2 2000 open /chat 10.0.0.9\n#2 2010 close", Pass, ""},
		{`reconnect: { where: path == "/chat", min: 1 }`, talk + "30 close\n#2 2000 open\n#2 2010 close", Pass, ""},
		{`reconnect: { where: path == "/chat", min: 1 }`, talk + "30 close", Fail, "1 reconnects wanted, 0 seen"},
		{`reconnect: { where: path == "/chat", min: 1 }`, talk + "20 gap\n30 close", Inconclusive, ""},
	} {
		r := judgeStory(t, "checks:\n  - id: x\n    "+tc.check+"\n", tc.story)[0]
		said := r.Wanted + strings.Join(r.Doubts, ";")
		for _, v := range r.Violations {
			said += fmt.Sprint(v.Expected, ";", v.Actual, ";")
			if r.Outcome == Fail && (len(v.Rows) == 0 || v.Conn == 0) {
				t.Errorf("%s: a violation without a place: %+v", tc.check, v)
			}
		}
		if r.Outcome != tc.want || !strings.Contains(said, tc.says) {
			t.Errorf("%s\n%s\n%s, want %s; %q, want %q", tc.check, tc.story, r.Outcome, tc.want, said, tc.says)
		}
	}
}

// TestScope: other traffic is none of our business.
func TestScope(t *testing.T) {
	const check = "checks:\n  - id: x\n    message: { none: text == \"bad\" }\n"
	for _, tc := range []struct {
		scope, story string
		want         Outcome
	}{
		{"", "0 open\n1 > bad\n2 close", Fail},
		{"scope: { hosts: [a.example] }\n", "0 open\n1 > bad\n2 close", Fail},
		{"scope: { hosts: ['*.example'] }\n", "0 open\n1 > bad\n2 close", Fail},
		{"scope: { hosts: [b.example] }\n", "0 open\n1 > bad\n2 close", Fail}, // nothing is left to judge
		{"scope: { ports: [8080] }\n", "0 open\n1 > good\n2 close", Pass},
		{"scope: { ports: [80] }\ndefaults: { zero_match: pass }\n", "0 open\n1 > bad\n2 gap\n2 close", Pass},
		{"scope: { hosts: [a.example] }\n", "0 open\n1 > good\n#100 1 open\n#100 2 > bad\n#100 3 close\n4 close", Inconclusive}, // whose host is not known
	} {
		if r := judgeStory(t, tc.scope+check, tc.story)[0]; r.Outcome != tc.want {
			t.Errorf("%s: %s, want %s", tc.scope, r.Outcome, tc.want)
		}
	}
}

// TestOverrides: a file may judge by other severities than the rules' own.
func TestOverrides(t *testing.T) {
	const story = "0 open\n1 finding ws/close-missing\n2 close"
	for set, want := range map[string]Outcome{
		"protocol: { profile: basic }": Pass, "protocol: { profile: strict }": Fail, "protocol: { profile: strict, set: { ws/close-missing: off } }": Pass,
		"protocol: { profile: basic, set: { ws/close-missing: error } }": Fail, "protocol: { profile: strict, set: { ws/close-missing: note } }": Pass,
	} {
		if r := judgeStory(t, set+"\n", story)[0]; r.Outcome != want {
			t.Errorf("%s: %s, want %s", set, r.Outcome, want)
		}
	}
}

// TestDeterminism: the same story gives the same results, violation by violation.
func TestDeterminism(t *testing.T) {
	story := "0 open\n"
	for i := range 50 {
		story += fmt.Sprintf("%d > {\"id\":%d}\n", i+1, i)
	}
	story += "100 close"
	rules := "checks:\n  - id: x\n    exchange: { request: dir == \"send\", reply: dir == \"receive\", key: json.id }\n"
	want := fmt.Sprintf("%+v", judgeStory(t, rules, story)[0].Violations)
	for range 20 {
		if got := fmt.Sprintf("%+v", judgeStory(t, rules, story)[0].Violations); got != want {
			t.Fatalf("%s\nthen\n%s", want, got)
		}
	}
}
