package reassembly

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/reassembly/wire"
	"github.com/wsdump/wsdump/timeline"
)

// plain is the reference: a byte for each place of a datagram.
type plain struct {
	known   [1 << 9]bool
	bytes   [1 << 9]byte
	end     int
	highest int
	differs bool
}

func (p *plain) add(f *wire.Fragment) {
	to := int(f.Offset + f.Length)
	if !f.More && (p.end > 0 && to != p.end || p.highest > to) || f.More && p.end > 0 && to > p.end {
		p.differs = true
		return
	}
	if !f.More {
		p.end = to
	}
	p.highest = max(p.highest, to)
	for i, b := range f.Data {
		if at := int(f.Offset) + i; !p.known[at] {
			p.known[at], p.bytes[at] = true, b
		} else if p.bytes[at] != b {
			p.differs = true
		}
	}
}

func (p *plain) whole() bool {
	return p.end > 0 && !slices.Contains(p.known[:p.end], false)
}

// TestFragmentsAgainstPlain: whatever comes, in any order, overlapping and
// contradicting itself, the datagram is what the reference says, and is there
// with the piece that makes it whole.
func TestFragmentsAgainstPlain(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	whole, contradicting := 0, 0
	for round := range 3000 {
		s := newFragments(timeline.Limits{}.WithDefaults())
		playPieces(t, &s, func() uint32 { return rnd.Uint32() }, uint32(round), &whole, &contradicting)
	}
	if whole < 1000 || contradicting < 500 {
		t.Errorf("only %d became whole, and %d of all contradicted themselves", whole, contradicting)
	}
}

// playPieces sends the pieces of one datagram of at most 320 bytes.
func playPieces(t *testing.T, s *fragments, random func() uint32, id uint32, whole, contradicting *int) {
	t.Helper()
	var model plain
	end := 8 + random()%312
	for n := range uint32(200) {
		f := wire.Fragment{
			Source: netip.AddrFrom4([4]byte{10, 0, 0, 1}), Destination: netip.AddrFrom4([4]byte{10, 0, 0, 2}), ID: id, Protocol: 6, First: 6,
			Offset: random() % end &^ 7, More: true,
		}
		f.Length = min(8+random()%64&^7, end-f.Offset)
		if f.Offset+f.Length == end {
			f.More = false
		} else if f.Length &^= 7; f.Length == 0 {
			continue
		}
		f.Data = make([]byte, f.Length)
		for i := range f.Data {
			f.Data[i] = byte(f.Offset) + byte(i)
		}
		switch random() % 64 {
		case 0:
			f.Data[random()%f.Length]++
		case 1:
			f.More = random()%8 != 0
		}
		model.add(&f)
		d := s.take(&f, timeline.Stamp{Packet: uint64(n), Time: int64(n)}, uint64(n))
		if (d != nil) != model.whole() {
			t.Fatalf("whole: %v, and should be %v", d != nil, model.whole())
		}
		if d == nil {
			continue
		}
		*whole++
		if d.differs {
			*contradicting++
		}
		if d.differs != model.differs {
			t.Fatalf("contradicting: %v, and should be %v", d.differs, model.differs)
		}
		if int(f.Length) != model.end || !bytes.Equal(f.Data, model.bytes[:model.end]) {
			t.Fatalf("got  %x\nwant %x", f.Data, model.bytes[:model.end])
		}
		return
	}
}

func FuzzFragments(f *testing.F) {
	f.Add([]byte("order, overlap, contradiction"), uint16(0))
	f.Add(bytes.Repeat([]byte{1, 200, 3, 77}, 200), uint16(3000))
	f.Fuzz(func(t *testing.T, choices []byte, limit uint16) {
		random := func() uint32 {
			if len(choices) == 0 {
				return 0
			}
			n := uint32(choices[0])
			choices = choices[1:]
			return n * 2654435761 >> 3
		}
		whole, contradicting := 0, 0
		s := newFragments(timeline.Limits{}.WithDefaults())
		for id := uint32(0); len(choices) > 0; id++ {
			playPieces(t, &s, random, id, &whole, &contradicting)
		}
		if limit > 0 { // again with a limit: nothing to compare with, but the bound holds
			s.limit = int(limit)
			for id := range uint32(50) {
				s.take(&wire.Fragment{ID: id, Offset: 8 * id, More: true, Data: make([]byte, 8+id), Length: 8 + id}, timeline.Stamp{Packet: uint64(id)}, uint64(id))
				if len(s.known) > 1 && s.inUse > s.limit {
					t.Fatalf("%d bytes in use, and %d are allowed", s.inUse, s.limit)
				}
			}
			s.flush()
			for s.done.oldest != nil {
				s.forget(s.done.oldest)
			}
			if s.inUse != 0 || len(s.known) != 0 {
				t.Fatalf("%d bytes of %d datagrams are left", s.inUse, len(s.known))
			}
		}
	})
}

