package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/dissect/tls"
	"github.com/wsdump/wsdump/pipeline"
	"github.com/wsdump/wsdump/timeline"
)

// row is one thing that a tool says about a capture, in words that can be
// compared: a frame's header, what a control frame carries, or a message.
type row struct {
	Packet   uint64 // in which the last byte came, as numbered in the file
	From, To netip.AddrPort
	Kind     string // "frame", "control" or "message"
	Words    string
}

func (r row) String() string {
	return fmt.Sprintf("packet %d %s > %s: %s %s", r.Packet, r.From, r.To, r.Kind, r.Words)
}

// header are the words of a frame. key is nil when the frame is not masked.
func header(op timeline.Opcode, fin bool, rsv uint8, key []byte, length uint64) string {
	words := op.String()
	if op.Reserved() {
		words = fmt.Sprintf("opcode %d", op)
	}
	if fin {
		words += " fin"
	}
	if rsv != 0 {
		words += fmt.Sprintf(" rsv %03b", rsv)
	}
	if key != nil {
		words += fmt.Sprintf(" masked %x", key)
	}
	return fmt.Sprintf("%s, %d bytes", words, length)
}

// shown are the words of a payload: the bytes of a short one, the hash of a
// isLong one.
func shown(kind string, payload []byte) string {
	const most = 72
	if len(payload) <= most {
		return fmt.Sprintf("%s %q", kind, payload)
	}
	return isLong(kind, len(payload), fmt.Sprintf("%x", sha256.Sum256(payload)))
}

func isLong(kind string, length int, sum string) string {
	return fmt.Sprintf("%s of %d bytes, SHA-256 %s", kind, length, sum[:8])
}

// closing are the words of a close frame.
func closing(code uint16, reason []byte) string { return fmt.Sprintf("close %d %q", code, reason) }

// recorder is a Sink that writes rows down.
type recorder struct {
	timeline.Nop
	rows     []row
	findings []string // rules, without notes, each once
	http2    []row    // those that came over HTTP/2
	copies   []view
}

// view is one connection that was captured a second time with other addresses,
// client and server, and is shown once.
type view struct{ shown, hidden [2]netip.AddrPort }

// hides reports whether r is a row of the copy, and which way it went.
func (v *view) hides(r row) (dir timeline.Direction, ok bool) {
	switch [2]netip.AddrPort{r.From, r.To} {
	case v.hidden:
		return timeline.ClientToServer, true
	case [2]netip.AddrPort{v.hidden[1], v.hidden[0]}:
		return timeline.ServerToClient, true
	}
	return 0, false
}

func (*recorder) Needs(*timeline.Conn) timeline.Needs {
	return timeline.Needs{Frames: true, Payload: true}
}

func (r *recorder) add(c *timeline.Conn, dir timeline.Direction, at timeline.Stamp, kind, words string) {
	ends := [2]netip.AddrPort{c.Transport.Client, c.Transport.Server}
	one := row{Packet: at.FilePacket, From: ends[dir], To: ends[dir.Reverse()], Kind: kind, Words: words}
	r.rows = append(r.rows, one)
	if strings.HasPrefix(c.Layers, "h2") {
		r.http2 = append(r.http2, one)
	}
}

func (r *recorder) Frame(f *timeline.Frame) {
	if f.Incomplete {
		return // no frame to tshark before its last byte
	}
	var key []byte
	if f.Masked {
		key = f.MaskKey[:]
	}
	var rsv uint8
	for i, set := range []bool{f.Rsv1, f.Rsv2, f.Rsv3} {
		if set {
			rsv |= 4 >> i
		}
	}
	r.add(f.Conn, f.Dir, f.Last, "frame", header(f.Opcode, f.Fin, rsv, key, f.Length))
	switch {
	case f.Opcode == timeline.OpClose:
		r.add(f.Conn, f.Dir, f.Last, "control", closing(f.CloseCode, f.CloseReason))
	case f.Opcode.Control():
		r.add(f.Conn, f.Dir, f.Last, "control", shown(f.Opcode.String(), f.Payload))
	}
}

func (r *recorder) Message(m *timeline.Message) {
	words := shown(m.Kind.String(), m.Payload)
	for _, mark := range []struct {
		word string
		set  bool
	}{{"compressed", m.Opaque}, {"incomplete", m.Incomplete}, {"truncated", m.Truncated}} {
		if mark.set {
			words += " (" + mark.word + ")"
		}
	}
	r.add(m.Conn, m.Dir, m.Last, "message", words)
}

func (r *recorder) Finding(f *timeline.Finding) {
	if client, server, ok := strings.Cut(f.Got, " -> "); ok && f.Rule == timeline.RuleDuplicate {
		v := view{shown: [2]netip.AddrPort{f.Conn.Transport.Client, f.Conn.Transport.Server}}
		v.hidden[0], _ = netip.ParseAddrPort(client)
		v.hidden[1], _ = netip.ParseAddrPort(server)
		r.copies = append(r.copies, v)
	}
	if severe(f) && !slices.Contains(r.findings, f.Rule.ID) {
		r.findings = append(r.findings, f.Rule.ID)
	}
}

// ourRows asks wsdump what a capture holds. keys, which may be nil, join those
// in the capture.
func ourRows(path string, keys *tls.Keys) (*recorder, error) {
	notes := &pipeline.Notes{}
	in, err := capture.Open([]string{path}, capture.Options{OnNote: notes.Add})
	if err != nil {
		return nil, err
	}
	defer in.Close()
	r := &recorder{}
	if err := pipeline.Run(context.Background(), in, r, pipeline.Options{Notes: notes, Keys: keys}); err != nil {
		return nil, err
	}
	slices.SortStableFunc(r.rows, func(a, b row) int { return int(a.Packet) - int(b.Packet) })
	return r, nil
}

// only returns what of a that b does not have, counting how often.
func only[T comparable](a, b []T) (out []T) {
	n := map[T]int{}
	for _, r := range b {
		n[r]++
	}
	for _, r := range a {
		if n[r]--; n[r] < 0 {
			out = append(out, r)
		}
	}
	return out
}

// without leaves out rows of a kind.
func without(rows []row, kind string) []row {
	return slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return r.Kind == kind })
}

// text joins rows, one a line.
func text(rows []row) string {
	var b strings.Builder
	for _, r := range rows {
		b.WriteString("\t" + r.String() + "\n")
	}
	return b.String()
}
