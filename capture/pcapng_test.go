package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"math/big"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var orders = []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian}

func TestPcapngBlocks(t *testing.T) {
	for _, order := range orders {
		t.Run(order.String(), func(t *testing.T) {
			data := []byte("a packet of 22 bytes..")
			seconds := order.AppendUint64(nil, math.MaxUint64-3599) // -3600
			file := newSection(order).
				iface(1, 10).
				iface(276, 0, option{2, []byte("eth0")}, option{9, []byte{9}}, option{14, seconds}).
				iface(101, 65535, option{9, []byte{0x80 | 20}}, option{1, nil}).
				block(blockNames, make([]byte, 8)).
				enhanced(0, 1_700_000_000_123_456, data, 30).
				enhanced(1, 1_700_003_600_123_456_789, data[:7], 7).
				enhanced(2, 3<<20|1<<19, nil, 5).
				block(0x0bad, []byte("custom block....")).
				obsolete(1, 1_700_003_600_000_000_001, data, 22).
				simple(data[:10], 400).
				block(0x7777, []byte("unknown!")).
				b
			r := mustRead(t, file)
			if r.err != nil || len(r.notes) != 0 {
				t.Fatal(r.err, r.notes)
			}
			same(t, r.packets, []Packet{
				{Time: 1_700_000_000_123_456_000, Data: data, Length: 30, Link: 1},
				{Time: 1_700_000_000_123_456_789, Data: data[:7], Length: 7, Link: 276},
				{Time: 3_500_000_000, Length: 5, Link: 101},
				{Time: 1_700_000_000_000_000_001, Data: data, Length: 22, Link: 276},
				{Time: 0, Data: data[:10], Length: 400, Link: 1},
			})
		})
	}
}

func TestPcapngSections(t *testing.T) {
	data := []byte("0123")
	little, big := newSection(binary.LittleEndian), newSection(binary.BigEndian)
	little.iface(1, 0).iface(113, 0, option{9, []byte{3}}).enhanced(1, 5000, data, 4)
	big.iface(101, 0, option{9, []byte{0}}).enhanced(0, 6, data, 4)
	r := mustRead(t, little.then(big).then(little).b)
	same(t, r.packets, []Packet{
		{Time: 5e9, Data: data, Length: 4, Link: 113},
		{Time: 6e9, Data: data, Length: 4, Link: 101},
		{Time: 5e9, Data: data, Length: 4, Link: 113},
	})
	if r.err != nil {
		t.Fatal(r.err)
	}
}

func TestPcapngSaysMore(t *testing.T) {
	count := func(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
	s := newSection(binary.BigEndian).iface(1, 0, option{2, []byte("eth0")}).
		secrets(SecretsTLSKeyLog, "CLIENT_RANDOM 00 11\n").
		enhanced(0, 1, nil, 0).
		statistics(0, option{4, count(9)}, option{5, count(3)}, option{7, count(4)}).
		statistics(0, option{5, count(3)}, option{7, count(4)}). // the same said again
		statistics(0, option{5, count(13)})
	r := mustRead(t, s.b)
	if !slices.Equal(kinds(r.notes), []NoteKind{NoteSecrets, NoteDropped, NoteDropped}) {
		t.Fatalf("%+v", r.notes)
	}
	if n := r.notes[0]; string(n.Secrets) != "CLIENT_RANDOM 00 11\n" || n.N != SecretsTLSKeyLog || n.FilePacket != 0 || n.Text != "" {
		t.Fatalf("%+v", n)
	}
	if a, b := r.notes[1], r.notes[2]; a.N != 7 || b.N != 6 || !strings.Contains(a.Text, "lost 7 packets on interface 0 eth0") {
		t.Fatalf("%+v", r.notes)
	}
}

// TestSecretsAreOwned reads packets behind the secrets that overwrite the buffer.
func TestSecretsAreOwned(t *testing.T) {
	s := newSection(binary.LittleEndian).iface(1, 0).secrets(1, strings.Repeat("key", 1000))
	for range 40 {
		s.enhanced(0, 1, make([]byte, 60000), 60000)
	}
	r, err := read(t, s.b, false)
	if err != nil || r.err != nil || len(r.packets) != 40 || string(r.notes[0].Secrets) != strings.Repeat("key", 1000) {
		t.Fatal(err, r.err, len(r.packets))
	}
}

// TestTimeIsExact compares all resolutions with numbers without a limit.
func TestTimeIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		i := iface{resolution: rapid.Uint8().Draw(t, "resolution"), offset: rapid.Int64().Draw(t, "offset")}
		if rapid.Bool().Draw(t, "plain") {
			i.offset = 0
		}
		units := rapid.Uint64().Draw(t, "units")

		per := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(i.resolution)), nil)
		if i.resolution&0x80 != 0 {
			per.Lsh(big.NewInt(1), uint(i.resolution&0x7f))
		}
		want := new(big.Int).SetUint64(units)
		want.Mul(want, big.NewInt(1_000_000_000)).Div(want, per)
		if most := big.NewInt(latest); want.Cmp(most) > 0 {
			want = most
		}
		const seconds = latest / 1_000_000_000
		offset := new(big.Int).Mul(big.NewInt(max(min(i.offset, seconds), -seconds)), big.NewInt(1_000_000_000))
		want.Add(want, offset)
		if most := big.NewInt(latest); want.Cmp(most) > 0 {
			want = most
		}
		if got := i.time(units); got != want.Int64() {
			t.Fatalf("%d units of %#x: %d, want %d", units, i.resolution, got, want)
		}
	})
}

