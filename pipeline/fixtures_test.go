package pipeline_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/dissect/tls"
	"github.com/wsdump/wsdump/internal/scenario"
	"github.com/wsdump/wsdump/pipeline"
	"github.com/wsdump/wsdump/timeline"
)

// fixtures is the folder of the captures; CI names another, where it made them
// again.
var fixtures = cmp.Or(os.Getenv("WSDUMP_FIXTURES"), "../testdata/pcaps/")

// formats is the folder of one conversation in many formats.
const formats = "../testdata/pcaps/formats/"

// damaged is the folder of captures with damage.
const damaged = "../testdata/damaged/"

// record is what the endpoints of a fixture recorded themselves. Its format is
// described in testdata/pcaps/README.md.
type record struct {
	Connections []struct {
		Path           string
		Client, Server *end
	}
}

type end struct {
	Library       string
	Local, Remote string
	Status        int
	Subprotocol   string
	Hears         []string
	Events        []event
}

type event struct {
	Dir, Kind            string
	Length               int
	Text, Base64, SHA256 *string
	Frames               uint64
	Code                 int
	Reason               string
}

// seen is one connection as wsdump emits it.
type seen struct {
	conn   *timeline.Conn
	events []event
	used   [2]bool
	views  []string // "client -> server" of its copies on the other side of NAT
}

// watcher is a Sink that keeps everything.
type watcher struct {
	timeline.Nop
	conns    []*seen
	findings []string
	totals   timeline.Totals
}

func (*watcher) Needs(*timeline.Conn) timeline.Needs { return timeline.Needs{Payload: true} }

func (w *watcher) Open(c *timeline.Conn) { w.conns = append(w.conns, &seen{conn: c}) }

func (w *watcher) of(c *timeline.Conn) *seen { return w.conns[c.ID-1] }

func (w *watcher) Frame(f *timeline.Frame) {
	e := event{Dir: f.Dir.String(), Kind: f.Opcode.String(), Length: int(f.Length)}
	if f.Opcode == timeline.OpClose {
		e = event{Dir: e.Dir, Kind: e.Kind, Code: int(f.CloseCode), Reason: string(f.CloseReason)}
	} else {
		text := string(f.Payload)
		e.Text = &text
	}
	w.of(f.Conn).events = append(w.of(f.Conn).events, e)
}

func (w *watcher) Message(m *timeline.Message) {
	text := string(m.Payload)
	e := event{Dir: m.Dir.String(), Kind: m.Kind.String(), Length: int(m.Length), Text: &text, Frames: m.Frames}
	if m.Truncated {
		e = event{Dir: e.Dir, Kind: e.Kind, Length: limit + 1}
	} else if m.Incomplete || m.Opaque {
		e.Kind += " (not whole)"
	}
	w.of(m.Conn).events = append(w.of(m.Conn).events, e)
}

func (w *watcher) Finding(f *timeline.Finding) {
	w.findings = append(w.findings, f.Severity.String()+" "+f.Rule.ID)
	if f.Rule == timeline.RuleDuplicate && f.Conn != nil {
		w.of(f.Conn).views = append(w.of(f.Conn).views, f.Got)
	}
}

func (w *watcher) Done(t *timeline.Totals) { w.totals = *t }

func watch(t *testing.T, files ...string) *watcher {
	t.Helper()
	notes := &pipeline.Notes{}
	in, err := capture.Open(files, capture.Options{OnNote: notes.Add})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	w := &watcher{}
	err = pipeline.Run(context.Background(), in, w, pipeline.Options{Notes: notes, Keys: keysOf(t, strings.TrimSuffix(files[0], filepath.Ext(files[0])))})
	if err != nil && !capture.Incomplete(err) {
		t.Fatal(err)
	}
	return w
}

// limit is how many bytes of a message are kept.
var limit = timeline.Limits{}.WithDefaults().Message

