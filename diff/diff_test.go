package diff

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/wsdump/wsdump/internal/long"
	"github.com/wsdump/wsdump/normalize"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/timeline"
)

// talk is a connection for a test: lines begin with > or <, or with ! for a
// ping; text follows.
type talk struct {
	url    string // path and query
	host   string
	key    string
	status int
	proto  string
	code   uint16
	lines  []string
	late   [2]int64 // by which each direction is late
	clock  int64    // by which the clock is wrong
	har    bool
	open   bool // the capture ends first
}

const second = int64(1e9)

// record plays talks, one after the other, into a Recording.
func record(opt Options, talks ...talk) *Recording {
	r := NewRecording(opt)
	packet := uint64(0)
	at := func(offset int64) timeline.Stamp {
		packet++
		return timeline.Stamp{Packet: packet, FilePacket: packet, Time: 1_000*second + int64(packet)*second + offset}
	}
	total := timeline.Totals{}
	for n, tk := range talks {
		path, q, _ := strings.Cut(tk.url, "?")
		c := &timeline.Conn{ID: uint64(n + 1), Recorded: tk.har}
		h := &timeline.Handshake{Scheme: "ws", Host: "h" + tk.host, Path: path, Query: q, Key: tk.key, Status: tk.status, Subprotocol: tk.proto}
		if h.Status == 0 {
			h.Status = 101
		}
		if tk.url != "" {
			c.Handshake = h
		}
		h.Request, h.Response = at(tk.clock+tk.late[0]), at(tk.clock+tk.late[1])
		c.Opened = h.Request
		r.Open(c)
		for k, line := range tk.lines {
			dir, text := timeline.ClientToServer, line[1:]
			if line[0] == '<' {
				dir = timeline.ServerToClient
			}
			s := at(tk.clock + tk.late[dir])
			if line[0] == '!' {
				r.Frame(&timeline.Frame{Conn: c, Dir: dir, First: s, Last: s, N: uint64(k + 1), Opcode: timeline.OpPing, Payload: []byte(text), PayloadUTF8: true, Length: uint64(len(text))})
				continue
			}
			p := []byte(text)
			r.Message(&timeline.Message{Conn: c, Dir: dir, First: s, Last: s, N: uint64(k + 1), Kind: timeline.OpText, Payload: p, Text: true, HasPayload: true, Length: uint64(len(p)), HasLength: true})
			for i := range p { // borrowed
				p[i] = 'X'
			}
		}
		c.TCP = timeline.TCPFIN
		if tk.open {
			c.TCP = timeline.TCPOpen
		}
		if tk.code != 0 {
			c.CloseCode, c.ClosedBy, c.By = tk.code, [2]bool{true, true}, timeline.PartyClient
		}
		r.Close(c, at(tk.clock))
		total.Conns++
	}
	r.Done(&total)
	return r
}

