package capture

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// ngBlock returns one block of a byte order.
func ngBlock(order binary.AppendByteOrder, kind uint32, body []byte) []byte {
	body = append(body, make([]byte, -len(body)&3)...)
	b := order.AppendUint32(nil, kind)
	b = order.AppendUint32(b, uint32(12+len(body)))
	return order.AppendUint32(append(b, body...), uint32(12+len(body)))
}

// ngOption returns one option.
func ngOption(order binary.AppendByteOrder, code uint16, value string) []byte {
	b := order.AppendUint16(nil, code)
	b = order.AppendUint16(b, uint16(len(value)))
	return append(append(b, value...), make([]byte, -len(value)&3)...)
}

// ngSample is a capture with one of everything, with secrets or without.
func ngSample(order binary.AppendByteOrder, secrets bool) []byte {
	comment := func(text string) []byte { return ngOption(order, optionComment, text) }
	hidden := func() (b []byte) {
		if secrets {
			b = comment("SECRET in a comment")
		}
		return b
	}
	end := []byte{0, 0, 0, 0}
	body := order.AppendUint32(nil, byteOrderMagic)
	body = order.AppendUint16(order.AppendUint16(body, 1), 0)
	body = order.AppendUint64(body, 1<<64-1)
	body = append(append(append(body, comment("about the section")...), hidden()...), end...)
	out := ngBlock(order, blockSection, body)
	if secrets {
		s := order.AppendUint32(order.AppendUint32(nil, SecretsTLSKeyLog), 5)
		out = append(out, ngBlock(order, blockSecrets, append(s, "keys!"...))...)
	}
	body = order.AppendUint16(order.AppendUint16(nil, 1), 0)
	body = order.AppendUint32(body, 0)
	body = append(body, ngOption(order, 2, "eth7")...)
	body = append(append(append(body, hidden()...), comment("about the interface")...), end...)
	out = append(out, ngBlock(order, blockInterface, body)...)
	for n := range 3 {
		body = order.AppendUint32(nil, 0)
		body = order.AppendUint64(body, uint64(n))
		body = order.AppendUint32(order.AppendUint32(body, uint32(n+5)), 99)
		data := bytes.Repeat([]byte{byte(n)}, n+5)
		body = append(append(body, data...), make([]byte, -len(data)&3)...)
		if n != 1 {
			body = append(append(append(body, hidden()...), comment("about a packet")...), end...)
		}
		out = append(out, ngBlock(order, blockEnhanced, body)...)
	}
	return append(out, ngBlock(order, 0x7777, []byte("who knows"))...)
}

func rewritten(t *testing.T, in []byte, r Rewriting) ([]byte, Rewritten) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(path, in, 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	done, err := Rewrite(&out, path, Options{}, r)
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), done
}

// TestRewrite: what is stripped is what was never there, and nothing else
// changes by a byte, in both byte orders.
func TestRewrite(t *testing.T) {
	isSecret := func(comment []byte) bool { return bytes.HasPrefix(comment, []byte("SECRET")) }
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		with, without := ngSample(order, true), ngSample(order, false)
		if got, done := rewritten(t, with, Rewriting{}); !bytes.Equal(got, with) || done.Packets != 3 {
			t.Errorf("%v: a copy differs, %+v", order, done)
		}
		got, done := rewritten(t, with, Rewriting{Strip: true, Comment: isSecret})
		if !bytes.Equal(got, without) || done != (Rewritten{Packets: 3, Secrets: 1, Comments: 4}) {
			t.Errorf("%v: stripped %+v:\n%q\nwant\n%q", order, done, got, without)
		}
		injected, _ := rewritten(t, without, Rewriting{Secrets: []byte("CLIENT_RANDOM x y\n")})
		var told []Note
		path := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(path, injected, 0o600); err != nil {
			t.Fatal(err)
		}
		in, err := Open([]string{path}, Options{OnNote: func(n Note) {
			if n.Kind == NoteSecrets && n.N == SecretsTLSKeyLog {
				told = append(told, n)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		for p := (Packet{}); err == nil; err = in.Next(&p) {
		}
		if err != io.EOF || len(told) != 1 || string(told[0].Secrets) != "CLIENT_RANDOM x y\n" || told[0].FilePacket != 0 {
			t.Errorf("%v: injected: %v, %+v", order, err, told)
		}
		if back, _ := rewritten(t, injected, Rewriting{Strip: true}); !bytes.Equal(back, without) {
			t.Errorf("%v: injected and stripped is not what it was", order)
		}
	}
}

// FuzzRewrite: any file ends, and what comes out is read as far as it goes.
func FuzzRewrite(f *testing.F) {
	f.Add(ngSample(binary.LittleEndian, true))
	f.Add(ngSample(binary.BigEndian, true))
	f.Fuzz(func(t *testing.T, in []byte) {
		path := filepath.Join(t.TempDir(), "in")
		if err := os.WriteFile(path, in, 0o600); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		done, err := Rewrite(&out, path, Options{}, Rewriting{Strip: true, Comment: func(c []byte) bool { return len(c)%2 == 1 }, Secrets: []byte("abc")})
		if err != nil && !Incomplete(err) {
			return
		}
		again := filepath.Join(t.TempDir(), "again")
		if err := os.WriteFile(again, out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		in2, err := Open([]string{again}, Options{})
		if err != nil {
			if done.Packets > 0 {
				t.Fatalf("%d packets were written, and now: %v", done.Packets, err)
			}
			return
		}
		defer in2.Close()
		for p := (Packet{}); err == nil; err = in2.Next(&p) {
		}
	})
}

// TestComments: packets are written with their comments, and bytes with
// whatever padding they need.
func TestComments(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out)
	for n := range 6 {
		p := Packet{Time: int64(n), Data: bytes.Repeat([]byte{1}, n), Length: uint32(n), Link: 1}
		if err := w.WriteCommented(&p, []string{"one_", "comment_two"[:n+5]}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	var comments []string
	in, err := Open([]string{path}, Options{OnNote: func(n Note) { comments = append(comments, string(n.Secrets)) }})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	packets := 0
	for p := (Packet{}); ; packets++ {
		if err := in.Next(&p); err != nil {
			break
		}
		if len(p.Data) != packets || p.Time != int64(packets) {
			t.Errorf("packet %d: %+v", packets, p)
		}
	}
	if packets != 6 || len(comments) != 9 || comments[0] != "one_" || comments[8] != "comment_tw" {
		t.Errorf("%d packets, comments %q", packets, comments)
	}
}
