package report

import (
	"strings"
	"testing"

	"github.com/clipperhouse/displaywidth"

	"github.com/wsdump/wsdump/internal/terminal"
	"github.com/wsdump/wsdump/timeline"
)

func oneMessage(m func(*timeline.Conn) *timeline.Message) func(timeline.Sink) {
	return func(s timeline.Sink) {
		c := chat(1, 0)
		s.Open(c)
		s.Message(m(c))
		s.Done(&timeline.Totals{})
	}
}

func TestTree(t *testing.T) {
	json := `{"b":1e3,"a":[],"list":[1,{"deep":{}},"x\"y:\u202e"], "z" : null}`
	got := table(Options{Pretty: true, Hide: HideOpen}, oneMessage(func(c *timeline.Conn) *timeline.Message { return text(c, 0, 8, 13, json) }))
	expect(t, got, `
   N      TIME         Δ    LENGTH    DATA
   1    0.0130                  65  ↑ {
                                        "b": 1e3,
                                        "a": [],
                                        "list": [
                                          1,
                                          {
                                            "deep": {}
                                          },
                                          "x\"y:\u202e"
                                        ],
                                        "z": null
                                      }
`)
}

// TestTreeStaysOnTheRow: what is no JSON, or cut, is one line.
func TestTreeStaysOnTheRow(t *testing.T) {
	for _, payload := range []string{"hello", `{"a":`, `"just text"`, "[1] x", "\x1b[2J{"} {
		got := table(Options{Pretty: true, Hide: HideOpen}, oneMessage(func(c *timeline.Conn) *timeline.Message { return text(c, 0, 8, 13, payload) }))
		if strings.Count(got, "\n") != 2 {
			t.Errorf("%q: got\n%s", payload, got)
		}
	}
}

// TestTreeIsBounded: JSON that is deep or long costs a bounded number of lines
// of bounded width.
func TestTreeIsBounded(t *testing.T) {
	deep := strings.Repeat("[", 3000) + strings.Repeat("]", 3000)
	long := "[" + strings.Repeat("1,", 20_000) + "1]"
	for _, payload := range []string{deep, long} {
		got := table(Options{Pretty: true, Width: 80}, oneMessage(func(c *timeline.Conn) *timeline.Message { return text(c, 0, 8, 13, payload) }))
		if n := strings.Count(got, "\n"); n > treeLines+5 {
			t.Errorf("%d lines", n)
		}
		for line := range strings.Lines(got) {
			if w := displaywidth.String(strings.TrimSuffix(line, "\n")); w > 80+2*treeDepth {
				t.Fatalf("a line of %d columns", w)
			}
		}
	}
}

