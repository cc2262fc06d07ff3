package scenario_test

import (
	"context"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/dissect"
	"github.com/wsdump/wsdump/internal/scenario"
	"github.com/wsdump/wsdump/pipeline"
	"github.com/wsdump/wsdump/timeline"
)

// told is what an operator says of the port of a scenario.
var told = []dissect.DecodeAs{{From: 80, To: 80, Protocol: "ws"}}

// rowsOf returns the rows of packets: messages and control frames, without the mark of
// what was recognised by its frames.
func rowsOf(t *testing.T, packets []capture.Packet, decodeAs []dissect.DecodeAs) (rows []string, frames int) {
	t.Helper()
	r := &scenario.Recorder{Frames: true}
	if err := pipeline.Run(context.Background(), &scenario.Source{Packets: packets}, r, pipeline.Options{DecodeAs: decodeAs}); err != nil {
		t.Fatal(err)
	}
	for _, line := range r.Lines {
		switch what, _, _ := strings.Cut(line, " "); what {
		case "message", "ping", "pong", "close":
			rows = append(rows, strings.TrimSuffix(line, " guessed"))
			if what != "message" {
				frames++
			}
		case "frame":
			frames++
		}
	}
	return rows, frames
}

// TestBehindHandshake: a scenario that breaks no rule has the same rows, in the same
// order, when the capture begins behind its handshake and the operator names WebSocket.
func TestBehindHandshake(t *testing.T) {
	played := 0
	for _, s := range scenarios(t) {
		cut := s.BehindHandshake()
		if breaksRules(s) || cut == nil || cut.BehindHandshake() != nil {
			continue
		}
		played++
		want, _ := rowsOf(t, s.Packets(scenario.Disguise{}), nil)
		for _, d := range scenario.Disguises() {
			if d.Shuffle {
				continue // what comes first of a direction cannot be told from the beginning of the capture
			}
			got, _ := rowsOf(t, cut.Packets(d), told)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, %s (-whole +cut):\n%s", cut.Name, d.Name, diff)
			}
		}
	}
	t.Logf("%d scenarios", played)
	if played < 30 {
		t.Errorf("only %d scenarios", played)
	}
}

// TestOneDirectionOnly: a scenario that breaks no rule has the same rows of one side when
// the capture misses all that the other sent.
func TestOneDirectionOnly(t *testing.T) {
	played := 0
	for _, s := range scenarios(t) {
		asked := slices.ContainsFunc(s.Expect, func(line string) bool { return strings.HasPrefix(line, "open 101 /") })
		if breaksRules(s) || !asked || strings.Contains(s.Name, "CONNECT") || s.BehindHandshake() == nil || s.BehindHandshake().BehindHandshake() != nil {
			continue
		}
		all, _ := rowsOf(t, s.Packets(scenario.Disguise{}), nil)
		for dir, side := range []string{" C ", " S "} {
			var want []string
			for _, row := range all {
				if _, rest, _ := strings.Cut(row, " "); strings.HasPrefix(" "+rest, side) {
					want = append(want, row)
				}
			}
			if len(want) == 0 {
				continue
			}
			played++
			one := s.OneDirection(timeline.Direction(dir))
			got, _ := rowsOf(t, one.Packets(scenario.Disguise{}), nil)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-both +one):\n%s", one.Name, diff)
			}
		}
	}
	t.Logf("%d sides of scenarios", played)
	if played < 50 {
		t.Errorf("only %d sides", played)
	}
}

// breaksRules reports whether a finding of s is about more than TCP, or about loss.
func breaksRules(s *scenario.Scenario) bool {
	return slices.ContainsFunc(s.Expect, func(line string) bool {
		return strings.HasPrefix(line, "finding ") && (!strings.HasPrefix(line, "finding tcp/") || line == "finding tcp/gap")
	})
}

