package scenario_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wsdump/wsdump/internal/scenario"
	"github.com/wsdump/wsdump/pipeline"
	"github.com/wsdump/wsdump/timeline"
)

// needing is a Recorder that needs something else, and keeps the Conns.
type needing struct {
	scenario.Recorder
	needs timeline.Needs
	conns []timeline.Conn
}

func (n *needing) Needs(*timeline.Conn) timeline.Needs { return n.needs }
func (n *needing) Close(c *timeline.Conn, at timeline.Stamp) {
	own, transport := *c, *c.Transport
	own.Transport = &transport
	n.conns = append(n.conns, own)
	n.Recorder.Close(c, at)
}

// playNeeds plays s for sinks with all kinds of needs, with one worker and with two.
// What a sink needs must not change what else it receives: a rule that fires with -T
// ndjson fires in a list too. Only rules that read payload may depend on it, see
// [timeline.Rule.Reads].
func playNeeds(t *testing.T, s *scenario.Scenario) {
	t.Helper()
	packets := s.Packets(scenario.Disguise{})
	var all []timeline.Conn // of a sink that needs all
	for i := range 8 {
		needs := timeline.Needs{Frames: i&1 == 0, Payload: i&2 == 0, Silent: i&4 != 0}
		want := needed(s.Expect, needs)
		for _, workers := range []int{1, 2} {
			name := fmt.Sprintf("%+v, %d workers", needs, workers)
			r := &needing{needs: needs}
			var err error
			if workers == 1 {
				r.Poison, r.Frames = true, needs.Frames
				err = pipeline.Run(context.Background(), &scenario.Source{Packets: packets}, r, pipeline.Options{})
			} else {
				err = pipeline.Split(context.Background(), r, pipeline.Options{}, pipeline.SplitOptions{
					Workers: workers,
					Open: func() (pipeline.Reading, error) {
						return pipeline.Reading{Source: &scenario.Source{Packets: packets}}, nil
					},
					Needs: func(*timeline.Conn) timeline.Needs { return needs },
				})
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, needed(r.Lines, needs)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			if all == nil {
				all = r.conns
			}
			if needs.Payload && !reflect.DeepEqual(all, r.conns) {
				t.Errorf("%s: other Conns (-want +got):\n%s", name, cmp.Diff(all, r.conns, cmp.Exporter(func(reflect.Type) bool { return true })))
			}
		}
	}
}

// needed returns those of lines that a sink with these needs receives. Data frames are
// left out, because scenarios do not list them.
func needed(lines []string, needs timeline.Needs) (out []string) {
	for _, line := range lines {
		what, rest, _ := strings.Cut(line, " ")
		switch {
		case what == "frame", what == "message" && needs.Silent:
			continue
		case what == "finding" && !needs.Payload && rules[rest].Reads != timeline.ReadsNone:
			continue
		case what == "message" && !needs.Payload: // direction and kind are left
			kind, _, _ := strings.Cut(rest, "\"")
			kind, _, _ = strings.Cut(kind, " len=")
			line = what + " " + strings.TrimRight(kind, "? ")
		}
		out = append(out, line)
	}
	return out
}

// rules are all rules, by their ID.
var rules = func() map[string]*timeline.Rule {
	byID := make(map[string]*timeline.Rule)
	for _, r := range pipeline.Rules() {
		byID[r.ID] = r
	}
	return byID
}()