// pieceSpec is a piece of an IPv4 packet: its place in 8 bytes, M for more.
type pieceSpec struct {
	id      uint16
	proto   byte
	at      int
	bytes   []byte
	last    bool
	options bool
	flags   uint16
	cut     int // bytes that the capture has less
}

func (p pieceSpec) packet(n int, at int64) capture.Packet {
	header := []byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, p.proto, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1}
	if p.options {
		header[0] = 0x46
		header = append(header, 1, 1, 1, 0)
	}
	binary.BigEndian.PutUint16(header[2:], uint16(len(header)+len(p.bytes)))
	binary.BigEndian.PutUint16(header[4:], p.id)
	flags := p.flags | uint16(p.at)
	if !p.last {
		flags |= 0x2000
	}
	binary.BigEndian.PutUint16(header[6:], flags)
	data := append(header, p.bytes...)
	return capture.Packet{Number: uint64(n), Time: at, Data: data[:len(data)-p.cut], Length: uint32(len(data)), Link: 228}
}

// tcpBytes is a segment of client to server, with what it carries.
func tcpBytes(seq uint32, flags byte, payload string) []byte {
	b := binary.BigEndian.AppendUint16(nil, client.Port())
	b = binary.BigEndian.AppendUint16(b, server.Port())
	b = binary.BigEndian.AppendUint32(b, seq)
	return append(append(b, 0, 0, 0, 0, 0x50, flags, 1, 0, 0, 0, 0, 0), payload...)
}

func TestFragmentedSegments(t *testing.T) {
	segment := tcpBytes(101, 0x10, "hello, fragments") // 36 bytes
	syn := pieceSpec{id: 1, proto: 6, bytes: tcpBytes(100, 2, ""), last: true}
	other := slices.Clone(segment)
	other[30] = 'X'
	first, middle, end := pieceSpec{id: 7, proto: 6, bytes: segment[:16]}, pieceSpec{id: 7, proto: 6, at: 2, bytes: segment[16:32]}, pieceSpec{id: 7, proto: 6, at: 4, bytes: segment[32:], last: true}
	with := func(p pieceSpec, change func(*pieceSpec)) pieceSpec {
		change(&p)
		return p
	}
	want := []string{"1 open 10.0.0.2:40000 -> 10.0.0.1:80", `1 C "hello, fragments"`}
	for name, c := range map[string]struct {
		pieces []pieceSpec
		want   []string
		lost   uint64
	}{
		"in order; the last has 4 bytes": {pieces: []pieceSpec{syn, first, middle, end}, want: want},
		"in reverse order":               {pieces: []pieceSpec{syn, end, middle, first}, want: want},
		"twice each":                     {pieces: []pieceSpec{syn, first, first, end, end, middle, middle, end}, want: want},
		"options":                        {pieces: []pieceSpec{syn, with(first, func(p *pieceSpec) { p.options = true }), middle, end}, want: want},
		"don't fragment": {
			pieces: []pieceSpec{syn, with(first, func(p *pieceSpec) { p.flags = 0x4000 }), with(middle, func(p *pieceSpec) { p.flags = 0x4000 }), end},
			want:   want,
		},
		"another protocol with the same number": {pieces: []pieceSpec{syn, first, with(middle, func(p *pieceSpec) { p.proto = 17; p.bytes = other[16:32] }), middle, end}, want: want, lost: 1},
		"contradicting, the first wins": {
			pieces: []pieceSpec{syn, first, middle, with(middle, func(p *pieceSpec) { p.bytes = other[16:32] }), end},
			want:   []string{want[0], "1 finding ip/fragment-overlap", want[1]},
		},
		"cut by the snap length in the middle": {
			pieces: []pieceSpec{syn, first, with(middle, func(p *pieceSpec) { p.cut = 6 }), end},
			want:   []string{want[0], `1 C "hello,"`, "1 finding tcp/gap", "1 C gap 10"},
		},
		"a hole":        {pieces: []pieceSpec{syn, first, end}, lost: 2},
		"beyond 64 KiB": {pieces: []pieceSpec{syn, first, middle, with(end, func(p *pieceSpec) { p.at = 8191; p.bytes = make([]byte, 100) })}, lost: 2},
		"a piece of under 8 that is not the last": {pieces: []pieceSpec{syn, first, with(middle, func(p *pieceSpec) { p.bytes = segment[16:20] }), middle, end}, want: want},
	} {
		t.Run(name, func(t *testing.T) {
			r := &recorder{}
			tr := New(r.open, timeline.Limits{})
			for i, p := range c.pieces {
				packet := p.packet(i+1, int64(i+1))
				before := bytes.Clone(packet.Data)
				tr.Packet(&packet)
				checkDue(t, tr)
				if !bytes.Equal(before, packet.Data) {
					t.Fatal("the packet was written to")
				}
				clear(packet.Data)
			}
			var totals timeline.Totals
			tr.pieces.flush()
			tr.Report(&totals)
			if got := strings.Join(r.lines, "\n"); got != strings.Join(c.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", got, strings.Join(c.want, "\n"))
			}
			if tr.pieces.lost.packets != c.lost {
				t.Errorf("%d packets were given up, want %d", tr.pieces.lost.packets, c.lost)
			}
		})
	}
}

