package http2

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	h2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/wsdump/wsdump/timeline"
)

const (
	client = timeline.ClientToServer
	server = timeline.ServerToClient
)

// piece is some bytes that went one way.
type piece struct {
	dir timeline.Direction
	b   []byte
}

// wire writes a conversation with the Framer and the Encoder of x/net.
type wire struct {
	pieces []piece
	buf    bytes.Buffer
	framer *h2.Framer
	block  [2]bytes.Buffer
	enc    [2]*hpack.Encoder
	sent   map[string][2][]timeline.Header // what headers wrote, by path
	paths  map[uint32]string
	never  bool // pseudo-header fields never go into a table
}

func newWire() *wire {
	w := &wire{sent: make(map[string][2][]timeline.Header), paths: make(map[uint32]string)}
	w.framer = h2.NewFramer(&w.buf, nil)
	w.framer.AllowIllegalWrites = true
	for dir := range w.enc {
		w.enc[dir] = hpack.NewEncoder(&w.block[dir])
	}
	return w
}

// start writes the preface and the SETTINGS of both sides.
func (w *wire) start(settings ...h2.Setting) *wire {
	w.raw(client, []byte(preface))
	w.write(client, func(f *h2.Framer) error { return f.WriteSettings() })
	w.write(server, func(f *h2.Framer) error { return f.WriteSettings(settings...) })
	w.write(client, func(f *h2.Framer) error { return f.WriteSettingsAck() })
	return w
}

var enabled = h2.Setting{ID: h2.SettingEnableConnectProtocol, Val: 1}

func (w *wire) raw(dir timeline.Direction, b []byte) {
	w.pieces = append(w.pieces, piece{dir, bytes.Clone(b)})
}

func (w *wire) write(dir timeline.Direction, do func(*h2.Framer) error) {
	w.buf.Reset()
	if err := do(w.framer); err != nil {
		panic(err)
	}
	w.raw(dir, w.buf.Bytes())
}

// encode makes a header block of "name value" lines.
func (w *wire) encode(dir timeline.Direction, fields ...string) []byte {
	w.block[dir].Reset()
	for _, f := range fields {
		name, value, _ := strings.Cut(f, " ")
		w.enc[dir].WriteField(hpack.HeaderField{Name: name, Value: value, Sensitive: w.never && name[0] == ':'})
	}
	return bytes.Clone(w.block[dir].Bytes())
}

func (w *wire) headers(dir timeline.Direction, id uint32, end bool, fields ...string) {
	block := w.encode(dir, fields...)
	for _, f := range fields {
		name, value, _ := strings.Cut(f, " ")
		if name == ":path" {
			w.paths[id] = value
		}
	}
	was := w.sent[w.paths[id]]
	for _, f := range fields {
		name, value, _ := strings.Cut(f, " ")
		was[dir] = append(was[dir], timeline.Header{Name: name, Value: value})
	}
	w.sent[w.paths[id]] = was
	w.write(dir, func(f *h2.Framer) error {
		return f.WriteHeaders(h2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndStream: end, EndHeaders: true})
	})
}

func connect(path string, more ...string) []string {
	return append([]string{":method CONNECT", ":protocol websocket", ":scheme http", ":path " + path, ":authority a.example", "sec-websocket-version 13"}, more...)
}

// open opens a WebSocket.
func (w *wire) open(id uint32, path string) {
	w.headers(client, id, false, connect(path)...)
	w.headers(server, id, false, ":status 200", "server x")
}

func (w *wire) data(dir timeline.Direction, id uint32, end bool, b []byte) {
	w.write(dir, func(f *h2.Framer) error { return f.WriteData(id, end, b) })
}

func (w *wire) padded(dir timeline.Direction, id uint32, b []byte, padding int) {
	w.write(dir, func(f *h2.Framer) error { return f.WriteDataPadded(id, false, b, make([]byte, padding)) })
}

// flat returns the bytes of a direction.
func (w *wire) flat(dir timeline.Direction) (b []byte) {
	for _, p := range w.pieces {
		if p.dir == dir {
			b = append(b, p.b...)
		}
	}
	return b
}

// said is one thing that a Handler or one of its streams heard.
type said struct {
	who  string // the target of a WebSocket, "#id" mid-stream, "" the handler
	what string
	dir  timeline.Direction
	b    []byte
	n    uint64
}

// witness is a Handler that writes down all it hears. Data of one direction in
// a row is one entry.
type witness struct {
	story      []said
	handshakes []*timeline.Handshake
	deaf       bool // nobody wants to hear mid-stream data
}

