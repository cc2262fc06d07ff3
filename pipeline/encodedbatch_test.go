package pipeline

import (
	"bytes"
	"encoding/gob"
	"reflect"
	"testing"

	"github.com/wsdump/wsdump/internal/fill"
	"github.com/wsdump/wsdump/timeline"
)

// TestPackedWhole: every field of everything that a sink is told arrives behind a
// worker, and behind a temporary file, although what was lent is overwritten as soon
// as the call is over. A new field that gets lost fails this.
func TestPackedWhole(t *testing.T) {
	for _, file := range []bool{false, true} {
		sink := &whole{t: t}
		b := recorded(sink)
		if file {
			b = throughFile(t, b)
		}
		r := &replay{open: make(map[uint64]*shadow)}
		r.settle(b)
		if b.tell(sink, false); len(sink.want) > 0 {
			t.Errorf("through a file: %v; %d calls are missing", file, len(sink.want))
		}
	}
}

// linked are the fields that the sink sees as the copy of the connection, or that
// are shared.
var linked = fill.Skip{"Message.Conn": true, "Frame.Conn": true, "Finding.Conn": true, "Finding.Rule": true}

// recorded writes down one call of each kind, with all fields set, and lets sink
// expect them.
func recorded(sink *whole) (b *telling) {
	a := newAuthor(func(full *telling) *telling {
		b = full
		return &telling{}
	})
	var c timeline.Conn
	fill.Fill(&c, nil)
	sink.want = append(sink.want, fill.Copy(&c, nil))
	a.Open(&c)

	m := timeline.Message{}
	fill.Fill(&m, linked)
	sink.want = append(sink.want, fill.Copy(&m, linked))
	m.Conn = &c
	a.Message(&m)
	fill.Overwrite(&m, linked)

	f := timeline.Frame{}
	fill.Fill(&f, linked)
	sink.want = append(sink.want, fill.Copy(&f, linked))
	f.Conn = &c
	a.Frame(&f)
	fill.Overwrite(&f, linked)

	finding := timeline.Finding{}
	fill.Fill(&finding, linked)
	finding.Rule = timeline.RuleDuplicate
	sink.want = append(sink.want, fill.Copy(&finding, linked))
	finding.Conn = &c
	a.Finding(&finding)
	fill.Overwrite(&finding, linked)

	sink.want = append(sink.want, fill.Copy(&c, nil))
	a.Close(&c, timeline.Stamp{Packet: 1})
	fill.Overwrite(&c, fill.Skip{"Conn.Handshake": true}) // which nothing changes

	o := timeline.Other{}
	fill.Fill(&o, nil)
	sink.want = append(sink.want, fill.Copy(&o, nil))
	a.Other(&o)
	fill.Overwrite(&o, nil)

	totals := &timeline.Totals{}
	fill.Fill(totals, nil)
	sink.want = append(sink.want, fill.Copy(totals, nil))
	a.Done(totals)
	return b
}

// throughFile writes b as a file would hold it, and reads it again.
func throughFile(t *testing.T, b *telling) *telling {
	t.Helper()
	var file bytes.Buffer
	if err := gob.NewEncoder(&file).Encode(b.pack(func(*timeline.Rule) int { return 0 })); err != nil {
		t.Fatal(err)
	}
	var packed packedTelling
	if err := gob.NewDecoder(&file).Decode(&packed); err != nil {
		t.Fatal(err)
	}
	return packed.unpack([]*timeline.Rule{timeline.RuleDuplicate})
}

// whole is a sink that knows what it will be told.
type whole struct {
	timeline.Nop
	t    *testing.T
	want []any
}

func (w *whole) check(got any) {
	w.t.Helper()
	if len(w.want) == 0 {
		w.t.Fatalf("one call too many: %+v", got)
	}
	if !reflect.DeepEqual(got, w.want[0]) {
		w.t.Errorf("got %+v\nwant %+v", got, w.want[0])
	}
	w.want = w.want[1:]
}

func (w *whole) Open(c *timeline.Conn)                    { w.check(c) }
func (w *whole) Close(c *timeline.Conn, _ timeline.Stamp) { w.check(c) }
func (w *whole) Other(o *timeline.Other)                  { w.check(o) }
func (w *whole) Done(t *timeline.Totals)                  { w.check(t) }

func (w *whole) Message(m *timeline.Message) {
	own := *m
	own.Conn = nil
	w.check(&own)
}

func (w *whole) Frame(f *timeline.Frame) {
	own := *f
	own.Conn = nil
	w.check(&own)
}

func (w *whole) Finding(f *timeline.Finding) {
	own := *f
	own.Conn = nil
	w.check(&own)
}
