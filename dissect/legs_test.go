package dissect

import (
	"net/netip"
	"testing"

	"github.com/wsdump/wsdump/timeline"
)

// view is one capture of a handshake, made of its transport's numbers.
type view struct {
	id       uint64 // of the connection and its transport
	client   string
	isn      [2]uint32
	key      string
	header   string
	from, to int64 // times of request and response
}

func opened(d *Dissector, s *balance, v view) *timeline.Conn {
	t := &timeline.Transport{ID: v.id, Client: netip.MustParseAddrPort(v.client), Server: netip.MustParseAddrPort("10.0.0.1:80"), ISN: v.isn, HasISN: [2]bool{true, true}}
	stream := d.Open(t)
	s.conn, s.id = nil, v.id
	stream.Data(timeline.ClientToServer, timeline.Stamp{Time: v.from}, []byte("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nSec-WebSocket-Key: "+v.key+"\r\n"+v.header+"\r\n"))
	stream.Data(timeline.ServerToClient, timeline.Stamp{Time: v.to}, []byte("HTTP/1.1 101 x\r\nUpgrade: websocket\r\n\r\n"))
	return s.conn
}

// TestLegs: the two sides of a proxy are tied, and strangers with the same key at another time are strangers.
func TestLegs(t *testing.T) {
	s := &balance{}
	d := New(s, Options{})
	opened(d, s, view{id: 1, client: "10.0.0.9:1", isn: [2]uint32{1, 2}, key: "AAAA", from: 20, to: 30})
	front := opened(d, s, view{id: 2, client: "10.0.0.8:1", isn: [2]uint32{3, 4}, key: "AAAA", from: 10, to: 40})
	if front.LegOf != 1 || front.LegGuessed {
		t.Errorf("the front leg: leg of %d, guessed %v", front.LegOf, front.LegGuessed)
	}
	if c := opened(d, s, view{id: 3, client: "10.0.0.5:9", isn: [2]uint32{1, 2}, key: "AAAA", from: 50, to: 55}); c == nil || s.rules["capture/duplicate"] != 0 {
		t.Errorf("another connection with the same numbers: %v, %v", c, s.rules)
	}
	if c := opened(d, s, view{id: 4, client: "10.0.0.7:1", isn: [2]uint32{5, 6}, key: "AAAA", from: 100, to: 110}); c.LegOf != 0 {
		t.Errorf("a later connection with the same key is leg of %d", c.LegOf)
	}
	opened(d, s, view{id: 5, client: "10.0.0.9:2", isn: [2]uint32{7, 8}, key: "BBBB", header: "X-Request-Id: 77\r\n", from: 220, to: 230})
	if c := opened(d, s, view{id: 6, client: "10.0.0.8:2", isn: [2]uint32{9, 10}, key: "CCCC", header: "X-Request-Id: 77\r\n", from: 210, to: 240}); c.LegOf != 5 || !c.LegGuessed {
		t.Errorf("by X-Request-Id: leg of %d, guessed %v", c.LegOf, c.LegGuessed)
	}
	opened(d, s, view{id: 7, client: "10.0.0.9:3", isn: [2]uint32{11, 12}, key: "DDDD", header: "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n", from: 320, to: 330})
	if c := opened(d, s, view{id: 8, client: "10.0.0.8:3", isn: [2]uint32{13, 14}, key: "EEEE", header: "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-b7ad6b7169203331-01\r\n", from: 310, to: 340}); c.LegOf != 7 || !c.LegGuessed {
		t.Errorf("by traceparent: leg of %d, guessed %v", c.LegOf, c.LegGuessed)
	}
}

// TestPartsBorrow: Parts know what a connection may be known by also when its Conn is
// another one's by now.
func TestPartsBorrow(t *testing.T) {
	conn := func(id uint64, from, to int64) *timeline.Conn {
		return &timeline.Conn{
			ID:        id,
			Transport: &timeline.Transport{ID: id, ISN: [2]uint32{1, 2}, HasISN: [2]bool{true, true}},
			Handshake: &timeline.Handshake{Key: "AAAA", Status: 101, Request: timeline.Stamp{Time: from}, Response: timeline.Stamp{Time: to}},
		}
	}
	var p Parts
	open := func(c *timeline.Conn) bool {
		signs := SignsOf(c)
		return p.Open(c, &signs)
	}
	first := conn(1, 20, 30)
	if !open(first) {
		t.Error("the first connection is not alone")
	}
	*first.Transport = timeline.Transport{ID: 7}
	*first = timeline.Conn{Transport: first.Transport, Handshake: &timeline.Handshake{Key: "BBBB"}}
	if open(conn(2, 10, 40)) {
		t.Error("a copy is told beside the connection")
	}
	front := conn(3, 10, 40)
	front.Transport.ISN = [2]uint32{3, 4}
	if open(front); front.LegOf != 1 || front.LegGuessed {
		t.Errorf("the other leg: %d, guessed %v", front.LegOf, front.LegGuessed)
	}
}

// TestLegsOfOneMark: connections of one transport are no legs of each other, and of
// those with one mark a few are remembered.
func TestLegsOfOneMark(t *testing.T) {
	var l legs
	open := func(id, transport uint64, from, to int64) (of uint64) {
		s := Signs{leg: leg{transport: transport, request: from, response: to}, marks: marked{requestMark: newMark(requestMark, "77")}}
		of, _ = l.tie(&s)
		l.number(&s, id)
		return of
	}
	open(1, 9, 20, 30)
	if of := open(2, 9, 10, 40); of != 0 {
		t.Errorf("a stream is the leg of another of its connection, %d", of)
	}
	for id := range uint64(100) {
		open(id+3, id+10, 50, 40) // around nothing
	}
	for m, others := range l.others {
		if len(others)+1 != legViews || len(l.first) != 1 {
			t.Errorf("%d connections of %v, and %d marks", len(others)+1, m, len(l.first))
		}
	}
}