// words describes an event in a form that both sides of the comparison have.
func (e event) words(frames bool) string {
	switch {
	case e.Kind == "close":
		return fmt.Sprintf("close %d %q", e.Code, e.Reason)
	case e.Length > limit:
		return e.Kind + ", more than is kept"
	case e.SHA256 != nil:
		return fmt.Sprintf("%s of %d bytes %s", e.Kind, e.Length, *e.SHA256)
	}
	var payload []byte
	if e.Text != nil {
		payload = []byte(*e.Text)
	} else if e.Base64 != nil {
		payload, _ = base64.StdEncoding.DecodeString(*e.Base64)
	}
	sum := sha256.Sum256(payload)
	s := fmt.Sprintf("%s of %d bytes %s", e.Kind, e.Length, hex.EncodeToString(sum[:]))
	if frames && e.Frames > 1 {
		s += fmt.Sprintf(" in %d frames", e.Frames)
	}
	return s
}

// heard returns the events of one direction that an end can see.
func heard(events []event, dir string, kinds []string, frames bool) (out []string) {
	for _, e := range events {
		if kind, _, _ := strings.Cut(e.Kind, " "); e.Dir == dir && slices.Contains(kinds, kind) {
			out = append(out, e.words(frames))
		}
	}
	return out
}

// TestRecords compares the timeline of every fixture with what the endpoints
// recorded themselves.
func TestRecords(t *testing.T) {
	files, err := filepath.Glob(fixtures + "*.record.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no records: %v", err)
	}
	for _, file := range files {
		base := strings.TrimSuffix(file, ".record.json")
		name := filepath.Base(base)
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var r record
			if err := json.Unmarshal(text, &r); err != nil {
				t.Fatal(err)
			}
			captures, _ := filepath.Glob(base + ".pcap*")
			w := watch(t, captures...)
			for _, c := range r.Connections {
				for side, end := range []*end{c.Client, c.Server} {
					if end != nil {
						compare(t, w, c.Path, timeline.Direction(side), end)
					}
				}
			}
		})
	}
}

func compare(t *testing.T, w *watcher, path string, side timeline.Direction, end *end) {
	t.Helper()
	s := find(w, path, side, end)
	if s == nil {
		t.Errorf("%s of %s: its connection is not shown", end.Library, path)
		return
	}
	if end.Status != 0 && s.conn.Handshake.Status != end.Status {
		t.Errorf("%s of %s: status %d, the end saw %d", end.Library, path, s.conn.Handshake.Status, end.Status)
	}
	if s.conn.Handshake.Subprotocol != end.Subprotocol {
		t.Errorf("%s of %s: subprotocol %q, the end saw %q", end.Library, path, s.conn.Handshake.Subprotocol, end.Subprotocol)
	}
	for _, dir := range []string{"send", "receive"} {
		frames := false
		for _, e := range end.Events {
			frames = frames || e.Dir == dir && e.Frames > 0
		}
		want, got := heard(end.Events, dir, end.Hears, false), heard(s.events, dir, end.Hears, false)
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("%s of %s, %s (-the end, +wsdump):\n%s", end.Library, path, dir, diff)
		}
		if frames {
			i := 0
			for _, e := range end.Events {
				if e.Dir != dir || e.Kind != "text" && e.Kind != "binary" {
					continue
				}
				for i < len(s.events) && (s.events[i].Dir != dir || s.events[i].Kind != "text" && s.events[i].Kind != "binary") {
					i++
				}
				if i < len(s.events) && e.Frames > 0 && e.Frames != s.events[i].Frames {
					t.Errorf("%s of %s: %d frames, the end saw %d", end.Library, path, s.events[i].Frames, e.Frames)
				}
				i++
			}
		}
	}
}

