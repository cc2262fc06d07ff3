package trafficgen

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/internal/long"
	"github.com/wsdump/wsdump/pipeline"
	"github.com/wsdump/wsdump/timeline"
)

// counter is a sink that counts.
type counter struct {
	timeline.Nop
	needs    timeline.Needs
	totals   timeline.Totals
	both     [2]Count
	findings int
	texts    map[string]int // whole ones
	invented int
}

func (c *counter) Needs(*timeline.Conn) timeline.Needs { return c.needs }

func (c *counter) Message(m *timeline.Message) {
	if m.Incomplete || !m.HasPayload || c.texts == nil {
		return
	}
	text := string(m.Payload)
	if !strings.HasPrefix(text, `{"id":`) || !strings.HasSuffix(text, `"}`) || len(text) < 60 || len(text) > 200 {
		c.invented++
	}
	c.texts[text]++
}

func (c *counter) Finding(f *timeline.Finding) {
	if f.Severity != timeline.Note {
		c.findings++
	}
}

func (c *counter) Close(conn *timeline.Conn, _ timeline.Stamp) {
	for dir, n := range conn.Counters {
		one := &c.both[dir]
		one.Frames += n.Frames
		one.Messages += n.Messages
		one.Bytes += n.Bytes
		one.WireBytes += n.WireBytes
	}
}

func (c *counter) Done(t *timeline.Totals) { c.totals = *t }

// read runs the program's own pipeline over a capture.
func read(t *testing.T, b []byte, c *counter) {
	t.Helper()
	in, err := capture.Open([]string{"-"}, capture.Options{Stdin: bytes.NewReader(b)})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := pipeline.Run(t.Context(), in, c, pipeline.Options{}); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, spec Spec) ([]byte, *Manifest) {
	t.Helper()
	var b bytes.Buffer
	m, err := Write(&b, spec)
	if err != nil {
		t.Fatal(err)
	}
	if int64(b.Len()) != m.FileBytes {
		t.Errorf("%s: %d bytes, and the manifest says %d", spec.Kind, b.Len(), m.FileBytes)
	}
	return b.Bytes(), m
}

// TestCounts: what wsdump counts is what the manifest says, with payload and
// without.
func TestCounts(t *testing.T) {
	for _, kind := range Kinds() {
		b, m := write(t, Spec{Kind: kind, Seed: 7, Bytes: 1_500_000})
		if m.FileBytes < 1_000_000 || m.FileBytes > 1_600_000 {
			t.Errorf("%s: %d bytes in place of 1.5 MB", kind, m.FileBytes)
		}
		for _, payload := range []bool{true, false} {
			c := &counter{needs: timeline.Needs{Payload: payload}}
			if kind == "disorder" {
				c.texts = map[string]int{}
			}
			read(t, b, c)
			got := Manifest{
				Kind: kind, Seed: 7, FileBytes: m.FileBytes, Packets: c.totals.Packets, Bytes: c.totals.Bytes, TCPConnections: c.totals.Transports,
				Connections: c.totals.Conns, Sent: c.both[0], Received: c.both[1],
			}
			want := *m
			if !payload && kind == "deflate" { // what nobody inflated has no length
				for _, n := range []*Count{&got.Sent, &got.Received, &want.Sent, &want.Received} {
					n.Bytes = 0
				}
			}
			if kind == "disorder" {
				disordered(t, c, m)
				continue
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s, payload %v (- manifest, + wsdump): %s", kind, payload, d)
			}
			if c.findings != 0 || c.totals.Gaps != 0 {
				t.Errorf("%s: %d findings, %d gaps", kind, c.findings, c.totals.Gaps)
			}
		}
	}
}

// disordered: nearly all frames that no loss touched are found, and nothing that
// was not sent.
func disordered(t *testing.T, c *counter, m *Manifest) {
	t.Helper()
	found := c.both[0].Frames + c.both[1].Frames
	possible := m.Frames() - m.FramesTouched
	if found > m.Frames() || found*1000 < possible*999 {
		t.Errorf("disorder: %d frames found of %d, %d of them not touched by loss", found, m.Frames(), possible)
	}
	if c.totals.Packets != m.Packets || c.totals.Conns != m.Connections || m.Lost == 0 || c.totals.Gaps != m.Lost {
		t.Errorf("disorder: %d packets, %d connections, %d gaps; the manifest has %d, %d, %d", c.totals.Packets, c.totals.Conns, c.totals.Gaps, m.Packets, m.Connections, m.Lost)
	}
	if m.Overtaken == 0 || m.Doubled == 0 {
		t.Errorf("disorder without disorder: %+v", m)
	}
	for text, n := range c.texts {
		if n != 1 {
			t.Errorf("disorder: %q was found %d times", text, n)
		}
	}
	if c.invented > 0 {
		t.Errorf("disorder: %d messages that nobody sent", c.invented)
	}
}

