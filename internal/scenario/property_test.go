package scenario_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/wsdump/wsdump/internal/scenario"
	"github.com/wsdump/wsdump/pipeline"
	"github.com/wsdump/wsdump/timeline"
)

// conversation draws a random, well-formed conversation in the scenario
// language, with what it must be seen as beside it.
func conversation(t *rapid.T) string {
	var b strings.Builder
	b.WriteString("C> upgrade /p\nS> 101 = open 101 /p\n")
	open := [2]struct {
		frames int
		kind   string
		text   string
	}{}
	payload := rapid.Custom(func(t *rapid.T) string {
		s := rapid.StringN(0, 20, 60).Draw(t, "payload")
		if !utf8.ValidString(s) {
			s = "x"
		}
		return s
	})
	for range rapid.IntRange(1, 25).Draw(t, "steps") {
		d := rapid.IntRange(0, 1).Draw(t, "dir")
		who := "CS"[d : d+1]
		join := rapid.SampledFrom([]string{">", ">", "+"}).Draw(t, "join")
		if join == "+" && !strings.Contains(lastLine(b.String()), who+">") && !strings.Contains(lastLine(b.String()), who+"+") {
			join = ">"
		}
		p := payload.Draw(t, "p")
		switch o := &open[d]; rapid.IntRange(0, 5).Draw(t, "what") {
		case 0:
			fmt.Fprintf(&b, "%s%s ping %q = ping %s %q\n", who, join, p, who, p)
			fmt.Fprintf(&b, "%s> pong %q = pong %s %q\n", "SC"[d:d+1], p, "SC"[d:d+1], p)
		case 1, 2:
			if o.frames > 0 {
				continue
			}
			kind := rapid.SampledFrom([]string{"text", "binary"}).Draw(t, "kind")
			fmt.Fprintf(&b, "%s%s %s %q = message %s %s %s\n", who, join, kind, p, who, kind, quoted(p))
		case 3:
			if o.frames > 0 {
				continue
			}
			o.kind, o.text, o.frames = "binary", p, 1
			fmt.Fprintf(&b, "%s%s binary %q fin=0\n", who, join, p)
		default:
			if o.frames == 0 {
				continue
			}
			o.frames++
			o.text += p
			if rapid.Bool().Draw(t, "fin") {
				fmt.Fprintf(&b, "%s%s cont %q = message %s %s %s frames=%d\n", who, join, p, who, o.kind, quoted(o.text), o.frames)
				o.frames = 0
			} else {
				fmt.Fprintf(&b, "%s%s cont %q fin=0\n", who, join, p)
			}
		}
	}
	for d, o := range open {
		if o.frames > 0 {
			who := "CS"[d : d+1]
			fmt.Fprintf(&b, "%s> cont \"\" = message %s %s %s frames=%d\n", who, who, o.kind, quoted(o.text), o.frames+1)
		}
	}
	b.WriteString("S> close 1001 \"bye\" = close S 1001 \"bye\"\nC> close 1001 = close C 1001 \"\"\nS> fin\nC> fin = end fin by=server clean\n")
	return b.String()
}

// quoted is how the recorder shows a payload.
func quoted(s string) string {
	if len(s) > 64 {
		return fmt.Sprintf("len=%d", len(s))
	}
	return fmt.Sprintf("%q", s)
}

func lastLine(s string) string {
	s = strings.TrimSuffix(s, "\n")
	return s[strings.LastIndexByte(s, '\n')+1:]
}

func disguise(t *rapid.T) scenario.Disguise {
	return scenario.Disguise{
		Seed: rapid.Uint64().Draw(t, "seed"), MaxPiece: rapid.SampledFrom([]int{0, 1, 2, 5, 30, 200}).Draw(t, "piece"),
		Shuffle: rapid.Bool().Draw(t, "shuffle"), Repeat: rapid.Bool().Draw(t, "repeat"), Overlap: rapid.Bool().Draw(t, "overlap"),
		Wrap: rapid.Bool().Draw(t, "wrap"), IPv6: rapid.Bool().Draw(t, "v6"), VLAN: rapid.Bool().Draw(t, "vlan"),
		Exchange: rapid.Bool().Draw(t, "exchange"), SameIP: rapid.Bool().Draw(t, "same"),
	}
}

// TestShownIsSent: for random conversations in random disguises, what is shown
// equals what was sent, in order, and nothing else is.
func TestShownIsSent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := conversation(t)
		s, err := scenario.Parse("random", text)
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		r := &scenario.Recorder{Poison: true}
		d := disguise(t)
		if err := pipeline.Run(context.Background(), &scenario.Source{Packets: s.Packets(d)}, r, pipeline.Options{}); err != nil {
			t.Fatal(err)
		}
		got, want := strings.Join(without(r.Lines, "finding tcp/", "finding capture/duplicate"), "\n"), strings.Join(s.Expect, "\n")
		if got != want {
			t.Fatalf("%+v\nsent:\n%s\ngot:\n%s\nwant:\n%s", d, text, got, want)
		}
		if r.Totals.Gaps != 0 {
			t.Fatalf("%d gaps where nothing was lost", r.Totals.Gaps)
		}
	})
}

// account is a Sink that adds up payload bytes by what became of them.
type account struct {
	timeline.Nop
	transport *timeline.Transport
	whole     map[string]int // messages shown as whole
	marked    int
}

func (a *account) Needs(*timeline.Conn) timeline.Needs { return timeline.Needs{Payload: true} }
func (a *account) Open(c *timeline.Conn)               { a.transport = c.Transport }
func (a *account) Message(m *timeline.Message) {
	if m.Incomplete || m.Truncated || m.Guessed {
		a.marked++
		return
	}
	a.whole[m.Dir.String()+" "+m.Kind.String()+" "+string(m.Payload)]++
}

// TestLossIsTold: whatever segments are lost, a message that is shown as whole
// was sent just so, and delivered and missing bytes are all bytes there were.
func TestLossIsTold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, err := scenario.Parse("random", conversation(t))
		if err != nil {
			t.Fatal(err)
		}
		d := disguise(t)
		packets := s.Packets(d)
		sent := &account{whole: map[string]int{}}
		if err := pipeline.Run(context.Background(), &scenario.Source{Packets: packets}, sent, pipeline.Options{}); err != nil {
			t.Fatal(err)
		}
		lost := map[int]bool{}
		for range rapid.IntRange(1, 4).Draw(t, "losses") {
			lost[rapid.IntRange(3, len(packets)-1).Draw(t, "lost")] = true
		}
		kept := packets[:0:0]
		for i, p := range packets {
			if !lost[i] {
				kept = append(kept, p)
			}
		}
		got := &account{whole: map[string]int{}}
		if err := pipeline.Run(context.Background(), &scenario.Source{Packets: kept}, got, pipeline.Options{}); err != nil {
			t.Fatal(err)
		}
		for m, n := range got.whole {
			if n > sent.whole[m] {
				t.Fatalf("%q is shown %d times, and was sent %d times", m, n, sent.whole[m])
			}
		}
		if got.transport == nil || sent.transport == nil {
			return // the handshake was lost
		}
		for dir := range got.transport.Bytes {
			// A FIN that was lost behind lost bytes is acknowledged like one more.
			all := sent.transport.Bytes[dir] + 1
			if seen := got.transport.Bytes[dir] + got.transport.Gaps[dir]; seen > all {
				t.Fatalf("%d bytes delivered and %d missing, more than the %d that were sent", got.transport.Bytes[dir], got.transport.Gaps[dir], all)
			}
		}
	})
}
