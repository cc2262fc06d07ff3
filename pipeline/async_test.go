package pipeline

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wsdump/wsdump/timeline"
)

// callLogger keeps a line for each call.
type callLogger struct {
	timeline.Nop
	lines   []string
	opened  map[*timeline.Conn]bool
	panicAt int
}

func (d *callLogger) write(format string, a ...any) {
	d.lines = append(d.lines, fmt.Sprintf(format, a...))
	if len(d.lines) == d.panicAt {
		panic("a bug")
	}
}

func (d *callLogger) Open(c *timeline.Conn) {
	d.opened[c] = true
	d.write("open %d %d", c.ID, c.Rows)
}

func (d *callLogger) Message(m *timeline.Message) {
	d.write("message %v %d %q %v", d.opened[m.Conn], m.N, m.Payload, m.Payload == nil)
}

func (d *callLogger) Frame(f *timeline.Frame) {
	d.write("frame %v %q %q", d.opened[f.Conn], f.Payload, f.CloseReason)
}

func (d *callLogger) Finding(f *timeline.Finding) {
	id := uint64(0)
	if f.Conn != nil {
		id = f.Conn.ID
	}
	d.write("finding %d %s", id, f.Got)
}

func (d *callLogger) Close(c *timeline.Conn, at timeline.Stamp) {
	d.write("close %v %d %d %d", d.opened[c], c.Rows, c.Transport.Packets, at.Packet)
}
func (d *callLogger) Done(t *timeline.Totals) { d.write("done %d", t.Packets) }

// makeCalls makes more calls to sink than fit into a few batches. It changes all
// borrowed values as soon as the call is over.
func makeCalls(sink timeline.Sink) {
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

func TestAsync(t *testing.T) {
	want, got := &callLogger{opened: map[*timeline.Conn]bool{}}, &callLogger{opened: map[*timeline.Conn]bool{}}
	makeCalls(want)
	makeCalls(NewAsync(got, got.Needs))
	if len(want.lines) != len(got.lines) {
		t.Fatalf("%d calls, want %d", len(got.lines), len(want.lines))
	}
	for i := range want.lines {
		if want.lines[i] != got.lines[i] {
			t.Fatalf("call %d: %.100s, want %.100s", i, got.lines[i], want.lines[i])
		}
	}
}

// TestAsyncPanics: where the sink panics, Done panics, and nobody waits for ever.
func TestAsyncPanics(t *testing.T) {
	defer func() {
		if what := recover(); what == nil || !strings.Contains(fmt.Sprint(what), "a bug") {
			t.Errorf("%v", what)
		}
	}()
	sink := &callLogger{opened: map[*timeline.Conn]bool{}, panicAt: 700}
	makeCalls(NewAsync(sink, sink.Needs))
}
