package scenario_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wsdump/wsdump/internal/scenario"
	"github.com/wsdump/wsdump/pipeline"
)

func play(t *testing.T, s *scenario.Scenario, d scenario.Disguise) []string {
	t.Helper()
	r := &scenario.Recorder{Poison: true}
	if err := pipeline.Run(context.Background(), &scenario.Source{Packets: s.Packets(d)}, r, pipeline.Options{}); err != nil {
		t.Fatal(err)
	}
	return r.Lines
}

// without leaves out what depends on the disguise.
func without(lines []string, prefixes ...string) (out []string) {
next:
	for _, l := range lines {
		for _, p := range prefixes {
			if strings.HasPrefix(l, p) {
				continue next
			}
		}
		out = append(out, l)
	}
	return out
}

// TestScenarios plays every scenario plain, where all events must be as written; for
// every kind of sink and with several workers, see playNeeds; and in every disguise,
// where all but findings about TCP must be as written.
func TestScenarios(t *testing.T) {
	for _, s := range scenarios(t) {
		t.Run(s.Name, func(t *testing.T) {
			if len(s.Expect) == 0 {
				t.Fatal("a scenario without an expectation proves nothing")
			}
			if diff := cmp.Diff(s.Expect, play(t, s, scenario.Disguise{})); diff != "" {
				t.Fatalf("plain (-want +got):\n%s", diff)
			}
			playNeeds(t, s)
			want := without(s.Expect, "finding tcp/", "finding capture/duplicate")
			for _, d := range scenario.Disguises() {
				if diff := cmp.Diff(want, without(play(t, s, d), "finding tcp/", "finding capture/duplicate")); diff != "" {
					t.Errorf("%s (-want +got):\n%s", d.Name, diff)
				}
			}
		})
	}
}
