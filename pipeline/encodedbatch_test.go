package pipeline

import (
	"bytes"
	"encoding/gob"
	"reflect"
	"testing"

	"github.com/wsdump/wsdump/internal/fill"
	"github.com/wsdump/wsdump/timeline"
)

// TestRecorderWhole: every field of every value arrives at a sink behind a recorder,
// and behind a temporary file, although borrowed values are overwritten as soon as the
// call is over. A new field that gets lost fails this.
func TestRecorderWhole(t *testing.T) {
	for _, file := range []bool{false, true} {
		sink := &whole{t: t}
		b := recorded(sink)
		if file {
			b = throughFile(t, b)
		}
		r := &renumberer{open: make(map[uint64]*snapshot)}
		r.renumber(b)
		if b.emit(sink, false); len(sink.want) > 0 {
			t.Errorf("through a file: %v; %d calls are missing", file, len(sink.want))
		}
	}
}

// linked are the fields that the sink sees as the copy of the connection, or that
// are shared.
var linked = fill.Skip{"Message.Conn": true, "Frame.Conn": true, "Finding.Conn": true, "Finding.Rule": true}

// recorded records one call of each kind, with all fields set, and lets sink expect
// them.
func recorded(sink *whole) (b *batch) {
	r := newRecorder(nil, func(full *batch) *batch {
		b = full
		return &batch{}
	})
	var c timeline.Conn
	fill.Fill(&c, nil)
	sink.want = append(sink.want, fill.Copy(&c, nil))
	r.Open(&c)

	m := timeline.Message{}
	fill.Fill(&m, linked)
	sink.want = append(sink.want, fill.Copy(&m, linked))
	m.Conn = &c
	r.Message(&m)
	fill.Overwrite(&m, linked)

	f := timeline.Frame{}
	fill.Fill(&f, linked)
	sink.want = append(sink.want, fill.Copy(&f, linked))
	f.Conn = &c
	r.Frame(&f)
	fill.Overwrite(&f, linked)

	finding := timeline.Finding{}
	fill.Fill(&finding, linked)
	finding.Rule = timeline.RuleDuplicate
	sink.want = append(sink.want, fill.Copy(&finding, linked))
	finding.Conn = &c
	r.Finding(&finding)
	fill.Overwrite(&finding, linked)

	sink.want = append(sink.want, fill.Copy(&c, nil))
	r.Close(&c, timeline.Stamp{Packet: 1})
	fill.Overwrite(&c, fill.Skip{"Conn.Handshake": true}) // which nothing changes

	o := timeline.Other{}
	fill.Fill(&o, nil)
	sink.want = append(sink.want, fill.Copy(&o, nil))
	r.Other(&o)
	fill.Overwrite(&o, nil)

	totals := &timeline.Totals{}
	fill.Fill(totals, nil)
	sink.want = append(sink.want, fill.Copy(totals, nil))
	r.Done(totals)
	return b
}

// throughFile writes b as a file would hold it, and reads it again.
func throughFile(t *testing.T, b *batch) *batch {
	t.Helper()
	var file bytes.Buffer
	if err := gob.NewEncoder(&file).Encode(b.encode(func(*timeline.Rule) int { return 0 })); err != nil {
		t.Fatal(err)
	}
	var encoded encodedBatch
	if err := gob.NewDecoder(&file).Decode(&encoded); err != nil {
		t.Fatal(err)
	}
	return encoded.decode([]*timeline.Rule{timeline.RuleDuplicate})
}

// whole is a sink that knows the calls that it will get.
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
