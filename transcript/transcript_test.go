package transcript

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wsdump/wsdump/timeline"
)

const sample = `# wsdump transcript 1

! open ws://example.com/chat?a=\u{20}b 101 subprotocol=chat extension=permessage-deflate;client_max_window_bits
> hello
< world
>
>  two spaces before, one behind 
< C:\\temp\tx\u{202e}y\n
! < ping "png"
! > pong "say \"png\""
! < pong 0xff00 [truncated]
>0x 00010203fdfeff
>0x
<0x[text,incomplete] c3
<[guessed] late
! > error ws/mask-missing
! note capture/duplicate
! > close 1000 "bye"
! < close
! end fin

! open - -
< mid-stream

! open ws://example.com/login 401
`

func TestParse(t *testing.T) {
	all, err := Parse(strings.NewReader(sample))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := Write(&out, all); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample, out.String()); diff != "" {
		t.Errorf("read and written (-want +got):\n%s", diff)
	}
	if len(all) != 3 || all[0].URL != "ws://example.com/chat?a= b" || all[0].Status != 101 || all[2].Status != 401 || all[1].URL != "" {
		t.Errorf("conversations %+v", all)
	}
	e := all[0].Events
	if string(e[4].Payload) != "C:\\temp\tx\u202ey\n" || e[4].Dir != timeline.ServerToClient || e[4].Line != 8 {
		t.Errorf("escapes: %+v", e[4])
	}
	if !e[8].Binary || len(e[8].Payload) != 7 || e[10].Binary || e[10].Marks[0] != MarkIncomplete {
		t.Errorf("bytes: %+v, %+v", e[8], e[10])
	}
	if e[14].Kind != Close || e[14].Code != 1000 || string(e[14].Payload) != "bye" || e[16].Words != "fin" {
		t.Errorf("ends: %+v, %+v", e[14], e[16])
	}
}

// TestParseLeniently: what people write by hand.
func TestParseLeniently(t *testing.T) {
	all, err := Parse(strings.NewReader("\xef\xbb\xbf> one\r\n# a remark\r\n< two\r\n\r\n> three"))
	if err != nil || len(all) != 2 || len(all[0].Events) != 2 || string(all[0].Events[1].Payload) != "two" || string(all[1].Events[0].Payload) != "three" {
		t.Errorf("got %+v, %v", all, err)
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"hello":                     "line 1: a line begins with >, <, ! or #",
		"> a\n>b":                   "line 2: a space is missing before the payload",
		"# x\n\n> \\x":              `line 3: the text has an escape that is none; a backslash is written \\`,
		">0x 0":                     "line 1: the payload is not hexadecimal",
		">[guessed x":               "line 1: marks have no ]",
		"> \xff":                    "line 1: the text is not UTF-8; bytes are written 0x... behind the arrow",
		"! open ws://a":             "line 1: an open line has a URL and a status, or - for each",
		"! open ws://a x":           `line 1: "x" is no status`,
		"! open ws://a 101 chat":    `line 1: "chat" is not NAME=VALUE`,
		"! open ws://a\\q 101":      "line 1: the URL has an escape that is none",
		"! ping":                    "line 1: ping needs a direction: ! > ping or ! < ping",
		"! > close 99999":           `line 1: "99999" is no close code`,
		`! > ping "x`:               "line 1: a quotation mark is missing",
		`! > ping "x" y`:            `line 1: "y" is neither payload nor marks`,
		"!open":                     "line 1: an event is ! and a space and a word",
		"! > error \x1b[2Jws/thing": "line 1: an event is printed text",
	} {
		_, err := Parse(strings.NewReader(text))
		if p := (*ParseError)(nil); !errors.As(err, &p) || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

// FuzzParse: what is read is written, and what is written is read the same.
func FuzzParse(f *testing.F) {
	f.Add(sample)
	f.Add("> \\u{10ffff}\\u{d800}")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := Parse(strings.NewReader(text))
		if err != nil {
			return
		}
		var once, twice bytes.Buffer
		if err := Write(&once, all); err != nil {
			t.Fatal(err)
		}
		again, err := Parse(bytes.NewReader(once.Bytes()))
		if err != nil {
			t.Fatalf("%v in\n%s", err, once.String())
		}
		if err := Write(&twice, again); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(once.Bytes(), twice.Bytes()) {
			t.Fatalf("first\n%s\nthen\n%s", once.String(), twice.String())
		}
		for _, c := range once.Bytes() {
			if c < 0x20 && c != '\n' || c == 0x7f {
				t.Fatalf("a control byte is in\n%q", once.String())
			}
		}
	})
}

// TestWriter: connections come one after the other in order of opening,
// whatever happens at the same time, and every payload can be read back.
func TestWriter(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out, Options{})
	w.waiting.Memory = 10
	conn := func(id uint64, path string) *timeline.Conn {
		c := &timeline.Conn{ID: id, Handshake: &timeline.Handshake{Scheme: "ws", Host: "a", Path: path, Status: 101}}
		w.Open(c)
		return c
	}
	say := func(c *timeline.Conn, dir timeline.Direction, payload string, kind timeline.Opcode) {
		w.Message(&timeline.Message{Conn: c, Dir: dir, Kind: kind, Payload: []byte(payload), HasPayload: true, Text: true})
	}
	a, b := conn(1, "/a"), conn(2, "/b")
	say(b, 1, "b1", timeline.OpText)
	say(a, 0, "a1\x1b[2J", timeline.OpText)
	say(a, 1, "\x00\xff", timeline.OpBinary)
	c := conn(3, "/c")
	w.Frame(&timeline.Frame{Conn: b, Dir: 0, N: 2, Opcode: timeline.OpClose, CloseCode: 1001, CloseReason: []byte("away")})
	w.Close(b, timeline.Stamp{})
	say(c, 0, "not \xff UTF-8", timeline.OpText)
	say(a, 0, "a2", timeline.OpText)
	w.Finding(&timeline.Finding{Conn: a, Rule: &timeline.Rule{ID: "x/y"}, Severity: timeline.Error, HasDir: true, Dir: 1})
	a.TCP = timeline.TCPFIN
	w.Close(a, timeline.Stamp{})
	say(c, 1, "c2", timeline.OpText)
	w.Close(c, timeline.Stamp{})
	w.Done(&timeline.Totals{})
	want := `# wsdump transcript 1

! open ws://a/a 101
> a1\u{1b}[2J
<0x 00ff
> a2
! < error x/y
! end fin

! open ws://a/b 101
< b1
! > close 1001 "away"
! end open

! open ws://a/c 101
>0x[text] 6e6f7420ff205554462d38
< c2
! end open
`
	if diff := cmp.Diff(want, out.String()); diff != "" || w.Err() != nil {
		t.Errorf("-want +got:\n%s%v", diff, w.Err())
	}
	if _, err := Parse(&out); err != nil {
		t.Error(err)
	}
}

// TestPayloadBound: a cut is marked, and made on a rune.
func TestPayloadBound(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out, Options{Payload: 3})
	c := &timeline.Conn{ID: 1}
	w.Open(c)
	w.Message(&timeline.Message{Conn: c, Kind: timeline.OpText, Text: true, HasPayload: true, Payload: []byte("aüü")})
	w.Message(&timeline.Message{Conn: c, Kind: timeline.OpText, Text: true, HasPayload: true, Payload: []byte("aaüü")})
	w.Done(nil)
	if want := header + "\n\n! open - -\n>[truncated] aü\n>[truncated] aa\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
