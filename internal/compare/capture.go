package main

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/net/http2/hpack"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/internal/scenario"
)

// pcaps is where the captures of real programs are, from the root of the
// repository.
const pcaps = "testdata/pcaps/"

// build writes the capture of a case, and returns its path: one of dir, or the
// fixture itself.
func (c *trial) build(root, dir string) (string, error) {
	if c.fixture != "" {
		return filepath.Join(root, pcaps, c.fixture), nil
	}
	var packets []capture.Packet
	for i, script := range c.scripts {
		s, err := scenario.Parse(c.title, script)
		if err != nil {
			return "", err
		}
		d := c.disguise
		d.Wrap = d.Wrap || i > 0 // other sequence numbers on the same ports
		more := s.Packets(d)
		for j := range more {
			more[j].Time += int64(i) * int64(time.Minute)
		}
		packets = append(packets, more...)
	}
	if c.swap > 0 {
		a, b := &packets[c.swap-1], &packets[c.swap]
		a.Data, a.Length, b.Data, b.Length = b.Data, b.Length, a.Data, a.Length
	}
	path := filepath.Join(dir, "case.pcapng")
	return path, writeCapture(path, packets)
}

func writeCapture(path string, packets []capture.Packet) error {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	w := capture.NewWriter(out)
	for i := range packets {
		if err := w.Write(&packets[i]); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return out.Close()
}

// withKeys writes a capture again, as pcapng with its TLS keys in it, where
// both programs find them.
func withKeys(from, to string, keys []byte) error {
	in, err := capture.Open([]string{from}, capture.Options{})
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	w := capture.NewWriter(out)
	if err := w.Secrets(capture.SecretsTLSKeyLog, keys); err != nil {
		return err
	}
	var p capture.Packet
	for err = in.Next(&p); err == nil; err = in.Next(&p) {
		if err := w.Write(&p); err != nil {
			return err
		}
	}
	if !errors.Is(err, io.EOF) {
		return err
	}
	return w.Flush()
}

// record is what the endpoints of a fixture wrote down; see the README there.
type record struct {
	Connections []struct{ Client, Server *struct{ Events []event } }
}

type event struct {
	Dir, Kind            string
	Length               int
	Text, Base64, SHA256 *string
	Code                 int
	Reason               string
}

// truth returns what a fixture holds, by the word of its endpoints.
func truth(root, fixture string) (lines []string, err error) {
	name := strings.TrimSuffix(fixture, filepath.Ext(fixture)) + ".record.json"
	text, err := os.ReadFile(filepath.Join(root, pcaps, name))
	if err != nil {
		return nil, err
	}
	var r record
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for _, c := range r.Connections {
		end := c.Server
		if end == nil {
			end = c.Client
		}
		for _, e := range end.Events {
			side := map[string]string{"send": "C ", "receive": "S "}[e.Dir]
			lines = append(lines, side+e.words())
		}
	}
	return lines, nil
}

func (e event) words() string {
	switch {
	case e.Kind == "close":
		return closing(uint16(e.Code), []byte(e.Reason))
	case e.SHA256 != nil:
		return isLong(e.Kind, e.Length, *e.SHA256)
	case e.Text != nil:
		return shown(e.Kind, []byte(*e.Text))
	}
	b, _ := base64.StdEncoding.DecodeString(*e.Base64)
	return shown(e.Kind, b)
}

// deflated compresses messages one after the other with one window of 32 KiB
// (RFC 7692 7.2.1) and returns each in hex.
func deflated(messages ...string) (out []any) {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression)
	for _, m := range messages {
		b.Reset()
		_, _ = w.Write([]byte(m)) // a Buffer does not fail
		_ = w.Flush()
		out = append(out, hex.EncodeToString(bytes.TrimSuffix(b.Bytes(), []byte{0, 0, 0xff, 0xff})))
	}
	return out
}

// words are so many different words that none of their text repeats nearby.
func words(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "%x ", uint32(i)*2654435761)
	}
	return b.String()[:n]
}

// h2 is a scenario of WebSockets over HTTP/2 (RFC 8441): on stream 1 one frame
// in two DATA frames; on streams 1 and 3 one message each.
func h2() string {
	frame := func(kind, flags byte, stream uint32, payload []byte) string {
		n := len(payload)
		return hex.EncodeToString(append([]byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags, 0, 0, 0, byte(stream)}, payload...))
	}
	const data, headers, settings, endHeaders = 0, 1, 4, 4
	var client, server bytes.Buffer
	request, response := hpack.NewEncoder(&client), hpack.NewEncoder(&server)
	open := func(stream uint32) string {
		client.Reset()
		server.Reset()
		for _, f := range [][2]string{{":method", "CONNECT"}, {":protocol", "websocket"}, {":scheme", "http"}, {":path", "/chat"}, {":authority", "server.example.com"}, {"sec-websocket-version", "13"}} {
			_ = request.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
		}
		_ = response.WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
		return "C> raw " + frame(headers, endHeaders, stream, client.Bytes()) + "\nS> raw " + frame(headers, endHeaders, stream, server.Bytes()) + "\n"
	}
	hello := []byte("\x81\x85\x01\x02\x03\x04" + "\x49\x67\x6f\x68\x6e") // "Hello" behind the mask 01020304
	return "C> raw " + hex.EncodeToString([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")) + "\n" +
		"C+ raw " + frame(settings, 0, 0, nil) + "\n" +
		"S> raw " + frame(settings, 0, 0, []byte{0, 8, 0, 0, 0, 1}) + "\n" +
		open(1) + open(3) +
		"C> raw " + frame(data, 0, 1, hello) + "\n" +
		"S> raw " + frame(data, 0, 1, []byte("\x81\x05whole")) + "\n" +
		"S> raw " + frame(data, 0, 3, []byte("\x81\x0bin t")) + "\n" +
		"S> raw " + frame(data, 0, 3, []byte("wo DATA")) + "\n"
}
