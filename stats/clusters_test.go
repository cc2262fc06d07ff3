package stats

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/wsdump/wsdump/timeline"
)

var fin = Manner{By: timeline.PartyServer, How: HowFIN}

func silenceOf(e *ending) time.Duration { return e.silence }

// endsOf makes ends a second apart from silences in seconds.
func endsOf(m Manner, silences ...float64) (all []ending) {
	for i, s := range silences {
		all = append(all, ending{
			conn: uint64(i + 1), manner: m, at: timeline.Stamp{Packet: uint64(10 * (i + 1)), Time: int64(i+1) * 10e9}, silence: time.Duration(s * 1e9),
		})
	}
	return all
}

func TestCluster(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 1))
	var silences []float64
	for range 212 {
		silences = append(silences, 60+dice.Float64()*0.3)
	}
	for range 28 {
		silences = append(silences, 1+dice.Float64()*300)
	}
	dice.Shuffle(len(silences), func(i, j int) { silences[i], silences[j] = silences[j], silences[i] })
	found, rest := clusters(endsOf(fin, silences...), silenceOf, silenceDefaults())
	if len(found) != 1 || found[0].N < 212 || found[0].N > 214 || found[0].Of != 240 || int(found[0].N)+len(rest) != 240 {
		t.Fatalf("%d clusters, %+v; %d are in none", len(found), found, len(rest))
	}
	c := &found[0]
	if c.Median < 60*time.Second || c.Median > 60300*time.Millisecond || c.Simultaneous || len(c.Packets) != maxExamples {
		t.Errorf("%+v", c)
	}
	var products []string
	for _, d := range c.Candidates {
		products = append(products, d.Product)
	}
	if len(products) != 3 || products[0] != "nginx" || products[1] != "AWS ALB" {
		t.Errorf("candidates: %v", products)
	}
}

// TestTwoClusters: two limits behind one manner of ending make two clusters.
func TestTwoClusters(t *testing.T) {
	found, rest := clusters(endsOf(fin, 30, 30.1, 30.05, 30, 60, 60.1, 60.2, 12, 5), silenceOf, silenceDefaults())
	if len(found) != 2 || found[0].N != 4 || found[1].N != 3 || len(rest) != 2 {
		t.Fatalf("%+v, %d are in none", found, len(rest))
	}
}

// TestNoCluster: what is ordinary, too short, or scattered is none.
func TestNoCluster(t *testing.T) {
	bye := Manner{By: timeline.PartyClient, How: HowClose, Code: 1000}
	for name, ends := range map[string][]ending{
		"said goodbye":       endsOf(bye, 60, 60, 60, 60),
		"navigated away":     endsOf(Manner{By: timeline.PartyClient, How: HowClose, Code: 1001}, 60, 60, 60),
		"no silence":         endsOf(fin, .01, .01, .01, .02),
		"two that are alike": endsOf(fin, 17, 17),
		"one of many":        endsOf(fin, 60, 17, 5, 200),
	} {
		if found, rest := clusters(ends, silenceOf, silenceDefaults()); len(found) > 0 || len(rest) != len(ends) {
			t.Errorf("%s: %+v", name, found)
		}
	}
	alarms := 0
	for seed := range uint64(2000) {
		dice := rand.New(rand.NewPCG(seed, 3))
		silences := make([]float64, 3+dice.IntN(300))
		for i := range silences {
			if seed%2 == 0 {
				silences[i] = 1 + dice.Float64()*120
			} else {
				silences[i] = 1 + dice.ExpFloat64()*30
			}
		}
		if found, _ := clusters(endsOf(fin, silences...), silenceOf, silenceDefaults()); len(found) > 0 {
			alarms++
		}
	}
	if alarms > 10 { // 0.5 %
		t.Errorf("%d of 2000 scattered sets have a cluster", alarms)
	}
	t.Logf("%d of 2000 scattered sets have a cluster", alarms)
}

// TestOneEnd: a single one stands out only where a default fits.
func TestOneEnd(t *testing.T) {
	if found, _ := clusters(endsOf(fin, 60.04), silenceOf, silenceDefaults()); len(found) != 1 || len(found[0].Candidates) == 0 {
		t.Errorf("60 s: %+v", found)
	}
	if found, _ := clusters(endsOf(fin, 61), silenceOf, silenceDefaults()); len(found) != 0 {
		t.Errorf("61 s: %+v", found)
	}
}

func TestSimultaneous(t *testing.T) {
	ends := endsOf(fin, 45, 45, 45)
	for i := range ends {
		ends[i].at.Time = 1e9
	}
	if found, _ := clusters(ends, silenceOf, silenceDefaults()); len(found) != 1 || !found[0].Simultaneous {
		t.Errorf("%+v", found)
	}
}

// TestReservoir: memory is bounded, and every end has its chance.
func TestReservoir(t *testing.T) {
	var r reservoir
	for i := range uint64(3 * maxEnds) {
		r.add(ending{conn: i})
	}
	late := 0
	for _, e := range r.ends {
		if e.conn >= 2*maxEnds {
			late++
		}
	}
	if len(r.ends) != maxEnds || r.seen != 3*maxEnds || late < maxEnds*32/100 || late > maxEnds*35/100 {
		t.Errorf("%d of %d ends, %d of the last third", len(r.ends), r.seen, late)
	}
}
