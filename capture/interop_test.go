package capture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tool skips the test when a program is not installed.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip(name, "is not installed")
	}
	return path
}

// TestEditcapVariants lets editcap write every format that we read.
func TestEditcapVariants(t *testing.T) {
	editcap := tool(t, "editcap")
	packets := samples(40)
	for i := range packets {
		packets[i].Time += int64(i) * 1000
		packets[i].Length = uint32(len(packets[i].Data)) // editcap loses a longer one in formats without room
	}
	dir := write(t, map[string][]byte{"in.pcap": pcapOf(packets)})
	for _, format := range []string{"pcap", "nsecpcap", "modpcap", "pcapng"} {
		t.Run(format, func(t *testing.T) {
			out := filepath.Join(dir, format)
			if b, err := exec.Command(editcap, "-F", format, filepath.Join(dir, "in.pcap"), out).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, b)
			}
			r, _, err := readPaths(t, out)
			if err != nil || r.err != nil {
				t.Fatal(err, r.err)
			}
			same(t, r.packets, packets)
		})
	}
	t.Run("secrets", func(t *testing.T) {
		keys := filepath.Join(dir, "keys")
		if err := os.WriteFile(keys, []byte("CLIENT_RANDOM 00 11\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(dir, "secrets.pcapng")
		if b, err := exec.Command(editcap, "--inject-secrets", "tls,"+keys, filepath.Join(dir, "in.pcap"), out).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, b)
		}
		r, _, err := readPaths(t, out)
		if err != nil || r.err != nil || len(r.notes) != 1 || r.notes[0].N != SecretsTLSKeyLog || string(r.notes[0].Secrets) != "CLIENT_RANDOM 00 11\n" {
			t.Fatal(err, r.err, r.notes)
		}
		same(t, r.packets, packets)
	})
}

// TestTsharkAgrees compares times, lengths and bytes with what tshark reads.
func TestTsharkAgrees(t *testing.T) {
	tshark := tool(t, "tshark")
	packets := samples(10)
	var ours bytes.Buffer
	w := NewWriter(&ours)
	for i := range packets {
		w.Write(&packets[i])
	}
	w.Flush()
	mixed := newSection(binary.BigEndian).
		iface(1, 0, option{9, []byte{9}}, option{14, binary.BigEndian.AppendUint64(nil, 3600)}).
		iface(1, 0, option{9, []byte{0x80 | 20}}).
		iface(1, 0, option{9, []byte{0x80 | 32}}).
		iface(1, 0, option{9, []byte{0}}).
		iface(1, 0, option{9, []byte{7}}).
		enhanced(0, 1_700_000_000_123_456_789, packets[0].Data, 500).
		enhanced(1, 1_700_000_000<<20|12345, packets[1].Data, 500).
		enhanced(2, 1_700_000_000<<32|1<<30, packets[2].Data, 500).
		enhanced(3, 1_700_000_000, packets[3].Data, 500).
		enhanced(4, 17_000_000_001_234_567, packets[4].Data, 500).
		then(newSection(binary.LittleEndian).iface(1, 0).enhanced(0, 1_700_000_000_000_001, packets[5].Data, 500))
	dir := write(t, map[string][]byte{
		"micro":    classic(binary.BigEndian, magicMicro, 4, 65535, 1, packets),
		"nano":     classic(binary.BigEndian, magicNano, 4, 65535, 1, packets),
		"old":      classic(binary.LittleEndian, magicMicro, 3, 65535, 1, packets),
		"enhanced": ours.Bytes(),
		"mixed":    mixed.b,
	})
	for _, name := range []string{"micro", "nano", "old", "enhanced", "mixed"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, name)
			out, err := exec.Command(tshark, "-r", path, "-T", "fields", "-e", "frame.time_epoch", "-e", "frame.cap_len", "-e", "frame.len").Output()
			if err != nil {
				t.Fatal(err)
			}
			r, _, err := readPaths(t, path)
			if err != nil || r.err != nil {
				t.Fatal(err, r.err)
			}
			var got strings.Builder
			for _, p := range r.packets {
				fmt.Fprintf(&got, "%d.%09d\t%d\t%d\n", p.Time/1e9, p.Time%1e9, len(p.Data), p.Length)
			}
			if got.String() != string(out) {
				t.Fatalf("got\n%stshark has\n%s", got.String(), out)
			}
		})
	}
}

// TestFixtures reads the captures of the repository and compares the number of
// packets and the first and last time with what capinfos says.
func TestFixtures(t *testing.T) {
	paths, err := filepath.Glob("../testdata/pcaps/*.pcap*")
	if err != nil || len(paths) == 0 {
		t.Skip("no fixtures")
	}
	capinfos := tool(t, "capinfos")
	out, _ := exec.Command(capinfos, append([]string{"-TrcaeS"}, paths...)...).Output() // fails for those that are cut on purpose
	compared := 0
	for line := range strings.Lines(string(out)) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if len(fields) != 4 {
			continue
		}
		r, _, err := readPaths(t, fields[0])
		if err != nil {
			t.Errorf("%s: %v", fields[0], err)
			continue
		}
		first, last := int64(math.MaxInt64), int64(0)
		for _, p := range r.packets {
			first, last = min(first, p.Time), max(last, p.Time)
		}
		places := len(fields[2]) - strings.Index(fields[2], ".") - 1 // capinfos prints what the format has
		text := func(t int64) string { return fmt.Sprintf("%d.%09d", t/1e9, t%1e9)[:11+places] }
		if got := []string{fields[0], fmt.Sprint(len(r.packets)), text(first), text(last)}; !slices.Equal(got, fields) {
			t.Errorf("%v, capinfos has %v", got, fields)
		}
		compared++
	}
	if compared < len(paths)/2 {
		t.Errorf("%d of %d fixtures compared", compared, len(paths))
	}
}