// TestColoredJSON: colours change nothing but the look.
func TestColoredJSON(t *testing.T) {
	for text, want := range map[string]string{
		`{"key":"v","n":-1.5e3,"t":true}`: "{" + colorKey + `"key"` + terminal.ColorReset + `:"v",` + colorKey + `"n"` + terminal.ColorReset + ":" + colorValue + "-1.5e3" + terminal.ColorReset + "," + colorKey + `"t"` + terminal.ColorReset + ":" + colorValue + "true" + terminal.ColorReset + "}",
		`["a\":b`:                         `["a\":b`,
		`["a\`:                            `["a\`,
	} {
		if got := string(appendColored(nil, []byte(text))); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
	for _, payload := range []string{`{"a":"b"}`, `[1,2,{"x`, "{\x1b[31m\u202e}", `[[[[]]]]"`} {
		tell := oneMessage(func(c *timeline.Conn) *timeline.Message { return text(c, 0, 8, 13, payload) })
		plain, colored := table(Options{}, tell), table(Options{Color: true}, tell)
		for _, code := range []string{terminal.ColorReset, terminal.ColorBold, terminal.ColorDim, terminal.ColorSent, terminal.ColorReceived, colorKey, colorValue} {
			colored = strings.ReplaceAll(colored, code, "")
		}
		if plain != colored {
			t.Errorf("%q: coloured\n%s\nplain\n%s", payload, colored, plain)
		}
	}
}

func TestHexDump(t *testing.T) {
	payload := ""
	for i := range 40 {
		payload += string(rune('0' + i%10))
	}
	got := table(Options{Hex: true, Hide: HideOpen, Payload: 34}, oneMessage(func(c *timeline.Conn) *timeline.Message { return blob(c, 0, 8, 13, payload+"\x1b") }))
	expect(t, got, `
   N      TIME         Δ    LENGTH    DATA
   1    0.0130                  41  ↑ (binary)
                                      0000  30 31 32 33 34 35 36 37  38 39 30 31 32 33 34 35  |0123456789012345|
                                      0010  36 37 38 39 30 31 32 33  34 35 36 37 38 39 30 31  |6789012345678901|
                                      0020  32 33                                             |23|
                                      … 7 bytes more (--payload all)
`)
}

// TestGroup: one conversation after the other, Δ within each, whatever happens
// at the same time.
func TestGroup(t *testing.T) {
	tell := func(s timeline.Sink) {
		a, b := chat(1, 0), chat(2, 20)
		s.Open(a)
		s.Open(b)
		s.Message(text(a, 0, 8, 30, "a one"))
		s.Message(text(b, 0, 9, 31, "b one"))
		s.Message(text(a, 0, 10, 33, "a two"))
		s.Close(b, closed(b, 12, 50))
		s.Message(text(a, 0, 14, 60, "a three"))
		s.Done(&timeline.Totals{})
	}
	expect(t, table(Options{Group: true}, tell), `
#2  ws://server.example.com/chat   10.0.0.1:51234 -> 10.0.0.2:80   101   chat   12.4 ms
   N      TIME         Δ    LENGTH    DATA
   1    0.0310                   5  ↑ b one
      closed by the client, cleanly, after 30.5 ms: 1 message sent (5 B), 0 received

#1  ws://server.example.com/chat   10.0.0.1:51234 -> 10.0.0.2:80   101   chat   12.4 ms
   N      TIME         Δ    LENGTH    DATA
   1    0.0300                   5  ↑ a one
   2    0.0330   +3.0 ms         5  ↑ a two
   3    0.0600  +27.0 ms         7  ↑ a three
`)
}

// TestASCII: no other byte reaches a terminal that cannot show it.
func TestASCII(t *testing.T) {
	for _, opt := range []Options{{ASCII: true}, {ASCII: true, Color: true, Width: 60}, {ASCII: true, Pretty: true, Frames: true, Hex: true}} {
		got := table(opt, func(s timeline.Sink) {
			c := chat(9, 0)
			c.Handshake.Path = "/größe"
			s.Open(c)
			s.Message(text(c, 0, 8, 13, `{"→":"ключ Grüße 👋"}`))
			many(s)
		})
		for i := range got {
			if got[i] >= 0x80 {
				t.Fatalf("%+v: %q", opt, got[max(0, i-20):min(len(got), i+20)])
			}
		}
		if !strings.Contains(got, `\u2192`) {
			t.Errorf("the arrow of the payload is not told from ours:\n%s", got)
		}
	}
}

func FuzzTree(f *testing.F) {
	f.Add(`{"a":[1,{"b":"\u0000"}]}`, 40)
	f.Add(`[[],{}," "]`, 1)
	f.Fuzz(func(t *testing.T, payload string, width int) {
		for _, opt := range []Options{{Pretty: true, Width: width % 200}, {Pretty: true, Color: true}, {Pretty: true, ASCII: true}} {
			got := table(opt, oneMessage(func(c *timeline.Conn) *timeline.Message { return text(c, 0, 8, 13, payload) }))
			for _, code := range []string{terminal.ColorReset, terminal.ColorBold, terminal.ColorDim, terminal.ColorSent, terminal.ColorReceived, colorKey, colorValue} {
				got = strings.ReplaceAll(got, code, "")
			}
			for _, r := range got {
				if r != '\n' && terminal.IsControl(r) {
					t.Fatalf("%q in %q", r, got)
				}
			}
		}
	})
}