func rules(t *testing.T, texts ...string) (all []normalize.Rule) {
	t.Helper()
	for _, text := range texts {
		r, err := normalize.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// words returns a report as short lines.
func words(r *Report) (all []string) {
	for _, p := range r.Pairs {
		switch {
		case p.B == nil:
			all = append(all, fmt.Sprintf("only A %d", p.A.ID))
		case p.A == nil:
			all = append(all, fmt.Sprintf("only B %d", p.B.ID))
		}
		for _, x := range p.Properties {
			all = append(all, x.Name+" "+x.A+" "+x.B)
		}
		for _, d := range p.Differences {
			text := d.Kind.String()
			if d.A != nil {
				text += fmt.Sprintf(" -%d%s", d.A.N, d.A.Payload)
			}
			if d.B != nil {
				text += fmt.Sprintf(" +%d%s", d.B.N, d.B.Payload)
			}
			if d.Moved {
				text += " moved"
			}
			all = append(all, text)
		}
	}
	return all
}

func picture(p *Pair) (all []string) {
	for _, l := range p.Lines {
		text := string(l.Op) + string("><"[l.Message.Dir]) + string(l.Message.Payload)
		if l.Skipped > 0 {
			text = fmt.Sprintf("(%d)", l.Skipped) + text
		}
		all = append(all, text)
	}
	return all
}

func TestKinds(t *testing.T) {
	id, err := query.CompileTerm("json.id")
	if err != nil {
		t.Fatal(err)
	}
	list := func(s string) []string { return strings.Split(s, "|") }
	for _, tc := range []struct {
		a, b string
		term *query.Term
		want string
	}{
		{">a|<b|>c", ">a|<b|>c", nil, ""},
		{">a|<b|>c|<d", ">a|<b|<d", nil, "lost -3c"},
		{">a|<b", ">a|>x|<b", nil, "added +2x"},
		{">a|>b|>a|>c", ">a|>b|>c", nil, "lost -3a"},
		{">a|>b|>c", ">a|>b|>b|>c", nil, "doubled +3b"},
		{">a|>b|>c|>d", ">b|>c|>a|>d", nil, "reordered -1a +3a"},
		{">a|<b", "<b|>a", nil, ""}, // directions are streams of their own
		{">price 10 of x", ">price 11 of x", nil, "changed -1price 10 of x +1price 11 of x"},
		{">hello", ">quite another", nil, "added +1quite another|lost -1hello"},
		{`>{"id":1,"v":1}|>{"id":2,"v":1}`, `>{"id":1,"v":1}|>{"id":2,"v":2}`, id, `changed -2{"id":2,"v":1} +2{"id":2,"v":2}`},
		{`>{"id":1,"v":1}|>{"id":2,"v":1}`, `>{"id":2,"v":2}|>{"id":1,"v":1}`, id, `changed -2{"id":2,"v":1} +1{"id":2,"v":2} moved`},
		{`>{"id":1,"v":1}`, `>{"id":2,"v":1}`, id, `lost -1{"id":1,"v":1}|added +1{"id":2,"v":1}`},
		{`>{"id":1,"v":1}`, `>{"id":1,"v":1}|>{"id":1,"v":2}`, id, `doubled +2{"id":1,"v":2}`},
		{"!p|>a", ">a", nil, "lost -1p"},
		{">x|>1|>y", ">x|>2|>y", nil, "lost -2" + "1|added +2" + "2"},
	} {
		opt := Options{Match: tc.term}
		r := Compare(record(opt, talk{url: "/x", lines: list(tc.a)}), record(opt, talk{url: "/x", lines: list(tc.b)}), opt)
		got, want := words(r), list(tc.want)
		if tc.want == "" {
			want = nil
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) || r.Equal() != (tc.want == "") {
			t.Errorf("%s and %s: got %q, want %q", tc.a, tc.b, got, want)
		}
	}
}

// TestEdits: random edits of a conversation are found, each for what it is, no
// more and no less.
func TestEdits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 80).Draw(t, "n")
		var a, b, want []string
		last := "" // a place is left between edits, so that each is one
		for k := range n {
			line := fmt.Sprintf("%cmessage %d of many", "><"[rapid.IntRange(0, 1).Draw(t, "dir")], k)
			a = append(a, line)
			edit := "keep"
			if last == "keep" {
				edit = rapid.SampledFrom([]string{"keep", "keep", "lose", "double", "add", "change"}).Draw(t, "edit")
			}
			last = edit
			switch edit {
			case "lose":
				want = append(want, "lost "+line[1:])
				continue
			case "double":
				b = append(b, line)
				want = append(want, "doubled "+line[1:])
			case "add":
				b = append(b, fmt.Sprintf("%cNEW%d", line[0], k))
				want = append(want, fmt.Sprintf("added NEW%d", k))
			case "change":
				b = append(b, line+"!")
				want = append(want, "changed "+line[1:])
				continue
			}
			b = append(b, line)
		}
		opt := Options{Context: rapid.IntRange(0, 3).Draw(t, "context")}
		r := Compare(record(opt, talk{url: "/x", lines: a}), record(opt, talk{url: "/x", lines: b}), opt)
		var got []string
		for _, d := range r.Pairs[0].Differences {
			m := d.A
			if m == nil {
				m = d.B
			}
			got = append(got, d.Kind.String()+" "+string(m.Payload))
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("a %q\nb %q\ngot %q\nwant %q", a, b, got, want)
		}
		// The other way round it is the same with lost and added exchanged.
		back := Compare(record(opt, talk{url: "/x", lines: b}), record(opt, talk{url: "/x", lines: a}), opt)
		if back.Counts[Lost] != r.Counts[Added]+r.Counts[Doubled] || back.Counts[Changed] != r.Counts[Changed] || back.Counts[Added] != r.Counts[Lost] {
			t.Fatalf("there %v, back %v", r.Counts, back.Counts)
		}
		// The lines of a picture of everything are both sides.
		opt.Context = 1000
		r = Compare(record(opt, talk{url: "/x", lines: a}), record(opt, talk{url: "/x", lines: b}), opt)
		if len(want) > 0 {
			for side, lines := range [2][]string{a, b} {
				for dir := range timeline.Direction(2) {
					var drawn, there []string
					for _, l := range r.Pairs[0].Lines {
						if l.Message.Dir == dir && (l.Op == ' ' || l.Op == "-+"[side]) {
							drawn = append(drawn, string(l.Message.Payload))
						}
					}
					for _, line := range lines {
						if line[0] == "><"[dir] {
							there = append(there, line[1:])
						}
					}
					if !slices.Equal(drawn, there) {
						t.Fatalf("side %d, %s: drawn %q, there %q", side, dir, drawn, there)
					}
				}
			}
		}
	})
}