func TestTimeExamples(t *testing.T) {
	for _, test := range []struct {
		resolution uint8
		units      uint64
		want       int64
	}{
		{6, 1_700_000_000_999_999, 1_700_000_000_999_999_000},
		{9, 1_700_000_000_999_999_999, 1_700_000_000_999_999_999},
		{0, 1_700_000_000, 1_700_000_000_000_000_000},
		{0x80 | 20, 1<<20 - 1, 999_999_046},
		{0x80 | 32, 1 << 31, 500_000_000},
		{12, 1_234_567_890_123, 1_234_567_890},
		{0x80 | 64, math.MaxUint64, 999_999_999},
		{0x80, 5, 5_000_000_000},
		{64, math.MaxUint64, 0},
		{0xff, math.MaxUint64, 0},
		{0, math.MaxUint64, latest},
	} {
		i := iface{resolution: test.resolution}
		if got := i.time(test.units); got != test.want {
			t.Errorf("resolution %#x, %d units: %d, want %d", test.resolution, test.units, got, test.want)
		}
	}
}

// enhancedFile returns a file of samples, the byte behind each packet and
// behind every block.
func enhancedFile(order binary.AppendByteOrder, packets []Packet) (file []byte, ends, boundaries []int) {
	s := newSection(order)
	boundaries = append(boundaries, len(s.b))
	s.iface(1, 0, option{9, []byte{9}})
	boundaries = append(boundaries, len(s.b))
	for _, p := range packets {
		s.enhanced(0, uint64(p.Time), p.Data, p.Length)
		ends = append(ends, len(s.b))
		s.block(blockNames, make([]byte, 8))
		boundaries = append(boundaries, ends[len(ends)-1], len(s.b))
	}
	return s.b, ends, boundaries
}

func TestPcapngCutAnywhere(t *testing.T) {
	packets := samples(6)
	for _, order := range orders {
		file, ends, boundaries := enhancedFile(order, packets)
		cutEverywhere(t, file, packets, ends, boundaries)
	}
}

func TestPcapngBitFlips(t *testing.T) {
	packets := samples(5)
	file, ends, boundaries := enhancedFile(binary.BigEndian, packets)
	bitFlips(t, file, packets, func(n int) (intact int) {
		for intact < len(ends) && ends[intact] <= n {
			intact++
		}
		return intact
	}, boundaries[1])
}

