package scenario_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wsdump/wsdump/internal/scenario"
	"github.com/wsdump/wsdump/pipeline"
	"github.com/wsdump/wsdump/timeline"
)

// graver is a Sink that keeps how grave findings are.
type graver struct {
	timeline.Nop
	found []string
}

func (*graver) Needs(*timeline.Conn) timeline.Needs { return timeline.Needs{Payload: true} }
func (g *graver) Finding(f *timeline.Finding) {
	g.found = append(g.found, f.Severity.String()+" "+f.Rule.ID)
}

// TestSeverities: where one rule has two severities (Autobahn 7.1, 7.9, 7.13),
// each case has its own.
func TestSeverities(t *testing.T) {
	for _, c := range []struct{ name, lines, want string }{
		{"7.1.2: a second close", "C> close 1000\nC> close 1000\nS> close 1000", "error ws/data-after-close"},
		{"7.1.3: a ping behind the close", "C> close 1000\nC> ping\nS> close 1000", "note ws/data-after-close"},
		{"7.1.4: a text behind the close", "C> close 1000\nC> text \"x\"\nS> close 1000", "error ws/data-after-close"},
		{"7.9: a reserved code", "C> close 2999\nS> close 1000", "error ws/close-code-invalid"},
		{"7.13: a code of nobody", "C> close 5000\nS> close 1000", "warning ws/close-code-invalid"},
	} {
		s, err := scenario.Parse(c.name, "C> upgrade /\nS> 101\n"+c.lines)
		if err != nil {
			t.Fatal(err)
		}
		g := &graver{}
		if err := pipeline.Run(context.Background(), &scenario.Source{Packets: s.Packets(scenario.Disguise{})}, g, pipeline.Options{}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{c.want}, g.found); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}