// TestFixturesBehindHandshake cuts the connections of all fixtures behind their 101, and
// counts the frames: with an option no fewer than there are, and without one nearly as
// many.
func TestFixturesBehindHandshake(t *testing.T) {
	files, err := filepath.Glob("../../testdata/pcaps/*.pcap*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures: %v", err)
	}
	tshark, _ := exec.LookPath("tshark")
	var connections, all, with, without, theirs int
	for _, file := range files {
		name := filepath.Base(file)
		if info, err := os.Stat(file); err != nil || info.Size() > smallFixture {
			continue
		}
		streams := extract(t, file)
		for _, id := range slices.Sorted(maps.Keys(streams)) {
			s := streams[id]
			cut := s.BehindHandshake()
			if cut == nil || s.gaps > 0 {
				continue
			}
			_, whole := rowsOf(t, s.Packets(scenario.Disguise{}), nil)
			packets := cut.Packets(scenario.Disguise{})
			_, named := rowsOf(t, packets, told)
			_, unnamed := rowsOf(t, packets, nil)
			connections++
			all, with, without = all+whole, with+named, without+unnamed
			if named != whole || unnamed != whole {
				t.Logf("%s %s: %d frames, %d with -d, %d without", name, s.Name, whole, named, unnamed)
			}
			if named < unnamed {
				t.Errorf("%s %s: %d frames with -d, and %d without", name, s.Name, named, unnamed)
			}
			if tshark != "" && long {
				theirs += countedByTshark(t, tshark, packets)
			}
		}
	}
	t.Logf("%d connections cut behind their 101: %d frames, %d with -d, %d without; tshark, which is named the port: %d", connections, all, with, without, theirs)
	if with != all {
		t.Errorf("%d frames with -d, want %d", with, all)
	}
	if without < all*99/100 {
		t.Errorf("%d frames without an option, of %d", without, all)
	}
	if long && with < theirs {
		t.Errorf("%d frames with -d, and tshark shows %d", with, theirs)
	}
}

// countedByTshark returns how many frames tshark shows when the port is named.
func countedByTshark(t *testing.T, tshark string, packets []capture.Packet) (frames int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "cut.pcap")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	w := capture.NewWriter(f)
	for i := range packets {
		if err := w.Write(&packets[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	out, err := exec.Command(tshark, "-r", file, "-d", "tcp.port==80,websocket", "-T", "fields", "-e", "websocket.opcode").Output()
	if err != nil {
		t.Fatal(err)
	}
	return len(strings.FieldsFunc(string(out), func(r rune) bool { return r == ',' || r == '\n' }))
}

// TestDecodeAsShowsNoLess: naming WebSocket for every port takes no row away from any
// fixture.
func TestDecodeAsShowsNoLess(t *testing.T) {
	files, _ := filepath.Glob("../../testdata/pcaps/*.pcap*")
	formats, _ := filepath.Glob("../../testdata/pcaps/formats/*.pcap*")
	every := []dissect.DecodeAs{{From: 1, To: 65535, Protocol: "ws"}}
	rows := 0
	for _, file := range slices.Concat(files, formats) {
		if info, err := os.Stat(file); err != nil || info.Size() > 10*smallFixture {
			continue
		}
		count := func(as []dissect.DecodeAs) (n int) {
			in, err := capture.Open([]string{file}, capture.Options{})
			if err != nil {
				t.Skip(err)
			}
			defer in.Close()
			r := &scenario.Recorder{}
			if err := pipeline.Run(context.Background(), in, r, pipeline.Options{DecodeAs: as}); err != nil {
				t.Logf("%s: %v", file, err)
			}
			for _, line := range r.Lines {
				switch what, _, _ := strings.Cut(line, " "); what {
				case "message", "ping", "pong", "close":
					n++
				}
			}
			return n
		}
		without, with := count(nil), count(every)
		rows += without
		if with < without {
			t.Errorf("%s: %d rows with -d, %d without", filepath.Base(file), with, without)
		}
	}
	if rows < 1000 {
		t.Errorf("only %d rows", rows)
	}
}

// ordered is a sink that keeps the packets in which rows ended.
type ordered struct {
	timeline.Nop
	packets []uint64
}

func (*ordered) Needs(*timeline.Conn) timeline.Needs { return timeline.Needs{Payload: true} }
func (o *ordered) Message(m *timeline.Message)       { o.packets = append(o.packets, m.Last.Packet) }

func (o *ordered) Frame(f *timeline.Frame) { o.packets = append(o.packets, f.Last.Packet) }

// TestMidstreamOrder: wherever a capture begins, the rows come in the order of the
// packets that completed them, both directions merged.
func TestMidstreamOrder(t *testing.T) {
	s, err := scenario.Parse("busy", busy(400, rand.New(rand.NewPCG(3, 3))))
	if err != nil {
		t.Fatal(err)
	}
	for _, piece := range []int{0, 700, 60} {
		packets := s.Packets(scenario.Disguise{MaxPiece: piece, Seed: 5})
		for start := 6; start < len(packets)-40; start += 1 + len(packets)/60 {
			for _, as := range [][]dissect.DecodeAs{nil, told} {
				o := &ordered{}
				if err := pipeline.Run(context.Background(), &scenario.Source{Packets: packets[start:]}, o, pipeline.Options{DecodeAs: as}); err != nil {
					t.Fatal(err)
				}
				if !slices.IsSorted(o.packets) {
					t.Errorf("pieces of %d, entered at packet %d, -d %v: rows of packets %v", piece, start, as != nil, o.packets)
				}
				if as != nil && len(o.packets) == 0 {
					t.Errorf("pieces of %d, entered at packet %d: nothing is shown with -d", piece, start)
				}
			}
		}
	}
}
