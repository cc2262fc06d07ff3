package main

import (
	"bytes"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os/exec"
	"regexp"
	"strconv"
	"strings"

	"github.com/wsdump/wsdump/timeline"
)

// best are the options with which tshark does most for a capture of WebSocket:
// it passes over the file twice, and puts segments in order.
func best() []string {
	return []string{"-2", "-o", "tcp.reassemble_out_of_order:TRUE"}
}

// tshark runs tshark and returns its standard output.
func tshark(args ...string) ([]byte, error) {
	var stderr bytes.Buffer
	cmd := exec.Command("tshark", args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("tshark %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return out, nil
}

// tsharkVersion returns "4.0.17"; "" when tshark is not installed.
func tsharkVersion() string {
	out, err := tshark("--version")
	if err != nil {
		return ""
	}
	return string(regexp.MustCompile(`\d+\.\d+\.\d+`).Find(out))
}

// tsharkRows asks tshark what a capture holds. PDML is the output that keeps
// frames of one packet apart and gives payloads as bytes: fields joins them
// with commas, JSON shows text only, with its own escapes.
func tsharkRows(path string, options ...string) ([]row, error) {
	args := append([]string{"-r", path, "-Y", "websocket", "-T", "pdml"}, options...)
	out, err := tshark(args...)
	if err != nil {
		return nil, err
	}
	return readPDML(bytes.NewReader(out))
}

// readPDML reads the WebSocket frames of a PDML document.
func readPDML(in io.Reader) ([]row, error) {
	d := xml.NewDecoder(cleaner{in})
	d.Strict = false // an unknown entity is no reason to stop
	p := pdml{}
	for {
		token, err := d.Token()
		switch {
		case errors.Is(err, io.EOF):
			p.finish()
			return p.rows, p.err
		case err != nil:
			return nil, fmt.Errorf("tshark's PDML at byte %d: %w", d.InputOffset(), err)
		}
		element, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		attr := map[string]string{}
		for _, a := range element.Attr {
			attr[a.Name.Local] = a.Value
		}
		switch element.Name.Local {
		case "packet":
			p.finish()
			p = pdml{rows: p.rows, err: p.err}
		case "proto":
			if attr["name"] == "websocket" {
				p.finish()
				p.frame = &pdmlFrame{}
			}
		case "field":
			p.field(attr["name"], attr["show"], attr["value"])
		}
	}
}

// pdml is the packet that is being read.
type pdml struct {
	rows   []row
	err    error
	packet uint64
	ip     [2]netip.Addr // of the innermost IP header
	port   [2]uint16
	frame  *pdmlFrame // the latest WebSocket frame of the packet
}

// pdmlFrame is one frame as tshark dissected it.
type pdmlFrame struct {
	opcode timeline.Opcode
	fin    bool
	rsv    uint8
	key    []byte
	length uint64

	said   bool            // it shows a payload that is a whole message or a control frame's
	kind   timeline.Opcode // of the message
	body   []byte
	code   uint16
	reason []byte
}

func (p *pdml) field(name, show, value string) {
	number := func(bits int) uint64 {
		n, err := strconv.ParseUint(show, 0, bits)
		if err != nil && p.err == nil {
			p.err = fmt.Errorf("packet %d: %s is %q", p.packet, name, show)
		}
		return n
	}
	switch name {
	case "num":
		if p.packet == 0 {
			p.packet = number(64)
		}
	case "ip.src", "ipv6.src":
		p.ip[0], _ = netip.ParseAddr(show)
	case "ip.dst", "ipv6.dst":
		p.ip[1], _ = netip.ParseAddr(show)
	case "tcp.srcport":
		p.port[0] = uint16(number(16))
	case "tcp.dstport":
		p.port[1] = uint16(number(16))
	}
	f := p.frame
	if f == nil {
		return
	}
	bytes := func() []byte {
		b, err := hex.DecodeString(value)
		if err != nil && p.err == nil {
			p.err = fmt.Errorf("packet %d: %s is not in hex: %w", p.packet, name, err)
		}
		return b
	}
	say := func(kind timeline.Opcode) {
		if !f.said {
			f.said, f.kind, f.body = true, kind, bytes()
		}
	}
	switch name {
	case "websocket.fin":
		f.fin = show == "1" || show == "True"
	case "websocket.rsv":
		f.rsv = uint8(number(8))
	case "websocket.opcode":
		f.opcode = timeline.Opcode(number(8))
	case "websocket.payload_length", "websocket.payload_length_ext_16", "websocket.payload_length_ext_64":
		f.length = number(64) // the longest form comes last
	case "websocket.masking_key":
		f.key = bytes()
	case "websocket.payload.text":
		say(timeline.OpText)
	case "websocket.payload.ping", "websocket.payload.pong":
		say(f.opcode)
	case "websocket.payload.close.status_code":
		f.said, f.code = true, uint16(number(16))
	case "websocket.payload.close.reason":
		f.reason = bytes()
	case "data.data":
		say(timeline.OpBinary)
	}
}

// finish adds the rows of the latest frame.
func (p *pdml) finish() {
	f := p.frame
	p.frame = nil
	if f == nil {
		return
	}
	add := func(kind, words string) {
		p.rows = append(p.rows, row{Packet: p.packet, From: netip.AddrPortFrom(p.ip[0], p.port[0]), To: netip.AddrPortFrom(p.ip[1], p.port[1]), Kind: kind, Words: words})
	}
	add("frame", header(f.opcode, f.fin, f.rsv, f.key, f.length))
	// An empty payload has no field: nothing is what there is to show.
	empty := f.length == 0 && f.opcode != timeline.OpContinuation
	switch {
	case !f.said && !empty:
	case f.opcode == timeline.OpClose:
		add("control", closing(f.code, f.reason))
	case f.opcode.Control():
		add("control", shown(f.opcode.String(), f.body))
	case f.said:
		add("message", shown(f.kind.String(), f.body))
	case f.fin:
		add("message", shown(f.opcode.String(), nil))
	}
}

// cleaner replaces what XML 1.0 does not allow and tshark writes nevertheless:
// control characters in texts. Their bytes are in the value attribute in hex.
type cleaner struct{ in io.Reader }

func (c cleaner) Read(b []byte) (int, error) {
	n, err := c.in.Read(b)
	for i, ch := range b[:n] {
		if ch < ' ' && ch != '\n' && ch != '\r' && ch != '\t' || ch >= 0x7f {
			b[i] = '?'
		}
	}
	return n, err
}