// find returns the connection of an end: by its addresses, else by its path, in
// order.
func find(w *watcher, path string, side timeline.Direction, end *end) *seen {
	for _, s := range w.conns {
		ours := s.conn.Client
		if side == timeline.ServerToClient {
			ours = s.conn.Server
		}
		theirs := s.conn.Server
		if side == timeline.ServerToClient {
			theirs = s.conn.Client
		}
		switch {
		case s.used[side]:
		case end.Local == "" && end.Remote == "":
			h := s.conn.Handshake
			full := h.Path
			if h.Query != "" {
				full += "?" + h.Query
			}
			if full == path {
				s.used[side] = true
				return s
			}
		case side == timeline.ClientToServer && slices.Contains(s.views, end.Local+" -> "+end.Remote):
			s.used[side] = true
			return s
		case same(end.Local, ours) && same(end.Remote, theirs) && (end.Status == 0 || end.Status == s.conn.Handshake.Status):
			s.used[side] = true
			return s
		}
	}
	return nil
}

func same(s string, a netip.AddrPort) bool {
	b, err := netip.ParseAddrPort(s)
	return s == "" || err == nil && netip.AddrPortFrom(b.Addr().Unmap(), b.Port()) == a
}

// keysOf returns the TLS secrets from the files beside a fixture.
func keysOf(t *testing.T, base string) *tls.Keys {
	t.Helper()
	keys := &tls.Keys{}
	if text, err := os.ReadFile(base + ".keys"); err == nil {
		keys.AddLog(text)
	}
	if text, err := os.ReadFile(base + ".pem"); err == nil {
		if err := keys.AddPEM(text); err != nil {
			t.Fatal(err)
		}
	}
	return keys
}

// TestQuiet: a fixture has the findings that its line in the README announces, and no
// other error or warning.
func TestQuiet(t *testing.T) {
	quiet(t, fixtures)
	if os.Getenv("WSDUMP_FIXTURES") == "" {
		quiet(t, formats)
		quiet(t, damaged)
	}
}

// quiet compares the captures of a folder with its README.
func quiet(t *testing.T, fixtures string) {
	readme, err := os.ReadFile(fixtures + "README.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(string(readme), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) < 6 || !strings.HasPrefix(cells[1], " `") {
			continue
		}
		name, _, _ := strings.Cut(strings.Trim(cells[1], " `"), "`")
		announced := cells[len(cells)-2]
		t.Run(name, func(t *testing.T) {
			must, _, _ := strings.Cut(announced, "(") // what stands in brackets may be missing
			if _, err := os.Stat(fixtures + name); err != nil && os.Getenv("WSDUMP_FIXTURES") != "" {
				t.Skip("not made again")
			}
			w := watch(t, fixtures+name)
			for _, f := range w.findings {
				severity, rule, _ := strings.Cut(f, " ")
				if severity != "note" && !strings.Contains(announced, rule) {
					t.Errorf("%s, which its line in the README does not announce", f)
				}
			}
			for _, rule := range strings.Split(must, "`") {
				if !strings.Contains(rule, "/") || strings.Contains(rule, " ") {
					continue
				}
				if !slices.ContainsFunc(w.findings, func(f string) bool { return strings.HasSuffix(f, " "+rule) }) {
					t.Errorf("%s is announced and was not found", rule)
				}
			}
		})
	}
}

// TestProvenance: every capture has a line in the README, and every line a
// capture.
func TestProvenance(t *testing.T) {
	provenance(t, fixtures)
	if os.Getenv("WSDUMP_FIXTURES") == "" {
		provenance(t, formats)
		provenance(t, damaged)
	}
}

func provenance(t *testing.T, fixtures string) {
	readme, err := os.ReadFile(fixtures + "README.md")
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(fixtures + "*.pcap*")
	for _, f := range files {
		if !strings.Contains(string(readme), "| `"+filepath.Base(f)+"`") {
			t.Errorf("%s has no line in the README", f)
		}
	}
	for line := range strings.SplitSeq(string(readme), "\n") {
		if name, _, ok := strings.Cut(strings.TrimPrefix(line, "| `"), "`"); ok && strings.HasPrefix(line, "| `") {
			if _, err := os.Stat(fixtures + name); err != nil {
				t.Errorf("the README speaks of %s: %v", name, err)
			}
		}
	}
}