// TestLines: the picture has both directions in the order of A, and what only
// B has where B has it.
func TestLines(t *testing.T) {
	opt := Options{Context: 1}
	r := Compare(
		record(opt, talk{url: "/x", lines: strings.Split(">0|<1|>2|<3|>4|<5|>6|<7|>8|<9", "|")}),
		record(opt, talk{url: "/x", lines: strings.Split(">0|<1|>2|<new|<3|>4|<5|<7|>8|<9", "|")}), opt)
	want := []string{"(2) >2", "+<new", " <3", "(1) <5", "->6", " <7"}
	if got := picture(r.Pairs[0]); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestConnections(t *testing.T) {
	one := func(url string, lines ...string) talk { return talk{url: url, lines: lines} }
	with := func(tk talk, change func(*talk)) talk { change(&tk); return tk }
	for name, tc := range map[string]struct {
		a, b  []talk
		align Align
		want  []string
	}{
		"the middle one is missing":      {[]talk{one("/x", ">1"), one("/x", ">2"), one("/x", ">3")}, []talk{one("/x", ">1"), one("/x", ">3")}, AlignAuto, []string{"only A 2"}},
		"one more":                       {[]talk{one("/x", ">1")}, []talk{one("/x", ">1"), one("/y", ">1")}, AlignAuto, []string{"only B 2"}},
		"another order":                  {[]talk{one("/x", ">1"), one("/x", ">2")}, []talk{one("/x", ">2"), one("/x", ">1")}, AlignAuto, nil},
		"most in common":                 {[]talk{one("/x", ">1", ">2"), one("/x", ">8", ">9")}, []talk{one("/x", ">9"), one("/x", ">1", ">2")}, AlignAuto, []string{"lost -18"}},
		"another host":                   {[]talk{one("/x", ">1")}, []talk{with(one("/x", ">1"), func(tk *talk) { tk.host = "2" })}, AlignAuto, nil},
		"another host, by url":           {[]talk{one("/x", ">1")}, []talk{with(one("/x", ">1"), func(tk *talk) { tk.host = "2" })}, AlignURL, []string{"only A 1", "only B 1"}},
		"the same key":                   {[]talk{with(one("/x", ">1"), func(tk *talk) { tk.key = "k" })}, []talk{with(one("/y", ">1"), func(tk *talk) { tk.key = "k" })}, AlignLeg, []string{"url ws://h/x ws://h/y"}},
		"another query":                  {[]talk{one("/x?t=1", ">1")}, []talk{one("/x?t=2", ">1")}, AlignAuto, []string{"url ws://h/x?t=1 ws://h/x?t=2"}},
		"nothing alike but alone":        {[]talk{one("/x", ">1")}, []talk{one("/y", ">1")}, AlignAuto, []string{"url ws://h/x ws://h/y"}},
		"in order":                       {[]talk{one("/x"), one("/y")}, []talk{one("/y"), one("/x")}, AlignOrder, []string{"url ws://h/x ws://h/y", "url ws://h/y ws://h/x"}},
		"refused":                        {[]talk{one("/x")}, []talk{with(one("/x"), func(tk *talk) { tk.status = 401 })}, AlignAuto, []string{"status 101 401"}},
		"subprotocol":                    {[]talk{one("/x")}, []talk{with(one("/x"), func(tk *talk) { tk.proto = "chat" })}, AlignAuto, []string{"subprotocol none chat"}},
		"code":                           {[]talk{with(one("/x"), func(tk *talk) { tk.code = 1000 })}, []talk{with(one("/x"), func(tk *talk) { tk.code = 1001 })}, AlignAuto, []string{"code 1000 1001"}},
		"no close":                       {[]talk{with(one("/x"), func(tk *talk) { tk.code = 1000 })}, []talk{one("/x")}, AlignAuto, []string{"code 1000 missing (no close frame)"}},
		"the capture ends first":         {[]talk{with(one("/x"), func(tk *talk) { tk.code = 1000 })}, []talk{with(one("/x"), func(tk *talk) { tk.open = true })}, AlignAuto, nil},
		"a HAR tells no code":            {[]talk{with(one("/x"), func(tk *talk) { tk.code = 1000 })}, []talk{with(one("/x"), func(tk *talk) { tk.har = true })}, AlignAuto, nil},
		"a HAR tells no pings":           {[]talk{one("/x", "!p", ">1")}, []talk{with(one("/x", ">1"), func(tk *talk) { tk.har = true })}, AlignAuto, nil},
		"pings do not cross a proxy":     {[]talk{one("/x", "!p", ">1")}, []talk{with(one("/x", ">1"), func(tk *talk) { tk.host = "2" })}, AlignAuto, nil},
		"no handshake":                   {[]talk{one("", ">1")}, []talk{one("", ">1")}, AlignAuto, nil},
		"nothing at all on either side":  {nil, nil, AlignAuto, nil},
		"nothing at all on the one side": {nil, []talk{one("/x")}, AlignAuto, []string{"only B 1"}},
	} {
		opt := Options{Align: tc.align}
		r := Compare(record(opt, tc.a...), record(opt, tc.b...), opt)
		if got := words(r); !slices.Equal(got, tc.want) {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
		}
		if r.Equal() != (len(tc.want) == 0) || (r.Count() == 0) != r.Equal() || r.Compared() != (len(tc.a)+len(tc.b) > 0) {
			t.Errorf("%s: equal %v, %d differences", name, r.Equal(), r.Count())
		}
	}
}

// TestNormalized: what differs from run to run is no difference, in payloads
// and in URLs.
func TestNormalized(t *testing.T) {
	opt := Options{Rules: rules(t, "json.id=<id>", `match:\d{4}-\d\d-\d\d=<date>`, `match:token.\w+=<t>`)}
	a := talk{url: "/x?token=abc", lines: []string{`>{"id":1,"v":2}`, "<at 2026-11-25", "!2026-11-25"}}
	b := talk{url: "/x?token=xyz", lines: []string{`>{"id":7,"v":2}`, "<at 2026-11-26", "!2026-11-26"}}
	if r := Compare(record(opt, a), record(opt, b), opt); !r.Equal() {
		t.Errorf("got %q", words(r))
	}
	none := Options{}
	if r := Compare(record(none, a), record(none, b), none); r.Count() != 3 { // pings are not compared, for the URL is another one
		t.Errorf("without rules %q", words(r))
	}
}

// TestClock: the offset of the clocks is separated from the time between two points,
// whichever of the two is nearer to the client.
func TestClock(t *testing.T) {
	lines := []string{">a", "<b", ">c", "<d"}
	near := talk{url: "/x", lines: lines, late: [2]int64{0, 7_000_000}}
	far := talk{url: "/x", lines: lines, late: [2]int64{7_000_000, 0}, clock: -3 * second}
	opt := Options{}
	for _, tc := range []struct {
		a, b   talk
		offset int64
		nearer timeline.Party
	}{{near, far, -3 * second, timeline.PartyClient}, {far, near, 3 * second, timeline.PartyServer}} {
		p := Compare(record(opt, tc.a), record(opt, tc.b), opt).Pairs[0]
		if !p.HasOffset || p.Offset != tc.offset || p.Nearer != tc.nearer {
			t.Errorf("offset %d, %v, nearer the %s", p.Offset, p.HasOffset, p.Nearer)
		}
		for dir, d := range p.Delay {
			if d.N != 2 || d.Max != 7_000_000 || d.P50 != 7_000_000 {
				t.Errorf("direction %d: %+v", dir, d)
			}
		}
	}
}

// TestBounds: what exceeds a limit is counted or reported, never dropped silently.
func TestBounds(t *testing.T) {
	many := talk{url: "/x"}
	for i := range 50 {
		many.lines = append(many.lines, fmt.Sprintf(">%d of A", i))
	}
	other := talk{url: "/x", lines: []string{">0 of A"}}
	opt := Options{Limits: Limits{Differences: 5}, Context: 2}
	r := Compare(record(opt, many), record(opt, other), opt)
	if p := r.Pairs[0]; len(p.Differences) != 5 || p.More != 44 || p.Counts[Lost] != 49 || r.Count() != 49 {
		t.Errorf("%d told, %d more, %v", len(p.Differences), p.More, p.Counts)
	}
	opt = Options{Limits: Limits{Messages: 10, Text: 30}}
	r = Compare(record(opt, many), record(opt, many), opt)
	if !r.Equal() || !r.Bounded() || !reflect.DeepEqual(r.A.Bounds, []string{"only the first 10 messages were compared"}) {
		t.Errorf("%v", r.A.Bounds)
	}
	opt = Options{Limits: Limits{Connections: 1}}
	r = Compare(record(opt, other, other), record(opt, other, other), opt)
	if !r.Bounded() || r.A.Bounds[0] != "only the first 1 connection was compared" {
		t.Errorf("%v", r.A.Bounds)
	}
	opt = Options{Text: 4, Limits: Limits{Text: 6}}
	r = Compare(record(opt, talk{url: "/x", lines: []string{">aüü", ">bcdef"}}), record(opt, talk{url: "/x"}), opt)
	d := r.Pairs[0].Differences
	if string(d[0].A.Payload) != "aü" || !d[0].A.Cut || !d[0].A.Valid || d[0].A.Length != 5 || string(d[1].A.Payload) != "" && string(d[1].A.Payload) != "bcd" {
		t.Errorf("kept %q, %q", d[0].A.Payload, d[1].A.Payload)
	}
}

// TestRelay: of 1,000 messages and their answers a relay drops 3 and their
// answers. The other side has a handshake of its own, made late.
func TestRelay(t *testing.T) {
	var near, far []string
	for i := range 1000 {
		pair := []string{fmt.Sprintf(">message %d", i), fmt.Sprintf("<got message %d", i)}
		near = append(near, pair...)
		if i != 7 && i != 500 && i != 998 {
			far = append(far, pair...)
		}
	}
	opt := Options{}
	r := Compare(record(opt, talk{url: "/relay", key: "a", lines: near}), record(opt, talk{url: "/relay", key: "b", host: "2", lines: far}), opt)
	want := []string{
		"lost -15message 7", "lost -16got message 7", "lost -1001message 500", "lost -1002got message 500", "lost -1997message 998", "lost -1998got message 998",
	}
	if got := words(r); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

// TestBigBounds: 100,000 messages with few differences, and 100,000 all of which
// differ, are compared.
func TestBigBounds(t *testing.T) {
	long.Test(t)
	const n = 100_000
	var a, few, all []string
	for i := range n {
		a = append(a, fmt.Sprintf(">message %d", i))
		all = append(all, fmt.Sprintf(">other %d", i))
		if i%1000 != 7 {
			few = append(few, a[i])
		}
	}
	opt := Options{Context: 3}
	x := record(opt, talk{url: "/x", lines: a})
	if r := Compare(x, record(opt, talk{url: "/x", lines: few}), opt); r.Count() != n/1000 || r.Counts[Lost] != n/1000 {
		t.Errorf("few: %v", r.Counts)
	}
	if r := Compare(x, record(opt, talk{url: "/x", lines: all}), opt); r.Counts[Lost]+r.Counts[Changed] != n || r.listed != opt.withDefaults().Limits.Differences {
		t.Errorf("all: %v, %d told", r.Counts, r.listed)
	}
}

// FuzzCompare: any two conversations can be compared. Each equals itself, and messages
// that only one has are reported.
func FuzzCompare(f *testing.F) {
	f.Add("a\nb\nc", "a\nc\nd", uint8(3))
	f.Add("a\na\na\nb", "a\nb\na", uint8(0))
	f.Add(`{"id":1}`+"\n"+`{"id":2,"x":1}`, `{"id":2}`, uint8(9))
	id, err := query.CompileTerm("json.id")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, a, b string, how uint8) {
		lines := func(s string) (all []string) {
			for k, line := range strings.Split(s, "\n") {
				all = append(all, string("><!"[(k+int(how))%3])+line)
			}
			return all
		}
		opt := Options{Context: int(how%4) - 1, Align: Align(how / 4 % 4)}
		if how&1 != 0 {
			opt.Match = id
		}
		x, y := record(opt, talk{url: "/x", key: "k", lines: lines(a)}), record(opt, talk{url: "/x", key: "k", lines: lines(b)})
		if r := Compare(x, x, opt); !r.Equal() || r.Count() != 0 {
			t.Fatalf("%q is not the same as itself: %q", a, words(r))
		}
		r := Compare(x, y, opt)
		p := r.Pairs[0]
		c := &p.Counts
		na, nb := uint64(len(lines(a))), uint64(len(lines(b)))
		both := p.Compared[0] + p.Compared[1]
		if both+c[Lost] != na || both+c[Added]+c[Doubled] != nb {
			t.Fatalf("%d and %d messages, %d in both, %v", na, nb, both, c)
		}
		if uint64(len(p.Differences)) != c[Lost]+c[Added]+c[Doubled]+c[Reordered]+c[Changed] {
			t.Fatalf("%d told, %v", len(p.Differences), c)
		}
		drawn := map[int]int{}
		for _, l := range p.Lines {
			if (l.Op == ' ') != (l.Difference < 0) {
				t.Fatalf("line %+v", l)
			}
			drawn[l.Difference]++
		}
		for i, d := range p.Differences {
			want := 1
			if d.A != nil && d.B != nil {
				want = 2
			}
			if opt.Context >= 0 && drawn[i] != want {
				t.Fatalf("difference %d (%s) has %d lines", i, d.Kind, drawn[i])
			}
		}
	})
}
