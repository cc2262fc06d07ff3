package chain

import (
	"io"
	"slices"
	"testing"

	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/redact"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/timeline"
)

// TestNeedsSavesWork: the filter is asked with the number that a connection will
// have, so that one that cannot match is not inflated.
func TestNeedsSavesWork(t *testing.T) {
	p, err := query.Compile(`conn == 2`, query.Rows)
	if err != nil {
		t.Fatal(err)
	}
	sink := New(report.NewNDJSON(io.Discard, report.Options{}), Options{Filter: p}).Sink()
	for id, want := range []bool{false, true, false} {
		c := &timeline.Conn{}
		if got := sink.Needs(c).Payload; got != want || c.ID != 0 {
			t.Errorf("connection %d: payload %v, want %v", id+1, got, want)
		}
		c.ID = uint64(id + 1)
		sink.Open(c)
	}
}

// notes writes down which sink a message reached, and what it said there.
type notes struct {
	timeline.Nop
	name string
	to   *[]string
}

func (n notes) Message(m *timeline.Message) { *n.to = append(*n.to, n.name+" "+string(m.Payload)) }

// TestOrder: observers see what is filtered and redacted, the output does not.
func TestOrder(t *testing.T) {
	p, err := query.Compile(`text contains "PLANTED"`, query.Rows)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := query.ParsePath("password")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	c := New(notes{name: "output", to: &got}, Options{
		Filter: p, Redact: redact.Options{JSON: []query.Path{secret}}, Observers: []timeline.Sink{notes{name: "observer", to: &got}},
	})
	conn := &timeline.Conn{ID: 1, Handshake: &timeline.Handshake{}, Transport: &timeline.Transport{}}
	sink := c.Sink()
	sink.Begin(timeline.Stamp{Packet: 1, Time: 1})
	sink.Needs(conn)
	sink.Open(conn)
	for _, text := range []string{`{"password":"PLANTED"}`, "other"} {
		sink.Message(&timeline.Message{Conn: conn, Kind: timeline.OpText, Text: true, HasPayload: true, Payload: []byte(text)})
	}
	sink.Done(&timeline.Totals{Conns: 1, Messages: 2})
	if want := []string{`output {"password":"[redacted]"}`, `observer {"password":"PLANTED"}`, "observer other"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if c.Totals().Messages != 2 || c.Omitted() != "" {
		t.Errorf("%d messages, %q", c.Totals().Messages, c.Omitted())
	}
}

// TestZeroOptions: a chain of no options counts, and nothing else stands before the
// output.
func TestZeroOptions(t *testing.T) {
	c := New(timeline.Nop{}, Options{})
	c.Sink().Done(&timeline.Totals{Packets: 7})
	if c.Totals().Packets != 7 || !slices.Equal(c.active, []string{"count"}) {
		t.Errorf("%+v, %q", c.Totals(), c.active)
	}
}
