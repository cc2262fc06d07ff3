package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wsdump/wsdump/dissect/tls"
	"github.com/wsdump/wsdump/internal/long"
)

// root of the repository.
const root = "../../"

const fixtures = root + pcaps

// series is the tshark that the table of differences was written for.
const series = "4.0"

// difference is where tshark is known to see something else than wsdump does.
// wsdump is held to what the endpoints wrote down by TestRecords in pipeline;
// so in each of these it is tshark that is wrong.
type difference struct {
	fixture string
	packet  uint64
	says    string // what tshark shows instead: the beginning; "" when it shows nothing
	reason  string
}

const (
	emptyLast   = "the last fragment is empty: tshark shows no message"
	cutMask     = "a masked payload above 256 KiB is cut"
	emptyText   = "an empty message is one byte on the wire when compressed: tshark shows that byte"
	notJoined   = "a compressed message in fragments is not inflated: the bytes on the wire are shown as text"
	lostContext = "behind a message that was not inflated, the context is wrong, and so the text, without a word"
	notInflated = "a message of 70,000 bytes that do not compress is shown as it is on the wire"
)

func known() []difference {
	const fragments = "text \"JTH\\xce\\xcf-(J-.NMQ"
	return []difference{
		{"fragments.pcap", 22, "", emptyLast},
		{"coder-client.pcap", 65, "", emptyLast},
		{"python.pcap", 70, "", emptyLast},
		{"python.pcap", 81, "", emptyLast},
		{"megabyte.pcap", 50, "text of 262144 bytes", cutMask},
		{"deflate-browser.pcap", 46, `text "\x00"`, emptyText},
		{"deflate-coder-no-takeover.pcap", 17, `text "\x00"`, emptyText},
		{"deflate-coder-no-takeover.pcap", 28, "", emptyLast},
		{"deflate-coder.pcap", 17, `text "\x00"`, emptyText},
		{"deflate-coder.pcap", 28, "", emptyLast},
		{"deflate-firefox.pcap", 38, `text "\x00"`, emptyText},
		{"deflate-firefox.pcap", 152, `binary of 700`, notInflated},
		{"deflate-gorilla.pcap", 16, `text "\x00"`, emptyText},
		{"deflate-gorilla.pcap", 17, `text "\x00"`, emptyText},
		{"deflate-node-no-takeover.pcap", 32, `text "\x00"`, emptyText},
		{"deflate-node-no-takeover.pcap", 33, `text "\x00"`, emptyText},
		{"deflate-node-no-takeover.pcap", 56, fragments, notJoined},
		{"deflate-node-threshold.pcap", 56, fragments, notJoined},
		{"deflate-node-windows.pcap", 32, `text "\x00"`, emptyText},
		{"deflate-node-windows.pcap", 33, `text "\x00"`, emptyText},
		{"deflate-node-windows.pcap", 60, fragments, notJoined},
		{"deflate-node.pcap", 32, `text "\x00"`, emptyText},
		{"deflate-node.pcap", 33, `text "\x00"`, emptyText},
		{"deflate-node.pcap", 52, fragments, notJoined},
		{"deflate-python.pcap", 18, `text "\x00"`, emptyText},
		{"deflate-python.pcap", 19, `text "\x00"`, emptyText},
		{"deflate-python.pcap", 32, `text "\xca\xcfKU\x00`, notJoined},
		{"deflate-python.pcap", 37, `text "!fragments four fiv!piix"`, lostContext},
		{"deflate-python.pcap", 42, `text "J\xcb/-\x02`, notJoined},
		{"tls-python.pcap", 25, `text "\x00"`, emptyText},
		{"tls-python.pcap", 26, `text "\x00"`, emptyText},
		{"tls-python.pcap", 39, `text "\xca\xcfKU\x00`, notJoined},
		{"tls-python.pcap", 44, `text "!fragments four fiv!piix"`, lostContext},
		{"tls-python.pcap", 49, `text "J\xcb/-\x02`, notJoined},
		{"tls-chromium.pcap", 32, `text "\x00"`, emptyText},
		{"nginx.pcapng", 50, `text "\x00"`, emptyText},
		{"nginx.pcapng", 51, `text "\x00"`, emptyText},
		{"nginx.pcapng", 70, fragments, notJoined},
		{"nginx.pcapng", 90, `text "\x00"`, emptyText},
		{"nginx.pcapng", 91, `text "\x00"`, emptyText},
		{"nginx.pcapng", 108, fragments, notJoined},
	}
}