// TestOtherTraffic: what is no WebSocket is never taken for one, wherever the
// capture begins: HTTP, event streams, polling, SSH, TLS without keys, DNS,
// databases, queues, mail.
func TestOtherTraffic(t *testing.T) {
	entered := 0
	for _, name := range []string{"http-only.pcap", "sse.pcap", "polling.pcap", "ssh.pcap", "services.pcap", "tls-nokeys.pcap", "dns.pcap", "tls-chromium.pcap", "tls-go.pcap", "tls12-node.pcap"} {
		if _, err := os.Stat(fixtures + name); err != nil {
			continue
		}
		all := packetsOf(t, fixtures+name)
		for start := range all {
			w := &watcher{}
			if err := pipeline.Run(t.Context(), &scenario.Source{Packets: all[start:]}, w, pipeline.Options{}); err != nil {
				t.Fatal(err)
			}
			if len(w.conns) != 0 {
				t.Errorf("%s, entered at packet %d: taken for a WebSocket", name, start+1)
			}
			entered++
		}
	}
	t.Logf("entered %d times, none taken for a WebSocket", entered)
}

// TestOtherTrafficWithLoss: nor is it when any packet is missing.
func TestOtherTrafficWithLoss(t *testing.T) {
	for _, name := range []string{"http-only.pcap", "sse.pcap", "polling.pcap", "services.pcap"} {
		if _, err := os.Stat(fixtures + name); err != nil {
			continue
		}
		all := packetsOf(t, fixtures+name)
		for lost := range all {
			w := &watcher{}
			rest := append(slices.Clone(all[:lost]), all[lost+1:]...)
			if err := pipeline.Run(t.Context(), &scenario.Source{Packets: rest}, w, pipeline.Options{}); err != nil {
				t.Fatal(err)
			}
			if len(w.conns) != 0 {
				t.Errorf("%s without packet %d: taken for a WebSocket", name, lost+1)
			}
		}
	}
}

// TestHandshakeIsCut: where a short snap length, or a loss, takes the handshake,
// the conversation is still recognised by its frames.
func TestHandshakeIsCut(t *testing.T) {
	whole := watch(t, fixtures+"chat.pcap")
	want := len(whole.conns[0].events)
	all := packetsOf(t, fixtures+"chat.pcap")
	cut := slices.Clone(all)
	for i := range cut {
		cut[i].Data = cut[i].Data[:min(len(cut[i].Data), 140)]
	}
	for name, packets := range map[string][]capture.Packet{
		"a snap length of 140":     cut,
		"the request is missing":   slices.DeleteFunc(slices.Clone(all), func(p capture.Packet) bool { return p.Number == 4 }),
		"the response is missing":  slices.DeleteFunc(slices.Clone(all), func(p capture.Packet) bool { return p.Number == 6 }),
		"the handshake is missing": slices.DeleteFunc(slices.Clone(all), func(p capture.Packet) bool { return p.Number >= 4 && p.Number <= 6 }),
	} {
		w := &watcher{}
		if err := pipeline.Run(t.Context(), &scenario.Source{Packets: packets}, w, pipeline.Options{}); err != nil {
			t.Fatal(err)
		}
		got := 0
		for _, c := range w.conns {
			got += len(c.events)
		}
		least := want
		if strings.HasPrefix(name, "the response") || strings.HasPrefix(name, "the handshake") {
			least-- // the client's first frame acknowledges the missing answer: TCP drops it, and emits a gap
		}
		if got < least || got > want {
			t.Errorf("%s: %d messages and control frames shown, want %d", name, got, least)
		}
	}
}

func packetsOf(t *testing.T, file string) (all []capture.Packet) {
	t.Helper()
	in, err := capture.Open([]string{file}, capture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	for {
		var p capture.Packet
		if err := in.Next(&p); err != nil {
			return all
		}
		p.Data = bytes.Clone(p.Data)
		all = append(all, p)
	}
}
