package verdict

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wsdump/wsdump/diff"
	"github.com/wsdump/wsdump/internal/terminal"
	"github.com/wsdump/wsdump/timeline"
)

const evil = "\x1b[2J<script>evil\u202e\x9b\xff\n"

// say plays a conversation into a recording: lines begin with >, < (text), or
// with b for binary and p for a ping from the client.
func say(opt diff.Options, path string, code uint16, lines ...string) *diff.Recording {
	r := diff.NewRecording(opt)
	c := &timeline.Conn{ID: 1, Handshake: &timeline.Handshake{Scheme: "ws", Host: "a", Path: path, Status: 101}, Transport: &timeline.Transport{}}
	at := func(n int) timeline.Stamp { return timeline.Stamp{Packet: uint64(n), Time: 1e18 + int64(n)*1e6} }
	c.Opened = at(1)
	c.Handshake.Request, c.Handshake.Response = at(1), at(2)
	r.Open(c)
	for i, line := range lines {
		p, n := []byte(line[1:]), uint64(i+1)
		switch line[0] {
		case 'p':
			r.Frame(&timeline.Frame{Conn: c, N: n, Opcode: timeline.OpPing, First: at(i + 3), Last: at(i + 3), Payload: p, PayloadUTF8: true, Length: uint64(len(p))})
			continue
		}
		m := timeline.Message{Conn: c, N: n, First: at(i + 3), Last: at(i + 3), Kind: timeline.OpText, Payload: p, Text: true, HasLength: true, Length: uint64(len(p)), HasPayload: true}
		if line[0] == '<' {
			m.Dir = timeline.ServerToClient
		}
		if line[0] == 'b' {
			m.Kind, m.Text = timeline.OpBinary, false
		}
		r.Message(&m)
	}
	c.TCP, c.CloseCode, c.ClosedBy = timeline.TCPFIN, code, [2]bool{true, true}
	c.Transport.Gaps[0] = uint64(code % 2 * 7)
	r.Close(c, at(len(lines)+3))
	r.Done(&timeline.Totals{Conns: 1})
	return r
}

func TestDiff(t *testing.T) {
	opt := diff.Options{Context: 1, Text: 12}
	a := say(opt, "/x", 1000, ">one", "<two", ">three", "<four", ">five", "<six", ">seven", "<price is 8", "b\x00\x01\x02\x03", "plate", ">the same for long, 1", ">mid", ">end", ">moved", ">z1", ">z2")
	b := say(opt, "/x", 1001, ">one", "<two", "<four", ">five", "<six", "<six", ">seven", "<price is 9", "b\x00\x01\x02\x04", ">moved", ">the same for long, 2", ">mid", ">end", ">z1", ">z2", ">more", ">and more")
	var out strings.Builder
	if err := WriteDiff(&out, diff.Compare(a, b, opt), DiffOptions{Names: [2]string{"a.pcap", "b\x1b[2J.pcap"}}); err != nil {
		t.Fatal(err)
	}
	want := `--- a.pcap   1 connection, 15 messages
+++ b\u001b[2J.pcap   1 connection, 17 messages
# 2 rows lost, 2 added, 1 doubled, 1 reordered, 3 changed, 1 property of connections changed

# ws://a/x: connection 1 of A is 1 of B
`
	if got, _, _ := strings.Cut(out.String(), "# sent"); got != want {
		t.Errorf("-want +got:\n%s", cmp.Diff(want, got))
	}
	_, got, _ := strings.Cut(out.String(), "# B may lack")
	want = ` something: 7 bytes are missing from it
-! code 1000
+! code 1001
@@ -2,3 +2,2 @@
 < two
# lost: row 3 of A, packet 5 at 4.0 ms
-> three
 < four
@@ -6,11 +5,13 @@
 < six
# doubled: row 6 of B, packet 8 at 7.0 ms; once in A, twice in B
+< six
 > seven
# changed: row 8 of A, packet 10 at 9.0 ms; row 8 of B, packet 10 at 9.0 ms
-< price is 8
+< price is 9
# changed: row 9 of A, packet 11 at 10.0 ms; row 9 of B, packet 11 at 10.0 ms
->0x 00010203
+>0x 00010204
# lost: row 10 of A, packet 12 at 11.0 ms
-! > ping "late"
# reordered: row 14 of A, packet 16 at 15.0 ms; row 10 of B, packet 12 at 11.0 ms
+> moved
# changed: row 11 of A, packet 13 at 12.0 ms; row 11 of B, packet 13 at 12.0 ms; 20 B, then 20 B, not the same behind what is shown
->[truncated] the same for
+>[truncated] the same for
 > mid
 > end
# reordered: row 14 of A, packet 16 at 15.0 ms; row 10 of B, packet 12 at 11.0 ms
-> moved
 > z1
 > z2
# 2 added: rows 16 to 17 of B, packets 18 to 19
+> more
+> and more
`
	if got != want {
		t.Errorf("-want +got:\n%s", cmp.Diff(want, got))
	}
	out.Reset()
	if err := WriteDiff(&out, diff.Compare(a, a, opt), DiffOptions{}); err != nil || out.Len() > 0 {
		t.Errorf("what is the same prints %q, %v", out.String(), err)
	}
}