// TestAgainstTshark holds every frame and message of every fixture to what
// tshark sees, but for the known differences; a known one that is gone fails
// as well.
func TestAgainstTshark(t *testing.T) {
	version := tsharkVersion()
	if version == "" {
		t.Skip("tshark is not installed: nothing to compare with")
	}
	long.Test(t)
	if !strings.HasPrefix(version, series+".") {
		t.Skipf("this is tshark %s; the known differences were written down for %s, nobody has looked at others", version, series)
	}
	files, err := filepath.Glob(fixtures + "*.pcap*")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d fixtures: %v", len(files), err)
	}
	for _, d := range known() {
		if !slices.Contains(files, fixtures+d.fixture) {
			t.Errorf("a difference is known in %s, which does not exist", d.fixture)
		}
	}
	var frames, messages atomic.Int64
	t.Cleanup(func() {
		t.Logf("tshark %s: %d frames and %d messages compared", version, frames.Load(), messages.Load())
		if !t.Failed() && frames.Load() < 900 {
			t.Errorf("only %d frames were compared", frames.Load())
		}
	})
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, m := against(t, name, file)
			frames.Add(f)
			messages.Add(m)
		})
	}
}

// against compares one fixture and returns how much was compared.
func against(t *testing.T, name, file string) (frames, messages int64) {
	keys, options := &tls.Keys{}, best()
	secrets := strings.TrimSuffix(file, ".pcap")
	if text, err := os.ReadFile(secrets + ".pem"); err == nil {
		if err := keys.AddPEM(text); err != nil {
			t.Fatal(err)
		}
		options = append(options, "-o", `uat:rsa_keys:"`+secrets+`.pem",""`)
	}
	if text, err := os.ReadFile(secrets + ".keys"); err == nil {
		path := filepath.Join(t.TempDir(), "keys.pcapng")
		if err := withKeys(file, path, text); err != nil {
			t.Fatal(err)
		}
		file = path
	}
	us, err := ourRows(file, keys)
	if err != nil {
		t.Fatal(err)
	}
	bomb := name == "deflate-bomb.pcap"
	if bomb {
		options = append(options, "-o", "websocket.decompress:FALSE") // 128 MiB as text in XML
	}
	theirs, err := tsharkRows(file, options...)
	if err != nil {
		t.Fatal(err)
	}
	// tshark 4.0 shows no WebSocket over HTTP/2, only the bytes of DATA;
	// testdata/peers/check-h2.js judges these.
	ours := slices.DeleteFunc(slices.Clone(us.rows), func(r row) bool { return slices.Contains(us.http2, r) })
	if len(us.http2) > 0 {
		t.Logf("%d rows over HTTP/2 left out: tshark shows none", len(us.http2))
	}
	if bomb {
		t.Log("frames only: tshark was told not to inflate")
		ours, theirs = without(ours, "message"), without(theirs, "message")
	}
	for i := range us.copies {
		theirs = once(t, &us.copies[i], ours, theirs)
	}
	compare(t, name, ours, theirs, bomb)
	for _, r := range ours {
		switch r.Kind {
		case "frame":
			frames++
		case "message":
			messages++
		}
	}
	return frames, messages
}

