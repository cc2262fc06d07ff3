package scenario

import (
	"bytes"
	"compress/flate"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/wsdump/wsdump/timeline"
)

// options are the "name=value" and plain words behind a verb.
type options map[string]string

func parseOptions(words []string) (strs []string, opts options, err error) {
	opts = options{}
	for _, w := range words {
		if strings.HasPrefix(w, "\"") {
			s, err := strconv.Unquote(w)
			if err != nil {
				return nil, nil, err
			}
			strs = append(strs, s)
			continue
		}
		name, value, _ := strings.Cut(w, "=")
		if strings.HasPrefix(value, "\"") {
			if value, err = strconv.Unquote(value); err != nil {
				return nil, nil, err
			}
		}
		opts[name] = value
	}
	return strs, opts, nil
}

var opcodes = map[string]byte{"cont": 0, "text": 1, "binary": 2, "close": 8, "ping": 9, "pong": 10}

// frame encodes: VERB ["payload"|hex=..|fill=N] [fin=0] [rsv1] [masked|unmasked]
// [key=hex] [form=16|64] [length=N] [z|z=fresh] and for close a code. A verb
// "op5" is that opcode; z compresses the payload with the history of its
// direction, z=fresh with none (no context takeover).
func (p *parser) frame(dir timeline.Direction, verb string, words []string) ([]byte, error) {
	op, ok := opcodes[verb]
	if n, err := strconv.Atoi(strings.TrimPrefix(verb, "op")); !ok && err == nil {
		op, ok = byte(n), true
	}
	if !ok {
		return nil, fmt.Errorf("unknown verb %q", verb)
	}
	var payload []byte
	if op == 8 && len(words) > 0 {
		if code, err := strconv.ParseUint(words[0], 10, 16); err == nil {
			payload = binary.BigEndian.AppendUint16(nil, uint16(code))
			words = words[1:]
		}
	}
	strs, opts, err := parseOptions(words)
	if err != nil {
		return nil, err
	}
	for _, s := range strs {
		payload = append(payload, s...)
	}
	if h, ok := opts["hex"]; ok {
		b, err := hex.DecodeString(h)
		if err != nil {
			return nil, err
		}
		payload = append(payload, b...)
	}
	if n, err := strconv.Atoi(opts["fill"]); err == nil {
		payload = append(payload, bytes.Repeat([]byte("wsdump! "), n/8+1)[:n]...)
	}
	b0 := op
	if opts["fin"] != "0" {
		b0 |= 0x80
	}
	if z, ok := opts["z"]; ok {
		if z == "fresh" {
			p.deflate[dir] = deflate{}
		}
		payload = p.compress(dir, payload)
		b0 |= 0x40
	}
	for i, bit := range []string{"rsv1", "rsv2", "rsv3"} {
		if _, ok := opts[bit]; ok {
			b0 |= 0x40 >> i
		}
	}
	masked := dir == timeline.ClientToServer
	if _, ok := opts["masked"]; ok {
		masked = true
	}
	if _, ok := opts["unmasked"]; ok {
		masked = false
	}
	length := uint64(len(payload))
	if s, ok := opts["length"]; ok {
		if length, err = strconv.ParseUint(s, 0, 64); err != nil {
			return nil, err
		}
	}
	out := appendLength([]byte{b0}, length, opts["form"], masked)
	if !masked {
		return append(out, payload...), nil
	}
	key := p.nextKey()
	if k, ok := opts["key"]; ok {
		b, err := hex.DecodeString(k)
		if err != nil || len(b) != 4 {
			return nil, fmt.Errorf("key=%s is not 4 bytes in hex", k)
		}
		key = [4]byte(b)
	}
	out = append(out, key[:]...)
	for i, c := range payload {
		out = append(out, c^key[i%4])
	}
	return out, nil
}

// compress is permessage-deflate with context takeover (RFC 7692 7.2.1), by the
// standard library.
func (p *parser) compress(dir timeline.Direction, payload []byte) []byte {
	d := &p.deflate[dir]
	if d.w == nil {
		d.w, _ = flate.NewWriter(&d.out, flate.BestCompression)
	}
	d.out.Reset()
	_, _ = d.w.Write(payload)
	_ = d.w.Flush()
	return bytes.TrimSuffix(bytes.Clone(d.out.Bytes()), []byte{0, 0, 0xff, 0xff})
}

type deflate struct {
	w   *flate.Writer
	out bytes.Buffer
}

func (p *parser) nextKey() (key [4]byte) {
	p.seed = p.seed*1664525 + 1013904223
	binary.BigEndian.PutUint32(key[:], p.seed|1)
	return key
}

func appendLength(b []byte, n uint64, form string, masked bool) []byte {
	var bit byte
	if masked {
		bit = 0x80
	}
	switch {
	case form == "64" || n > 0xffff:
		return binary.BigEndian.AppendUint64(append(b, bit|127), n)
	case form == "16" || n > 125:
		return binary.BigEndian.AppendUint16(append(b, bit|126), uint16(n))
	}
	return append(b, bit|byte(n))
}

// upgrade encodes a request: PATH ["Name: value" ...] [without=Name,...]
// [method=POST] [version=1.0] [key=...].
func (p *parser) upgrade(words []string) ([]byte, error) {
	if len(words) == 0 {
		return nil, fmt.Errorf("upgrade takes a path")
	}
	path := words[0]
	extra, opts, err := parseOptions(words[1:])
	if err != nil {
		return nil, err
	}
	p.key = "dGhlIHNhbXBsZSBub25jZQ=="
	if k, ok := opts["key"]; ok {
		p.key = k
	}
	fields := []string{"Host: server.example.com", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: " + p.key, "Sec-WebSocket-Version: 13"}
	return head(first(opts["method"], "GET")+" "+path+" HTTP/"+first(opts["version"], "1.1"), fields, extra, opts["without"]), nil
}

// response encodes: STATUS ["Name: value" ...] [without=Name,...] [accept=...]
// [body="..."].
func (p *parser) response(status int, words []string) ([]byte, error) {
	extra, opts, err := parseOptions(words)
	if err != nil {
		return nil, err
	}
	start := fmt.Sprintf("HTTP/1.1 %d %s", status, http.StatusText(status))
	var fields []string
	if status == 101 {
		sum := sha1.Sum([]byte(p.key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		accept := first(opts["accept"], base64.StdEncoding.EncodeToString(sum[:]))
		fields = []string{"Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: " + accept}
	} else if status >= 200 {
		fields = []string{"Content-Length: " + strconv.Itoa(len(opts["body"]))}
	}
	return append(head(start, fields, extra, opts["without"]), opts["body"]...), nil
}

func head(start string, fields, extra []string, without string) []byte {
	var b bytes.Buffer
	b.WriteString(start + "\r\n")
	drop := strings.Split(strings.ToLower(without), ",")
	for _, f := range append(fields, extra...) {
		name, _, _ := strings.Cut(f, ":")
		if !slices.Contains(drop, strings.ToLower(name)) || slices.Contains(extra, f) {
			b.WriteString(f + "\r\n")
		}
	}
	b.WriteString("\r\n")
	return b.Bytes()
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
