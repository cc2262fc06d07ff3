package pipeline

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wsdump/wsdump/timeline"
)

// diary writes down what it is told.
type diary struct {
	timeline.Nop
	lines   []string
	opened  map[*timeline.Conn]bool
	panicAt int
}

func (d *diary) write(format string, a ...any) {
	d.lines = append(d.lines, fmt.Sprintf(format, a...))
	if len(d.lines) == d.panicAt {
		panic("a bug")
	}
}

func (d *diary) Open(c *timeline.Conn) {
	d.opened[c] = true
	d.write("open %d %d", c.ID, c.Rows)
}

func (d *diary) Message(m *timeline.Message) {
	d.write("message %v %d %q %v", d.opened[m.Conn], m.N, m.Payload, m.Payload == nil)
}

func (d *diary) Frame(f *timeline.Frame) {
	d.write("frame %v %q %q", d.opened[f.Conn], f.Payload, f.CloseReason)
}

func (d *diary) Finding(f *timeline.Finding) {
	id := uint64(0)
	if f.Conn != nil {
		id = f.Conn.ID
	}
	d.write("finding %d %s", id, f.Got)
}

func (d *diary) Close(c *timeline.Conn, at timeline.Stamp) {
	d.write("close %v %d %d %d", d.opened[c], c.Rows, c.Transport.Packets, at.Packet)
}
func (d *diary) Done(t *timeline.Totals) { d.write("done %d", t.Packets) }

// tellAll tells sink more than fits into a few batches, and changes everything
// that it lent as soon as the call is over.
func tellAll(sink timeline.Sink) {
	var payload []byte
	for id := range uint64(20) {
		transport := &timeline.Transport{ID: id}
		c := &timeline.Conn{ID: id, Transport: transport}
		sink.Open(c)
		for n := range uint64(300) {
			c.Rows++
			transport.Packets++
			payload = append(payload[:0], strings.Repeat(fmt.Sprint(n), int(n)%50)...)
			if n == 7 && id == 3 {
				payload = append(payload, make([]byte, 3<<20)...)
			}
			m := timeline.Message{Conn: c, N: n, Payload: payload}
			if n%10 == 0 {
				m.Payload = nil
			}
			sink.Message(&m)
			m.N = 99
			f := timeline.Frame{Conn: c, Payload: payload, CloseReason: payload[:len(payload)/2]}
			sink.Frame(&f)
			clear(payload)
			f.Payload = nil
			finding := timeline.Finding{Conn: c, Got: fmt.Sprint(n)}
			if n%3 == 0 {
				finding.Conn = nil
			}
			sink.Finding(&finding)
			finding.Got = "changed"
		}
		sink.Close(c, timeline.Stamp{Packet: id})
		sink.Finding(&timeline.Finding{Conn: c, Got: "after the end"})
		c.Rows, transport.Packets = 0, 0
	}
	sink.Done(&timeline.Totals{Packets: 7})
}

func TestApart(t *testing.T) {
	want, got := &diary{opened: map[*timeline.Conn]bool{}}, &diary{opened: map[*timeline.Conn]bool{}}
	tellAll(want)
	tellAll(NewApart(got, got.Needs))
	if len(want.lines) != len(got.lines) {
		t.Fatalf("%d calls, want %d", len(got.lines), len(want.lines))
	}
	for i := range want.lines {
		if want.lines[i] != got.lines[i] {
			t.Fatalf("call %d: %.100s, want %.100s", i, got.lines[i], want.lines[i])
		}
	}
}

// TestApartPanics: a bug of the sink is told where Done is called, and nobody
// waits for ever.
func TestApartPanics(t *testing.T) {
	defer func() {
		if what := recover(); what == nil || !strings.Contains(fmt.Sprint(what), "a bug") {
			t.Errorf("%v", what)
		}
	}()
	sink := &diary{opened: map[*timeline.Conn]bool{}, panicAt: 700}
	tellAll(NewApart(sink, sink.Needs))
}