// TestFragmentsBounded: neither many datagrams that never become whole nor time
// take more than is allowed; and it is told.
func TestFragmentsBounded(t *testing.T) {
	limits := timeline.Limits{Fragments: 100_000}
	tr := New((&recorder{}).open, limits)
	const n = 5000
	for i := range n {
		p := pieceSpec{id: uint16(i), proto: 6, bytes: make([]byte, 1000)}.packet(i+1, int64(i+1))
		tr.Packet(&p)
		if tr.pieces.inUse > limits.Fragments {
			t.Fatalf("%d bytes in use", tr.pieces.inUse)
		}
	}
	full := tr.pieces.lost.full
	tr.Advance(timeline.Stamp{Packet: n, Time: int64(time.Minute)})
	if len(tr.pieces.known) != 0 || tr.pieces.lost.datagrams != n || full < n/2 {
		t.Errorf("%d left, %d given up, %d of them for room", len(tr.pieces.known), tr.pieces.lost.datagrams, full)
	}
	var told []timeline.Finding
	tr.Judge(func(f *timeline.Finding) { told = append(told, *f) })
	if len(told) != 1 || told[0].Rule.ID != "ip/fragment-lost" || told[0].Count != n || !strings.Contains(told[0].Detail, "Fragments") {
		t.Errorf("%+v", told)
	}
	var totals timeline.Totals
	tr.Report(&totals)
	if fmt.Sprint(totals.Skipped) != fmt.Sprintf("[{IP fragment %d}]", n) {
		t.Error(totals.Skipped)
	}
}

func TestFragmentsAllocateNothing(t *testing.T) {
	tr := New((&recorder{}).open, timeline.Limits{Fragments: 50_000})
	packets := make([]capture.Packet, 0, 2000)
	for i := range 1000 {
		packets = append(packets,
			pieceSpec{id: uint16(i), proto: 99, bytes: make([]byte, 800)}.packet(2*i+1, int64(i)),
			pieceSpec{id: uint16(i), proto: 99, at: 100, bytes: make([]byte, 500), last: true}.packet(2*i+2, int64(i)))
	}
	all := func() {
		for i := range packets {
			tr.Packet(&packets[i])
		}
	}
	all()
	if n := testing.AllocsPerRun(5, all); n > 1 { // the map may grow a bucket
		t.Errorf("%v allocations for %d packets", n, len(packets))
	}
	if tr.skipped[wire.SkipProtocol] < 2000 {
		t.Error(tr.skipped)
	}
}