// once takes the rows of a copy out of what tshark says, which shows a connection
// on both sides of NAT twice; each of them must say what the shown one says.
func once(t *testing.T, v *view, ours, theirs []row) (rest []row) {
	t.Helper()
	var shown, hidden [2][]string
	for _, r := range ours {
		switch [2]netip.AddrPort{r.From, r.To} {
		case v.shown:
			shown[0] = append(shown[0], r.Kind+" "+r.Words)
		case [2]netip.AddrPort{v.shown[1], v.shown[0]}:
			shown[1] = append(shown[1], r.Kind+" "+r.Words)
		}
	}
	for _, r := range theirs {
		if dir, ok := v.hides(r); ok {
			hidden[dir] = append(hidden[dir], r.Kind+" "+r.Words)
		} else {
			rest = append(rest, r)
		}
	}
	if diff := cmp.Diff(hidden, shown); diff != "" || len(hidden[0]) == 0 {
		t.Errorf("the hidden copy says something else (-tshark +wsdump):\n%s", diff)
	}
	t.Logf("%d rows of a copy with other addresses, which tshark shows as a second connection", len(theirs)-len(rest))
	return rest
}

// compare fails for every difference that is not known and every known one
// that is not there.
func compare(t *testing.T, name string, ours, theirs []row, framesOnly bool) {
	missing, extra := only(ours, theirs), only(theirs, ours)
	if len(missing)+len(extra) == 0 {
		if !slices.Equal(theirs, ours) {
			t.Errorf("the same rows in another order (-tshark +wsdump):\n%s", cmp.Diff(theirs, ours, cmp.Comparer(func(a, b row) bool { return a == b })))
		}
	}
	for _, d := range known() {
		if d.fixture != name || framesOnly {
			continue
		}
		at := func(r row) bool { return r.Packet == d.packet && r.Kind == "message" }
		i := slices.IndexFunc(missing, at)
		j := slices.IndexFunc(extra, at)
		if i < 0 || (j >= 0) != (d.says != "") || j >= 0 && !strings.HasPrefix(extra[j].Words, d.says) {
			t.Errorf("packet %d: %s: this difference is gone, or another one; take it from the list", d.packet, d.reason)
			continue
		}
		missing = slices.Delete(missing, i, i+1)
		if j >= 0 {
			extra = slices.Delete(extra, j, j+1)
		}
	}
	if len(missing)+len(extra) > 0 {
		t.Errorf("unknown differences.\nwsdump alone says:\n%stshark alone says:\n%s", text(missing), text(extra))
	}
}

// TestRowsOfPDML reads what tshark writes where several frames share a packet.
func TestRowsOfPDML(t *testing.T) {
	const document = `<?xml version="1.0"?><pdml><packet>
<proto name="geninfo"><field name="num" pos="0" show="7" value="7"/></proto>
<proto name="ip"><field name="ip.src" show="10.0.0.1"/><field name="ip.dst" show="10.0.0.2"/></proto>
<proto name="tcp"><field name="tcp.srcport" show="5"/><field name="tcp.dstport" show="80"/></proto>
<proto name="websocket"><field name="websocket.fin" show="1"/><field name="websocket.rsv" show="0x04"/><field name="websocket.opcode" show="1"/>
<field name="websocket.payload_length" show="126"/><field name="websocket.payload_length_ext_16" show="200"/><field name="websocket.masking_key" show="01:02:03:04" value="01020304"/>
<field name="websocket.payload.text" show="a` + "\x01" + `b" value="610162"/></proto>
<proto name="websocket"><field name="websocket.fin" show="1"/><field name="websocket.rsv" show="0x00"/><field name="websocket.opcode" show="8"/><field name="websocket.payload_length" show="5"/>
<field name="websocket.payload.close.status_code" show="1000"/><field name="websocket.payload.close.reason" show="bye" value="627965"/></proto>
</packet></pdml>`
	rows, err := readPDML(strings.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	want := `	packet 7 10.0.0.1:5 > 10.0.0.2:80: frame text fin rsv 100 masked 01020304, 200 bytes
	packet 7 10.0.0.1:5 > 10.0.0.2:80: message text "a\x01b"
	packet 7 10.0.0.1:5 > 10.0.0.2:80: frame close fin, 5 bytes
	packet 7 10.0.0.1:5 > 10.0.0.2:80: control close 1000 "bye"
`
	if diff := cmp.Diff(want, text(rows)); diff != "" {
		t.Error(diff)
	}
	if _, err := readPDML(strings.NewReader("<pdml><packet><proto")); err == nil {
		t.Error("a document that is cut is read as if it were whole")
	}
}