func (w *witness) add(s said) { w.story = append(w.story, s) }

func (w *witness) Handshake(h *timeline.Handshake) timeline.Stream {
	w.handshakes = append(w.handshakes, h)
	w.add(said{who: h.Target, what: fmt.Sprintf("%s %d", h.Method, h.Status)})
	return &ear{w, h.Target}
}

func (w *witness) Midstream(id uint32, h *timeline.Handshake) timeline.Stream {
	w.add(said{what: fmt.Sprintf("midstream %d %v", id, h != nil)})
	if w.deaf {
		return nil
	}
	if h != nil {
		return &ear{w, h.Target}
	}
	return &ear{w, fmt.Sprintf("#%d", id)}
}

func (w *witness) EarlyData(_ timeline.Stamp, n int) { w.add(said{what: "early", n: uint64(n)}) }
func (w *witness) Limit(dir timeline.Direction, _ timeline.Stamp, what string, most int) {
	w.add(said{what: "limit " + what, dir: dir})
}

func (w *witness) Finding(f *timeline.Finding) {
	w.add(said{what: "finding " + f.Rule.ID, dir: f.Dir})
}

type ear struct {
	w   *witness
	who string
}

func (e *ear) Data(dir timeline.Direction, _ timeline.Stamp, b []byte) {
	if len(b) == 0 {
		panic("empty data")
	}
	if k := len(e.w.story); k > 0 {
		if last := &e.w.story[k-1]; last.what == "data" && last.who == e.who && last.dir == dir {
			last.b = append(last.b, b...)
			return
		}
	}
	e.w.add(said{who: e.who, what: "data", dir: dir, b: bytes.Clone(b)})
}

func (e *ear) Gap(dir timeline.Direction, _ timeline.Stamp, n uint64) {
	e.w.add(said{who: e.who, what: "gap", dir: dir, n: n})
}

func (e *ear) Finding(f *timeline.Finding) {
	e.w.add(said{who: e.who, what: "finding " + f.Rule.ID, dir: f.Dir})
}

func (e *ear) End(dir timeline.Direction, _ timeline.Stamp, why timeline.End) {
	e.w.add(said{who: e.who, what: [...]string{"open", "fin", "reset", "timeout", "replaced", "limit"}[why], dir: dir})
}

// lines makes the story readable: "who dir what".
func (w *witness) lines() (lines []string) {
	for _, s := range w.story {
		line := strings.TrimSpace(s.who + " " + s.what)
		switch {
		case s.what == "data":
			line = fmt.Sprintf("%s %s %q", s.who, s.dir, s.b)
		case s.what == "gap" && s.n == timeline.GapUnknown:
			line = fmt.Sprintf("%s %s gap ?", s.who, s.dir)
		case s.what == "gap":
			line = fmt.Sprintf("%s %s gap %d", s.who, s.dir, s.n)
		case s.what == "early":
			line = fmt.Sprintf("early %d", s.n)
		case s.what == "fin" || s.what == "reset" || s.what == "open" || s.what == "timeout":
			line = fmt.Sprintf("%s %s %s", s.who, s.dir, s.what)
		}
		lines = append(lines, line)
	}
	return lines
}

// play feeds pieces, cut to at most size bytes (0: as they are).
func play(s *Stream, pieces []piece, size int) {
	for i, p := range pieces {
		at := timeline.Stamp{Packet: uint64(i + 1), Time: int64(i+1) * 1e6}
		for b := p.b; len(b) > 0; {
			n := len(b)
			if size > 0 {
				n = min(n, size)
			}
			s.Data(p.dir, at, b[:n:n])
			b = b[n:]
		}
	}
}

func finish(s *Stream, why timeline.End) {
	s.End(client, timeline.Stamp{Packet: 1 << 20}, why)
	s.End(server, timeline.Stamp{Packet: 1<<20 + 1}, why)
}

func diff(t *testing.T, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		g, w := "(nothing)", "(nothing)"
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Fatalf("line %d: got %s, want %s\nall:\n%s", i, g, w, strings.Join(got, "\n"))
		}
	}
}

// content is what a stream carries: each word says where it stands.
func content(id uint32, dir timeline.Direction, n int) (b []byte) {
	for len(b) < n {
		b = append(b, byte(id>>8), byte(id), byte(dir)|0xa0, 0xc3)
		b = binary.BigEndian.AppendUint32(b, uint32(len(b))*2654435761)
	}
	return b[:n]
}