// TestDeterministic: a seed says every byte, and the size is no matter of it.
func TestDeterministic(t *testing.T) {
	for _, kind := range Kinds() {
		a, _ := write(t, Spec{Kind: kind, Seed: 1, Bytes: 300_000})
		b, _ := write(t, Spec{Kind: kind, Seed: 1, Bytes: 300_000})
		c, _ := write(t, Spec{Kind: kind, Seed: 2, Bytes: 300_000})
		if sha256.Sum256(a) != sha256.Sum256(b) {
			t.Errorf("%s: two captures of one seed differ", kind)
		}
		if bytes.Equal(a, c) {
			t.Errorf("%s: two seeds make the same capture", kind)
		}
	}
}

// TestDeflated: the compressed messages that stand alone inflate to what the
// manifest says.
func TestDeflated(t *testing.T) {
	var alone bytes.Buffer
	_, m := write(t, Spec{Kind: "deflate", Seed: 1, Bytes: 1_000_000, Deflated: &alone})
	windows := map[uint32][]byte{}
	total, wire, messages := 0, 0, 0
	for alone.Len() > 0 {
		head := alone.Next(8)
		stream, b := binary.LittleEndian.Uint32(head), alone.Next(int(binary.LittleEndian.Uint32(head[4:])))
		z := flate.NewReaderDict(io.MultiReader(bytes.NewReader(b), strings.NewReader("\x00\x00\xff\xff\x01\x00\x00\xff\xff")), windows[stream])
		text, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		window := append(windows[stream], text...)
		windows[stream] = window[max(0, len(window)-32<<10):]
		total, wire, messages = total+len(text), wire+len(b), messages+1
	}
	const closes = 2 // bytes of a close frame
	if uint64(total) != m.Sent.Bytes+m.Received.Bytes-closes*2*m.Connections || uint64(messages) != m.Messages() {
		t.Errorf("%d messages of %d bytes; the manifest: %+v", messages, total, m)
	}
	if n := total / messages; n < 500 || n > 700 {
		t.Errorf("messages have %d bytes on average", n)
	}
	if n := wire / messages; n < 80 || n > 120 {
		t.Errorf("compressed messages have %d bytes on average", n)
	}
}

// TestValid: other tools find nothing wrong with the packets.
func TestValid(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("tshark is not installed")
	}
	for _, kind := range Kinds() {
		if !long.Wanted() && kind != "mixed" {
			continue
		}
		b, m := write(t, Spec{Kind: kind, Seed: 3, Bytes: 400_000})
		file := filepath.Join(t.TempDir(), kind+".pcap")
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("tshark", "-r", file, "-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE",
			"-T", "fields", "-e", "ip.checksum.status", "-e", "tcp.checksum.status", "-e", "udp.checksum.status").Output()
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(out, []byte("\n")); uint64(n) != m.Packets {
			t.Errorf("%s: tshark reads %d packets of %d", kind, n, m.Packets)
		}
		if bytes.Contains(out, []byte("0")) { // 0 is bad, 1 good
			t.Errorf("%s: there are bad checksums", kind)
		}
	}
}

// full is a disk without room.
type full struct{ n int }

func (f *full) Write(b []byte) (int, error) {
	if f.n += len(b); f.n > 2<<20 {
		return 0, errors.New("no space left")
	}
	return len(b), nil
}

// TestWriteError: a disk that is full ends the work.
func TestWriteError(t *testing.T) {
	for _, kind := range Kinds() {
		if !long.Wanted() && kind == "deflate" { // which compresses for a while before it writes
			continue
		}
		w := &full{}
		if _, err := Write(w, Spec{Kind: kind, Bytes: 1e12, Connections: 50}); err == nil || w.n > 8<<20 {
			t.Errorf("%s: %v after %d bytes", kind, err, w.n)
		}
	}
	if _, err := Write(io.Discard, Spec{Kind: "nosuch"}); err == nil {
		t.Error("a kind that is not there")
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{"7": 7, "1KB": 1000, "256MB": 256e6, "10GB": 10e9, "x": 0, "-1MB": 0, "": 0} {
		if got, err := ParseSize(text); got != want || (err != nil) != (want == 0) {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, kind := range Kinds() {
		b.Run(kind, func(b *testing.B) {
			for b.Loop() {
				m, err := Write(io.Discard, Spec{Kind: kind, Bytes: 20_000_000})
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(m.FileBytes)
			}
		})
	}
}
