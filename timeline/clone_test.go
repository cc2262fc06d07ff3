package timeline

import (
	"bytes"
	"reflect"
	"slices"
	"testing"

	"github.com/wsdump/wsdump/internal/fill"
)

// shared are the fields that a clone has in common with its original, each with
// the reason why that is safe.
var shared = map[string]string{
	"Message.Conn":   "a Conn is cloned by itself",
	"Frame.Conn":     "a Conn is cloned by itself",
	"Finding.Conn":   "a Conn is cloned by itself",
	"Finding.Rule":   "a Rule never changes",
	"Conn.Handshake": "nothing changes it once the Conn is open",
}

// dropped are the unexported fields that a clone does not have.
var dropped = map[string]string{
	"Conn.findingCounts": "what Tell counts by",
	"Conn.findingOrder":  "what Tell counts by",
}

// TestClone: a clone equals its original, and stays what it is when all memory of
// the original is overwritten. A new field that Clone forgets fails this.
func TestClone(t *testing.T) {
	testClone(t, func(m, dst *Message) { m.Clone(dst, nil) })
	testClone(t, func(f, dst *Frame) { f.Clone(dst, nil) })
	testClone(t, func(f, dst *Finding) { f.Clone(dst) })
	testClone(t, func(f, dst *Finding) { *dst = f.AppendClone(nil)[0] })
	testClone(t, func(c, dst *Conn) { c.Clone(dst, new(Transport)) })
	testClone(t, func(o, dst *Other) { o.Clone(dst, new(Transport)) })
}

func testClone[T any](t *testing.T, clone func(from, to *T)) {
	t.Helper()
	skip := fill.Skip{}
	for name := range shared {
		skip[name] = true
	}
	kind := reflect.TypeFor[T]()
	for _, name := range fill.Unexported(kind) {
		if dropped[name] == "" {
			t.Errorf("%s cannot be seen by this test: say why a clone may drop it", name)
		}
	}
	var original, dst T
	fill.Fill(&original, skip)
	setShared(reflect.ValueOf(&original).Elem())
	fill.Fill(&dst, skip) // memory that is used again
	want := fill.Copy(&original, skip)
	clone(&original, &dst)
	if !reflect.DeepEqual(&dst, want) {
		t.Errorf("the clone of a %s is %+v, want %+v", kind.Name(), dst, *want)
	}
	fill.Overwrite(&original, skip)
	if !reflect.DeepEqual(&dst, want) {
		t.Errorf("the clone of a %s changes with its original: %+v, want %+v", kind.Name(), dst, *want)
	}
}

// setShared gives a new value to those fields of v that are shared.
func setShared(v reflect.Value) {
	for i := range v.NumField() {
		if shared[v.Type().Name()+"."+v.Type().Field(i).Name] != "" {
			v.Field(i).Set(reflect.New(v.Field(i).Type().Elem()))
		}
	}
}

