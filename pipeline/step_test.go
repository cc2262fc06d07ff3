package pipeline

import (
	"io"
	"testing"
	"time"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/internal/scenario"
	"github.com/wsdump/wsdump/timeline"
)

// TestClockSteps: a clock that is set, once or for one packet, changes nothing but times.
func TestClockSteps(t *testing.T) {
	talk, err := scenario.Parse("steps", `C> upgrade /chat
S> 101
C> text "one"
S> text "two"
C> text "three"
S> text "four"
C> close 1000
S> close 1000
S> fin
C> fin
`)
	if err != nil {
		t.Fatal(err)
	}
	const day = int64(24 * time.Hour)
	for name, shift := range map[string]func(i int) int64{
		"as it was":   func(int) int64 { return 0 },
		"set forward": func(i int) int64 { return int64(i/6) * 20000 * day },
		"set back":    func(i int) int64 { return -int64(i/6) * day / 24 },
		"one wild packet": func(i int) int64 {
			if i == 6 {
				return 2 * day
			}
			return 0
		},
	} {
		packets := talk.Packets(scenario.Disguise{})
		if len(packets) < 12 {
			t.Fatalf("%d packets", len(packets))
		}
		for i := range packets {
			packets[i].Time += shift(i)
		}
		seen := &steps{}
		if err := Run(t.Context(), &packetList{packets: packets}, seen, Options{}); err != nil {
			t.Fatal(err)
		}
		if seen.opened != 1 || seen.messages != 4 || !seen.clean || seen.duration < 0 || seen.midstream {
			t.Errorf("%s: %+v", name, *seen)
		}
	}
}

type steps struct {
	timeline.Nop
	opened, messages int
	clean, midstream bool
	duration         time.Duration
}

func (s *steps) Open(c *timeline.Conn) {
	s.opened++
	s.midstream = s.midstream || c.Midstream
}

func (s *steps) Message(*timeline.Message) { s.messages++ }

func (s *steps) Close(c *timeline.Conn, _ timeline.Stamp) {
	s.clean, s.duration = c.Clean(), c.Duration()
}

// packetList is a source.
type packetList struct{ packets []capture.Packet }

func (l *packetList) Next(p *capture.Packet) error {
	if len(l.packets) == 0 {
		return io.EOF
	}
	*p, l.packets = l.packets[0], l.packets[1:]
	return nil
}

func (l *packetList) Close() error { return nil }
