package report

import (
	"fmt"
	"os"
	"testing"

	"github.com/wsdump/wsdump/timeline"
)

// many tells a timeline with one of everything to a sink.
func many(s timeline.Sink) {
	a := chat(1, 0.7)
	a.Handshake.Extensions = []timeline.Extension{{Name: "permessage-deflate"}}
	s.Open(a)
	s.Message(text(a, 0, 8, 13.1, `{"type":"subscribe","channel":"prices","symbols":["AAPL","GOOG","MSFT"],"depth":10,"id":"00001"}`))
	b := chat(2, 20)
	s.Open(b)
	m := text(a, 1, 9, 33.5, "日本語のテキスト \x1b[31mred\x1b[0m \u202eevil\u202c 👩‍👩‍👧‍👦 family\nnext\tline and so on and on and on and on and on")
	m.Compressed, m.WireLength, m.Frames = true, 61, 3
	s.Message(m)
	m = blob(b, 0, 10, 34, "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x01\x00")
	s.Message(m)
	m = text(b, 0, 11, 35, "caf\xc3\xa9 \xff broken")
	m.Incomplete = true
	s.Message(m)
	s.Finding(&timeline.Finding{Rule: aRule, Severity: timeline.Error, Conn: b, N: 2, Dir: 0, HasDir: true, At: at(11, 35), Got: "mask bit 0", Want: "1", Detail: "The server must close the connection"})
	m = blob(b, 0, 10, 36, "\x00")
	m.Opaque, m.Compressed, m.HasLength = true, true, false
	s.Message(m)
	s.Message(text(b, 0, 10, 36.01, ""))
	r := chat(3, 50)
	r.Handshake.Status, r.Handshake.Reason, r.Handshake.Subprotocol = 403, "Forbidden", ""
	s.Open(r)
	r.Ended = at(30, 60)
	s.Close(r, r.Ended)
	s.Frame(control(b, timeline.OpPing, 1, 12, 200000.2, "\x00\x01\x02"))
	s.Close(b, closed(b, 15, 200100))
	a.TCP, a.FirstFIN, a.By, a.Ended = timeline.TCPReset, timeline.PartyServer, timeline.PartyServer, at(99, 3800000)
	a.LastFrame, a.EndBegan = at(90, 3700000), at(99, 3800000)
	s.Close(a, a.Ended)
	s.Done(&timeline.Totals{Packets: 20, Bytes: 1400, First: epoch, Last: epoch + 9_100_800_000, Transports: 1, Conns: 1, Messages: 2, Frames: 6})
}

func TestEyes(t *testing.T) {
	if os.Getenv("EYES") == "" {
		t.Skip()
	}
	for _, opt := range []Options{{Start: start}, {Start: start, Width: 90, Frames: true, Color: true}} {
		story(NewTable(os.Stdout, opt))
		fmt.Println("-----")
		many(NewTable(os.Stdout, opt))
		fmt.Println("-----")
		story(NewNDJSON(os.Stdout, opt))
		many(NewNDJSON(os.Stdout, opt))
		fmt.Println("-----")
		many(NewList(os.Stdout, opt))
		story(NewListNDJSON(os.Stdout, opt))
	}
}
