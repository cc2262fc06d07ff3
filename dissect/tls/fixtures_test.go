package tls

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"testing"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/reassembly"
	"github.com/wsdump/wsdump/timeline"
)

const pcaps = "../../testdata/pcaps/"

// noted hears a transport and notes the first that carries data.
type noted struct{ r *recording }

func (n noted) Data(dir timeline.Direction, _ timeline.Stamp, b []byte) {
	n.r.pieces = append(n.r.pieces, piece{dir, bytes.Clone(b)})
}
func (noted) Gap(timeline.Direction, timeline.Stamp, uint64)       {}
func (noted) Finding(*timeline.Finding)                            {}
func (noted) End(timeline.Direction, timeline.Stamp, timeline.End) {}

// connections reads the TCP connections of a capture.
func connections(t *testing.T, name string) (all []*recording) {
	t.Helper()
	in, err := capture.Open([]string{pcaps + name}, capture.Options{})
	if os.IsNotExist(err) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	tracker := reassembly.New(func(*timeline.Transport) timeline.Stream {
		r := new(recording)
		all = append(all, r)
		return noted{r}
	}, timeline.Limits{})
	for {
		var p capture.Packet
		if err := in.Next(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		tracker.Packet(&p)
	}
	tracker.Flush()
	return all
}

// payloads returns the payloads of the text and binary frames behind an HTTP
// head, unmasked.
func payloads(t *testing.T, b []byte) (out []string) {
	t.Helper()
	_, b, ok := bytes.Cut(b, []byte("\r\n\r\n"))
	if !ok {
		t.Fatal("no HTTP head")
	}
	for len(b) >= 2 {
		op, n, at := b[0]&15, int(b[1]&127), 2
		switch n {
		case 126:
			n, at = int(binary.BigEndian.Uint16(b[2:])), 4
		case 127:
			n, at = int(binary.BigEndian.Uint64(b[2:])), 10
		}
		var mask []byte
		if b[1]&128 != 0 {
			mask = b[at : at+4]
			at += 4
		}
		payload := bytes.Clone(b[at : at+n])
		for i := range payload {
			if mask != nil {
				payload[i] ^= mask[i%4]
			}
		}
		switch op {
		case 0:
			out[len(out)-1] += string(payload)
		case 1, 2:
			out = append(out, string(payload))
		}
		b = b[at+n:]
	}
	return out
}

// TestFixtures decrypts the committed captures and compares them with what
// their ends wrote down themselves.
func TestFixtures(t *testing.T) {
	for _, x := range []struct {
		name       string
		keys       string
		compressed bool
		version    uint16
	}{
		{"tls-go", ".keys", false, TLS13},
		{"tls-node", ".keys", false, TLS13},
		{"tls12-node", ".keys", false, TLS12},
		{"tls12-rsa", ".pem", false, TLS12},
		{"tls-chromium", ".keys", true, TLS13},
	} {
		t.Run(x.name, func(t *testing.T) {
			var record struct {
				Connections []struct {
					Path   string
					Client struct {
						Events []struct{ Dir, Kind, Text, Base64, SHA256 string }
					}
				}
			}
			text, err := os.ReadFile(pcaps + x.name + ".record.json")
			if err != nil {
				t.Skip(err)
			}
			if err := json.Unmarshal(text, &record); err != nil {
				t.Fatal(err)
			}
			secret, err := os.ReadFile(pcaps + x.name + x.keys)
			if err != nil {
				t.Fatal(err)
			}
			matched := false
			for _, r := range connections(t, x.name+".pcap") {
				k := new(Keys)
				if x.keys == ".pem" {
					if err := k.AddPEM(secret); err != nil {
						t.Fatal(err)
					}
				} else {
					k.AddLog(secret)
				}
				h := play(k, r.pieces)
				if h.reason != nil || len(h.findings) > 0 {
					t.Errorf("reason %v, findings %q %q", h.reason, h.findings, h.details)
				}
				if !bytes.Contains(h.b[0], []byte("Upgrade: websocket")) {
					continue
				}
				matched = true
				if h.info.Version != x.version || h.info.CipherName() == "" {
					t.Errorf("info %+v", *h.info)
				}
				if !bytes.HasPrefix(h.b[0], []byte("GET "+record.Connections[0].Path)) || !bytes.HasPrefix(h.b[1], []byte("HTTP/1.1 101 ")) {
					t.Errorf("handshake %.60q %.60q", h.b[0], h.b[1])
				}
				for dir, word := range []string{"send", "receive"} {
					var want []string
					for _, e := range record.Connections[0].Client.Events {
						if e.Dir != word || e.Kind != "text" && e.Kind != "binary" {
							continue
						}
						if e.Kind == "binary" {
							b, _ := base64.StdEncoding.DecodeString(e.Base64)
							e.Text = string(b)
						}
						if e.SHA256 != "" {
							e.Text = e.SHA256
						}
						want = append(want, e.Text)
					}
					got := payloads(t, h.b[dir])
					for i := range min(len(got), len(want)) {
						if sum := fmt.Sprintf("%x", sha256.Sum256([]byte(got[i]))); want[i] == sum {
							got[i] = sum
						}
					}
					if len(want) == 0 || len(got) != len(want) || !x.compressed && !slices.Equal(got, want) {
						t.Errorf("%s: %d messages, want %d", word, len(got), len(want))
					}
				}
			}
			if !matched {
				t.Error("no WebSocket in it")
			}
		})
	}
	for _, r := range connections(t, "tls-nokeys.pcap") {
		if h := play(nil, r.pieces); h.reason == nil || h.reason.Kind != NoKeys {
			t.Errorf("without keys: %v", h.reason)
		}
	}
}