// TestCloneNil: what is absent stays absent, and memory of an arena is used again.
func TestCloneNil(t *testing.T) {
	var m Message
	if (&Message{}).Clone(&m, nil); m.Payload != nil {
		t.Error("no payload became one")
	}
	if (&Message{Payload: []byte{}}).Clone(&m, nil); m.Payload == nil {
		t.Error("an empty payload became none")
	}
	var c Conn
	if (&Conn{}).Clone(&c, new(Transport)); c.Transport != nil {
		t.Error("no Transport became one")
	}
	counting := Conn{findingCounts: map[findingKey]uint64{{}: 1}, findingOrder: []findingKey{{}}}
	if counting.Clone(&c, new(Transport)); c.findingCounts != nil || c.findingOrder != nil {
		t.Error("a clone counts findings with its original")
	}
	full, arena := Message{Payload: []byte("hello")}, make([]byte, 0, 64)
	if n := testing.AllocsPerRun(100, func() { full.Clone(&m, arena) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	arena = full.Clone(&m, arena)
	_ = append(m.Payload, '!')
	if arena = (&Message{Payload: []byte("next")}).Clone(&Message{}, arena); string(arena) != "hellonext" || string(m.Payload) != "hello" {
		t.Errorf("arena %q, payload %q", arena, m.Payload)
	}
}

// fromPayload are the fields that depend on the payload. SetPayload clears them or
// makes them anew.
var fromPayload = []string{"Message.Payload", "Message.Text", "Frame.Payload", "Frame.PayloadUTF8", "Frame.CloseCode", "Frame.CloseReason"}

// onTheWire are the fields that do not depend on the payload that is shown.
// SetPayload keeps them.
var onTheWire = []string{
	"Message.Conn", "Message.Dir", "Message.First", "Message.Last", "Message.N", "Message.Kind", "Message.Frames", "Message.WireLength",
	"Message.Length", "Message.HasLength", "Message.Compressed", "Message.Opaque", "Message.Incomplete", "Message.Truncated",
	"Message.Guessed", "Message.HasPayload", "Message.Redacted", "Message.Answers", "Message.Took",

	"Frame.Conn", "Frame.Dir", "Frame.First", "Frame.Last", "Frame.N", "Frame.Opcode", "Frame.Fin", "Frame.Rsv1", "Frame.Rsv2", "Frame.Rsv3",
	"Frame.Masked", "Frame.MaskKey", "Frame.HeaderLength", "Frame.Length", "Frame.Incomplete", "Frame.Truncated", "Frame.Guessed",
	"Frame.RTT", "Frame.HasRTT", "Frame.Redacted",
}

// TestSetPayload: every field of a Message and a Frame is known to depend on the
// payload or not, and SetPayload treats it so. A field that is added later is
// cleared, and has to be named in one of the two lists.
func TestSetPayload(t *testing.T) {
	noText := []byte("\xff") // nothing can be derived from it
	testSetPayload(t, func(m *Message) { m.SetPayload(noText) }, noText)
	testSetPayload(t, func(f *Frame) { f.SetPayload(noText) }, noText)

	m := Message{Kind: OpText, HasPayload: true}
	if m.SetPayload([]byte("ä")); !m.Text || string(m.Payload) != "ä" {
		t.Errorf("%+v", m)
	}
	if m.SetPayload([]byte("\xff")); m.Text {
		t.Error("what is no UTF-8 passes for text")
	}
	f := Frame{Opcode: OpClose}
	if f.SetPayload([]byte("\x03\xe8bye")); f.CloseCode != 1000 || string(f.CloseReason) != "bye" || f.PayloadUTF8 {
		t.Errorf("%+v", f)
	}
	if f.SetPayload([]byte("\x03")); f.CloseCode != 0 || f.CloseReason != nil {
		t.Errorf("%+v", f)
	}
	f = Frame{Opcode: OpPing}
	if f.SetPayload([]byte("ä")); !f.PayloadUTF8 || f.CloseReason != nil {
		t.Errorf("%+v", f)
	}
}

func testSetPayload[T any](t *testing.T, set func(*T), payload []byte) {
	t.Helper()
	var before T
	fill.Fill(&before, fill.Skip{"Message.Conn": true, "Frame.Conn": true, "Finding.Conn": true})
	v := reflect.ValueOf(&before).Elem()
	v.FieldByName("Conn").Set(reflect.ValueOf(&Conn{}))
	after := before
	set(&after)
	got := reflect.ValueOf(after)
	for i := range v.NumField() {
		name := v.Type().Name() + "." + v.Type().Field(i).Name
		depends, stays := slices.Contains(fromPayload, name), slices.Contains(onTheWire, name)
		switch {
		case depends == stays:
			t.Errorf("%s: say whether it depends on the payload, in one of the two lists", name)
		case stays && !reflect.DeepEqual(got.Field(i).Interface(), v.Field(i).Interface()):
			t.Errorf("%s does not depend on the payload, and is lost", name)
		case v.Type().Field(i).Name == "Payload":
			if !bytes.Equal(got.Field(i).Bytes(), payload) {
				t.Errorf("%s is not the new one: %v", name, got.Field(i))
			}
		case depends && !got.Field(i).IsZero():
			t.Errorf("%s depends on the payload, and outlives it: %v", name, got.Field(i))
		}
	}
}