func TestPcapngDamage(t *testing.T) {
	packets := samples(10)
	file, ends, _ := enhancedFile(binary.LittleEndian, packets)
	broken := ends[2] + 20 // where the 4th packet's block begins, behind a block of names
	next := ends[3]
	others := slices.Concat(packets[:3], packets[4:])
	for _, test := range []struct {
		name  string
		patch func(b []byte) []byte
		want  []Packet
	}{
		{"block length 0", func(b []byte) []byte { copy(b[broken+4:], "\x00\x00\x00\x00"); return b }, others},
		{"block length odd", func(b []byte) []byte { b[broken+4]++; return b }, others},
		{"block length 4 GiB", func(b []byte) []byte { copy(b[broken+4:], "\xfc\xff\xff\xff"); return b }, others},
		{"block length beyond the end of the file", func(b []byte) []byte { b[broken+6] = 1; return b }, others},
		{"trailing length wrong", func(b []byte) []byte { b[next-4] ^= 4; return b }, others},
		{"captured length wrong", func(b []byte) []byte { b[broken+22] = 1; return b }, others},
		{"interface wrong", func(b []byte) []byte { b[broken+8] = 1; return b }, others},
		{"block of text", func(b []byte) []byte { copy(b[broken:], "damage is a text"); return b }, others},
		{"bytes lost", func(b []byte) []byte { return slices.Delete(b, broken, broken+9) }, others},
		{"bytes added", func(b []byte) []byte { return slices.Insert(b, broken, []byte("???")...) }, packets},
		{"a sector of zeros added", func(b []byte) []byte { return slices.Insert(b, broken, make([]byte, 4096)...) }, packets},
		{"zeros to the end", func(b []byte) []byte { clear(b[broken:]); return b }, packets[:3]},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := mustRead(t, test.patch(bytes.Clone(file)))
			same(t, r.packets, test.want)
			damage := (*DamagedError)(nil)
			if !errors.As(r.err, &damage) || !Incomplete(r.err) {
				t.Fatal(r.err)
			}
			if damage.Offset != int64(broken) || damage.Packet != 3 || damage.Places != 1 {
				t.Fatalf("%+v, broken at %d", damage, broken)
			}
			if !slices.Equal(kinds(r.notes), []NoteKind{NoteDamaged}) {
				t.Fatalf("%+v", r.notes)
			}
		})
	}
}

// TestPcapngManyDamages holds that the error counts all and the notes end.
func TestPcapngManyDamages(t *testing.T) {
	s := newSection(binary.LittleEndian).iface(1, 0)
	for range 1000 {
		s.enhanced(7, 0, nil, 0)
	}
	r := mustRead(t, s.b)
	damage := (*DamagedError)(nil)
	if !errors.As(r.err, &damage) || damage.Places != 1000 || damage.Skipped != 32000 || len(r.notes) != maxNotes {
		t.Fatalf("%v, %d notes", r.err, len(r.notes))
	}
}

func TestPcapngRefused(t *testing.T) {
	version2 := newSection(binary.LittleEndian).b
	version2[12] = 2
	noOrder := newSection(binary.LittleEndian).b
	noOrder[8] = 0
	for text, file := range map[string][]byte{
		"version 2.2":         version2,
		"names no byte order": noOrder,
	} {
		_, err := read(t, file, false)
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), text) {
			t.Errorf("%v, want %q", err, text)
		}
	}
}

// TestNoAllocationFromLengths reads small files whose lengths lie.
func TestNoAllocationFromLengths(t *testing.T) {
	lie := classic(binary.LittleEndian, magicMicro, 4, 0xffffffff, 1, samples(1))
	copy(lie[24+8:], "\x00\x00\xff\x01\x00\x00\xff\x01") // 32 MiB, as the snapshot length allows
	block := newSection(binary.LittleEndian).iface(1, 0).enhanced(0, 0, make([]byte, 100), 100).b
	copy(block[len(block)-132+4:], "\x00\x00\xff\x01")
	for _, file := range [][]byte{lie, block} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		src, err := Open([]string{Stdin}, Options{Stdin: bytes.NewReader(file)})
		if err != nil {
			t.Fatal(err)
		}
		drain(t, src, nil)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
			t.Errorf("%d bytes allocated for a file of %d", n, len(file))
		}
	}
}
