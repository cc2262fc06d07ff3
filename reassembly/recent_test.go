package reassembly_test

import (
	"testing"
	"time"

	"github.com/wsdump/wsdump/internal/scenario"
	"github.com/wsdump/wsdump/reassembly"
	"github.com/wsdump/wsdump/timeline"
)

// TestRecent: from the first packet of a connection until its time is up, and
// nothing before or behind that has the same addresses.
func TestRecent(t *testing.T) {
	s, err := scenario.Parse("test", "C> upgrade /\nS> 101\nC> text \"x\"\nC> fin\nS> fin\n")
	if err != nil {
		t.Fatal(err)
	}
	packets := s.Packets(scenario.Disguise{})
	var transport *timeline.Transport
	tracker := reassembly.New(func(tr *timeline.Transport) timeline.Stream {
		transport = tr
		return timeline.Deaf{}
	}, timeline.Limits{})
	for i := range packets {
		tracker.Packet(&packets[i])
	}
	last := packets[len(packets)-1].Time
	var recent reassembly.Recent
	if recent.Has(&packets[0]) {
		t.Error("nothing was chosen")
	}
	transport.First.Packet = 3
	recent.Add(transport, last-1)
	recent.Add(transport, last+int64(time.Second))
	for i := range packets {
		if got := recent.Has(&packets[i]); got != (packets[i].Number >= 3) {
			t.Errorf("packet %d: %v", i+1, got)
		}
	}
	late := packets[len(packets)-1]
	late.Time += int64(2 * time.Second)
	if recent.Has(&late) {
		t.Error("a packet behind its time belongs to another connection")
	}
	recent.Forget(last)
	if !recent.Has(&packets[3]) {
		t.Error("forgotten too early")
	}
	recent.Forget(last + int64(time.Hour))
	if recent.Has(&packets[3]) {
		t.Error("not forgotten")
	}
}

// TestRecentPieces: of IP packets in pieces all pieces are chosen, which are
// asked for later than they were learned, and what was learned is forgotten then.
func TestRecentPieces(t *testing.T) {
	for _, disguise := range []scenario.Disguise{{Fragment: 24}, {Fragment: 24, Mix: true}, {Fragment: 16, IPv6: true}, {Fragment: 24, VLAN: true}} {
		s, err := scenario.Parse("test", "C> upgrade /\nS> 101\nC> text \"a text that does not go into one piece\"\nC> fin\nS> fin\n")
		if err != nil {
			t.Fatal(err)
		}
		packets := s.Packets(disguise)
		var transport *timeline.Transport
		tracker := reassembly.New(func(tr *timeline.Transport) timeline.Stream {
			transport = tr
			return timeline.Deaf{}
		}, timeline.Limits{})
		var recent, unchosen reassembly.Recent
		for i := range packets {
			tracker.Packet(&packets[i])
			recent.Learn(&packets[i], timeline.Limits{})
			unchosen.Learn(&packets[i], timeline.Limits{})
		}
		recent.Add(transport, packets[len(packets)-1].Time)
		missing := 0
		for i := range packets {
			if !recent.Has(&packets[i]) {
				missing++
			}
			if unchosen.Has(&packets[i]) {
				t.Errorf("%+v: packet %d is chosen, and no connection was", disguise, i+1)
			}
		}
		// A copy of a piece whose packet is whole already says nothing new.
		if missing > 0 && !disguise.Mix || missing > len(packets)/3 {
			t.Errorf("%+v: %d of %d packets are not chosen", disguise, missing, len(packets))
		}
		again := 0
		for i := range packets {
			if recent.Has(&packets[i]) {
				again++
			}
		}
		if again > len(packets)/2 { // those that came whole
			t.Errorf("%+v: %d of %d packets are still known", disguise, again, len(packets))
		}
	}
}
