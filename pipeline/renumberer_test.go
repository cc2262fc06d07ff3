package pipeline

import (
	"reflect"
	"testing"

	"github.com/wsdump/wsdump/timeline"
)

var stampType = reflect.TypeFor[timeline.Stamp]()

// stamps calls f for all stamps in v.
func stamps(v reflect.Value, f func(*timeline.Stamp)) {
	switch {
	case v.Type() == stampType:
		f(v.Addr().Interface().(*timeline.Stamp))
	case v.Kind() == reflect.Pointer && !v.IsNil():
		stamps(v.Elem(), f)
	case v.Kind() == reflect.Struct && v.Type().PkgPath() == stampType.PkgPath():
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				stamps(v.Field(i), f)
			}
		}
	}
}

// oneOfEach is a batch of one call of each kind, with 5 as the packet of all stamps.
func oneOfEach() (b *batch) {
	mark := func(x any) { stamps(reflect.ValueOf(x), func(s *timeline.Stamp) { s.Packet = 5 }) }
	r := newRecorder(nil, func(full *batch) *batch {
		b = full
		return &batch{}
	})
	for _, late := range []bool{false, true} {
		c := &timeline.Conn{ID: 2, LegOf: 1, Transport: &timeline.Transport{ID: 3}, Handshake: &timeline.Handshake{}}
		m, f := &timeline.Message{}, &timeline.Frame{}
		finding := &timeline.Finding{Rule: timeline.RuleDuplicate}
		for _, x := range []any{c, m, f, finding} {
			mark(x)
		}
		m.Conn, f.Conn, finding.Conn = c, c, c
		if !late {
			r.Begin(timeline.Stamp{Packet: 5})
			r.Open(c)
		}
		r.Message(m)
		r.Frame(f)
		r.Finding(finding)
		if !late {
			r.Close(c, timeline.Stamp{Packet: 5})
		}
	}
	o := &timeline.Other{Transport: &timeline.Transport{}}
	mark(o)
	r.Other(o)
	r.Done(&timeline.Totals{})
	return b
}

// TestRenumber: every stamp of every call gets the number that its packet has among
// all inputs, and so do connections.
func TestRenumber(t *testing.T) {
	for _, encoded := range []bool{false, true} {
		b := oneOfEach()
		if encoded {
			b = b.encode(func(*timeline.Rule) int { return 0 }).decode([]*timeline.Rule{timeline.RuleDuplicate})
		}
		r := &renumberer{offsets: offsets{packets: 100, conns: 10}, open: make(map[uint64]*snapshot)}
		r.renumber(b)
		sink := &numbers{t: t}
		if b.emit(sink, true); sink.calls != 10 {
			t.Errorf("encoded %v: %d calls", encoded, sink.calls)
		}
	}
}

// numbers is a sink that checks all numbers.
type numbers struct {
	timeline.Nop
	t     *testing.T
	calls int
}

func (n *numbers) check(what string, x any) {
	stamps(reflect.ValueOf(x), func(s *timeline.Stamp) {
		if s.Packet != 105 {
			n.t.Errorf("%s: packet %d", what, s.Packet)
		}
	})
}

func (n *numbers) call(what string, c *timeline.Conn, x any) {
	n.calls++
	n.check(what, x)
	if c == nil {
		return
	}
	n.check(what, c)
	if c.ID != 12 || c.LegOf != 11 || c.Transport.ID != 103 {
		n.t.Errorf("%s: connection %d, leg of %d, transport %d", what, c.ID, c.LegOf, c.Transport.ID)
	}
}

func (n *numbers) Begin(at timeline.Stamp)                   { n.call("begin", nil, &at) }
func (n *numbers) Open(c *timeline.Conn)                     { n.call("open", c, c) }
func (n *numbers) Message(m *timeline.Message)               { n.call("message", m.Conn, m) }
func (n *numbers) Frame(f *timeline.Frame)                   { n.call("frame", f.Conn, f) }
func (n *numbers) Finding(f *timeline.Finding)               { n.call("finding", f.Conn, f) }
func (n *numbers) Other(o *timeline.Other)                   { n.call("other", nil, o) }
func (n *numbers) Close(c *timeline.Conn, at timeline.Stamp) { n.call("close", c, &at) }