// TestDiffHostile: whatever the traffic holds, a terminal obeys none of it,
// and the JSON is valid.
func TestDiffHostile(t *testing.T) {
	opt := diff.Options{Context: 3}
	valid := strings.ToValidUTF8(evil, "")
	a, b := say(opt, "/"+evil, 1000, ">"+valid, ">"+evil, "b"+evil, "p"+evil, ">same"), say(opt, "/"+evil, 1000, "<"+evil, ">same", ">\xff"+evil)
	for _, color := range []bool{false, true} {
		var out bytes.Buffer
		r := diff.Compare(a, b, opt)
		shown := DiffOptions{Names: [2]string{evil, evil}, Files: [2][]string{{evil}, {evil}}, Damage: [2][]string{{evil}, nil}, Color: color}
		if err := WriteDiff(&out, r, shown); err != nil {
			t.Fatal(err)
		}
		plain := out.String()
		for _, own := range []string{terminal.ColorBold, terminal.ColorDim, terminal.ColorReset, colorGone, colorNew, colorHunk} {
			plain = strings.ReplaceAll(plain, own, "")
		}
		if strings.ContainsAny(plain, "\x1b\u202e\u009b") || strings.Contains(plain, "\x9b") || strings.Count(plain, "evil") < 4 {
			t.Errorf("%q", plain)
		}
		out.Reset()
		if err := WriteDiffJSON(&out, r, shown); err != nil {
			t.Fatal(err)
		}
		if !json.Valid(out.Bytes()) || strings.ContainsAny(out.String(), "\x1b\u202e\u009b") || bytes.Count(out.Bytes(), []byte("\n")) != 1 {
			t.Errorf("%q", out.String())
		}
	}
}

// TestDiffDelays: which way takes how long.
func TestDiffDelays(t *testing.T) {
	p := &diff.Pair{HasOffset: true, Nearer: timeline.PartyServer, Offset: -2_000_000_000, Delay: [2]diff.Delay{{N: 1, P50: 1e6, P95: 2e6, Max: 3e6}, {N: 1, P50: 4e6, P95: 5e6, Max: 6e6}}}
	want := []string{
		"sent: B to A takes 1.0 ms (median), 2.0 ms (95 %), 3.0 ms (most)",
		"received: A to B takes 4.0 ms (median), 5.0 ms (95 %), 6.0 ms (most)",
		"B's clock is taken to be 2.0 s behind A's",
	}
	if got := DelayLines(p); cmp.Diff(want, got) != "" {
		t.Error(cmp.Diff(want, got))
	}
	p.Nearer, p.HasOffset = timeline.PartyClient, false
	if got := DelayLines(p); got[0] != "sent: times differ by 1.0 ms (median), 2.0 ms (95 %), 3.0 ms (most) from the quickest" {
		t.Error(got)
	}
}
