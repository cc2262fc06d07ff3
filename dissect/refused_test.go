package dissect

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"

	h2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/wsdump/wsdump/timeline"
)

// TestRefusedFindings: what HTTP/2 finds about a stream that became no WebSocket reaches
// the sink, the error code of its reset too.
func TestRefusedFindings(t *testing.T) {
	var c, s bytes.Buffer
	client, server := h2.NewFramer(&c, nil), h2.NewFramer(&s, nil)
	c.WriteString(h2.ClientPreface)
	client.WriteSettings()
	server.WriteSettings()
	var head bytes.Buffer
	enc := hpack.NewEncoder(&head)
	for _, f := range [][2]string{{":method", "CONNECT"}, {":protocol", "websocket"}, {":scheme", "http"}, {":path", "/chat"}, {":authority", "a"}} {
		if err := enc.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}); err != nil {
			t.Fatal(err)
		}
	}
	client.WriteHeaders(h2.HeadersFrameParam{StreamID: 1, BlockFragment: head.Bytes(), EndHeaders: true})
	settings := slices.Clone(s.Bytes())
	s.Reset()
	server.WriteRSTStream(1, h2.ErrCodeHTTP11Required)
	sink := &ruleList{}
	stream := New(sink, Options{}).Open(&timeline.Transport{Client: netip.MustParseAddrPort("10.0.0.9:4000"), Server: netip.MustParseAddrPort("10.0.0.1:80")})
	stream.Data(timeline.ServerToClient, timeline.Stamp{}, settings)
	stream.Data(timeline.ClientToServer, timeline.Stamp{}, c.Bytes())
	stream.Data(timeline.ServerToClient, timeline.Stamp{}, s.Bytes())
	for _, want := range []string{"h2/connect-not-enabled", "h2/connect-reset HTTP_1_1_REQUIRED (13)"} {
		if !slices.ContainsFunc(sink.rules, func(r string) bool { return len(r) >= len(want) && r[:len(want)] == want }) {
			t.Errorf("no %s in %q", want, sink.rules)
		}
	}
	if slices.ContainsFunc(sink.rules, func(r string) bool { return r == "http/upgrade-unanswered " }) {
		t.Errorf("a reset is an answer: %q", sink.rules)
	}
}

// ruleList is a sink that keeps the rules of findings, with what was there.
type ruleList struct {
	timeline.Nop
	rules []string
}

func (r *ruleList) Finding(f *timeline.Finding) { r.rules = append(r.rules, f.Rule.ID+" "+f.Got) }