// TestSelectorLearns: of a datagram in pieces all are selected, and no other.
func TestSelectorLearns(t *testing.T) {
	segment := tcpBytes(101, 0x10, "hello, fragments")
	var packets []capture.Packet
	for _, p := range []pieceSpec{
		{id: 1, proto: 6, bytes: tcpBytes(100, 2, ""), last: true},
		{id: 9, proto: 17, bytes: segment[:16]},
		{id: 7, proto: 6, at: 2, bytes: segment[16:], last: true},
		{id: 9, proto: 17, at: 2, bytes: segment[16:], last: true},
		{id: 7, proto: 6, bytes: segment[:16]},
	} {
		packets = append(packets, p.packet(len(packets)+1, int64(len(packets)+1)))
	}
	var s Selector
	s.Add(&timeline.Transport{Client: client, Server: server, First: timeline.Stamp{Packet: 1}, Last: timeline.Stamp{Packet: 5}})
	for i := range packets {
		s.Learn(&packets[i], timeline.Limits{})
	}
	var got []uint64
	for i := range packets {
		if s.Has(&packets[i]) {
			got = append(got, packets[i].Number)
		}
	}
	if !slices.Equal(got, []uint64{1, 3, 5}) {
		t.Error(got)
	}
}

// TestFragmentsAgainstTshark lets tshark put random datagrams together: the
// segments must be the same, and known with the same packets.
func TestFragmentsAgainstTshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed")
	}
	rnd := rand.New(rand.NewPCG(7, 7))
	var packets []capture.Packet
	for id := range uint16(300) {
		payload := make([]byte, rnd.IntN(3000))
		for i := range payload {
			payload[i] = byte(rnd.Uint32())
		}
		segment := tcpBytes(rnd.Uint32(), 0x10, string(payload))
		var pieces []pieceSpec
		size := 8 * (1 + rnd.IntN(120))
		for at := 0; at < len(segment); at += size {
			to := min(at+size, len(segment))
			pieces = append(pieces, pieceSpec{id: id, proto: 6, at: at / 8, bytes: segment[at:to], last: to == len(segment), options: rnd.IntN(4) == 0, flags: uint16(rnd.IntN(2)) << 14})
		}
		rnd.Shuffle(len(pieces), func(i, j int) { pieces[i], pieces[j] = pieces[j], pieces[i] })
		if rnd.IntN(5) == 0 && len(pieces) > 1 {
			pieces = pieces[:len(pieces)-1] // lost
		}
		for _, p := range pieces {
			packets = append(packets, p.packet(len(packets)+1, 1e18+int64(len(packets))*1e6))
		}
	}
	path := filepath.Join(t.TempDir(), "fragments.pcapng")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := capture.NewWriter(file)
	for i := range packets {
		if err := w.Write(&packets[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	file.Close()
	out, err := exec.Command(tshark, "-r", path, "-Y", "tcp", "-o", "tcp.desegment_tcp_streams:false", "-o", "tcp.analyze_sequence_numbers:false",
		"-T", "fields", "-e", "frame.number", "-e", "tcp.seq_raw", "-e", "tcp.len").Output()
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	s := newFragments(timeline.Limits{}.WithDefaults())
	var d wire.Decoder
	var seg wire.Segment
	for i := range packets {
		p := &packets[i]
		skip := d.Decode(uint32(p.Link), p.Data, p.Length, &seg)
		if skip == wire.SkipFragment {
			_, skip = s.follow(&d, &seg, timeline.Stamp{Packet: p.Number, Time: p.Time})
		}
		if skip == wire.SkipNone {
			fmt.Fprintf(&got, "%d\t%d\t%d\n", p.Number, uint32(seg.Seq), seg.Length)
		}
	}
	if got.String() != string(out) {
		a, b := strings.Split(got.String(), "\n"), strings.Split(string(out), "\n")
		for i := range a {
			if i >= len(b) || a[i] != b[i] {
				t.Fatalf("segment %d: %q, and tshark says %q (%d and %d segments)", i, a[i], b[min(i, len(b)-1)], len(a), len(b))
			}
		}
		t.Fatalf("%d segments, and tshark has %d", len(a), len(b))
	}
	t.Logf("%d packets, %d segments", len(packets), strings.Count(got.String(), "\n"))
}
